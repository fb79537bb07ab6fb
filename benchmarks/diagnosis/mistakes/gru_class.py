"""The mistakes planted in programs/gru_class.py."""

from benchmarks.diagnosis.mistake import CHANGED, planter
from oracle.kinds import (
    ACCUMULATION,
    BIAS_SUM,
    BRANCH,
    CARRY,
    DERIVATIVE,
    FACTOR,
    INJECTION,
    LAYOUT,
    OPERAND,
    OUTPUT_DELTA,
    SIGN,
    STATE,
    TIME_INDEX,
    TRANSPOSED,
    UPDATE,
)

plant = planter("gru_class")

MISTAKES = (
    plant(
        "recurrent matrices of the gates transposed",
        TRANSPOSED,
        (
            "grad_gh @ self.weight_hh",
            "sum(g @ w.T for g, w in zip(np.split(grad_gh, 3, axis=1), np.split(self.weight_hh, 3)))",
        ),
    ),
    plant(
        "recurrent matrix reshaped",
        LAYOUT,
        ("grad_gh @ self.weight_hh", "grad_gh @ self.weight_hh.T.reshape(self.weight_hh.shape)"),
        or_kinds=(TRANSPOSED,),
    ),
    plant("candidate's derivative left out", DERIVATIVE, ("grad_h * (1 - z) * (1 - n * n)", "grad_h * (1 - z)")),
    plant(
        "candidate's derivative at what the product gave",
        DERIVATIVE,
        ("(1 - n * n)", "(1 - hn * hn)"),
        or_kinds=(OPERAND,),
    ),
    plant("candidate differentiated as a sigmoid", DERIVATIVE, ("(1 - z) * (1 - n * n)", "(1 - z) * n * (1 - n)")),
    plant("update gate's derivative half", DERIVATIVE, ("(h_prev - n) * z * (1 - z)", "(h_prev - n) * (1 - z)")),
    plant("reset gate's derivative left out", DERIVATIVE, ("grad_n * hn * r * (1 - r)", "grad_n * hn")),
    plant("sigmoid of the gate again", DERIVATIVE, ("hn * r * (1 - r)", "hn * sigmoid(r) * (1 - sigmoid(r))")),
    plant(
        "first input at every step",
        TIME_INDEX,
        ("self.x[:, t]\n            self.grad_weight_hh", "self.x[:, 0]\n            self.grad_weight_hh"),
    ),
    plant("the state of the step before", TIME_INDEX, ("grad_gh.T @ h_prev", "grad_gh.T @ self.cache[t - 1][0]")),
    plant(
        "the state after the step",
        TIME_INDEX,
        ("grad_gh.T @ h_prev", "grad_gh.T @ (n + z * (h_prev - n))"),
        or_kinds=(OPERAND,),
    ),
    plant("caches read from the front", TIME_INDEX, ("= self.cache[t]", "= self.cache[-t - 1]"), or_kinds=(STATE,)),
    plant(
        "carry set back",
        CARRY,
        ("grad_h = grad_h + grad_outputs[:, t]", "grad_h = grad_outputs[:, t]"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "carry without the update gate",
        CARRY,
        ("grad_h = grad_h * z + grad_gh", "grad_h = grad_h + grad_gh"),
        or_kinds=(OPERAND,),
    ),
    plant("carry adds up", CARRY, ("grad_h = grad_h * z + grad_gh", "grad_h = grad_h + grad_h * z + grad_gh")),
    plant(
        "loop runs forward",
        CARRY,
        ("reversed(range(steps))", "range(steps)"),
        lines=(CHANGED, "grad_h = grad_h + grad_outputs"),
    ),
    plant("z for 1 - z", OPERAND, ("grad_h * (1 - z) * (1 - n * n)", "grad_h * z * (1 - n * n)")),
    plant("1 - z for z", OPERAND, ("grad_h * z + grad_gh", "grad_h * (1 - z) + grad_gh"), or_kinds=(CARRY,)),
    plant("state for what the product gave", OPERAND, ("grad_r = grad_n * hn", "grad_r = grad_n * h_prev")),
    plant("candidate's delta without the reset gate", OPERAND, ("grad_hn = grad_n * r", "grad_hn = grad_n")),
    plant("update gate for reset gate", OPERAND, ("grad_hn = grad_n * r", "grad_hn = grad_n * z")),
    plant("input side's deltas in the recurrent weights", OPERAND, ("grad_gh.T @ h_prev", "grad_gi.T @ h_prev")),
    plant(
        "recurrent side's deltas in the input weights",
        OPERAND,
        ("grad_gi.T @ self.x[:, t]", "grad_gh.T @ self.x[:, t]"),
    ),
    plant(
        "recurrent bias copied from the other",
        OPERAND,
        ("grad_gh.sum(axis=0)", "grad_gi.sum(axis=0)"),
        or_kinds=(BIAS_SUM,),
    ),
    plant(
        "input side's deltas in the carry",
        OPERAND,
        ("grad_gh @ self.weight_hh", "grad_gi @ self.weight_hh"),
        or_kinds=(CARRY,),
    ),
    plant(
        "update gate without the candidate",
        BRANCH,
        ("grad_h * (h_prev - n) * z", "grad_h * h_prev * z"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "reset and update gate exchanged",
        LAYOUT,
        ("[grad_r, grad_z, grad_n]", "[grad_z, grad_r, grad_n]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "gates exchanged on the recurrent side",
        LAYOUT,
        ("[grad_r, grad_z, grad_hn]", "[grad_z, grad_r, grad_hn]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "states reshaped for transposed", LAYOUT, ("grad_gh.T @ h_prev", "grad_gh.reshape(grad_gh.T.shape) @ h_prev")
    ),
    plant("half the reset gate", FACTOR, ("grad_r = grad_n * hn", "grad_r = 0.5 * grad_n * hn")),
    plant("two missing", FACTOR, ("2 * (outputs - target) / outputs.size", "(outputs - target) / outputs.size")),
    plant(
        "mean over the batch only",
        FACTOR,
        ("2 * (outputs - target) / outputs.size", "2 * (outputs - target) / len(outputs)"),
    ),
    plant("recurrent weights overwritten", ACCUMULATION, ("self.grad_weight_hh += ", "self.grad_weight_hh = ")),
    plant("input bias overwritten", ACCUMULATION, ("self.grad_bias_ih += ", "self.grad_bias_ih = ")),
    plant("first step dropped", ACCUMULATION, ("reversed(range(steps))", "reversed(range(1, steps))")),
    plant(
        "recurrent bias never written",
        ACCUMULATION,
        ("            self.grad_bias_hh += grad_gh.sum(axis=0)\n", ""),
        lines=("self.grad_bias_hh = np.zeros_like", '"bias_hh": layer.grad_bias_hh'),
    ),
    plant("path past the gates lost", BRANCH, ("grad_h = grad_h * z + grad_gh", "grad_h = grad_gh"), or_kinds=(CARRY,)),
    plant(
        "path through the gates lost",
        BRANCH,
        ("grad_h = grad_h * z + grad_gh @ self.weight_hh", "grad_h = grad_h * z"),
        or_kinds=(CARRY,),
    ),
    plant(
        "path through the candidate lost",
        BRANCH,
        ("grad_gh @ self.weight_hh", "grad_gh[:, : 2 * self.hidden_size] @ self.weight_hh[: 2 * self.hidden_size]"),
        or_kinds=(CARRY,),
    ),
    plant("bias averaged", BIAS_SUM, ("grad_gi.sum(axis=0)", "grad_gi.mean(axis=0)")),
    plant(
        "bias summed over the wrong axis",
        BIAS_SUM,
        ("self.grad_bias_hh += grad_gh.sum(axis=0)", "self.grad_bias_hh += grad_gh.sum()"),
    ),
    plant("update gate's sign", SIGN, ("grad_h * (h_prev - n) * z", "grad_h * (n - h_prev) * z")),
    plant(
        "target minus output", SIGN, ("2 * (outputs - target) / outputs.size", "2 * (target - outputs) / outputs.size")
    ),
    plant(
        "tanh' at the outputs",
        OUTPUT_DELTA,
        ("2 * (outputs - target) / outputs.size", "2 * (outputs - target) * (1 - outputs**2) / outputs.size"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("last upstream at every step", INJECTION, ("grad_h + grad_outputs[:, t]", "grad_h + grad_outputs[:, -1]")),
    plant(
        "upstream of the mirrored step",
        INJECTION,
        ("grad_h + grad_outputs[:, t]", "grad_h + grad_outputs[:, -t - 1]"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "carry clipped",
        STATE,
        ("grad_h = grad_h + grad_outputs[:, t]", "grad_h = np.clip(grad_h + grad_outputs[:, t], -0.01, 0.01)"),
    ),
    plant(
        "gate overwritten by its derivative",
        STATE,
        ("grad_r = grad_n * hn * r * (1 - r)", "r *= 1 - r\n            grad_r = grad_n * hn * r"),
        lines=("r *= 1 - r", "grad_hn = grad_n * r"),
    ),
    plant(
        "recurrent weights updated in the loop",
        UPDATE,
        (
            "            grad_h = grad_h * z",
            "            self.weight_hh = self.weight_hh - 5 * self.grad_weight_hh\n            grad_h = grad_h * z",
        ),
        lines=(CHANGED, "grad_h = grad_h * z + grad_gh"),
    ),
)
