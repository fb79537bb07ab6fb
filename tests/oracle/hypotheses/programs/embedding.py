"""Many to one: words are looked up, the last state is read out; half the squared error."""

import numpy as np

from oracle import gradient_function


@gradient_function(E="words input", W="input hidden", U="hidden hidden", b="hidden", V="hidden output")
def embedding(p, sizes, rng):
    T = sizes.time
    words = rng.integers(sizes.words, size=(T, sizes.batch))
    target = rng.normal(size=(sizes.batch, sizes.output))
    h = [rng.normal(size=(sizes.batch, sizes.hidden))]
    for t in range(T):
        h.append(np.tanh(p.E[words[t]] @ p.W + h[t] @ p.U + p.b))
    y = h[-1] @ p.V
    loss = 0.5 * np.sum((y - target) ** 2)

    dE, dW, dU, db = np.zeros_like(p.E), np.zeros_like(p.W), np.zeros_like(p.U), np.zeros_like(p.b)
    dy = y - target
    dV = h[-1].T @ dy
    dh = dy @ p.V.T
    for t in reversed(range(T)):
        da = dh * (1 - h[t + 1] ** 2)
        dW += p.E[words[t]].T @ da
        dU += h[t].T @ da
        db += da.sum(axis=0)
        np.add.at(dE, words[t], da @ p.W.T)
        dh = da @ p.U.T
    return loss, dict(E=dE, W=dW, U=dU, b=db, V=dV)
