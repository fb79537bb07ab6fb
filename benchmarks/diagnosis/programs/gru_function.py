"""A GRU whose reset gate is applied before the product; one function, rows are samples."""

import numpy as np

from oracle import gradient_function


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(p, x, h0, dh_out):
    """x (T, B, I), h0 (B, H), dh_out (T, B, H): upstream gradient of the states -> loss, gradients"""
    Wz, Wr, Wn, Uz, Ur, Un = p["Wz"], p["Wr"], p["Wn"], p["Uz"], p["Ur"], p["Un"]
    T = len(x)
    h = np.zeros((T + 1, *h0.shape))
    z, r, n = np.zeros_like(h[1:]), np.zeros_like(h[1:]), np.zeros_like(h[1:])
    h[0] = h0
    for t in range(T):
        z[t] = sigmoid(x[t] @ Wz + h[t] @ Uz + p["bz"])
        r[t] = sigmoid(x[t] @ Wr + h[t] @ Ur + p["br"])
        n[t] = np.tanh(x[t] @ Wn + (r[t] * h[t]) @ Un + p["bn"])
        h[t + 1] = (1 - z[t]) * n[t] + z[t] * h[t]
    loss = np.sum(h[1:] * dh_out)

    grads = {name: np.zeros_like(value) for name, value in p.items()}
    dh_next = np.zeros_like(h0)
    for t in range(T - 1, -1, -1):
        dh = dh_out[t] + dh_next
        dn = dh * (1 - z[t])
        dz = dh * (h[t] - n[t])
        dn_raw = dn * (1 - n[t] ** 2)
        drh = dn_raw @ Un.T
        dr = drh * h[t]
        dr_raw = dr * r[t] * (1 - r[t])
        dz_raw = dz * z[t] * (1 - z[t])

        grads["Wn"] += x[t].T @ dn_raw
        grads["Wr"] += x[t].T @ dr_raw
        grads["Wz"] += x[t].T @ dz_raw
        grads["Un"] += (r[t] * h[t]).T @ dn_raw
        grads["Ur"] += h[t].T @ dr_raw
        grads["Uz"] += h[t].T @ dz_raw
        grads["bn"] += dn_raw.sum(axis=0)
        grads["br"] += dr_raw.sum(axis=0)
        grads["bz"] += dz_raw.sum(axis=0)

        dh_next = dh * z[t]
        dh_next += drh * r[t]
        dh_next += dr_raw @ Ur.T
        dh_next += dz_raw @ Uz.T
    return loss, grads


SHAPES = {f"W{gate}": "input hidden" for gate in "zrn"} | {f"U{gate}": "hidden hidden" for gate in "zrn"}
SHAPES |= {f"b{gate}": "hidden" for gate in "zrn"}


@gradient_function(SHAPES)
def gru_function(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    h0 = rng.normal(size=(sizes.batch, sizes.hidden))
    return gru(p, x, h0, rng.normal(size=(sizes.time, sizes.batch, sizes.hidden)))
