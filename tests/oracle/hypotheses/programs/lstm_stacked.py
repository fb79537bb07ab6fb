"""An LSTM with its gates in one matrix, order i, f, g, o; the initial states are parameters."""

import numpy as np

from oracle import gradient_function


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@gradient_function(W="input 4*hidden", U="hidden 4*hidden", b="4*hidden", h0="batch hidden", c0="batch hidden")
def lstm_stacked(p, sizes, rng):
    T, n = sizes.time, sizes.hidden
    x, upstream = rng.normal(size=(T, sizes.batch, sizes.input)), rng.normal(size=(T, sizes.batch, n))
    h, c, cache, loss = p.h0, p.c0, [], 0.0
    for t in range(T):
        a = x[t] @ p.W + h @ p.U + p.b
        i, f, g, o = sigmoid(a[:, :n]), sigmoid(a[:, n : 2 * n]), np.tanh(a[:, 2 * n : 3 * n]), sigmoid(a[:, 3 * n :])
        h_prev, c_prev = h, c
        c = f * c_prev + i * g
        tc = np.tanh(c)
        h = o * tc
        cache.append((h_prev, c_prev, c, i, f, g, o, tc))
        loss += np.sum(h * upstream[t])
    dW, dU, db = np.zeros_like(p.W), np.zeros_like(p.U), np.zeros_like(p.b)
    dh_next, dc_next = np.zeros_like(h), np.zeros_like(c)
    for t in reversed(range(T)):
        h_prev, c_prev, c, i, f, g, o, tc = cache[t]
        dh = upstream[t] + dh_next
        dc = dh * o * (1 - tc**2) + dc_next
        di = dc * g * i * (1 - i)
        df = dc * c_prev * f * (1 - f)
        dg = dc * i * (1 - g**2)
        do = dh * tc * o * (1 - o)
        da = np.hstack((di, df, dg, do))
        dW += x[t].T @ da
        dU += h_prev.T @ da
        db += da.sum(axis=0)
        dh_next = da @ p.U.T
        dc_next = dc * f
    return loss, dict(W=dW, U=dU, b=db, h0=dh_next, c0=dc_next)
