"""A simple recurrent net as a class: learned first state, tanh at the output, no error in the first steps."""

import numpy as np

from oracle import gradient_function


class SequenceRegressor:
    washOut = 1

    def __init__(self, params):
        self.wIn, self.wRec, self.wOut = params["wIn"], params["wRec"], params["wOut"]
        self.bHid, self.bOut, self.first = params["bHid"], params["bOut"], params["first"]

    def forward(self, series):
        """series (B, T, I) -> outputs (B, T, O)"""
        self.series = series
        nSamples, nSteps, _ = series.shape
        self.act = np.empty((nSteps + 1, nSamples, self.wRec.shape[0]))
        self.act[0] = self.first.repeat(nSamples, axis=0)
        self.outputs = np.empty((nSamples, nSteps, self.wOut.shape[1]))
        for k in range(nSteps):
            drive = np.einsum("bi,ih->bh", series[:, k], self.wIn) + self.bHid
            self.act[k + 1] = np.tanh(drive + np.dot(self.act[k], self.wRec))
            self.outputs[:, k] = np.tanh(np.dot(self.act[k + 1], self.wOut) + self.bOut)
        return self.outputs

    def cost(self, wanted):
        """Half the squared error a sample, of the steps after the washout."""
        late = self.outputs[:, self.washOut :] - wanted[:, self.washOut :]
        return 0.5 * np.sum(late**2) / len(wanted)

    def backward(self, wanted):
        nSamples, nSteps, _ = self.series.shape
        errOut = (self.outputs - wanted) / nSamples
        errOut[:, : self.washOut] = 0
        sigOut = errOut * (1 - self.outputs**2)

        gradOut = np.einsum("tbh,bto->ho", self.act[1:], sigOut)
        gradBOut = sigOut.sum(axis=(0, 1)).reshape(1, -1)

        gradIn, gradRec, gradBHid = np.zeros_like(self.wIn), np.zeros_like(self.wRec), np.zeros_like(self.bHid)
        back = np.zeros_like(self.act[0])
        for k in reversed(range(nSteps)):
            err = np.einsum("bo,ho->bh", sigOut[:, k], self.wOut) + back
            sig = err * (1 - np.square(self.act[k + 1]))
            gradIn += np.tensordot(self.series[:, k], sig, axes=(0, 0))
            gradRec += np.tensordot(self.act[k], sig, axes=(0, 0))
            gradBHid += np.sum(sig, axis=0, keepdims=True)
            back = np.einsum("bj,ij->bi", sig, self.wRec)
        gradFirst = back.sum(axis=0, keepdims=True)
        return {
            "wIn": gradIn,
            "wRec": gradRec,
            "wOut": gradOut,
            "bHid": gradBHid,
            "bOut": gradBOut,
            "first": gradFirst,
        }


@gradient_function(
    wIn="input hidden",
    wRec="hidden hidden",
    wOut="hidden output",
    bHid="1 hidden",
    bOut="1 output",
    first="1 hidden",
)
def sequence_regressor(p, sizes, rng):
    series = rng.normal(size=(sizes.batch, sizes.time, sizes.input))
    wanted = np.sin(rng.normal(size=(sizes.batch, sizes.time, sizes.output)))
    model = SequenceRegressor(p)
    model.forward(series)
    return model.cost(wanted), model.backward(wanted)
