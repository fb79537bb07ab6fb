"""A character RNN: column vectors, states in dicts by time step, forward and backward in one function."""

import numpy as np

from oracle import gradient_function


def lossFun(inputs, targets, hprev, params):
    """inputs, targets: integers; hprev: (hidden, 1)"""
    Wxh, Whh, Why, bh, by = params
    vocab_size = Why.shape[0]
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    # forward pass
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
        ys[t] = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
    # backward pass
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += np.dot(dy, hs[t].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += np.dot(dhraw, xs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dhnext = np.dot(Whh.T, dhraw)
    return loss, dWxh, dWhh, dWhy, dbh, dby


@gradient_function(Wxh="hidden vocab", Whh="hidden hidden", Why="vocab hidden", bh="hidden 1", by="vocab 1")
def char_rnn(p, sizes, rng):
    inputs, targets = rng.integers(sizes.vocab, size=(2, sizes.time))
    hprev = rng.normal(size=(sizes.hidden, 1))
    loss, dWxh, dWhh, dWhy, dbh, dby = lossFun(inputs, targets, hprev, (p.Wxh, p.Whh, p.Why, p.bh, p.by))
    return loss, dict(Wxh=dWxh, Whh=dWhh, Why=dWhy, bh=dbh, by=dby)
