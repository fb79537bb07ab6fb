"""The time axis: stacking steps into one matrix, and holding the state of a sample whose sequence has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Bool, Float


def flatten_time(steps: Float[np.ndarray, "time batch features"]) -> Float[np.ndarray, "time*batch features"]:
    """(time, batch, features) -> (time*batch, features), so that one matrix product serves every step."""
    return steps.reshape(-1, steps.shape[-1])


def hold(
    state: Float[np.ndarray, "batch hidden"],
    previous: Float[np.ndarray, "batch hidden"],
    valid: Bool[np.ndarray, "batch 1"],
) -> None:
    """Overwrite `state` by the previous one, in place, for the samples that have no such step."""
    np.copyto(state, previous, where=~valid)


def release(
    d_state: Float[np.ndarray, "batch hidden"], valid: Bool[np.ndarray, "batch 1"]
) -> Float[np.ndarray, "batch hidden"]:
    """The backward of `hold`: zero `d_state` in place for the samples held, and return what passes straight on."""
    held = np.where(valid, 0, d_state)
    d_state *= valid
    return held
