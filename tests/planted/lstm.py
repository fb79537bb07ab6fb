"""An LSTM the way a textbook writes it: one step after the other, one line for each gate. Right as it stands.

Sizes: T steps, B samples, I inputs, H cells. W_i, W_f, W_g, W_o are the blocks of weight_ih (I, 4H), U_i ... those of
weight_hh (H, 4H). h[t] and c[t] are the states before step t, h[t + 1] and c[t + 1] those after it.
The equations are those of `rnn_manual.lstm`; readout and loss are the Elman network's.
"""

from typing import NamedTuple

import numpy as np

from rnn_manual import Network
from tests.planted.elman import readout


class Run(NamedTuple):
    """What `forward` returns. A right backward pass does without the pre-activations `a_g`; many keep them."""

    outputs: np.ndarray  # (T, B, H)
    h_n: np.ndarray  # (1, B, H)
    c_n: np.ndarray  # (1, B, H)
    network: Network
    parameters: dict[str, np.ndarray]
    x: np.ndarray  # (T, B, I)
    h: list[np.ndarray]  # T+1 of (B, H)
    c: list[np.ndarray]  # T+1 of (B, H)
    i: list[np.ndarray]  # T of (B, H), as are f, g, o
    f: list[np.ndarray]
    g: list[np.ndarray]
    o: list[np.ndarray]
    a_g: list[np.ndarray]


def sigmoid(a):
    """1 / (1 + exp(-a))."""
    return 1 / (1 + np.exp(-a))


def forward(network, parameters, x, h_0, c_0, lengths=None, dropout_masks=None):
    """The states of every step, from x (T, B, I), h_0 and c_0 (1, B, H)."""
    W_i, W_f, W_g, W_o = np.split(parameters["weight_ih"], 4, axis=1)  # each (I, H)
    U_i, U_f, U_g, U_o = np.split(parameters["weight_hh"], 4, axis=1)  # each (H, H)
    b_i, b_f, b_g, b_o = np.split(parameters["bias_ih"] + parameters["bias_hh"], 4)  # each (H,)
    h, c = [h_0[0]], [c_0[0]]
    i, f, g, o, a_g = [], [], [], [], []
    for t in range(len(x)):
        i.append(sigmoid(x[t] @ W_i + h[t] @ U_i + b_i))  # (B, H)
        f.append(sigmoid(x[t] @ W_f + h[t] @ U_f + b_f))  # (B, H)
        a_g.append(x[t] @ W_g + h[t] @ U_g + b_g)  # (B, H)
        g.append(np.tanh(a_g[t]))  # (B, H)
        o.append(sigmoid(x[t] @ W_o + h[t] @ U_o + b_o))  # (B, H)
        c.append(f[t] * c[t] + i[t] * g[t])  # (B, H)
        h.append(o[t] * np.tanh(c[t + 1]))  # (B, H)
    return Run(np.stack(h[1:]), h[-1][None], c[-1][None], network, parameters, x, h, c, i, f, g, o, a_g)


def backward(run, d_outputs, d_h_n, d_c_n):
    """Every gradient, from d_outputs (T, B, H), d_h_n and d_c_n (1, B, H)."""
    x, h, c, i, f, g, o = run.x, run.h, run.c, run.i, run.f, run.g, run.o
    W_i, W_f, W_g, W_o = np.split(run.parameters["weight_ih"], 4, axis=1)  # each (I, H)
    U_i, U_f, U_g, U_o = np.split(run.parameters["weight_hh"], 4, axis=1)  # each (H, H)
    time, batch, _ = x.shape
    dW_i, dW_f, dW_g, dW_o = (np.zeros_like(W_i) for _ in range(4))  # each (I, H)
    dU_i, dU_f, dU_g, dU_o = (np.zeros_like(U_i) for _ in range(4))  # each (H, H)
    db_i, db_f, db_g, db_o = (np.zeros_like(U_i[0]) for _ in range(4))  # each (H,)
    d_x = np.zeros_like(x)  # (T, B, I)
    dh_next, dc_next = d_h_n[0], d_c_n[0]  # (B, H), (B, H)
    for t in reversed(range(time)):
        tanh_c = np.tanh(c[t + 1])  # (B, H)
        dh = d_outputs[t] + dh_next  # (B, H)
        dc = dh * o[t] * (1 - tanh_c**2)  # (B, H)
        dc += dc_next
        delta_o = dh * tanh_c * o[t] * (1 - o[t])  # (B, H)
        delta_i = dc * g[t] * i[t] * (1 - i[t])  # (B, H)
        delta_f = dc * c[t] * f[t] * (1 - f[t])  # (B, H)
        delta_g = dc * i[t] * (1 - g[t] ** 2)  # (B, H)

        dW_i += x[t].T @ delta_i  # (I, H) = (I, B)(B, H)
        dW_f += x[t].T @ delta_f
        dW_g += x[t].T @ delta_g
        dW_o += x[t].T @ delta_o
        dU_i += h[t].T @ delta_i  # (H, H) = (H, B)(B, H)
        dU_f += h[t].T @ delta_f
        dU_g += h[t].T @ delta_g
        dU_o += h[t].T @ delta_o
        db_i += delta_i.sum(axis=0)  # (H,)
        db_f += delta_f.sum(axis=0)
        db_g += delta_g.sum(axis=0)
        db_o += delta_o.sum(axis=0)

        d_x[t] += delta_i @ W_i.T  # (B, I) = (B, H)(H, I)
        d_x[t] += delta_f @ W_f.T
        d_x[t] += delta_g @ W_g.T
        d_x[t] += delta_o @ W_o.T
        dh_next = delta_i @ U_i.T  # (B, H) = (B, H)(H, H)
        dh_next += delta_f @ U_f.T
        dh_next += delta_g @ U_g.T
        dh_next += delta_o @ U_o.T
        dc_next = dc * f[t]  # (B, H)
    bias = np.concatenate([db_i, db_f, db_g, db_o])  # (4H,)
    return {
        "weight_ih": np.concatenate([dW_i, dW_f, dW_g, dW_o], axis=1),  # (I, 4H)
        "weight_hh": np.concatenate([dU_i, dU_f, dU_g, dU_o], axis=1),  # (H, 4H)
        "bias_ih": bias,
        "bias_hh": bias.copy(),
        "h_0": dh_next[None],
        "c_0": dc_next[None],
        "x": d_x,
    }


def loss_and_gradients(network, parameters, x, targets, h_0, c_0, lengths=None, dropout_masks=None, weights=None):
    """The loss of the network with its readout, and every gradient."""
    run = forward(network, parameters, x, h_0, c_0)
    loss, d_outputs, gradients = readout(network, parameters, run.outputs, targets, weights)
    gradients |= backward(run, d_outputs, np.zeros_like(run.h_n), np.zeros_like(run.c_n))
    return loss, gradients
