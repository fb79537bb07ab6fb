"""The mistakes planted in programs/verse_writer.py."""

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

plant = planter("verse_writer")

VALUES = "h_prev, r, u, c = self.h[t], self.r[t], self.u[t], self.c[t]"
STEPS = "for t in reversed(range(len(dout))):"
ABOVE = "dh = dout[t] + dh_next"
CAND = "dac = dc * (1 - c**2)"
TO_WC = "self.dWc += dac @ np.vstack((self.x[t], r * h_prev)).T"
TO_BC = "self.dbc += dac.sum(axis=1, keepdims=True)"
GATES = "dag = np.vstack((dr * r * (1 - r), du * u * (1 - u)))"
TO_WG = "self.dWg += dag @ np.vstack((self.x[t], h_prev)).T"
TO_BG = "self.dbg += dag.sum(axis=1, keepdims=True)"
DOWN = "dx[t] = dxrh[:-n] + dxh[:-n]"
BACK = "dh_next = dh * u + drh * r + dxh[-n:]"
LABEL = "dy[w, np.arange(verses)] -= 1"
TO_E = "self.dE += dy @ self.h[t].T"

MISTAKES = (
    # layout
    plant(
        "state in front of the word in the gates",
        LAYOUT,
        (TO_WG, "self.dWg += dag @ np.vstack((h_prev, self.x[t])).T"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "gates put together the other way round",
        LAYOUT,
        (GATES, "dag = np.vstack((du * u * (1 - u), dr * r * (1 - r)))"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "candidate's error split at the wrong end", LAYOUT, ("drh = dxrh[-n:]", "drh = dxrh[:n]"), or_kinds=(OPERAND,)
    ),
    plant(
        "all errors split at the wrong end",
        LAYOUT,
        ("drh = dxrh[-n:]", "drh = dxrh[:n]"),
        (DOWN, "dx[t] = dxrh[n:] + dxh[n:]"),
        (BACK, "dh_next = dh * u + drh * r + dxh[:n]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "candidate's matrix reshaped, not transposed",
        LAYOUT,
        ("dxrh = self.Wc.T @ dac", "dxrh = self.Wc.reshape(-1, n) @ dac"),
    ),
    plant("gates' matrix reshaped, not transposed", LAYOUT, ("self.Wg.T @ dag", "self.Wg.reshape(-1, 2 * n) @ dag")),
    plant(
        "word and state reshaped, not transposed",
        LAYOUT,
        (TO_WG, "self.dWg += dag @ np.vstack((self.x[t], h_prev)).reshape(dag.shape[1], -1)"),
    ),
    plant(
        "words' errors reshaped, not transposed",
        LAYOUT,
        ("np.add.at(self.dE, w, d.T)", "np.add.at(self.dE, w, d.reshape(len(w), -1))"),
    ),
    plant("table reshaped, not transposed", LAYOUT, ("self.E.T @ dy", "self.E.reshape(-1, len(self.E)) @ dy")),
    # activation derivative
    plant("candidate's derivative left out", DERIVATIVE, (CAND, "dac = dc")),
    plant("candidate with a gate's derivative", DERIVATIVE, (CAND, "dac = dc * c * (1 - c)")),
    plant("candidate through tanh again", DERIVATIVE, (CAND, "dac = dc * (1 - np.tanh(c) ** 2)")),
    plant(
        "candidate's derivative twice on the way back",
        DERIVATIVE,
        ("dxrh = self.Wc.T @ dac", "dxrh = self.Wc.T @ (dac * (1 - c**2))"),
    ),
    plant(
        "candidate's error before its derivative in the weights",
        DERIVATIVE,
        (TO_WC, "self.dWc += dc @ np.vstack((self.x[t], r * h_prev)).T"),
        or_kinds=(OPERAND,),
    ),
    plant("gates' derivatives left out", DERIVATIVE, (GATES, "dag = np.vstack((dr, du))")),
    plant("reset gate's derivative by half", DERIVATIVE, (GATES, "dag = np.vstack((dr * (1 - r), du * u * (1 - u)))")),
    plant("update gate with tanh'", DERIVATIVE, (GATES, "dag = np.vstack((dr * r * (1 - r), du * (1 - u**2)))")),
    plant(
        "gates squashed again",
        DERIVATIVE,
        (GATES, "r, u = sigmoid(r), sigmoid(u)\n            " + GATES),
        lines=(CHANGED, GATES, BACK),
        or_kinds=(STATE, OPERAND),
    ),
    plant(
        "dropout forgotten on the way back",
        DERIVATIVE,
        ("dh1 = dropout.backward(upper.backward(dh2))", "dh1 = upper.backward(dh2)"),
        or_kinds=(FACTOR,),
    ),
    # time index
    plant(
        "state after the step throughout",
        TIME_INDEX,
        (VALUES, "h_prev, r, u, c = self.h[t + 1], self.r[t], self.u[t], self.c[t]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "state after the step in the gates' weights",
        TIME_INDEX,
        (TO_WG, "self.dWg += dag @ np.vstack((self.x[t], self.h[t + 1])).T"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "states read as if the first were not in front",
        TIME_INDEX,
        (VALUES, "h_prev, r, u, c = self.h[t - 1], self.r[t], self.u[t], self.c[t]"),
    ),
    plant(
        "gates of the step before",
        TIME_INDEX,
        (VALUES, "h_prev, r, u, c = self.h[t], self.r[t - 1], self.u[t - 1], self.c[t - 1]"),
    ),
    plant(
        "errors down handed on back to front",
        TIME_INDEX,
        ("        return dx\n", "        return dx[::-1]\n"),
        or_kinds=(LAYOUT,),
    ),
    plant(
        "masks from the end", TIME_INDEX, ("zip(self.mask, dout)]", "zip(self.mask[::-1], dout)]"), or_kinds=(OPERAND,)
    ),
    plant(
        "last state in the table at every step", TIME_INDEX, (TO_E, "self.dE += dy @ self.h[-1].T"), or_kinds=(STATE,)
    ),
    plant(
        "words that follow looked up instead",
        TIME_INDEX,
        ("for w, d in zip(self.words, dx):", "for w, d in zip(self.following, dx):"),
        lines=(CHANGED, "np.add.at(self.dE"),
        or_kinds=(OPERAND,),
    ),
    # carry
    plant("nothing back", CARRY, (ABOVE, "dh = dout[t]"), or_kinds=(BRANCH,)),
    plant("back without the update gate", CARRY, (BACK, "dh_next = dh + drh * r + dxh[-n:]"), or_kinds=(OPERAND,)),
    plant("back without the reset gate", CARRY, (BACK, "dh_next = dh * u + drh + dxh[-n:]"), or_kinds=(OPERAND,)),
    plant("back without the matrices", CARRY, (BACK, "dh_next = dh * u"), or_kinds=(BRANCH,)),
    plant("carry adds up", CARRY, (BACK, "dh_next += dh * u + drh * r + dxh[-n:]"), or_kinds=(ACCUMULATION,)),
    plant("steps forward", CARRY, (STEPS, "for t in range(len(dout)):"), lines=(CHANGED, ABOVE)),
    plant(
        "carry cut at every other step",
        CARRY,
        (BACK, "dh_next = dh * u + drh * r + dxh[-n:] if t % 2 else np.zeros(dh.shape)"),
    ),
    # transposed
    plant(
        "candidate's recurrent matrix not transposed",
        TRANSPOSED,
        ("drh = dxrh[-n:]", "drh = self.Wc[:, -n:] @ dac"),
    ),
    plant(
        "gates' recurrent matrices not transposed",
        TRANSPOSED,
        (BACK, "dh_next = dh * u + drh * r + self.Wg[:n, -n:] @ dag[:n] + self.Wg[n:, -n:] @ dag[n:]"),
    ),
    # operand
    plant("candidate's error by the update gate", OPERAND, ("dc = dh * (1 - u)", "dc = dh * u")),
    plant(
        "rest of the update gate in the carry",
        OPERAND,
        (BACK, "dh_next = dh * (1 - u) + drh * r + dxh[-n:]"),
        or_kinds=(CARRY,),
    ),
    plant("reset gate with the candidate", OPERAND, ("dr = drh * h_prev", "dr = drh * c")),
    plant(
        "reset gate past the candidate's matrix",
        OPERAND,
        ("dr = drh * h_prev", "dr = dac * h_prev"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "reset gate forgotten in the weights", OPERAND, (TO_WC, "self.dWc += dac @ np.vstack((self.x[t], h_prev)).T")
    ),
    plant("update gate's error from the candidate's", OPERAND, ("du = dh * (h_prev - c)", "du = dc * (h_prev - c)")),
    plant(
        "update gate for the reset gate in its derivative",
        OPERAND,
        (GATES, "dag = np.vstack((dr * u * (1 - u), du * u * (1 - u)))"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("table's gradient for the table", OPERAND, ("self.E.T @ dy", "self.dE.T @ dy")),
    # branch
    plant("direct way back lost", BRANCH, (BACK, "dh_next = drh * r + dxh[-n:]"), or_kinds=(CARRY,)),
    plant("way back through the gates lost", BRANCH, (BACK, "dh_next = dh * u + drh * r"), or_kinds=(CARRY,)),
    plant("gates left out on the way down", BRANCH, (DOWN, "dx[t] = dxrh[:-n]")),
    plant(
        "update gate forgets the candidate", BRANCH, ("du = dh * (h_prev - c)", "du = dh * h_prev"), or_kinds=(OPERAND,)
    ),
    plant(
        "words that go in forgotten",
        BRANCH,
        ("table.look_up_backward(lower.backward(dh1))", "lower.backward(dh1)"),
        or_kinds=(ACCUMULATION,),
    ),
    # factor
    plant("verses not averaged", FACTOR, ("            dy /= verses\n", ""), lines=("dy = self.prob[t].copy()", LABEL)),
    plant("averaged over the steps, too", FACTOR, ("dy /= verses", "dy /= verses * len(self.prob)")),
    plant("dropout scaled twice", FACTOR, ("[m * d for", "[m * d / KEEP for")),
    # accumulation
    plant("gates' weights overwritten", ACCUMULATION, ("self.dWg += dag", "self.dWg = dag")),
    plant("candidate's bias overwritten", ACCUMULATION, ("self.dbc += dac", "self.dbc = dac")),
    plant("words that come twice counted once", ACCUMULATION, ("np.add.at(self.dE, w, d.T)", "self.dE[w] += d.T")),
    plant("table overwritten", ACCUMULATION, (TO_E, "self.dE = dy @ self.h[t].T")),
    plant(
        "first step left out of the gates' weights",
        ACCUMULATION,
        ("            " + TO_WG, "            if t > 0:\n                " + TO_WG),
        lines=(CHANGED, TO_WG),
    ),
    # output delta
    plant("label taken from all verses", OUTPUT_DELTA, (LABEL, "dy[w] -= 1"), or_kinds=(LAYOUT,)),
    plant(
        "derivative of a sigmoid as well",
        OUTPUT_DELTA,
        ("dy /= verses", "dy *= self.prob[t] * (1 - self.prob[t]) / verses"),
        or_kinds=(DERIVATIVE,),
    ),
    # bias sum
    plant("gates' bias averaged", BIAS_SUM, (TO_BG, "self.dbg += dag.mean(axis=1, keepdims=True)"), or_kinds=(FACTOR,)),
    plant("candidate's bias one number", BIAS_SUM, (TO_BC, "self.dbc += dac.sum()")),
    # sign
    plant("candidate less the state", SIGN, ("du = dh * (h_prev - c)", "du = dh * (c - h_prev)"), or_kinds=(OPERAND,)),
    plant("labels added", SIGN, (LABEL, "dy[w, np.arange(verses)] += 1"), or_kinds=(OUTPUT_DELTA,)),
    # injection
    plant("last error at every step", INJECTION, (ABOVE, "dh = dout[-1] + dh_next"), or_kinds=(TIME_INDEX,)),
    plant("error of the step before", INJECTION, (ABOVE, "dh = dout[t - 1] + dh_next"), or_kinds=(TIME_INDEX,)),
    # state
    plant(
        "dropout drawn anew",
        STATE,
        ("[m * d for m, d in zip(self.mask, dout)]", "[(self.rng.random(d.shape) < KEEP) / KEEP * d for d in dout]"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "carry clipped", STATE, (BACK, "dh_next = np.clip(dh * u + drh * r + dxh[-n:], -0.05, 0.05)"), or_kinds=(CARRY,)
    ),
    plant(
        "state overwritten by the reset one",
        STATE,
        (
            "            " + TO_WC,
            "            h_prev *= r\n            self.dWc += dac @ np.vstack((self.x[t], h_prev)).T",
        ),
        lines=(CHANGED, "dr = drh * h_prev", "du = dh * (h_prev - c)", TO_WG),
        or_kinds=(OPERAND,),
    ),
    # update order
    plant(
        "table moved at every step",
        UPDATE,
        (
            "            dh.append(self.E.T @ dy)",
            "            self.E = self.E - 0.1 * self.dE\n            dh.append(self.E.T @ dy)",
        ),
        lines=(CHANGED, "dh.append(self.E.T @ dy)"),
    ),
    plant(
        "candidate's matrix moved before it is used",
        UPDATE,
        (
            "            dxrh = self.Wc.T @ dac",
            "            self.Wc = self.Wc - 0.1 * self.dWc\n            dxrh = self.Wc.T @ dac",
        ),
        lines=(CHANGED, "dxrh = self.Wc.T @ dac"),
    ),
)
