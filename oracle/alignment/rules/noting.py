"""The event of an operation, and what all rules share: what is lined up, and whose memory a result looks at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oracle.alignment.named import Memory, Named, labels_of, last_of, named, plain
from oracle.alignment.record import CURRENT, Event, fingerprint

Axes = tuple[int, ...]
Pairs = list[tuple[int, int, int, int]]
ADDITIVE = {"add", "subtract", "negative", "positive"}
BOUNDS = {"maximum", "minimum", "clip"}
SUMS = {"add", "mean"}
SCALES = {"multiply", "divide", "true_divide"}
shape_of = np.shape  # bound before the run exchanges what makes arrays


def noted(
    kind: str,
    operands: Sequence[object],
    result: object,
    labels: Axes,
    lined: Pairs | None = None,
    contracted: Pairs | None = None,
    reduced: Axes = (),
    moves: bool = False,
    others: Sequence[object] = (),
) -> Event:
    """The event of an operation; others: what it depends on besides."""
    plains = [plain(one) for one in operands]
    return CURRENT.get().add(
        kind,
        makers=tuple(map(last_of, operands)),
        inputs=tuple(dict.fromkeys(serial for one in (*operands, *others) if (serial := last_of(one)) >= 0)),
        labels=tuple(map(labels_of, operands)),
        shapes=tuple(shape_of(one) for one in plains),
        of=tuple(getattr(one, "of", None) for one in operands),
        result=labels,
        shape=shape_of(result),
        lined=lined or [],
        contracted=contracted or [],
        reduced=reduced,
        moves=moves,
        prints=(*map(fingerprint, plains), fingerprint(result)),
    )


def nameless(name: str, operands: Sequence[object], result: object) -> object:
    record = CURRENT.get()
    some = [one for one in operands if isinstance(one, np.ndarray) or last_of(one) >= 0]

    def one(value: object) -> object:
        if isinstance(value, (tuple, list)):
            return type(value)(map(one, value)) if type(value) in (tuple, list) else value
        labels = record.fresh(shape_of(value)) if isinstance(value, (np.ndarray, np.floating)) else ()
        if labels and value.dtype.kind in "fc":
            record.lost(name)
        return named(value, labels, noted(name, some, value, labels))

    return one(result)


def leaves(value: object) -> list:
    if isinstance(value, (tuple, list)):
        return [leaf for one in value for leaf in leaves(one)]
    return [value]


def argument(args: tuple, kwargs: dict, place: int, name: str, default: object) -> object:
    return args[place] if len(args) > place else kwargs.get(name, default)


def merged(first: tuple | None, second: tuple | None) -> tuple | None:
    if first is None or second is None or len(first) != len(second):
        return first or second
    return tuple(one or other for one, other in zip(first, second))


def line_ups(operands: Sequence[object]) -> Pairs:
    """What broadcasting lines up: axes longer than 1, and those of size 1 with one another."""
    shapes = [shape_of(plain(one)) for one in operands]
    pairs = []
    for back in range(1, max(map(len, shapes), default=0) + 1):
        there = [(k, len(shape) - back) for k, shape in enumerate(shapes) if len(shape) >= back]
        long = [(k, axis) for k, axis in there if shapes[k][axis] > 1]
        for (k, axis), (m, other) in zip(long or there, (long or there)[1:]):
            pairs.append((k, axis, m, other))
    return pairs


def broadcast_labels(operands: Sequence[object], ndim: int) -> Axes:
    """The labels of a broadcast. The axis of a state is preferred to that of a parameter, and to one put in."""
    labels = CURRENT.get().labels
    axes = [labels_of(one) for one in operands]
    shapes = [shape_of(plain(one)) for one in operands]
    found = []
    for back in range(ndim, 0, -1):
        there = [(shape[-back], label[-back]) for shape, label in zip(shapes, axes) if len(shape) >= back]
        longest = max(size for size, _ in there)
        fitting = [label for size, label in there if size == longest]
        found.append(min(fitting, key=lambda one: (labels[one].parameter is not None) + labels[one].meant))
    return tuple(found)


def same_axes(arrays: Sequence[object]) -> Pairs:
    """Axis by axis, each array with the next."""
    rank = len(shape_of(plain(arrays[0])))
    return [(k, axis, k + 1, axis) for k in range(len(arrays) - 1) for axis in range(rank)]


def memory_of(array: Named, event: Event) -> Memory:
    """The memory that a view looks at. Where no operation made the array, the view itself is what is known of it."""
    array.memory = array.memory or Memory()
    if array.memory.last < 0:
        array.memory.last = event.serial
    return array.memory


def is_view(result: object, array: Named) -> bool:
    return isinstance(result, np.ndarray) and result.ndim > 0 and np.may_share_memory(result, array.view(np.ndarray))
