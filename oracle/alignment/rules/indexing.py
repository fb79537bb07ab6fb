"""Indices: what they give and what is stored through them."""

from __future__ import annotations

import numpy as np

from oracle.alignment.named import Memory, Named, labels_of, named, plain
from oracle.alignment.record import CURRENT, Tag
from oracle.alignment.rules.noting import (
    Axes,
    argument,
    is_view,
    leaves,
    line_ups,
    memory_of,
    merged,
    nameless,
    noted,
    shape_of,
)

AS_ARRAY = np.asarray  # NumPy's own: the run exchanges it


def taken(array: Named, index: object, result: object) -> object:
    """What an index gave."""
    labels, tags = _indexed(array, plain(index), result)
    event = noted("getitem", (array,), result, labels, moves=True, others=_parts(index))
    view = is_view(result, array)
    memory = memory_of(array, event) if view else None
    of = array.of if view and result.ndim > 1 else None  # a row of a matrix is a vector
    return named(result, labels, event, memory, of, tags)


def stored(array: Named, index: object, value: object) -> None:
    """An assignment through an index, or ufunc.at."""
    if type(array) is not Named:
        return
    slot = array.view(np.ndarray)[plain(index)]
    labels, _ = _indexed(array, plain(index), slot)
    array.memory = array.memory or Memory()
    target = named(AS_ARRAY(slot), labels, None, array.memory)
    event = noted("setitem", (target, value), plain(value), labels, line_ups((target, value)), moves=True,
                  others=(array,))  # fmt: skip
    array.memory.last = event.serial
    tags = getattr(value, "tags", None)
    if tags and len(tags) == slot.ndim:
        axes = _kept(array, plain(index), slot)
        spread: list[Tag | None] = [None] * array.ndim
        for tag, axis in zip(tags, axes):
            if axis is not None:
                spread[axis] = tag
        array.tags = merged(array.tags, tuple(spread))


def put_to(args: tuple, kwargs: dict, result: object) -> object:
    stored(args[0], ..., args[1])
    return None


def take(args: tuple, kwargs: dict, result: object) -> object:
    array, index, axis = args[0], args[1], argument(args, kwargs, 2, "axis", None)
    if type(array) is not Named or not isinstance(result, np.ndarray) or (axis is None and array.ndim > 1):
        return nameless("take", leaves(args), result)
    if not isinstance(index, (int, np.integer)):
        index = AS_ARRAY(plain(index))
    return taken(array, (*[slice(None)] * ((axis or 0) % array.ndim), index), result)


def diagonal(args: tuple, kwargs: dict, result: object) -> object:
    array = args[0]
    labels = labels_of(array)
    if len(labels) > 2:
        made = CURRENT.get().fresh(shape_of(result))
    else:
        made = labels[:1] if len(labels) == 2 else labels * 2
    return named(result, made, noted("diag", (array,), result, made))


def _parts(index: object) -> tuple:
    return tuple(index) if isinstance(index, (tuple, list)) else (index,)


def _full(array: Named, index: object) -> list | None:
    """The index with one part an axis; None where an array in it is more than a list of places."""
    parts = list(index) if isinstance(index, tuple) else [index]
    used = sum(
        0 if part is None or part is Ellipsis else part.ndim if getattr(part, "dtype", None) == np.bool_ else 1
        for part in parts
    )
    if not any(part is Ellipsis for part in parts):
        parts.append(Ellipsis)
    at = next(k for k, part in enumerate(parts) if part is Ellipsis)
    return [*parts[:at], *[slice(None)] * (array.ndim - used), *parts[at + 1 :]]


def _kept(array: Named, index: object, result: object) -> list[int | None]:
    """For every axis of the result, the axis of the array that it is; None for a new one."""
    parts = _full(array, index)
    if any(not (isinstance(part, (slice, int, np.integer)) or part is None) for part in parts):
        return [None] * np.ndim(result)
    kept: list[int | None] = []
    axis = 0
    for part in parts:
        if part is None:
            kept.append(None)
            continue
        if isinstance(part, slice):
            kept.append(axis)
        axis += 1
    return kept


def _indexed(array: Named, index: object, result: object) -> tuple[Axes, tuple | None]:
    record, labels, shape = CURRENT.get(), labels_of(array), shape_of(result)
    parts = _full(array, index)
    found: list[int] = []
    tags: list[Tag | None] = []
    axis, placed = 0, False
    advanced = [part for part in parts if not (isinstance(part, (slice, int, np.integer)) or part is None)]
    joint = np.broadcast_shapes(*(shape_of(one) for one in advanced if shape_of(one))) if len(advanced) > 1 else ()
    for part in parts:
        if part is None:
            found.append(record.labels.new(1, meant=True))
            tags.append(None)
        elif isinstance(part, slice):
            start, stop, step = part.indices(array.shape[axis])
            size = len(range(start, stop, step))
            found.append(record.labels.part(labels[axis], start, stop, step, size))
            tags.append(array.tags[axis] if array.tags and len(array.tags) == array.ndim else None)
            axis += 1
        elif isinstance(part, (int, np.integer)):
            record.step(labels[axis], int(part))
            axis += 1
        else:
            mask = getattr(part, "dtype", None) == np.bool_
            if not placed:
                sizes = (int(np.sum(part)),) if mask else joint or shape_of(part)
                same = mask and np.ndim(part) == 1
                found += [labels[axis]] if same and sizes[0] == array.shape[axis] else record.fresh(sizes)
                tags += [None] * len(sizes)
                placed = True
            axis += np.ndim(part) if mask else 1
    if tuple(record.labels[label].size for label in found) != shape and len(found) != len(shape):
        return record.fresh(shape), None
    return tuple(found), tuple(tags)
