"""The layers of the word model."""

import losses
import numpy as np


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Embedding:
    def __init__(self, W):
        self.W = W

    def forward(self, words):
        self.hot = losses.one_hot(words, len(self.W))
        return self.hot @ self.W

    def backward(self, d_out):
        self.dW = np.einsum("tv,te->ve", self.hot, d_out)


class Recurrent:
    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b

    def forward(self, x):
        self.x = x
        self.h = np.zeros((len(x) + 1, len(self.Wh)))
        for t in range(len(x)):
            self.h[t + 1] = np.tanh(x[t] @ self.Wx + self.h[t] @ self.Wh + self.b)
        return self.h[1:]

    def backward(self, d_out):
        delta = np.zeros_like(d_out)
        carry = 0
        for t in reversed(range(len(d_out))):
            delta[t] = (d_out[t] + carry) * (1 - self.h[t + 1] ** 2)
            carry = delta[t] @ self.Wh.T
        self.dWx, self.dWh, self.db = self.x.T @ delta, self.h[:-1].T @ delta, delta.sum(axis=0)
        return delta @ self.Wx.T
