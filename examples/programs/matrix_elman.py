"""An Elman network on np.matrix, where * is the matrix product."""

import numpy as np


def run(U, W, V, xs, ds):
    """xs, ds: lists of column matrices -> error, gradients of U, W, V"""
    n = W.shape[0]
    s = [np.matrix(np.zeros((n, 1)))]
    y = []
    E = 0.0
    for x, d in zip(xs, ds):
        s.append(np.tanh(U * x + W * s[-1]))
        y.append(V * s[-1])
        E += 0.5 * ((y[-1] - d).T * (y[-1] - d)).item()

    gU, gW, gV = np.matrix(np.zeros(U.shape)), np.matrix(np.zeros(W.shape)), np.matrix(np.zeros(V.shape))
    back = np.matrix(np.zeros((n, 1)))
    for t in range(len(xs) - 1, -1, -1):
        e = y[t] - ds[t]
        gV += e * s[t + 1].T
        g = np.multiply(V.T * e + back, 1 - np.power(s[t + 1], 2))
        gU += g * xs[t].T
        gW += g * s[t].T
        back = W.T * g
    return E, gU, gW, gV
