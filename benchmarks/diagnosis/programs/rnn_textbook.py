"""The textbook's algorithm: relu units, softmax outputs, delta_o and delta_h of each moment, a nabla a weight."""

import numpy as np

from oracle import gradient_function


def relu(v):
    return np.maximum(v, 0)


def relu_prime(v):
    return np.where(v > 0, 1.0, 0.0)


def softmax_rows(v):
    exponentials = np.exp(v - v.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def propagate(net, inputs, targets, start):
    """inputs (T, B, I), targets (T, B, O) one-hot, start (B, H) -> a dict for each moment 0, ..., T, cross-entropy"""
    moments = [{"hidden": start}]
    error = 0
    for value, target in zip(inputs, targets):
        net_h = value @ net["U"] + moments[-1]["hidden"] @ net["W"] + net["b"]
        hidden = relu(net_h)
        output = softmax_rows(hidden @ net["V"] + net["c"])
        error -= np.sum(target * np.log(output))
        moments.append({"input": value, "net_h": net_h, "hidden": hidden, "output": output, "target": target})
    return moments, error / len(start)


def backpropagate(net, moments):
    """The derivatives of the error, in the order U, W, V, b, c."""
    size = len(moments[0]["hidden"])
    nabla_U, nabla_W, nabla_V = (np.zeros(net[name].shape) for name in "UWV")
    nabla_b, nabla_c = (np.zeros(net[name].shape) for name in "bc")
    delta_h = np.zeros(moments[0]["hidden"].shape)
    for t in range(len(moments) - 1, 0, -1):
        now, before = moments[t], moments[t - 1]

        delta_o = (now["output"] - now["target"]) / size
        from_output = delta_o @ net["V"].T
        from_future = delta_h @ net["W"].T
        delta_h = (from_output + from_future) * relu_prime(now["net_h"])

        nabla_V += now["hidden"].T @ delta_o
        nabla_c += delta_o.sum(axis=0)
        nabla_U += now["input"].T @ delta_h
        nabla_W += before["hidden"].T @ delta_h
        nabla_b += delta_h.sum(axis=0)
    return nabla_U, nabla_W, nabla_V, nabla_b, nabla_c


@gradient_function(U="input hidden", W="hidden hidden", V="hidden output", b="hidden", c="output")
def rnn_textbook(p, sizes, rng):
    inputs = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    targets = np.eye(sizes.output)[rng.integers(sizes.output, size=(sizes.time, sizes.batch))]
    start = rng.uniform(size=(sizes.batch, sizes.hidden))
    moments, error = propagate(p, inputs, targets, start)
    return error, dict(zip("UWVbc", backpropagate(p, moments)))
