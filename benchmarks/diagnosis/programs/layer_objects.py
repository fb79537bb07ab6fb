"""A GRU, an Elman layer over it, then dense, relu, dense at every step: layers of one interface in a list."""

import numpy as np

from oracle import gradient_function


def sig(a):
    return 0.5 * np.tanh(0.5 * a) + 0.5


class Layer:
    def __init__(self, **w):
        self.w = w
        self.g = {k: np.zeros_like(v) for k, v in w.items()}


class GRU(Layer):
    """The reset gate comes before the product; each weight acts on [h, x], (H + D, H)."""

    def forward(self, xs):
        self.mem = []
        h, out = self.w["h0"].repeat(xs.shape[1], axis=0), []
        for x in xs:
            hx = np.concatenate([h, x], axis=1)
            r, z = sig(hx @ self.w["Wr"]), sig(hx @ self.w["Wz"])
            rhx = np.concatenate([r * h, x], axis=1)
            n = np.tanh(rhx @ self.w["Wn"])
            self.mem.append((h, hx, r, z, rhx, n))
            h = (1 - z) * h + z * n
            out.append(h)
        return np.stack(out)

    def backward(self, dout):
        H = dout.shape[2]
        dh = np.zeros_like(dout[0])
        dxs = []
        for d, (h, hx, r, z, rhx, n) in zip(dout[::-1], self.mem[::-1]):
            dh = dh + d
            dn = dh * z * (1 - n**2)
            dz = dh * (n - h) * z * (1 - z)
            drhx = dn @ self.w["Wn"].T
            drh = drhx[:, :H]
            dr = drh * h * r * (1 - r)
            dhx = dr @ self.w["Wr"].T + dz @ self.w["Wz"].T
            self.g["Wn"] += rhx.T @ dn
            self.g["Wz"] += hx.T @ dz
            self.g["Wr"] += hx.T @ dr
            dxs.append(dhx[:, H:] + drhx[:, H:])
            dh = dh * (1 - z) + drh * r + dhx[:, :H]
        self.g["h0"] += dh.sum(axis=0, keepdims=True)
        return np.stack(dxs[::-1])


class Elman(Layer):
    def forward(self, xs):
        self.xs, self.hs = xs, [np.zeros((xs.shape[1], len(self.w["U"])))]
        for x in xs:
            self.hs.append(np.tanh(x @ self.w["W"] + self.hs[-1] @ self.w["U"] + self.w["b"]))
        return np.stack(self.hs[1:])

    def backward(self, dout):
        dxs = np.empty_like(self.xs)
        carry = 0.0
        for t in range(len(dout) - 1, -1, -1):
            da = (dout[t] + carry) * (1 - self.hs[t + 1] ** 2)
            self.g["W"] += self.xs[t].T @ da
            self.g["U"] += self.hs[t].T @ da
            self.g["b"] += da.sum(axis=0)
            dxs[t] = da @ self.w["W"].T
            carry = da @ self.w["U"].T
        return dxs


class Dense(Layer):
    def forward(self, x):
        self.x = x
        return x @ self.w["W"] + self.w["b"]

    def backward(self, dy):
        self.g["W"] += np.tensordot(self.x, dy, axes=((0, 1), (0, 1)))
        self.g["b"] += dy.sum(axis=(0, 1))
        return dy @ self.w["W"].T


class Relu(Layer):
    def forward(self, x):
        self.on = x > 0
        return x * self.on

    def backward(self, dy):
        return dy * self.on


def fit(layers, xs, ys):
    """xs (T, B, I), ys (T, B, O) -> half the squared error, the mean over steps and samples; fills the layers' g"""
    for layer in layers:
        xs = layer.forward(xs)
    T, B, _ = ys.shape
    error = (xs - ys) / (T * B)
    loss = 0.5 * np.sum((xs - ys) ** 2) / (T * B)
    for layer in reversed(layers):
        error = layer.backward(error)
    return loss


@gradient_function(
    h0="1 low", Wr="low+input low", Wz="low+input low", Wn="low+input low",
    W="low high", U="high high", b="high",
    W1="high wide", b1="wide", W2="wide output", b2="output",
)  # fmt: skip
def layer_objects(p, sizes, rng):
    gru = GRU(h0=p.h0, Wr=p.Wr, Wz=p.Wz, Wn=p.Wn)
    elman = Elman(W=p.W, U=p.U, b=p.b)
    first, second = Dense(W=p.W1, b=p.b1), Dense(W=p.W2, b=p.b2)
    xs = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    ys = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    loss = fit([gru, elman, first, Relu(), second], xs, ys)
    dense = {"W1": first.g["W"], "b1": first.g["b"], "W2": second.g["W"], "b2": second.g["b"]}
    return loss, gru.g | elman.g | dense
