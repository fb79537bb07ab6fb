"""One forward pass and several backward passes, each wrong where the arrow points.

Rows are samples: x (T, B, in), states (T + 1, B, hidden) with h_0 in front, errors (T, B, out).
Parameters: W (in, hidden), R (hidden, hidden), V (hidden, out), b (1, hidden).
"""

import numpy as np


def forward(p, x, y, h_0):
    a, h = np.zeros((len(x), *h_0.shape)), np.zeros((len(x) + 1, *h_0.shape))
    h[0] = h_0
    for t in range(len(x)):
        a[t] = x[t] @ p["W"] + h[t] @ p["R"] + p["b"]
        h[t + 1] = np.tanh(a[t])
    errors = h[1:] @ p["V"] - y
    return 0.5 * np.sum(errors**2), (x, a, h, errors)


def zeros(p):
    return {name: np.zeros_like(value) for name, value in p.items()}


def untransposed_carry(p, cache):
    x, a, h, errors = cache
    g, carry = zeros(p), 0
    for t in reversed(range(len(x))):
        g["V"] += h[t + 1].T @ errors[t]
        delta = (errors[t] @ p["V"].T + carry) * (1 - h[t + 1] ** 2)
        g["W"] += x[t].T @ delta
        g["R"] += h[t].T @ delta
        g["b"] += delta.sum(axis=0, keepdims=True)
        carry = delta @ p["R"]  # <- should be p["R"].T
    return g


def state_index(p, cache):
    x, a, h, errors = cache
    g, carry = zeros(p), 0
    for t in reversed(range(len(x))):
        g["V"] += h[t + 1].T @ errors[t]
        delta = (errors[t] @ p["V"].T + carry) * (1 - h[t + 1] ** 2)
        g["W"] += x[t].T @ delta
        g["R"] += h[t + 1].T @ delta  # <- should be h[t], the state before
        g["b"] += delta.sum(axis=0, keepdims=True)
        carry = delta @ p["R"].T
    return g


def derivative_of_preactivation(p, cache):
    x, a, h, errors = cache
    g, carry = zeros(p), 0
    for t in reversed(range(len(x))):
        g["V"] += h[t + 1].T @ errors[t]
        delta = (errors[t] @ p["V"].T + carry) * (1 - a[t] ** 2)  # <- should be h[t + 1]
        g["W"] += x[t].T @ delta
        g["R"] += h[t].T @ delta
        g["b"] += delta.sum(axis=0, keepdims=True)
        carry = delta @ p["R"].T
    return g


def bias_not_summed(p, cache):
    x, a, h, errors = cache
    g, carry = zeros(p), 0
    for t in reversed(range(len(x))):
        g["V"] += h[t + 1].T @ errors[t]
        delta = (errors[t] @ p["V"].T + carry) * (1 - h[t + 1] ** 2)
        g["W"] += x[t].T @ delta
        g["R"] += h[t].T @ delta
        g["b"] = g["b"] + delta  # <- should be delta.sum(axis=0, keepdims=True)
        carry = delta @ p["R"].T
    return g


def overwritten(p, cache):
    x, a, h, errors = cache
    g, carry = zeros(p), 0
    for t in reversed(range(len(x))):
        g["V"] += h[t + 1].T @ errors[t]
        delta = (errors[t] @ p["V"].T + carry) * (1 - h[t + 1] ** 2)
        g["W"] = x[t].T @ delta  # <- should be +=
        g["R"] += h[t].T @ delta
        g["b"] += delta.sum(axis=0, keepdims=True)
        carry = delta @ p["R"].T
    return g


def three_mistakes(p, cache):
    x, a, h, errors = cache
    g, carry = zeros(p), 0
    for t in reversed(range(len(x))):
        g["V"] = h[t + 1].T @ errors[t]  # <- should be +=
        delta = (errors[t] @ p["V"].T + carry) * (1 - h[t + 1] ** 2)
        g["W"] += x[t].T @ delta
        g["R"] += h[t + 1].T @ delta  # <- should be h[t]
        g["b"] += delta.mean(axis=0, keepdims=True)  # <- should be sum
        carry = delta @ p["R"].T
    return g


def clipped(p, cache):
    x, a, h, errors = cache
    g, carry = zeros(p), 0
    for t in reversed(range(len(x))):
        g["V"] += h[t + 1].T @ errors[t]
        delta = (errors[t] @ p["V"].T + carry) * (1 - h[t + 1] ** 2)
        g["W"] += x[t].T @ delta
        g["R"] += h[t].T @ delta
        g["b"] += delta.sum(axis=0, keepdims=True)
        carry = delta @ p["R"].T
    for gradient in g.values():
        np.clip(gradient, -1, 1, out=gradient)  # <- right, if it is declared
    return g


def transposed_operands(p, cache):
    x, a, h, errors = cache
    g, carry = zeros(p), 0
    for t in reversed(range(len(x))):
        g["V"] += errors[t].T @ h[t + 1]  # <- should be h[t + 1].T @ errors[t]; this raises
        delta = (errors[t] @ p["V"].T + carry) * (1 - h[t + 1] ** 2)
        g["W"] += x[t].T @ delta
        g["R"] += h[t].T @ delta
        g["b"] += delta.sum(axis=0, keepdims=True)
        carry = delta @ p["R"].T
    return g


def swapped_carry(p, cache):
    x, a, h, errors = cache
    g, dh_next = zeros(p), np.zeros_like(h[0])
    for t in reversed(range(len(x))):
        g["V"] += h[t + 1].T @ errors[t]
        delta = (errors[t] @ p["V"].T + dh_next) * (1 - h[t + 1] ** 2)
        g["W"] += x[t].T @ delta
        g["R"] += h[t].T @ delta
        g["b"] += delta.sum(axis=0, keepdims=True)
        dh_next = p["R"] @ delta  # <- should be delta @ p["R"].T; this raises, and delta @ p["R"] would not
    return g
