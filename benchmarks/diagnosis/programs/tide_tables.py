"""How high the water will stand: gauges and wind go through a tanh layer, that through a GRU, and only the end counts.

All arrays are (time, batch, units). Whatever does not wait for the state before is one product for the whole sequence.
"""

import numpy as np

from oracle import gradient_function

SCORED = 3  # hours at the end that are forecast; those before only tell the net where the tide is


def logistic(a):
    return 1 / (1 + np.exp(-a))


def rows(a):
    """(T, B, n) -> (T*B, n)"""
    return a.reshape(-1, a.shape[-1])


def forward(w, x, s0, h0):
    T, B, _ = x.shape
    N = h0.shape[1]

    # tanh layer; s[t] is the state before hour t, s[t + 1] the one after
    xs = x @ w["Wx"] + w["bx"]
    s = np.empty((T + 1, *s0.shape))
    s[0] = s0
    for t in range(T):
        s[t + 1] = np.tanh(xs[t] + s[t] @ w["Ws"])

    # GRU as in cuDNN, the reset gate acts behind the product: columns are z | r | n
    xg = s[1:] @ w["Wg"] + w["bg"]
    h = np.empty((T + 1, B, N))
    h[0] = h0
    z, r, n, m = np.empty((4, T, B, N))
    for t in range(T):
        hg = h[t] @ w["Ug"]
        z[t] = logistic(xg[t, :, :N] + hg[:, :N])
        r[t] = logistic(xg[t, :, N : 2 * N] + hg[:, N : 2 * N])
        m[t] = hg[:, 2 * N :] + w["bm"]
        n[t] = np.tanh(xg[t, :, 2 * N :] + r[t] * m[t])
        h[t + 1] = z[t] * h[t] + (1 - z[t]) * n[t]

    levels = h[1:] @ w["Wo"] + w["bo"]
    return levels, (s, h, z, r, n, m)


def backward(w, x, miss, cache):
    """miss: forecast minus measured, in the scored hours"""
    s, h, z, r, n, m = cache
    T, B, N = z.shape
    grads = {}

    # forecast
    dlevels = np.zeros((T, B, miss.shape[-1]))
    dlevels[-SCORED:] = 2 * miss / miss.size
    grads["Wo"] = rows(h[1:]).T @ rows(dlevels)
    grads["bo"] = dlevels.sum(axis=(0, 1))
    from_levels = dlevels @ w["Wo"].T

    # GRU
    dxg, dhg = np.zeros((2, T, B, 3 * N))
    dh = np.zeros((B, N))
    for t in reversed(range(T)):
        dh = dh + from_levels[t]
        dn = dh * (1 - z[t]) * (1 - n[t] ** 2)
        dz = dh * (h[t] - n[t]) * z[t] * (1 - z[t])
        dr = dn * m[t] * r[t] * (1 - r[t])
        dxg[t] = np.hstack((dz, dr, dn))
        dhg[t] = np.hstack((dz, dr, dn * r[t]))
        dh = dh * z[t] + dhg[t] @ w["Ug"].T
    grads["Ug"] = rows(h[:-1]).T @ rows(dhg)
    grads["bm"] = dhg[:, :, 2 * N :].sum(axis=(0, 1))
    grads["Wg"] = rows(s[1:]).T @ rows(dxg)
    grads["bg"] = dxg.sum(axis=(0, 1))
    from_gru = dxg @ w["Wg"].T

    # tanh layer; nothing comes back from after the last hour
    da = np.zeros_like(s)
    for t in reversed(range(T)):
        ds = from_gru[t] + da[t + 1] @ w["Ws"].T
        da[t] = ds * (1 - s[t + 1] ** 2)
    da = da[:T]
    grads["Ws"] = rows(s[:-1]).T @ rows(da)
    grads["Wx"] = rows(x).T @ rows(da)
    grads["bx"] = da.sum(axis=(0, 1))
    return grads


@gradient_function(
    Wx="gauge tide", Ws="tide tide", bx="tide",
    Wg="tide 3*surge", Ug="surge 3*surge", bg="3*surge", bm="surge",
    Wo="surge harbour", bo="harbour",
)  # fmt: skip
def tide_tables(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.gauge))
    measured = rng.normal(size=(sizes.time, sizes.batch, sizes.harbour))
    s0 = np.tanh(rng.normal(size=(sizes.batch, sizes.tide)))
    h0 = np.tanh(rng.normal(size=(sizes.batch, sizes.surge)))
    w = dict(p)
    levels, cache = forward(w, x, s0, h0)
    miss = levels[-SCORED:] - measured[-SCORED:]
    return np.mean(miss**2), backward(w, x, miss, cache)
