"""What user code makes from nothing carries labels, too, while the run lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np

from oracle.alignment.named import NAMED, Named, labels_of, named, plain
from oracle.alignment.record import CURRENT
from oracle.alignment.rules import along, noted
from oracle.mismatch.watched import DRAWS, MAKERS

COPIES = {"array", "asanyarray", "asarray", "ascontiguousarray"}


class NamingGenerator(np.random.Generator):
    """A Generator that draws the same numbers, in named arrays."""

    def __init__(self, seed: int) -> None:
        super().__init__(np.random.PCG64(seed))

    def __getattribute__(self, name: str) -> object:
        method = super().__getattribute__(name)
        if name.startswith("_") or name in ("bit_generator", "shuffle", "spawn") or not callable(method):
            return method
        return _naming(method)


@contextmanager
def made_named() -> Iterator[None]:
    patches = [mock.patch.object(np, name, _naming(getattr(np, name))) for name in MAKERS]
    patches += [
        mock.patch.object(np.random, name, _naming(getattr(np.random, name)))
        for name in DRAWS
        if hasattr(np.random, name)
    ]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in reversed(patches):
            patch.stop()


def _naming(function: Callable) -> Callable:
    name = function.__name__

    def made(*args: object, **kwargs: object) -> object:
        if name in COPIES and args and type(args[0]) is Named and name != "array" and function is not np.array:
            if kwargs.get("dtype", args[0].dtype) == args[0].dtype and len(args) == 1:
                return args[0]  # as NumPy does, the array itself
        result = function(*plain(args), **plain(kwargs))
        if CURRENT.get() is None or type(result) is not np.ndarray:
            return result
        return _copied(args[0], result) if name in COPIES and args else _fresh(result)

    made.__name__ = name
    return made


def _fresh(result: np.ndarray) -> object:
    return named(result, CURRENT.get().fresh(result.shape), None)


def _copied(given: object, result: np.ndarray) -> object:
    """np.array of an array or of a list of arrays."""
    leaf, rank, elements = given, 0, [given]
    while isinstance(leaf, (list, tuple)) and leaf:
        elements = [one for several in elements for one in several]
        leaf, rank = leaf[0], rank + 1
    known = [one for one in elements if isinstance(one, (*NAMED, np.ndarray))]
    if not any(isinstance(one, NAMED) for one in known) or len(known) != len(elements):
        return _fresh(result)
    inner = labels_of(leaf)
    outer = along(elements) if rank == 1 else CURRENT.get().fresh(result.shape[:rank])
    labels = (*outer, *inner)
    pairs = [(k, axis, k + 1, axis) for k in range(len(elements) - 1) for axis in range(len(inner))]
    event = noted("array", elements, result, labels, pairs, moves=True)
    only = elements[0] if rank == 0 else None
    return named(result, labels, event, None, getattr(only, "of", None), getattr(only, "tags", None))
