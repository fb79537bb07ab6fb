"""A variable of the failing expression that had another shape before, one with which it balances."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from oracle.mismatch.axes import Names
from oracle.mismatch.products import Product
from oracle.mismatch.proposal import spoken
from oracle.mismatch.record import Departure
from oracle.mismatch.scene import Scene
from oracle.mismatch.trace import CARRY

Proposal = tuple[list[Product], list[str]]
Propose = Callable[[Mapping[str, tuple[str, ...]]], Proposal]
"""The products, with the axes given for some of the variables in place of those that they have."""


def left_at(
    scene: Scene,
    again: Scene | None,
    scope: Mapping[str, np.ndarray],
    found: Sequence[Product],
    target: str,
    names: Names,
    propose: Propose,
    known: Callable[[str], bool],
) -> tuple[Departure, Departure | None, tuple[str, ...], Proposal] | None:
    """Where a variable left the shape with which more of what failed goes together, and what balances with that shape.

    again    the scene at other sizes, from which the second departure is
    found    the products that balance as it is
    target   what the statement gives, which is no factor
    known    whether a variable is a gradient by its name
    """
    if any(not one.factors for one in found):  # * for @, a.T for a: nothing is missing
        return None
    most = _used(found)
    for departure in _departures(scene, scope):
        (text,), (shape,) = departure.about, departure.shapes
        if text == target or not (known(text) or CARRY.search(text)):  # layers have other sizes, and share a name
            continue
        twin = None if again is None else _twin(again, departure)
        axes = names.of_shape(shape, *([] if twin is None else twin.shapes))
        if _by_element(scene, text, shape):
            return departure, twin, axes, (list(found), [])
        products, advice = propose({text: axes})
        products = [one for one in products if any(factor.text == text for factor in one.factors)]
        if _used(products) > most:
            return departure, twin, axes, (products, advice)
    return None


def _used(found: Sequence[Product]) -> int:
    """How many of the factors that failed are in one product."""
    return max((sum(factor.failing for factor in one.factors) for one in found), default=0)


def _departures(scene: Scene, scope: Mapping[str, np.ndarray]) -> Iterator[Departure]:
    """From each shape that a variable of the failing expression had before, the latest first."""
    nodes = [operand.node for operand in scene.operands if operand.node is not None]
    for text in dict.fromkeys(text for node in nodes for text in spoken(node, scope, scene.expression)):
        had = scene.shapes.get(text, ())
        if not had or had[-1][0] != scope[text].shape:
            continue
        seen = {had[-1][0]}
        for (shape, since), (after, line) in reversed(list(itertools.pairwise(had))):
            if shape not in seen:
                seen.add(shape)
                yield Departure(0, "changed", scene.filename, line, scene.function, "", (shape,), after, (text,), since)


def _twin(again: Scene, departure: Departure) -> Departure | None:
    had = again.shapes.get(departure.about[0], ())
    for (shape, since), (after, line) in reversed(list(itertools.pairwise(had))):
        if (since, line) == (departure.since, departure.line):
            return Departure(
                0, "changed", departure.filename, line, departure.function, "", (shape,), after, departure.about, since
            )
    return None


def _by_element(scene: Scene, text: str, shape: tuple[int, ...]) -> bool:
    """Whether the shape is that of the other operand of a sum or a product element by element."""
    if scene.operation not in ("add", "subtract", "multiply", "divide") or len(scene.operands) != 2:
        return False
    one, two = scene.operands
    return (one.text == text and shape == two.shape) or (two.text == text and shape == one.shape)
