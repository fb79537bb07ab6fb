"""The GRU, one layer, one direction, with the reset gate after or before the recurrent product.

Sizes: T steps, B samples, I inputs, H hidden units; x (T, B, I), h_t (B, H), W_ih (I, 3H), W_hh (H, 3H), biases (3H,).
The three gates are stacked along the last axis in the order r, z, n (reset, update, new); W_h* is the block of W_hh
for that gate, s the logistic sigmoid and * the elementwise product.

Forward, for t = 1 .. T:

    r_t = s(x_t W_ir + b_ir + h_{t-1} W_hr + b_hr)                  (B, H)
    z_t = s(x_t W_iz + b_iz + h_{t-1} W_hz + b_hz)                  (B, H)
    n_t = tanh(x_t W_in + b_in + r_t * (h_{t-1} W_hn + b_hn))       (B, H)   reset="after" (cuDNN, torch)
    n_t = tanh(x_t W_in + b_in + (r_t * h_{t-1}) W_hn + b_hn)       (B, H)   reset="before" (the original paper)
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}                           (B, H)

Backward. Write dv for dL/dv, and delta_r, delta_z, delta_n for dL/d(pre-activation). h_{t-1} is used by all three gates
and by the interpolation, so four paths add up in the carry:

    dh_t      = dL/d(output t) + carry_{t+1}                        (B, H)
    delta_n   = dh_t * (1 - z) * (1 - n^2)                          (B, H)
    delta_z   = dh_t * (h_{t-1} - n) * z (1 - z)                    (B, H)

    reset="after", with q = h_{t-1} W_hn + b_hn, what the reset gate multiplies:
    delta_r   = delta_n * q * r (1 - r)                             (B, H)
    carry_t   = dh_t * z + delta_r W_hr^T + delta_z W_hz^T + (delta_n * r) W_hn^T
    dW_hn     = sum_t h_{t-1}^T (delta_n * r)       db_hn = sum_t 1^T (delta_n * r)

    reset="before", with u = delta_n W_hn^T, dL/d(r * h_{t-1}):
    delta_r   = u * h_{t-1} * r (1 - r)                             (B, H)
    carry_t   = dh_t * z + delta_r W_hr^T + delta_z W_hz^T + u * r
    dW_hn     = sum_t (r * h_{t-1})^T delta_n       db_hn = sum_t 1^T delta_n

    both:
    dW_hr     = sum_t h_{t-1}^T delta_r, dW_hz likewise             (H, H) = (H, B)(B, H)
    dW_ih     = sum_t x_t^T [delta_r delta_z delta_n]               (I, 3H) = (I, B)(B, 3H)
    db_ih     = sum_t 1^T   [delta_r delta_z delta_n]               (3H,)
    dx_t      = [delta_r delta_z delta_n] W_ih^T                    (B, I) = (B, 3H)(3H, I)

Some texts exchange z and 1 - z; then the signs of delta_z and the factors of delta_n and of the carry exchange with it.

Sources: K. Cho et al., "Learning phrase representations using RNN encoder-decoder ..." (2014), reset before; cuDNN's
and torch's documentation of GRU, reset after.
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

GATES = 3


@dataclass(frozen=True)
class Cache:
    """What `forward` keeps for `backward`."""

    x: Float[np.ndarray, "time batch input"]
    states: Float[np.ndarray, "time+1 batch hidden"]  # states[t] is h_t, states[0] is h_0
    gates: Float[np.ndarray, "time 3 batch hidden"]  # r, z, n after their activations
    recurrent_n: Float[np.ndarray, "time batch hidden"] | None  # reset="after": q_t; None says reset="before"
    weight_ih: Float[np.ndarray, "input 3*hidden"]
    weight_hh: Float[np.ndarray, "hidden 3*hidden"]
    valid: Bool[np.ndarray, "time batch 1"] | None

    def window(self, start: int, stop: int) -> Cache:
        """The same, for the steps start .. stop-1 alone."""
        return Cache(
            self.x[start:stop],
            self.states[start : stop + 1],
            self.gates[start:stop],
            None if self.recurrent_n is None else self.recurrent_n[start:stop],
            self.weight_ih,
            self.weight_hh,
            None if self.valid is None else self.valid[start:stop],
        )


def forward(
    x: Float[np.ndarray, "time batch input"],
    h_0: Float[np.ndarray, "batch hidden"],
    parameters: dict[str, np.ndarray],
    reset: str = "after",
    valid: Bool[np.ndarray, "time batch 1"] | None = None,
) -> tuple[Float[np.ndarray, "time batch hidden"], tuple[Float[np.ndarray, "batch hidden"]], Cache]:
    """Run the layer over the sequence; return the states h_1 .. h_T, the final state, and the cache for `backward`.

    `parameters` holds weight_ih (input, 3*hidden), weight_hh (hidden, 3*hidden) and, unless the layer has no biases,
    bias_ih and bias_hh (3*hidden,). Where `valid` is False a sample's sequence has ended and its state is held.
    """
    weight_ih = gate_first(parameters["weight_ih"], GATES)  # (3, I, H)
    weight_hh = gate_first(parameters["weight_hh"], GATES)  # (3, H, H)
    time, batch, _ = x.shape
    hidden = weight_hh.shape[-1]

    from_x = flatten_time(x) @ weight_ih  # (3, T*B, H) = (T*B, I)(3, I, H): the input products of all steps at once
    bias_hn = np.zeros(hidden, x.dtype)
    if "bias_ih" in parameters:
        bias_h = gate_axis(parameters["bias_hh"], GATES).copy()  # (3, H)
        if reset == "after":  # r multiplies b_hn too: it cannot be added beforehand
            bias_hn, bias_h[2] = parameters["bias_hh"][2 * hidden :], 0
        from_x += (gate_axis(parameters["bias_ih"], GATES) + bias_h)[:, None]
    from_x = from_x.reshape(GATES, time, batch, hidden)

    states = np.empty((time + 1, batch, hidden), x.dtype)
    states[0] = h_0
    gates = np.empty((time, GATES, batch, hidden), x.dtype)
    recurrent_n = np.empty((time, batch, hidden), x.dtype) if reset == "after" else None
    from_h = np.empty_like(gates[0])
    with np.errstate(over="ignore"):  # see activations.sigmoid
        for t in range(time):
            h_prev, h = states[t], states[t + 1]
            r, z, n = gates[t]
            r_and_z = gates[t, :2]
            if reset == "after":
                np.matmul(h_prev, weight_hh, out=from_h)  # (3, B, H) = (B, H)(3, H, H)
            else:
                np.matmul(h_prev, weight_hh[:2], out=from_h[:2])
            np.add(from_x[:2, t], from_h[:2], out=r_and_z)
            sigmoid(r_and_z, out=r_and_z)
            if reset == "after":
                q = recurrent_n[t]
                np.add(from_h[2], bias_hn, out=q)
                np.multiply(r, q, out=n)
            else:
                np.dot(r * h_prev, weight_hh[2], out=n)  # (B, H) = (B, H)(H, H)
            n += from_x[2, t]
            np.tanh(n, out=n)
            np.subtract(h_prev, n, out=h)
            h *= z
            h += n  # n + z (h_{t-1} - n) = (1 - z) n + z h_{t-1}
            if valid is not None:
                hold(h, h_prev, valid[t])
    cache = Cache(x, states, gates, recurrent_n, parameters["weight_ih"], parameters["weight_hh"], valid)
    return states[1:], (states[-1],), cache


def backward(
    cache: Cache,
    d_outputs: Float[np.ndarray, "time batch hidden"],
    d_final: tuple[Float[np.ndarray, "batch hidden"]],
) -> tuple[Float[np.ndarray, "time batch input"], tuple[Float[np.ndarray, "batch hidden"]], dict[str, np.ndarray]]:
    """From dL/d(every output) and dL/d(final state): dL/dx, (dL/dh_0,) and the gradient of each parameter.

    The lines of `forward`, read from the last to the first. `d_outputs` must be zero where `valid` is False.
    """
    x, states, gates, recurrent_n, valid = cache.x, cache.states, cache.gates, cache.recurrent_n, cache.valid
    reset_after = recurrent_n is not None
    time, _, batch, hidden = gates.shape
    weight_hh_T = np.ascontiguousarray(cache.weight_hh.T)  # (3H, H), copied: it is read at every step
    weight_hrz_T, weight_hn_T = weight_hh_T[: 2 * hidden], weight_hh_T[2 * hidden :]

    delta = np.empty((time, batch, GATES * hidden), x.dtype)  # dL/d(pre-activation), the input side
    delta_by_gate = gate_axis(delta, GATES).swapaxes(1, 2)  # (T, 3, B, H), a view
    # reset="after": the recurrent side differs from the input side in the block of n, where r stands between them
    delta_hh = np.empty_like(delta) if reset_after else delta
    delta_hh_by_gate = gate_axis(delta_hh, GATES).swapaxes(1, 2)
    (d_h_n,) = d_final
    carry = d_h_n.copy()
    dh, dh_z = np.empty_like(carry), np.empty_like(carry)
    block = steps_per_block(time, batch * hidden)
    slopes = np.empty((block, 4 if reset_after else 3, batch, hidden), x.dtype)
    for steps in blocks_from_the_end(time, block):
        _slopes(gates[steps], states[steps], recurrent_n[steps] if reset_after else None, slopes)
        for t in reversed(range(steps.start, steps.stop)):
            slope = slopes[t - steps.start]
            delta_r, _, delta_n = delta_by_gate[t]
            np.add(carry, d_outputs[t], out=dh)  # (B, H)
            if valid is not None:
                held = release(dh, valid[t])
            np.multiply(dh, gates[t, 1], out=dh_z)
            if reset_after:
                np.multiply(dh, slope[:3], out=delta_hh_by_gate[t])  # delta_r, delta_z, delta_n * r
                np.multiply(dh, slope[3], out=delta_n)
                np.dot(delta_hh[t], weight_hh_T, out=carry)  # (B, H) = (B, 3H)(3H, H)
            else:
                np.multiply(dh, slope[1:], out=delta_by_gate[t, 1:])  # delta_z, delta_n
                u = delta_n @ weight_hn_T  # (B, H) = (B, H)(H, H): dL/d(r * h_{t-1})
                np.multiply(u, slope[0], out=delta_r)
                np.dot(delta[t, :, : 2 * hidden], weight_hrz_T, out=carry)  # (B, H) = (B, 2H)(2H, H)
                carry += np.multiply(u, gates[t, 0], out=u)
            carry += dh_z
            if valid is not None:
                carry += held
    if reset_after:
        delta[..., : 2 * hidden] = delta_hh[..., : 2 * hidden]

    h_prev = flatten_time(states[:-1])  # (T*B, H)
    r_h_prev = None if reset_after else flatten_time(gates[:, 0] * states[:-1])
    delta, delta_hh = flatten_time(delta), flatten_time(delta_hh)  # (T*B, 3H)
    gradients = {
        "weight_ih": flatten_time(x).T @ delta,  # (I, 3H) = (I, T*B)(T*B, 3H)
        "bias_ih": delta.sum(axis=0),  # (3H,)
        "bias_hh": delta_hh.sum(axis=0),  # (3H,)
    }
    if reset_after:
        gradients["weight_hh"] = h_prev.T @ delta_hh  # (H, 3H): h_{t-1} with delta_t
    else:
        gradients["weight_hh"] = np.concatenate(
            [h_prev.T @ delta[:, : 2 * hidden], r_h_prev.T @ delta[:, 2 * hidden :]], axis=1
        )
    d_x = (delta @ cache.weight_ih.T).reshape(x.shape)  # (T, B, I)
    return d_x, (carry,), gradients


def _slopes(
    gates: Float[np.ndarray, "time 3 batch hidden"],
    states: Float[np.ndarray, "time batch hidden"],
    recurrent_n: Float[np.ndarray, "time batch hidden"] | None,
    slopes: Float[np.ndarray, "block rows batch hidden"],
) -> None:
    """Fill in what dh_t is multiplied by in delta_r, delta_z and, after them, delta_n: it is known without the carry.

    reset="after": in delta_r, delta_z, delta_n * r, delta_n. reset="before": delta_r has u in the place of dh_t.
    `states` holds h_{t-1}; the block may be longer than the steps there are.
    """
    r, _, n = gates.swapaxes(0, 1)
    slopes = slopes[: len(gates)]
    slope_r, slope_z, slope_n = slopes[:, 0], slopes[:, 1], slopes[:, -1]
    np.subtract(1, gates[:, :2], out=slopes[:, :2])  # 1 - r, 1 - z
    np.multiply(n, n, out=slope_n)
    np.subtract(1, slope_n, out=slope_n)
    slope_n *= slope_z  # (1 - z) (1 - n^2)
    slopes[:, :2] *= gates[:, :2]  # r (1 - r), z (1 - z)
    slope_z *= states - n
    if recurrent_n is None:
        slope_r *= states
    else:
        np.multiply(slope_n, r, out=slopes[:, 2])
        slope_r *= recurrent_n
        slope_r *= slope_n
