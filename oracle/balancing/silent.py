"""What NumPy computes without a word although the names do not fit: equal sizes, and axes of size one.

Each expression that people try is run twice on small arrays: at sizes that are equal where the real ones are equal and
one where they are one, and at sizes all different, where only what is right is still right.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from oracle.balancing.factors import Axis, Factor, in_parentheses, size_of
from oracle.balancing.readings import Reading
from oracle.balancing.spelling import einsum


@dataclass(frozen=True)
class Silent:
    """An expression that NumPy computes, of the wanted shape or one that += spreads over it.

    clash   what does not fit, by name
    same    whether the numbers happen to be right at these sizes
    spread  whether its shape is not the wanted one, but is broadcast into it by +=
    """

    expression: str
    clash: str
    same: bool
    spread: bool

    def __str__(self) -> str:
        return f"{self.expression}    {self.clash}"


@dataclass(frozen=True)
class _Attempt:
    """What people type: an expression of placeholders a and b."""

    code: str
    clash: str


def accepted(
    factors: tuple[Factor, ...],
    result: tuple[Axis, ...],
    reading: Reading,
    definition: str,
    sizes: Mapping[str, int] | None,
) -> tuple[Silent, ...]:
    """The expressions that NumPy computes at `sizes` though they are another product, or right at these sizes alone.

    Without sizes, names have sizes all different and the marks of one name the same. Looks at one and two factors.
    """
    if len(factors) > 2:
        return ()
    labels = dict.fromkeys(label for factor in reading.factors for label in factor)
    apart = {label: 1 if label == "1" else 2 + at for at, label in enumerate(labels)}
    bases = {
        label: axis.base if sizes is None else size_of(axis, sizes)
        for factor, mine in zip(factors, reading.factors)
        for label, axis in zip(mine, factor.axes)
    }
    different = list(dict.fromkeys(size for size in bases.values() if size not in (1, "1")))
    real = {label: 1 if size in (1, "1") else 2 + different.index(size) for label, size in bases.items()}
    code = einsum(reading, ("a", "b")[: len(factors)])
    here, there = _Arrays(reading, real, code), _Arrays(reading, apart, code)
    found = []
    for attempt in _attempts(factors, reading):
        value = here.run(attempt.code)
        if value is None or there.is_right(attempt.code):
            continue
        spread = value.shape != here.wanted.shape
        if spread and (sizes is None or not _spreads(value.shape, here.wanted.shape)):
            continue
        text = _named(attempt.code, tuple(factor.name for factor in factors))
        found.append(Silent(text, attempt.clash, not spread and np.allclose(value, here.wanted), spread))
    return tuple(sorted(found, key=lambda one: (one.spread, one.same)))


class _Arrays:
    """Random arrays at some sizes, and the right product of them."""

    def __init__(self, reading: Reading, sizes: Mapping[str, int], code: str) -> None:
        rng = np.random.default_rng(0)
        shapes = [tuple(sizes[label] for label in factor) for factor in reading.factors]
        self.names = {name: rng.normal(size=shape) for name, shape in zip("ab", shapes)}
        self.wanted = np.asarray(eval(code, {"np": np}, self.names))

    def run(self, code: str) -> np.ndarray | None:
        try:
            return np.asarray(eval(code, {"np": np}, self.names))
        except ValueError:
            return None

    def is_right(self, code: str) -> bool:
        value = self.run(code)
        return value is not None and value.shape == self.wanted.shape and np.allclose(value, self.wanted)


def _spreads(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        return False


def _named(code: str, names: tuple[str, ...]) -> str:
    """The placeholders replaced; they are the only names of one letter."""
    words = {"a": names[0], "b": names[-1]}
    parts = []
    for sign, before, after in zip(code, " " + code, code[1:] + " "):
        alone = not (before.isalnum() or before == "." or after.isalnum())
        parts.append(words[sign] if sign in words and alone else sign)
    return "".join(parts)


def _attempts(factors: tuple[Factor, ...], reading: Reading) -> Iterator[_Attempt]:
    """What people type: transposes of either, both orders, @ and * and np.outer; for one factor the sums."""
    names = [factor.name for factor in factors]
    if len(factors) == 1:
        labels = reading.factors[0]
        if len(labels) > 1:
            yield _Attempt("a", f"gives {in_parentheses(labels)}")
            yield _Attempt("a.T", f"gives {in_parentheses(labels[::-1])}")
        for at, label in enumerate(labels):
            yield _Attempt(f"a.sum(axis={at})", f"sums over {label}")
        return
    operands = []
    for at, (letter, labels) in enumerate(zip("ab", reading.factors)):
        both = [(letter, labels), (f"{letter}.T", labels[::-1])] if len(labels) > 1 else [(letter, labels)]
        operands.append([(text, axes, names[at]) for text, axes in both])
    pairs = list(itertools.product(*operands))
    for one, other in [*pairs, *(pair[::-1] for pair in pairs)]:
        if one[1] and other[1]:
            yield _Attempt(f"{one[0]} @ {other[0]}", _matmul_clash(one, other, reading))
    for one, other in pairs:
        yield _Attempt(f"{one[0]} * {other[0]}", _elementwise_clash(one, other, reading))
    for one, other in ((operands[0][0], operands[1][0]), (operands[1][0], operands[0][0])):
        yield _Attempt(f"np.outer({one[0]}, {other[0]})", _sums_too_little(reading, "lays each factor flat"))


def _matmul_clash(one: tuple, other: tuple, reading: Reading) -> str:
    mine, yours = one[1][-1], other[1][-2] if len(other[1]) > 1 else other[1][0]
    if mine != yours:
        return f"sums {mine} of {one[2]} against {yours} of {other[2]}"
    left = (*one[1][:-1], *(other[1][:-2] + other[1][-1:] if len(other[1]) > 1 else ()))
    return f"gives {in_parentheses(left)}, wanted {in_parentheses(reading.result)}"


def _elementwise_clash(one: tuple, other: tuple, reading: Reading) -> str:
    pairs = [(mine, yours) for mine, yours in zip(one[1][::-1], other[1][::-1]) if mine != yours]
    if pairs:
        return "lines up " + ", ".join(f"{mine} of {one[2]} with {yours} of {other[2]}" for mine, yours in pairs[::-1])
    return _sums_too_little(reading, "multiplies element by element")


def _sums_too_little(reading: Reading, otherwise: str) -> str:
    return f"does not sum over {' and '.join(reading.summed)}" if reading.summed else otherwise
