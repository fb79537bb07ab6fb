"""`balance`: every product of some factors that gives the wanted result.

The rule is that of dimension analysis. What has the same name is the same axis; the names of the result stay, all
others are summed over. Where every axis has a name of its own this leaves one product, and `numpy.einsum` defines it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from oracle.balancing import silent
from oracle.balancing.factors import (
    MOST_FACTORS,
    Axis,
    Factor,
    check_sizes,
    in_parentheses,
    parse_axes,
    parse_factor,
    size_of,
)
from oracle.balancing.readings import FAR_FETCHED, MOST_READINGS, Reading, open_bases, readings
from oracle.balancing.spelling import Spelling, einsum, spellings
from rnn_manual.network import did_you_mean

MOST_SPELLED = 60  # products put in order by their operations; with more, the order is that of the readings
ANY_SIZE = 10  # stands for every size that is not given, to count operations


@dataclass(frozen=True)
class Product:
    """One product that balances.

    reading   which axes are the same axis
    names     the factors
    sizes     the sizes that operations are counted with, by label
    known     whether these are the user's
    doubtful  names and sizes of which the text leaves open which is which
    """

    reading: Reading
    names: tuple[str, ...]
    sizes: Mapping[str, int]
    known: bool
    doubtful: tuple[str, ...]

    @cached_property
    def spellings(self) -> tuple[Spelling, ...]:
        return spellings(self.reading, self.names, self.sizes)

    @property
    def expressions(self) -> tuple[str, ...]:
        """NumPy expressions for it, the best first."""
        return tuple(one.text for one in self.spellings)

    @property
    def expression(self) -> str:
        return self.expressions[0]

    @property
    def einsum(self) -> str:
        """The expression that defines it."""
        return einsum(self.reading, self.names)

    @property
    def sums(self) -> str:
        """'sums over batch', 'sums over nothing: an outer product'."""
        parts = [self._sum(label) for label in self.reading.summed]
        if parts:
            return "sums over " + " and ".join(parts)
        arrays = [set(factor) - {"1"} for factor in self.reading.factors]
        arrays = [labels for labels in arrays if labels]
        if len(arrays) < 2:
            return "sums over nothing"
        outer = all(one.isdisjoint(other) for one, other in itertools.combinations(arrays, 2))
        return f"sums over nothing: {'an outer' if outer else 'an elementwise'} product"

    def _sum(self, label: str) -> str:
        holders = self.reading.holders(label)
        where = [f"axis {axis} of {self.names[at]}" for at, axis in holders]
        alone = len(holders) == 1 and len(self.names) > 1
        base = label.rstrip("'")
        if base in self.doubtful:
            return f"{base} ({', '.join(where)}{' alone' if alone else ''})"
        return f"{label}, which only {self.names[holders[0][0]]} has" if alone else label

    @property
    def picture(self) -> str:
        """'(input, batch) @ (batch, hidden) -> (input, hidden)', or nothing where it is more than one operation."""
        best = self.spellings[0]
        if best.picture is None or len(self.names) > 2:
            return ""
        one, sign, other = best.picture
        return f"{self._shape(one)} {sign} {self._shape(other)} -> {self._shape(best.labels)}"

    def _shape(self, labels: tuple[str, ...]) -> str:
        shown = ["1" if label.startswith("1.") else label for label in labels]
        if self.known:
            shown = [str(self.sizes.get(label, 1)) for label in shown]
        else:
            shown = [label.rstrip("'") if label.rstrip("'") in self.doubtful else label for label in shown]
        return in_parentheses(tuple(shown))

    @property
    def written(self) -> tuple[tuple[str, ...], str]:
        """The factors and the result with marks, so that nothing but this product balances."""
        texts = [f"{name}: {' '.join(labels)}" for name, labels in zip(self.names, self.reading.factors)]
        return tuple(texts), " ".join(self.reading.result)

    def __str__(self) -> str:
        return f"{self.expression}    {self.sums}"


@dataclass(frozen=True)
class Balance:
    """What balances, and what there is to say of it.

    factors    the factors as they were read
    result     the axes of the wanted result
    sizes      sizes by name, None without
    products   the products that balance, the best first: those that sum over shared axes alone if there are any,
               else also over axes that one factor alone has
    others     those of a worse kind
    doubtful   names that are repeated without marks, and sizes: the text leaves open which is which
    complete   False where there are more readings than were looked at
    why_not    why there is none, in sentences
    """

    factors: tuple[Factor, ...]
    result: tuple[Axis, ...]
    sizes: Mapping[str, int] | None
    products: tuple[Product, ...]
    others: tuple[Product, ...]
    doubtful: tuple[str, ...]
    complete: bool
    why_not: tuple[str, ...]

    @cached_property
    def silent(self) -> tuple[silent.Silent, ...]:
        """What NumPy computes too, though the names do not fit; only where one product balances."""
        if len(self.products) != 1 or any(not base.isdecimal() for base in self.doubtful):
            return ()
        return silent.accepted(self.factors, self.result, self.products[0].reading, self.products[0].einsum, self.sizes)

    def shape(self, axes: tuple[Axis, ...]) -> tuple[int, ...]:
        """Axes in numbers; `sizes` has to be there."""
        return tuple(size_of(axis, self.sizes) for axis in axes)

    def __str__(self) -> str:
        return "\n".join(map(str, self.products)) or "\n".join(self.why_not)


def balance(*factors: str, to: str, sizes: Mapping[str, int] | None = None) -> Balance:
    """Every product of the factors that has the axes `to`.

        balance("x: batch input", "delta: batch hidden", to="input hidden").products[0].expression == "x.T @ delta"

    factors   up to six, each "name: axes"; axes are names, marked names such as hidden(t-1), numbers, or expressions
    to        the axes of the result; "" for a number
    sizes     sizes by name, to count operations with and to say what NumPy would accept as well

    Raises TypeError for what is no string, ValueError for what cannot be read or contradicts itself.
    """
    if not factors:
        raise ValueError("there is no factor, but should be at least one, such as 'x: batch input'")
    if len(factors) > MOST_FACTORS:
        raise ValueError(
            f"there are {len(factors)} factors, but should be at most {MOST_FACTORS}: "
            "put some of them together first, and balance the rest with their product"
        )
    if not isinstance(to, str):
        raise TypeError(f"to is {to!r}, but should be a string such as 'input hidden'")
    parsed = tuple(parse_factor(text) for text in factors)
    repeated = [name for name, count in Counter(factor.name for factor in parsed).items() if count > 1]
    if repeated:
        raise ValueError(f"there are two factors {repeated[0]!r}, but each should have a name of its own")
    result = parse_axes("the result", to)
    _check_result(parsed, result)
    if sizes is not None:
        check_sizes(sizes, tuple(axis for factor in parsed for axis in factor.axes) + result)

    doubtful = open_bases(parsed, result)
    found = list(itertools.islice(readings(parsed, result), MOST_READINGS + 1))
    complete = len(found) <= MOST_READINGS
    products = [_product(reading, parsed, result, sizes, doubtful) for reading in found[:MOST_READINGS]]
    near = [product for product in products if product.reading.tier < FAR_FETCHED]
    if near:
        tier = min(product.reading.tier for product in near)
        chosen = _ranked([product for product in near if product.reading.tier == tier])
        others = tuple(product for product in products if product.reading.tier > tier)
    else:
        chosen, others = (), tuple(products)
    others = tuple(sorted(others, key=lambda product: (product.reading.tier, len(product.reading.alone))))
    why_not = () if chosen else _why_not(parsed, result, sizes)
    return Balance(parsed, result, sizes, chosen, others, doubtful, complete, why_not)


def _product(
    reading: Reading,
    factors: tuple[Factor, ...],
    result: tuple[Axis, ...],
    sizes: Mapping[str, int] | None,
    doubtful: tuple[str, ...],
) -> Product:
    known = sizes is not None or all(axis.is_number for factor in factors for axis in factor.axes)
    by_label: dict[str, int] = {}
    for labels, axes in zip((*reading.factors, reading.result), (*(factor.axes for factor in factors), result)):
        for label, axis in zip(labels, axes):
            size = size_of(axis, sizes or {}) if axis.is_number or sizes is not None else ANY_SIZE
            by_label[label] = size
    return Product(reading, tuple(factor.name for factor in factors), by_label, known, doubtful)


def _ranked(products: list[Product]) -> tuple[Product, ...]:
    if len(products) > MOST_SPELLED:
        return tuple(sorted(products, key=lambda product: len(product.reading.alone)))
    return tuple(sorted(products, key=lambda product: (len(product.reading.alone), product.spellings[0].rank[:2])))


def _check_result(factors: tuple[Factor, ...], result: tuple[Axis, ...]) -> None:
    """Raises ValueError for an axis of the result that no factor can have."""
    free = open_bases(factors, result)
    axes = tuple(dict.fromkeys(axis for factor in factors for axis in factor.axes if not axis.is_one))
    for axis in result:
        if axis.is_one:
            continue
        if axis not in axes and not (axis.base in free and any(other.base == axis.base for other in axes)):
            known = ", ".join(map(str, axes)) or "no axes at all"
            raise ValueError(
                f"the result has an axis {axis}, which no factor has; the factors have {known}"
                + did_you_mean(axis, [str(other) for other in axes if not axis.is_number])
            )


def _why_not(factors: tuple[Factor, ...], result: tuple[Axis, ...], sizes: Mapping[str, int] | None) -> tuple[str, ...]:
    """Why nothing balances, and what would."""

    def written(axes: tuple[Axis, ...]) -> str:
        if sizes is None:
            return in_parentheses(axes)
        return f"{in_parentheses(axes)} = {tuple(size_of(axis, sizes) for axis in axes)}"

    reasons = []
    for axis, wanted in Counter(axis for axis in result if not axis.is_one).items():
        there = sum(axis.base == other.base for factor in factors for other in factor.axes)
        if there < wanted:
            reasons.append(f"the result has {axis} {wanted} times, the factors have it {there} time{'s' * (there > 1)}")
    for factor in factors:
        if len(factors) == 1:
            break
        elsewhere = {axis for other in factors if other is not factor for axis in other.axes} | set(result)
        bases = {axis.base for axis in elsewhere if not axis.mark}
        for axis in dict.fromkeys(factor.axes):
            if not axis.is_one and axis not in elsewhere and (axis.mark or axis.base not in bases):
                reasons.append(f"{factor.name} {written(factor.axes)}: its {axis} is in no other factor and not wanted")
    if len(factors) == 2:
        one, other = factors
        if not {axis for axis in one.axes if not axis.is_one} & set(other.axes):
            reasons.append(f"{one.name} and {other.name} share no axis, so there is nothing to sum over")
        for kept, replaced in ((one, other), (other, one)):
            mine, wanted = Counter(kept.axes), Counter(result)
            if mine == wanted:
                reasons.append(
                    f"the result has the axes of {kept.name} itself: if it is the gradient of {kept.name}, its factors "
                    f"are what {kept.name} was multiplied with and the delta of what came out, not {kept.name}"
                )
            elif any(not axis.is_one for axis in mine & wanted):
                needed = (*(wanted - mine).elements(), *(mine - wanted).elements())
                reasons.append(
                    f"beside {kept.name} {written(kept.axes)} the other factor should have the axes {written(needed)}, "
                    f"in either order, but {replaced.name} has {written(replaced.axes)}"
                )
    return tuple(reasons) or ("no product of these factors has the axes of the result",)
