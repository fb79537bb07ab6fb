"""Saves memory: the backward pass writes its deltas over the states, and the step over the parameters."""

import numpy as np


class FrugalRNN:
    def __init__(self, W, R, b):
        """W (in, hidden), R (hidden, hidden), b (hidden,)"""
        self.W, self.R, self.b = W, R, b

    def forward(self, x, h0):
        """x (T, B, in), h0 (B, hidden) -> the states (T, B, hidden), in a buffer that the next call uses again"""
        self.x, self.h0 = x, h0
        if not hasattr(self, "buffer") or self.buffer.shape[:2] != x.shape[:2]:
            self.buffer = np.empty((len(x), *h0.shape))
        h = h0
        for t in range(len(x)):
            a = self.buffer[t]
            np.dot(x[t], self.W, out=a)
            a += h @ self.R
            a += self.b
            np.tanh(a, out=a)
            h = a
        return self.buffer

    def step(self, d_states, rate):
        """One step of gradient descent, after which nothing of the forward pass is left; returns the gradients."""
        dW, dR, db = np.zeros_like(self.W), np.zeros_like(self.R), np.zeros_like(self.b)
        delta = self.buffer
        carry = np.zeros_like(self.h0)
        for t in range(len(delta) - 1, -1, -1):
            np.square(delta[t], out=delta[t])
            np.subtract(1, delta[t], out=delta[t])
            delta[t] *= d_states[t] + carry
            carry = delta[t] @ self.R.T
            dW += self.x[t].T @ delta[t]
            dR += (delta[t - 1] if t else self.h0).T @ delta[t]
            db += delta[t].sum(axis=0)
        self.W -= rate * dW
        self.R -= rate * dR
        self.b -= rate * db
        return dW, dR, db
