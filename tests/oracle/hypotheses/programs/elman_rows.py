"""An Elman network over a batch; rows are samples."""

import numpy as np

from oracle import gradient_function


@gradient_function(Wxh="input hidden", Whh="hidden hidden", Why="hidden output", bh="hidden", by="output")
def elman_rows(p, sizes, rng):
    T = sizes.time
    x, target = rng.normal(size=(T, sizes.batch, sizes.input)), rng.normal(size=(T, sizes.batch, sizes.output))
    h, a, y, loss = [rng.normal(size=(sizes.batch, sizes.hidden))], [], [], 0.0
    for t in range(T):
        a.append(x[t] @ p.Wxh + h[t] @ p.Whh + p.bh)
        h.append(np.tanh(a[t]))
        y.append(h[t + 1] @ p.Why + p.by)
        loss += 0.5 * np.sum((y[t] - target[t]) ** 2)
    dWxh, dWhh, dWhy = np.zeros_like(p.Wxh), np.zeros_like(p.Whh), np.zeros_like(p.Why)
    dbh, dby, carry = np.zeros_like(p.bh), np.zeros_like(p.by), np.zeros_like(h[0])
    for t in reversed(range(T)):
        dy = y[t] - target[t]
        dWhy += h[t + 1].T @ dy
        dby += dy.sum(axis=0)
        dh = dy @ p.Why.T + carry
        da = dh * (1 - h[t + 1] ** 2)
        dWxh += x[t].T @ da
        dWhh += h[t].T @ da
        dbh += da.sum(axis=0)
        carry = da @ p.Whh.T
    return loss, dict(Wxh=dWxh, Whh=dWhh, Why=dWhy, bh=dbh, by=dby)
