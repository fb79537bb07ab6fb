"""From the hidden state to the prediction, and back.

    u = phi(h)              (..., D)     the optional activation of the state; D hidden features
    v = u W_ho + b_ho       (..., O) = (..., D)(D, O) + (O,)
    y = psi(v)              (..., O)     the output activation

Backward, with dv for dL/dv:

    dv = dy * psi'(v)       (..., O)     softmax: dv = y * (dy - sum_o dy_o y_o), the whole Jacobian, not its diagonal
    dW_ho = u^T dv          (D, O) = (D, N)(N, O)       summed over every leading index
    db_ho = 1^T dv          (O,)
    dh = (dv W_ho^T) * phi'(h)           (..., D)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnn_manual.activations import ACTIVATIONS
from rnn_manual.time_axis import flatten_time

if TYPE_CHECKING:
    from jaxtyping import Float

OUTPUT_ACTIVATIONS = (*ACTIVATIONS, "softmax")


@dataclass(frozen=True)
class Cache:
    """What `forward` keeps for `backward`."""

    u: Float[np.ndarray, "*steps hidden"]
    y: Float[np.ndarray, "*steps output"]
    weight_ho: Float[np.ndarray, "hidden output"]
    state_activation: str
    output_activation: str


def softmax(v: Float[np.ndarray, "*steps output"]) -> Float[np.ndarray, "*steps output"]:
    """exp(v) over its sum along the last axis."""
    y = np.exp(v - v.max(axis=-1, keepdims=True))
    y /= y.sum(axis=-1, keepdims=True)
    return y


def forward(
    h: Float[np.ndarray, "*steps hidden"],
    parameters: Mapping[str, np.ndarray],
    state_activation: str = "identity",
    output_activation: str = "identity",
) -> tuple[Float[np.ndarray, "*steps output"], Cache]:
    """The prediction for each state, and the cache for `backward`."""
    weight_ho = parameters["weight_ho"]
    with np.errstate(over="ignore"):  # see activations.sigmoid
        u = ACTIVATIONS[state_activation].function(h)
        v = (flatten_time(u) @ weight_ho).reshape(*h.shape[:-1], weight_ho.shape[1])
        if "bias_ho" in parameters:
            v += parameters["bias_ho"]
        y = softmax(v) if output_activation == "softmax" else ACTIVATIONS[output_activation].function(v)
    return y, Cache(u, y, weight_ho, state_activation, output_activation)


def backward(
    cache: Cache, d_y: Float[np.ndarray, "*steps output"]
) -> tuple[Float[np.ndarray, "*steps hidden"], dict[str, np.ndarray]]:
    """From dL/dy: dL/dh, and the gradients of weight_ho and bias_ho."""
    u, y = cache.u, cache.y
    if cache.output_activation == "softmax":
        d_v = y * (d_y - (d_y * y).sum(axis=-1, keepdims=True))
    elif cache.output_activation == "identity":
        d_v = d_y
    else:
        d_v = d_y * ACTIVATIONS[cache.output_activation].slope(y)
    d_v = flatten_time(d_v)  # (N, O)
    gradients = {"weight_ho": flatten_time(u).T @ d_v, "bias_ho": d_v.sum(axis=0)}
    d_h = (d_v @ cache.weight_ho.T).reshape(u.shape)
    if cache.state_activation != "identity":
        d_h *= ACTIVATIONS[cache.state_activation].slope(u)
    return d_h, gradients
