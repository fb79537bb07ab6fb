"""A vanilla RNN as an assignment has it: a step with a cache, then the sequence, then an affine readout."""

import numpy as np

from oracle import gradient_function


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    """x (N, D), prev_h (N, H) -> next_h (N, H), cache"""
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    cache = (x, prev_h, Wx, Wh, next_h)
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    """dnext_h (N, H) -> dx (N, D), dprev_h (N, H), dWx, dWh, db"""
    x, prev_h, Wx, Wh, next_h = cache
    dtanh = dnext_h * (1 - next_h**2)
    dx = dtanh.dot(Wx.T)
    dprev_h = dtanh.dot(Wh.T)
    dWx = x.T.dot(dtanh)
    dWh = prev_h.T.dot(dtanh)
    db = np.sum(dtanh, axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    """x (N, T, D), h0 (N, H) -> h (N, T, H), caches"""
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    prev_h = h0
    caches = []
    for t in range(T):
        prev_h, cache = rnn_step_forward(x[:, t, :], prev_h, Wx, Wh, b)
        h[:, t, :] = prev_h
        caches.append(cache)
    return h, caches


def rnn_backward(dh, caches):
    """dh (N, T, H), upstream gradients of all the states -> dx, dh0, dWx, dWh, db"""
    N, T, H = dh.shape
    D = caches[0][0].shape[1]
    dx = np.zeros((N, T, D))
    dWx, dWh, db = np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    dprev_h = np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        dx_t, dprev_h, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t, :] + dprev_h, caches[t])
        dx[:, t, :] = dx_t
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    dh0 = dprev_h
    return dx, dh0, dWx, dWh, db


def temporal_affine_forward(h, w, b):
    """h (N, T, H), w (H, M) -> out (N, T, M)"""
    N, T, H = h.shape
    out = h.reshape(N * T, H).dot(w).reshape(N, T, -1) + b
    return out, (h, w)


def temporal_affine_backward(dout, cache):
    """dout (N, T, M) -> dh (N, T, H), dw (H, M), db (M,)"""
    h, w = cache
    N, T, H = h.shape
    M = dout.shape[2]
    dh = dout.reshape(N * T, M).dot(w.T).reshape(N, T, H)
    dw = h.reshape(N * T, H).T.dot(dout.reshape(N * T, M))
    db = dout.sum(axis=(0, 1))
    return dh, dw, db


@gradient_function(E="start hidden", Wx="input hidden", Wh="hidden hidden", b="hidden", Wo="hidden output", bo="output")
def step_functions(p, sizes, rng):
    features = rng.normal(size=(sizes.batch, sizes.start))
    x = rng.normal(size=(sizes.batch, sizes.time, sizes.input))
    target = rng.normal(size=(sizes.batch, sizes.time, sizes.output))
    h0 = features.dot(p.E)
    h, caches = rnn_forward(x, h0, p.Wx, p.Wh, p.b)
    out, affine_cache = temporal_affine_forward(h, p.Wo, p.bo)
    loss = np.sum((out - target) ** 2) / sizes.batch

    dout = 2 * (out - target) / sizes.batch
    dh, dWo, dbo = temporal_affine_backward(dout, affine_cache)
    dx, dh0, dWx, dWh, db = rnn_backward(dh, caches)
    dE = features.T.dot(dh0)
    return loss, dict(E=dE, Wx=dWx, Wh=dWh, b=db, Wo=dWo, bo=dbo)
