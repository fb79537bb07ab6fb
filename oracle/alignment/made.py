"""What user code makes from nothing carries labels, too, while the run lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import CellType, FunctionType, MethodType, ModuleType
from unittest import mock

import numpy as np

from oracle.alignment.named import NAMED, Named, labels_of, named, plain
from oracle.alignment.record import CURRENT
from oracle.alignment.rules.joining import along
from oracle.alignment.rules.noting import noted
from oracle.frames import is_users
from oracle.mismatch.watched import DRAWS, MAKERS
from oracle.returned import ObservedGenerator

COPIES = {"array", "asanyarray", "asarray", "ascontiguousarray"}


class NamingGenerator(ObservedGenerator):
    """A Generator that draws the same numbers, in named arrays."""

    def _observed(self, name: str, method: Callable) -> Callable:
        return _naming(method)


@contextmanager
def made_named(function: Callable | None = None) -> Iterator[None]:
    """While it lasts NumPy's makers give named arrays, also under the names that a function's modules bound before."""
    makers = [(np, name) for name in MAKERS] + [(np.random, name) for name in DRAWS if hasattr(np.random, name)]
    naming = {id(getattr(module, name)): _naming(getattr(module, name)) for module, name in makers}
    with ExitStack() as stack:
        for names in _namespaces(function):
            bound = {name: naming[id(value)] for name, value in names.items() if id(value) in naming}
            stack.enter_context(_bound(names, bound))
        for module, name in makers:
            stack.enter_context(mock.patch.object(module, name, naming[id(getattr(module, name))]))
        stack.enter_context(mock.patch.object(np.matrix, "__array_finalize__", _finalized))
        yield


@contextmanager
def _bound(names: dict, values: Mapping[str, object]) -> Iterator[None]:
    """Global names bound to something else, and in the end all as it was before, what user code bound meanwhile too.

    The dict is never emptied, as mock.patch.dict would: tracers and other threads read it.
    """
    before = dict(names)
    names.update(values)
    try:
        yield
    finally:
        for name in set(names) - set(before):
            del names[name]
        names.update((name, one) for name, one in before.items() if names.get(name, names) is not one)


def _namespaces(function: object) -> list[dict]:
    """The global names of the user's functions that a function reaches by its closure and by their global names."""
    from oracle.gradient_function import GradientFunction

    found: dict[int, dict] = {}
    seen: dict[int, object] = {}
    waiting = [function]
    while waiting:
        one = waiting.pop()
        if isinstance(one, MethodType):
            one = one.__func__
        elif isinstance(one, GradientFunction):  # no getattr: sizes take any name for one that is asked for
            one = one.function
        if id(one) in seen:
            continue
        seen[id(one)] = one
        if isinstance(one, FunctionType):
            waiting += [cell.cell_contents for cell in one.__closure__ or () if _is_bound(cell)]
            names = one.__globals__ if is_users(one.__code__.co_filename) else None
        elif isinstance(one, ModuleType) and is_users(getattr(one, "__file__", None) or "<none>"):
            names = vars(one)
        elif isinstance(one, type):
            names = None
            waiting += [value for value in vars(one).values() if isinstance(value, FunctionType)]
        else:
            names = None
        if names is not None and id(names) not in found:
            found[id(names)] = names
            waiting += [value for value in names.values() if isinstance(value, (FunctionType, ModuleType, type))]
    return list(found.values())


def _is_bound(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


_FINALIZE = np.matrix.__array_finalize__


def _finalized(matrix: np.matrix, array: object) -> None:
    """np.matrix has no names: where an array becomes one they are lost."""
    _FINALIZE(matrix, array)
    if type(array) is Named and (record := CURRENT.get()) is not None:
        record.lost("matrix")


def _naming(function: Callable) -> Callable:
    name = function.__name__

    def made(*args: object, **kwargs: object) -> object:
        if name in COPIES and args and type(args[0]) is Named and name != "array":
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
