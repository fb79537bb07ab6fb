"""A GRU with the reset gate after the product, as cuDNN has it, forecasts from its last state; arrays (B, T, D)."""

import numpy as np

from oracle import gradient_function


def sigm(a):
    return 1.0 / (1.0 + np.exp(-a))


def gru_forecast_loss(X, Y, H0, Wi, Wh, bi, bh, Wo, bo):
    """X (B, T, D), Y (B, O), H0 (B, N); the columns of Wi (D, 3N) and Wh (N, 3N) are z, r, n in this order"""
    B, T, D = X.shape
    N = H0.shape[1]

    # ---- forward: all inputs are projected at once
    XP = X.reshape(B * T, D).dot(Wi).reshape(B, T, 3 * N) + bi
    Hs = np.zeros((B, T + 1, N))
    Z, R, C, Q = (np.zeros((B, T, N)) for _ in range(4))
    Hs[:, 0] = H0
    for t in range(T):
        HP = Hs[:, t].dot(Wh) + bh
        Z[:, t] = sigm(XP[:, t, :N] + HP[:, :N])
        R[:, t] = sigm(XP[:, t, N : 2 * N] + HP[:, N : 2 * N])
        Q[:, t] = HP[:, 2 * N :]
        C[:, t] = np.tanh(XP[:, t, 2 * N :] + R[:, t] * Q[:, t])
        Hs[:, t + 1] = Z[:, t] * Hs[:, t] + (1 - Z[:, t]) * C[:, t]
    pred = Hs[:, T].dot(Wo) + bo
    diff = pred - Y
    mse = (diff**2).mean()

    # ---- backward
    dpred = 2.0 * diff / diff.size
    dWo = Hs[:, T].T.dot(dpred)
    dbo = dpred.sum(axis=0)
    dWh = np.zeros_like(Wh)
    dbh = np.zeros_like(bh)
    dXP = np.zeros_like(XP)
    dH = dpred.dot(Wo.T)
    t = T
    while t > 0:
        t -= 1
        z, r, c, q, hprev = Z[:, t], R[:, t], C[:, t], Q[:, t], Hs[:, t]
        dz = dH * (hprev - c)
        dc = dH * (1 - z)
        dac = dc * (1 - c * c)
        dr = dac * q
        dq = dac * r
        daz = dz * z * (1 - z)
        dar = dr * r * (1 - r)
        dXP[:, t] = np.hstack((daz, dar, dac))
        dHP = np.hstack((daz, dar, dq))
        dWh += hprev.T.dot(dHP)
        dbh += dHP.sum(axis=0)
        dH = dH * z + dHP.dot(Wh.T)

    dXP = dXP.reshape(B * T, 3 * N)
    dWi = X.reshape(B * T, D).T.dot(dXP)
    dbi = dXP.sum(axis=0)
    return mse, dWi, dWh, dbi, dbh, dWo, dbo


@gradient_function(
    Wi="input 3*hidden", Wh="hidden 3*hidden", bi="3*hidden", bh="3*hidden", Wo="hidden output", bo="output"
)
def gru_forecast(p, sizes, rng):
    X = rng.normal(size=(sizes.batch, sizes.time, sizes.input))
    Y = rng.normal(size=(sizes.batch, sizes.output))
    H0 = rng.normal(size=(sizes.batch, sizes.hidden))
    mse, *grads = gru_forecast_loss(X, Y, H0, p.Wi, p.Wh, p.bi, p.bh, p.Wo, p.bo)
    return mse, dict(zip(("Wi", "Wh", "bi", "bh", "Wo", "bo"), grads))
