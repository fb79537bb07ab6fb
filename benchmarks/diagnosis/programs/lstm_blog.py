"""A character LSTM, one text at a time: column vectors, one W on [x, h] with the gates i, f, g, o, step by step."""

import numpy as np

from oracle import gradient_function


def sigma(v):
    return 1.0 / (1.0 + np.exp(-v))


def lstm_step(W, b, x, h_old, c_old):
    n = len(h_old)
    xh = np.vstack((x, h_old))
    z = np.dot(W, xh) + b
    i = sigma(z[:n])
    f = sigma(z[n : 2 * n])
    g = np.tanh(z[2 * n : 3 * n])
    o = sigma(z[3 * n :])
    c = i * g + f * c_old
    th = np.tanh(c)
    h = o * th
    return h, c, {"xh": xh, "i": i, "f": f, "g": g, "o": o, "c": c, "th": th, "h": h, "c_old": c_old, "h_old": h_old}


def lstm_step_back(W, dh, dc_next, s):
    """dh, dc_next (H, 1): gradients of the state and the cell that the step made -> dW, db, dh_old, dc_old"""
    n = len(dh)
    i, f, g, o = s["i"], s["f"], s["g"], s["o"]
    dc = dh * o * (1 - s["th"] ** 2)
    dc = dc + dc_next

    dz = np.empty((4 * n, 1))
    dz[:n] = dc * g * i * (1 - i)
    dz[n : 2 * n] = dc * s["c_old"] * f * (1 - f)
    dz[2 * n : 3 * n] = dc * i * (1 - g**2)
    dz[3 * n :] = dh * s["th"] * o * (1 - o)

    dW = np.dot(dz, s["xh"].T)
    db = dz
    dxh = np.dot(W.T, dz)
    dh_old = dxh[-n:]
    dc_old = dc * f
    return dW, db, dh_old, dc_old


def loss_fun(W, b, Why, by, symbols, following, h, c):
    """symbols, following: T numbers of characters; h, c (H, 1)"""
    vocabulary = len(by)
    steps, probs = [], []
    loss = 0.0
    for symbol, right in zip(symbols, following):
        x = np.zeros((vocabulary, 1))
        x[symbol] = 1.0
        h, c, s = lstm_step(W, b, x, h, c)
        e = np.exp(np.dot(Why, h) + by)
        steps.append(s)
        probs.append(e / np.sum(e))
        loss -= np.log(probs[-1][right, 0])

    dW, db, dWhy, dby = np.zeros_like(W), np.zeros_like(b), np.zeros_like(Why), np.zeros_like(by)
    dh_after = np.zeros_like(h)
    dc_after = np.zeros_like(c)
    for t in range(len(steps))[::-1]:
        dy = probs[t].copy()
        dy[following[t]] -= 1.0
        dWhy += np.dot(dy, steps[t]["h"].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dh_after
        dW_t, db_t, dh_after, dc_after = lstm_step_back(W, dh, dc_after, steps[t])
        dW += dW_t
        db += db_t
    return loss, dW, db, dWhy, dby


@gradient_function(W="4*hidden vocabulary+hidden", b="4*hidden 1", Why="vocabulary hidden", by="vocabulary 1")
def lstm_blog(p, sizes, rng):
    text = rng.integers(sizes.vocabulary, size=sizes.time + 1)
    h, c = rng.normal(size=(2, sizes.hidden, 1))
    loss, dW, db, dWhy, dby = loss_fun(p.W, p.b, p.Why, p.by, text[:-1], text[1:], h, c)
    return loss, {"W": dW, "b": db, "Why": dWhy, "by": dby}
