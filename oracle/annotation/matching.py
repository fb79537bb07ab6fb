"""Whether a value is one of the true adjoints, told by one number a value.

An array's number is its product with fixed random weights. Two arrays of a size that have one number, to rounding, are
the same array: that two others do happens once in a billion times. So a value costs two microseconds, and a
million candidates of a repair can be held against all adjoints.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from oracle.annotation.truths import EDGE, NODE, PATHS, Truth

SEED = 20
CLOSE = 1e-9  # of the largest that the number of an array of such a norm can be
MOST_AXES = 3  # whose orders are all tried
MOST_USES = 7  # of which all sums are known


class Weights:
    """Fixed random weights, as many as are asked for."""

    def __init__(self) -> None:
        self._all = np.random.default_rng(SEED).normal(size=4096)

    def number_of(self, array: np.ndarray) -> float:
        """NaN where an element is not finite: such an array is equal to none."""
        size = array.size
        if size > self._all.size:
            self._all = np.random.default_rng(SEED).normal(size=2 * size)
        number = float(np.dot(np.asarray(array).ravel(), self._all[:size]))  # dot, unlike @, does not warn of NaN
        return number if math.isfinite(number) else math.nan


class Matcher:
    """Which of some arrays has a given number; of one with several axes, in any order of them."""

    def __init__(self, arrays: Iterable[np.ndarray], close: float = CLOSE) -> None:
        self.weights = Weights()
        found: dict[int, list[tuple[float, int, float, bool]]] = {}
        for which, array in enumerate(arrays):
            norm = float(np.linalg.norm(array))
            if not norm > 0:
                continue
            for order in _orders(array.ndim):
                number = self.weights.number_of(array.transpose(order))
                found.setdefault(array.size, []).append((number, which, norm, list(order) != sorted(order)))
        self._tables = {}
        for size, rows in found.items():
            rows.sort()
            numbers, which, norms, turned = zip(*rows)  # not arrays: single numbers are looked up, a million of them
            self._tables[size] = numbers, which, [close * norm * np.sqrt(size) for norm in norms], turned

    def find(self, size: int, number: float) -> int | None:
        """The index of an array with this number, or None."""
        if size not in self._tables:
            return None
        numbers, which, allowed, _ = self._tables[size]
        k = bisect_left(numbers, number)
        if k < len(numbers) and numbers[k] - number <= allowed[k]:
            return which[k]
        if k and number - numbers[k - 1] <= allowed[k - 1]:
            return which[k - 1]
        return None

    def find_all(self, size: int, number: float) -> list[tuple[int, bool]]:
        """The index of every array with this number, and whether it has it in another order of its axes."""
        if size not in self._tables or not np.isfinite(number):
            return []
        numbers, which, allowed, turned = self._tables[size]
        start = end = bisect_left(numbers, number)
        while start > 0 and abs(numbers[start - 1] - number) <= allowed[start - 1]:
            start -= 1
        while end < len(numbers) and abs(numbers[end] - number) <= allowed[end]:
            end += 1
        return [(int(which[k]), bool(turned[k])) for k in range(start, end)]

    def match(self, array: np.ndarray) -> int | None:
        return self.find(array.size, self.weights.number_of(array))


def matcher_of(truths: Iterable[Truth], factor: float = 1.0, close: float = CLOSE) -> Matcher:
    return Matcher([factor * one.adjoint for one in truths], close)


def without_negatives(every: Sequence[Truth]) -> list[Truth]:
    """The adjoints but those that are minus that of an earlier value, in the order of the forward pass.

    1 / (1 + exp(-x)) has the adjoint of -x as well as that of x, and y - target that of the target: a sign that is
    wrong would go unseen.
    """
    numbers = Weights()
    seen: set[tuple[int, str]] = set()
    kept = []
    for one in sorted(every, key=lambda one: (not one.depends, one.order)):
        number = numbers.number_of(one.adjoint)
        if (one.adjoint.size, f"{-number:.8e}") not in seen:
            seen.add((one.adjoint.size, f"{number:.8e}"))
            kept.append(one)
    return kept


def sums_of_uses(every: Sequence[Truth]) -> Iterator[Truth]:
    """Sums of some of the uses of one value: dh * (1 - z) is two of them where h + z * (n - h) is computed.

    Of all of them, where no value has that adjoint: a row of a matrix that is read twice is two values to autograd. Of
    many uses those that follow each other, as the uses of one step do where the next one reads the same row.
    """
    uses: dict[tuple, dict[tuple[int, str], Truth]] = {}
    numbers = Weights()
    for one in every:
        if one.kind == EDGE and one.depends and one.value.size > 1 and one.adjoint.shape == one.value.shape:
            same = uses.setdefault((one.value.shape, one.value.tobytes()), {})
            same.setdefault(_key(one, numbers), one)  # an alias of a use is no further use
    nodes = {_key(one, numbers) for one in every if one.kind == NODE}
    for all_of_it in uses.values():
        for some in _some_of(sorted(all_of_it.values(), key=lambda one: one.order)):
            made = replace(some[0], kind=PATHS, adjoint=sum(one.adjoint for one in some))
            if len(some) < len(all_of_it) or _key(made, numbers) not in nodes:
                yield made


def _some_of(uses: Sequence[Truth]) -> Iterator[Sequence[Truth]]:
    """Two and more of them."""
    if len(uses) <= MOST_USES:
        for count in range(2, len(uses) + 1):
            yield from itertools.combinations(uses, count)
        return
    for start, end in itertools.combinations(range(len(uses) + 1), 2):
        if end - start > 1:
            yield uses[start:end]
    for left_out in range(1, len(uses) - 1):
        yield [*uses[:left_out], *uses[left_out + 1 :]]


def of_some_uses(every: Sequence[Truth]) -> list[Truth]:
    """What some of the uses of a value make of its adjoint: it is no adjoint by itself.

    What a step hands on to the step before is that of the state without the readout; of a state that three gates read
    it is added up term by term.
    """
    return [replace(one, kind=EDGE) for one in sums_of_uses(every)]


def distinct(every: Iterable[Truth]) -> list[Truth]:
    """Of those with one adjoint only the first."""
    numbers = Weights()
    kept: dict[tuple[int, str], Truth] = {}
    for one in every:
        kept.setdefault(_key(one, numbers), one)
    return list(kept.values())


def _key(one: Truth, numbers: Weights) -> tuple[int, str]:
    """The same of equal adjoints."""
    return one.adjoint.size, f"{numbers.number_of(one.adjoint):.8e}"


def _orders(axes: int) -> Iterable[tuple[int, ...]]:
    return itertools.permutations(range(axes)) if axes <= MOST_AXES else [tuple(range(axes))]
