"""The homework of a course: one step of an LSTM backwards into a dictionary, then the loop that adds the steps up."""

import numpy as np

from oracle import gradient_function


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e_x = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e_x / np.sum(e_x, axis=-1, keepdims=True)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    """xt (m, n_x), a_prev and c_prev (m, n_a) -> a_next, c_next and what the backward step needs"""
    concat = np.concatenate((a_prev, xt), axis=1)
    ft = sigmoid(concat @ parameters["Wf"] + parameters["bf"])
    it = sigmoid(concat @ parameters["Wi"] + parameters["bi"])
    cct = np.tanh(concat @ parameters["Wc"] + parameters["bc"])
    ot = sigmoid(concat @ parameters["Wo"] + parameters["bo"])
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    return a_next, c_next, (c_next, c_prev, concat, ft, it, cct, ot)


def lstm_forward(x, a0, c0, parameters):
    """x (m, T_x, n_x) -> the hidden states (m, T_x, n_a), the predictions (m, T_x, n_y) and the caches of the steps"""
    a_next, c_next, states, caches = a0, c0, [], []
    for t in range(x.shape[1]):
        a_next, c_next, cache = lstm_cell_forward(x[:, t, :], a_next, c_next, parameters)
        states.append(a_next)
        caches.append(cache)
    a = np.stack(states, axis=1)
    return a, softmax(a @ parameters["Wy"] + parameters["by"]), caches


def lstm_cell_backward(da_next, dc_next, cache, parameters):
    """The gradients of one step, given those of the state and of the cell that it hands on."""
    (c_next, c_prev, concat, ft, it, cct, ot) = cache
    n_a = da_next.shape[1]

    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)
    dcct = dc * it * (1 - cct**2)
    dit = dc * cct * it * (1 - it)
    dft = dc * c_prev * ft * (1 - ft)

    gradients = {}
    gradients["dWf"] = np.dot(concat.T, dft)
    gradients["dWi"] = np.dot(concat.T, dit)
    gradients["dWc"] = np.dot(concat.T, dcct)
    gradients["dWo"] = np.dot(concat.T, dot)
    gradients["dbf"] = np.sum(dft, axis=0, keepdims=True)
    gradients["dbi"] = np.sum(dit, axis=0, keepdims=True)
    gradients["dbc"] = np.sum(dcct, axis=0, keepdims=True)
    gradients["dbo"] = np.sum(dot, axis=0, keepdims=True)

    gradients["da_prev"] = (
        np.dot(dft, parameters["Wf"][:n_a].T)
        + np.dot(dit, parameters["Wi"][:n_a].T)
        + np.dot(dcct, parameters["Wc"][:n_a].T)
        + np.dot(dot, parameters["Wo"][:n_a].T)
    )
    gradients["dc_prev"] = dc * ft
    return gradients


def lstm_backward(y, y_pred, a, caches, parameters):
    """y one-hot and y_pred (m, T_x, n_y), a (m, T_x, n_a) -> the gradients of all parameters"""
    m, T_x, n_a = a.shape
    totals = {"d" + name: np.zeros(value.shape) for name, value in parameters.items()}
    dz = (y_pred - y) / m
    da = dz @ parameters["Wy"].T
    da_prevt, dc_prevt = np.zeros((m, n_a)), np.zeros((m, n_a))
    for t in reversed(range(T_x)):
        gradients = lstm_cell_backward(da[:, t, :] + da_prevt, dc_prevt, caches[t], parameters)
        da_prevt = gradients["da_prev"]
        dc_prevt = gradients["dc_prev"]
        for name in ("Wf", "Wi", "Wc", "Wo", "bf", "bi", "bc", "bo"):
            totals["d" + name] += gradients["d" + name]
        totals["dWy"] += np.dot(a[:, t, :].T, dz[:, t, :])
        totals["dby"] += np.sum(dz[:, t, :], axis=0, keepdims=True)
    return totals


@gradient_function(
    Wf="hidden+input hidden", Wi="hidden+input hidden", Wc="hidden+input hidden", Wo="hidden+input hidden",
    bf="1 hidden", bi="1 hidden", bc="1 hidden", bo="1 hidden", Wy="hidden output", by="1 output",
)  # fmt: skip
def lstm_homework(p, sizes, rng):
    parameters = dict(p)
    x = rng.normal(size=(sizes.batch, sizes.time, sizes.input))
    y = np.eye(sizes.output)[rng.integers(sizes.output, size=(sizes.batch, sizes.time))]
    a0, c0 = rng.normal(size=(2, sizes.batch, sizes.hidden))
    a, y_pred, caches = lstm_forward(x, a0, c0, parameters)
    cost = -np.sum(y * np.log(y_pred)) / sizes.batch
    totals = lstm_backward(y, y_pred, a, caches, parameters)
    return cost, {name: totals["d" + name] for name in parameters}
