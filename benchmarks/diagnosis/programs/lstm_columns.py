"""An LSTM with a matrix for each gate on [a_prev, xt]; columns are samples, time is the last axis."""

import numpy as np

from oracle import gradient_function


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e_x = np.exp(x - np.max(x, axis=0, keepdims=True))
    return e_x / e_x.sum(axis=0, keepdims=True)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    concat = np.concatenate((a_prev, xt), axis=0)
    ft = sigmoid(np.dot(parameters["Wf"], concat) + parameters["bf"])
    it = sigmoid(np.dot(parameters["Wi"], concat) + parameters["bi"])
    cct = np.tanh(np.dot(parameters["Wc"], concat) + parameters["bc"])
    c_next = ft * c_prev + it * cct
    ot = sigmoid(np.dot(parameters["Wo"], concat) + parameters["bo"])
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(np.dot(parameters["Wy"], a_next) + parameters["by"])
    cache = (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, concat)
    return a_next, c_next, yt_pred, cache


def lstm_cell_backward(da_next, dc_next, cache, parameters):
    (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, concat) = cache
    n_a = a_next.shape[0]
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)
    dcct = dc * it * (1 - cct**2)
    dit = dc * cct * it * (1 - it)
    dft = dc * c_prev * ft * (1 - ft)
    gradients = {
        "dWf": np.dot(dft, concat.T),
        "dWi": np.dot(dit, concat.T),
        "dWc": np.dot(dcct, concat.T),
        "dWo": np.dot(dot, concat.T),
        "dbf": np.sum(dft, axis=1, keepdims=True),
        "dbi": np.sum(dit, axis=1, keepdims=True),
        "dbc": np.sum(dcct, axis=1, keepdims=True),
        "dbo": np.sum(dot, axis=1, keepdims=True),
    }
    da_prev = np.dot(parameters["Wf"][:, :n_a].T, dft)
    da_prev += np.dot(parameters["Wi"][:, :n_a].T, dit)
    da_prev += np.dot(parameters["Wc"][:, :n_a].T, dcct)
    da_prev += np.dot(parameters["Wo"][:, :n_a].T, dot)
    dc_prev = dc * ft
    gradients["da_prev"] = da_prev
    gradients["dc_prev"] = dc_prev
    return gradients


def lstm_forward(x, a0, c0, parameters):
    caches, y_pred = [], []
    a_next, c_next = a0, c0
    for t in range(x.shape[2]):
        a_next, c_next, yt_pred, cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        y_pred.append(yt_pred)
        caches.append(cache)
    return y_pred, caches


def lstm_backward(y_pred, y, caches, parameters):
    gradients = {"d" + name: np.zeros_like(value) for name, value in parameters.items()}
    da_prevt = np.zeros_like(caches[0][0])
    dc_prevt = np.zeros_like(caches[0][1])
    for t in reversed(range(len(caches))):
        dy = y_pred[t] - y[:, :, t]
        gradients["dWy"] += np.dot(dy, caches[t][0].T)
        gradients["dby"] += np.sum(dy, axis=1, keepdims=True)
        da = np.dot(parameters["Wy"].T, dy)
        step = lstm_cell_backward(da + da_prevt, dc_prevt, caches[t], parameters)
        da_prevt = step["da_prev"]
        dc_prevt = step["dc_prev"]
        for name in ("dWf", "dWi", "dWc", "dWo", "dbf", "dbi", "dbc", "dbo"):
            gradients[name] += step[name]
    return gradients


SHAPES = {f"W{gate}": "hidden hidden+input" for gate in "fico"} | {f"b{gate}": "hidden 1" for gate in "fico"}


@gradient_function({**SHAPES, "Wy": "output hidden", "by": "output 1"})
def lstm_columns(p, sizes, rng):
    x = rng.normal(size=(sizes.input, sizes.batch, sizes.time))
    y = np.eye(sizes.output)[:, rng.integers(sizes.output, size=(sizes.batch, sizes.time))]
    a0, c0 = rng.normal(size=(2, sizes.hidden, sizes.batch))
    y_pred, caches = lstm_forward(x, a0, c0, p)
    loss = -sum(np.sum(y[:, :, t] * np.log(y_pred[t])) for t in range(sizes.time))
    gradients = lstm_backward(y_pred, y, caches, p)
    return loss, {name: gradients["d" + name] for name in p}
