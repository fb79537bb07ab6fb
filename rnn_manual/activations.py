"""Elementwise functions, each beside its derivative written in terms of its own *output*.

Writing the derivative in the output is what lets a backward pass keep only the states: for h = tanh(a),
dh/da = 1 - h**2. Passing the pre-activation `a` instead is the second most common mistake in hand-written
BPTT, so the argument is called `output` everywhere.

Every function takes an optional `out` and then allocates nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def sigmoid(a: Float[np.ndarray, "*shape"], out: np.ndarray | None = None) -> Float[np.ndarray, "*shape"]:
    """1 / (1 + exp(-a)), accurate relative to itself in both tails.

    exp(-a) may overflow to inf for very negative `a`; 1 / (1 + inf) is then the right 0. Callers that run it in a
    loop silence that one warning once, outside the loop. The form with tanh(a / 2) is faster, but loses every digit
    of a gate that is nearly closed.
    """
    # not np.negative: in place on a float32 view with a stride of four elements it is wrong (NumPy 2.4.6, x86-64)
    out = np.multiply(a, -1, out=out)
    np.exp(out, out=out)
    out += 1
    return np.reciprocal(out, out=out)


def relu(a: Float[np.ndarray, "*shape"], out: np.ndarray | None = None) -> Float[np.ndarray, "*shape"]:
    """max(a, 0); its derivative at 0 is taken to be 0, as torch does."""
    return np.maximum(a, 0, out=out)


def identity(a: Float[np.ndarray, "*shape"], out: np.ndarray | None = None) -> Float[np.ndarray, "*shape"]:
    """a itself."""
    if out is None or out is a:
        return a
    np.copyto(out, a)
    return out


def tanh_slope(output: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """d tanh(a) / da = 1 - tanh(a)**2."""
    slope = output * output
    return np.subtract(1, slope, out=slope)


def sigmoid_slope(output: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """d sigmoid(a) / da = sigmoid(a) * (1 - sigmoid(a))."""
    slope = 1 - output
    slope *= output
    return slope


def relu_slope(output: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """1 where the unit is active, 0 elsewhere."""
    return (output > 0).astype(output.dtype)


def identity_slope(output: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """1."""
    return np.ones_like(output)


class Activation(NamedTuple):
    """An elementwise function and its derivative as a function of the output."""

    function: Callable[..., np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(np.tanh, tanh_slope),
    "relu": Activation(relu, relu_slope),
    "sigmoid": Activation(sigmoid, sigmoid_slope),
    "identity": Activation(identity, identity_slope),
}
