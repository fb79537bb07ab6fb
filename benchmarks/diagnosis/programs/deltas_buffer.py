"""A recurrent net over (batch, time, features): deltas go to a buffer, weight gradients are made at the end."""

import numpy as np

from oracle import gradient_function


def softplus(a):
    return np.log1p(np.exp(a))


def softplus_grad(a):
    return 1.0 / (1.0 + np.exp(-a))


def forward(params, X, h0):
    n, steps, _ = X.shape
    A = np.empty((n, steps, h0.shape[1]))
    H = np.empty((n, steps + 1, h0.shape[1]))
    H[:, 0] = h0
    for k in range(steps):
        A[:, k] = X[:, k] @ params["Wi"] + H[:, k] @ params["Wr"] + params["bi"]
        H[:, k + 1] = softplus(A[:, k])
    Y = 1.0 / (1.0 + np.exp(-(H[:, 1:] @ params["Wo"] + params["bo"])))
    return A, H, Y


def backward(params, X, A, H, Y, target):
    n, steps, n_in = X.shape
    n_hid, n_out = params["Wo"].shape
    out_deltas = (Y - target) * Y * (1 - Y) / n
    deltas = np.zeros((n, steps, n_hid))
    carried = np.zeros((n, n_hid))
    for k in range(steps - 1, -1, -1):
        error = out_deltas[:, k] @ params["Wo"].T + carried
        deltas[:, k] = error * softplus_grad(A[:, k])
        carried = deltas[:, k] @ params["Wr"].T
    return {
        "Wi": np.einsum("nti,nth->ih", X, deltas),
        "Wr": np.einsum("nti,nth->ih", H[:, :-1], deltas),
        "Wo": H[:, 1:].reshape(-1, n_hid).T @ out_deltas.reshape(-1, n_out),
        "bi": deltas.sum(axis=(0, 1)),
        "bo": out_deltas.sum(axis=(0, 1)),
    }


@gradient_function(Wi="input hidden", Wr="hidden hidden", Wo="hidden output", bi="hidden", bo="output")
def deltas_buffer(p, sizes, rng):
    X = rng.normal(size=(sizes.batch, sizes.time, sizes.input))
    target = rng.uniform(size=(sizes.batch, sizes.time, sizes.output))
    A, H, Y = forward(p, X, rng.uniform(size=(sizes.batch, sizes.hidden)))
    loss = 0.5 * np.sum((Y - target) ** 2) / sizes.batch
    return loss, backward(p, X, A, H, Y, target)
