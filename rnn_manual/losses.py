"""Losses, each with its gradient with respect to what it is computed from.

For a prediction y or logits z of shape (..., O), a loss has one term for each leading index:

    half_squared_error      l = sum_o (y_o - target_o)^2 / 2                dl/dy = y - target
    binary_cross_entropy    l = sum_o max(z, 0) - z target + log(1 + exp(-|z|))     dl/dz = s(z) - target
    softmax_cross_entropy   l = log(sum_o exp(z_o)) - z_target              dl/dz = softmax(z) - onehot(target)

and the loss of the network is  sum(weight * l) / divisor  with the divisor of the reduction:

    sum           1
    batch_mean    the number of samples
    mean          the weighted mean, as numpy.average takes it: sum(weight), times O for the two elementwise losses.
                  Without weights this is torch's reduction="mean".

Both cross entropies are computed from logits: exp never overflows, and the derivative keeps its accuracy where a
probability is 0 or 1 to rounding. Source: I. Goodfellow et al., "Deep Learning" (2016), sections 6.2.2.2 and 6.2.2.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rnn_manual.activations import sigmoid

if TYPE_CHECKING:
    from jaxtyping import Float

REDUCTIONS = ("sum", "batch_mean", "mean")


def half_squared_error(
    y: Float[np.ndarray, "*steps output"], targets: Float[np.ndarray, "*steps output"]
) -> tuple[Float[np.ndarray, "*steps"], Float[np.ndarray, "*steps output"]]:
    """The term of each step, and its gradient."""
    difference = y - targets
    return 0.5 * (difference * difference).sum(axis=-1), difference


def binary_cross_entropy(
    logits: Float[np.ndarray, "*steps output"], targets: Float[np.ndarray, "*steps output"]
) -> tuple[Float[np.ndarray, "*steps"], Float[np.ndarray, "*steps output"]]:
    """The term of each step, and its gradient; targets lie between 0 and 1."""
    terms = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    with np.errstate(over="ignore"):  # see activations.sigmoid
        return terms.sum(axis=-1), sigmoid(logits) - targets


def softmax_cross_entropy(
    logits: Float[np.ndarray, "*steps output"], targets: np.ndarray
) -> tuple[Float[np.ndarray, "*steps"], Float[np.ndarray, "*steps output"]]:
    """The term of each step, and its gradient; targets are class numbers (*steps,), or rows that sum to one."""
    if targets.ndim == logits.ndim - 1:
        targets = (targets[..., None] == np.arange(logits.shape[-1])).astype(logits.dtype)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=-1, keepdims=True)
    log_probabilities = shifted - np.log(total)
    # targets' own sum instead of 1: a row of targets may miss 1 by rounding, and the gradient is of what was computed
    gradient = exponentials / total * targets.sum(axis=-1, keepdims=True) - targets
    return -(targets * log_probabilities).sum(axis=-1), gradient


class Loss(NamedTuple):
    """A loss, whether its mean is taken over features too, and whether it applies its own output activation."""

    function: Callable[..., tuple[np.ndarray, np.ndarray]]
    elementwise: bool
    from_logits: bool


LOSSES: dict[str, Loss] = {
    "half_squared_error": Loss(half_squared_error, elementwise=True, from_logits=False),
    "binary_cross_entropy": Loss(binary_cross_entropy, elementwise=True, from_logits=True),
    "softmax_cross_entropy": Loss(softmax_cross_entropy, elementwise=False, from_logits=True),
}


def reduced_loss(
    loss: str,
    reduction: str,
    prediction: Float[np.ndarray, "*steps output"],
    targets: np.ndarray,
    weights: Float[np.ndarray, "*steps"] | None,
) -> tuple[np.floating, Float[np.ndarray, "*steps output"]]:
    """The loss of the whole batch, and its gradient with respect to the prediction. The last of *steps is the batch."""
    terms, gradient = LOSSES[loss].function(prediction, targets)
    if weights is not None:
        terms = terms * weights
        gradient *= weights[..., None]
    divisor = 1
    if reduction == "batch_mean":
        divisor = prediction.shape[-2]
    elif reduction == "mean":
        divisor = terms.size if weights is None else weights.sum()
        if LOSSES[loss].elementwise:
            divisor = divisor * prediction.shape[-1]
    gradient /= divisor
    return terms.sum() / prediction.dtype.type(divisor), gradient
