"""A reading as NumPy: the ways to write its product, cheapest first, and the einsum that defines it.

Factors are put together two at a time, in every order; of each group of factors the cheapest expressions are kept, one
or a few for each order of axes.
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from oracle.balancing.readings import Reading

SPELLINGS = 3  # shown of one product
WASTEFUL = 1.5  # times the operations of the cheapest, and an expression is left out
TIGHT, MATMUL, TIMES = "tight", "matmul", "times"  # how an expression holds together


@dataclass(frozen=True)
class Spelling:
    """An expression on its way: its text, its axes, what it costs.

    labels     the axes it has, in order
    ops        multiplications and additions
    trouble    transposes, inserted axes and such
    forms      the operations in it
    holds      how tight it binds
    picture    the shapes of the last operation's operands, by label
    """

    text: str
    labels: tuple[str, ...]
    ops: float = 0
    trouble: float = 0
    forms: tuple[str, ...] = ()
    holds: str = TIGHT
    picture: tuple[tuple[str, ...], str, tuple[str, ...]] | None = None

    @property
    def rank(self) -> tuple:
        return self.ops, self.trouble, len(self.text), self.text

    def inside(self, *allowed: str) -> str:
        """The text as it stands within an expression that needs no parentheses around what is `allowed`."""
        return self.text if self.holds in (TIGHT, *allowed) else f"({self.text})"


def spellings(reading: Reading, names: tuple[str, ...], sizes: Mapping[str, int]) -> tuple[Spelling, ...]:
    """The expressions for a reading, cheapest first; of those with the same operations in them only the best."""
    found: dict[tuple[str, ...], Spelling] = {}
    most = (60, 60, 12, 4, 4, 4)[len(names) - 1]
    for factors, result in itertools.islice(_with_ones(reading), most):
        for one in _products(factors, result, names, sizes):
            done = _arranged(one, result)
            if done.forms not in found or done.rank < found[done.forms].rank:
                found[done.forms] = done
    best = sorted(found.values(), key=lambda one: one.rank)
    return tuple(one for one in best if one.ops <= WASTEFUL * best[0].ops)[:SPELLINGS]


def _with_ones(reading: Reading) -> Iterator[tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]]:
    """Axes of size one given labels in every way: it makes no difference to the value, only to the expression."""
    arrays = [*reading.factors, reading.result]
    places = [(at, k) for at, labels in enumerate(arrays) for k, label in enumerate(labels) if label == "1"]

    def extend(done: dict[tuple[int, int], str], left: list[tuple[int, int]]) -> Iterator[dict]:
        if not left:
            yield done
            return
        (at, k), *rest = left
        known = dict.fromkeys(done.values())
        for label in (*known, f"1.{len(known)}"):
            if not any(other == at and label == taken for (other, _), taken in done.items()):
                yield from extend(done | {(at, k): label}, rest)

    for ones in extend({}, places):
        labelled = [
            tuple(ones.get((at, k), label) for k, label in enumerate(labels)) for at, labels in enumerate(arrays)
        ]
        yield tuple(labelled[:-1]), labelled[-1]


def _products(
    factors: tuple[tuple[str, ...], ...], result: tuple[str, ...], names: tuple[str, ...], sizes: Mapping[str, int]
) -> list[Spelling]:
    """Expressions for the product of all factors, whatever the order of their axes."""
    count = len(factors)
    kept, orders = (3, 8) if count < 4 else (1, 3)
    inserted = tuple(label for label in result if not any(label in factor for factor in factors))
    best: dict[int, list[Spelling]] = {}
    for group in range(1, 1 << count):
        outside = {label for at in range(count) if not group >> at & 1 for label in factors[at]} | set(result)
        found: list[Spelling] = []
        if group.bit_count() == 1:
            at = group.bit_length() - 1
            found += _leaves(Spelling(names[at], factors[at]), outside, inserted, sizes)
        lowest = group & -group
        part = (group - 1) & group
        while part:
            if part & lowest:
                for left, right in itertools.product(best[part], best[group ^ part]):
                    found += _pairs(left, right, outside, result, sizes)
            part = (part - 1) & group
        best[group] = _best(found, kept, orders)
    return best[(1 << count) - 1]


def _best(found: list[Spelling], kept: int, orders: int) -> list[Spelling]:
    """The `kept` best for each of the `orders` best orders of axes, each with operations of its own."""
    by_order: dict[tuple[str, ...], dict[tuple[str, ...], Spelling]] = {}
    for one in sorted(found, key=lambda one: one.rank):
        by_order.setdefault(one.labels, {}).setdefault(one.forms, one)
    few = itertools.islice(by_order.values(), orders)
    return [one for forms in few for one in itertools.islice(forms.values(), kept)]


def _leaves(
    factor: Spelling, outside: set[str], inserted: tuple[str, ...], sizes: Mapping[str, int]
) -> Iterator[Spelling]:
    """A factor with the axes summed away that nothing else has."""
    alone = [label for label in factor.labels if label not in outside]
    ones = [label for label in alone if label.startswith("1.")]
    for label in ones:
        factor = _first(factor, label)
    summed = [label for label in alone if label not in ones]
    if not summed:
        yield factor
        return
    yield _sum(factor, summed, sizes)
    if len(summed) == 1:
        at = factor.labels.index(summed[0])
        for label in inserted:
            labels = (*factor.labels[:at], label, *factor.labels[at + 1 :])
            text = f"{factor.text}.sum(axis={at}, keepdims=True)"
            cost = factor.ops + _count(factor.labels, sizes)
            yield Spelling(text, labels, cost, factor.trouble + 0.5, (*factor.forms, "sum"))


def _first(one: Spelling, label: str) -> Spelling:
    """Without an axis of size one."""
    at = one.labels.index(label)
    text = f"{one.inside()}[{':, ' * at}0]"
    return Spelling(text, tuple(other for other in one.labels if other != label), one.ops, one.trouble + 1, one.forms)


def _sum(one: Spelling, labels: list[str], sizes: Mapping[str, int]) -> Spelling:
    axes = [at for at, label in enumerate(one.labels) if label in labels]
    left = tuple(label for label in one.labels if label not in labels)
    axis = "" if not left else f"axis={axes[0]}" if len(axes) == 1 else f"axis=({', '.join(map(str, axes))})"
    cost = one.ops + _count(one.labels, sizes)
    return Spelling(f"{one.inside()}.sum({axis})", left, cost, one.trouble, (*one.forms, "sum"))


def _count(labels: tuple[str, ...], sizes: Mapping[str, int]) -> float:
    return float(prod(sizes.get(label, 1) for label in labels))


def _permuted(one: Spelling, order: tuple[str, ...]) -> Spelling:
    """With its axes in another order."""
    if one.labels == order:
        return one
    if one.labels == order[::-1]:
        text, trouble = f"{one.inside()}.T", 1
    else:
        text, trouble = f"{one.inside()}.transpose({', '.join(str(one.labels.index(label)) for label in order)})", 2
    return Spelling(text, order, one.ops, one.trouble + trouble, one.forms)


def _spread(one: Spelling, order: tuple[str, ...], leading: bool = False) -> Spelling:
    """With its axes in that order, and axes of size one for those it lacks, save the leading ones if allowed."""
    one = _permuted(one, tuple(label for label in order if label in one.labels))
    parts = [":" if label in one.labels else "None" for label in order]
    while not leading and parts and parts[0] == "None":
        del parts[0]
    while parts and parts[-1] == ":":
        del parts[-1]
    if "None" not in parts:
        return one
    return Spelling(f"{one.inside()}[{', '.join(parts)}]", order, one.ops, one.trouble + 1, one.forms)


def _arranged(one: Spelling, result: tuple[str, ...]) -> Spelling:
    """With the result's axes in the result's order."""
    if one.labels == result:
        return one
    return _spread(one, result, leading=True)


def _pairs(
    left: Spelling, right: Spelling, outside: set[str], result: tuple[str, ...], sizes: Mapping[str, int]
) -> Iterator[Spelling]:
    """Products of two expressions that sum over the labels they share and nothing outside needs."""
    shared = [label for label in left.labels if label in right.labels]
    summed = [label for label in shared if label not in outside]
    kept = [label for label in shared if label in outside]
    cost = left.ops + right.ops + _count(tuple(dict.fromkeys(left.labels + right.labels)), sizes)
    if len(summed) == 1:
        for one, other in ((left, right), (right, left)):
            yield from _matrix_products(one, other, summed[0], kept, cost)
    if not shared and len(left.labels) == len(right.labels) == 1:
        for one, other in ((left, right), (right, left)):
            labels = one.labels + other.labels
            forms, trouble = _together(one, other, "outer")
            yield Spelling(f"np.outer({one.text}, {other.text})", labels, cost, trouble, forms)
    many = min(len(left.labels), len(right.labels)) > 2  # axes: no matrix product
    if summed and not kept and (len(summed) > 1 or many):
        for one, other in ((left, right), (right, left)):
            yield _tensordot(one, other, summed, cost)
    if len(summed) > 1 and not kept:
        for one, other in ((left, right), (right, left)):
            yield from _reshaped(one, other, summed, cost)
    yield from _elementwise(left, right, summed, result, cost, sizes)


def _together(one: Spelling, other: Spelling, form: str) -> tuple[tuple[str, ...], float]:
    return tuple(sorted((*one.forms, *other.forms, form))), one.trouble + other.trouble


def _matrix_products(one: Spelling, other: Spelling, over: str, kept: list[str], cost: float) -> Iterator[Spelling]:
    """one @ other, summed over one label; `kept` labels stand in front of both."""
    mine = tuple(label for label in one.labels if label != over and label not in kept)
    yours = tuple(label for label in other.labels if label != over and label not in kept)
    front = tuple(kept)
    if len(yours) > 1 or (front and (len(mine) != 1 or len(yours) != 1)):
        return
    one, other = _permuted(one, (*front, *mine, over)), _permuted(other, (*front, over, *yours))
    forms, trouble = _together(one, other, "matmul")
    text = f"{one.inside(MATMUL)} @ {other.inside()}"
    picture = (one.labels, "@", other.labels)
    yield Spelling(text, (*front, *mine, *yours), cost, trouble, forms, MATMUL, picture)


def _tensordot(one: Spelling, other: Spelling, summed: list[str], cost: float) -> Spelling:
    count = len(summed)
    labels = tuple(label for label in (*one.labels, *other.labels) if label not in summed)
    if one.labels[-count:] == other.labels[:count]:
        axes = str(count)
    else:
        axes = f"({[one.labels.index(label) for label in summed]}, {[other.labels.index(label) for label in summed]})"
    forms, trouble = _together(one, other, "tensordot")
    return Spelling(f"np.tensordot({one.text}, {other.text}, axes={axes})", labels, cost, trouble + 3, forms)


def _reshaped(one: Spelling, other: Spelling, summed: list[str], cost: float) -> Iterator[Spelling]:
    """The summed axes in front of both laid into one, and a plain matrix product."""
    front = tuple(summed)
    if one.labels[:-1] != front or other.labels[:-1] != front or one.holds != TIGHT or other.holds != TIGHT:
        return
    flat = [f"{each.text}.reshape(-1, {each.text}.shape[-1])" for each in (one, other)]
    forms, trouble = _together(one, other, "reshape")
    labels = (one.labels[-1], other.labels[-1])
    yield Spelling(f"{flat[0]}.T @ {flat[1]}", labels, cost, trouble + 4, forms, MATMUL)


def _elementwise(
    left: Spelling, right: Spelling, summed: list[str], result: tuple[str, ...], cost: float, sizes: Mapping[str, int]
) -> Iterator[Spelling]:
    """left * right with broadcasting, and sums after it."""
    mine = tuple(label for label in left.labels if label not in right.labels)
    yours = tuple(label for label in right.labels if label not in left.labels)
    wanted = tuple(label for label in result if label in left.labels or label in right.labels)
    orders = {
        (*left.labels, *yours), (*yours, *left.labels), (*right.labels, *mine), (*mine, *right.labels),
        (*summed, *wanted) if len(summed) + len(wanted) == len(left.labels) + len(yours) else (*left.labels, *yours),
    }  # fmt: skip
    for order in sorted(orders):
        one, other = _spread(left, order), _spread(right, order)
        forms, trouble = _together(one, other, "elementwise")
        picture = (one.labels, "*", other.labels) if {*one.labels, *other.labels} == set(order) else None
        done = Spelling(f"{one.inside(TIMES)} * {other.inside()}", order, cost, trouble, forms, TIMES, picture)
        if not summed:
            yield done
        elif mine or yours or len(summed) < len(order):
            yield _sum(done, summed, sizes)
        else:  # an inner product: no cheaper way
            yield Spelling(f"({done.text}).sum()", (), cost, trouble + 0.5, (*forms, "sum"))


def einsum(reading: Reading, names: tuple[str, ...]) -> str:
    """The reading as np.einsum, its definition."""
    letters: dict[str, str] = {}
    for label in dict.fromkeys(label for factor in reading.factors for label in factor if label != "1"):
        first = label[0].lower() if label[0] in string.ascii_letters else ""
        wishes = (first, first.upper(), *string.ascii_lowercase[8:], *string.ascii_letters)
        letters[label] = next(wish for wish in wishes if wish and wish not in letters.values())
    spare = iter(letter for letter in string.ascii_letters[::-1] if letter not in letters.values())
    ones: list[str] = []
    terms = []
    for factor in reading.factors:
        term = ""
        for label in factor:
            if label == "1":
                ones.append(next(spare))
            term += ones[-1] if label == "1" else letters[label]
        terms.append(term)
    after, result = [], ""
    for label in reading.result:
        if label == "1" and not ones:
            after.append("None")
            continue
        result += ones.pop(0) if label == "1" else letters[label]
        after.append(":")
    while after and after[-1] == ":":
        after.pop()
    index = f"[{', '.join(after)}]" if after else ""
    return f'np.einsum("{",".join(terms)}->{result}", {", ".join(names)}){index}'
