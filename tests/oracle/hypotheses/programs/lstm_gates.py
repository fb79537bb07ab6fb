"""An LSTM with a matrix for each gate."""

import numpy as np

from oracle import gradient_function


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


SHAPES = {f"W{k}": "input hidden" for k in "ifgo"} | {f"U{k}": "hidden hidden" for k in "ifgo"}
SHAPES |= {f"b{k}": "hidden" for k in "ifgo"} | {"V": "hidden output", "by": "output"}


@gradient_function(SHAPES)
def lstm_gates(p, sizes, rng):
    T = sizes.time
    x, target = rng.normal(size=(T, sizes.batch, sizes.input)), rng.normal(size=(T, sizes.batch, sizes.output))
    h, c = [rng.normal(size=(sizes.batch, sizes.hidden))], [rng.normal(size=(sizes.batch, sizes.hidden))]
    i, f, g, o, y, loss = [], [], [], [], [], 0.0
    for t in range(T):
        i.append(sigmoid(x[t] @ p.Wi + h[t] @ p.Ui + p.bi))
        f.append(sigmoid(x[t] @ p.Wf + h[t] @ p.Uf + p.bf))
        g.append(np.tanh(x[t] @ p.Wg + h[t] @ p.Ug + p.bg))
        o.append(sigmoid(x[t] @ p.Wo + h[t] @ p.Uo + p.bo))
        c.append(f[t] * c[t] + i[t] * g[t])
        h.append(o[t] * np.tanh(c[t + 1]))
        y.append(h[t + 1] @ p.V + p.by)
        loss += 0.5 * np.sum((y[t] - target[t]) ** 2)
    d = {name: np.zeros_like(value) for name, value in p.items()}
    dh_next, dc_next = np.zeros_like(h[0]), np.zeros_like(c[0])
    for t in reversed(range(T)):
        dy = y[t] - target[t]
        d["V"] += h[t + 1].T @ dy
        d["by"] += dy.sum(axis=0)
        tc = np.tanh(c[t + 1])
        dh = dy @ p.V.T + dh_next
        dc = dh * o[t] * (1 - tc**2) + dc_next
        di = dc * g[t] * i[t] * (1 - i[t])
        df = dc * c[t] * f[t] * (1 - f[t])
        dg = dc * i[t] * (1 - g[t] ** 2)
        do = dh * tc * o[t] * (1 - o[t])
        dh_next = np.zeros_like(dh)
        dh_next += di @ p.Ui.T
        dh_next += df @ p.Uf.T
        dh_next += dg @ p.Ug.T
        dh_next += do @ p.Uo.T
        dc_next = dc * f[t]
        d["Wi"] += x[t].T @ di
        d["Wf"] += x[t].T @ df
        d["Wg"] += x[t].T @ dg
        d["Wo"] += x[t].T @ do
        d["Ui"] += h[t].T @ di
        d["Uf"] += h[t].T @ df
        d["Ug"] += h[t].T @ dg
        d["Uo"] += h[t].T @ do
        d["bi"] += di.sum(axis=0)
        d["bf"] += df.sum(axis=0)
        d["bg"] += dg.sum(axis=0)
        d["bo"] += do.sum(axis=0)
    return loss, d
