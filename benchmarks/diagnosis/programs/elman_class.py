"""An Elman network as a class that keeps what its backward pass needs; weights are (out, in)."""

import numpy as np

from oracle import gradient_function


class ElmanRNN:
    def __init__(self, U, W, V, b, c):
        self.U = U  # (hidden, input)
        self.W = W  # (hidden, hidden)
        self.V = V  # (output, hidden)
        self.b = b
        self.c = c

    def forward(self, inputs, h0):
        """inputs: T arrays (B, input); h0: (B, hidden)"""
        self.inputs = inputs
        self.pre = []
        self.states = [h0]
        self.outputs = []
        for x in inputs:
            self.pre.append(x @ self.U.T + self.states[-1] @ self.W.T + self.b)
            self.states.append(np.tanh(self.pre[-1]))
            self.outputs.append(self.states[-1] @ self.V.T + self.c)
        return self.outputs

    def backward(self, grad_outputs):
        """grad_outputs: T arrays (B, output), the gradient of the loss with respect to every output"""
        self.dU = np.zeros_like(self.U)
        self.dW = np.zeros_like(self.W)
        self.dV = np.zeros_like(self.V)
        self.db = np.zeros_like(self.b)
        self.dc = np.zeros_like(self.c)
        delta_next = np.zeros_like(self.states[0])
        for t in range(len(self.inputs) - 1, -1, -1):
            grad = grad_outputs[t]
            self.dV += grad.T @ self.states[t + 1]
            self.dc += np.sum(grad, axis=0)
            grad_h = grad @ self.V
            grad_h = grad_h + delta_next @ self.W
            delta = grad_h * (1.0 - np.square(self.states[t + 1]))
            self.dU += delta.T @ self.inputs[t]
            self.dW += delta.T @ self.states[t]
            self.db += np.sum(delta, axis=0)
            delta_next = delta
        return {"U": self.dU, "W": self.dW, "V": self.dV, "b": self.db, "c": self.dc}


@gradient_function(U="hidden input", W="hidden hidden", V="output hidden", b="hidden", c="output")
def elman_class(p, sizes, rng):
    net = ElmanRNN(p.U, p.W, p.V, p.b, p.c)
    inputs = list(rng.normal(size=(sizes.time, sizes.batch, sizes.input)))
    outputs = net.forward(inputs, rng.normal(size=(sizes.batch, sizes.hidden)))
    upstream = list(rng.normal(size=(sizes.time, sizes.batch, sizes.output)))
    loss = sum(np.sum(o * d) for o, d in zip(outputs, upstream))
    return loss, net.backward(upstream)
