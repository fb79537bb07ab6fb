"""The LSTM, one layer, one direction, with optional peepholes and an optional projection of the state.

Sizes: T steps, B samples, I inputs, H cells, P outputs of the state (P = H without projection); x (T, B, I),
c_t (B, H), h_t (B, P), W_ih (I, 4H), W_hh (P, 4H), biases (4H,), peepholes p (3, H) = (p_i, p_f, p_o), W_hr (H, P).
The four gates are stacked along the last axis in the order i, f, g, o (input, forget, candidate, output); s is the
logistic sigmoid and * the elementwise product.

Forward, for t = 1 .. T:

    [a_i a_f a_g a_o] = x_t W_ih + b_ih + h_{t-1} W_hh + b_hh       (B, 4H)
    i_t = s(a_i + c_{t-1} * p_i)     f_t = s(a_f + c_{t-1} * p_f)   (B, H)   peepholes look at the cell
    g_t = tanh(a_g)                                                 (B, H)
    c_t = f_t * c_{t-1} + i_t * g_t                                 (B, H)
    o_t = s(a_o + c_t * p_o)                                        (B, H)   this one at the new cell
    m_t = o_t * tanh(c_t)                                           (B, H)
    h_t = m_t W_hr                                                  (B, P) = (B, H)(H, P);  h_t = m_t without projection

Backward. Write dv for dL/dv and delta for dL/da of the four gates side by side, (B, 4H). Two things are carried:

    dh_t      = dL/d(output t) + delta_{t+1} W_hh^T                 (B, P) = (B, P) + (B, 4H)(4H, P)
    dm_t      = dh_t W_hr^T                                         (B, H) = (B, P)(P, H)
    delta_o   = dm_t * tanh(c_t) * o (1 - o)                        (B, H)
    dc_t      = carried + dm_t * o * (1 - tanh(c_t)^2) + delta_o * p_o        c_t's uses at step t; carried from t+1:
                carried = dc_{t+1} * f_{t+1} + delta_i{t+1} * p_i + delta_f{t+1} * p_f
    delta_i   = dc_t * g       * i (1 - i)                          (B, H)
    delta_f   = dc_t * c_{t-1} * f (1 - f)
    delta_g   = dc_t * i       * (1 - g^2)
    dx_t      = delta_t W_ih^T                                      (B, I) = (B, 4H)(4H, I)
    dW_ih     = sum_t x_t^T     delta_t                             (I, 4H)
    dW_hh     = sum_t h_{t-1}^T delta_t                             (P, 4H)
    db_ih     = sum_t 1^T delta_t = db_hh                           (4H,)
    dp_i      = sum_t 1^T (delta_i * c_{t-1}), dp_f likewise, dp_o = sum_t 1^T (delta_o * c_t)      (H,) each
    dW_hr     = sum_t m_t^T dh_t                                    (H, P) = (H, B)(B, P)

1 - tanh(c_t)^2 takes tanh of the *new* cell, delta_f the *old* cell: the two are often exchanged.

Sources: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997); F. Gers, N. Schraudolph,
J. Schmidhuber, "Learning precise timing with LSTM recurrent networks", JMLR 3 (2002) for the peepholes; H. Sak,
A. Senior, F. Beaufays, "Long short-term memory based recurrent neural network architectures ..." (2014) for the
projection; K. Greff et al., "LSTM: a search space odyssey" (2017), section II, for the backward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnn_manual.activations import sigmoid
from rnn_manual.gates import gate_axis, gate_first
from rnn_manual.time_axis import blocks_from_the_end, flatten_time, hold, release, steps_per_block

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

GATES = 4


@dataclass(frozen=True)
class Cache:
    """What `forward` keeps for `backward`."""

    x: Float[np.ndarray, "time batch input"]
    states: Float[np.ndarray, "time+1 batch projection"]  # states[t] is h_t, states[0] is h_0
    cells: Float[np.ndarray, "time+1 batch hidden"]  # cells[t] is c_t, cells[0] is c_0
    gates: Float[np.ndarray, "time 4 batch hidden"]  # i, f, g, o after their activations
    tanh_cells: Float[np.ndarray, "time batch hidden"]  # tanh(c_t) of the *new* cell, before any hold
    parameters: dict[str, np.ndarray]
    valid: Bool[np.ndarray, "time batch 1"] | None

    def window(self, start: int, stop: int) -> Cache:
        """The same, for the steps start .. stop-1 alone."""
        return Cache(
            self.x[start:stop],
            self.states[start : stop + 1],
            self.cells[start : stop + 1],
            self.gates[start:stop],
            self.tanh_cells[start:stop],
            self.parameters,
            None if self.valid is None else self.valid[start:stop],
        )


def forward(
    x: Float[np.ndarray, "time batch input"],
    h_0: Float[np.ndarray, "batch projection"],
    c_0: Float[np.ndarray, "batch hidden"],
    parameters: dict[str, np.ndarray],
    valid: Bool[np.ndarray, "time batch 1"] | None = None,
) -> tuple[
    Float[np.ndarray, "time batch projection"],
    tuple[Float[np.ndarray, "batch projection"], Float[np.ndarray, "batch hidden"]],
    Cache,
]:
    """Run the layer over the sequence; return h_1 .. h_T, the final (h_T, c_T), and the cache for `backward`.

    `parameters` holds weight_ih (input, 4*hidden), weight_hh (projection, 4*hidden), and where the layer has them
    bias_ih and bias_hh (4*hidden,), weight_peephole (3, hidden), weight_hr (hidden, projection). Where `valid` is
    False a sample's sequence has ended and its state and cell are held.
    """
    weight_ih = gate_first(parameters["weight_ih"], GATES)  # (4, I, H)
    weight_hh = gate_first(parameters["weight_hh"], GATES)  # (4, P, H)
    weight_hr = parameters.get("weight_hr")
    peephole = parameters.get("weight_peephole")
    time, batch, _ = x.shape
    hidden = weight_hh.shape[-1]

    from_x = flatten_time(x) @ weight_ih  # (4, T*B, H) = (T*B, I)(4, I, H): the input products of all steps at once
    if "bias_ih" in parameters:
        from_x += (parameters["bias_ih"] + parameters["bias_hh"]).reshape(GATES, 1, hidden)
    from_x = from_x.reshape(GATES, time, batch, hidden)

    states = np.empty((time + 1, *h_0.shape), x.dtype)
    cells = np.empty((time + 1, batch, hidden), x.dtype)
    gates = np.empty((time, GATES, batch, hidden), x.dtype)
    tanh_cells = np.empty((time, batch, hidden), x.dtype)
    states[0], cells[0] = h_0, c_0
    from_h, i_times_g = np.empty_like(gates[0]), np.empty_like(c_0)
    with np.errstate(over="ignore"):  # see activations.sigmoid
        for t in range(time):
            h_prev, c_prev = states[t], cells[t]
            h, c, tanh_c = states[t + 1], cells[t + 1], tanh_cells[t]
            i, f, g, o = gates[t]
            i_and_f = gates[t, :2]
            np.matmul(h_prev, weight_hh, out=from_h)  # (4, B, H) = (B, P)(4, P, H)
            np.add(from_x[:, t], from_h, out=gates[t])
            if peephole is not None:
                i_and_f += c_prev * peephole[:2, None]  # (2, B, H) = (B, H) * (2, 1, H)
            sigmoid(i_and_f, out=i_and_f)
            np.tanh(g, out=g)
            np.multiply(f, c_prev, out=c)
            c += np.multiply(i, g, out=i_times_g)
            if peephole is not None:
                o += c * peephole[2]
            sigmoid(o, out=o)
            np.tanh(c, out=tanh_c)
            if weight_hr is None:
                np.multiply(o, tanh_c, out=h)
            else:
                np.dot(o * tanh_c, weight_hr, out=h)  # (B, P) = (B, H)(H, P)
            if valid is not None:
                hold(h, h_prev, valid[t])
                hold(c, c_prev, valid[t])
    return states[1:], (states[-1], cells[-1]), Cache(x, states, cells, gates, tanh_cells, parameters, valid)


def backward(
    cache: Cache,
    d_outputs: Float[np.ndarray, "time batch projection"],
    d_final: tuple[Float[np.ndarray, "batch projection"], Float[np.ndarray, "batch hidden"]],
) -> tuple[
    Float[np.ndarray, "time batch input"],
    tuple[Float[np.ndarray, "batch projection"], Float[np.ndarray, "batch hidden"]],
    dict[str, np.ndarray],
]:
    """From dL/d(every output) and dL/d(final h, c): dL/dx, (dL/dh_0, dL/dc_0) and the gradient of each parameter.

    The lines of `forward`, read from the last to the first. `d_outputs` must be zero where `valid` is False.
    """
    x, states, cells, gates, tanh_cells = cache.x, cache.states, cache.cells, cache.gates, cache.tanh_cells
    valid, parameters = cache.valid, cache.parameters
    weight_hr = parameters.get("weight_hr")
    peephole = parameters.get("weight_peephole")
    weight_hh_T = np.ascontiguousarray(parameters["weight_hh"].T)  # (4H, P), copied: it is read at every step
    time, _, batch, hidden = gates.shape

    delta = np.empty((time, batch, GATES * hidden), x.dtype)
    delta_by_gate = gate_axis(delta, GATES).swapaxes(1, 2)  # (T, 4, B, H), a view
    d_states = np.empty_like(d_outputs) if weight_hr is not None else None  # dh_t, which dW_hr needs
    d_h_n, d_c_n = d_final
    h_carry, dc = d_h_n.copy(), d_c_n.copy()
    dh, dc_from_m = np.empty_like(h_carry), np.empty_like(dc)
    block = steps_per_block(time, batch * hidden)
    slopes, cell_slopes = np.empty((block, *gates.shape[1:]), x.dtype), np.empty((block, *dc.shape), x.dtype)
    for steps in blocks_from_the_end(time, block):
        _slopes(gates[steps], cells[steps], tanh_cells[steps], slopes, cell_slopes)
        for t in reversed(range(steps.start, steps.stop)):
            slope, cell_slope = slopes[t - steps.start], cell_slopes[t - steps.start]
            delta_i, delta_f, _, delta_o = delta_by_gate[t]
            np.add(h_carry, d_outputs[t], out=dh)  # (B, P)
            if valid is not None:
                h_held, c_held = release(dh, valid[t]), release(dc, valid[t])
            if weight_hr is None:
                dm = dh
            else:
                d_states[t] = dh
                dm = dh @ weight_hr.T  # (B, H) = (B, P)(P, H)
            np.multiply(dm, slope[3], out=delta_o)
            dc += np.multiply(dm, cell_slope, out=dc_from_m)
            if peephole is not None:
                dc += delta_o * peephole[2]
            np.multiply(dc, slope[:3], out=delta_by_gate[t, :3])  # delta_i, delta_f, delta_g
            dc *= gates[t, 1]  # f
            if peephole is not None:
                dc += delta_i * peephole[0] + delta_f * peephole[1]
            np.dot(delta[t], weight_hh_T, out=h_carry)  # (B, P) = (B, 4H)(4H, P)
            if valid is not None:
                h_carry += h_held
                dc += c_held

    gradients = {}
    if weight_hr is not None:
        m = gates[:, 3] * tanh_cells  # (T, B, H), before the hold: a held step has dh_t = 0 and adds nothing
        gradients["weight_hr"] = flatten_time(m).T @ flatten_time(d_states)  # (H, P) = (H, T*B)(T*B, P)
    if peephole is not None:
        delta_i, delta_f, _, delta_o = delta_by_gate.swapaxes(0, 1)
        gradients["weight_peephole"] = np.stack(
            [
                (delta_i * cells[:-1]).sum(axis=(0, 1)),
                (delta_f * cells[:-1]).sum(axis=(0, 1)),
                (delta_o * cells[1:]).sum(axis=(0, 1)),
            ]
        )
    delta = flatten_time(delta)  # (T*B, 4H)
    gradients["weight_ih"] = flatten_time(x).T @ delta  # (I, 4H) = (I, T*B)(T*B, 4H)
    gradients["weight_hh"] = flatten_time(states[:-1]).T @ delta  # (P, 4H): h_{t-1} with delta_t
    gradients["bias_ih"] = delta.sum(axis=0)  # (4H,)
    gradients["bias_hh"] = gradients["bias_ih"].copy()
    d_x = (delta @ parameters["weight_ih"].T).reshape(x.shape)  # (T, B, I)
    return d_x, (h_carry, dc), gradients


def _slopes(
    gates: Float[np.ndarray, "time 4 batch hidden"],
    cells: Float[np.ndarray, "time batch hidden"],
    tanh_cells: Float[np.ndarray, "time batch hidden"],
    slopes: Float[np.ndarray, "block 4 batch hidden"],
    cell_slopes: Float[np.ndarray, "block batch hidden"],
) -> None:
    """Fill in what dc_t (for i, f, g) and dm_t (for o and the cell) are multiplied by: it is known without the carry.

    `cells` holds c_{t-1}, `tanh_cells` tanh(c_t); the blocks may be longer than the steps there are.
    """
    i, _, g, o = gates.swapaxes(0, 1)
    slopes, slope_c = slopes[: len(gates)], cell_slopes[: len(gates)]
    slope_i, slope_f, slope_g, slope_o = slopes.swapaxes(0, 1)
    np.subtract(1, gates, out=slopes)
    slopes *= gates  # s (1 - s) of all four; that of g is not needed
    slope_i *= g
    slope_f *= cells
    slope_o *= tanh_cells
    np.multiply(g, g, out=slope_g)
    np.subtract(1, slope_g, out=slope_g)
    slope_g *= i
    np.multiply(tanh_cells, tanh_cells, out=slope_c)
    np.subtract(1, slope_c, out=slope_c)
    slope_c *= o
