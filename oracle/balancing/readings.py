"""Which axes are the same axis: the readings of a list of factors.

A name stands for one axis wherever it occurs, each of its marks for one of its own. Where a name is repeated within
one array without marks, and where axes are bare numbers, the text leaves open which is which: each way to take it is
a reading, and to each reading belongs exactly one product, that of einsum.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from oracle.balancing.factors import Axis, Factor

RESULT = -1  # where an axis is that belongs to no factor
MOST_READINGS = 2000
ALL_SHARED, SOME_ALONE, FAR_FETCHED = range(3)


@dataclass(frozen=True)
class Reading:
    """Labels in place of axes: what has the same label is the same axis; axes of size one are "1" and stand apart.

    factors     the labels of each factor
    result      the labels of the result
    """

    factors: tuple[tuple[str, ...], ...]
    result: tuple[str, ...]

    @property
    def summed(self) -> tuple[str, ...]:
        """The labels that are summed over, in order of appearance."""
        labels = dict.fromkeys(label for factor in self.factors for label in factor)
        return tuple(label for label in labels if label != "1" and label not in self.result)

    def holders(self, label: str) -> tuple[tuple[int, int], ...]:
        """(factor, axis) for each place where the label is."""
        return tuple((at, factor.index(label)) for at, factor in enumerate(self.factors) if label in factor)

    @property
    def alone(self) -> tuple[str, ...]:
        """The labels summed over that only one factor has."""
        return tuple(label for label in self.summed if len(self.holders(label)) == 1)

    @property
    def tier(self) -> int:
        """How far-fetched it is.

        Sums over shared axes alone; also over an axis that one factor alone has; or even in a factor that shares no
        axis with any other, so that it enters as a mere row of sums.
        """
        if not self.alone:
            return ALL_SHARED
        arrays = [set(factor) - {"1"} for factor in self.factors if set(factor) - {"1"}]
        if len(arrays) == 1:
            return SOME_ALONE
        for label in self.alone:
            ((at, _),) = self.holders(label)
            here = set(self.factors[at]) - {"1"}
            if not any(here & (set(factor) - {"1"}) for other, factor in enumerate(self.factors) if other != at):
                return FAR_FETCHED
        return SOME_ALONE


def open_bases(factors: tuple[Factor, ...], result: tuple[Axis, ...]) -> tuple[str, ...]:
    """The names and sizes of which the text leaves open which is which."""
    arrays = [*(factor.axes for factor in factors), result]
    everything = dict.fromkeys(axis for axes in arrays for axis in axes if not axis.is_one)
    return tuple(
        dict.fromkeys(
            axis.base for axis in everything if (not axis.mark and any(axes.count(axis) > 1 for axes in arrays))
            or axis.is_number
        )
    )  # fmt: skip


def readings(factors: tuple[Factor, ...], result: tuple[Axis, ...]) -> Iterator[Reading]:
    """Every reading, each once."""
    places = [(at, k, axis) for at, factor in enumerate(factors) for k, axis in enumerate(factor.axes)]
    places += [(RESULT, k, axis) for k, axis in enumerate(result)]
    free = open_bases(factors, result)
    fixed = {(at, k): str(axis) for at, k, axis in places if axis.base not in free}
    choices = [list(itertools.islice(_labellings(base, places), MOST_READINGS + 1)) for base in free]
    for choice in itertools.product(*choices):
        labels = fixed.copy()
        for one in choice:
            labels |= one
        yield Reading(
            tuple(tuple(labels[at, k] for k in range(len(factor.axes))) for at, factor in enumerate(factors)),
            tuple(labels[RESULT, k] for k in range(len(result))),
        )


def _labellings(base: str, places: list[tuple[int, int, Axis]]) -> Iterator[dict[tuple[int, int], str]]:
    """Every way to take the axes of one base as the same or as different; no array has the same axis twice."""
    items = [(at, k, axis) for at, k, axis in places if axis.base == base]
    marks = dict.fromkeys(str(axis) for _, _, axis in items if axis.mark)
    names = [base + "'" * primes for primes in range(len(items) + len(marks))]
    names = [name for name in names if name not in marks]
    wanted = sum(at == RESULT for at, _, _ in items)

    def extend(done: dict[tuple[int, int], str], left: list[tuple[int, int, Axis]]) -> Iterator[dict]:
        if not left:
            factors = {label for (at, _), label in done.items() if at != RESULT}
            if all(label in factors for (at, _), label in done.items() if at == RESULT):
                yield done
            return
        (at, k, axis), *rest = left
        if len(set(done.values())) + sum(other != RESULT for other, _, _ in left) < wanted:
            return
        here = {label for (other, _), label in done.items() if other == at}
        if axis.mark:
            options = [str(axis)]
        else:
            known = [name for name in names if name in done.values()]
            options = [*known, *marks, *([] if at == RESULT else names[len(known) : len(known) + 1])]
            here |= {str(other) for where, _, other in items if where == at and other.mark}
        for label in options:
            if label not in here:
                yield from extend(done | {(at, k): label}, rest)

    yield from extend({}, items)
