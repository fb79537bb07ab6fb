"""Next-step prediction: reports the summed error of a batch, and steps by its average."""

import numpy as np


class Predictor:
    def __init__(self, W, R, v):
        """W (in, hidden), R (hidden, hidden), v (hidden,)"""
        self.W, self.R, self.v = W, R, v

    def fit(self, x, y):
        """x (T, B, in), y (T, B)"""
        T, B, _ = x.shape
        h = np.zeros((T + 1, B, len(self.v)))
        for t in range(T):
            h[t + 1] = np.tanh(x[t] @ self.W + h[t] @ self.R)
        error = h[1:] @ self.v - y
        self.dW, self.dR = np.zeros_like(self.W), np.zeros_like(self.R)
        carry = 0
        for t in range(T)[::-1]:
            delta = (np.outer(error[t], self.v) + carry) * (1 - h[t + 1] ** 2)
            self.dW += x[t].T @ delta / B
            self.dR += h[t].T @ delta / B
            carry = delta @ self.R.T
        self.dv = np.einsum("tbh,tb->h", h[1:], error) / B
        return 0.5 * np.sum(error**2)
