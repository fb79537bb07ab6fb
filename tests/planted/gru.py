"""A GRU the way a textbook writes it: one step after the other, one line for each gate. Right as it stands.

Sizes: T steps, B samples, I inputs, H hidden units. W_r, W_z, W_n are the blocks of weight_ih (I, 3H), U_r ... those of
weight_hh (H, 3H). h[t] is the state before step t, h[t + 1] the one after it.
The equations are those of `rnn_manual.gru`, for both places of the reset gate; readout and loss are the Elman
network's.
"""

from typing import NamedTuple

import numpy as np

from rnn_manual import Network
from tests.planted.elman import readout


class Run(NamedTuple):
    """What `forward` returns. q is what r multiplies (reset after) or what U_n sees of h (reset before)."""

    outputs: np.ndarray  # (T, B, H)
    h_n: np.ndarray  # (1, B, H)
    c_n: None
    network: Network
    parameters: dict[str, np.ndarray]
    x: np.ndarray  # (T, B, I)
    h: list[np.ndarray]  # T+1 of (B, H)
    r: list[np.ndarray]  # T of (B, H), as are z, n, q
    z: list[np.ndarray]
    n: list[np.ndarray]
    q: list[np.ndarray]


def sigmoid(a):
    """1 / (1 + exp(-a))."""
    return 1 / (1 + np.exp(-a))


def forward(network, parameters, x, h_0, c_0=None, lengths=None, dropout_masks=None):
    """The states of every step, from x (T, B, I) and h_0 (1, B, H)."""
    W_r, W_z, W_n = np.split(parameters["weight_ih"], 3, axis=1)  # each (I, H)
    U_r, U_z, U_n = np.split(parameters["weight_hh"], 3, axis=1)  # each (H, H)
    b_r, b_z, b_n = np.split(parameters["bias_ih"], 3)  # each (H,)
    e_r, e_z, e_n = np.split(parameters["bias_hh"], 3)  # each (H,)
    h = [h_0[0]]
    r, z, n, q = [], [], [], []
    for t in range(len(x)):
        r.append(sigmoid(x[t] @ W_r + b_r + h[t] @ U_r + e_r))  # (B, H)
        z.append(sigmoid(x[t] @ W_z + b_z + h[t] @ U_z + e_z))  # (B, H)
        if network.reset == "after":
            q.append(h[t] @ U_n + e_n)  # (B, H)
            n.append(np.tanh(x[t] @ W_n + b_n + r[t] * q[t]))  # (B, H)
        else:
            q.append(r[t] * h[t])  # (B, H)
            n.append(np.tanh(x[t] @ W_n + b_n + q[t] @ U_n + e_n))  # (B, H)
        h.append((1 - z[t]) * n[t] + z[t] * h[t])  # (B, H)
    return Run(np.stack(h[1:]), h[-1][None], None, network, parameters, x, h, r, z, n, q)


def backward(run, d_outputs, d_h_n, d_c_n=None):
    """Every gradient, from d_outputs (T, B, H) and d_h_n (1, B, H)."""
    x, h, r, z, n, q = run.x, run.h, run.r, run.z, run.n, run.q
    W_r, W_z, W_n = np.split(run.parameters["weight_ih"], 3, axis=1)  # each (I, H)
    U_r, U_z, U_n = np.split(run.parameters["weight_hh"], 3, axis=1)  # each (H, H)
    time, batch, _ = x.shape
    dW_r, dW_z, dW_n = (np.zeros_like(W_r) for _ in range(3))  # each (I, H)
    dU_r, dU_z, dU_n = (np.zeros_like(U_r) for _ in range(3))  # each (H, H)
    db_r, db_z, db_n, de_n = (np.zeros_like(U_r[0]) for _ in range(4))  # each (H,)
    d_x = np.zeros_like(x)  # (T, B, I)
    dh_next = d_h_n[0]  # (B, H)
    for t in reversed(range(time)):
        dh = d_outputs[t] + dh_next  # (B, H)
        delta_n = dh * (1 - z[t]) * (1 - n[t] ** 2)  # (B, H)
        delta_z = dh * (h[t] - n[t]) * z[t] * (1 - z[t])  # (B, H)
        dh_next = dh * z[t]  # (B, H)
        if run.network.reset == "after":
            d_q = delta_n * r[t]  # (B, H)
            delta_r = delta_n * q[t] * r[t] * (1 - r[t])  # (B, H)
            dU_n += h[t].T @ d_q  # (H, H) = (H, B)(B, H)
            de_n += d_q.sum(axis=0)  # (H,)
            dh_next += d_q @ U_n.T  # (B, H) = (B, H)(H, H)
        else:
            d_q = delta_n @ U_n.T  # (B, H) = (B, H)(H, H)
            delta_r = d_q * h[t] * r[t] * (1 - r[t])  # (B, H)
            dU_n += q[t].T @ delta_n  # (H, H) = (H, B)(B, H)
            de_n += delta_n.sum(axis=0)  # (H,)
            dh_next += d_q * r[t]  # (B, H)

        dW_r += x[t].T @ delta_r  # (I, H) = (I, B)(B, H)
        dW_z += x[t].T @ delta_z
        dW_n += x[t].T @ delta_n
        dU_r += h[t].T @ delta_r  # (H, H) = (H, B)(B, H)
        dU_z += h[t].T @ delta_z
        db_r += delta_r.sum(axis=0)  # (H,)
        db_z += delta_z.sum(axis=0)
        db_n += delta_n.sum(axis=0)

        d_x[t] += delta_r @ W_r.T  # (B, I) = (B, H)(H, I)
        d_x[t] += delta_z @ W_z.T
        d_x[t] += delta_n @ W_n.T
        dh_next += delta_r @ U_r.T  # (B, H) = (B, H)(H, H)
        dh_next += delta_z @ U_z.T
    return {
        "weight_ih": np.concatenate([dW_r, dW_z, dW_n], axis=1),  # (I, 3H)
        "weight_hh": np.concatenate([dU_r, dU_z, dU_n], axis=1),  # (H, 3H)
        "bias_ih": np.concatenate([db_r, db_z, db_n]),  # (3H,)
        "bias_hh": np.concatenate([db_r, db_z, de_n]),  # (3H,)
        "h_0": dh_next[None],
        "x": d_x,
    }


def loss_and_gradients(network, parameters, x, targets, h_0, c_0=None, lengths=None, dropout_masks=None, weights=None):
    """The loss of the network with its readout, and every gradient."""
    run = forward(network, parameters, x, h_0)
    loss, d_outputs, gradients = readout(network, parameters, run.outputs, targets, weights)
    gradients |= backward(run, d_outputs, np.zeros_like(run.h_n))
    return loss, gradients
