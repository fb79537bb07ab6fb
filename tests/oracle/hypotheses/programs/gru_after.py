"""A GRU whose reset gate is applied after the product."""

import numpy as np

from oracle import gradient_function


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


SHAPES = {f"W{k}": "input hidden" for k in "zrn"} | {f"U{k}": "hidden hidden" for k in "zrn"}
SHAPES |= {f"b{k}": "hidden" for k in "zrn"}


@gradient_function(SHAPES)
def gru_after(p, sizes, rng):
    T = sizes.time
    x, upstream = rng.normal(size=(T, sizes.batch, sizes.input)), rng.normal(size=(T, sizes.batch, sizes.hidden))
    h, z, r, q, n, loss = [rng.normal(size=(sizes.batch, sizes.hidden))], [], [], [], [], 0.0
    for t in range(T):
        z.append(sigmoid(x[t] @ p.Wz + h[t] @ p.Uz + p.bz))
        r.append(sigmoid(x[t] @ p.Wr + h[t] @ p.Ur + p.br))
        q.append(h[t] @ p.Un)
        n.append(np.tanh(x[t] @ p.Wn + r[t] * q[t] + p.bn))
        h.append((1 - z[t]) * n[t] + z[t] * h[t])
        loss += np.sum(h[t + 1] * upstream[t])
    d = {name: np.zeros_like(value) for name, value in p.items()}
    carry = np.zeros_like(h[0])
    for t in reversed(range(T)):
        dh = upstream[t] + carry
        dn = dh * (1 - z[t]) * (1 - n[t] ** 2)
        dz = dh * (h[t] - n[t]) * z[t] * (1 - z[t])
        carry = dh * z[t]
        dq = dn * r[t]
        dr = dn * q[t] * r[t] * (1 - r[t])
        carry += dq @ p.Un.T
        d["Un"] += h[t].T @ dq
        carry += dr @ p.Ur.T
        carry += dz @ p.Uz.T
        d["Wz"] += x[t].T @ dz
        d["Wr"] += x[t].T @ dr
        d["Wn"] += x[t].T @ dn
        d["Uz"] += h[t].T @ dz
        d["Ur"] += h[t].T @ dr
        d["bz"] += dz.sum(axis=0)
        d["br"] += dr.sum(axis=0)
        d["bn"] += dn.sum(axis=0)
    return loss, d
