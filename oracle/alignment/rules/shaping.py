"""Reshape: axes that stay, that are merged into one, and that are split again."""

from __future__ import annotations

import math

from oracle.alignment.named import Named, labels_of, named, plain
from oracle.alignment.record import CURRENT
from oracle.alignment.rules.noting import Axes, is_view, memory_of, noted, shape_of


def reshape(args: tuple, kwargs: dict, result: object) -> object:
    array = args[0]
    labels, shape = labels_of(array), shape_of(plain(array))
    made = reshaped(labels, shape, shape_of(result))
    event = noted("reshape", (array,), result, made, moves=True)
    tags = getattr(array, "tags", None)
    memory = memory_of(array, event) if type(array) is Named and is_view(result, array) else None
    return named(result, made, event, memory, getattr(array, "of", None), tags if made == labels else None)


def reshaped(labels: Axes, shape: tuple[int, ...], new: tuple[int, ...]) -> Axes:
    """The labels after a reshape: kept where an axis stays, of merged axes where several become one, and back."""
    every = CURRENT.get().labels
    if shape == new:
        return labels
    found: list[int] = []
    old = [(label, size) for label, size in zip(labels, shape) if size != 1]
    ones = [label for label, size in zip(labels, shape) if size == 1]
    k = 0
    sizes = [size for size in new if size != 1]
    m = 0
    while m < len(sizes):
        taken, given = [old[k]], [sizes[m]]
        k, m = k + 1, m + 1
        while math.prod(size for _, size in taken) != math.prod(given):
            if math.prod(size for _, size in taken) < math.prod(given):
                taken.append(old[k])
                k += 1
            else:
                given.append(sizes[m])
                m += 1
        names = tuple(label for label, _ in taken)
        parts = every[names[0]].parts if len(names) == 1 else ()
        if len(names) == len(given) == 1:
            found += names
        elif len(given) == 1:
            found.append(every.merged(names, given[0]))
        elif tuple(every[part].size for part in parts) == tuple(given):
            found += parts
        else:
            found += CURRENT.get().fresh(given)
    kept = iter(found)
    put_in = len([size for size in new if size == 1]) > len(ones)
    spare = iter(ones)
    return tuple(
        next(kept) if size != 1 else every.new(1, meant=True) if put_in else next(spare) for size in new
    )  # fmt: skip


def ravel(args: tuple, kwargs: dict, result: object) -> object:
    return reshape(args, kwargs, result)
