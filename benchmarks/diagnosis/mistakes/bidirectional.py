"""The mistakes planted in programs/bidirectional.py."""

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

plant = planter("bidirectional")

MISTAKES = (
    plant("recurrent matrix not transposed", TRANSPOSED, ("dpre @ U.T", "dpre @ U")),
    plant("derivative left out", DERIVATIVE, ("dpre = dh * (1 - states[t] ** 2)", "dpre = dh")),
    plant(
        "derivative at the state before",
        DERIVATIVE,
        ("(1 - states[t] ** 2)", "(1 - before[t] ** 2)"),
        or_kinds=(TIME_INDEX, OPERAND),
    ),
    plant("derivative of the activated value", DERIVATIVE, ("(1 - states[t] ** 2)", "(1 - np.tanh(states[t]) ** 2)")),
    plant("tanh for its derivative", DERIVATIVE, ("(1 - states[t] ** 2)", "states[t]")),
    plant(
        "derivative on the upstream only",
        DERIVATIVE,
        ("dpre = dh * (1 - states[t] ** 2)", "dpre = dh - d_states[t] * states[t] ** 2"),
    ),
    plant(
        "h_t for the state it was made from",
        TIME_INDEX,
        ("before[t].T @ dpre", "states[t].T @ dpre"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "the step before in time, whatever the direction",
        TIME_INDEX,
        ("before[t].T @ dpre", "states[t - 1].T @ dpre"),
        or_kinds=(OPERAND,),
    ),
    plant("input of the step before", TIME_INDEX, ("dW += x[t].T @ dpre", "dW += x[t - 1].T @ dpre")),
    plant(
        "readout with the states of the last step", TIME_INDEX, ("both[t].T @ d_scores[t]", "both[-1].T @ d_scores[t]")
    ),
    plant("readout with the step before", TIME_INDEX, ("both[t].T @ d_scores[t]", "both[t - 1].T @ d_scores[t]")),
    plant("carry left out", CARRY, ("dh = dh + d_states[t]", "dh = d_states[t]"), or_kinds=(BRANCH,)),
    plant(
        "carry never assigned",
        CARRY,
        ("        dh = dpre @ U.T\n", ""),
        lines=("dh = np.zeros_like", "dh = dh + d_states[t]", "dpre = dh * (1"),
    ),
    plant("carry without the derivative", CARRY, ("dh = dpre @ U.T", "dh = dh @ U.T"), or_kinds=(OPERAND, DERIVATIVE)),
    plant("carry without the matrix", CARRY, ("dh = dpre @ U.T", "dh = dpre")),
    plant(
        "loop runs forward",
        CARRY,
        ("for t in reversed(order):", "for t in order[:]:"),
        lines=(CHANGED, "dh = dh + d_states[t]"),
    ),
    plant("backward net is run back onwards", CARRY, ('before_b, p["Ub"], backwards)', 'before_b, p["Ub"], onwards)')),
    plant(
        "onward net's matrix in the backward net",
        OPERAND,
        ('before_b, p["Ub"], backwards)', 'before_b, p["Uf"], backwards)'),
    ),
    plant(
        "onward net's states in the backward net",
        OPERAND,
        ("run_back(d_hb, x, hb, before_b", "run_back(d_hb, x, hf, before_b"),
    ),
    plant("onward net's gradient in the backward net", OPERAND, ("run_back(d_hb, x", "run_back(d_hf, x")),
    plant("bias from dh", OPERAND, ("db += dpre.sum(axis=0)", "db += dh.sum(axis=0)"), or_kinds=(DERIVATIVE,)),
    plant("recurrent weights from dh", OPERAND, ("before[t].T @ dpre", "before[t].T @ dh"), or_kinds=(DERIVATIVE,)),
    plant("mean not taken", FACTOR, ("mask[:, :, None] / mask.sum()\n    dV", "mask[:, :, None]\n    dV")),
    plant(
        "mean over all steps, masked ones too",
        FACTOR,
        ("mask[:, :, None] / mask.sum()\n    dV", "mask[:, :, None] / mask.size\n    dV"),
    ),
    plant("twice the recurrent weights", FACTOR, ("before[t].T @ dpre", "2 * before[t].T @ dpre")),
    plant("input weights overwritten", ACCUMULATION, ("dW += x[t].T", "dW = x[t].T")),
    plant("readout overwritten", ACCUMULATION, ("dV += both", "dV = both")),
    plant(
        "readout without the last step",
        ACCUMULATION,
        ("    for t in range(steps):\n        dV", "    for t in range(steps - 1):\n        dV"),
    ),
    plant("first step read is skipped", ACCUMULATION, ("for t in reversed(order):", "for t in reversed(order[1:]):")),
    plant(
        "last step read is skipped",
        ACCUMULATION,
        ("for t in reversed(order):", "for t in reversed(order[:-1]):"),
        lines=(CHANGED, "dh = dh + d_states[t]"),
    ),
    plant(
        "mask forgotten",
        OUTPUT_DELTA,
        ("(probs - tags) * mask[:, :, None] / mask.sum()", "(probs - tags) / mask.sum()"),
        or_kinds=(INJECTION,),
    ),
    plant(
        "diagonal of the softmax Jacobian only",
        OUTPUT_DELTA,
        ("(probs - tags) * mask", "(probs - tags) * probs * (1 - probs) * mask"),
    ),
    plant("scores for probabilities", OUTPUT_DELTA, ("(probs - tags) * mask", "(scores - tags) * mask")),
    plant("bias averaged", BIAS_SUM, ("dpre.sum(axis=0)", "dpre.mean(axis=0)")),
    plant(
        "readout bias averaged over time",
        BIAS_SUM,
        ("d_scores.sum(axis=(0, 1))", "d_scores.sum(axis=1).mean(axis=0)"),
        or_kinds=(FACTOR,),
    ),
    plant(
        "readout bias of the first step",
        BIAS_SUM,
        ("d_scores.sum(axis=(0, 1))", "d_scores[0].sum(axis=0)"),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "halves exchanged",
        LAYOUT,
        ("d_hf = d_both[:, :, :hidden]", "d_hf = d_both[:, :, hidden:]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "backward net takes the first half",
        LAYOUT,
        ("d_hb = d_both[:, :, hidden:]", "d_hb = d_both[:, :, :hidden]"),
        or_kinds=(OPERAND,),
    ),
    plant("recurrent gradient transposed", LAYOUT, ("before[t].T @ dpre", "dpre.T @ before[t]")),
    plant(
        "readout reshaped for transposed", LAYOUT, ('d_scores @ p["V"].T', 'd_scores @ p["V"].reshape(p["V"].T.shape)')
    ),
    plant("inputs reshaped for transposed", LAYOUT, ("dW += x[t].T", "dW += x[t].reshape(features, -1)")),
    plant("tags minus probabilities", SIGN, ("(probs - tags) * mask", "(tags - probs) * mask")),
    plant("upstream subtracted", SIGN, ("dh = dh + d_states[t]", "dh = dh - d_states[t]")),
    plant("last upstream at every step", INJECTION, ("dh = dh + d_states[t]", "dh = dh + d_states[-1]")),
    plant(
        "upstream of the mirrored step",
        INJECTION,
        ("dh = dh + d_states[t]", "dh = dh + d_states[-t - 1]"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "own upstream lost",
        BRANCH,
        ("dh = dh + d_states[t]", "dh = dh if np.any(dh) else d_states[t]"),
        or_kinds=(INJECTION,),
    ),
    plant("backward net forgotten", BRANCH, ("d_hb = d_both[:, :, hidden:]", "d_hb = np.zeros_like(d_hf)")),
    plant("clipped in the loop", STATE, ("dh = dpre @ U.T", "dh = np.clip(dpre @ U.T, -0.01, 0.01)")),
    plant(
        "states overwritten",
        STATE,
        ("dpre = dh * (1 - states[t] ** 2)", "before[t] *= states[t]\n        dpre = dh * (1 - states[t] ** 2)"),
        lines=("before[t] *= states[t]", "dU += before[t].T @ dpre"),
    ),
    plant(
        "recurrent matrix updated in the loop",
        UPDATE,
        ("        dh = dpre @ U.T", "        U = U - 2 * dU\n        dh = dpre @ U.T"),
        lines=(CHANGED, "dh = dpre @ U.T"),
    ),
)
