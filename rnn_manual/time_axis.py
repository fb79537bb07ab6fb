"""The time axis: stacking steps, cutting them into blocks, holding the state of a sample whose sequence has ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

BLOCK = 2**14
"""Hidden states in a block of steps, as numbers: what a block needs, about ten times that, stays in a core's cache."""


def flatten_time(steps: Float[np.ndarray, "*steps features"]) -> Float[np.ndarray, "rows features"]:
    """(time, batch, features) -> (time*batch, features), so that one matrix product serves every step."""
    return steps.reshape(-1, steps.shape[-1])


def steps_per_block(time: int, size: int) -> int:
    """How many steps of `size` numbers make a block: at least 1, at most `time`.

    What need not wait for the carry is computed a block at a time: all steps in one call where they are small, for then
    the calls are what costs, and one by one where they are large, for then it is the memory.
    """
    return min(time, max(1, BLOCK // size))


def blocks_from_the_end(time: int, steps: int) -> Iterator[slice]:
    """Slices of `steps` steps, the last of the sequence first; the one at its beginning may be shorter."""
    for stop in range(time, 0, -steps):
        yield slice(max(0, stop - steps), stop)


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
