"""The Elman network (simple recurrent network), one layer, one direction.

Sizes: T steps, B samples, I inputs, H hidden units; x (T, B, I), h_t (B, H), W_ih (I, H), W_hh (H, H).

Forward, for t = 1 .. T, with phi one of tanh, relu, sigmoid, identity:

    a_t = x_t W_ih + b_ih + h_{t-1} W_hh + b_hh      (B, H) = (B, I)(I, H) + (H,) + (B, H)(H, H) + (H,)
    h_t = phi(a_t)                                   (B, H)

Backward. Write dv for dL/dv. h_t is used twice: in the output of step t, and by step t+1. Both uses add up:

    dh_t     = dL/d(output t) + delta_{t+1} W_hh^T   (B, H) = (B, H) + (B, H)(H, H)    the carry
    delta_t  = dh_t * phi'(a_t)                      (B, H)                            dL/da_t, phi' from h_t
    dx_t     = delta_t W_ih^T                        (B, I) = (B, H)(H, I)
    dW_ih    = sum_t x_t^T     delta_t               (I, H) = (I, B)(B, H)
    dW_hh    = sum_t h_{t-1}^T delta_t               (H, H) = (H, B)(B, H)
    db_ih    = sum_t 1^T delta_t = db_hh             (H,)

At t = T the carry is dL/dh_T from outside; what is carried out of step 1 is dL/dh_0. Sizes cannot tell W_hh from its
transpose, nor h_{t-1}^T delta_t from delta_t^T h_{t-1}: only the axes' meaning (hidden at t-1, hidden at t) can.

The sum over time and batch is one product: stacking the steps makes x a (T*B, I) matrix and delta a (T*B, H) one,
and x^T delta sums over both.

Source: J. L. Elman, "Finding structure in time", Cognitive Science 14 (1990); the backward pass is P. J. Werbos,
"Backpropagation through time: what it does and how to do it", Proc. IEEE 78 (1990).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnn_manual.activations import ACTIVATIONS
from rnn_manual.time_axis import flatten_time, hold, release

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

    from rnn_manual.activations import Activation

GATES = 1


@dataclass(frozen=True)
class Cache:
    """What `forward` keeps for `backward`."""

    x: Float[np.ndarray, "time batch input"]
    states: Float[np.ndarray, "time+1 batch hidden"]  # states[t] is h_t, states[0] is h_0
    weight_ih: Float[np.ndarray, "input hidden"]
    weight_hh: Float[np.ndarray, "hidden hidden"]
    activation: Activation
    valid: Bool[np.ndarray, "time batch 1"] | None

    def window(self, start: int, stop: int) -> Cache:
        """The same, for the steps start .. stop-1 alone."""
        return Cache(
            self.x[start:stop],
            self.states[start : stop + 1],
            self.weight_ih,
            self.weight_hh,
            self.activation,
            None if self.valid is None else self.valid[start:stop],
        )


def forward(
    x: Float[np.ndarray, "time batch input"],
    h_0: Float[np.ndarray, "batch hidden"],
    parameters: dict[str, np.ndarray],
    activation: str = "tanh",
    valid: Bool[np.ndarray, "time batch 1"] | None = None,
) -> tuple[Float[np.ndarray, "time batch hidden"], tuple[Float[np.ndarray, "batch hidden"]], Cache]:
    """Run the layer over the sequence; return the states h_1 .. h_T, the final state, and the cache for `backward`.

    `parameters` holds weight_ih (input, hidden), weight_hh (hidden, hidden) and, unless the layer has no biases,
    bias_ih (hidden,) and bias_hh (hidden,). Where `valid` is False a sample's sequence has ended (or, read in
    reverse, not yet begun) and its state is held.
    """
    weight_ih, weight_hh = parameters["weight_ih"], parameters["weight_hh"]
    phi = ACTIVATIONS[activation]
    time, batch, _ = x.shape
    hidden = weight_hh.shape[0]

    a = flatten_time(x) @ weight_ih  # (T*B, H) = (T*B, I)(I, H): the input product of all steps at once
    if "bias_ih" in parameters:
        a += parameters["bias_ih"] + parameters["bias_hh"]
    a = a.reshape(time, batch, hidden)

    states = np.empty((time + 1, batch, hidden), x.dtype)
    states[0] = h_0
    with np.errstate(over="ignore"):  # see activations.sigmoid
        for t in range(time):
            h = states[t + 1]
            np.dot(states[t], weight_hh, out=h)  # (B, H) = (B, H)(H, H)
            h += a[t]
            phi.function(h, out=h)
            if valid is not None:
                hold(h, states[t], valid[t])
    return states[1:], (states[-1],), Cache(x, states, weight_ih, weight_hh, phi, valid)


def backward(
    cache: Cache,
    d_outputs: Float[np.ndarray, "time batch hidden"],
    d_final: tuple[Float[np.ndarray, "batch hidden"]],
) -> tuple[Float[np.ndarray, "time batch input"], tuple[Float[np.ndarray, "batch hidden"]], dict[str, np.ndarray]]:
    """From dL/d(every output) and dL/d(final state): dL/dx, (dL/dh_0,) and the gradient of each parameter.

    The lines of `forward`, read from the last to the first. `d_outputs` must be zero where `valid` is False.
    """
    x, states, valid = cache.x, cache.states, cache.valid
    weight_hh_T = np.ascontiguousarray(cache.weight_hh.T)  # copied: it is read at every step

    delta = cache.activation.slope(states[1:])  # (T, B, H): phi'(a_t), to be multiplied by dh_t in the loop
    (d_h_n,) = d_final
    carry, dh = d_h_n.copy(), np.empty_like(d_h_n)
    for t in reversed(range(len(x))):
        np.add(carry, d_outputs[t], out=dh)  # (B, H)
        if valid is not None:
            held = release(dh, valid[t])
        delta[t] *= dh
        np.dot(delta[t], weight_hh_T, out=carry)  # (B, H) = (B, H)(H, H)
        if valid is not None:
            carry += held

    delta = flatten_time(delta)  # (T*B, H)
    gradients = {
        "weight_ih": flatten_time(x).T @ delta,  # (I, H) = (I, T*B)(T*B, H): the sum over time and batch in one product
        "weight_hh": flatten_time(states[:-1]).T @ delta,  # (H, H): h_{t-1} with delta_t
        "bias_ih": delta.sum(axis=0),  # (H,)
    }
    gradients["bias_hh"] = gradients["bias_ih"].copy()
    d_x = (delta @ cache.weight_ih.T).reshape(x.shape)  # (T, B, I)
    return d_x, (carry,), gradients
