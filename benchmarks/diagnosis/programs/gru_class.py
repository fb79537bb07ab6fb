"""A GRU as PyTorch has it, the reset gate applied after the product; a class, weights stacked (3*hidden, in)."""

import numpy as np

from oracle import gradient_function


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


class GRULayer:
    def __init__(self, weight_ih, weight_hh, bias_ih, bias_hh):
        self.weight_ih, self.weight_hh = weight_ih, weight_hh
        self.bias_ih, self.bias_hh = bias_ih, bias_hh
        self.hidden_size = weight_hh.shape[1]

    def forward(self, x, h):
        """x (B, T, I), h (B, H) -> (B, T, H); gates in the order r, z, n"""
        H = self.hidden_size
        self.x = x
        self.cache = []
        outputs = np.zeros((*x.shape[:2], H))
        for t in range(x.shape[1]):
            gi = x[:, t] @ self.weight_ih.T + self.bias_ih
            gh = h @ self.weight_hh.T + self.bias_hh
            r = sigmoid(gi[:, :H] + gh[:, :H])
            z = sigmoid(gi[:, H : 2 * H] + gh[:, H : 2 * H])
            hn = gh[:, 2 * H :]
            n = np.tanh(gi[:, 2 * H :] + r * hn)
            self.cache.append((h, r, z, n, hn))
            h = n + z * (h - n)
            outputs[:, t] = h
        return outputs

    def backward(self, grad_outputs):
        """grad_outputs (B, T, H) -> gradient with respect to the first state; the others are kept"""
        self.grad_weight_ih = np.zeros_like(self.weight_ih)
        self.grad_weight_hh = np.zeros_like(self.weight_hh)
        self.grad_bias_ih = np.zeros_like(self.bias_ih)
        self.grad_bias_hh = np.zeros_like(self.bias_hh)
        steps = len(self.cache)
        grad_h = np.zeros_like(grad_outputs[:, 0])
        for t in reversed(range(steps)):
            h_prev, r, z, n, hn = self.cache[t]
            grad_h = grad_h + grad_outputs[:, t]
            grad_n = grad_h * (1 - z) * (1 - n * n)
            grad_z = grad_h * (h_prev - n) * z * (1 - z)
            grad_r = grad_n * hn * r * (1 - r)
            grad_hn = grad_n * r
            grad_gi = np.concatenate([grad_r, grad_z, grad_n], axis=1)
            grad_gh = np.concatenate([grad_r, grad_z, grad_hn], axis=1)
            self.grad_weight_ih += grad_gi.T @ self.x[:, t]
            self.grad_weight_hh += grad_gh.T @ h_prev
            self.grad_bias_ih += grad_gi.sum(axis=0)
            self.grad_bias_hh += grad_gh.sum(axis=0)
            grad_h = grad_h * z + grad_gh @ self.weight_hh
        return grad_h


@gradient_function(
    weight_ih="3*hidden input", weight_hh="3*hidden hidden", bias_ih="3*hidden", bias_hh="3*hidden", h_0="batch hidden"
)
def gru_class(p, sizes, rng):
    layer = GRULayer(p.weight_ih, p.weight_hh, p.bias_ih, p.bias_hh)
    outputs = layer.forward(rng.normal(size=(sizes.batch, sizes.time, sizes.input)), p.h_0)
    target = rng.normal(size=outputs.shape)
    loss = np.mean((outputs - target) ** 2)
    grad_h_0 = layer.backward(2 * (outputs - target) / outputs.size)
    return loss, {
        "weight_ih": layer.grad_weight_ih,
        "weight_hh": layer.grad_weight_hh,
        "bias_ih": layer.grad_bias_ih,
        "bias_hh": layer.grad_bias_hh,
        "h_0": grad_h_0,
    }
