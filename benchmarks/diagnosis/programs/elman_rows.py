"""An Elman network over a batch, forward and backward in one function; rows are samples."""

import numpy as np

from oracle import gradient_function


def loss_and_gradients(W_xh, W_hh, W_hy, b_h, b_y, x, y, h_0):
    """x (T, B, I), y (T, B, O), h_0 (B, H)"""
    steps, batch, _ = x.shape
    a, h, y_hat = [], [h_0], []
    loss = 0.0
    for t in range(steps):
        a.append(x[t] @ W_xh + h[t] @ W_hh + b_h)
        h.append(np.tanh(a[t]))
        y_hat.append(h[t + 1] @ W_hy + b_y)
        loss += 0.5 * np.sum((y_hat[t] - y[t]) ** 2)

    dW_xh, dW_hh, dW_hy = np.zeros_like(W_xh), np.zeros_like(W_hh), np.zeros_like(W_hy)
    db_h, db_y = np.zeros_like(b_h), np.zeros_like(b_y)
    dh_next = np.zeros_like(h_0)
    for t in reversed(range(steps)):
        dy = y_hat[t] - y[t]
        dW_hy += h[t + 1].T @ dy
        db_y += dy.sum(axis=0)
        dh = dy @ W_hy.T + dh_next
        da = dh * (1 - h[t + 1] ** 2)
        dW_xh += x[t].T @ da
        dW_hh += h[t].T @ da
        db_h += da.sum(axis=0)
        dh_next = da @ W_hh.T
    return loss, {"W_xh": dW_xh, "W_hh": dW_hh, "W_hy": dW_hy, "b_h": db_h, "b_y": db_y}


@gradient_function(W_xh="input hidden", W_hh="hidden hidden", W_hy="hidden output", b_h="hidden", b_y="output")
def elman_rows(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    y = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    h_0 = rng.normal(size=(sizes.batch, sizes.hidden))
    return loss_and_gradients(p.W_xh, p.W_hh, p.W_hy, p.b_h, p.b_y, x, y, h_0)
