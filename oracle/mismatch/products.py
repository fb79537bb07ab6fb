"""The products of the values at hand that have the wanted axes, by name."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

EARLIER = re.compile(r"prev|last|old|t\s*-\s*1\b|_1\b|tm1")
MOST_VALUES = 24


@dataclass(frozen=True)
class Factor:
    """A value that may be multiplied.

    text        in the source
    axes        by name; "time or hidden" where two fit
    delta       it is a gradient by its name
    parameter   it is a parameter
    failing     it stands in the failing expression
    """

    text: str
    axes: tuple[str, ...]
    delta: bool = False
    parameter: bool = False
    failing: bool = False


@dataclass(frozen=True)
class Product:
    """text: as NumPy writes it; axes: of the factors, for people; over: the axes it sums."""

    text: str
    axes: str
    over: tuple[str, ...]
    factors: tuple[Factor, ...]
    transposes: int
    kind: str


def same(first: str, second: str) -> bool:
    return first == second or not set(first.split(" or ")).isdisjoint(second.split(" or "))


def all_same(first: Sequence[str], second: Sequence[str]) -> bool:
    return len(first) == len(second) and all(map(same, first, second))


def products(
    factors: Sequence[Factor],
    wanted: tuple[str, ...],
    elementwise: bool = False,
    gradient_of_parameter: bool = False,
    gradient: bool = False,
) -> list[Product]:
    """Every product of one or two factors that has the wanted axes, the likeliest first.

    gradient   what is wanted is a gradient, in which every term has exactly one factor that is one
    """
    factors = sorted(factors, key=lambda one: not one.failing)[:MOST_VALUES]
    failing = {one for one in factors if one.failing}
    found: list[Product] = []

    def unlike(*both: Factor) -> bool:
        """Whether it is no term of a gradient by the names: these may mislead, so what failed itself comes last."""
        return gradient and any(one.delta for one in factors) and sum(one.delta for one in both) != 1

    for factor in factors:
        if gradient:
            found += _sums(factor, wanted)
        if gradient_of_parameter and factor.delta and all_same(factor.axes, wanted):
            found.append(Product(factor.text, f"is {_brackets(factor.axes)}", (), (factor,), 0, "itself"))
    for first, second in itertools.permutations(factors, 2):
        if unlike(first, second) and {first, second} != failing:
            continue
        if gradient_of_parameter and (first.parameter or second.parameter):
            continue
        found += _pair(first, second, wanted, elementwise)
    if gradient:
        used = [one for one in found if any(factor.failing for factor in one.factors)] or found
        found = used if not any(factor.delta for one in used for factor in one.factors) else [
            one for one in found if any(factor.delta for factor in one.factors) or set(one.factors) == failing
        ]  # fmt: skip
    square = len(wanted) == 2 and same(wanted[0], wanted[1])

    def rank(one: Product) -> tuple:
        early = any(EARLIER.search(factor.text) for factor in one.factors if not factor.delta)
        used = sum(factor.failing for factor in one.factors)
        missed = sum(factor.failing for factor in factors) - used
        odd = len(one.factors) == 2 and unlike(*one.factors)
        return (odd, missed, square and not early, one.kind != "matmul", one.transposes)

    unique = {one.text: one for one in reversed(found)}
    return sorted(reversed(unique.values()), key=rank)


def without_target(factors: Sequence[Factor]) -> list[Product]:
    """The products of the failing operands that are possible at all, for where nothing says what is wanted."""
    failing = [one for one in factors if one.failing and one.axes]
    found: list[Product] = []
    transposed: dict[str, str] = {}
    for first, second in itertools.permutations(failing, 2):
        for one, a, p in _turned(first):
            for two, b, q in _turned(second):
                if _meet(a, b) and not (len(a) == len(b) == 1):
                    found.append(_product(f"{one} @ {two}", (a, b), (a[-1],), (first, second), p + q, "matmul"))
                    transposed[found[-1].text] = f"{_other_way(second, q)} @ {_other_way(first, p)}"
    # of a product and its transpose the one that leaves the values as they lie, and turns the weight
    found.sort(key=lambda one: (sum(f"{f.text}.T" in one.text for f in one.factors if not f.parameter), one.transposes))
    kept: list[Product] = []
    for one in found:  # a product and its transpose are one
        if not any(transposed[one.text] == other.text for other in kept):
            kept.append(one)
    return kept


def _turned(factor: Factor) -> Iterator[tuple[str, tuple[str, ...], int]]:
    yield factor.text, factor.axes, 0
    if len(factor.axes) == 2:
        yield f"{factor.text}.T", factor.axes[::-1], 1
    elif len(factor.axes) == 3:  # .T would turn the axis of the samples as well
        first, second, third = factor.axes
        yield f"{factor.text}.transpose(0, 2, 1)", (first, third, second), 1


def _other_way(factor: Factor, turned: int) -> str:
    return next((text for text, _, one in _turned(factor) if one != turned), factor.text)


def _meet(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether @ sums over the last axis of the first, and what stands in front of two stacks of matrices is one."""
    if len(second) < 3:
        return bool(first and second) and same(first[-1], second[0])
    return len(first) == len(second) and same(first[-1], second[-2]) and all_same(first[:-2], second[:-2])


def _result(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return (*first[:-1], *(second[1:] if len(second) < 3 else second[-1:]))


def _product(text, axes, over, factors, transposes, kind) -> Product:
    return Product(text, " @ ".join(_brackets(one) for one in axes), over, factors, transposes, kind)


def _brackets(axes: Sequence[str]) -> str:
    return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"


def _pair(first: Factor, second: Factor, wanted: tuple[str, ...], elementwise: bool) -> Iterator[Product]:
    both = first, second
    for one, a, p in _turned(first):
        for two, b, q in _turned(second):
            if len(a) + len(b) > 2 and _meet(a, b):
                if all_same(_result(a, b), wanted):
                    yield _product(f"{one} @ {two}", (a, b), (a[-1],), both, p + q, "matmul")
    if len(first.axes) == len(second.axes) == 1 and all_same((*first.axes, *second.axes), wanted):
        yield Product(
            f"np.outer({first.text}, {second.text})", f"{_brackets(first.axes)} by {_brackets(second.axes)}", (), both,
            0, "matmul",
        )  # fmt: skip
    if len(first.axes) == len(second.axes) > 2 and len(wanted) == 2 and first.axes[:-1] == second.axes[:-1]:
        if all_same((first.axes[-1], second.axes[-1]), wanted):
            letters = "".join(axis[0] for axis in first.axes[:-1])
            if len(set(letters)) < len(letters) or not letters.isalpha() or set(letters) & {"i", "j"}:
                letters = "tbsuvw"[: len(first.axes) - 1]
            formula = f"{letters}i,{letters}j->ij"
            yield Product(
                f'np.einsum("{formula}", {first.text}, {second.text})',
                f"{_brackets(first.axes)} with {_brackets(second.axes)}", first.axes[:-1], both, 0, "matmul",
            )  # fmt: skip
    if (
        elementwise
        and first.failing
        and second.failing
        and all_same(first.axes, wanted)
        and all_same(second.axes, wanted)
    ):
        yield Product(f"{first.text} * {second.text}", f"both {_brackets(first.axes)}", (), both, 0, "elementwise")


def _sums(factor: Factor, wanted: tuple[str, ...]) -> Iterator[Product]:
    count = len(factor.axes)
    for axis in range(count):
        rest = (*factor.axes[:axis], *factor.axes[axis + 1 :])
        if all_same(rest, wanted):
            text = f"{factor.text}.sum(axis={axis})"
            yield Product(text, _brackets(factor.axes), (factor.axes[axis],), (factor,), 0, "sum")
    for one, two in itertools.combinations(range(count), 2):
        if all_same([axis for k, axis in enumerate(factor.axes) if k not in (one, two)], wanted):
            over = factor.axes[one], factor.axes[two]
            text = f"{factor.text}.sum(axis=({one}, {two}))"
            yield Product(text, _brackets(factor.axes), over, (factor,), 0, "sum")
    for axis, name in enumerate(factor.axes):
        kept = (*factor.axes[:axis], "1", *factor.axes[axis + 1 :])
        if name != "1" and all_same(kept, wanted):
            text = f"{factor.text}.sum(axis={axis}, keepdims=True)"
            yield Product(text, _brackets(factor.axes), (name,), (factor,), 0, "sum")
