"""The notes of the next moment of a tune, by a GRU that resets behind the matrix; it learns in its bptt method."""

import numpy as np

from oracle import gradient_function


def logistic(v):
    return 1.0 / (1.0 + np.exp(-v))


class PianoGRU:
    weights = ("Wz", "Uz", "bz", "Wr", "Ur", "br", "Wn", "bn", "Un", "cn", "V", "d")

    def __init__(self, start, rate=0.5):
        self.rate = rate
        for name in self.weights:
            setattr(self, name, start[name])

    def listen(self, roll, h0):
        """roll (T + 1, B, notes): each moment but the last one is heard, each but the first one predicted"""
        self.roll, self.h = roll, [h0]
        self.z, self.r, self.m, self.n, self.p = [], [], [], [], []
        for t in range(len(roll) - 1):
            self.z.append(logistic(roll[t] @ self.Wz + self.h[t] @ self.Uz + self.bz))
            self.r.append(logistic(roll[t] @ self.Wr + self.h[t] @ self.Ur + self.br))
            self.m.append(self.h[t] @ self.Un + self.cn)
            self.n.append(np.tanh(roll[t] @ self.Wn + self.bn + self.r[t] * self.m[t]))
            self.h.append(self.z[t] * self.h[t] + (1 - self.z[t]) * self.n[t])
            self.p.append(logistic(self.h[t + 1] @ self.V + self.d))

    def surprise(self):
        """Cross-entropy a moment and tune, summed over the notes."""
        played, p = self.roll[1:], np.stack(self.p)
        T, B, _ = played.shape
        return -np.sum(played * np.log(p) + (1 - played) * np.log(1 - p)) / (T * B)

    def bptt(self):
        T, B = len(self.p), len(self.h[0])
        for name in self.weights:
            setattr(self, "d" + name, np.zeros_like(getattr(self, name)))
        dh_next = np.zeros_like(self.h[0])
        for t in range(T - 1, -1, -1):
            x, h, z, r, n = self.roll[t], self.h[t], self.z[t], self.r[t], self.n[t]
            dout = (self.p[t] - self.roll[t + 1]) / (T * B)
            self.dV += self.h[t + 1].T @ dout
            self.dd += dout.sum(axis=0)
            dh = dout @ self.V.T + dh_next

            dn = dh * (1 - z) * (1 - n * n)
            dz = dh * (h - n) * z * (1 - z)
            dm = dn * r
            dr = dn * self.m[t] * r * (1 - r)

            self.dWz += x.T @ dz
            self.dUz += h.T @ dz
            self.dbz += dz.sum(axis=0)
            self.dWr += x.T @ dr
            self.dUr += h.T @ dr
            self.dbr += dr.sum(axis=0)
            self.dWn += x.T @ dn
            self.dbn += dn.sum(axis=0)
            self.dUn += h.T @ dm
            self.dcn += dm.sum(axis=0)

            dh_next = dh * z
            dh_next = dh_next + dz @ self.Uz.T
            dh_next = dh_next + dr @ self.Ur.T
            dh_next = dh_next + dm @ self.Un.T
        for name in self.weights:
            setattr(self, name, getattr(self, name) - self.rate * getattr(self, "d" + name))


SHAPES = {
    **dict.fromkeys(("Wz", "Wr", "Wn"), "notes hidden"),
    **dict.fromkeys(("Uz", "Ur", "Un"), "hidden hidden"),
    **dict.fromkeys(("bz", "br", "bn", "cn"), "hidden"),
    "V": "hidden notes",
    "d": "notes",
}


@gradient_function(SHAPES)
def gru_piano_roll(p, sizes, rng):
    roll = (rng.random((sizes.time + 1, sizes.batch, sizes.notes)) < 0.4).astype(float)
    gru = PianoGRU(p)
    gru.listen(roll, rng.normal(size=(sizes.batch, sizes.hidden)))
    loss = gru.surprise()
    gru.bptt()
    return loss, {name: getattr(gru, "d" + name) for name in PianoGRU.weights}
