"""One head of causal self-attention, forward and backward."""

import numpy as np


def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class SelfAttention:
    def __init__(self, Wq, Wk, Wv, Wo):
        """Wq, Wk (model, key), Wv (model, value), Wo (value, model)"""
        self.Wq, self.Wk, self.Wv, self.Wo = Wq, Wk, Wv, Wo

    def forward(self, x):
        """x (B, T, model) -> (B, T, model)"""
        self.x = x
        self.q, self.k, self.v = x @ self.Wq, x @ self.Wk, x @ self.Wv
        self.scale = 1 / np.sqrt(self.q.shape[-1])
        scores = np.einsum("bik,bjk->bij", self.q, self.k) * self.scale
        future = np.triu(np.ones(scores.shape[1:], dtype=bool), k=1)
        self.weights = softmax(np.where(future, -np.inf, scores))
        self.mixed = self.weights @ self.v
        return self.mixed @ self.Wo

    def backward(self, d_out):
        """d_out (B, T, model) -> gradient with respect to x, gradients of the weights by name"""
        d_mixed = d_out @ self.Wo.T
        d_weights = d_mixed @ self.v.swapaxes(1, 2)
        d_v = self.weights.swapaxes(1, 2) @ d_mixed
        d_scores = self.weights * (d_weights - np.sum(d_weights * self.weights, axis=-1, keepdims=True))
        d_q = d_scores @ self.k * self.scale
        d_k = d_scores.swapaxes(1, 2) @ self.q * self.scale
        d_x = d_q @ self.Wq.T + d_k @ self.Wk.T + d_v @ self.Wv.T
        grads = {name: np.einsum("btm,btk->mk", self.x, d) for name, d in (("Wq", d_q), ("Wk", d_k), ("Wv", d_v))}
        grads["Wo"] = np.einsum("btv,btm->vm", self.mixed, d_out)
        return d_x, grads
