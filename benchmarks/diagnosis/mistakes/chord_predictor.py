"""The mistakes planted in programs/chord_predictor.py."""

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

plant = planter("chord_predictor")

STEPS = "for t in reversed(range(T)):"
PROBS = "dy = ps[t].copy()"
LABEL = "dy[songs[t + 1], cols] -= 1"
MEAN = "        dy /= T * B\n"
TO_WHY = "dWhy += dy @ hs[t].T"
TO_BY = "dby += dy.sum(axis=1, keepdims=True)"
STATE_ERROR = "dh = Why.T @ dy + dhnext"
NEW = "dn = dh * (1 - zs[t])"
NEW_RAW = "dnraw = (1 - ns[t] ** 2) * dn"
PRODUCT = "du = rs[t] * dnraw"
RESET = "dr = us[t] * dnraw"
RESET_RAW = "drraw = rs[t] * (1 - rs[t]) * dr"
MIX = "dz = dh * (hs[t - 1] - ns[t])"
MIX_RAW = "dzraw = zs[t] * (1 - zs[t]) * dz"
TO_WHR = "dWhr += drraw @ hs[t - 1].T"
TO_BR = "dbr += drraw.sum(axis=1, keepdims=True)"
TO_WXZ = "dWxz += dzraw @ xs[t].T"
TO_WHZ = "dWhz += dzraw @ hs[t - 1].T"
TO_BZ = "dbz += dzraw.sum(axis=1, keepdims=True)"
TO_WXN = "dWxn += dnraw @ xs[t].T"
TO_WHN = "dWhn += du @ hs[t - 1].T"
TO_BXN = "dbxn += dnraw.sum(axis=1, keepdims=True)"
TO_BHN = "dbhn += du.sum(axis=1, keepdims=True)"
INPUT = "dx = Wxr.T @ drraw + Wxz.T @ dzraw + Wxn.T @ dnraw"
TO_E = "np.add.at(dE.T, songs[t], dx.T)"
PAST = "dhnext = zs[t] * dh"
PAST_R = "dhnext += Whr.T @ drraw"
PAST_Z = "dhnext += Whz.T @ dzraw"
PAST_N = "dhnext += Whn.T @ du"

MISTAKES = (
    # layout
    plant("reset gate's recurrent gradient turned round", LAYOUT, (TO_WHR, "dWhr += hs[t - 1] @ drraw.T")),
    plant("chord vectors reshaped instead of transposed", LAYOUT, (TO_WXZ, "dWxz += dzraw @ xs[t].reshape(B, -1)")),
    plant(
        "output matrix reshaped instead of transposed",
        LAYOUT,
        (STATE_ERROR, "dh = Why.reshape(len(h0), -1) @ dy + dhnext"),
    ),
    plant("embedding's error reshaped instead of transposed", LAYOUT, ("dx.T)", "dx.reshape(B, -1))")),
    plant(
        "elementwise instead of matrix product",
        LAYOUT,
        (TO_WHN, "dWhn += (du * hs[t - 1]).sum(axis=1, keepdims=True)"),
    ),
    # activation derivative
    plant("no derivative of the new state's tanh", DERIVATIVE, (NEW_RAW, "dnraw = dn")),
    plant("tanh of the new state once more", DERIVATIVE, (NEW_RAW, "dnraw = (1 - np.tanh(ns[t]) ** 2) * dn")),
    plant("reset gate without its slope", DERIVATIVE, (RESET_RAW, "drraw = dr")),
    plant("update gate as if it were a tanh", DERIVATIVE, (MIX_RAW, "dzraw = (1 - zs[t] ** 2) * dz")),
    plant(
        "update gate's sigmoid once more",
        DERIVATIVE,
        (MIX_RAW, "dzraw = sigmoid(zs[t]) * (1 - sigmoid(zs[t])) * dz"),
    ),
    plant(
        "reset gate from before the tanh",
        DERIVATIVE,
        (RESET, "dr = us[t] * dn"),
        or_kinds=(OPERAND,),
    ),
    # time index
    plant(
        "update gate's weights with the new state", TIME_INDEX, (TO_WHZ, "dWhz += dzraw @ hs[t].T"), or_kinds=(OPERAND,)
    ),
    plant(
        "mixing with the state it made",
        TIME_INDEX,
        (MIX, "dz = dh * (hs[t] - ns[t])"),
        or_kinds=(OPERAND,),
    ),
    plant("output weights one state early", TIME_INDEX, (TO_WHY, "dWhy += dy @ hs[t - 1].T"), or_kinds=(OPERAND,)),
    plant(
        "chord played instead of the one to come",
        TIME_INDEX,
        (LABEL, "dy[songs[t], cols] -= 1"),
        or_kinds=(OUTPUT_DELTA, OPERAND),
    ),
    plant(
        "embedding of the chord to come",
        TIME_INDEX,
        (TO_E, "np.add.at(dE.T, songs[t + 1], dx.T)"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "product computed again from the new state",
        TIME_INDEX,
        (RESET, "dr = (Whn @ hs[t] + bhn) * dnraw"),
        or_kinds=(OPERAND,),
    ),
    # carry
    plant("future steps ignored", CARRY, (STATE_ERROR, "dh = Why.T @ dy"), or_kinds=(BRANCH,)),
    plant("update gate missing on the way back", CARRY, (PAST, "dhnext = dh"), or_kinds=(OPERAND,)),
    plant("new state's matrix missing on the way back", CARRY, (PAST_N, "dhnext += du"), or_kinds=(OPERAND,)),
    plant("not reversed", CARRY, (STEPS, "for t in range(T):"), lines=(CHANGED, STATE_ERROR)),
    plant(
        "never starts afresh",
        CARRY,
        (PAST, "dhnext += zs[t] * dh"),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "cut into blocks of three steps",
        CARRY,
        (f"        {PAST_N}\n", f"        {PAST_N}\n        if t % 3 == 0:\n            dhnext = np.zeros_like(h0)\n"),
    ),
    # operand
    plant(
        "classic form's argument of the reset gate",
        OPERAND,
        (RESET, "dr = hs[t - 1] * dnraw"),
    ),
    plant(
        "classic form's recurrent weights",
        OPERAND,
        (TO_WHN, "dWhn += dnraw @ (rs[t] * hs[t - 1]).T"),
    ),
    plant("reset gate skipped on the way back", OPERAND, (PAST_N, "dhnext += Whn.T @ dnraw"), or_kinds=(CARRY,)),
    plant("reset gate skipped in the recurrent bias", OPERAND, (TO_BHN, TO_BHN.replace("du.", "dnraw."))),
    plant("z for 1 - z", OPERAND, (NEW, "dn = dh * zs[t]")),
    plant(
        "update gate's matrix with the other gate's error",
        OPERAND,
        (PAST_Z, "dhnext += Whz.T @ drraw"),
        or_kinds=(CARRY,),
    ),
    # factor
    plant("summed over chords", FACTOR, (MEAN, ""), lines=(PROBS, LABEL)),
    plant("averaged over songs only", FACTOR, (MEAN, "        dy /= B\n")),
    plant("output weights averaged again", FACTOR, (TO_WHY, "dWhy += dy @ hs[t].T / B")),
    plant("new state's input weights per step", FACTOR, (TO_WXN, "dWxn += dnraw @ xs[t].T / T")),
    # accumulation
    plant("update gate's input weights overwritten", ACCUMULATION, ("dWxz +=", "dWxz =")),
    plant("first chord skipped", ACCUMULATION, (STEPS, "for t in reversed(range(1, T)):")),
    plant(
        "same chord in two songs counted once",
        ACCUMULATION,
        (TO_E, "dE[:, songs[t]] += dx"),
    ),
    plant(
        "input bias of the new state forgotten",
        ACCUMULATION,
        (f"        {TO_BXN}\n", ""),
        lines=("dbxn, dbhn =", TO_BHN, TO_WHN),
    ),
    # output delta
    plant("no label", OUTPUT_DELTA, (f"        {LABEL}\n", ""), lines=(PROBS, "        dy /= T * B")),
    plant("label off in every song", OUTPUT_DELTA, (LABEL, "dy[songs[t + 1]] -= 1"), or_kinds=(LAYOUT,)),
    plant("scores for probabilities", OUTPUT_DELTA, (PROBS, "dy = ys[t].copy()"), or_kinds=(OPERAND,)),
    plant(
        "softmax differentiated once more, on the diagonal",
        OUTPUT_DELTA,
        (MEAN, "        dy *= ps[t] * (1 - ps[t])\n" + MEAN),
        lines=(CHANGED, "        dy /= T * B"),
        or_kinds=(DERIVATIVE,),
    ),
    # transposed recurrent matrix
    plant("Whr not turned", TRANSPOSED, (PAST_R, "dhnext += Whr @ drraw")),
    plant("Whn not turned", TRANSPOSED, (PAST_N, "dhnext += Whn @ du")),
    plant(
        "none of the three turned",
        TRANSPOSED,
        (PAST_R, "dhnext += Whr @ drraw"),
        (PAST_Z, "dhnext += Whz @ dzraw"),
        (PAST_N, "dhnext += Whn @ du"),
    ),
    # bias sum
    plant("output bias a mean over songs", BIAS_SUM, (TO_BY, TO_BY.replace("sum", "mean")), or_kinds=(FACTOR,)),
    plant("reset gate's bias a single number", BIAS_SUM, (TO_BR, "dbr += drraw.sum()")),
    plant("update gate's bias from the last song", BIAS_SUM, (TO_BZ, "dbz += dzraw[:, -1:]")),
    # update order
    plant(
        "output matrix trained on the way",
        UPDATE,
        (f"        {STATE_ERROR}", f"        Why = Why - 0.05 * dWhy\n        {STATE_ERROR}"),
        lines=(CHANGED, STATE_ERROR),
    ),
    plant(
        "recurrent matrix trained on the way",
        UPDATE,
        (f"        {TO_BXN}\n", f"        Whn = Whn - 0.05 * dWhn\n        {TO_BXN}\n"),
        lines=(CHANGED, PAST_N),
    ),
    plant(
        "input matrices trained before the embedding",
        UPDATE,
        (
            f"        {INPUT}",
            f"        Wxr, Wxz, Wxn = Wxr - 0.1 * dWxr, Wxz - 0.1 * dWxz, Wxn - 0.1 * dWxn\n        {INPUT}",
        ),
        lines=(CHANGED, INPUT),
    ),
    # branch
    plant(
        "state kept by the update gate forgotten",
        BRANCH,
        (f"        {PAST}\n        {PAST_R}", f"        {PAST_R.replace('+=', '=')}"),
        or_kinds=(CARRY,),
    ),
    plant(
        "past through the reset gate forgotten",
        BRANCH,
        (f"        {PAST_R}\n", ""),
        lines=(PAST, PAST_Z, PAST_N),
        or_kinds=(CARRY,),
    ),
    plant(
        "last assignment wins",
        BRANCH,
        (PAST_N, "dhnext = Whn.T @ du"),
        or_kinds=(CARRY, ACCUMULATION),
    ),
    plant("embedding through the new state only", BRANCH, (INPUT, "dx = Wxn.T @ dnraw")),
    plant("mixing without the new state", BRANCH, (MIX, "dz = dh * hs[t - 1]"), or_kinds=(OPERAND,)),
    # sign
    plant("mixing the wrong way round", SIGN, (MIX, "dz = dh * (ns[t] - hs[t - 1])"), or_kinds=(OPERAND,)),
    plant(
        "target minus output",
        SIGN,
        (PROBS, "dy = -ps[t]"),
        (LABEL, "dy[songs[t + 1], cols] += 1"),
        lines=(CHANGED, "dy /= T * B"),
        or_kinds=(OUTPUT_DELTA,),
    ),
    plant("slope of the tanh with plus", SIGN, (NEW_RAW, "dnraw = (1 + ns[t] ** 2) * dn"), or_kinds=(DERIVATIVE,)),
    # injection
    plant(
        "only the last chord's error",
        INJECTION,
        (STATE_ERROR, "dh = Why.T @ dy + dhnext if t == T - 1 else dhnext"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "last chord's error at every step",
        INJECTION,
        (PROBS, "dy = ps[T - 1].copy()"),
        (LABEL, "dy[songs[T], cols] -= 1"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "no error in the first two steps",
        INJECTION,
        (STATE_ERROR, "dh = dhnext + (Why.T @ dy if t >= 2 else 0)"),
        or_kinds=(BRANCH,),
    ),
    # state
    plant(
        "clipped at every step",
        STATE,
        (f"        {PAST_N}\n", f"        {PAST_N}\n        np.clip(dhnext, -0.01, 0.01, out=dhnext)\n"),
        or_kinds=(CARRY,),
    ),
    plant(
        "one buffer for three gradients",
        STATE,
        (
            "dWhr, dWhz, dWhn = np.zeros_like(Whr), np.zeros_like(Whz), np.zeros_like(Whn)",
            "dWhr = dWhz = dWhn = np.zeros_like(Whr)",
        ),
        lines=(CHANGED, TO_WHR, TO_WHZ, TO_WHN),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "start replaced by the end for the next songs",
        STATE,
        ("    loss /= T * B\n", "    loss /= T * B\n    hs[-1] = hs[T - 1]\n"),
        lines=(CHANGED, MIX, TO_WHR, TO_WHZ, TO_WHN),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "new state overwritten by its slope",
        STATE,
        (NEW_RAW, "ns[t] = 1 - ns[t] ** 2\n        dnraw = ns[t] * dn"),
        lines=(CHANGED, MIX),
        or_kinds=(OPERAND,),
    ),
)
