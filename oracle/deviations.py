"""Deviations from the plain gradient: those a user declares are applied to the reference; others are recognised.

Codes that are right but look wrong clip their gradients, divide by the batch, take the ascent direction. What is meant
so is declared, and then the oracle's gradient is treated the same way before the comparison:

    @gradient_function(..., deviation=clip(-5, 5))
    @gradient_function(..., deviation=[factor(1 / 3, "Wxh", "Whh"), clip(-1, 1)])

They are applied in the order given.
"""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Gradients = dict[str, np.ndarray]


@dataclass(frozen=True)
class Deviation:
    """What is done to the gradients on purpose.

    words   "clipped to [-5, 5]"
    apply   from the plain gradients and the parameters to the deviating ones
    names   the parameters it is for; empty for all
    """

    words: str
    apply: Callable[[Gradients, Mapping[str, np.ndarray]], Gradients]
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{', '.join(self.names)} {self.words}" if self.names else self.words


@dataclass(frozen=True)
class Truncation(Deviation):
    """Truncated BPTT: the loss of step s reaches back over `window` steps, s, s-1 ... s-window+1.

    It cannot be had from the gradient of the whole loss: the oracle computes it, from the loss of each step.
    """

    window: int = 0


def truncation(window: int) -> Truncation:
    """Truncated BPTT over `window` steps; the gradient function returns the losses of the steps instead of their sum.

    Raises ValueError unless the window is a whole number of at least 1.
    """
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise ValueError(f"truncation is given {window!r}, but should be given a number of steps of at least 1")
    return Truncation(f"truncated to {window} steps", lambda gradients, parameters: gradients, (), window)


def clip(low: float, high: float, *names: str) -> Deviation:
    """Every element clipped to low .. high. Raises TypeError for what is no number, ValueError unless low < high."""
    if not (_is_number(low) and _is_number(high)):
        raise TypeError(f"clip from {low!r} to {high!r}: both should be numbers")
    if not low < high:
        raise ValueError(f"clip from {low!r} to {high!r}: the first should be less than the second")
    return _for_each(f"clipped to [{low:g}, {high:g}]", lambda g, _: np.clip(g, low, high), names)


def clip_norm(largest: float, *names: str) -> Deviation:
    """All the named gradients (or all there are) scaled by one factor so that their joint norm is at most `largest`.

    Raises ValueError unless `largest` is positive.
    """
    if not _is_number(largest) or not largest > 0:
        raise ValueError(f"clip_norm is given {largest!r}, but should be given a positive number")

    def apply(gradients: Gradients, parameters: Mapping[str, np.ndarray]) -> Gradients:
        chosen = names or tuple(gradients)
        norm = np.sqrt(sum(np.sum(gradients[name] ** 2) for name in chosen))
        scale = min(1.0, largest / norm) if norm > 0 else 1.0
        return {name: g * scale if name in chosen else g for name, g in gradients.items()}

    return Deviation(f"scaled to a joint norm of at most {largest:g}", apply, names)


def factor(by: float, *names: str) -> Deviation:
    """The gradients multiplied by one number; -1 for code that computes the ascent direction.

    Raises ValueError where the number is 0 or not finite: nothing could be seen through it.
    """
    if not _is_number(by) or not np.isfinite(by) or by == 0:
        raise ValueError(f"factor is given {by!r}, but should be given a finite number that is not 0")
    return _for_each(f"times {by:g}", lambda g, _: g * by, names)


def weight_decay(rate: float, *names: str) -> Deviation:
    """`rate` times the parameter added, as L2 regularisation that is not in the loss does.

    Raises ValueError where the rate is 0 or not finite.
    """
    if not _is_number(rate) or not np.isfinite(rate) or rate == 0:
        raise ValueError(f"weight_decay is given {rate!r}, but should be given a finite number that is not 0")
    return _for_each(f"plus {rate:g} times the parameter", lambda g, parameter: g + rate * parameter, names)


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def applied(deviations: tuple[Deviation, ...], gradients: Gradients, parameters: Mapping[str, np.ndarray]) -> Gradients:
    """The gradients with the deviations applied, in their order.

    Raises ValueError where one names a parameter that there is not.
    """
    for deviation in deviations:
        for name in deviation.names:
            if name not in gradients:
                raise ValueError(
                    f"the deviation {deviation.words!r} is for {name!r}, but there is only {', '.join(gradients)}"
                )
        gradients = deviation.apply(gradients, parameters)
    return gradients


def recognised(
    gradients: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    parameters: Mapping[str, np.ndarray],
    tolerance: Mapping[str, float],
    sizes: Mapping[str, int],
) -> dict[str, str]:
    """For each wrong gradient that is the right one deviated in a known way, that way in words.

    tolerance   how far two equal gradients may be apart, for each name
    sizes       by which a factor is named: 0.333 is "1/batch" at batch = 3
    """
    found = {}
    for name in gradients:
        given, right = gradients[name], truth[name]
        if given.shape != right.shape or not right.any():
            continue
        if not given.any():
            found[name] = "it is all zeros; is it ever written?"
        elif (by := common_factor(given, right, tolerance[name])) is not None:
            found[name] = f"exactly {named_factor(by, sizes)} times the right one"
        elif words := _clipped(given, right, tolerance[name]):
            found[name] = words
        elif words := _decayed(given, right, parameters[name], tolerance[name]):
            found[name] = words
    return found


def clipped_norm(
    gradients: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray], tolerance: float
) -> float | None:
    """The joint norm that all gradients together were scaled down to, or None.

    One factor below 1 for all, and a norm that is a round number: a factor alone may have many reasons.
    """
    factors = {common_factor(gradients[name], right, tolerance) for name, right in truth.items() if right.any()}
    if None in factors or not factors or max(factors) >= 1 or min(factors) <= 0:
        return None
    if max(factors) - min(factors) > 1e-9 * max(factors):
        return None
    norm = float(np.sqrt(sum(np.sum(gradients[name] ** 2) for name in truth)))
    return norm if np.isclose(norm, float(f"{norm:.3g}"), rtol=1e-9, atol=0) else None


def _for_each(words: str, change: Callable[[np.ndarray, np.ndarray], np.ndarray], names: tuple[str, ...]) -> Deviation:
    def apply(gradients: Gradients, parameters: Mapping[str, np.ndarray]) -> Gradients:
        return {name: change(g, parameters[name]) if not names or name in names else g for name, g in gradients.items()}

    return Deviation(words, apply, names)


def common_factor(given: np.ndarray, right: np.ndarray, tolerance: float) -> float | None:
    """The one number by which the right gradient was multiplied, or None where there is none."""
    if right.size == 1 or given.shape != right.shape or not right.any():  # any two numbers have a ratio
        return None
    by = float(np.sum(given * right) / np.sum(right * right))
    if np.abs(given - by * right).max() > tolerance * max(1.0, abs(by)) or abs(by) * np.abs(right).max() <= tolerance:
        return None
    return by


def named_factor(by: float, sizes: Mapping[str, int]) -> str:
    """'-1', '1/batch = 0.333333', else the number: the first of `factor_names`."""
    return spelled(by, next(iter(factor_names(by, sizes)), ""))


def spelled(by: float, name: str) -> str:
    """'1/batch = 0.333333'; the number alone where it has no other name."""
    number = f"{by:.6g}"
    return number if name in ("", number) else f"{name} = {number}"


def factor_names(by: float, sizes: Mapping[str, int]) -> list[str]:
    """What a factor can be made of: a size, two multiplied, with a 2, or one over any of these; simple ones first.

    One case leaves several: 2/time and 1/batch are both 1/2 at time = 4, batch = 2. Another case tells them apart.
    """
    singles = [(name, float(size)) for name, size in sizes.items() if size > 1]
    products = [(f"{a}*{b}", x * y) for (a, x), (b, y) in itertools.combinations(singles, 2)]
    candidates = []
    for words, value in [*singles, *products]:
        over = f"({words})" if "*" in words else words
        candidates += [(words, value), (f"1/{over}", 1 / value), (f"2*{words}", 2 * value), (f"2/{over}", 2 / value)]
        candidates += [(f"{words}/2", value / 2), (f"1/(2*{words})", 0.5 / value)]
    plain = [value for value in (0.5, 1.0, 2.0) if np.isclose(abs(by), value, rtol=1e-9, atol=0)]
    sign = "-" if by < 0 else ""
    named = [f"{sign}{words}" for words, value in candidates if np.isclose(abs(by), value, rtol=1e-9, atol=0)]
    return [*(f"{sign}{value:g}" for value in plain), *named]


def _clipped(given: np.ndarray, right: np.ndarray, tolerance: float) -> str:
    low, high = float(given.min()), float(given.max())
    too_low, too_high = right < low - tolerance, right > high + tolerance
    if not (too_low.any() or too_high.any()) or not low < high:
        return ""
    if np.abs(given - np.clip(right, low, high)).max() > tolerance:
        return ""
    # a single element that differs would always be "clipped" to its own value: its bound must be a round number
    if (too_low | too_high).sum() < 2 and not _is_round(high if too_high.any() else low):
        return ""
    if abs(low + high) <= tolerance or (too_low.any() and too_high.any()):
        return f"exactly clip(the right one, {low:.6g}, {high:.6g})"
    bound = f"at most {high:.6g}" if too_high.any() else f"at least {low:.6g}"
    return f"exactly the right one clipped to {bound}"


def _is_round(number: float) -> bool:
    return bool(np.isclose(number, float(f"{number:.2g}"), rtol=1e-12, atol=0))


def _decayed(given: np.ndarray, right: np.ndarray, parameter: np.ndarray, tolerance: float) -> str:
    if parameter.size == 1 or not parameter.any():
        return ""
    rate = float(np.sum((given - right) * parameter) / np.sum(parameter * parameter))
    if np.abs(given - right - rate * parameter).max() > tolerance or abs(rate) * np.abs(parameter).max() <= tolerance:
        return ""
    return f"exactly the right one plus {rate:.6g} times the parameter: weight decay that is not in the loss"
