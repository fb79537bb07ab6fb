"""A GRU that keeps one object for every time step in a list."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Params:
    def __init__(self, W, U, b):
        """W (3, hidden, in), U (3, hidden, hidden), b (3, hidden): reset gate, update gate, candidate"""
        self.W, self.U, self.b = W, U, b
        self.zero_grad()

    def zero_grad(self):
        self.dW, self.dU, self.db = np.zeros_like(self.W), np.zeros_like(self.U), np.zeros_like(self.b)


class Step:
    def __init__(self, params):
        self.params = params

    def forward(self, x, h_prev):
        W, U, b = self.params.W, self.params.U, self.params.b
        self.x, self.h_prev = x, h_prev
        self.r = sigmoid(W[0].dot(x) + U[0].dot(h_prev) + b[0])
        self.z = sigmoid(W[1].dot(x) + U[1].dot(h_prev) + b[1])
        self.n = np.tanh(W[2].dot(x) + U[2].dot(self.r * h_prev) + b[2])
        self.h = (1 - self.z) * self.n + self.z * h_prev
        return self.h

    def backward(self, dh):
        p = self.params
        da_n = dh * (1 - self.z) * (1 - self.n**2)
        d_reset_h = p.U[2].T.dot(da_n)
        da_z = dh * (self.h_prev - self.n) * self.z * (1 - self.z)
        da_r = d_reset_h * self.h_prev * self.r * (1 - self.r)
        for gate, (da, h_in) in enumerate([(da_r, self.h_prev), (da_z, self.h_prev), (da_n, self.r * self.h_prev)]):
            p.dW[gate] += np.outer(da, self.x)
            p.dU[gate] += np.outer(da, h_in)
            p.db[gate] += da
        return dh * self.z + d_reset_h * self.r + p.U[0].T.dot(da_r) + p.U[1].T.dot(da_z)


class GRU:
    def __init__(self, params):
        self.params = params
        self.steps = []

    def forward(self, xs, h):
        self.steps = [Step(self.params) for _ in xs]
        for step, x in zip(self.steps, xs):
            h = step.forward(x, h)
        return [step.h for step in self.steps]

    def backward(self, dhs):
        carry = np.zeros_like(dhs[0])
        for step, dh in zip(reversed(self.steps), reversed(dhs)):
            carry = step.backward(dh + carry)
        return carry
