"""Which time steps a value belongs to, and which values stand beside which parameter in the forward pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from oracle.annotation.truths import CONTRIBUTION, EDGE, NODE, Truth

Known = Callable[[np.ndarray], object]


class Steps:
    """The steps of values and of adjoints: how often their operation had run before in the forward pass.

    known   what tells arrays apart
    count   how many there are; 0 where every parameter is used once
    """

    def __init__(self, every: Sequence[Truth], known: Known) -> None:
        self._known = known
        orders: dict[tuple, set[int]] = {}
        for one in every:
            if one.kind in (NODE, EDGE):
                orders.setdefault(_place(one), set()).add(one.order)
        counts = [
            len({one.order for one in every if one.kind == CONTRIBUTION and one.parameter == name})
            for name in {one.parameter for one in every if one.kind == CONTRIBUTION}
        ]
        steps = self.count = max(set(counts) - {1}, key=counts.count, default=0)
        self._orders = {place: sorted(found) for place, found in orders.items() if len(found) == steps}
        self._of_values: dict[object, set[int]] = {}
        used = {one.parameter: set() for one in every if one.kind == CONTRIBUTION}
        for one in every:
            if one.kind == CONTRIBUTION:
                used[one.parameter].add(one.order)
            elif one.kind in (NODE, EDGE) and (step := self.of_adjoint(one)) is not None and one.value.size:
                self._of_values.setdefault(known(one.value), set()).add(step)
        by_order: dict[int, list[Truth]] = {}
        for one in every:
            by_order.setdefault(one.order, []).append(one)
        self._partners = {
            name: {known(one.value) for order in found for one in by_order[order] if one.kind == EDGE}
            for name, found in used.items()
        }
        self._products = {
            name: {known(one.adjoint) for order in found for one in by_order[order] if one.kind == NODE}
            for name, found in used.items()
        }
        self._parameters = {known(one.value): one.parameter for one in every if one.parameter and one.value.size}

    def of_adjoint(self, truth: Truth) -> int | None:
        orders = self._orders.get(_place(truth), ())
        return orders.index(truth.order) if truth.order in orders else None

    def of_value(self, value: np.ndarray) -> Collection[int]:
        """Of the operation that made it and of those that used it; empty where it belongs to no step."""
        return self._of_values.get(self._known(value), ())

    def stands_beside(self, value: np.ndarray, parameter: str) -> bool:
        """Whether an operation takes it together with the parameter."""
        return self._known(value) in self._partners.get(parameter, ())

    def parameter(self, value: np.ndarray) -> str:
        """The name of the parameter that it is, transposed or not; else empty."""
        return self._parameters.get(self._known(value), "")

    def is_of_product_with(self, adjoint: np.ndarray, parameter: str) -> bool:
        """Whether it is the adjoint of the result of an operation on that parameter."""
        return self._known(adjoint) in self._products.get(parameter, ())


def _place(truth: Truth) -> tuple:
    return truth.kind, truth.filename, truth.line, truth.instruction, truth.operation, truth.caller
