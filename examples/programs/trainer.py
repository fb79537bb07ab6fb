"""A class whose only public method trains: the gradients never leave it, and its parameters change at once."""

import numpy as np


class EchoNetwork:
    """Learns to repeat its input one step later."""

    def __init__(self, n_hidden, n_in, lr=0.05):
        self.W_in = np.random.randn(n_hidden, n_in) * 0.1
        self.W_rec = np.random.randn(n_hidden, n_hidden) * 0.1
        self.W_out = np.random.randn(n_in, n_hidden) * 0.1
        self.lr = lr

    def train_step(self, xs, targets):
        """xs, targets (T, n_in) -> half the squared error before the step"""
        T = len(xs)
        hs = np.zeros((T + 1, len(self.W_rec)))
        ys = np.zeros_like(targets)
        for t in range(T):
            hs[t + 1] = np.tanh(self.W_in @ xs[t] + self.W_rec @ hs[t])
            ys[t] = self.W_out @ hs[t + 1]
        loss = 0.5 * np.sum((ys - targets) ** 2)

        grad_in, grad_rec, grad_out = (np.zeros_like(w) for w in (self.W_in, self.W_rec, self.W_out))
        carry = np.zeros(len(self.W_rec))
        for t in range(T - 1, -1, -1):
            err = ys[t] - targets[t]
            grad_out += np.outer(err, hs[t + 1])
            delta = (self.W_out.T @ err + carry) * (1 - hs[t + 1] ** 2)
            grad_in += np.outer(delta, xs[t])
            grad_rec += np.outer(delta, hs[t])
            carry = self.W_rec.T @ delta

        self.W_in -= self.lr * grad_in
        self.W_rec -= self.lr * grad_rec
        self.W_out -= self.lr * grad_out
        return loss
