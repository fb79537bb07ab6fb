"""An LSTM class with W, U and b of its own for each gate; states in lists, initial states in front."""

import numpy as np

from oracle import gradient_function


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def dsigmoid(y):
    return y * (1 - y)


def dtanh(y):
    return 1 - y * y


class LSTM:
    def __init__(self, params):
        for name, value in params.items():
            setattr(self, name, value)

    def forward(self, xs, h0, c0):
        self.xs, self.hs, self.cs = xs, [h0], [c0]
        self.i, self.f, self.o, self.g, self.ys = [], [], [], [], []
        for t, x in enumerate(xs):
            h = self.hs[t]
            self.i.append(sigmoid(x @ self.W_i + h @ self.U_i + self.b_i))
            self.f.append(sigmoid(x @ self.W_f + h @ self.U_f + self.b_f))
            self.o.append(sigmoid(x @ self.W_o + h @ self.U_o + self.b_o))
            self.g.append(np.tanh(x @ self.W_g + h @ self.U_g + self.b_g))
            self.cs.append(self.f[t] * self.cs[t] + self.i[t] * self.g[t])
            self.hs.append(self.o[t] * np.tanh(self.cs[t + 1]))
            self.ys.append(self.hs[t + 1] @ self.V + self.c)
        return self.ys

    def backward(self, targets):
        names = [kind + gate for kind in ("W_", "U_", "b_") for gate in "ifog"] + ["V", "c"]
        d = {name: np.zeros_like(getattr(self, name)) for name in names}
        dh_next = np.zeros_like(self.hs[0])
        dc_next = np.zeros_like(self.cs[0])
        for t in reversed(range(len(self.xs))):
            x, h_prev, c_prev = self.xs[t], self.hs[t], self.cs[t]
            i, f, o, g = self.i[t], self.f[t], self.o[t], self.g[t]
            tanh_c = np.tanh(self.cs[t + 1])

            dy = self.ys[t] - targets[t]
            d["V"] += self.hs[t + 1].T @ dy
            d["c"] += dy.sum(0)

            dh = dy @ self.V.T + dh_next
            dc = dc_next + dh * o * dtanh(tanh_c)
            delta_o = dh * tanh_c * dsigmoid(o)
            delta_f = dc * c_prev * dsigmoid(f)
            delta_i = dc * g * dsigmoid(i)
            delta_g = dc * i * dtanh(g)

            d["W_i"] += x.T @ delta_i
            d["W_f"] += x.T @ delta_f
            d["W_o"] += x.T @ delta_o
            d["W_g"] += x.T @ delta_g
            d["U_i"] += h_prev.T @ delta_i
            d["U_f"] += h_prev.T @ delta_f
            d["U_o"] += h_prev.T @ delta_o
            d["U_g"] += h_prev.T @ delta_g
            d["b_i"] += delta_i.sum(0)
            d["b_f"] += delta_f.sum(0)
            d["b_o"] += delta_o.sum(0)
            d["b_g"] += delta_g.sum(0)

            dh_next = delta_i @ self.U_i.T + delta_f @ self.U_f.T + delta_o @ self.U_o.T + delta_g @ self.U_g.T
            dc_next = dc * f
        return d


SHAPES = {
    **{f"W_{gate}": "input hidden" for gate in "ifog"},
    **{f"U_{gate}": "hidden hidden" for gate in "ifog"},
    **{f"b_{gate}": "hidden" for gate in "ifog"},
    "V": "hidden output",
    "c": "output",
}


@gradient_function(SHAPES)
def lstm_class(p, sizes, rng):
    net = LSTM(p)
    xs = list(rng.normal(size=(sizes.time, sizes.batch, sizes.input)))
    targets = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    h0, c0 = rng.normal(size=(2, sizes.batch, sizes.hidden))
    ys = net.forward(xs, h0, c0)
    loss = 0.5 * sum(np.sum((y - target) ** 2) for y, target in zip(ys, targets))
    return loss, net.backward(targets)
