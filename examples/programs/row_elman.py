"""An Elman network on row vectors: every state is (1, hidden), every weight (in, out)."""

import numpy as np


class ElmanNet:
    def __init__(self, w_xh, w_hh, w_hy, b_h, b_y):
        self.w_xh, self.w_hh, self.w_hy, self.b_h, self.b_y = w_xh, w_hh, w_hy, b_h, b_y

    def forward(self, series, context):
        self.inputs = [np.array(value, ndmin=2) for value in series]
        self.states = [context]
        self.outputs = []
        for x in self.inputs:
            self.states.append(np.tanh(x.dot(self.w_xh) + self.states[-1].dot(self.w_hh) + self.b_h))
            self.outputs.append(1.0 / (1.0 + np.exp(-(self.states[-1].dot(self.w_hy) + self.b_y))))
        return self.outputs

    def cost(self, targets):
        return sum(((o - t) ** 2).mean() for o, t in zip(self.outputs, targets))

    def backprop(self, targets):
        g_xh, g_hh, g_hy = np.zeros_like(self.w_xh), np.zeros_like(self.w_hh), np.zeros_like(self.w_hy)
        g_h, g_y = np.zeros_like(self.b_h), np.zeros_like(self.b_y)
        carry = np.zeros_like(self.states[0])
        for t in reversed(range(len(self.inputs))):
            o, h = self.outputs[t], self.states[t + 1]
            d_out = 2 * (o - targets[t]) / o.size * o * (1 - o)
            g_hy += h.T.dot(d_out)
            g_y += d_out
            d_h = (d_out.dot(self.w_hy.T) + carry) * (1 - h * h)
            g_xh += self.inputs[t].T.dot(d_h)
            g_hh += self.states[t].T.dot(d_h)
            g_h += d_h
            carry = d_h.dot(self.w_hh.T)
        return g_xh, g_hh, g_hy, g_h, g_y
