"""The mistakes planted in programs/review_scores.py."""

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

plant = planter("review_scores")

MISTAKES = (
    plant("Wh not transposed", TRANSPOSED, ("gh = ga @ self.Wh.T", "gh = ga @ self.Wh")),
    plant("tanh' left out", DERIVATIVE, ("ga = gh * (1 - self.h[t] ** 2)", "ga = gh")),
    plant(
        "tanh' at the state before",
        DERIVATIVE,
        ("(1 - self.h[t] ** 2)", "(1 - self.h[t - 1] ** 2)"),
        or_kinds=(TIME_INDEX,),
    ),
    plant("tanh of the state again", DERIVATIVE, ("(1 - self.h[t] ** 2)", "(1 - np.tanh(self.h[t]) ** 2)")),
    plant("sigmoid' for tanh'", DERIVATIVE, ("(1 - self.h[t] ** 2)", "self.h[t] * (1 - self.h[t])")),
    plant(
        "tanh' on the pooled gradient alone",
        DERIVATIVE,
        (
            "            gh += gpooled / T\n            ga = gh * (1 - self.h[t] ** 2)\n",
            "            ga = gh + gpooled / T * (1 - self.h[t] ** 2)\n",
        ),
        or_kinds=(CARRY,),
    ),
    plant(
        "tanh' of the classifier's gradient as well",
        DERIVATIVE,
        ("gpooled = gscores @ self.Wo.T", "gpooled = gscores @ self.Wo.T * (1 - self.pooled**2)"),
    ),
    plant("h_t for h_{t-1}", TIME_INDEX, ("self.h[t - 1].T @ ga", "self.h[t].T @ ga")),
    plant("first state in every step", TIME_INDEX, ("self.h[t - 1].T @ ga", "self.h[-1].T @ ga")),
    plant("state before wraps to the last", TIME_INDEX, ("self.h[t - 1].T @ ga", "self.h[(t - 1) % T].T @ ga")),
    plant("words of the step before", TIME_INDEX, ("self.emb[:, t].T @ ga", "self.emb[:, t - 1].T @ ga")),
    plant("words' gradients one step late", TIME_INDEX, ("gemb[:, t] = ", "gemb[:, t - 1] = ")),
    plant(
        "classifier with the last state",
        TIME_INDEX,
        ("self.gWo = self.pooled.T @ gscores", "self.gWo = self.h[T - 1].T @ gscores"),
        or_kinds=(OPERAND,),
    ),
    plant("later steps forgotten", CARRY, ("gh += gpooled / T", "gh = gpooled / T"), or_kinds=(BRANCH,)),
    plant(
        "no carry",
        CARRY,
        ("            gh = ga @ self.Wh.T\n", ""),
        lines=("gh = np.zeros_like", "gh += gpooled", "ga = gh * (1"),
    ),
    plant("carry without Wh", CARRY, ("gh = ga @ self.Wh.T", "gh = ga")),
    plant("carry without tanh'", CARRY, ("gh = ga @ self.Wh.T", "gh = gh @ self.Wh.T"), or_kinds=(DERIVATIVE, OPERAND)),
    plant("carry adds up", CARRY, ("gh = ga @ self.Wh.T", "gh += ga @ self.Wh.T")),
    plant(
        "words from the first on", CARRY, ("range(T)[::-1]", "range(T)"), lines=(CHANGED, "gh += gpooled", "gh = ga @")
    ),
    plant(
        "carry zeroed at every step",
        CARRY,
        ("        gh = np.zeros_like(self.pooled)\n", ""),
        (
            "            gh += gpooled / T\n",
            "            gh = np.zeros_like(self.pooled)\n            gh += gpooled / T\n",
        ),
        lines=("gh = np.zeros_like", "for t in range(T)[::-1]"),
        or_kinds=(STATE,),
    ),
    plant(
        "gradient of the state in Wx",
        OPERAND,
        ("self.emb[:, t].T @ ga", "self.emb[:, t].T @ gh"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("gradient of the state in the bias", OPERAND, ("ga.sum(0)", "gh.sum(0)"), or_kinds=(DERIVATIVE, BIAS_SUM)),
    plant(
        "gradient of the state in the words", OPERAND, ("= ga @ self.Wx.T", "= gh @ self.Wx.T"), or_kinds=(DERIVATIVE,)
    ),
    plant(
        "gradient for the weights in the carry",
        OPERAND,
        ("gh = ga @ self.Wh.T", "gh = ga @ self.gWh.T"),
        or_kinds=(CARRY,),
    ),
    plant(
        "words of the batch in the wrong rows",
        LAYOUT,
        (
            "np.add.at(self.gE, self.tokens, gemb)",
            "np.add.at(self.gE, self.tokens.ravel(), gemb.transpose(1, 0, 2).reshape(B * T, -1))",
        ),
        or_kinds=(TIME_INDEX,),
    ),
    plant("Wh's gradient the wrong way round", LAYOUT, ("self.h[t - 1].T @ ga", "ga.T @ self.h[t - 1]")),
    plant(
        "Wo reshaped, not transposed", LAYOUT, ("gscores @ self.Wo.T", "gscores @ self.Wo.reshape(-1, len(self.Wo))")
    ),
    plant(
        "embedded words reshaped, not transposed",
        LAYOUT,
        ("self.emb[:, t].T @ ga", "self.emb[:, t].reshape(-1, B) @ ga"),
    ),
    plant(
        "weight decay with a factor of two", FACTOR, ("self.gWh = LAMBDA * self.Wh", "self.gWh = 2 * LAMBDA * self.Wh")
    ),
    plant(
        "weight decay divided by the samples", FACTOR, ("gscores + LAMBDA * self.Wo", "gscores + LAMBDA * self.Wo / B")
    ),
    plant("mean over the samples forgotten", FACTOR, ("- onehot) / B", "- onehot)")),
    plant("mean over the steps forgotten", FACTOR, ("gh += gpooled / T", "gh += gpooled")),
    plant("words' gradients divided by the steps", FACTOR, ("= ga @ self.Wx.T", "= ga @ self.Wx.T / T")),
    plant(
        "each word counted once",
        ACCUMULATION,
        ("np.add.at(self.gE, self.tokens, gemb)", "self.gE[self.tokens] += gemb"),
    ),
    plant("Wx overwritten", ACCUMULATION, ("self.gWx += ", "self.gWx = ")),
    plant("Wh overwritten", ACCUMULATION, ("self.gWh += ", "self.gWh = ")),
    plant("first word left out", ACCUMULATION, ("range(T)[::-1]", "range(1, T)[::-1]")),
    plant(
        "last word left out", ACCUMULATION, ("range(T)[::-1]", "range(T - 1)[::-1]"), lines=(CHANGED, "gh += gpooled")
    ),
    plant(
        "words' gradients of the first step alone",
        ACCUMULATION,
        ("np.add.at(self.gE, self.tokens, gemb)", "np.add.at(self.gE, self.tokens[:, t], gemb[:, t])"),
    ),
    plant(
        "words' gradients never written",
        ACCUMULATION,
        ("        np.add.at(self.gE, self.tokens, gemb)\n", ""),
        lines=("self.gE = np.zeros_like", "gemb[:, t] ="),
    ),
    plant(
        "weight decay of Wh forgotten",
        BRANCH,
        ("        self.gWh = LAMBDA * self.Wh\n", "        self.gWh = np.zeros_like(self.Wh)\n"),
        or_kinds=(ACCUMULATION, FACTOR),
    ),
    plant(
        "log probabilities for probabilities", OUTPUT_DELTA, ("(np.exp(self.logp) - onehot)", "(self.logp - onehot)")
    ),
    plant(
        "diagonal of the softmax's derivative as well",
        OUTPUT_DELTA,
        (
            "(np.exp(self.logp) - onehot) / B",
            "(np.exp(self.logp) - onehot) * np.exp(self.logp) * (1 - np.exp(self.logp)) / B",
        ),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "error of the right class alone",
        OUTPUT_DELTA,
        ("(np.exp(self.logp) - onehot)", "(np.exp(self.logp) - 1) * onehot"),
        or_kinds=(BRANCH,),
    ),
    plant("bh averaged over the samples", BIAS_SUM, ("ga.sum(0)", "ga.mean(0)"), or_kinds=(FACTOR,)),
    plant("bh one number", BIAS_SUM, ("ga.sum(0)", "ga.sum()")),
    plant(
        "bo averaged over the samples",
        BIAS_SUM,
        ("self.gbo = gscores.sum(0)", "self.gbo = gscores.mean(0)"),
        or_kinds=(FACTOR,),
    ),
    plant(
        "bias kept small as well",
        BIAS_SUM,
        ("self.gbh = np.zeros_like(self.bh)", "self.gbh = LAMBDA * self.bh"),
        or_kinds=(ACCUMULATION, FACTOR, STATE),
    ),
    plant(
        "labels minus probabilities",
        SIGN,
        ("(np.exp(self.logp) - onehot)", "(onehot - np.exp(self.logp))"),
        or_kinds=(OUTPUT_DELTA,),
    ),
    plant("weight decay subtracted", SIGN, ("gscores + LAMBDA * self.Wo", "gscores - LAMBDA * self.Wo")),
    plant("one plus the square", SIGN, ("(1 - self.h[t] ** 2)", "(1 + self.h[t] ** 2)"), or_kinds=(DERIVATIVE,)),
    plant(
        "weight decay of Wo forgotten",
        BRANCH,
        ("gscores + LAMBDA * self.Wo", "gscores"),
        or_kinds=(ACCUMULATION, FACTOR),
    ),
    plant(
        "carried gradient without the pooled one",
        BRANCH,
        ("gh += gpooled / T", "gh = gh if t < T - 1 else gpooled / T"),
        or_kinds=(INJECTION,),
    ),
    plant(
        "pooled gradient enters at the last step alone",
        INJECTION,
        ("            gh += gpooled / T\n", ""),
        ("gh = np.zeros_like(self.pooled)", "gh = gpooled / T"),
        lines=(CHANGED, "ga = gh * (1"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "whole gradient at the last step, as without pooling",
        INJECTION,
        ("            gh += gpooled / T\n", ""),
        ("gh = np.zeros_like(self.pooled)", "gh = gpooled"),
        lines=(CHANGED, "ga = gh * (1"),
        or_kinds=(BRANCH, FACTOR),
    ),
    plant(
        "zeroed in the loop, decay and all",
        STATE,
        ("            self.gWh += ", "            self.gWh = LAMBDA * self.Wh\n            self.gWh += "),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "pooled gradient overwritten by the carry",
        STATE,
        ("gh = np.zeros_like(self.pooled)", "gh = gpooled"),
        lines=(CHANGED, "gh += gpooled"),
        or_kinds=(INJECTION,),
    ),
    plant(
        "deltas clipped",
        STATE,
        ("            self.gWx += ", "            ga = np.clip(ga, -0.005, 0.005)\n            self.gWx += "),
    ),
    plant(
        "Wo moved before it is used",
        UPDATE,
        ("        gpooled = gscores", "        self.Wo = self.Wo - 0.1 * self.gWo\n        gpooled = gscores"),
        lines=(CHANGED, "gpooled = gscores"),
    ),
    plant(
        "Wh moved at every step",
        UPDATE,
        ("            gh = ga @", "            self.Wh = self.Wh - 0.1 * self.gWh\n            gh = ga @"),
        lines=(CHANGED, "gh = ga @"),
    ),
)
