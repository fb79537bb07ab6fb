"""An LSTM with all gates in one weight matrix, order i, f, o, g; rows are samples."""

import numpy as np

from oracle import gradient_function


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_forward(x, h0, c0, Wx, Wh, b):
    """x (T, N, D), h0, c0 (N, H), Wx (D, 4H), Wh (H, 4H), b (4H,) -> states (T, N, H), caches"""
    H = h0.shape[1]
    h, c = h0, c0
    states, caches = [], []
    for x_t in x:
        a = x_t @ Wx + h @ Wh + b
        i = sigmoid(a[:, :H])
        f = sigmoid(a[:, H : 2 * H])
        o = sigmoid(a[:, 2 * H : 3 * H])
        g = np.tanh(a[:, 3 * H :])
        next_c = f * c + i * g
        tc = np.tanh(next_c)
        caches.append((x_t, h, c, next_c, a, i, f, o, g, tc))
        h, c = o * tc, next_c
        states.append(h)
    return np.array(states), caches


def lstm_backward(dstates, caches, Wx, Wh):
    """dstates (T, N, H) -> dWx (D, 4H), dWh (H, 4H), db (4H,), dh0, dc0 (N, H)"""
    T, N, H = dstates.shape
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(4 * H)
    dh_next, dc_next = np.zeros((N, H)), np.zeros((N, H))
    for t in range(T)[::-1]:
        x_t, prev_h, prev_c, next_c, a, i, f, o, g, tc = caches[t]
        dh = dstates[t] + dh_next
        do = dh * tc
        dc = dh * o * (1 - tc**2) + dc_next
        di = dc * g
        df = dc * prev_c
        dg = dc * i
        dc_next = dc * f
        da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)))
        dWx += x_t.T @ da
        dWh += prev_h.T @ da
        db += da.sum(axis=0)
        dh_next = da @ Wh.T
    return dWx, dWh, db, dh_next, dc_next


@gradient_function(Wx="input 4*hidden", Wh="hidden 4*hidden", b="4*hidden", h0="batch hidden", c0="batch hidden")
def lstm_stacked_weights(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    states, caches = lstm_forward(x, p.h0, p.c0, p.Wx, p.Wh, p.b)
    upstream = rng.normal(size=states.shape)
    dWx, dWh, db, dh0, dc0 = lstm_backward(upstream, caches, p.Wx, p.Wh)
    return np.sum(states * upstream), dict(Wx=dWx, Wh=dWh, b=db, h0=dh0, c0=dc0)
