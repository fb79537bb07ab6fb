"""The mistakes planted in programs/sequence_regressor.py."""

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

plant = planter("sequence_regressor")

MISTAKES = (
    plant("recurrent weights with their indices exchanged", TRANSPOSED, ("bj,ij->bi", "bj,ji->bi")),
    plant("derivative left out", DERIVATIVE, ("sig = err * (1 - np.square(self.act[k + 1]))", "sig = err")),
    plant(
        "derivative at the activity before",
        DERIVATIVE,
        ("np.square(self.act[k + 1])", "np.square(self.act[k])"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "derivative at the tanh again",
        DERIVATIVE,
        ("np.square(self.act[k + 1])", "np.square(np.tanh(self.act[k + 1]))"),
    ),
    plant("derivative without the square", DERIVATIVE, ("np.square(self.act[k + 1])", "self.act[k + 1]")),
    plant(
        "sigmoid' for tanh'",
        DERIVATIVE,
        ("(1 - np.square(self.act[k + 1]))", "self.act[k + 1] * (1 - self.act[k + 1])"),
    ),
    plant(
        "derivative before the error comes back",
        DERIVATIVE,
        ("self.wOut) + back", "self.wOut)"),
        ("(1 - np.square(self.act[k + 1]))", "(1 - np.square(self.act[k + 1])) + back"),
        or_kinds=(CARRY,),
    ),
    plant(
        "activity after the step in the recurrent weights",
        TIME_INDEX,
        ("np.tensordot(self.act[k], sig", "np.tensordot(self.act[k + 1], sig"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "activity wraps round at the first step",
        TIME_INDEX,
        ("np.tensordot(self.act[k], sig", "np.tensordot(self.act[k - 1], sig"),
    ),
    plant(
        "activity before the step in the readout",
        TIME_INDEX,
        ("self.act[1:], sigOut", "self.act[:-1], sigOut"),
        or_kinds=(OPERAND,),
    ),
    plant("first state at every step", TIME_INDEX, ("np.tensordot(self.act[k], sig", "np.tensordot(self.act[0], sig")),
    plant("series from behind", TIME_INDEX, ("np.tensordot(self.series[:, k]", "np.tensordot(self.series[:, -k - 1]")),
    plant(
        "series one step late",
        TIME_INDEX,
        ("np.tensordot(self.series[:, k]", "np.tensordot(self.series[:, max(k - 1, 0)]"),
    ),
    plant("nothing comes back", CARRY, ("self.wOut) + back", "self.wOut)"), or_kinds=(BRANCH,)),
    plant(
        "back never assigned",
        CARRY,
        ('            back = np.einsum("bj,ij->bi", sig, self.wRec)\n', ""),
        lines=("back = np.zeros_like", "err = np.einsum", "gradFirst = back.sum"),
    ),
    plant("back adds up", CARRY, ('back = np.einsum("bj', 'back += np.einsum("bj')),
    plant(
        "back without the derivative", CARRY, ('"bj,ij->bi", sig,', '"bj,ij->bi", err,'), or_kinds=(OPERAND, DERIVATIVE)
    ),
    plant("back without the weights", CARRY, ('back = np.einsum("bj,ij->bi", sig, self.wRec)', "back = sig")),
    plant(
        "steps in the order of the series",
        CARRY,
        ("reversed(range(nSteps))", "range(nSteps)"),
        lines=(CHANGED, "err = np.einsum"),
    ),
    plant("back cut every third step", CARRY, ("self.wOut) + back", "self.wOut) + (0 if k % 3 == 0 else back)")),
    plant(
        "first state's gradient without the weights",
        CARRY,
        ("gradFirst = back.sum", "gradFirst = sig.sum"),
        or_kinds=(OPERAND, BRANCH),
    ),
    plant(
        "error in the input weights",
        OPERAND,
        ("self.series[:, k], sig, axes", "self.series[:, k], err, axes"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "error in the hidden bias",
        OPERAND,
        ("np.sum(sig, axis=0, keepdims=True)", "np.sum(err, axis=0, keepdims=True)"),
        or_kinds=(DERIVATIVE, BIAS_SUM),
    ),
    plant(
        "gradient for the weights in what comes back",
        OPERAND,
        ('"bj,ij->bi", sig, self.wRec', '"bj,ij->bi", sig, gradRec'),
        or_kinds=(CARRY,),
    ),
    plant(
        "raw error in the output bias",
        OPERAND,
        ("gradBOut = sigOut.sum", "gradBOut = errOut.sum"),
        or_kinds=(DERIVATIVE, BIAS_SUM),
    ),
    plant(
        "raw error in the readout", OPERAND, ("self.act[1:], sigOut", "self.act[1:], errOut"), or_kinds=(DERIVATIVE,)
    ),
    plant(
        "raw error sent back",
        OPERAND,
        ("sigOut[:, k], self.wOut", "errOut[:, k], self.wOut"),
        or_kinds=(DERIVATIVE, OUTPUT_DELTA),
    ),
    plant(
        "squares differentiated without the half",
        FACTOR,
        ("errOut = (self.outputs - wanted) / nSamples", "errOut = 2 * (self.outputs - wanted) / nSamples"),
    ),
    plant("mean over samples forgotten", FACTOR, ("(self.outputs - wanted) / nSamples", "self.outputs - wanted")),
    plant(
        "divided by the steps",
        FACTOR,
        ("(self.outputs - wanted) / nSamples", "(self.outputs - wanted) / (nSamples * nSteps)"),
    ),
    plant(
        "recurrent weights averaged",
        FACTOR,
        ("np.tensordot(self.act[k], sig, axes=(0, 0))", "np.tensordot(self.act[k], sig, axes=(0, 0)) / nSamples"),
    ),
    plant("recurrent weights overwritten", ACCUMULATION, ("gradRec +=", "gradRec =")),
    plant("input weights overwritten", ACCUMULATION, ("gradIn +=", "gradIn =")),
    plant("hidden bias overwritten", ACCUMULATION, ("gradBHid +=", "gradBHid =")),
    plant(
        "last step skipped",
        ACCUMULATION,
        ("reversed(range(nSteps))", "reversed(range(nSteps - 1))"),
        lines=(CHANGED, "err = np.einsum"),
    ),
    plant("first step skipped", ACCUMULATION, ("reversed(range(nSteps))", "reversed(range(1, nSteps))")),
    plant(
        "readout of the last step only",
        ACCUMULATION,
        ('"tbh,bto->ho", self.act[1:], sigOut', '"bh,bo->ho", self.act[-1], sigOut[:, -1]'),
    ),
    plant(
        "recurrent gradient transposed",
        LAYOUT,
        ("np.tensordot(self.act[k], sig, axes", "np.tensordot(sig, self.act[k], axes"),
    ),
    plant(
        "input gradient filled in another order",
        LAYOUT,
        (
            "gradIn += np.tensordot(self.series[:, k], sig, axes=(0, 0))",
            "gradIn += np.tensordot(sig, self.series[:, k], axes=(0, 0)).reshape(gradIn.shape)",
        ),
    ),
    plant(
        "readout weights reshaped",
        LAYOUT,
        (
            'np.einsum("bo,ho->bh", sigOut[:, k], self.wOut)',
            'np.einsum("bo,oh->bh", sigOut[:, k], self.wOut.reshape(sigOut.shape[2], -1))',
        ),
    ),
    plant("recurrent product summed over the wrong index", LAYOUT, ("bj,ij->bi", "bj,ij->bj"), or_kinds=(TRANSPOSED,)),
    plant(
        "states reshaped to the samples first",
        LAYOUT,
        ('"tbh,bto->ho", self.act[1:], sigOut', '"bth,bto->ho", self.act[1:].reshape(nSamples, nSteps, -1), sigOut'),
    ),
    plant(
        "washout over the samples",
        LAYOUT,
        ("errOut[:, : self.washOut] = 0", "errOut[: self.washOut] = 0"),
        or_kinds=(INJECTION, TIME_INDEX),
    ),
    plant(
        "no derivative at the output",
        OUTPUT_DELTA,
        ("sigOut = errOut * (1 - self.outputs**2)", "sigOut = errOut"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "sigmoid' at the output",
        OUTPUT_DELTA,
        ("(1 - self.outputs**2)", "self.outputs * (1 - self.outputs)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "derivative at what was wanted",
        OUTPUT_DELTA,
        ("(1 - self.outputs**2)", "(1 - wanted**2)"),
        or_kinds=(DERIVATIVE, OPERAND),
    ),
    plant(
        "derivative at the output twice",
        OUTPUT_DELTA,
        ("(1 - self.outputs**2)", "(1 - self.outputs**2) ** 2"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "hidden bias averaged",
        BIAS_SUM,
        ("np.sum(sig, axis=0, keepdims=True)", "np.mean(sig, axis=0, keepdims=True)"),
        or_kinds=(FACTOR,),
    ),
    plant("hidden bias one number", BIAS_SUM, ("np.sum(sig, axis=0, keepdims=True)", "np.sum(sig, keepdims=True)")),
    plant(
        "output bias averaged over the samples",
        BIAS_SUM,
        ("sigOut.sum(axis=(0, 1))", "sigOut.mean(axis=0).sum(axis=0)"),
        or_kinds=(FACTOR,),
    ),
    plant("first state averaged", BIAS_SUM, ("gradFirst = back.sum(", "gradFirst = back.mean("), or_kinds=(FACTOR,)),
    plant("wanted minus output", SIGN, ("self.outputs - wanted) / nSamples", "wanted - self.outputs) / nSamples")),
    plant("one plus the square", SIGN, ("(1 - np.square", "(1 + np.square"), or_kinds=(DERIVATIVE,)),
    plant("error minus what comes back", SIGN, ("self.wOut) + back", "self.wOut) - back"), or_kinds=(CARRY,)),
    plant(
        "errors of the washout kept",
        INJECTION,
        ("        errOut[:, : self.washOut] = 0\n", ""),
        lines=("errOut = (self.outputs", "sigOut = errOut"),
    ),
    plant(
        "errors of the last steps taken out",
        INJECTION,
        ("errOut[:, : self.washOut] = 0", "errOut[:, -self.washOut :] = 0"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "washout one step too long",
        INJECTION,
        ("errOut[:, : self.washOut] = 0", "errOut[:, : self.washOut + 1] = 0"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "last error at every step",
        INJECTION,
        ("sigOut[:, k], self.wOut", "sigOut[:, -1], self.wOut"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "outputs overwritten by their errors",
        STATE,
        (
            "errOut = (self.outputs - wanted) / nSamples",
            "errOut = self.outputs\n        errOut -= wanted\n        errOut /= nSamples",
        ),
        lines=(CHANGED, "sigOut = errOut"),
    ),
    plant(
        "signals clipped",
        STATE,
        ("            gradIn += ", "            sig = np.clip(sig, -0.05, 0.05)\n            gradIn += "),
    ),
    plant(
        "what comes back is clipped",
        STATE,
        (
            'back = np.einsum("bj,ij->bi", sig, self.wRec)',
            'back = np.clip(np.einsum("bj,ij->bi", sig, self.wRec), -0.02, 0.02)',
        ),
    ),
    plant(
        "readout stepped before it is used",
        UPDATE,
        ("        gradBOut = ", "        self.wOut = self.wOut - 0.5 * gradOut\n        gradBOut = "),
        lines=(CHANGED, "err = np.einsum"),
    ),
    plant(
        "recurrent weights stepped in the loop",
        UPDATE,
        (
            "            back = np.einsum",
            "            self.wRec = self.wRec - 0.5 * gradRec\n            back = np.einsum",
        ),
        lines=(CHANGED, "back = np.einsum"),
    ),
    plant(
        "error of the step dropped where something comes back",
        BRANCH,
        (
            'err = np.einsum("bo,ho->bh", sigOut[:, k], self.wOut) + back',
            'err = np.einsum("bo,ho->bh", sigOut[:, k], self.wOut) if k == nSteps - 1 else back',
        ),
        or_kinds=(INJECTION,),
    ),
)
