"""Which recorded values are right, and which one is the first that is not.

right     it is a true adjoint, or a part of one
neutral   it is made of values of the forward pass and constants only
transit   it is no adjoint, but something right was made of it: so it is not wrong
wrong     none of these
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

import numpy as np

from oracle.annotation.events import Event, Recorded
from oracle.annotation.matching import CLOSE, Matcher, sums_of_uses, without_negatives
from oracle.annotation.recording import INCREMENT
from oracle.annotation.steps import Steps
from oracle.annotation.truths import NODE, Truth, Truths

NARROW = 1e-5  # how close float32 comes
RIGHT, NEUTRAL, TRANSIT, WRONG = "right", "neutral", "transit", "wrong"


class Classified:
    """The events of a run with what is right about each.

    labels    by event: the indices of the truths that it is, and whether it has its axes in another order
    status    by event
    wrong     the parameters whose gradients are wrong
    """

    def __init__(self, run: Recorded, truths: Truths, factor: float) -> None:
        self.run, self.truths = run, truths
        narrow = any(one.value.dtype == np.float32 for one in run.events)
        self.close = NARROW if narrow else CLOSE
        self.wrong = tuple(name for name in truths.gradients if not self._is_right(name))
        self._use = self._useful()
        self._forward = {self.known(one.value) for one in truths.every if one.value.size}
        self.matcher = Matcher([truth.adjoint for truth in self._use], self.close)
        self.factor = factor
        nodes = [one for one in self._use if one.kind == NODE and one.value.size]
        self._made_first = {self.known(one.value): one for one in reversed(nodes)}
        self._only_for: dict[str, set[Event]] = {}
        self.labels: dict[Event, list[tuple[Truth, bool]]] = {one: self._labels_of(one) for one in run.events}
        first = {one.site.number: one.serial for one in reversed(run.events) if one.place in truths.forward}
        self._forward_until = max(first.values(), default=0)
        self._forward_from = min(first.values(), default=0)
        self.steps = Steps(truths.every, self.known)
        self._made_of_adjoints()
        self._consumers()
        self._lead_to_something_right()
        self.reaching = self._made_from(self.wrong)
        self.proven = self._made_from(set(truths.gradients) - set(self.wrong))
        self.status = {one: self._status_of(one) for one in run.events}

    def _is_right(self, name: str) -> bool:
        gradient, right = self.run.returned.gradients.get(name), self.truths.gradients[name]
        if gradient is None or np.shape(gradient) != right.shape or not np.all(np.isfinite(gradient)):
            return False
        return float(np.abs(gradient - right).max()) <= max(self.close, 1e-8) * float(np.abs(right).max(initial=0))

    def _useful(self) -> list[Truth]:
        """Without those that say nothing: if the loss is sum(h * d), dL/dd is h, and that of the loss is 1."""
        known = {self.known(one.value) for one in self.truths.every if one.value.size}
        signed = [one for one in without_negatives(self.truths.every) if one.adjoint.size > 1 or abs(one.adjoint) != 1]
        whole = [one for one in signed if one.depends or self.known(one.adjoint) not in known]
        return [*whole, *sums_of_uses(self.truths.every)]

    @staticmethod
    def known(array: np.ndarray) -> tuple[int, str]:
        flat = array.ravel()
        return array.size, f"{np.abs(flat).sum():.9g} {flat[0]:.9g} {flat[-1]:.9g}"

    def _labels_of(self, event: Event) -> list[tuple[Truth, bool]]:
        if not event.value.any():
            return []
        for factor in (1.0, self.factor):
            found = self.matcher.find_all(event.value.size, event.number / factor)
            if found:
                return [(self._use[which], turned) for which, turned in found]
        return []

    def is_forward(self, event: Event) -> bool:
        if event.place in self.truths.forward:
            return True
        before = event.serial < self._forward_until and not self.labels[event]
        return before and self.known(event.value) in self._forward

    def made_of(self, place: tuple[str, int]) -> set[tuple[str, int]]:
        """The lines, as (file name, line), that compute something from what is computed there; it is one of them."""
        found: set[Event] = set()
        for event in self.run.events:  # what an event is made of comes before it
            if event.place == place or any(one in found for one in (*event.parts, *event.sources)):
                found.add(event)
        return {event.place for event in found}

    def of_known_origin(self) -> set[tuple[str, int]]:
        """The lines, as (file name, line), all of whose values come from the forward pass and constants alone."""
        known: set[Event] = set()
        for event in self.run.events:
            if event.site.kind == INCREMENT and not isinstance(event.site.operator, (ast.Add, ast.Sub)):
                continue  # dh *= z: what it makes is not what is recorded
            if self.is_forward(event) or self.known(event.value) in self._forward or not event.value.any():
                known.add(event)
            elif event.is_load and not (event.sources and event.exact):
                continue  # of what was written into it through other names nothing is known
            elif all(one in known for one in event.operands):
                known.add(event)
        unknown = {one.place for one in self.run.events if one not in known and not one.is_inside_load}
        return {event.place for event in self.run.events} - unknown

    def _made_of_adjoints(self) -> None:
        self.tainted: set[Event] = set()
        for event in self.run.events:
            if self.is_forward(event):
                continue
            if self.labels[event] or any(one in self.tainted for one in (*event.parts, *event.sources)):
                self.tainted.add(event)
        for event in self.run.events:  # an adjoint that the forward pass has made already, such as the error
            if self.labels[event]:
                self.tainted.add(event)

    def _consumers(self) -> None:
        self.consumers: dict[Event, list[Event]] = {}
        for event in self.run.events:
            through = event.sources if event.exact else event.parts
            if event.exact and isinstance(event.site.node, ast.Attribute) and event.site.node.attr == "T":
                through = [*through, *event.parts]  # of one row or column: the same numbers as what is transposed
            for one in through:
                self.consumers.setdefault(one, []).append(event)

    def _lead_to_something_right(self) -> None:
        right = {id(event) for name, sources in self.run.sources.items() if name not in self.wrong for event in sources}
        self.leads: set[Event] = set()
        for event in reversed(self.run.events):
            if id(event) in right or any(
                (one in self.leads or self.labels[one]) and one.value.any() for one in self.consumers.get(event, ())
            ):
                self.leads.add(event)

    def _made_from(self, names: Iterable[str]) -> set[Event]:
        """All that these gradients are made from."""
        found: set[Event] = set()
        waiting = [event for name in names for event in self.run.sources.get(name, ())]
        while waiting:
            event = waiting.pop()
            if event not in found:
                found.add(event)
                waiting += [*event.parts, *event.sources]
        return found

    def _status_of(self, event: Event) -> str:
        if self.labels[event]:
            return RIGHT
        if event not in self.tainted or not event.value.any() or self.is_forward(event):
            return NEUTRAL
        if event.is_load and event.exact and len(event.sources) > 1:
            if all(self.labels[one] or not one.value.any() for one in event.sources):
                return TRANSIT  # a sum that is not complete yet
        dead = not self.wrong or (self.reaching and event not in self.reaching)  # nothing wrong is made of it
        return TRANSIT if dead or event in self.leads else WRONG
