"""Gradients that code keeps to itself: in local variables, or only in the step that it takes."""

from __future__ import annotations

import functools
import inspect
import math
import numbers
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType, MethodType, SimpleNamespace

import numpy as np

ROUNDINGS = 4  # of rate·g, of the step, of the difference and of the quotient, each of at most max|W|


@dataclass(frozen=True)
class Recovered:
    """A gradient read off a step, and how far rounding may have moved its elements."""

    gradient: object
    rounding: float


def with_locals(function: Callable, /, *args: object, **kwargs: object) -> tuple[object, SimpleNamespace]:
    """What the function returns, and its local variables as they were at that moment.

    >>> loss, v = with_locals(rnn.backward, inputs, targets)
    >>> v.dWhh

    function    a Python function or method, decorated or not. Of calls within a call the outermost one counts, and
                where a decorator calls it several times the last
    """
    __tracebackhide__ = True
    code = _code(function)
    found: dict[str, object] | None = None
    outermost: FrameType | None = None

    def watch(frame: FrameType, event: str, _: object) -> None:
        nonlocal found, outermost
        if frame.f_code is not code:
            return
        if event == "call" and outermost is None:
            outermost = frame
        elif event == "return" and frame is outermost:
            found, outermost = dict(frame.f_locals), None

    # a profile function and no trace function: debuggers and coverage need that one
    before = sys.getprofile()
    native = hasattr(before, "disable") and not callable(before)  # cProfile, which cannot be set from Python
    if native:
        before.disable()
    sys.setprofile(watch)
    try:
        result = function(*args, **kwargs)
    finally:
        sys.setprofile(None if native else before)
        if native:
            before.enable()
    if found is None:
        raise ValueError(f"{code.co_qualname} was not run: what was called did not call it, as a cache may do")
    return result, SimpleNamespace(**found)


def _code(function: object) -> CodeType:
    """The code whose locals are meant, through methods, decorators and partial."""
    inner = function
    while True:
        if isinstance(inner, MethodType):
            inner = inner.__func__
        elif isinstance(inner, functools.partial):
            inner = inner.func
        elif isinstance(inner, (staticmethod, classmethod)) or hasattr(inner, "__wrapped__"):
            inner = inner.__wrapped__
        elif isinstance(inner, FunctionType):
            break
        elif callable(inner) and not isinstance(inner, type) and isinstance(type(inner).__call__, FunctionType):
            inner = type(inner).__call__
        else:
            raise TypeError(f"function is {function!r:.80}, but should be a function or method written in Python")
    if inner.__code__.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise TypeError(
            f"function is {inner.__qualname__}, a generator or coroutine, but should be a function that runs to its "
            "end when it is called"
        )
    return inner.__code__


def recovered(before: object, after: object, rate: object) -> Recovered:
    """The gradient of code that only applies the step W -= rate * dW.

    >>> before = net.W.copy()
    >>> net.update(x, y)
    >>> recovered(before, net.W, 0.01).gradient

    before, after   the parameter before and after the step: two arrays, so take a copy of the first
    rate            the learning rate of the step

    The difference of two weights keeps the absolute precision of the weights: `rounding` says what is left of the
    gradient's, and the larger the rate, the better. It is 0 for lifted arrays.
    """
    real = all(isinstance(value, (np.ndarray, np.generic, numbers.Number)) for value in (before, after))
    for name, value in (("before", before), ("after", after)):
        if not isinstance(value, numbers.Number) and not hasattr(value, "shape"):
            raise TypeError(f"{name} is a {type(value).__name__}, but should be an array")
    shapes = tuple(getattr(before, "shape", ())), tuple(getattr(after, "shape", ()))
    if shapes[0] != shapes[1]:
        raise ValueError(f"before has shape {shapes[0]} and after {shapes[1]}, but they should be the same")
    same = before is after and not isinstance(before, (np.generic, numbers.Number))
    if same or (real and np.ndim(before) and np.shares_memory(before, after)):
        raise ValueError("before and after are the same array, changed in place; before should be a copy: W.copy()")
    if isinstance(rate, (str, bytes)) or rate is None:
        raise TypeError(f"rate is {rate!r}, but should be a finite number other than 0")
    if np.ndim(rate):
        raise ValueError(f"rate has shape {np.shape(rate)}, but should be one number")
    if isinstance(rate, (numbers.Number, np.generic, np.ndarray)) and not (math.isfinite(rate) and rate != 0):
        raise ValueError(f"rate is {rate}, but should be a finite number other than 0")
    gradient = (before - after) / rate
    return Recovered(gradient, _rounding(before, after, rate) if real else 0.0)


def _rounding(before: object, after: object, rate: object) -> float:
    types = [np.asarray(value).dtype for value in (before, after)]
    roundoff = max(np.finfo(dtype if dtype.kind in "fc" else np.float64).eps for dtype in types) / 2
    largest = max(float(np.max(np.abs(value), initial=0)) for value in (before, after))
    return ROUNDINGS * float(roundoff) * largest / abs(float(rate))
