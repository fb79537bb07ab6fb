"""The mistakes planted in programs/word_classifier.py."""

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

plant = planter("word_classifier")

MISTAKES = (
    plant("recurrent matrix not transposed", TRANSPOSED, ("np.dot(dz, self.U.T)", "np.dot(dz, self.U)")),
    plant("derivative left out", DERIVATIVE, ("dz = dh * (1 - self.hs[t] ** 2)", "dz = dh")),
    plant(
        "derivative at the state before",
        DERIVATIVE,
        ("(1 - self.hs[t] ** 2)", "(1 - self.hs[t - 1] ** 2)"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "derivative always at the last state",
        DERIVATIVE,
        ("(1 - self.hs[t] ** 2)", "(1 - self.hs[-1] ** 2)"),
        or_kinds=(TIME_INDEX,),
    ),
    plant("derivative not squared", DERIVATIVE, ("(1 - self.hs[t] ** 2)", "(1 - self.hs[t])")),
    plant("derivative of the gradient", DERIVATIVE, ("(1 - self.hs[t] ** 2)", "(1 - dh**2)"), or_kinds=(OPERAND,)),
    plant("h_t for h_{t-1}", TIME_INDEX, ("self.hs[t - 1].T, dz", "self.hs[t].T, dz")),
    plant("h_{t-2} for h_{t-1}", TIME_INDEX, ("self.hs[t - 1].T, dz", "self.hs[t - 2].T, dz")),
    plant("input one step late", TIME_INDEX, ("self.xs[t - 1].T, dz", "self.xs[t - 2].T, dz")),
    plant("words one step late", TIME_INDEX, ("enumerate(self.words[t - 1])", "enumerate(self.words[t - 2])")),
    plant("words of the first step", TIME_INDEX, ("enumerate(self.words[t - 1])", "enumerate(self.words[0])")),
    plant("readout with the last state but one", TIME_INDEX, ("self.hs[-1].T, d_logits", "self.hs[-2].T, d_logits")),
    plant(
        "carry without the derivative",
        CARRY,
        ("dh = np.dot(dz, self.U.T)", "dh = np.dot(dh, self.U.T)"),
        or_kinds=(OPERAND, DERIVATIVE),
    ),
    plant("carry without the matrix", CARRY, ("dh = np.dot(dz, self.U.T)", "dh = dz")),
    plant("carry adds up", CARRY, ("dh = np.dot(dz, self.U.T)", "dh = dh + np.dot(dz, self.U.T)")),
    plant("no carry", CARRY, ("            dh = np.dot(dz, self.U.T)\n", "            dh = np.zeros_like(dz)\n")),
    plant(
        "carry never assigned",
        CARRY,
        ("            dh = np.dot(dz, self.U.T)\n", ""),
        lines=("dh = np.dot(d_logits, self.V.T)", "dz = dh * (1"),
    ),
    plant(
        "loop runs forward",
        CARRY,
        ("range(len(self.words), 0, -1)", "range(1, len(self.words) + 1)"),
        lines=(CHANGED, "dz = dh * (1"),
    ),
    plant(
        "dh in the recurrent weights", OPERAND, ("self.hs[t - 1].T, dz", "self.hs[t - 1].T, dh"), or_kinds=(DERIVATIVE,)
    ),
    plant(
        "dh in the input's gradient", OPERAND, ("np.dot(dz, self.W.T)", "np.dot(dh, self.W.T)"), or_kinds=(DERIVATIVE,)
    ),
    plant(
        "gradient of the matrix for the matrix",
        OPERAND,
        ("np.dot(dz, self.U.T)", "np.dot(dz, dU.T)"),
        or_kinds=(CARRY,),
    ),
    plant("inputs in the embedding's gradient", OPERAND, ("+= dx[row]", "+= self.xs[t - 1][row]")),
    plant(
        "mean not taken",
        FACTOR,
        ("        d_logits /= batch\n", ""),
        lines=("d_logits[np.arange(batch), labels] -= 1", "dV = np.dot", "d_logits = self.probs.copy()"),
    ),
    plant("divided by the number of steps", FACTOR, ("d_logits /= batch", "d_logits /= len(self.words)")),
    plant("embedding averaged over the batch", FACTOR, ("+= dx[row]", "+= dx[row] / batch")),
    plant("embedding overwritten", ACCUMULATION, ("d_embedding[word] += dx[row]", "d_embedding[word] = dx[row]")),
    plant(
        "words that occur twice count once",
        ACCUMULATION,
        (
            "for row, word in enumerate(self.words[t - 1]):\n                d_embedding[word] += dx[row]\n",
            "d_embedding[self.words[t - 1]] += dx\n",
        ),
    ),
    plant("recurrent weights overwritten", ACCUMULATION, ("dU += np.dot", "dU = np.dot")),
    plant("bias overwritten", ACCUMULATION, ("db += dz.sum", "db = dz.sum")),
    plant("first step skipped", ACCUMULATION, ("range(len(self.words), 0, -1)", "range(len(self.words), 1, -1)")),
    plant(
        "recurrent weights never written",
        ACCUMULATION,
        ("            dU += np.dot(self.hs[t - 1].T, dz)\n", ""),
        lines=("dW, dU, db = np.zeros_like", '"U": dU'),
    ),
    plant(
        "one is not subtracted",
        OUTPUT_DELTA,
        ("        d_logits[np.arange(batch), labels] -= 1\n", ""),
        lines=("d_logits = self.probs.copy()", "d_logits /= batch"),
    ),
    plant("logits for probabilities", OUTPUT_DELTA, ("d_logits = self.probs.copy()", "d_logits = self.logits.copy()")),
    plant(
        "diagonal of the Jacobian only",
        OUTPUT_DELTA,
        ("d_logits /= batch", "d_logits *= self.probs * (1 - self.probs) / batch"),
    ),
    plant("bias averaged", BIAS_SUM, ("dz.sum(axis=0)", "dz.mean(axis=0)")),
    plant("readout bias keeps an axis", BIAS_SUM, ("d_logits.sum(axis=0)", "d_logits.sum(axis=0, keepdims=True)")),
    plant("readout bias averaged", BIAS_SUM, ("dc = d_logits.sum(axis=0)", "dc = d_logits.mean(axis=0)")),
    plant("one is added", SIGN, ("labels] -= 1", "labels] += 1"), or_kinds=(OUTPUT_DELTA,)),
    plant("recurrent weights subtracted", SIGN, ("dU += np.dot", "dU -= np.dot")),
    plant(
        "last error at every step",
        INJECTION,
        ("dh = np.dot(dz, self.U.T)", "dh = np.dot(dz, self.U.T) + np.dot(d_logits, self.V.T)"),
        or_kinds=(CARRY,),
    ),
    plant(
        "error goes in at the first step",
        INJECTION,
        ("dz = dh * (1 - self.hs[t] ** 2)", "dz = dh * (1 - self.hs[t] ** 2) * (t < len(self.words))"),
        or_kinds=(ACCUMULATION, CARRY),
    ),
    plant("recurrent gradient transposed", LAYOUT, ("np.dot(self.hs[t - 1].T, dz)", "np.dot(dz.T, self.hs[t - 1])")),
    plant("inputs reshaped for transposed", LAYOUT, ("self.xs[t - 1].T, dz", "self.xs[t - 1].reshape(-1, batch), dz")),
    plant("readout reshaped for transposed", LAYOUT, ("self.V.T", "self.V.reshape(self.V.T.shape)")),
    plant("input matrix reshaped for transposed", LAYOUT, ("self.W.T", "self.W.reshape(self.W.T.shape)")),
    plant(
        "readout updated before it is used",
        UPDATE,
        (
            "        dh = np.dot(d_logits, self.V.T)",
            "        self.V = self.V - 0.5 * dV\n        dh = np.dot(d_logits, self.V.T)",
        ),
        lines=(CHANGED, "dh = np.dot(d_logits, self.V.T)"),
    ),
    plant(
        "recurrent matrix updated in the loop",
        UPDATE,
        (
            "            dh = np.dot(dz, self.U.T)",
            "            self.U = self.U - 0.5 * dU\n            dh = np.dot(dz, self.U.T)",
        ),
        lines=(CHANGED, "dh = np.dot(dz, self.U.T)"),
    ),
    plant(
        "clipped at every step", STATE, ("dh = np.dot(dz, self.U.T)", "dh = np.clip(np.dot(dz, self.U.T), -0.01, 0.01)")
    ),
    plant(
        "states overwritten",
        STATE,
        (
            "dz = dh * (1 - self.hs[t] ** 2)",
            "self.hs[t - 1] *= self.hs[t]\n            dz = dh * (1 - self.hs[t] ** 2)",
        ),
        lines=("self.hs[t - 1] *=", "dU += np.dot(self.hs[t - 1].T, dz)"),
    ),
    plant(
        "all but one sample lost on the way down",
        BRANCH,
        ("for row, word in enumerate(self.words[t - 1]):", "for row, word in enumerate(self.words[t - 1][:1]):"),
        or_kinds=(ACCUMULATION,),
    ),
)
