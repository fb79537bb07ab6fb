"""A single recurrent cell, one object for all steps; who uses it writes the loop over time."""

import numpy as np


class Cell:
    """h_t = tanh(W [x_t, h_{t-1}] + b), on column vectors."""

    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)
        self.stack = []

    def step(self, x, h):
        v = np.vstack((x, h))
        out = np.tanh(np.dot(self.W, v) + self.b)
        self.stack.append((v, out))
        return out

    def step_back(self, grad):
        """Undoes the last step: the gradient of its output -> the gradients of its two inputs."""
        v, out = self.stack.pop()
        delta = grad * (1 - np.square(out))
        self.dW += np.dot(delta, v.T)
        self.db += delta
        dv = np.dot(self.W.T, delta)
        split = len(v) - len(out)
        return dv[:split], dv[split:]
