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

from rnn_manual.activations import sigmoid, sigmoid_slope, tanh_slope
from rnn_manual.time_axis import flatten_time, hold, release

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

GATES = 3


@dataclass(frozen=True)
class Cache:
    """What `forward` keeps for `backward`."""

    x: Float[np.ndarray, "time batch input"]
    states: Float[np.ndarray, "time+1 batch hidden"]  # states[t] is h_t, states[0] is h_0
    gates: Float[np.ndarray, "time batch 3*hidden"]  # r, z, n after their activations
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


def split(gates: Float[np.ndarray, "*steps 3*hidden"]) -> tuple[np.ndarray, ...]:
    """Views of r, z, n, each (..., hidden)."""
    hidden = gates.shape[-1] // GATES
    return tuple(gates[..., k * hidden : (k + 1) * hidden] for k in range(GATES))


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
    weight_hh = parameters["weight_hh"]
    time, batch, _ = x.shape
    hidden = weight_hh.shape[0]

    gates = flatten_time(x) @ parameters["weight_ih"]  # (T*B, 3H): the input product of all steps at once
    bias_hn = None
    if "bias_ih" in parameters:
        gates += parameters["bias_ih"]
        gates[:, : 2 * hidden] += parameters["bias_hh"][: 2 * hidden]
        bias_hn = parameters["bias_hh"][2 * hidden :]
        if reset == "before":  # outside the product with r, so it can be added for all steps at once
            gates[:, 2 * hidden :] += bias_hn
    gates = gates.reshape(time, batch, GATES * hidden)
    r, z, n = split(gates)
    weight_hrz, weight_hn = weight_hh[:, : 2 * hidden], weight_hh[:, 2 * hidden :]

    states = np.empty((time + 1, batch, hidden), x.dtype)
    states[0] = h_0
    recurrent_n = np.empty((time, batch, hidden), x.dtype) if reset == "after" else None
    with np.errstate(over="ignore"):  # see activations.sigmoid
        for t in range(time):
            h_prev, h = states[t], states[t + 1]
            reset_and_update = gates[t, :, : 2 * hidden]
            if reset == "after":
                recurrent = h_prev @ weight_hh  # (B, 3H) = (B, H)(H, 3H)
                reset_and_update += recurrent[:, : 2 * hidden]
                sigmoid(reset_and_update, out=reset_and_update)
                q = recurrent_n[t]
                if bias_hn is None:
                    q[...] = recurrent[:, 2 * hidden :]
                else:
                    np.add(recurrent[:, 2 * hidden :], bias_hn, out=q)
                n[t] += r[t] * q
            else:
                reset_and_update += h_prev @ weight_hrz  # (B, 2H) = (B, H)(H, 2H)
                sigmoid(reset_and_update, out=reset_and_update)
                n[t] += (r[t] * h_prev) @ weight_hn  # (B, H) = (B, H)(H, H)
            np.tanh(n[t], out=n[t])
            np.subtract(h_prev, n[t], out=h)
            h *= z[t]
            h += n[t]  # n + z (h_{t-1} - n) = (1 - z) n + z h_{t-1}
            if valid is not None:
                hold(h, h_prev, valid[t])
    return states[1:], (states[-1],), Cache(x, states, gates, recurrent_n, parameters["weight_ih"], weight_hh, valid)


def backward(
    cache: Cache,
    d_outputs: Float[np.ndarray, "time batch hidden"],
    d_final: tuple[Float[np.ndarray, "batch hidden"]],
) -> tuple[Float[np.ndarray, "time batch input"], tuple[Float[np.ndarray, "batch hidden"]], dict[str, np.ndarray]]:
    """From dL/d(every output) and dL/d(final state): dL/dx, (dL/dh_0,) and the gradient of each parameter.

    The lines of `forward`, read from the last to the first. `d_outputs` must be zero where `valid` is False.
    """
    x, states, valid, weight_hh = cache.x, cache.states, cache.valid, cache.weight_hh
    reset_after = cache.recurrent_n is not None
    hidden = states.shape[-1]
    weight_hh_T = weight_hh.T  # (3H, H)
    weight_hrz_T, weight_hn_T = weight_hh_T[: 2 * hidden], weight_hh_T[2 * hidden :]
    r, z, n = split(cache.gates)

    delta = np.empty_like(cache.gates)  # (T, B, 3H): dL/d(pre-activation), the input side
    delta_r, delta_z, delta_n = split(delta)
    # reset="after": the recurrent side differs from the input side in the block of n, where r stands between them
    delta_hh = np.empty_like(delta) if reset_after else delta
    (d_h_n,) = d_final
    carry = d_h_n.copy()
    for t in reversed(range(len(x))):
        h_prev = states[t]
        dh = carry + d_outputs[t]  # (B, H)
        if valid is not None:
            held = release(dh, valid[t])
        np.multiply(dh * (1 - z[t]), tanh_slope(n[t]), out=delta_n[t])
        np.multiply(dh * (h_prev - n[t]), sigmoid_slope(z[t]), out=delta_z[t])
        if reset_after:
            np.multiply(delta_n[t] * cache.recurrent_n[t], sigmoid_slope(r[t]), out=delta_r[t])
            delta_hh[t, :, : 2 * hidden] = delta[t, :, : 2 * hidden]
            np.multiply(delta_n[t], r[t], out=delta_hh[t, :, 2 * hidden :])
            carry = delta_hh[t] @ weight_hh_T  # (B, H) = (B, 3H)(3H, H)
        else:
            d_reset = delta_n[t] @ weight_hn_T  # (B, H): dL/d(r * h_{t-1})
            np.multiply(d_reset * h_prev, sigmoid_slope(r[t]), out=delta_r[t])
            carry = delta[t, :, : 2 * hidden] @ weight_hrz_T  # (B, H) = (B, 2H)(2H, H)
            carry += d_reset * r[t]
        carry += dh * z[t]
        if valid is not None:
            carry += held

    delta, delta_hh = flatten_time(delta), flatten_time(delta_hh)  # (T*B, 3H)
    h_prev = flatten_time(states[:-1])  # (T*B, H)
    gradients = {
        "weight_ih": flatten_time(x).T @ delta,  # (I, 3H) = (I, T*B)(T*B, 3H)
        "bias_ih": delta.sum(axis=0),  # (3H,)
        "bias_hh": delta_hh.sum(axis=0),  # (3H,)
    }
    if reset_after:
        gradients["weight_hh"] = h_prev.T @ delta_hh  # (H, 3H): h_{t-1} with delta_t
    else:
        reset_h_prev = flatten_time(r) * h_prev
        gradients["weight_hh"] = np.concatenate(
            [h_prev.T @ delta[:, : 2 * hidden], reset_h_prev.T @ delta[:, 2 * hidden :]], axis=1
        )
    d_x = (delta @ cache.weight_ih.T).reshape(x.shape)  # (T, B, I)
    return d_x, (carry,), gradients
