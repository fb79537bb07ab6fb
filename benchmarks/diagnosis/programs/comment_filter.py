"""What is wrong with a comment: each layer gives its output and a callback that takes the gradient back through it."""

import numpy as np

from oracle import gradient_function


def sigmoid(X):
    return 0.5 * (1 + np.tanh(0.5 * X))


def chain(*layers):
    def forward(X):
        callbacks = []
        for layer in layers:
            X, callback = layer(X)
            callbacks.append(callback)

        def finish(dY):
            for callback in reversed(callbacks):
                dY = callback(dY)
            return dY

        return X, finish

    return forward


def embed(E, d):
    def forward(ids):
        def finish(dX):
            d["E"] = np.zeros_like(E)
            np.add.at(d["E"], ids, dX)

        return E[ids], finish

    return forward


def affine(W, b, d, name):
    def forward(X):
        def finish(dY):
            d[f"W_{name}"] = X.T @ dY
            d[f"b_{name}"] = dY.sum(axis=0)
            return dY @ W.T

        return X @ W + b, finish

    return forward


def relu(X):
    def finish(dY):
        return dY * (X > 0)

    return X * (X > 0), finish


def max_over_time(H):
    """(T, B, H) -> (B, H)"""
    best = H.argmax(axis=0)

    def finish(dY):
        return dY * (np.arange(len(H))[:, None, None] == best)

    return H.max(axis=0), finish


def cell(W, U, b, d):
    """An LSTM's step that forgets as much as it takes in: the gates are f, o, g, and 1 - f stands for i."""

    def forward(x, h, c):
        f, o, g = np.split(x @ W + h @ U + b, 3, axis=1)
        f, o, g = sigmoid(f), sigmoid(o), np.tanh(g)
        c_new = f * c + (1 - f) * g
        q = np.tanh(c_new)

        def finish(dh, dc):
            dc = dc + dh * o * (1 - q * q)
            df = dc * (c - g) * f * (1 - f)
            do = dh * q * o * (1 - o)
            dg = dc * (1 - f) * (1 - g * g)
            dA = np.concatenate([df, do, dg], axis=1)
            d["W"] += x.T @ dA
            d["U"] += h.T @ dA
            d["b"] += dA.sum(axis=0)
            return dA @ W.T, dA @ U.T, dc * f

        return o * q, c_new, finish

    return forward


def recur(W, U, b, h0, c0, d):
    step = cell(W, U, b, d)

    def forward(X):
        h, c = np.tile(h0, (X.shape[1], 1)), np.tile(c0, (X.shape[1], 1))
        H, callbacks = [], []
        for x in X:
            h, c, callback = step(x, h, c)
            H.append(h)
            callbacks.append(callback)

        def finish(dH):
            d.update(W=np.zeros_like(W), U=np.zeros_like(U), b=np.zeros_like(b))
            dX, dh, dc = [], np.zeros_like(h), np.zeros_like(c)
            for dH_t, callback in zip(dH[::-1], callbacks[::-1]):
                dx, dh, dc = callback(dH_t + dh, dc)
                dX.append(dx)
            d["h0"], d["c0"] = dh.sum(axis=0), dc.sum(axis=0)
            return np.stack(dX[::-1])

        return np.stack(H), finish

    return forward


@gradient_function(
    E="words vector",
    W="vector 3*hidden",
    U="hidden 3*hidden",
    b="3*hidden",
    h0="hidden",
    c0="hidden",
    W_1="hidden dense",
    b_1="dense",
    W_2="dense labels",
    b_2="labels",
)
def comment_filter(p, sizes, rng):
    ids = rng.integers(sizes.words, size=(sizes.time, sizes.batch))
    labels = rng.integers(2, size=(sizes.batch, sizes.labels))
    d = {}
    net = chain(
        embed(p.E, d),
        recur(p.W, p.U, p.b, p.h0, p.c0, d),
        max_over_time,
        affine(p.W_1, p.b_1, d, "1"),
        relu,
        affine(p.W_2, p.b_2, d, "2"),
    )
    scores, backprop = net(ids)
    prob = sigmoid(scores)
    loss = -np.mean(labels * np.log(prob) + (1 - labels) * np.log(1 - prob))
    backprop((prob - labels) / labels.size)
    return loss, d
