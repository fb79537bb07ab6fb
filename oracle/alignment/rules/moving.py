"""The same numbers with their axes in another order, or an axis of size 1 more or less; copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oracle.alignment.named import Named, labels_of, named, plain
from oracle.alignment.record import CURRENT
from oracle.alignment.rules.noting import argument, is_view, memory_of, nameless, noted, shape_of


def _moved(name: str, array: object, result: object, axes: Sequence[int]) -> object:
    """The axes in another order."""
    labels, tags = labels_of(array), getattr(array, "tags", None)
    made = tuple(labels[axis] for axis in axes)
    event = noted(name, (array,), result, made, moves=True)
    tags = tuple(tags[axis] for axis in axes) if tags and len(tags) == len(labels) else None
    memory = memory_of(array, event) if type(array) is Named and is_view(result, array) else None
    return named(result, made, event, memory, getattr(array, "of", None), tags)


def transpose(args: tuple, kwargs: dict, result: object) -> object:
    given = args[1:] if len(args) > 1 else (kwargs.get("axes"),)
    axes = given[0] if len(given) == 1 and (given[0] is None or np.ndim(given[0]) == 1) else given
    rank = len(shape_of(plain(args[0])))
    order = range(rank)[::-1] if axes is None else [axis % rank for axis in axes]
    return _moved("transpose", args[0], result, list(order))


def swapaxes(args: tuple, kwargs: dict, result: object) -> object:
    order = list(range(len(shape_of(plain(args[0])))))
    first, second = argument(args, kwargs, 1, "axis1", 0), argument(args, kwargs, 2, "axis2", 1)
    order[first], order[second] = order[second], order[first]
    return _moved("swapaxes", args[0], result, order)


def moveaxis(args: tuple, kwargs: dict, result: object) -> object:
    source, to = ([int(k) % result.ndim for k in np.ravel(one)] for one in args[1:3])
    rest = [k for k in range(result.ndim) if k not in source]
    for where, k in sorted(zip(to, source)):
        rest.insert(where, k)
    return _moved("moveaxis", args[0], result, rest)


def squeeze(args: tuple, kwargs: dict, result: object) -> object:
    shape = shape_of(plain(args[0]))
    axis = argument(args, kwargs, 1, "axis", None)
    gone = [k for k, size in enumerate(shape) if size == 1] if axis is None else np.ravel(axis).tolist()
    return _moved("squeeze", args[0], result, [k for k in range(len(shape)) if k not in [g % len(shape) for g in gone]])


def expanded(args: tuple, kwargs: dict, result: object) -> object:
    array, axes = args[0], argument(args, kwargs, 1, "axis", 0)
    axes = {int(axis) % result.ndim for axis in np.ravel(axes)}
    rest = iter(labels_of(array))
    record = CURRENT.get()
    made = tuple(record.labels.new(1, meant=True) if k in axes else next(rest) for k in range(result.ndim))
    event = noted("expand_dims", (array,), result, made, moves=True)
    memory = memory_of(array, event) if type(array) is Named and is_view(result, array) else None
    return named(result, made, event, memory, getattr(array, "of", None))


def flipped(args: tuple, kwargs: dict, result: object) -> object:
    if shape_of(result) != shape_of(plain(args[0])):
        return nameless("sort", args[:1], result)  # axis=None: all axes in one
    return _moved("flip", args[0], result, range(result.ndim))


def copied(args: tuple, kwargs: dict, result: object) -> object:
    array = args[0]
    labels = labels_of(array)
    event = noted("copy", (array,), result, labels, moves=True)
    return named(result, labels, event, None, getattr(array, "of", None), getattr(array, "tags", None))


def made_like(args: tuple, kwargs: dict, result: object) -> object:
    array = args[0]
    labels = labels_of(array) if shape_of(result) == shape_of(plain(array)) else CURRENT.get().fresh(shape_of(result))
    return named(result, labels, None)
