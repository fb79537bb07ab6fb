"""The values of the forward pass as series over the steps, and a series at other steps."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import numpy as np

from oracle.hypotheses.backward import Backward
from oracle.hypotheses.tape import Op, earlier
from oracle.hypotheses.words import at, operand_name, value_of


@dataclass(frozen=True, eq=False)
class Series:
    """One array a step, all of one shape.

    key    says which it is, at any sizes
    words  'the value of line 15, `h = np.tanh(a)`'
    op     the operation at the last step that makes it, or uses it
    """

    key: Hashable
    words: str
    op: Op
    arrays: np.ndarray


def series_of(backward: Backward) -> list[Series]:
    """The values made and used at every step, the uses of products first; equal ones once."""
    steps, found, seen = backward.tape.steps, [], set()
    kept = set(backward.ops)

    def add(key: Hashable, words: str, op: Op, arrays: list[np.ndarray]) -> None:
        if len({array.shape for array in arrays}) != 1 or arrays[0].ndim == 0:
            return
        stacked = np.stack(arrays)
        mark = stacked.shape, stacked.tobytes()
        constant = len(arrays) > 1 and all(np.array_equal(one, arrays[0]) for one in arrays[1:])
        if mark not in seen and not constant:
            seen.add(mark)
            found.append(Series(key, words, op, stacked))

    for site in backward.tape.core:
        if len(site.ops) != steps or site.first not in kept:
            continue
        for position in sorted(site.first.operands):
            if all(position in op.operands for op in site.ops):
                arrays = [op.operands[position].numpy() for op in site.ops]
                last = site.ops[-1]
                edge = last.edge(position)
                source = None if edge is None else edge.made_by
                of = f"what goes into {at(last)}" if source is None else f"{value_of(source)}"
                made = [] if edge is None else [one for one in edge.sources if isinstance(one, Op)]
                if made and all(earlier(one, last) for one in made):
                    own = operand_name(last, position, _likes(backward, last))
                    of = f"{own}, which is {of} of the step before" if own else f"{of} of the step before"
                add((site.number, position), of, last, arrays)
    for site in backward.tape.core:
        if len(site.ops) == steps and site.first in kept:
            last = site.ops[-1]
            words = f"{value_of(last, backward.activations.get(last))}"
            add((site.number, "out"), words, last, [op.value.numpy() for op in site.ops])
    for joint in list(found):  # [h_{t-1}, x_t]: the state before
        for one in list(found):
            for where in _ends(joint.arrays.shape, one.arrays.shape):
                if np.array_equal(joint.arrays[where][1:], one.arrays[:-1]):
                    words = f"the step before's {one.words}".replace("'s the value", "'s value")
                    add((one.key, "before"), words, one.op, list(joint.arrays[where]))
    return found


def _likes(backward: Backward, op: Op) -> tuple[int, int]:
    """The number of an operation among those of its kind in its line, and how many there are."""
    alike = [site for site in backward.tape.sites if site.name == op.name and site.first.lines == op.lines]
    alike.sort(key=lambda site: site.first.order)
    return alike.index(op.site), len(alike)


def _ends(whole: tuple[int, ...], part: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Where an array of one shape has another at the beginning or the end of one axis; none where both are alike."""
    differ = [axis for axis, (m, n) in enumerate(zip(whole, part)) if m != n]
    if len(whole) != len(part) or len(differ) != 1 or whole[differ[0]] < part[differ[0]]:
        return []
    axis, size = differ[0], part[differ[0]]
    before = (slice(None),) * axis
    return [(*before, slice(0, size)), (*before, slice(whole[axis] - size, whole[axis]))]


SHIFTS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "next": ("of the next step, t + 1 (at the last step the last one)", lambda v: np.concatenate([v[1:], v[-1:]])),
    "previous": (
        "of the step before, t − 1 (at the first step the first one)",
        lambda v: np.concatenate([v[:1], v[:-1]]),
    ),
    "next, wrapping": ("of the next step, t + 1, wrapping round to the first", lambda v: np.roll(v, -1, 0)),
    "previous, wrapping": (
        "of the step before, t − 1: at the first step index −1 is the last one",
        lambda v: np.roll(v, 1, 0),
    ),
    "next, then zero": ("of the next step, t + 1, zeros at the last", lambda v: np.concatenate([v[1:], 0 * v[:1]])),
    "previous, then zero": ("of the step before, zeros at the first", lambda v: np.concatenate([0 * v[:1], v[:-1]])),
    "last": ("of the last step, at every step", lambda v: np.broadcast_to(v[-1:], v.shape)),
    "first": ("of the first step, at every step", lambda v: np.broadcast_to(v[:1], v.shape)),
    "reversed": ("in the reverse order of the steps", lambda v: v[::-1]),
    "zero at first": ("with zeros at the first step", lambda v: np.concatenate([0 * v[:1], v[1:]])),
    "zero at last": ("with zeros at the last step", lambda v: np.concatenate([v[:-1], 0 * v[:1]])),
    "two back": ("two steps back, wrapping round", lambda v: np.roll(v, 2, 0)),
}
"""A series at other steps than its own: in words, and how."""


def shifted(arrays: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """(key, words, arrays) of each of the SHIFTS."""
    if len(arrays) > 1:
        for key, (words, shift) in SHIFTS.items():
            yield key, words, shift(arrays)
