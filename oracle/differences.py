"""Derivatives from values of the loss alone: the witness of every verdict, and the oracle where nothing else can be.

Complex step: L(p + ih) has the derivative in its imaginary part, to rounding, with no difference taken, so h may be
1e-30 (J. N. Lyness and C. B. Moler, "Numerical differentiation of analytic functions", 1967). It needs code that
computes with complex numbers what it computes with real ones: no abs, no comparison, no conjugate transpose.

Central differences: (L(p + h) - L(p - h)) / 2h at h, h/2, h/4, extrapolated to h = 0 (L. F. Richardson, 1911). How far
the last two extrapolations are apart, with the rounding of the losses divided by h, is the estimate of their error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Arrays = dict[str, np.ndarray]
Loss = Callable[[Arrays], complex]

COMPLEX_STEP = 1e-30
STEP = {np.dtype(np.float64): 2.0**-9, np.dtype(np.float32): 2.0**-4}
"""The largest of three steps, relative to the size of a parameter: their error is of the sixth order."""
SHORT_STEP = {np.dtype(np.float64): 2.0**-13, np.dtype(np.float32): 2.0**-6}
"""The larger of two steps: what can be said of their error is of the second order only."""
STEADY = {np.dtype(np.float64): 1e-3, np.dtype(np.float32): 3e-2}
"""How far, of their size, two differences may be apart that are said to be near the derivative."""
SHORTER, SHORTENINGS = 16, 4


@dataclass(frozen=True)
class Derivative:
    """A derivative and an estimate of its error."""

    value: float
    error: float

    def agrees_with(self, other: float, times: float = 10.0) -> bool:
        return abs(self.value - other) <= times * self.error


class NotAnalytic(Exception):
    """The code does something with complex numbers that it does not do with real ones."""


def along(loss: Callable[[Arrays], float], parameters: Arrays, direction: Arrays, dtype: np.dtype) -> Derivative:
    """The derivative of the loss along a direction, from four evaluations.

    Where the differences at two steps have little to do with each other, as across a kink and in chaos, the steps are
    shortened; the error is inf where that does not help: then nothing is known.

    direction   an array for each parameter that is to move; scaled here so that no step is larger than SHORT_STEP
                relative to the parameters
    dtype       what the code computes in: how well its losses are rounded
    """
    largest = max((float(np.abs(d).max(initial=0)) for d in direction.values()), default=0.0)
    if largest == 0:
        return Derivative(0.0, 0.0)
    scale = max(float(np.abs(parameters[name]).max(initial=0)) for name in direction) or 1.0
    h = SHORT_STEP[np.dtype(dtype)] * scale / largest

    def at(t: float) -> float:
        moved = {name: p + t * direction[name] if name in direction else p.copy() for name, p in parameters.items()}
        return float(np.real(loss(moved)))

    for _ in range(1 + SHORTENINGS):
        found, apart = _richardson([(at(step), at(-step), step) for step in (h, h / 2)], np.dtype(dtype))
        if apart <= STEADY[np.dtype(dtype)] * abs(found.value):
            return found
        h /= SHORTER
    return Derivative(found.value, np.inf)


def _richardson(
    values: list[tuple[float, float, float]], dtype: np.dtype, steps: float = 0.0
) -> tuple[Derivative, float]:
    """From (L(+h), L(-h), h) at h, h/2, ...: extrapolated, the error from the last two columns and the rounding.

    steps   in what steps the loss moves, where they are larger than its rounding

    Also how far the last two differences are apart beyond what rounding explains.
    """
    rows = [[(plus - minus) / (2 * step)] for plus, minus, step in values]
    for k in range(1, len(rows)):
        for order in range(1, k + 1):
            better, worse = rows[k][order - 1], rows[k - 1][order - 1]
            rows[k].append(better + (better - worse) / (4.0**order - 1))
    value = rows[-1][-1]
    # the extrapolation that was not needed says how good the one before it was
    truncation = abs(value - rows[-1][-2]) if len(rows) > 1 else abs(value)
    smallest = values[-1][2]
    unit = float(np.finfo(dtype).eps)
    largest = max(abs(loss) for plus, minus, _ in values for loss in (plus, minus))
    rounding = 4 * max(unit * largest, 16 * steps) / smallest
    apart = abs(rows[-1][0] - rows[-2][0])
    return Derivative(value, truncation + rounding), max(0.0, apart - 2 * rounding)


def random_direction(rng: np.random.Generator, parameters: Arrays) -> Arrays:
    """Every element up or down by as much as the largest of its parameter."""
    return {
        name: rng.choice([-1.0, 1.0], size=p.shape) * (float(np.abs(p).max(initial=0)) or 1.0)
        for name, p in parameters.items()
    }


def coarseness(loss: Callable[[Arrays], float], parameters: Arrays) -> float:
    """In what steps the loss moves, beyond the rounding of float64; 0 where none are seen.

    A loss that is rounded to four digits, or computed from rounded states, does not move at all with a change of the
    parameters that should move it: such steps have no derivative, and differences over them mean nothing.
    """
    base = float(np.real(loss({name: p.copy() for name, p in parameters.items()})))
    direction = random_direction(np.random.default_rng(0), parameters)

    def at(t: float) -> float:
        return float(np.real(loss({name: p + t * direction[name] for name, p in parameters.items()})))

    def change(t: float) -> float:
        return min(abs(at(t) - base), abs(at(-t) - base))

    slope = 0.0
    for k in range(1, 50, 4):
        moved = change(2.0**-k)
        if moved == 0 and slope > 0:
            step = slope * 2.0**-k
            return step if step > 8 * np.finfo(np.float64).eps * abs(base) else 0.0
        slope = max(slope, moved * 2.0**k) if k > 6 else moved * 2.0**k
    return 0.0


def central(
    loss: Callable[[Arrays], float], parameters: Arrays, dtype: np.dtype, steps: float = 0.0
) -> tuple[Arrays, Arrays]:
    """(gradients, error estimates), an element at a time, from six evaluations each.

    An error is inf where the differences at different steps have little to do with each other.
    """
    gradients = {name: np.zeros(p.shape) for name, p in parameters.items()}
    errors = {name: np.zeros(p.shape) for name, p in parameters.items()}
    for name, parameter in parameters.items():
        h = STEP[np.dtype(dtype)] * (float(np.abs(parameter).max(initial=0)) or 1.0)
        apart = np.zeros(parameter.shape)
        for index in np.ndindex(parameter.shape):

            def at(t: float, name=name, index=index) -> float:
                moved = {other: p.copy() for other, p in parameters.items()}
                moved[name][index] += t
                return float(np.real(loss(moved)))

            values = [(at(step), at(-step), step) for step in (h, h / 2, h / 4)]
            found, apart[index] = _richardson(values, np.dtype(dtype), steps)
            gradients[name][index], errors[name][index] = found.value, found.error
        # a small element is the difference of large ones: its differences may be as far apart as theirs
        largest = np.abs(gradients[name]).max(initial=0)
        errors[name][apart > STEADY[np.dtype(dtype)] * largest] = np.inf
    return gradients, errors


def complex_step(loss: Loss, parameters: Arrays, plain_loss: float) -> Arrays:
    """Gradients by the complex step, an element at a time, one evaluation each.

    Raises NotAnalytic where the code drops the imaginary part, or computes another real part than without it; what
    the code itself raises passes through.
    """
    gradients = {name: np.zeros(p.shape) for name, p in parameters.items()}
    seen = False
    for name, parameter in parameters.items():
        for index in np.ndindex(parameter.shape):
            moved = {other: p.astype(np.complex128) for other, p in parameters.items()}
            moved[name][index] += 1j * COMPLEX_STEP
            value = np.asarray(loss(moved))
            if value.dtype.kind != "c":
                raise NotAnalytic("the imaginary part is dropped on the way to the loss")
            value = complex(value.reshape(()))
            if not abs(value.real - plain_loss) <= 1e-12 * max(1.0, abs(plain_loss)):
                raise NotAnalytic(f"computed with complex numbers the loss is {value.real!r} and not {plain_loss!r}")
            gradients[name][index] = value.imag / COMPLEX_STEP
            seen = seen or value.imag != 0
    if not seen:
        raise NotAnalytic("no imaginary part arrives at the loss")
    return gradients


@dataclass(frozen=True)
class Witness:
    """What the user's own loss says, along the direction in which the two gradients differ.

    measured    the derivative of the loss along it, and its error
    by_code     what the gradients under test predict; NaN where a declared deviation makes them no prediction
    by_oracle   what the oracle's predict
    """

    measured: Derivative
    by_code: float
    by_oracle: float

    @property
    def sides_with(self) -> str:
        """ "oracle", "code", "neither" or "nobody": the last where the measurement is too coarse to tell them apart."""
        if math.isnan(self.by_code):
            error = abs(self.measured.value - self.by_oracle)
            near = 4 * self.measured.error + 1e-6 * abs(self.by_oracle)
            return "nobody" if math.isinf(self.measured.error) else "oracle" if error <= near else "neither"
        if abs(self.by_code - self.by_oracle) <= 4 * self.measured.error:
            return "nobody"
        for_oracle = abs(self.measured.value - self.by_oracle)
        for_code = abs(self.measured.value - self.by_code)
        apart = abs(self.by_code - self.by_oracle)
        if for_oracle <= apart / 4:
            return "oracle"
        if for_code <= apart / 4:
            return "code"
        return "neither"

    def __str__(self) -> str:
        if math.isnan(self.by_code):
            return (
                f"along the direction in which they differ the loss changes by {self.measured.value:.6g} "
                f"(± {self.measured.error:.1g}); by the oracle, less what is declared, by {self.by_oracle:.6g}"
            )
        apart = abs(self.by_code - self.by_oracle)
        largest = max(abs(self.by_code), abs(self.by_oracle))
        # as many digits as it takes to see the difference
        digits = min(17, max(6, 3 + math.ceil(math.log10(largest / apart)))) if 0 < apart < largest < math.inf else 6
        return (
            f"along the direction in which they differ the loss changes by {self.measured.value:.{digits}g} "
            f"(± {self.measured.error:.1g}); by the oracle it should by {self.by_oracle:.{digits}g}, "
            f"by the code by {self.by_code:.{digits}g}"
        )


def witness(
    loss: Callable[[Arrays], float],
    parameters: Arrays,
    gradients: Mapping[str, np.ndarray],
    oracle: Mapping[str, np.ndarray],
    dtype: np.dtype,
) -> Witness:
    """Ask the loss itself which of two gradients is right, for all the given names at once.

    Every gradient moves its parameter by the same share of its size, so that each has its say.
    """
    direction = {}
    for name, right in oracle.items():
        difference = np.asarray(gradients[name], np.float64) - right
        size = float(np.abs(parameters[name]).max(initial=0)) or 1.0
        largest = float(np.abs(difference).max(initial=0))
        if largest > 0:
            direction[name] = difference / largest * size
    measured = along(loss, parameters, direction, dtype)
    return Witness(
        measured,
        sum(float(np.sum(np.asarray(gradients[name], np.float64) * d)) for name, d in direction.items()),
        sum(float(np.sum(oracle[name] * d)) for name, d in direction.items()),
    )
