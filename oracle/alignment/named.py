"""Arrays and numbers that compute as NumPy does and carry a label for every axis.

Every operation is passed on to plain NumPy with plain views of the same memory, and its exception is NumPy's own. What
it lines up is noted in the record of the run, by the rules of `oracle.alignment.rules`. Outside a run they are plain.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from oracle.alignment.record import CURRENT, NOWHERE, Event, Tag

METHODS = (
    "argmax argmin argsort astype choose compress copy cumprod cumsum diagonal dot flatten mean nonzero ravel repeat "
    "reshape searchsorted squeeze std swapaxes take trace transpose var"
).split()


class Memory:
    """What several views look at: the event that wrote to it last."""

    def __init__(self, last: int = NOWHERE) -> None:
        self.last = last


class Named(np.ndarray):
    """A plain array's memory.

    labels   of the axes; None where they are lost
    memory   that it looks at
    of       the parameter that it is a view or a copy of, or None
    tags     for every axis the product and the operand that it came from in a gradient of a weight, or None
    """

    labels: tuple[int, ...] | None = None
    memory: Memory | None = None
    of: str | None = None
    tags: tuple[Tag | None, ...] | None = None

    def __array_finalize__(self, other: object) -> None:
        if type(other) is Named and other.memory is not None:
            self.memory = Memory(other.memory.last)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: object) -> object:
        return _ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Callable, types: object, args: tuple, kwargs: dict) -> object:
        return _function(func, args, kwargs)

    def __getitem__(self, index: object) -> object:
        from oracle.alignment.rules import indexing

        result = self.view(np.ndarray)[plain(index)]
        return indexing.taken(self, index, result) if CURRENT.get() else result

    def __setitem__(self, index: object, value: object) -> None:
        from oracle.alignment.rules import indexing

        self.view(np.ndarray)[plain(index)] = plain(value)
        if CURRENT.get():
            indexing.stored(self, index, value)

    def fill(self, value: object) -> None:
        self[...] = value

    @property
    def T(self) -> Named:
        return self.transpose()

    def __float__(self) -> float:
        _became_a_number(self)
        return float(self.view(np.ndarray))

    def item(self, *args: int) -> object:
        _became_a_number(self)
        return self.view(np.ndarray).item(*args)

    def __deepcopy__(self, memo: dict) -> Named:
        return self.copy()

    def __reduce__(self) -> tuple:
        return self.view(np.ndarray).__reduce__()


class NamedFloat(NDArrayOperatorsMixin, float):
    """A number of an array that knows which operation it came from. No NumPy scalar: those crash where they are derived
    from, in any method that goes by an array.

    event   its serial number
    kind    what NumPy would give
    """

    event: int = NOWHERE
    kind: type = np.float64

    for _name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split():
        locals()[f"__i{_name}__"] = getattr(NDArrayOperatorsMixin, f"__{_name}__")  # it is never changed in place

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: object) -> object:
        return _ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Callable, types: object, args: tuple, kwargs: dict) -> object:
        return _function(func, args, kwargs)

    def __float__(self) -> float:
        _became_a_number(self)
        return float.__float__(self)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        _became_a_number(self)
        return getattr(plain(self), name)

    def __getitem__(self, index: object) -> object:
        return self if index == () else plain(self)[index]

    __hash__ = float.__hash__

    def __reduce__(self) -> tuple:
        return self.kind, (float.__float__(self),)


NUMBERS = (np.float64, np.float32)
NAMED = (Named, NamedFloat)


def _ufunc(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict) -> object:
    from oracle.alignment.rules import ufuncs

    out = kwargs.get("out", ())
    result = getattr(ufunc, method)(*plain(inputs), **plain(kwargs))
    return ufuncs.computed(ufunc, method, inputs, kwargs, out, result) if CURRENT.get() else result


def _function(func: Callable, args: tuple, kwargs: dict) -> object:
    from oracle.alignment.rules import functions

    if CURRENT.get() is None:
        return func(*plain(args), **plain(kwargs))
    return functions.called(func, args, kwargs)


def _method(name: str) -> Callable:
    def method(self: Named, *args: object, **kwargs: object) -> object:
        from oracle.alignment.rules import functions

        result = getattr(np.ndarray, name)(self.view(np.ndarray), *plain(args), **plain(kwargs))
        return functions.by_name(name, (self, *args), kwargs, result) if CURRENT.get() else result

    method.__name__ = name
    return method


for _name in METHODS:
    setattr(Named, _name, _method(_name))


def plain(value: object) -> object:
    """The same with plain views of named arrays and plain numbers, in lists, tuples and dicts as well."""
    kind = type(value)
    if kind is Named:
        return value.view(np.ndarray)
    if kind is NamedFloat:
        return value.kind(float.__float__(value))
    if kind in (list, tuple):
        return kind([plain(one) for one in value])
    if kind is dict:
        return {key: plain(one) for key, one in value.items()}
    return value


def last_of(value: object) -> int:
    """The event that a value comes from."""
    if type(value) is NamedFloat:
        return value.event
    return value.memory.last if type(value) is Named and value.memory is not None else NOWHERE


def labels_of(value: object) -> tuple[int, ...]:
    """The labels of an operand; new ones where there are none."""
    record = CURRENT.get()
    if type(value) is Named:
        if value.labels is None or len(value.labels) != value.ndim:
            value.labels = record.fresh(value.shape)
        return value.labels
    if isinstance(value, np.ndarray):
        return record.of_plain(value)
    return record.fresh(np.shape(plain(value)))


def named(
    result: object,
    labels: tuple[int, ...],
    event: Event | None,
    memory: Memory | None = None,
    of: str | None = None,
    tags: tuple[Tag | None, ...] | None = None,
) -> object:
    """A result with its labels; memory: that it is a view of."""
    kind = type(result)
    if kind in NUMBERS:
        number = NamedFloat(result)
        number.kind = kind
        number.event = NOWHERE if event is None else event.serial
        return number
    if kind not in (np.ndarray, Named):
        if kind is np.matrix:
            CURRENT.get().lost("matrix")
        return result
    array = result.view(Named)
    array.labels = labels
    array.memory = memory or Memory(NOWHERE if event is None else event.serial)
    array.of, array.tags = of, tags
    return array


def _became_a_number(value: object) -> None:
    if (record := CURRENT.get()) is not None and last_of(value) != NOWHERE:
        record.floats.append(last_of(value))
