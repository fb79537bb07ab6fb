"""An Elman network, its readout and its loss as a textbook writes them: step after step, one line an equation.

Right as it stands, and slow. `rnn_manual` forms its sums over time in one product, where `=` for `+=`, a skipped step
or an update inside the loop cannot even be written down; here every such mistake is a change of one line.

Sizes: T steps, B samples, I inputs, H hidden units, O outputs. h[t] is the state before step t, h[t + 1] the one after.
The equations are those of `rnn_manual.elman`, `rnn_manual.readout` and `rnn_manual.losses`.
"""

from typing import NamedTuple

import numpy as np

from rnn_manual import Network


class Run(NamedTuple):
    """What `forward` returns. The pre-activations `a` are not needed by a right backward pass; many keep them."""

    outputs: np.ndarray  # (T, B, H)
    h_n: np.ndarray  # (1, B, H)
    c_n: None
    network: Network
    parameters: dict[str, np.ndarray]
    x: np.ndarray  # (T, B, I)
    a: list[np.ndarray]  # T of (B, H)
    h: list[np.ndarray]  # T+1 of (B, H)


def activate(name, a):
    """phi(a)."""
    if name == "tanh":
        return np.tanh(a)
    if name == "relu":
        return np.maximum(a, 0)
    if name == "sigmoid":
        return 1 / (1 + np.exp(-a))
    return a


def slope(name, output):
    """phi'(a), from output = phi(a)."""
    if name == "tanh":
        return 1 - output**2
    if name == "relu":
        return (output > 0).astype(output.dtype)
    if name == "sigmoid":
        return output * (1 - output)
    return np.ones_like(output)


def forward(network, parameters, x, h_0, c_0=None, lengths=None, dropout_masks=None):
    """The states of every step, from x (T, B, I) and h_0 (1, B, H)."""
    weight_ih, weight_hh = parameters["weight_ih"], parameters["weight_hh"]  # (I, H), (H, H)
    bias_ih, bias_hh = parameters["bias_ih"], parameters["bias_hh"]  # (H,), (H,)
    a, h = [], [h_0[0]]
    for t in range(len(x)):
        a.append(x[t] @ weight_ih + bias_ih + h[t] @ weight_hh + bias_hh)  # (B, H)
        h.append(activate(network.activation, a[t]))  # (B, H)
    return Run(np.stack(h[1:]), h[-1][None], None, network, parameters, x, a, h)


def backward(run, d_outputs, d_h_n, d_c_n=None):
    """Every gradient, from d_outputs (T, B, H) and d_h_n (1, B, H)."""
    network, x, h = run.network, run.x, run.h
    weight_ih, weight_hh = run.parameters["weight_ih"], run.parameters["weight_hh"]  # (I, H), (H, H)
    time, batch, _ = x.shape
    d_weight_ih = np.zeros_like(weight_ih)  # (I, H)
    d_weight_hh = np.zeros_like(weight_hh)  # (H, H)
    d_bias_ih = np.zeros_like(run.parameters["bias_ih"])  # (H,)
    d_bias_hh = np.zeros_like(run.parameters["bias_hh"])  # (H,)
    d_x = np.zeros_like(x)  # (T, B, I)
    carry = d_h_n[0]  # (B, H)
    for t in reversed(range(time)):
        dh = d_outputs[t] + carry  # (B, H)
        delta = dh * slope(network.activation, h[t + 1])  # (B, H)
        d_weight_ih += x[t].T @ delta  # (I, H) = (I, B)(B, H)
        d_weight_hh += h[t].T @ delta  # (H, H) = (H, B)(B, H)
        d_bias_ih += delta.sum(axis=0)  # (H,)
        d_bias_hh += delta.sum(axis=0)  # (H,)
        d_x[t] += delta @ weight_ih.T  # (B, I) = (B, H)(H, I)
        carry = delta @ weight_hh.T  # (B, H) = (B, H)(H, H)
    return {
        "weight_ih": d_weight_ih,
        "weight_hh": d_weight_hh,
        "bias_ih": d_bias_ih,
        "bias_hh": d_bias_hh,
        "h_0": carry[None],
        "x": d_x,
    }


def loss_and_gradients(network, parameters, x, targets, h_0, c_0=None, lengths=None, dropout_masks=None, weights=None):
    """The loss of the network with its readout, and every gradient."""
    run = forward(network, parameters, x, h_0)
    loss, d_outputs, gradients = readout(network, parameters, run.outputs, targets, weights)
    gradients |= backward(run, d_outputs, np.zeros_like(run.h_n))
    return loss, gradients


def readout(network, parameters, outputs, targets, weights):
    """The loss, dL/d(outputs) of shape (T, B, H), and the gradients of weight_ho and bias_ho."""
    time, batch, _ = outputs.shape
    weight_ho, bias_ho = parameters["weight_ho"], parameters["bias_ho"]  # (H, O), (O,)
    first = 0  # the first step that has a term in the loss
    if network.readout == "last":
        first, targets, weights = time - 1, targets[None], None if weights is None else weights[None]
    if weights is None:
        weights = np.ones((time - first, batch), outputs.dtype)
    divisor = {"sum": 1, "batch_mean": batch, "mean": weights.sum()}[network.reduction]
    if network.reduction == "mean" and network.loss == "half_squared_error":
        divisor = divisor * len(bias_ho)

    d_weight_ho = np.zeros_like(weight_ho)  # (H, O)
    d_bias_ho = np.zeros_like(bias_ho)  # (O,)
    d_outputs = np.zeros_like(outputs)  # (T, B, H)
    loss = 0
    for t in range(first, time):
        u = activate(network.state_activation, outputs[t])  # (B, H)
        v = u @ weight_ho + bias_ho  # (B, O) = (B, H)(H, O) + (O,)
        y = softmax(v) if network.output_activation == "softmax" else activate(network.output_activation, v)  # (B, O)
        target, weight = targets[t - first], weights[t - first]  # (B,) or (B, O), (B,)
        term, dy = loss_of_step(network.loss, y, target)  # (B,), (B, O)
        loss += (weight * term).sum() / divisor
        dy = weight[:, None] * dy / divisor  # (B, O)
        dv = output_delta(network.output_activation, v, y, dy)  # (B, O)
        d_weight_ho += u.T @ dv  # (H, O) = (H, B)(B, O)
        d_bias_ho += dv.sum(axis=0)  # (O,)
        du = dv @ weight_ho.T  # (B, H) = (B, O)(O, H)
        d_outputs[t] += du * slope(network.state_activation, u)  # (B, H)
    return loss, d_outputs, {"weight_ho": d_weight_ho, "bias_ho": d_bias_ho}


def softmax(v):
    """(B, O): exp(v) over its sum along the last axis."""
    e = np.exp(v - v.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def loss_of_step(loss, y, target):
    """The terms (B,) of one step, and their gradients (B, O) with respect to y."""
    if loss == "half_squared_error":
        return 0.5 * ((y - target) ** 2).sum(axis=1), y - target
    if target.ndim == 1:  # class numbers, softmax cross entropy
        target = np.eye(y.shape[1], dtype=y.dtype)[target]
    p = softmax(y)  # (B, O)
    shifted = y - y.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (B, O)
    return -(target * log_p).sum(axis=1), p - target


def output_delta(activation, v, y, dy):
    """dL/dv (B, O) from dL/dy; v is what the output activation was applied to."""
    if activation == "softmax":
        return y * (dy - (dy * y).sum(axis=1, keepdims=True))
    return dy * slope(activation, y)
