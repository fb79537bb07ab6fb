"""Along an axis: sums and means that lose it, cumulative sums that keep it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from oracle.alignment.named import labels_of, named, plain
from oracle.alignment.record import CURRENT
from oracle.alignment.rules.elementwise import alike
from oracle.alignment.rules.noting import SUMS, argument, noted, shape_of
from oracle.alignment.rules.shaping import reshape


def reduced(name: str, array: object, axis: object, keepdims: bool, result: object) -> object:
    shape, labels = shape_of(plain(array)), labels_of(array)
    axes = tuple(range(len(shape))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(sorted(int(one) % max(len(shape), 1) for one in axes))
    record = CURRENT.get()
    event = noted(name, (array,), result, (), reduced=axes)
    made = tuple(
        record.labels.new(1, meant=True, reduced=event.serial) if k in axes else label
        for k, label in enumerate(labels)
        if keepdims or k not in axes
    )
    event.result = made
    tags = getattr(array, "tags", None)
    if tags and not keepdims:
        tags = tuple(tag for k, tag in enumerate(tags) if k not in axes)
    return named(result, made, event, tags=tags if name in SUMS else None)


def averaged(name: str) -> Callable:
    def rule(args: tuple, kwargs: dict, result: object) -> object:
        return reduced(name, args[0], argument(args, kwargs, 1, "axis", None), kwargs.get("keepdims", False), result)

    return rule


def norm(args: tuple, kwargs: dict, result: object) -> object:
    axis, keepdims = argument(args, kwargs, 2, "axis", None), argument(args, kwargs, 3, "keepdims", False)
    return reduced("norm", args[0], axis, keepdims, result)


def taken_along(args: tuple, kwargs: dict, result: object) -> object:
    """Functions of one axis that lose it: argmax."""
    axis = argument(args, kwargs, 1, "axis", None)
    labels = labels_of(args[0])
    if axis is None or not isinstance(result, np.ndarray):
        return result
    keepdims = kwargs.get("keepdims", False)
    axis %= len(labels)
    made = tuple(
        CURRENT.get().labels.new(1, meant=True) if k == axis else label
        for k, label in enumerate(labels)
        if keepdims or k != axis
    )
    return named(result, made, noted("argmax", (args[0],), result, made))


def cumulated(args: tuple, kwargs: dict, result: object) -> object:
    array = args[0]
    if shape_of(result) != shape_of(plain(array)):
        return reshape(args, kwargs, result)
    return alike("cumsum", array, result)
