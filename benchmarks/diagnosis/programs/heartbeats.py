"""What a heartbeat is, by a peephole LSTM after the paper: one function, one array a quantity, filled step by step."""

import numpy as np

from oracle import gradient_function

Z, I, F, O = 0, 1, 2, 3  # noqa: E741 - block input, input gate, forget gate, output gate


def sigma(a):
    return 1 / (1 + np.exp(-a))


def heartbeat_loss(X, labels, y0, c0, W, R, b, P, V, d):
    """X (T, B, D), labels (B,), W (4, D, H), R (4, H, H), b (4, H), P (3, H) for I, F and O, V (H, K), d (K,)"""
    T, B, _ = X.shape
    H = c0.shape[1]

    # forward; what was before the first step is kept at index -1
    y, c = np.zeros((T + 1, B, H)), np.zeros((T + 1, B, H))
    y[-1], c[-1] = y0, c0
    net, act = np.zeros((T, 4, B, H)), np.zeros((T + 1, 4, B, H))
    for t in range(T):
        net[t] = X[t] @ W + y[t - 1] @ R + b[:, np.newaxis]
        net[t, I] += P[0] * c[t - 1]
        net[t, F] += P[1] * c[t - 1]
        act[t, Z] = np.tanh(net[t, Z])
        act[t, I] = sigma(net[t, I])
        act[t, F] = sigma(net[t, F])
        c[t] = act[t, Z] * act[t, I] + c[t - 1] * act[t, F]
        net[t, O] += P[2] * c[t]
        act[t, O] = sigma(net[t, O])
        y[t] = np.tanh(c[t]) * act[t, O]
    logits = y[T - 1] @ V + d
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(B), labels]).mean()

    # backward; delta is the error before the squashing, and zero after the last step
    dlogits = probs.copy()
    dlogits[np.arange(B), labels] -= 1
    dlogits /= B
    dV = y[T - 1].T @ dlogits
    dd = dlogits.sum(axis=0)
    dW, dR, db, dP = np.zeros_like(W), np.zeros_like(R), np.zeros_like(b), np.zeros_like(P)
    delta, dc = np.zeros((T + 1, 4, B, H)), np.zeros((T + 1, B, H))
    for t in range(T - 1, -1, -1):
        z, i, f, o = act[t]
        tanh_c = np.tanh(c[t])
        dy = np.zeros((B, H))
        if t == T - 1:
            dy += dlogits @ V.T
        for k in (Z, I, F, O):
            dy += delta[t + 1, k] @ R[k].T
        delta[t, O] = dy * tanh_c * o * (1 - o)
        dc[t] = dy * o * (1 - tanh_c**2)
        dc[t] += P[2] * delta[t, O]
        dc[t] += P[0] * delta[t + 1, I] + P[1] * delta[t + 1, F]
        dc[t] += dc[t + 1] * act[t + 1, F]
        delta[t, F] = dc[t] * c[t - 1] * f * (1 - f)
        delta[t, I] = dc[t] * z * i * (1 - i)
        delta[t, Z] = dc[t] * i * (1 - z**2)
        for k in (Z, I, F, O):
            dW[k] += X[t].T @ delta[t, k]
            dR[k] += y[t - 1].T @ delta[t, k]
            db[k] += delta[t, k].sum(axis=0)
        dP[0] += (delta[t, I] * c[t - 1]).sum(axis=0)
        dP[1] += (delta[t, F] * c[t - 1]).sum(axis=0)
        dP[2] += (delta[t, O] * c[t]).sum(axis=0)
    return loss, {"W": dW, "R": dR, "b": db, "P": dP, "V": dV, "d": dd}


@gradient_function(
    W="4 lead hidden", R="4 hidden hidden", b="4 hidden", P="3 hidden", V="hidden beat", d="beat"
)  # fmt: skip
def heartbeats(p, sizes, rng):
    X = rng.normal(size=(sizes.time, sizes.batch, sizes.lead))
    labels = rng.integers(sizes.beat, size=sizes.batch)
    y0 = np.tanh(rng.normal(size=(sizes.batch, sizes.hidden)))
    c0 = rng.normal(size=(sizes.batch, sizes.hidden))
    return heartbeat_loss(X, labels, y0, c0, p.W, p.R, p.b, p.P, p.V, p.d)
