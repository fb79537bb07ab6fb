"""Which language a surname is from, after min-char-rnn: dicts by step, a column a surname, the short ones padded."""

import numpy as np

from oracle import gradient_function

smoothing = 0.1


def lossFun(inputs, lengths, targets, hprev, model):
    """
    inputs is a list of T arrays, each with one letter of every surname. Past its end a surname keeps its state.
    lengths and targets have one number a surname, hprev is HxN.
    """
    Wxh, Whh, Why, bh, by = (model[k] for k in ("Wxh", "Whh", "Why", "bh", "by"))
    T, N, K = len(inputs), len(targets), len(by)
    xs, hs, on = {}, {-1: hprev}, {}

    # forward pass
    for t in range(T):
        xs[t] = np.zeros((Wxh.shape[1], N))  # one letter in 1-of-k a column
        xs[t][inputs[t], range(N)] = 1
        on[t] = (t < lengths).astype(float)
        hnew = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        hs[t] = on[t] * hnew + (1 - on[t]) * hs[t - 1]
    ys = np.dot(Why, hs[T - 1]) + by
    ps = np.exp(ys) / np.sum(np.exp(ys), axis=0)
    qs = (1 - smoothing) * np.eye(K)[:, targets] + smoothing / K
    loss = -np.sum(qs * np.log(ps)) / N

    # backward pass
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dy = (ps - qs) / N
    dWhy += np.dot(dy, hs[T - 1].T)
    dby += np.sum(dy, axis=1, keepdims=True)
    dh = np.dot(Why.T, dy)
    for t in reversed(range(T)):
        dhnew = on[t] * dh
        dhraw = (1 - hs[t] * hs[t]) * dhnew
        dbh += np.sum(dhraw, axis=1, keepdims=True)
        dWxh += np.dot(dhraw, xs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dh = np.dot(Whh.T, dhraw) + (1 - on[t]) * dh
    return loss, {"Wxh": dWxh, "Whh": dWhh, "Why": dWhy, "bh": dbh, "by": dby}


@gradient_function(Wxh="hidden letters", Whh="hidden hidden", Why="languages hidden", bh="hidden 1", by="languages 1")
def name_origins(p, sizes, rng):
    inputs = list(rng.integers(sizes.letters, size=(sizes.time, sizes.batch)))
    lengths = sizes.time - np.arange(sizes.batch) % sizes.time
    targets = rng.integers(sizes.languages, size=sizes.batch)
    hprev = 0.5 * rng.normal(size=(sizes.hidden, sizes.batch))
    return lossFun(inputs, lengths, targets, hprev, p)
