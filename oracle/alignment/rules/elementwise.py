"""Element by element: arrays broadcast against one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from oracle.alignment.named import labels_of, named, plain
from oracle.alignment.record import Event, Tag
from oracle.alignment.rules.noting import ADDITIVE, BOUNDS, SCALES, broadcast_labels, line_ups, merged, nameless, noted


def elementwise(name: str, inputs: tuple, result: object) -> object:
    if isinstance(result, tuple):
        return tuple(elementwise(name, inputs, one) for one in result)
    operands = [one for one in inputs if not isinstance(one, str)]
    labels = broadcast_labels(operands, np.ndim(plain(result)))
    compares = getattr(result, "dtype", None) == np.bool_
    event = noted(name, operands, result, labels, [] if compares else line_ups(operands))
    return named(result, labels, event, tags=_tags(name, operands, event))


def _tags(name: str, operands: Sequence[object], event: Event) -> tuple[Tag | None, ...] | None:
    """Which axes of an outer product come from which operand; what is added and scaled keeps its own."""
    arrays = [k for k, shape in enumerate(event.shapes) if math.prod(shape) > 1]
    kept = [tags for k in arrays if (tags := getattr(operands[k], "tags", None)) and len(tags) == len(event.shape)]
    if name in ADDITIVE or (name in SCALES | BOUNDS and len(arrays) == 1):
        tags = None
        for one in kept:
            tags = merged(tags, one)
        return tags
    if name != "multiply" or len(arrays) != 2:
        return None
    found: list[Tag | None] = []
    for back in range(len(event.shape), 0, -1):
        long = [k for k in arrays if len(event.shapes[k]) >= back and event.shapes[k][-back] > 1]
        found.append((event.serial, long[0]) if len(long) == 1 else None)
    return tuple(found) if len({one for one in found if one}) == 2 else None


def alike(name: str, array: object, result: object) -> object:
    """One array to another of its shape, the axes in their places."""
    labels = labels_of(array)
    return named(result, labels, noted(name, (array,), result, labels))


def where(args: tuple, kwargs: dict, result: object) -> object:
    if len(args) == 1:
        return nameless("where", args, result)
    labels = broadcast_labels(args, np.ndim(result))
    return named(result, labels, noted("where", args, result, labels, line_ups(args)))


def unary(args: tuple, kwargs: dict, result: object) -> object:
    """A function of every element of one array that is no ufunc."""
    return alike("unary", args[0], result)
