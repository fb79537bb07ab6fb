"""Several arrays to one and back: concatenate, stack, split, repeat."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from oracle.alignment.named import labels_of, last_of, named, plain
from oracle.alignment.record import CURRENT
from oracle.alignment.rules.noting import Axes, argument, leaves, nameless, noted, same_axes, shape_of


def concatenated(args: tuple, kwargs: dict, result: object) -> object:
    axis = argument(args, kwargs, 1, "axis", 0)
    arrays = list(args[0])
    if axis is None:
        return nameless("concatenate", arrays, result)
    axis %= result.ndim
    record = CURRENT.get()
    first = labels_of(arrays[0])
    pairs = [pair for pair in same_axes(arrays) if pair[1] != axis]
    joint = record.labels.new(result.shape[axis])
    longest = max(one.shape[axis] if isinstance(one, np.ndarray) else 0 for one in arrays)
    if longest > 1 and longest >= result.shape[axis] - 1:  # h_0 in front of the states
        joint = next(labels_of(one)[axis] for one in arrays if np.shape(plain(one))[axis] == longest)
    labels = tuple(joint if k == axis else label for k, label in enumerate(first))
    event = noted("concatenate", arrays, result, labels, pairs, moves=True)
    return named(result, labels, event)


def split(args: tuple, kwargs: dict, result: object) -> object:
    array, axis = args[0], argument(args, kwargs, 2, "axis", 0)
    record, labels, start, found = CURRENT.get(), labels_of(array), 0, []
    for part in result:
        size = part.shape[axis]
        made = list(labels)
        made[axis] = record.labels.part(labels[axis], start, start + size, 1, size)
        start += size
        event = noted("split", (array,), part, tuple(made), moves=True)
        found.append(
            named(part, tuple(made), event, getattr(array, "memory", None), getattr(array, "of", None))
        )  # fmt: skip
    return found


def resized(args: tuple, kwargs: dict, result: object) -> object:
    """An axis that becomes longer or shorter is another one: repeat, pad."""
    array, shape = args[0], shape_of(plain(args[0]))
    if len(shape) != result.ndim:
        return nameless("resized", leaves(args), result)
    return _resized(array, labels_of(array), shape, result)


def broadcast_to(args: tuple, kwargs: dict, result: object) -> object:
    array, shape = args[0], shape_of(plain(args[0]))
    new = result.ndim - len(shape)
    labels = (*CURRENT.get().fresh(result.shape[:new]), *labels_of(array))
    return _resized(array, labels, (*result.shape[:new], *shape), result)


def _resized(array: object, labels: Axes, shape: tuple[int, ...], result: np.ndarray) -> object:
    every = CURRENT.get().labels
    made = tuple(label if size == new else every.new(new) for label, size, new in zip(labels, shape, result.shape))
    return named(result, made, noted("resized", (array,), result, made))


def stacked(args: tuple, kwargs: dict, result: object) -> object:
    arrays, axis = list(args[0]), argument(args, kwargs, 1, "axis", 0) % result.ndim
    rest = list(labels_of(arrays[0]))
    labels = (*rest[:axis], *along(arrays), *rest[axis:])
    return named(result, labels, noted("stack", arrays, result, labels, same_axes(arrays), moves=True))


def column_stack(args: tuple, kwargs: dict, result: object) -> object:
    """Vectors as columns beside one another, matrices as they are."""
    arrays = list(args[0])
    labels = (labels_of(arrays[0])[0], *CURRENT.get().fresh(result.shape[1:]))
    pairs = [(k, 0, k + 1, 0) for k in range(len(arrays) - 1)]
    return named(result, labels, noted("column_stack", arrays, result, labels, pairs, moves=True))


def along(arrays: Sequence[object]) -> Axes:
    """The label of the axis along which a list is stacked: what one line made again and again are steps."""
    record = CURRENT.get()
    (label,) = record.fresh((len(arrays),))
    makers = [record.events[last_of(one)] for one in arrays if last_of(one) >= 0]
    if any(one.code is other.code and one.at == other.at for one, other in itertools.pairwise(makers)):
        record.step(label, 0)
        record.step(label, 1)
    return (label,)
