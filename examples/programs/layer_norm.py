"""Layer normalisation over the last axis."""

import numpy as np


def layernorm_forward(x, gamma, beta, eps=1e-5):
    """x (N, D), gamma and beta (D,) -> out (N, D), cache"""
    mu = x.mean(axis=1, keepdims=True)
    var = x.var(axis=1, keepdims=True)
    std = np.sqrt(var + eps)
    x_hat = (x - mu) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


def layernorm_backward(dout, cache):
    """dout (N, D) -> dx, dgamma, dbeta"""
    x_hat, std, gamma = cache
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    mean = dx_hat.mean(axis=1, keepdims=True)
    projection = (dx_hat * x_hat).mean(axis=1, keepdims=True)
    dx = (dx_hat - mean - x_hat * projection) / std
    return dx, dgamma, dbeta
