"""What a server's meters show next, some values lost on the way: an LSTM in arrays, its biases a row of the matrix."""

import numpy as np

from oracle import gradient_function

FORGET_BIAS = 1.0  # on top of the learnt one


def lstm_forward(X, W, h0, c0):
    """
    X (T, B, D), h0 and c0 (B, H). W (1 + D + H, 4H) is multiplied by [1, x, h]; its columns are i, f, o, g.
    The cells C (T + 1, B, H) begin with c0, the states (T, B, H) with the first step.
    """
    T, B, D = X.shape
    H = h0.shape[1]
    IN = np.ones((T, B, 1 + D + H))
    GATES = np.zeros((T, B, 4 * H))
    C = np.zeros((T + 1, B, H))
    CT = np.zeros((T, B, H))
    OUT = np.zeros((T, B, H))
    C[0] = c0
    for t in range(T):
        IN[t, :, 1 : 1 + D] = X[t]
        IN[t, :, 1 + D :] = OUT[t - 1] if t > 0 else h0
        raw = IN[t].dot(W)
        raw[:, H : 2 * H] += FORGET_BIAS
        GATES[t, :, : 3 * H] = 1.0 / (1.0 + np.exp(-raw[:, : 3 * H]))
        GATES[t, :, 3 * H :] = np.tanh(raw[:, 3 * H :])
        i, f, o, g = np.split(GATES[t], 4, axis=1)
        C[t + 1] = i * g + f * C[t]
        CT[t] = np.tanh(C[t + 1])
        OUT[t] = o * CT[t]
    return OUT, (IN, GATES, C, CT)


def lstm_backward(dOUT, W, cache):
    """dOUT (T, B, H) -> the gradient of W"""
    IN, GATES, C, CT = cache
    T, B, H = dOUT.shape
    dW = np.zeros_like(W)
    dRAW = np.zeros((B, 4 * H))
    dh = np.zeros((B, H))
    dc = np.zeros((B, H))
    for t in range(T - 1, -1, -1):
        i, f, o, g = np.split(GATES[t], 4, axis=1)
        dh = dh + dOUT[t]
        dRAW[:, 2 * H : 3 * H] = dh * CT[t]
        dc = dc + dh * o * (1 - CT[t] ** 2)
        dRAW[:, :H] = dc * g
        dRAW[:, H : 2 * H] = dc * C[t]
        dRAW[:, 3 * H :] = dc * i
        dc = dc * f
        # through the nonlinearities of all the gates at once
        S = GATES[t, :, : 3 * H]
        dRAW[:, : 3 * H] *= S * (1 - S)
        dRAW[:, 3 * H :] *= 1 - g**2
        dW += IN[t].T.dot(dRAW)
        dIN = dRAW.dot(W.T)
        dh = dIN[:, -H:]
    return dW


def masked_mse(pred, target, known):
    """Mean over the values that are known (1) and not lost (0), and the gradient of the predictions."""
    diff = (pred - target) * known
    return np.sum(diff**2) / known.sum(), 2 * diff / known.sum()


@gradient_function(W="1+meters+hidden 4*hidden", V="hidden meters", v="meters")
def server_load(p, sizes, rng):
    series = rng.normal(size=(sizes.time + 1, sizes.batch, sizes.meters))
    known = (rng.random((sizes.time, sizes.batch, sizes.meters)) < 0.8).astype(float)
    h0, c0 = rng.normal(size=(2, sizes.batch, sizes.hidden))
    OUT, cache = lstm_forward(series[:-1], p.W, h0, c0)
    pred = OUT.dot(p.V) + p.v
    loss, dpred = masked_mse(pred, series[1:], known)

    dV = np.einsum("tbh,tbm->hm", OUT, dpred)
    dv = dpred.sum(axis=(0, 1))
    dOUT = dpred.dot(p.V.T)
    dW = lstm_backward(dOUT, p.W, cache)
    return loss, {"W": dW, "V": dV, "v": dv}
