"""The mistakes planted in programs/char_rnn.py."""

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

plant = planter("char_rnn")

MISTAKES = (
    plant("recurrent matrix not transposed", TRANSPOSED, ("np.dot(Whh.T, dhraw)", "np.dot(Whh, dhraw)")),
    plant("derivative of the pre-activation's kind, not squared", DERIVATIVE, ("(1 - hs[t] * hs[t])", "(1 - hs[t])")),
    plant("sigmoid's derivative for tanh's", DERIVATIVE, ("(1 - hs[t] * hs[t]) * dh", "hs[t] * (1 - hs[t]) * dh")),
    plant("derivative applied twice", DERIVATIVE, ("(1 - hs[t] * hs[t]) * dh", "(1 - hs[t] * hs[t]) ** 2 * dh")),
    plant(
        "derivative at the next step's state",
        DERIVATIVE,
        ("(1 - hs[t] * hs[t])", "(1 - hs[t - 1] * hs[t - 1])"),
        or_kinds=(TIME_INDEX,),
    ),
    plant("hs[t] for hs[t-1]", TIME_INDEX, ("dhraw, hs[t - 1].T", "dhraw, hs[t].T")),
    plant("first state at every step", TIME_INDEX, ("dhraw, hs[t - 1].T", "dhraw, hs[-1].T")),
    plant("readout with hs[t-1]", TIME_INDEX, ("dy, hs[t].T", "dy, hs[t - 1].T")),
    plant("input of the step before", TIME_INDEX, ("dhraw, xs[t].T", "dhraw, xs[max(t - 1, 0)].T")),
    plant("carry left out", CARRY, ("np.dot(Why.T, dy) + dhnext", "np.dot(Why.T, dy)"), or_kinds=(BRANCH,)),
    plant(
        "carry set back at every step",
        CARRY,
        ("        dy = np.copy", "        dhnext = np.zeros_like(hs[0])\n        dy = np.copy"),
        lines=(CHANGED, "dh = np.dot(Why.T, dy)"),
    ),
    plant(
        "carry without the derivative",
        CARRY,
        ("np.dot(Whh.T, dhraw)", "np.dot(Whh.T, dh)"),
        or_kinds=(OPERAND, DERIVATIVE),
    ),
    plant(
        "carry cut every second step",
        CARRY,
        ("dhnext = np.dot(Whh.T, dhraw)", "dhnext = np.dot(Whh.T, dhraw) * (t % 2)"),
    ),
    plant("carry adds up", CARRY, ("dhnext = np.dot(Whh.T, dhraw)", "dhnext += np.dot(Whh.T, dhraw)")),
    plant("bias from dh", OPERAND, ("dbh += dhraw", "dbh += dh"), or_kinds=(DERIVATIVE,)),
    plant(
        "recurrent weights from dh",
        OPERAND,
        ("np.dot(dhraw, hs[t - 1].T)", "np.dot(dh, hs[t - 1].T)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "carry through the input's derivative of the carry",
        OPERAND,
        ("np.dot(Whh.T, dhraw)", "np.dot(Whh.T, dhnext)"),
        or_kinds=(CARRY,),
    ),
    plant(
        "averaged over time",
        FACTOR,
        ("dWhh += np.dot(dhraw, hs[t - 1].T)", "dWhh += np.dot(dhraw, hs[t - 1].T) / len(inputs)"),
    ),
    plant("half the readout", FACTOR, ("dWhy += np.dot(dy, hs[t].T)", "dWhy += 0.5 * np.dot(dy, hs[t].T)")),
    plant("readout overwritten", ACCUMULATION, ("dWhy += np.dot", "dWhy = np.dot")),
    plant("hidden bias overwritten", ACCUMULATION, ("dbh += dhraw", "dbh = dhraw")),
    plant(
        "first step left out of the recurrent weights",
        ACCUMULATION,
        ("dWhh += np.dot(dhraw, hs[t - 1].T)", "dWhh += np.dot(dhraw, hs[t - 1].T) if t > 0 else 0"),
    ),
    plant("logits for probabilities", OUTPUT_DELTA, ("dy = np.copy(ps[t])", "dy = np.copy(ys[t])")),
    plant(
        "diagonal of the softmax Jacobian only",
        OUTPUT_DELTA,
        ("        dy[targets[t]] -= 1\n", "        dy[targets[t]] -= 1\n        dy = dy * ps[t] * (1 - ps[t])\n"),
    ),
    plant("one is not subtracted", OUTPUT_DELTA, ("        dy[targets[t]] -= 1\n", ""), lines=("dy = np.copy(ps[t])",)),
    plant(
        "the target of the step before",
        INJECTION,
        ("dy[targets[t]] -= 1", "dy[targets[t - 1]] -= 1"),
        or_kinds=(TIME_INDEX, OUTPUT_DELTA),
    ),
    plant("one is added", SIGN, ("dy[targets[t]] -= 1", "dy[targets[t]] += 1"), or_kinds=(OUTPUT_DELTA,)),
    plant(
        "the last error at every step",
        INJECTION,
        ("dy = np.copy(ps[t])\n        dy[targets[t]]", "dy = np.copy(ps[len(inputs) - 1])\n        dy[targets[-1]]"),
    ),
    plant("transposed recurrent gradient", LAYOUT, ("np.dot(dhraw, hs[t - 1].T)", "np.dot(hs[t - 1], dhraw.T)")),
    plant("readout reshaped for transposed", LAYOUT, ("np.dot(Why.T, dy)", "np.dot(Why.reshape(Why.T.shape), dy)")),
    plant("bias is one number", BIAS_SUM, ("dby += dy", "dby += np.sum(dy)")),
    plant("hidden bias averaged", BIAS_SUM, ("dbh += dhraw", "dbh += np.mean(dhraw)")),
    plant(
        "readout updated in the loop",
        UPDATE,
        ("        dby += dy\n", "        Why = Why - 0.1 * dWhy\n        dby += dy\n"),
        lines=(CHANGED, "dh = np.dot(Why.T, dy)"),
    ),
    plant(
        "recurrent matrix updated in the loop",
        UPDATE,
        ("        dhnext = np.dot(Whh.T", "        Whh = Whh - 0.1 * dWhh\n        dhnext = np.dot(Whh.T"),
        lines=(CHANGED, "dhnext = np.dot(Whh.T"),
    ),
    plant(
        "own loss lost after the last step",
        BRANCH,
        ("dh = np.dot(Why.T, dy) + dhnext", "dh = dhnext if np.any(dhnext) else np.dot(Why.T, dy)"),
    ),
    plant(
        "clipped in the loop",
        STATE,
        (
            "dhnext = np.dot(Whh.T, dhraw)\n",
            "dhnext = np.dot(Whh.T, dhraw)\n        np.clip(dhnext, -0.1, 0.1, out=dhnext)\n",
        ),
    ),
    plant(
        "states overwritten by their derivative",
        STATE,
        (
            "dhraw = (1 - hs[t] * hs[t]) * dh",
            "hs[t] = 1 - hs[t] * hs[t]\n        dhraw = hs[t] * dh\n        hs[t - 1] = hs[t - 1] * hs[t]",
        ),
        lines=(CHANGED, "dWhh += np.dot(dhraw"),
    ),
    plant("minus the error in the readout bias", SIGN, ("dby += dy", "dby -= dy")),
)
