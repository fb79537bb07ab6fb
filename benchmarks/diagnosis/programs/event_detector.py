"""Which events happen at each moment: one series, columns, lists; deltas are listed first, gradients summed after."""

import numpy as np

from oracle import gradient_function


def sigma(a):
    return 1 / (1 + np.exp(-a))


def forward(params, xs, s0):
    """xs: T columns (I, 1), s0 (H, 1) -> states s_0, ..., s_T and the probabilities of the events, T columns (O, 1)"""
    states, phis = [s0], []
    for x in xs:
        alpha = params["W_xs"] @ x + params["W_ss"] @ states[-1] + params["b_s"]
        states.append(np.tanh(alpha))
        phis.append(sigma(params["W_sy"] @ states[-1] + params["b_y"]))
    return states, phis


def loss(phis, ys):
    total = 0.0
    for phi, y in zip(phis, ys):
        total -= float(np.sum(y * np.log(phi) + (1 - y) * np.log(1 - phi)))
    return total / len(ys)


def backward(params, xs, ys, states, phis):
    steps = len(xs)
    deltas_y = [(phi - y) / steps for phi, y in zip(phis, ys)]

    deltas_s = []
    epsilon = np.zeros_like(states[0])
    for t in reversed(range(steps)):
        eta = params["W_sy"].T @ deltas_y[t] + epsilon
        delta = eta * (1 - states[t + 1] ** 2)
        deltas_s.insert(0, delta)
        epsilon = params["W_ss"].T @ delta

    grads = {}
    grads["W_sy"] = sum(delta @ s.T for delta, s in zip(deltas_y, states[1:]))
    grads["b_y"] = sum(deltas_y)
    grads["W_xs"] = sum(delta @ x.T for delta, x in zip(deltas_s, xs))
    grads["W_ss"] = sum(delta @ s.T for delta, s in zip(deltas_s, states[:-1]))
    grads["b_s"] = sum(deltas_s)
    return grads


@gradient_function(W_xs="hidden input", W_ss="hidden hidden", W_sy="events hidden", b_s="hidden 1", b_y="events 1")
def event_detector(p, sizes, rng):
    xs = [rng.normal(size=(sizes.input, 1)) for _ in range(sizes.time)]
    ys = [rng.integers(2, size=(sizes.events, 1)) for _ in range(sizes.time)]
    states, phis = forward(p, xs, rng.normal(size=(sizes.hidden, 1)))
    return loss(phis, ys), backward(p, xs, ys, states, phis)
