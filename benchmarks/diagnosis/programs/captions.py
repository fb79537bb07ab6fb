"""Captions of pictures: features start an LSTM that writes words; batch first, a cache and a backward a layer."""

import numpy as np

from oracle import gradient_function


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i, f = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H])
    o, g = sigmoid(a[:, 2 * H : 3 * H]), np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tanh_c = np.tanh(next_c)
    do = dnext_h * tanh_c
    dct = dnext_h * o * (1 - tanh_c**2) + dnext_c
    df = dct * prev_c
    di = dct * g
    dg = dct * i
    dprev_c = dct * f
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    (N, T, _), H = x.shape, h0.shape[1]
    h, cache = np.zeros((N, T, H)), []
    prev_h, prev_c = h0, np.zeros_like(h0)
    for t in range(T):
        prev_h, prev_c, step = lstm_step_forward(x[:, t], prev_h, prev_c, Wx, Wh, b)
        h[:, t] = prev_h
        cache.append(step)
    return h, cache


def lstm_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx = np.zeros((N, T, D))
    dWx, dWh, db = np.zeros((D, 4 * H)), np.zeros((H, 4 * H)), np.zeros(4 * H)
    dprev_h, dprev_c = np.zeros((N, H)), np.zeros((N, H))
    for t in reversed(range(T)):
        dht = dh[:, t] + dprev_h
        dx[:, t], dprev_h, dprev_c, dWx_t, dWh_t, db_t = lstm_step_backward(dht, dprev_c, cache[t])
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dx, dprev_h, dWx, dWh, db


def temporal_softmax_loss(scores, y, mask):
    """scores (N, T, V), y and mask (N, T); summed over the words, averaged over the captions"""
    N, T, V = scores.shape
    x_flat, y_flat, mask_flat = scores.reshape(N * T, V), y.reshape(N * T), mask.reshape(N * T)
    probs = np.exp(x_flat - np.max(x_flat, axis=1, keepdims=True))
    probs /= np.sum(probs, axis=1, keepdims=True)
    loss = -np.sum(mask_flat * np.log(probs[np.arange(N * T), y_flat])) / N
    dx_flat = probs.copy()
    dx_flat[np.arange(N * T), y_flat] -= 1
    dx_flat /= N
    dx_flat *= mask_flat[:, None]
    return loss, dx_flat.reshape(N, T, V)


def caption_loss(p, features, words_in, words_out, mask):
    grads = {}
    h0 = features.dot(p["W_proj"]) + p["b_proj"]
    embedded = p["W_embed"][words_in]
    h, cache = lstm_forward(embedded, h0, p["Wx"], p["Wh"], p["b"])
    scores = h.dot(p["W_vocab"]) + p["b_vocab"]

    loss, dscores = temporal_softmax_loss(scores, words_out, mask)
    N, T, V = dscores.shape
    grads["W_vocab"] = h.reshape(N * T, -1).T.dot(dscores.reshape(N * T, V))
    grads["b_vocab"] = dscores.sum(axis=(0, 1))
    dh = dscores.dot(p["W_vocab"].T)
    dembedded, dh0, grads["Wx"], grads["Wh"], grads["b"] = lstm_backward(dh, cache)
    grads["W_embed"] = np.zeros_like(p["W_embed"])
    np.add.at(grads["W_embed"], words_in, dembedded)
    grads["W_proj"] = features.T.dot(dh0)
    grads["b_proj"] = dh0.sum(axis=0)
    return loss, grads


@gradient_function(
    W_proj="features hidden",
    b_proj="hidden",
    W_embed="words wordvec",
    Wx="wordvec 4*hidden",
    Wh="hidden 4*hidden",
    b="4*hidden",
    W_vocab="hidden words",
    b_vocab="words",
)
def captions(p, sizes, rng):
    N, T = sizes.batch, sizes.time
    sentences = rng.integers(sizes.words, size=(N, T + 1))
    lengths = rng.integers(2, T + 1, size=(N, 1))
    lengths[0] = T
    mask = np.arange(T) < lengths
    features = rng.normal(size=(N, sizes.features))
    return caption_loss(p, features, sentences[:, :-1], sentences[:, 1:], mask)
