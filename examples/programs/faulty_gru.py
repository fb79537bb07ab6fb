"""A GRU over a batch, whose backward pass takes one gate for the other where the arrow points."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class GRU:
    """Weights (in + hidden, hidden): Wr of the reset gate, Wz of the update gate, Wn of the candidate."""

    def __init__(self, Wr, Wz, Wn):
        self.Wr, self.Wz, self.Wn = Wr, Wz, Wn

    def forward(self, x, h):
        """x (T, B, in), h (B, hidden) -> the states (T, B, hidden)"""
        self.caches, states = [], []
        for x_t in x:
            xh = np.hstack([x_t, h])
            r, z = sigmoid(xh @ self.Wr), sigmoid(xh @ self.Wz)
            xrh = np.hstack([x_t, r * h])
            n = np.tanh(xrh @ self.Wn)
            self.caches.append((xh, xrh, r, z, n, h))
            h = (1 - z) * n + z * h
            states.append(h)
        return np.stack(states)

    def backward(self, d_states):
        dWr, dWz, dWn = np.zeros_like(self.Wr), np.zeros_like(self.Wz), np.zeros_like(self.Wn)
        hidden = d_states.shape[2]
        carry = 0
        for d, (xh, xrh, r, z, n, h) in zip(d_states[::-1], self.caches[::-1]):
            d = d + carry
            da_n = d * z * (1 - n**2)  # <- should be 1 - z
            d_rh = (da_n @ self.Wn.T)[:, -hidden:]
            da_z = d * (h - n) * z * (1 - z)
            da_r = d_rh * h * r * (1 - r)
            dWn += xrh.T @ da_n
            dWz += xh.T @ da_z
            dWr += xh.T @ da_r
            carry = d * z + d_rh * r + (da_z @ self.Wz.T + da_r @ self.Wr.T)[:, -hidden:]
        return dWr, dWz, dWn
