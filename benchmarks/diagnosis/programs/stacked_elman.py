"""Two Elman layers, one above the other: forward in one function, backward over both layers in one loop."""

import numpy as np

from oracle import gradient_function


def forward(p, x, h1_0, h2_0):
    """x (T, B, I) -> states of the lower and the upper layer with the first ones in front, predictions (T, B, O)"""
    lower, upper, predictions = [h1_0], [h2_0], []
    for x_t in x:
        lower.append(np.tanh(x_t @ p["W1"] + lower[-1] @ p["R1"] + p["b1"]))
        upper.append(np.tanh(lower[-1] @ p["W2"] + upper[-1] @ p["R2"] + p["b2"]))
        predictions.append(upper[-1] @ p["V"] + p["c"])
    return lower, upper, predictions


def backward(p, x, y, lower, upper, predictions):
    T, B = x.shape[:2]
    grads = {name: np.zeros_like(array) for name, array in p.items()}
    carry1 = np.zeros_like(lower[0])
    carry2 = np.zeros_like(upper[0])
    for t in range(T, 0, -1):
        # readout
        dv = (predictions[t - 1] - y[t - 1]) / (T * B)
        grads["V"] += upper[t].T @ dv
        grads["c"] += dv.sum(axis=0)
        # upper layer
        d_upper = dv @ p["V"].T + carry2
        delta2 = d_upper * (1 - upper[t] ** 2)
        grads["W2"] += lower[t].T @ delta2
        grads["R2"] += upper[t - 1].T @ delta2
        grads["b2"] += delta2.sum(axis=0)
        carry2 = delta2 @ p["R2"].T
        # lower layer
        d_lower = delta2 @ p["W2"].T + carry1
        delta1 = d_lower * (1 - lower[t] ** 2)
        grads["W1"] += x[t - 1].T @ delta1
        grads["R1"] += lower[t - 1].T @ delta1
        grads["b1"] += delta1.sum(axis=0)
        carry1 = delta1 @ p["R1"].T
    return grads


@gradient_function(
    W1="input low",
    R1="low low",
    b1="low",
    W2="low high",
    R2="high high",
    b2="high",
    V="high output",
    c="output",
)
def stacked_elman(p, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    y = rng.normal(size=(sizes.time, sizes.batch, sizes.output))
    h1_0, h2_0 = rng.normal(size=(sizes.batch, sizes.low)), rng.normal(size=(sizes.batch, sizes.high))
    lower, upper, predictions = forward(p, x, h1_0, h2_0)
    loss = 0.5 * np.sum((np.array(predictions) - y) ** 2) / (sizes.time * sizes.batch)
    return loss, backward(p, x, y, lower, upper, predictions)
