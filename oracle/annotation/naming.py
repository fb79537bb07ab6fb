"""Adjoints in words, with the user's own names for the values of the forward pass."""

from __future__ import annotations

import ast
import re

from oracle.annotation.classification import Classified
from oracle.annotation.recording import PART
from oracle.annotation.truths import BLOCK, CONTRIBUTION, EDGE, NODE, PATHS, SLICE, STACK, SUM, WHOLE, Truth

LONGEST = 40  # of an expression that stands for a name
READ, COMPUTED, ASSIGNED = range(3)  # where a name comes from, the best last
FIRST = {WHOLE: 0, CONTRIBUTION: 1, NODE: 2, EDGE: 3, SLICE: 4, STACK: 5, SUM: 6, PATHS: 7, BLOCK: 8}
"""Which of the truths that a value is to name: the smaller number."""


class Names:
    """What adjoints are called, and at which step each is."""

    def __init__(self, classified: Classified) -> None:
        self.classified = classified
        truths = classified.truths
        self._named: dict[tuple[int, str], tuple[int, str]] = {}
        for event in classified.run.events:
            if not classified.is_forward(event):
                continue
            computed = not event.is_load or isinstance(event.site.node, ast.Call)
            is_assigned = event.site.kind != PART and event.site.target != "return" and computed
            text = event.site.target if is_assigned else ast.unparse(event.site.node)
            if is_assigned and isinstance(event.site.statement, ast.Expr):  # appended
                text += "[...]"
            known = classified.known(event.value)
            rank = ASSIGNED if is_assigned else READ if event.is_load else COMPUTED
            if known not in self._named or rank > self._named[known][0]:
                self._named[known] = rank, text
        places: dict[tuple, list[int]] = {}
        for one in truths.every:
            places.setdefault(_place(one), []).append(one.order)
        self._orders = {place: sorted(set(orders)) for place, orders in places.items()}

    def of_value(self, truth: Truth) -> str:
        if truth.parameter:
            return truth.parameter
        _, text = self._named.get(self.classified.known(truth.value), (READ, "")) if truth.value.size else (READ, "")
        if text and len(text) <= LONGEST:
            return text if re.fullmatch(r"[\w.]+(\[[^\[\]]*\])*", text) else f"({text})"
        return f"the value of line {truth.line}"

    def has_name(self, truth: Truth) -> bool:
        """Whether the user has a name for its value."""
        if truth.parameter or not truth.value.size:
            return bool(truth.parameter)
        return self._named.get(self.classified.known(truth.value), (READ, ""))[0] == ASSIGNED

    def words(self, truth: Truth) -> str:
        """'dL/d hs[t]', 'the part of dL/d hs[t] from line 29', 'what W_hh gets from one step'."""
        value = self.of_value(truth)
        match truth.kind:  # as they are called in oracle.annotation.truths
            case "gradient":
                return f"dL/d {value}, the whole gradient"
            case "contribution":
                several = len(self._orders[_place(truth)]) > 1 or truth.index is not None
                return f"what {value} gets from one step" if several else f"what {value} gets"
            case "use":
                return f"the part of dL/d {value} that comes from line {truth.line}"
            case "paths":
                return f"a part of dL/d {value}, from several paths"
            case "slice":
                return f"dL/d {value}, one step of it"
            case "block":
                return f"dL/d {value}, some of its gates"
            case "stack":
                return f"dL/d {value}, all steps"
            case "sum":
                return f"dL/d {value}, summed"
        return f"dL/d {value}"

    def step(self, truth: Truth) -> int | None:
        """At which step it is, counted from 0 in the order of the forward pass; None where that cannot be told."""
        if truth.index is not None:
            return truth.index[1]
        orders, count = self._orders[_place(truth)], self.classified.steps.count
        return orders.index(truth.order) if len(orders) > 1 and count in (0, len(orders)) else None


def _place(truth: Truth) -> tuple:
    where = truth.filename, truth.line, truth.instruction, truth.operation, truth.caller
    kind = EDGE if truth.kind == PATHS else truth.kind  # at the first of its paths
    return kind, truth.parameter, *where, truth.index
