"""A GRU as a kernel is laid out: one product for all inputs, gates z, r, n in a buffer that is worked on in place."""

import numpy as np

from oracle import gradient_function


def gru_fwd(x, h0, W, R, b):
    """x (T, B, D), h0 (H,) -> states (T + 1, B, H), activated gates (T, B, 3H), reset states (T, B, H)"""
    T, B, D = x.shape
    H = h0.size
    hs = np.zeros((T + 1, B, H))
    rh = np.zeros((T, B, H))
    gates = (x.reshape(T * B, D) @ W + b).reshape(T, B, 3 * H)
    hs[0] = h0
    for t in range(T):
        gates[t, :, : 2 * H] += hs[t] @ R[:, : 2 * H]
        gates[t, :, : 2 * H] = 1 / (1 + np.exp(-gates[t, :, : 2 * H]))
        rh[t] = gates[t, :, H : 2 * H] * hs[t]
        gates[t, :, 2 * H :] += rh[t] @ R[:, 2 * H :]
        gates[t, :, 2 * H :] = np.tanh(gates[t, :, 2 * H :])
        z, n = gates[t, :, :H], gates[t, :, 2 * H :]
        hs[t + 1] = hs[t] + z * (n - hs[t])
    return hs, gates, rh


def gru_bwd(dhs, x, W, R, hs, gates, rh):
    """dhs (T, B, H): what reaches each state from outside"""
    T, B, D = x.shape
    H = dhs.shape[2]
    R_zr, R_n = R[:, : 2 * H], R[:, 2 * H :]
    dgates = np.empty((T, B, 3 * H))
    dh = np.zeros((B, H))
    for t in range(T - 1, -1, -1):
        h = hs[t]
        z, r, n = gates[t, :, :H], gates[t, :, H : 2 * H], gates[t, :, 2 * H :]
        dz, dr, dn = dgates[t, :, :H], dgates[t, :, H : 2 * H], dgates[t, :, 2 * H :]
        dh += dhs[t]
        np.multiply(dh, (n - h) * z * (1 - z), out=dz)
        np.multiply(dh, z * (1 - n * n), out=dn)
        drh = dn @ R_n.T
        np.multiply(drh, h * r * (1 - r), out=dr)
        dh *= 1 - z
        dh += drh * r
        dh += dgates[t, :, : 2 * H] @ R_zr.T
    # whole sequence at once
    flat = dgates.reshape(T * B, 3 * H)
    dW = x.reshape(T * B, D).T @ flat
    db = flat.sum(axis=0)
    dR = np.empty_like(R)
    dR[:, : 2 * H] = hs[:-1].reshape(T * B, H).T @ flat[:, : 2 * H]
    dR[:, 2 * H :] = rh.reshape(T * B, H).T @ flat[:, 2 * H :]
    dx = (flat @ W.T).reshape(T, B, D)
    dh0 = dh.sum(axis=0)
    return dx, dW, dR, db, dh0


def cross_entropy(logits, labels):
    """mean over steps and samples; logits (T, B, K)"""
    T, B, K = logits.shape
    rows = logits.reshape(T * B, K)
    e = np.exp(rows - rows.max(axis=1, keepdims=True))
    q = e / e.sum(axis=1, keepdims=True)
    onehot = np.eye(K)[labels.ravel()]
    loss = -(onehot * np.log(q)).sum() / (T * B)
    return loss, ((q - onehot) / (T * B)).reshape(T, B, K)


@gradient_function(
    P="signal input",
    W="input 3*hidden",
    R="hidden 3*hidden",
    b="3*hidden",
    h0="hidden",
    V="hidden classes",
    a="classes",
)
def gru_fused(p, sizes, rng):
    s = rng.normal(size=(sizes.time, sizes.batch, sizes.signal))
    labels = rng.integers(sizes.classes, size=(sizes.time, sizes.batch))
    # forward
    x = s @ p.P
    hs, gates, rh = gru_fwd(x, p.h0, p.W, p.R, p.b)
    out = hs[1:]
    loss, dlogits = cross_entropy(out @ p.V + p.a, labels)
    # backward
    dV = np.tensordot(out, dlogits, axes=([0, 1], [0, 1]))
    da = dlogits.sum(axis=(0, 1))
    dout = dlogits @ p.V.T
    dx, dW, dR, db, dh0 = gru_bwd(dout, x, p.W, p.R, hs, gates, rh)
    dP = np.tensordot(s, dx, axes=([0, 1], [0, 1]))
    return loss, dict(P=dP, W=dW, R=dR, b=db, h0=dh0, V=dV, a=da)
