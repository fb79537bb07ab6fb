"""Arrays that compute as NumPy does and remember what was given to an operation that NumPy refused.

Every operation is passed on to plain NumPy with plain views of the same memory. Nothing is computed twice, and the
exception is NumPy's own.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np

from oracle.frames import user_frame
from oracle.mismatch.record import CURRENT, Departure
from oracle.returned import ObservedGenerator

MAKERS = (
    "arange array asanyarray asarray ascontiguousarray empty eye frombuffer fromiter full identity linspace loadtxt "
    "logspace ones tri zeros"
).split()
DRAWS = (
    "beta binomial choice exponential gamma integers laplace multinomial normal permutation poisson rand randint randn "
    "random random_sample standard_normal uniform"
).split()
METHODS = (
    "all any argmax argmin argsort choose clip compress cumprod cumsum diagonal dot max mean min prod put "
    "ravel repeat reshape searchsorted sort squeeze std sum swapaxes take trace transpose var __float__ __int__ "
    "__index__ __complex__"
).split()
LIKE = ("zeros_like", "ones_like", "empty_like", "full_like")
OF_SIZES = ("zeros", "ones", "empty", "full")


class Watched(np.ndarray):
    """A plain array's memory.

    departure   where the shape of what it was computed from became odd, or None
    like        the name of the parameter that it is, or was made like by zeros_like
    weight      it is a parameter with several axes, or its transpose
    meant       it was given an axis on purpose, x[:, None]: that it broadcasts is no mishap
    made        file, line and function in which np.zeros made it of sizes, or what it is a part of; else None
    """

    departure: Departure | None = None
    like: str | None = None
    meant: bool = False
    weight: bool = False
    made: tuple[str, int, str] | None = None

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: object) -> object:
        out = kwargs.get("out", ())
        given = plain(inputs)
        if out:
            kwargs = {**kwargs, "out": plain(out)}
        try:
            result = getattr(ufunc, method)(*given, **plain(kwargs))
        except Exception as error:
            in_place = bool(out) and bool(inputs) and out[0] is inputs[0]
            _failed(error, ufunc.__name__ if method == "__call__" else method, "ufunc", inputs, kwargs, in_place)
            raise
        departure = earliest(inputs)
        if method == "__call__" and ufunc.nin == 2 and ufunc.signature is None and not out:
            departure = departure or _broadcast(ufunc.__name__, inputs, result) or _stretched(ufunc, inputs, result)
        if out:
            for array in out:
                _mark(array, departure)
            return out[0] if len(out) == 1 else out
        return watch(result, departure)

    def __array_function__(self, func: Callable, types: object, args: tuple, kwargs: dict) -> object:
        try:
            result = func(*plain(args), **plain(kwargs))
        except Exception as error:
            _failed(error, func.__name__, "function", args, kwargs)
            raise
        if (out := kwargs.get("out")) is not None:
            return out
        departure = earliest((*args, *kwargs.values()))
        if func is np.outer:
            departure = departure or _flattened(plain(args), result)
        result = watch(result, departure)
        if func.__name__ in ("expand_dims", "reshape") and isinstance(result, Watched):
            result.meant = True
        if func.__name__ in LIKE and isinstance(result, Watched) and args:
            result.like = getattr(args[0], "like", None)
        return result

    def __getitem__(self, index: object) -> object:
        try:
            result = super().__getitem__(plain(index))
        except Exception as error:
            _failed(error, "__getitem__", "method", (self, index), {})
            raise
        result = watch(result, self.departure)
        if isinstance(result, Watched):
            result.made = self.made
        if isinstance(result, Watched) and any(part is None for part in (index if type(index) is tuple else (index,))):
            result.meant = True
        return result

    def __setitem__(self, index: object, value: object) -> None:
        try:
            super().__setitem__(plain(index), plain(value))
        except Exception as error:
            _failed(error, "__setitem__", "method", (self, index, value), {})
            raise
        _mark(self, earliest((value,)))

    def copy(self, order: str = "C") -> Watched:
        result = super().copy(order)
        result.departure, result.like, result.made = self.departure, self.like, self.made
        return result

    @property
    def T(self) -> Watched:
        result = watch(self.view(np.ndarray).T, self.departure)
        result.weight, result.made = self.weight, self.made
        return result


def _method(name: str) -> Callable:
    def method(self: Watched, *args: object, **kwargs: object) -> object:
        try:
            result = getattr(np.ndarray, name)(self.view(np.ndarray), *plain(args), **plain(kwargs))
        except Exception as error:
            _failed(error, name, "method", (self, *args), kwargs)
            raise
        if (out := kwargs.get("out")) is not None:
            return out
        result = watch(result, earliest((self, *args)))
        if name == "reshape":
            result.meant = True
        return result

    method.__name__ = name
    return method


for _name in METHODS:
    setattr(Watched, _name, _method(_name))


def plain(value: object) -> object:
    """The same with plain views of watched arrays, in lists, tuples and dicts as well."""
    if type(value) is Watched:
        return value.view(np.ndarray)
    if type(value) in (list, tuple):
        return type(value)([plain(one) for one in value])
    if type(value) is dict:
        return {key: plain(one) for key, one in value.items()}
    return value


def watch(value: object, departure: Departure | None = None) -> object:
    """The same watched, arrays in lists and tuples as well; numbers stay numbers."""
    if type(value) in (np.ndarray, Watched):
        watched = value.view(Watched)
        watched.departure = departure
        return watched
    if type(value) in (list, tuple):
        return type(value)([watch(one, departure) for one in value])
    return value


def earliest(values: object) -> Departure | None:
    """The first departure among the arrays in a structure."""
    found = list(_departures(values))
    return min(found, key=operator.attrgetter("order")) if found else None


def _departures(value: object) -> Iterator[Departure]:
    if type(value) is Watched:
        if value.departure is not None:
            yield value.departure
    elif type(value) in (list, tuple):
        for one in value:
            yield from _departures(one)


def _mark(array: object, departure: Departure | None) -> None:
    if departure is not None and type(array) is Watched and array.departure is None:
        array.departure = departure


def _failed(error: Exception, operation: str, kind: str, args: tuple, kwargs: dict, in_place: bool = False) -> None:
    if (record := CURRENT.get()) is not None:
        record.failed(error, operation, kind, args, kwargs, in_place)


def _broadcast(operation: str, given: tuple, result: object) -> Departure | None:
    """Two arrays that together made a shape which neither has."""
    shapes = tuple(np.shape(one) for one in given if isinstance(one, np.ndarray))
    if len(shapes) < 2 or not isinstance(result, np.ndarray) or result.shape in shapes or not all(shapes):
        return None
    if any(getattr(one, "meant", False) for one in given):
        return None
    record = CURRENT.get()
    return record and record.departed("broadcast", operation, shapes, result.shape, user_frame())


def _stretched(ufunc: np.ufunc, given: tuple, result: object) -> Departure | None:
    """A weight times, element by element, what is no weight: where @ was meant."""
    shapes = tuple(np.shape(one) for one in given)
    if ufunc is not np.multiply or shapes[0] == shapes[1] or not all(shapes) or np.ndim(result) != 2:
        return None
    if not any(getattr(one, "weight", False) for one in given):
        return None
    record = CURRENT.get()
    return record and record.departed("stretched", "multiply", shapes, result.shape, user_frame())


def _flattened(given: tuple, result: np.ndarray) -> Departure | None:
    """np.outer of what has several axes."""
    shapes = tuple(np.shape(one) for one in given)
    if all(sum(size > 1 for size in shape) < 2 for shape in shapes):
        return None
    record = CURRENT.get()
    return record and record.departed("flattened", "outer", shapes, result.shape, user_frame())


class WatchingGenerator(ObservedGenerator):
    """A Generator that draws the same numbers, in watched arrays."""

    def _observed(self, name: str, method: Callable) -> Callable:
        return _watching(method)


def _watching(function: Callable) -> Callable:
    def made(*args: object, **kwargs: object) -> object:
        try:
            result = function(*plain(args), **plain(kwargs))
        except Exception as error:
            _failed(error, function.__name__, "function", args, kwargs)
            raise
        result = watch(result, earliest(args))
        if function.__name__ in OF_SIZES and isinstance(result, Watched) and (frame := user_frame()) is not None:
            result.made = frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name
        return result

    made.__name__ = function.__name__
    return made


@contextmanager
def made_watched() -> Iterator[None]:
    """Arrays that user code makes from nothing are watched, too."""
    patches = [mock.patch.object(np, name, _watching(getattr(np, name))) for name in MAKERS]
    patches += [
        mock.patch.object(np.random, name, _watching(getattr(np.random, name)))
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
