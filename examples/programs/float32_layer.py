"""A recurrent layer that keeps its states and gradients in float32 buffers, whatever it is given."""

import numpy as np


class TimeRNN:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros(W.shape, dtype="f") for W in self.params]

    def forward(self, xs):
        """xs (N, T, D) -> hs (N, T, H)"""
        Wx, Wh, b = self.params
        N, T, D = xs.shape
        H = Wh.shape[0]
        self.xs, self.hs = xs, np.empty((N, T + 1, H), dtype="f")
        self.hs[:, 0] = 0
        for t in range(T):
            self.hs[:, t + 1] = np.tanh(np.dot(xs[:, t], Wx) + np.dot(self.hs[:, t], Wh) + b)
        return self.hs[:, 1:]

    def backward(self, dhs):
        """dhs (N, T, H) -> dxs (N, T, D)"""
        Wx, Wh, b = self.params
        for grad in self.grads:
            grad[...] = 0
        dWx, dWh, db = self.grads
        dxs = np.empty(self.xs.shape, dtype="f")
        dh = 0
        for t in reversed(range(dhs.shape[1])):
            da = (dhs[:, t] + dh) * (1 - self.hs[:, t + 1] ** 2)
            dWx += np.dot(self.xs[:, t].T, da)
            dWh += np.dot(self.hs[:, t].T, da)
            db += da.sum(axis=0)
            dxs[:, t] = np.dot(da, Wx.T)
            dh = np.dot(da, Wh.T)
        return dxs
