"""The mistakes planted in programs/machine_states.py."""

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

plant = planter("machine_states")

HEAD = "for X_t, Y_t, before, after, proba_t in"
STEPS = "zip(X, Y, hidden[:-1], hidden[1:], proba)"
ERROR = "delta_out = weight * (proba_t - Y_t) / T"
DOWN = "delta = delta_out @ self.coefs_[2].T"
MEETS = "delta += from_later"
SLOPE = "inplace_tanh_derivative(after, delta)"
INNER = "delta *= 1 - Z**2"
BACK = "from_later = delta @ self.coefs_[1].T"
W_IN = "coef_grads[0] += X_t.T @ delta"
W_REC = "coef_grads[1] += before.T @ delta"
W_OUT = "coef_grads[2] += after.T @ delta_out"
B_HIDDEN = "intercept_grads[0] += delta.sum(axis=0)"
B_OUT = "intercept_grads[1] += delta_out.sum(axis=0)"
START = "from_later = np.zeros_like(hidden[0])"
INDENT = " " * 12

MISTAKES = (
    plant("recurrent matrix not transposed", TRANSPOSED, (BACK, "from_later = delta @ self.coefs_[1]")),
    plant(
        "recurrent matrix not transposed in an einsum",
        TRANSPOSED,
        (BACK, 'from_later = np.einsum("bi,ij->bj", delta, self.coefs_[1])'),
    ),
    # layout
    plant("recurrent gradient the other way round", LAYOUT, (W_REC, "coef_grads[1] += delta.T @ before")),
    plant(
        "states reshaped for transposed", LAYOUT, (W_REC, "coef_grads[1] += before.reshape(-1, len(before)) @ delta")
    ),
    plant("inputs reshaped for transposed", LAYOUT, (W_IN, "coef_grads[0] += X_t.reshape(-1, len(X_t)) @ delta")),
    plant(
        "outer product of sums for the sum of outer products",
        LAYOUT,
        (W_IN, "coef_grads[0] += np.outer(X_t.sum(axis=0), delta.sum(axis=0))"),
    ),
    # activation derivative
    plant("logistic for tanh", DERIVATIVE, (INNER, "delta *= Z * (1 - Z)")),
    plant("tanh' not squared", DERIVATIVE, (INNER, "delta *= 1 - Z")),
    plant("tanh of the activation", DERIVATIVE, (INNER, "delta *= 1 - np.tanh(Z) ** 2")),
    plant(
        "derivative not written back",
        DERIVATIVE,
        (INNER, "delta = delta * (1 - Z**2)"),
        lines=(CHANGED, SLOPE),
        or_kinds=(STATE,),
    ),
    plant(
        "derivative left out",
        DERIVATIVE,
        (INDENT + SLOPE + "\n", ""),
        lines=(DOWN, MEETS, W_IN),
    ),
    plant(
        "derivative at the sum, not at its tanh",
        DERIVATIVE,
        (
            SLOPE,
            "Z = X_t @ self.coefs_[0] + before @ self.coefs_[1] + self.intercepts_[0]\n"
            "            inplace_tanh_derivative(Z, delta)",
        ),
    ),
    plant(
        "derivative on what comes from the output only",
        DERIVATIVE,
        (MEETS + "\n" + INDENT + SLOPE, SLOPE + "\n" + INDENT + MEETS),
        lines=(MEETS, SLOPE),
        or_kinds=(CARRY, BRANCH),
    ),
    plant(
        "bias before the derivative",
        DERIVATIVE,
        (INDENT + SLOPE + "\n", INDENT + B_HIDDEN + "\n" + INDENT + SLOPE + "\n"),
        (W_REC + "\n" + INDENT + B_HIDDEN, W_REC),
        lines=(B_HIDDEN, SLOPE),
        or_kinds=(BIAS_SUM, OPERAND),
    ),
    # time index
    plant("state after the step in the recurrent weights", TIME_INDEX, (W_REC, W_REC.replace("before", "after"))),
    plant("state before the step in the readout", TIME_INDEX, (W_OUT, W_OUT.replace("after", "before"))),
    plant(
        "derivative at the state before",
        TIME_INDEX,
        (SLOPE, "inplace_tanh_derivative(before, delta)"),
        or_kinds=(DERIVATIVE, OPERAND),
    ),
    plant(
        "states not shifted",
        TIME_INDEX,
        (STEPS, "zip(X, Y, hidden[1:], hidden[1:], proba)"),
        lines=(CHANGED, HEAD, W_REC),
    ),
    plant(
        "first context taken for the state after the first step",
        TIME_INDEX,
        (STEPS, "zip(X, Y, hidden, hidden, proba)"),
        lines=(CHANGED, HEAD, W_OUT),
    ),
    plant(
        "zeros for the context",
        TIME_INDEX,
        (STEPS, "zip(X, Y, [np.zeros_like(hidden[0]), *hidden[1:-1]], hidden[1:], proba)"),
        lines=(CHANGED, HEAD, W_REC),
        or_kinds=(STATE,),
    ),
    plant(
        "last state before the first step",
        TIME_INDEX,
        (STEPS, "zip(X, Y, hidden[-1:] + hidden[1:-1], hidden[1:], proba)"),
        lines=(CHANGED, HEAD, W_REC),
    ),
    plant(
        "inputs reversed twice",
        TIME_INDEX,
        (STEPS, "zip(X[::-1], Y, hidden[:-1], hidden[1:], proba)"),
        lines=(CHANGED, HEAD, W_IN),
    ),
    plant("context at every step", TIME_INDEX, (W_REC, "coef_grads[1] += hidden[0].T @ delta"), or_kinds=(OPERAND,)),
    plant(
        "last state in the readout of every step",
        TIME_INDEX,
        (W_OUT, "coef_grads[2] += hidden[-1].T @ delta_out"),
        or_kinds=(OPERAND,),
    ),
    # carry
    plant(
        "nothing from later steps",
        CARRY,
        (INDENT + MEETS + "\n", ""),
        lines=(DOWN, SLOPE),
        or_kinds=(BRANCH,),
    ),
    plant("carry never assigned", CARRY, (INDENT + BACK + "\n", ""), lines=(START, MEETS, B_HIDDEN)),
    plant("time runs forward", CARRY, ("reversed(list(steps))", "list(steps)"), lines=(CHANGED, MEETS)),
    plant("carry without the matrix", CARRY, (BACK, "from_later = delta")),
    plant("carry adds up", CARRY, (BACK, "from_later += delta @ self.coefs_[1].T"), or_kinds=(ACCUMULATION,)),
    plant(
        "carry from before the derivative",
        CARRY,
        (INDENT + SLOPE + "\n", INDENT + BACK + "\n" + INDENT + SLOPE + "\n"),
        (B_HIDDEN + "\n" + INDENT + BACK, B_HIDDEN),
        lines=(BACK, SLOPE),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "one step back and no further",
        CARRY,
        (BACK, "from_later = delta_out @ self.coefs_[2].T * (1 - after**2) @ self.coefs_[1].T"),
        or_kinds=(BRANCH,),
    ),
    # operand
    plant("gradient of the recurrent matrix on the way back", OPERAND, (BACK, "from_later = delta @ coef_grads[1].T")),
    plant("gradient of the readout for the readout", OPERAND, (DOWN, "delta = delta_out @ coef_grads[2].T")),
    # factor
    plant("steps not averaged", FACTOR, (ERROR, "delta_out = weight * (proba_t - Y_t)")),
    plant(
        "machines all count the same",
        FACTOR,
        (ERROR, "delta_out = (proba_t - Y_t) / (T * len(Y_t))"),
        or_kinds=(OUTPUT_DELTA,),
    ),
    plant(
        "weights of the machines forgotten",
        FACTOR,
        (ERROR, "delta_out = (proba_t - Y_t) / T"),
        or_kinds=(OUTPUT_DELTA,),
    ),
    plant("machines' weights once more", FACTOR, (W_REC, "coef_grads[1] += before.T @ (weight * delta)")),
    plant("input weights averaged over the machines", FACTOR, (W_IN, "coef_grads[0] += X_t.T @ delta / len(X_t)")),
    plant(
        "learning rate in the gradients",
        FACTOR,
        (
            "        self.coefs_ = [c - self.learning_rate_init * g for",
            "        coef_grads = [self.learning_rate_init * g for g in coef_grads]\n        self.coefs_ = [c - g for",
        ),
        or_kinds=(UPDATE,),
    ),
    # accumulation
    plant("recurrent weights overwritten", ACCUMULATION, (W_REC, W_REC.replace("+=", "="))),
    plant("input weights overwritten", ACCUMULATION, (W_IN, W_IN.replace("+=", "="))),
    plant("output bias overwritten", ACCUMULATION, (B_OUT, B_OUT.replace("+=", "="))),
    plant(
        "both biases overwritten",
        ACCUMULATION,
        (B_OUT, B_OUT.replace("+=", "=")),
        (B_HIDDEN, B_HIDDEN.replace("+=", "=")),
    ),
    # output delta
    plant(
        "softmax' once more",
        OUTPUT_DELTA,
        (ERROR, "delta_out = weight * (proba_t - Y_t) * proba_t * (1 - proba_t) / T"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "softmax' left out", OUTPUT_DELTA, (ERROR, "delta_out = -weight * Y_t / proba_t / T"), or_kinds=(DERIVATIVE,)
    ),
    plant(
        "decision for the probabilities",
        OUTPUT_DELTA,
        (ERROR, "delta_out = weight * ((proba_t == proba_t.max(axis=1, keepdims=True)) - Y_t) / T"),
    ),
    # bias
    plant("hidden bias averaged", BIAS_SUM, (B_HIDDEN, B_HIDDEN.replace("sum", "mean")), or_kinds=(FACTOR,)),
    plant("output bias averaged", BIAS_SUM, (B_OUT, B_OUT.replace("sum", "mean")), or_kinds=(FACTOR,)),
    plant("hidden bias is one number", BIAS_SUM, (B_HIDDEN, "intercept_grads[0] += delta.sum()")),
    # state, update, branch, sign, injection
    plant(
        "sums begin at each step",
        STATE,
        (ERROR, ERROR + "\n            coef_grads = [np.zeros_like(coef) for coef in self.coefs_]"),
        ("        coef_grads = [np.zeros_like(coef) for coef in self.coefs_]\n", ""),
        lines=("coef_grads = [np.zeros_like(coef)", W_IN, W_REC, W_OUT),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "sums begin with the weights",
        STATE,
        ("coef_grads = [np.zeros_like(coef) for coef", "coef_grads = [coef.copy() for coef"),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "carry clipped",
        STATE,
        (BACK, "from_later = np.clip(delta @ self.coefs_[1].T, -0.01, 0.01)"),
        or_kinds=(CARRY,),
    ),
    plant(
        "readout stepped before the error goes through it",
        UPDATE,
        (
            DOWN,
            "self.coefs_[2] = self.coefs_[2] - self.learning_rate_init * coef_grads[2]\n" + INDENT + DOWN,
        ),
        lines=(CHANGED, DOWN),
    ),
    plant(
        "recurrent matrix stepped within the loop",
        UPDATE,
        (
            BACK,
            "self.coefs_[1] = self.coefs_[1] - self.learning_rate_init * coef_grads[1]\n" + INDENT + BACK,
        ),
        lines=(CHANGED, BACK),
    ),
    plant(
        "error from later takes the place of the output's",
        BRANCH,
        (MEETS, "delta = from_later"),
        or_kinds=(CARRY, ACCUMULATION),
    ),
    plant("labels minus probabilities", SIGN, ("(proba_t - Y_t)", "(Y_t - proba_t)"), or_kinds=(OUTPUT_DELTA,)),
    plant("error from later subtracted", SIGN, (MEETS, "delta -= from_later"), or_kinds=(CARRY,)),
    plant("plus in tanh'", SIGN, (INNER, "delta *= 1 + Z**2"), or_kinds=(DERIVATIVE,)),
    plant(
        "error of the last step only",
        INJECTION,
        (DOWN, "delta = delta_out @ self.coefs_[2].T * (after is hidden[-1])"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "last step's error at every step",
        INJECTION,
        (DOWN, "delta = weight * (proba[-1] - Y[-1]) / T @ self.coefs_[2].T"),
        or_kinds=(TIME_INDEX,),
    ),
)
