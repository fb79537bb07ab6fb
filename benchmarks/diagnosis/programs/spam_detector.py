"""Spam or not: an LSTM reads the words of a message, and the mean of all its states goes into a logistic regression."""

import numpy as np

from oracle import gradient_function


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def lstm_step_forward(x, h_prev, c_prev, params):
    """One word further. x is (N, D), h_prev and c_prev are (N, H)."""
    hx = np.concatenate([h_prev, x], axis=1)
    f = sigmoid(hx @ params["Wf"] + params["bf"])
    i = sigmoid(hx @ params["Wi"] + params["bi"])
    g = np.tanh(hx @ params["Wg"] + params["bg"])
    o = sigmoid(hx @ params["Wo"] + params["bo"])
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    cache = (hx, c_prev, f, i, g, o, c)
    return h, c, cache


def lstm_step_backward(dh, dc_next, cache, params):
    """One word back. Returns dx, dh_prev, dc_prev and this step's share of the weight gradients."""
    hx, c_prev, f, i, g, o, c = cache
    Wf, Wi, Wg, Wo = params["Wf"], params["Wi"], params["Wg"], params["Wo"]
    H = dh.shape[1]

    # h = o * tanh(c)
    tanh_c = np.tanh(c)
    do = dh * tanh_c
    dc = dc_next + dh * o * (1 - tanh_c**2)

    # c = f * c_prev + i * g
    df = dc * c_prev
    di = dc * g
    dg = dc * i
    dc_prev = dc * f

    # before the nonlinearities
    zf = df * f * (1 - f)
    zi = di * i * (1 - i)
    zg = dg * (1 - g**2)
    zo = do * o * (1 - o)

    step_grads = {
        "Wf": hx.T @ zf,
        "Wi": hx.T @ zi,
        "Wg": hx.T @ zg,
        "Wo": hx.T @ zo,
        "bf": zf.sum(axis=0),
        "bi": zi.sum(axis=0),
        "bg": zg.sum(axis=0),
        "bo": zo.sum(axis=0),
    }

    # the first H rows of every W belong to h, the rest to x
    dh_prev = zf @ Wf[:H].T + zi @ Wi[:H].T + zg @ Wg[:H].T + zo @ Wo[:H].T
    dx = zf @ Wf[H:].T + zi @ Wi[H:].T + zg @ Wg[H:].T + zo @ Wo[H:].T
    return dx, dh_prev, dc_prev, step_grads


def loss_and_grads(messages, is_spam, h, c, params):
    """messages (N, T) holds word ids, is_spam (N,) true or false; h and c are the states after the subject line."""
    N, T = messages.shape
    y = is_spam[:, None].astype(float)
    words = params["E"][messages]  # (N, T, D)
    states, caches = [], []
    for t in range(T):
        h, c, cache = lstm_step_forward(words[:, t], h, c, params)
        states.append(h)
        caches.append(cache)
    pooled = sum(states) / T
    score = pooled @ params["W_out"] + params["b_out"]
    p = sigmoid(score)
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    grads = {name: np.zeros_like(value) for name, value in params.items()}
    dscore = (p - y) / N
    grads["W_out"] = pooled.T @ dscore
    grads["b_out"] = dscore.sum(axis=0)
    dpooled = dscore @ params["W_out"].T
    dstate = dpooled / T  # every state has its share in the mean

    dwords = np.zeros_like(words)
    dh_next, dc_next = np.zeros_like(h), np.zeros_like(c)
    for t in reversed(range(T)):
        dh = dstate + dh_next
        dx, dh_next, dc_next, step_grads = lstm_step_backward(dh, dc_next, caches[t], params)
        dwords[:, t] = dx
        for name in step_grads:
            grads[name] += step_grads[name]
    np.add.at(grads["E"], messages, dwords)
    return loss, grads


@gradient_function(
    E="vocabulary embedding", W_out="hidden 1", b_out="1",
    Wf="hidden+embedding hidden", Wi="hidden+embedding hidden", bf="hidden", bi="hidden",
    Wg="hidden+embedding hidden", Wo="hidden+embedding hidden", bg="hidden", bo="hidden",
)  # fmt: skip
def spam_detector(p, sizes, rng):
    messages = rng.integers(sizes.vocabulary, size=(sizes.batch, sizes.time))
    h0 = np.tanh(rng.normal(size=(sizes.batch, sizes.hidden)))
    c0 = rng.normal(size=(sizes.batch, sizes.hidden))
    is_spam = rng.random(sizes.batch) < 0.5
    return loss_and_grads(messages, is_spam, h0, c0, dict(p))
