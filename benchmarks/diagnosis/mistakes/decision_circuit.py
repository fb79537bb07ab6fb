"""The mistakes planted in programs/decision_circuit.py."""

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

plant = planter("decision_circuit")

MISTAKES = (
    # layout
    plant("recurrent gradient with its operands swapped", LAYOUT, ("dJ += push @ r[t].T", "dJ += r[t] @ push.T")),
    plant("input gradient reshaped for transposed", LAYOUT, ("push @ u[t].T", "push @ u[t].reshape(trials, -1)")),
    plant("readout matrix reshaped for transposed", LAYOUT, ("W_out.T @ err", "W_out.reshape(W_out.T.shape) @ err")),
    plant(
        "rates reshaped in the readout's gradient", LAYOUT, ("err @ r[t + 1].T", "err @ r[t + 1].reshape(trials, -1)")
    ),
    plant(
        "J taken to be (from, to)",
        LAYOUT,
        ("dJ += push @ r[t].T", "dJ += r[t] @ push.T"),
        ("dr_next = J.T @ push", "dr_next = J @ push"),
        or_kinds=(TRANSPOSED,),
    ),
    plant(
        "errors of the trials mixed up by a reshape",
        LAYOUT,
        ("        dr_next = J.T @ push", "        push = push.T.reshape(push.shape)\n        dr_next = J.T @ push"),
    ),
    # activation derivative
    plant("rate's derivative left out", DERIVATIVE, ("dr * (1 - r[t + 1] ** 2) + dz_next", "dr + dz_next")),
    plant("rate's derivative not squared", DERIVATIVE, ("(1 - r[t + 1] ** 2)", "(1 - r[t + 1])")),
    plant("tanh for its derivative", DERIVATIVE, ("dr * (1 - r[t + 1] ** 2)", "dr * np.tanh(r[t + 1])")),
    plant(
        "derivative of a rate taken for a current", DERIVATIVE, ("(1 - r[t + 1] ** 2)", "(1 - np.tanh(r[t + 1]) ** 2)")
    ),
    plant("logistic derivative", DERIVATIVE, ("dr * (1 - r[t + 1] ** 2)", "dr * r[t + 1] * (1 - r[t + 1])")),
    plant("derivative squared once more", DERIVATIVE, ("(1 - r[t + 1] ** 2)", "(1 - r[t + 1] ** 2) ** 2")),
    plant(
        "derivative at the rate before",
        DERIVATIVE,
        ("dr * (1 - r[t + 1] ** 2)", "dr * (1 - r[t] ** 2)"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "leak goes through the derivative too",
        DERIVATIVE,
        ("dr * (1 - r[t + 1] ** 2) + dz_next", "(dr + dz_next) * (1 - r[t + 1] ** 2)"),
        or_kinds=(CARRY, BRANCH),
    ),
    plant("first current without a derivative", DERIVATIVE, ("dr_next * (1 - r[0] ** 2)", "dr_next")),
    plant(
        "first current's derivative around everything",
        DERIVATIVE,
        ("dr_next * (1 - r[0] ** 2) + dz_next", "(dr_next + dz_next) * (1 - r[0] ** 2)"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "first current's derivative at the step after",
        DERIVATIVE,
        ("dr_next * (1 - r[0] ** 2)", "dr_next * (1 - r[1] ** 2)"),
        or_kinds=(TIME_INDEX,),
    ),
    # time index
    plant("recurrent weights see the rate after the step", TIME_INDEX, ("push @ r[t].T", "push @ r[t + 1].T")),
    plant("recurrent weights see the rate two steps back", TIME_INDEX, ("push @ r[t].T", "push @ r[t - 1].T")),
    plant("recurrent weights see the first rate only", TIME_INDEX, ("push @ r[t].T", "push @ r[0].T")),
    plant("readout sees the rate before", TIME_INDEX, ("err @ r[t + 1].T", "err @ r[t].T")),
    plant("readout sees the last rate", TIME_INDEX, ("err @ r[t + 1].T", "err @ r[-1].T")),
    plant("input of the step before", TIME_INDEX, ("push @ u[t].T", "push @ u[t - 1].T")),
    plant("input of the step after", TIME_INDEX, ("push @ u[t].T", "push @ u[min(t + 1, T - 1)].T")),
    plant(
        "rate cost at the rate before",
        TIME_INDEX,
        ("RATE_COST * r[t + 1] / (T * trials)", "RATE_COST * r[t] / (T * trials)"),
        or_kinds=(OUTPUT_DELTA, INJECTION, OPERAND),
    ),
    plant(
        "list of rates taken to start with the first step",
        TIME_INDEX,
        ("err @ r[t + 1].T", "err @ r[t].T"),
        ("RATE_COST * r[t + 1] /", "RATE_COST * r[t] /"),
        ("(1 - r[t + 1] ** 2)", "(1 - r[t] ** 2)"),
        ("push @ r[t].T", "push @ r[t - 1].T"),
    ),
    # carry
    plant("no carry of the rates", CARRY, (" / (T * trials) + dr_next", " / (T * trials)"), or_kinds=(BRANCH,)),
    plant(
        "no carry of the currents", CARRY, ("(1 - r[t + 1] ** 2) + dz_next", "(1 - r[t + 1] ** 2)"), or_kinds=(BRANCH,)
    ),
    plant(
        "leak never written back",
        CARRY,
        ("        dz_next = (1 - ALPHA) * dz\n", ""),
        lines=("dz_next = np.zeros_like", "dz = dr * (1 - r[t + 1] ** 2) + dz_next"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "leak with the wrong share",
        CARRY,
        ("dz_next = (1 - ALPHA) * dz", "dz_next = ALPHA * dz"),
        or_kinds=(OPERAND, FACTOR),
    ),
    plant("leak takes everything along", CARRY, ("dz_next = (1 - ALPHA) * dz", "dz_next = dz"), or_kinds=(FACTOR,)),
    plant("leak adds up", CARRY, ("dz_next = (1 - ALPHA) * dz", "dz_next += (1 - ALPHA) * dz")),
    plant("leak from the pushed error", CARRY, ("(1 - ALPHA) * dz", "(1 - ALPHA) * push"), or_kinds=(OPERAND,)),
    plant("recurrent carry adds up", CARRY, ("dr_next = J.T @ push", "dr_next += J.T @ push")),
    plant(
        "recurrent carry without the time constant",
        CARRY,
        ("dr_next = J.T @ push", "dr_next = J.T @ dz"),
        or_kinds=(OPERAND, FACTOR),
    ),
    plant(
        "recurrent carry of the rate's error",
        CARRY,
        ("dr_next = J.T @ push", "dr_next = J.T @ (ALPHA * dr)"),
        or_kinds=(OPERAND, DERIVATIVE, BRANCH),
    ),
    plant(
        "recurrent carry cut after three steps",
        CARRY,
        ("dr_next = J.T @ push", "dr_next = J.T @ push if t % 3 else np.zeros_like(push)"),
    ),
    plant(
        "time runs forward",
        CARRY,
        ("for t in range(T - 1, -1, -1):", "for t in range(T):"),
        lines=(CHANGED, "dr = W_out.T @ err"),
    ),
    # operand
    plant("input weights from the current's error", OPERAND, ("push @ u[t].T", "dz @ u[t].T"), or_kinds=(FACTOR,)),
    plant(
        "recurrent weights from the rate's error",
        OPERAND,
        ("push @ r[t].T", "ALPHA * dr @ r[t].T"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("bias from the current's error", OPERAND, ("db += push.sum", "db += dz.sum"), or_kinds=(FACTOR,)),
    plant("bias from the rate's error", OPERAND, ("db += push.sum", "db += dr.sum"), or_kinds=(DERIVATIVE,)),
    plant(
        "gradient of the matrix for the matrix",
        OPERAND,
        ("dr_next = J.T @ push", "dr_next = dJ.T @ push"),
        or_kinds=(CARRY,),
    ),
    plant(
        "first current's error from the last step",
        OPERAND,
        ("dz_init = dz0.sum", "dz_init = dz.sum"),
        or_kinds=(TIME_INDEX,),
    ),
    # factor
    plant(
        "mean over all trials and steps",
        FACTOR,
        ("(y[t] - target[t]) / mask.sum()", "(y[t] - target[t]) / (T * trials)"),
    ),
    plant(
        "mean over the trials at the step", FACTOR, ("(y[t] - target[t]) / mask.sum()", "(y[t] - target[t]) / trials")
    ),
    plant("twice the error", FACTOR, ("err = mask[t] * (y[t]", "err = 2 * mask[t] * (y[t]")),
    plant("mean over trials missing in the rate cost", FACTOR, ("r[t + 1] / (T * trials)", "r[t + 1] / T")),
    plant("half of the rate cost", FACTOR, ("+ RATE_COST * r[t + 1]", "+ 0.5 * RATE_COST * r[t + 1]")),
    plant("time constant forgotten", FACTOR, ("push = ALPHA * dz", "push = dz"), or_kinds=(OPERAND,)),
    plant(
        "time constant twice in the input weights", FACTOR, ("dW_in += push @ u[t].T", "dW_in += ALPHA * push @ u[t].T")
    ),
    plant("input weights averaged over the trials", FACTOR, ("push @ u[t].T", "push @ u[t].T / trials")),
    # accumulation
    plant("input weights overwritten", ACCUMULATION, ("dW_in += push", "dW_in = push")),
    plant("readout overwritten", ACCUMULATION, ("dW_out += err", "dW_out = err")),
    plant("readout's offset overwritten", ACCUMULATION, ("dc += err", "dc = err")),
    plant("first step skipped", ACCUMULATION, ("range(T - 1, -1, -1)", "range(T - 1, 0, -1)")),
    plant(
        "last step skipped",
        ACCUMULATION,
        ("range(T - 1, -1, -1)", "range(T - 2, -1, -1)"),
        lines=(CHANGED, "dr = W_out.T @ err"),
    ),
    plant(
        "bias never written",
        ACCUMULATION,
        ("        db += push.sum(axis=1, keepdims=True)\n", ""),
        lines=("db = np.zeros_like", "dW_in += push"),
    ),
    plant(
        "recurrent weights only where there is an input step before",
        ACCUMULATION,
        ("dJ += push @ r[t].T", "dJ += push @ r[t].T * (t > 0)"),
    ),
    plant(
        "learned first currents only from the last trial",
        ACCUMULATION,
        ("dz_init = dz0.sum(axis=1, keepdims=True)", "dz_init = dz0[:, -1:]"),
        or_kinds=(BIAS_SUM,),
    ),
    # output delta
    plant("mask forgotten", OUTPUT_DELTA, ("err = mask[t] * (y[t]", "err = (y[t]"), or_kinds=(INJECTION,)),
    plant(
        "tanh' at a linear readout",
        OUTPUT_DELTA,
        ("(y[t] - target[t]) / mask.sum()", "(y[t] - target[t]) * (1 - y[t] ** 2) / mask.sum()"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("target left out of the error", OUTPUT_DELTA, ("(y[t] - target[t]) / mask", "y[t] / mask")),
    plant(
        "error's size without its sign",
        OUTPUT_DELTA,
        ("* (y[t] - target[t]) /", "* np.abs(y[t] - target[t]) /"),
        or_kinds=(SIGN,),
    ),
    plant(
        "rate cost as if it were of the size of the rate",
        OUTPUT_DELTA,
        ("RATE_COST * r[t + 1] /", "RATE_COST * np.sign(r[t + 1]) /"),
        or_kinds=(OPERAND, DERIVATIVE),
    ),
    # transposed recurrent matrix
    plant("recurrent matrix not transposed", TRANSPOSED, ("dr_next = J.T @ push", "dr_next = J @ push")),
    # bias sum
    plant(
        "bias averaged over the trials",
        BIAS_SUM,
        ("db += push.sum(axis=1", "db += push.mean(axis=1"),
        or_kinds=(FACTOR,),
    ),
    plant("bias summed over the neurons", BIAS_SUM, ("db += push.sum(axis=1, keepdims=True)", "db += push.sum()")),
    plant("readout's offset is one number", BIAS_SUM, ("dc += err.sum(axis=1, keepdims=True)", "dc += err.sum()")),
    plant("readout's offset averaged", BIAS_SUM, ("dc += err.sum(axis=1", "dc += err.mean(axis=1"), or_kinds=(FACTOR,)),
    plant(
        "first currents averaged over the trials", BIAS_SUM, ("dz0.sum(axis=1", "dz0.mean(axis=1"), or_kinds=(FACTOR,)
    ),
    # update order
    plant(
        "readout learns before the error goes through it",
        UPDATE,
        ("        dc += err.sum", "        W_out = W_out - 0.1 * dW_out\n        dc += err.sum"),
        lines=(CHANGED, "dr = W_out.T @ err"),
    ),
    plant(
        "recurrent matrix learns in the loop",
        UPDATE,
        ("        dW_in += push", "        J = J - 0.05 * dJ\n        dW_in += push"),
        lines=(CHANGED, "dr_next = J.T @ push"),
    ),
    # branch
    plant(
        "rate cost forgotten",
        BRANCH,
        ("W_out.T @ err + RATE_COST * r[t + 1] / (T * trials) + dr_next", "W_out.T @ err + dr_next"),
        or_kinds=(INJECTION, OUTPUT_DELTA),
    ),
    plant(
        "readout's error only at the last step",
        BRANCH,
        ("dr = W_out.T @ err + RATE_COST", "dr = W_out.T @ err * (t == T - 1) + RATE_COST"),
        or_kinds=(INJECTION,),
    ),
    plant("first current loses its rate", BRANCH, ("dr_next * (1 - r[0] ** 2) + dz_next", "dz_next")),
    plant("first current loses its leak", BRANCH, ("dr_next * (1 - r[0] ** 2) + dz_next", "dr_next * (1 - r[0] ** 2)")),
    plant(
        "self-connections get a gradient",
        BRANCH,
        ("    dJ *= wired\n", ""),
        lines=("dJ += push @ r[t].T", "dJ = np.zeros_like"),
        or_kinds=(OPERAND, STATE),
    ),
    plant(
        "error goes back over connections that there are not",
        OPERAND,
        ("    J = J * wired\n", ""),
        lines=("dr_next = J.T @ push", "wired = 1 - np.eye"),
        or_kinds=(CARRY,),
    ),
    # sign
    plant(
        "target minus readout",
        SIGN,
        ("(y[t] - target[t]) / mask", "(target[t] - y[t]) / mask"),
        or_kinds=(OUTPUT_DELTA,),
    ),
    plant("rate cost subtracted", SIGN, ("W_out.T @ err + RATE_COST", "W_out.T @ err - RATE_COST")),
    plant(
        "leak subtracted", SIGN, ("(1 - r[t + 1] ** 2) + dz_next", "(1 - r[t + 1] ** 2) - dz_next"), or_kinds=(CARRY,)
    ),
    plant("plus in the derivative", SIGN, ("(1 - r[t + 1] ** 2)", "(1 + r[t + 1] ** 2)"), or_kinds=(DERIVATIVE,)),
    plant("bias subtracted", SIGN, ("db += push", "db -= push")),
    # injection
    plant(
        "mask of the last step at every step",
        INJECTION,
        ("err = mask[t] * (y[t]", "err = mask[-1] * (y[t]"),
        or_kinds=(TIME_INDEX, OUTPUT_DELTA),
    ),
    plant(
        "last error at every step",
        INJECTION,
        ("mask[t] * (y[t] - target[t])", "mask[-1] * (y[-1] - target[-1])"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "target of the step before",
        INJECTION,
        ("(y[t] - target[t]) /", "(y[t] - target[t - 1]) /"),
        or_kinds=(TIME_INDEX, OUTPUT_DELTA),
    ),
    plant(
        "mask of the step before",
        INJECTION,
        ("err = mask[t] *", "err = mask[t - 1] *"),
        or_kinds=(TIME_INDEX, OUTPUT_DELTA),
    ),
    # state between calls
    plant(
        "carry clipped",
        STATE,
        ("dr_next = J.T @ push", "dr_next = np.clip(J.T @ push, -0.01, 0.01)"),
        or_kinds=(CARRY,),
    ),
    plant(
        "derivatives kept in the buffer of the rates",
        STATE,
        ("    for t in range(T - 1,", "    slope = np.subtract(1, r**2, out=r)\n    for t in range(T - 1,"),
        ("dr * (1 - r[t + 1] ** 2)", "dr * slope[t + 1]"),
        ("dr_next * (1 - r[0] ** 2)", "dr_next * slope[0]"),
        lines=("slope = np.subtract",),
    ),
    plant(
        "pushed error is the array of the current's error",
        STATE,
        ("push = ALPHA * dz", "push = dz\n        push *= ALPHA"),
        lines=("push = dz", "push *= ALPHA"),
        or_kinds=(CARRY, OPERAND),
    ),
    plant(
        "carries share one buffer",
        STATE,
        ("dr_next = np.zeros_like(r[0])\n    dz_next = np.zeros_like(r[0])", "dr_next = dz_next = np.zeros_like(r[0])"),
        ("dr_next = J.T @ push", "dr_next[:] = J.T @ push"),
        ("dz_next = (1 - ALPHA) * dz", "dz_next[:] = (1 - ALPHA) * dz"),
        or_kinds=(CARRY, BRANCH),
    ),
)
