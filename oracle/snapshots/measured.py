"""What code gives at one case, measured with NumPy alone, and digests of the random numbers it was given."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from oracle.returned import ObservedGenerator

DIGITS = 30  # bits of each number that a digest holds: another libm may change the last of the 53


class NotMeasured(Exception):
    """Why the code gave nothing to compare; the text is for the user."""


@dataclass(frozen=True)
class Measured:
    """What code gives at one case.

    case         in words: its sizes and regime
    sizes        those that matter: the ones that a shape has or the code asked for
    parameters   digest of the arrays it was given
    calls        digest of what it asked of its generator
    draws        digest of the numbers it got
    loss         summed over the steps
    gradients    by name, as the code gave them
    rounding     for a gradient that was recovered from an update, how far its rounding may have moved it
    """

    case: str
    sizes: Mapping[str, int]
    parameters: str
    calls: str
    draws: str
    loss: float
    gradients: Mapping[str, np.ndarray]
    rounding: Mapping[str, float]


class DigestingGenerator(ObservedGenerator):
    """A Generator that keeps digests of what is asked of it and of what it draws."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._calls, self._draws = hashlib.sha256(), hashlib.sha256()

    def __getattribute__(self, name: str) -> object:
        if name in ("shuffle", "spawn", "bit_generator"):  # not observed further, but later draws depend on them
            self._calls.update(name.encode())
        return super().__getattribute__(name)

    def _observed(self, name: str, method: Callable) -> Callable:
        def digested(*args: object, **kwargs: object) -> object:
            asked = [name, *map(_described, args), *(f"{key}={_described(kwargs[key])}" for key in sorted(kwargs))]
            self._calls.update("\0".join(asked).encode())
            drawn = method(*args, **kwargs)
            _add(self._draws, drawn)
            return drawn

        return digested

    def digests(self) -> tuple[str, str]:
        """Of what was asked, and of what was drawn."""
        return self._calls.hexdigest(), self._draws.hexdigest()


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Of arrays and their names, blind to the last digits."""
    found = hashlib.sha256()
    for name, array in arrays.items():
        found.update(f"\0{name}\0".encode("utf-8", "surrogatepass"))
        _add(found, array)
    return found.hexdigest()


def _add(found: object, value: object) -> None:
    array = np.asarray(value)
    found.update(f"{array.dtype.kind}{array.dtype.itemsize}{array.shape}".encode())
    if array.dtype.kind == "f":
        mantissa, exponent = np.frexp(np.where(np.isfinite(array), array, 0))
        found.update(np.round(mantissa * 2.0**DIGITS).astype("<i8").tobytes())
        found.update(exponent.astype("<i8").tobytes())
    elif array.dtype.kind in "iub":
        found.update(array.astype("<i8").tobytes())
    elif array.dtype.kind in "SUO":
        found.update(repr(array.tolist()).encode("utf-8", "backslashreplace"))


def _described(argument: object) -> str:
    """An argument of a draw: its value where that is short and the same at every call, else its kind."""
    if argument is None or isinstance(argument, (bool, int, float, str, np.generic)):
        return str(argument)
    if isinstance(argument, (tuple, list)):
        return f"({','.join(map(_described, argument))})"
    if isinstance(argument, np.ndarray):
        return f"array {argument.dtype} {argument.shape} {digest({'': argument})}"
    return argument.__name__ if isinstance(argument, type) else type(argument).__name__
