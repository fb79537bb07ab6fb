"""A recurrent regression network with the usual measures against exploding and overfitting."""

import numpy as np


def gradients(params, xs, ys, clip=None, max_norm=None, weight_decay=0.0):
    """The loss and the gradients that the optimizer should use.

    xs (T, B, in), ys (T, B, out); params: Wx (in, hidden), Wh (hidden, hidden), Wy (hidden, out)
    clip           no element of a gradient goes beyond -clip .. clip
    max_norm       nor all of them together beyond this norm
    weight_decay   pulls the weights towards zero; not part of the loss that is reported
    """
    Wx, Wh, Wy = params["Wx"], params["Wh"], params["Wy"]
    hs = [np.zeros((xs.shape[1], Wh.shape[0]))]
    for x in xs:
        hs.append(np.tanh(x @ Wx + hs[-1] @ Wh))
    errors = [h @ Wy - y for h, y in zip(hs[1:], ys)]
    loss = 0.5 * sum(np.sum(e**2) for e in errors)

    grads = {name: np.zeros_like(W) for name, W in params.items()}
    carry = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        grads["Wy"] += hs[t + 1].T @ errors[t]
        delta = (errors[t] @ Wy.T + carry) * (1 - hs[t + 1] ** 2)
        grads["Wx"] += xs[t].T @ delta
        grads["Wh"] += hs[t].T @ delta
        carry = delta @ Wh.T

    for name, W in params.items():
        grads[name] += weight_decay * W
    if clip is not None:
        grads = {name: np.clip(g, -clip, clip) for name, g in grads.items()}
    if max_norm is not None:
        norm = np.sqrt(sum(np.sum(g**2) for g in grads.values()))
        if norm > max_norm:
            grads = {name: g * (max_norm / norm) for name, g in grads.items()}
    return loss, grads
