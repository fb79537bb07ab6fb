"""Leaky rate neurons decide after a go cue: a column a trial, no self-connections, error only where the mask is one."""

import numpy as np

from oracle import gradient_function

ALPHA = 0.3  # dt / tau
RATE_COST = 0.2


def run_trials(J, W_in, W_out, b, c, z_init, u):
    """u (T, inputs, trials) -> currents z and rates r with the first ones in front, readouts y"""
    T, _, trials = u.shape
    N = J.shape[0]
    J = J * (1 - np.eye(N))
    z = np.zeros((T + 1, N, trials))
    r = np.zeros((T + 1, N, trials))
    y = np.zeros((T, W_out.shape[0], trials))
    z[0] = z_init
    r[0] = np.tanh(z[0])
    for t in range(T):
        z[t + 1] = (1 - ALPHA) * z[t] + ALPHA * (J @ r[t] + W_in @ u[t] + b)
        r[t + 1] = np.tanh(z[t + 1])
        y[t] = W_out @ r[t + 1] + c
    return z, r, y


def cost(y, target, mask, r):
    T, _, trials = y.shape
    performance = 0.5 * np.sum(mask * (y - target) ** 2) / mask.sum()
    metabolic = 0.5 * RATE_COST * np.sum(r[1:] ** 2) / (T * trials)
    return performance + metabolic


def bptt(J, W_in, W_out, b, c, z_init, u, target, mask, r, y):
    T, _, trials = u.shape
    wired = 1 - np.eye(J.shape[0])
    J = J * wired
    dJ = np.zeros_like(J)
    dW_in = np.zeros_like(W_in)
    dW_out = np.zeros_like(W_out)
    db = np.zeros_like(b)
    dc = np.zeros_like(c)
    dr_next = np.zeros_like(r[0])
    dz_next = np.zeros_like(r[0])
    for t in range(T - 1, -1, -1):
        err = mask[t] * (y[t] - target[t]) / mask.sum()
        dW_out += err @ r[t + 1].T
        dc += err.sum(axis=1, keepdims=True)

        dr = W_out.T @ err + RATE_COST * r[t + 1] / (T * trials) + dr_next
        dz = dr * (1 - r[t + 1] ** 2) + dz_next
        push = ALPHA * dz

        dJ += push @ r[t].T
        dW_in += push @ u[t].T
        db += push.sum(axis=1, keepdims=True)

        dr_next = J.T @ push
        dz_next = (1 - ALPHA) * dz
    dJ *= wired
    dz0 = dr_next * (1 - r[0] ** 2) + dz_next
    dz_init = dz0.sum(axis=1, keepdims=True)
    return dict(J=dJ, W_in=dW_in, W_out=dW_out, b=db, c=dc, z_init=dz_init)


@gradient_function(
    J="neurons neurons",
    W_in="neurons inputs",
    W_out="outputs neurons",
    b="neurons 1",
    c="outputs 1",
    z_init="neurons 1",
)
def decision_circuit(p, sizes, rng):
    T, trials = sizes.time, sizes.batch
    u = rng.normal(size=(T, sizes.inputs, trials))
    target = rng.normal(size=(T, sizes.outputs, trials))
    go = rng.integers(T - 1, size=trials)
    mask = (np.arange(T)[:, None, None] >= go).astype(float)
    z, r, y = run_trials(p.J, p.W_in, p.W_out, p.b, p.c, p.z_init, u)
    loss = cost(y, target, mask, r)
    return loss, bptt(p.J, p.W_in, p.W_out, p.b, p.c, p.z_init, u, target, mask, r, y)
