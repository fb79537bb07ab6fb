"""A character RNN: column vectors, softmax and cross entropy."""

import numpy as np

from oracle import gradient_function


@gradient_function(Wxh="hidden vocab", Whh="hidden hidden", Why="vocab hidden", bh="hidden 1", by="vocab 1")
def elman_columns(p, sizes, rng):
    letters, targets = rng.integers(sizes.vocab, size=(2, sizes.time))
    xs, hs, ys, ps, loss = {}, {-1: rng.normal(size=(sizes.hidden, 1))}, {}, {}, 0.0
    for t in range(sizes.time):
        xs[t] = np.eye(sizes.vocab)[:, [letters[t]]]
        hs[t] = np.tanh(p.Wxh @ xs[t] + p.Whh @ hs[t - 1] + p.bh)
        ys[t] = p.Why @ hs[t] + p.by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss -= np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(p.Wxh), np.zeros_like(p.Whh), np.zeros_like(p.Why)
    dbh, dby, carry = np.zeros_like(p.bh), np.zeros_like(p.by), np.zeros_like(hs[0])
    for t in reversed(range(sizes.time)):
        dy = ps[t].copy()
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dh = p.Why.T @ dy + carry
        da = (1 - hs[t] ** 2) * dh
        dbh += da
        dWxh += da @ xs[t].T
        dWhh += da @ hs[t - 1].T
        carry = p.Whh.T @ da
    return loss, dict(Wxh=dWxh, Whh=dWhh, Why=dWhy, bh=dbh, by=dby)
