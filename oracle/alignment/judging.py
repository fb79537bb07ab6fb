"""Which line-ups of the backward pass are mistaken, told from what the forward pass lined up.

The forward pass is what the loss depends on, and what computes the same values again. It defines what the axes mean:
all that it lines up is one. The backward pass follows in order; an axis in it may join any other that it was not told
apart from in the forward pass.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from oracle.alignment.labels import Classes
from oracle.alignment.named import NAMED, Named, last_of
from oracle.alignment.record import Event, Record, Tag
from oracle.alignment.rules.noting import ADDITIVE, BOUNDS, SCALES, SUMS
from oracle.shapes import Shape

SAME = 1e-9
STRETCHING = {"add", "subtract", "divide", "maximum", "minimum", "multiply"}


@dataclass(frozen=True)
class Found:
    """A mistaken operation.

    kind        "stretched": both operands became a shape that neither has; "apart": two axes that differ;
                "role": a parameter summed over as in the forward pass; "transposed": a weight's gradient the wrong way;
                "scalar": a sum over everything in a gradient; "left": a gradient with an axis that is not its
                parameter's; "number": one number returned for several elements; "single": right only while an axis has
                size 1
    event       the operation
    about       labels of the two axes, for "apart" and "left"
    parameter   whose gradient, or which is summed over
    axis        of the parameter that the forward pass sums over
    size        of the axes, for "apart"
    """

    kind: str
    event: Event
    about: tuple[int, ...] = ()
    parameter: str = ""
    axis: int = 0
    size: int = 0


@dataclass
class Judge:
    """One run, judged.

    shapes      of the parameters as declared
    axes        of the parameters: the labels that they were given
    loss        what the function returned
    gradients   likewise
    """

    record: Record
    shapes: Mapping[str, Shape]
    axes: Mapping[str, tuple[int, ...]]
    loss: object
    gradients: Mapping[str, object]
    found: list[Found] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        return self.record.events

    def verdict(self) -> list[Found]:
        if not self.forward:
            return []
        for event in self.judged:
            self._stretched(event)
        self._line_ups()
        for name, gradient in self.gradients.items():
            if name in self.axes and isinstance(gradient, Named):
                self._returned(name, gradient)
            if name in self.axes and isinstance(gradient, NAMED):
                self._number(name, gradient)
        self._roles()
        self._single()
        return self.found

    # the forward pass

    @cached_property
    def loss_depends_on(self) -> set[int]:
        ends = [last_of(one) for one in _leaves(self.loss)]
        if not any(end >= 0 for end in ends):  # a plain number: one of those that became one, or was read out
            scalars = [one.serial for one in self.events if one.kind == "getitem" and one.shape == ()]
            ends = [*self.record.floats, *scalars]
        return self._ancestors(ends)

    @cached_property
    def judged(self) -> list[Event]:
        """The events of the forward pass and those that a gradient depends on: not what is printed or sampled after."""
        if not self._ends:
            return self.events
        kept = self._ancestors(self._ends) | self.forward
        return [event for event in self.events if event.serial in kept]

    @cached_property
    def _ends(self) -> list[int]:
        """The last event of every gradient; none where one is a plain array, for what it depends on is not known."""
        ends = [last_of(one) for one in self.gradients.values()]
        return ends if ends and min(ends) >= 0 else []

    @cached_property
    def _array_by_array(self) -> set[int]:
        """Those on which gradients depend otherwise than by one number: so goes one direction after the other."""
        return self._ancestors(self._ends, through_numbers=False) if self._ends else {one.serial for one in self.events}

    @cached_property
    def forward(self) -> set[int]:
        """The events of the forward pass."""
        if not self.loss_depends_on:
            return set()
        known: dict[tuple[int, ...], list[float]] = {}
        for event in self.events:
            if event.serial in self.loss_depends_on:
                for shape, number in zip((*event.shapes, event.shape), event.prints):
                    if number:
                        insort(known.setdefault(shape, []), number)
        self._known = known
        found = set(self.loss_depends_on)
        for event in self.events:
            if event.serial in found:
                continue
            again = self._is_known(event.shape, event.prints[-1]) and event.kind not in ("setitem", "stored")
            again = again and not (event.contracted and _gives_back(event))
            if again or (event.moves and event.inputs and all(one in found for one in event.inputs)):
                found.add(event.serial)
        return found

    def _is_known(self, shape: tuple[int, ...], number: float) -> bool:
        values = self._known.get(shape, [])
        at = bisect_left(values, number - SAME * abs(number))
        return bool(number) and at < len(values) and values[at] <= number + SAME * abs(number)

    def _ancestors(self, serials: list[int], through_numbers: bool = True) -> set[int]:
        """The events that these depend on; through_numbers: also by way of a sum over an array that is one number."""

        def goes_on(event: Event) -> bool:
            return through_numbers or event.shape != () or not (event.contracted or event.reduced)

        return {serial for serial, _ in self._back(serials, goes_on)}

    def _back(self, serials: Iterable[int], goes_on: Callable[[Event], bool]) -> Iterator[tuple[int, Event]]:
        """These events and those that they were made from, each once, through those that `goes_on` lets through."""
        seen, waiting = set(), list(serials)
        while waiting:
            serial = waiting.pop()
            if serial < 0 or serial in seen:
                continue
            seen.add(serial)
            event = self.events[serial]
            yield serial, event
            if goes_on(event):
                waiting += event.inputs

    # axes told apart

    @cached_property
    def classes(self) -> Classes:
        """As the forward pass leaves them."""
        classes = Classes(self.record.labels)
        by_text: dict[str, int] = {}
        for name, labels in self.axes.items():
            texts = self.shapes[name].axes if name in self.shapes else ()
            for label, text in zip(labels, texts):
                if not text.isdecimal():
                    classes.unite(by_text.setdefault(text, label), label)
            if name not in self.shapes and self._is_square(name):  # it takes states to states, as far as is known
                classes.unite(*labels[-2:])
        forward = [event for event in self.events if event.serial in self.forward]
        for event in forward:
            for k, axis, m, other in event.lined:
                first, second = event.labels[k][axis], event.labels[m][other]
                if event.shapes[k][axis] > 1 or (self._plain_one(first) and self._plain_one(second)):
                    classes.unite(first, second)
        arrays = [(axes, of) for event in forward for axes, of in zip((*event.labels, event.result), (*event.of, None))]
        classes.settle([axes for axes, _ in arrays], [axes for axes, of in arrays if of is None])
        for name, labels in self.axes.items():
            if name not in self.shapes and self._is_square(name) and name not in self.forward_roles:
                classes.doubt(labels[-1])
        return classes

    def _plain_one(self, label: int) -> bool:
        """An axis of size 1 that was neither put in nor is a parameter's."""
        return not self.record.labels[label].meant and self.record.labels[label].parameter is None

    def _line_ups(self) -> None:
        told: set[int] = set()  # what depends on a mistaken line-up: the axes are wrong there, too, and it is no news
        for event in self.judged:
            if event.serial in self.forward:
                continue
            if any(one in told for one in event.inputs):
                told.add(event.serial)
                continue
            pairs = [
                (event.labels[k][axis], event.labels[m][other], event.shapes[k][axis])
                for k, axis, m, other in event.lined
            ]
            mistaken = [(*differ, size) for one, other, size in pairs
                        if size > 1 and (differ := self.classes.apart(one, other))]  # fmt: skip
            if mistaken:
                one, other, size = mistaken[0]
                self.found.append(Found("apart", event, (one, other), size=size))
                told.add(event.serial)
                continue
            for one, other, size in pairs:
                if size > 1 or (self._plain_one(one) and self._plain_one(other)):
                    self.classes.unite(one, other)

    # both operands stretched

    def _stretched(self, event: Event) -> None:
        if (pair := _laid_across(event)) is None:
            return
        k, m = pair
        forward = event.serial in self.forward
        if self.record.labels[event.labels[m][1]].meant or _same_numbers(event.prints[k], event.prints[m]):
            return  # every one of them against every other
        if event.kind == "multiply":
            if forward or self._is_outer(event) or not self._goes_on(event):
                return
        elif not forward and self._of_classes(event, pair) in self._stretched_forward:
            return
        self.found.append(Found("stretched", event))

    @cached_property
    def _stretched_forward(self) -> set[frozenset[int]]:
        """The axes that the forward pass itself lays across one another."""
        found = ((event, _laid_across(event)) for event in self.events if event.serial in self.forward)
        return {self._of_classes(event, pair) for event, pair in found if pair}

    def _of_classes(self, event: Event, pair: tuple[int, int]) -> frozenset[int]:
        return frozenset(self.classes.of(event.labels[k][0]) for k in pair)

    def _is_outer(self, event: Event) -> bool:
        """Whether a factor is what the forward pass sums over in a product: its gradient is an outer product."""
        return any(
            any(_same_numbers(number, other) for other, _ in self._factors) or self._moved_from(maker) & self._sources
            for number, maker in zip(event.prints, event.makers)
        )

    @cached_property
    def _factors(self) -> list[tuple[float, int]]:
        """What the forward pass sums over in products, the weights aside: the number and the maker of each."""
        return [
            (number, maker)
            for event in self.events
            if event.serial in self.forward and event.contracted
            for number, maker, of in zip(event.prints, event.makers, event.of)
            if of is None or all(event.of)  # a first state that is a parameter, times a weight
        ]

    @cached_property
    def _sources(self) -> set[int]:
        """The events that they are made of, by moving alone."""
        return set().union(*(self._moved_from(maker) for _, maker in self._factors))

    def _moved_from(self, serial: int) -> set[int]:
        """The events from which an array comes by indices, copies and factors that are numbers."""

        def goes_on(event: Event) -> bool:
            arrays = sum(math.prod(shape) > 1 for shape in event.shapes)
            return event.moves or (event.kind in SCALES | {"negative"} and arrays == 1)

        return {number for number, _ in self._back([serial], goes_on)}

    def _goes_on(self, event: Event) -> bool:
        """Whether a product of a column and a vector is carried back by a parameter: then it is no outer product."""
        reached = {event.serial}
        for one in self.events[event.serial + 1 :]:
            if any(serial in reached for serial in one.inputs):
                if one.contracted:
                    if any(one.of):
                        return True
                elif one.moves or one.kind in ADDITIVE | BOUNDS | SCALES:
                    reached.add(one.serial)
        return False

    # what is returned

    def _returned(self, name: str, gradient: Named) -> None:
        labels = self.record.labels
        wanted, given = self.axes[name], gradient.labels or ()
        if len(given) != gradient.ndim:
            return
        if gradient.shape == tuple(labels[label].size for label in wanted):
            pairs = [(one, other) for one, other in zip(given, wanted) if labels[other].size > 1]
            odd = next((differ for one, other in pairs if (differ := self.classes.apart(one, other))), None)
        else:
            long = [label for label in wanted if labels[label].size > 1]
            odd = next(
                (
                    (label, long[0])
                    for label, size in zip(given, gradient.shape)
                    if size > 1 and long and all(self.classes.apart(label, other) for other in long)
                ),
                None,
            )
        makers = list(self._added_up(last_of(gradient)))
        if odd and not any(one.kind == "apart" for one in self.found):
            self.found.append(Found("left", self._maker(makers), odd, name))
        self._scalar(name, makers)
        if gradient.tags and len(gradient.tags) == 2 == len(wanted):
            self._transposed(name, gradient.tags)

    def _added_up(self, serial: int) -> Iterator[Event]:
        """The events whose results are added up in an array, the last first."""

        def goes_on(event: Event) -> bool:
            arrays = sum(math.prod(shape) > 1 for shape in event.shapes)
            added = event.moves or event.kind in ADDITIVE or (event.kind in SCALES | BOUNDS and arrays < 2)
            return added and not event.reduced

        return (event for _, event in self._back([serial], goes_on))

    def _number(self, name: str, gradient: object) -> None:
        """One number that is returned for several elements."""
        if np.size(gradient) == 1 and math.prod(self.record.labels[label].size for label in self.axes[name]) > 1:
            if (total := self._total(last_of(gradient))) is not None:
                self.found.append(Found("number", total, (), name))

    @staticmethod
    def _maker(events: list[Event]) -> Event:
        """The event that made what is added up: a sum, a product."""
        return next((one for one in events if one.reduced or one.contracted), events[0])

    def _scalar(self, name: str, events: list[Event]) -> None:
        """A sum over everything that is added to every element of a gradient."""
        if self._is_summed(name) or self._spreads_a_sum:
            return
        for event in events:
            if event.kind not in (*ADDITIVE, "setitem", "stored") or event.serial in self.forward:
                continue
            for k, shape in enumerate(event.shapes):
                target = event.shapes[0] if event.kind in ("setitem", "stored") else event.shape
                if math.prod(shape) != 1 or math.prod(target) < 2 or (k == 0 and event.kind in ("setitem", "stored")):
                    continue
                total = self._total(event.makers[k])
                if total is None and len(shape) == 2 == len(self.axes[name]) and event.kind == "add":
                    total = self._product(event.makers[k])
                if total is not None:
                    self.found.append(Found("scalar", total, (), name))
                    return

    def _total(self, maker: int) -> Event | None:
        """The sum that a number comes from, of a value that is none of the forward pass."""
        for one in self._added_up(maker):
            if (one.kind in SUMS or one.kind == "einsum") and one.reduced and one.serial not in self.forward:
                if any(one.shapes[0][axis] > 1 for axis in one.reduced):
                    return one
        return None

    def _product(self, maker: int) -> Event | None:
        """The product that a matrix of one element comes from, of a state and a gradient."""
        if maker < 0 or maker in self.forward:
            return None
        event = self.events[maker]
        long = any(event.shapes[k][axis] > 1 for k, axis, _, _ in event.contracted)
        if not long or any(event.of) or len(event.shapes) != 2:
            return None
        states = [self._is_state(event, k) for k in (0, 1)]
        return event if sorted(states) == [False, True] else None

    def _is_summed(self, name: str) -> bool:
        """Whether the forward pass takes a sum, a mean or a maximum of the parameter itself."""
        return any(one.reduced and name in one.of for one in self.events if one.serial in self.forward)

    @cached_property
    def _spreads_a_sum(self) -> bool:
        """Whether the forward pass takes a mean or the like from all of an array: so does its derivative."""
        for event in self.events:
            if event.serial in self.forward and not event.moves and math.prod(event.shape) > 1:
                numbers = [maker for maker, shape in zip(event.makers, event.shapes) if math.prod(shape) == 1]
                if any(self._is_total(maker) for maker in numbers):
                    return True
        return False

    def _is_total(self, serial: int) -> bool:
        """Whether a number comes from a sum over an array."""

        def is_number(event: Event) -> bool:
            return math.prod(event.shape) == 1

        return any(
            is_number(event)
            and (event.reduced or event.contracted)
            and any(math.prod(shape) > 1 for shape in event.shapes)
            for _, event in self._back([serial], is_number)
        )

    # hidden of this step and of the one before

    @cached_property
    def forward_roles(self) -> dict[str, set[int]]:
        """Which axes of each parameter the forward pass sums over."""
        found: dict[str, set[int]] = {}
        for event in self.events:
            if event.serial in self.forward:
                for use in _uses(event, self.record):
                    found.setdefault(use.parameter, set()).add(use.axis)
        return found

    @cached_property
    def _last_use(self) -> dict[str, int]:
        return {
            use.parameter: event.serial
            for event in self.events
            if event.serial in self.loss_depends_on
            for use in _uses(event, self.record)
        }

    @cached_property
    def _after_last_use(self) -> dict[str, set[int]]:
        """For each parameter, the events that depend on the forward pass from its last use on."""
        found = {}
        for name, start in self._last_use.items():
            reached = {start}
            for event in self.events[start + 1 :]:
                if any(one in reached for one in self._sources_of(event)):
                    reached.add(event.serial)
            found[name] = reached
        return found

    def _sources_of(self, event: Event) -> tuple[int, ...]:
        """What an event depends on: of what is read from a buffer of many steps, the step."""
        if event.moves and event.kind == "getitem":
            first = self._computed_first.get((event.shape, event.prints[-1]))
            if first is not None and first < event.serial:
                return (first,)
        return event.inputs

    @cached_property
    def _computed_first(self) -> dict[tuple[tuple[int, ...], float], int]:
        """The event that computed a value of the forward pass."""
        found: dict[tuple[tuple[int, ...], float], int] = {}
        for event in self.events:
            if event.serial in self.forward and not event.moves and event.prints[-1]:
                found.setdefault((event.shape, event.prints[-1]), event.serial)
        return found

    @cached_property
    def _shapes_of_states(self) -> dict[str, set[tuple[int, ...]]]:
        """The shapes of what the forward pass multiplies each parameter by."""
        found: dict[str, set[tuple[int, ...]]] = {}
        for event in self.events:
            if event.serial in self.forward:
                for use in _uses(event, self.record):
                    found.setdefault(use.parameter, set()).add(event.shapes[use.against])
        return found

    def _is_state(self, event: Event, operand: int) -> bool:
        """Whether an operand is a value of the forward pass."""
        return event.makers[operand] in self.forward or self._is_known(event.shapes[operand], event.prints[operand])

    def _is_gradient(self, event: Event, operand: int, name: str) -> bool:
        """Whether an operand comes after the last use of the parameter and is no value of the forward pass."""
        return not self._is_state(event, operand) and event.makers[operand] in self._after_last_use.get(name, ())

    def _is_square(self, name: str) -> bool:
        labels = self.axes[name]
        sizes = {self.record.labels[label].size for label in labels[-2:]}
        return len(labels) > 1 and len(sizes) == 1 and sizes != {1}

    def _roles(self) -> None:
        """A parameter, or a gate of it, that all gradients go through along the axis of the states."""
        backward: dict[frozenset[int], list[Use]] = {}
        for event in self.judged:
            if event.serial not in self.forward:
                for use in _uses(event, self.record):
                    backward.setdefault(use.part, []).append(use)
        told = set()
        for uses in backward.values():
            name = uses[0].parameter
            axes = self.forward_roles.get(name, set())
            if name in told or len(axes) != 1 or any(use.axis not in axes for use in uses):
                continue
            for use in uses:
                shape = use.event.shapes[use.against]
                known = {shape, shape[::-1]} & self._shapes_of_states[name]  # row and column may be mixed
                if not known or use.event.serial not in self._array_by_array:
                    continue  # forward in time: sensitivities to all weights at once, or to one after the other
                if use.is_square and self._is_gradient(use.event, use.against, name):
                    self.found.append(Found("role", use.event, (), name, use.axis))
                    told.add(name)
                    break

    def _transposed(self, name: str, tags: tuple[Tag | None, ...]) -> None:
        summed = self.forward_roles.get(name, set())
        if len(summed) != 1 or not self._is_square(name) or None in tags:
            return
        (inner,) = summed
        (product, state), (other_product, gradient) = tags[1 - inner], tags[inner]
        if product != other_product or state == gradient:
            return
        event = self.events[product]
        if any(one.contracted and not any(one.of) for one in self._added_up(event.makers[gradient])):
            return  # a product already, of a gradient and a state
        if self._is_state(event, state) and self._is_gradient(event, gradient, name):
            self.found.append(Found("transposed", event, (), name, inner))

    # right at batch 1 only

    def _single(self) -> None:
        """An outer product over an axis of size 1 that is a sample's, for it is summed over elsewhere."""
        summed = {
            self.classes.of(event.labels[0][axis])
            for event in self.events
            for axis in event.reduced
            if event.kind in SUMS and len(event.reduced) < len(event.shapes[0]) and event.shapes[0][axis] == 1
            and self._plain_one(event.labels[0][axis])
        }  # fmt: skip
        for event in self.judged:
            if event.serial in self.forward or event.kind != "multiply" or event.shape in event.shapes:
                continue
            ones = [
                self.classes.of(label)
                for labels, shape in zip(event.labels, event.shapes)
                for label, size in zip(labels, shape)
                if size == 1 and self._plain_one(label)
            ]
            if len(ones) == 2 and ones[0] == ones[1] and ones[0] in summed:
                self.found.append(Found("single", event))


def _laid_across(event: Event) -> tuple[int, int] | None:
    """Of a vector and a column of one length that are broadcast to a matrix, which operand is which."""
    if event.kind not in STRETCHING or len(event.shapes) != 2 or event.shape in event.shapes:
        return None
    for k, m in ((0, 1), (1, 0)):
        low, high = event.shapes[k], event.shapes[m]
        if len(low) == 1 and len(high) == 2 and high == (low[0], 1) and low[0] > 1:
            return k, m
    return None


def _gives_back(event: Event) -> bool:
    """Whether a product is one of its operands, as that with the identity: it computes no value of the forward pass."""
    return any(
        shape == event.shape and _same_numbers(number, event.prints[-1])
        for shape, number in zip(event.shapes, event.prints)
    )


def _same_numbers(first: float, second: float) -> bool:
    return bool(first) and abs(first - second) <= SAME * abs(first)


@dataclass(frozen=True)
class Use:
    """A product with a parameter, or a part of one.

    part        the labels of the parameter's axes, which tell gates apart
    axis        that is summed over
    against     the other operand
    is_square   so that its transpose fits as well
    """

    event: Event
    parameter: str
    part: frozenset[int]
    axis: int
    against: int
    is_square: bool


def _uses(event: Event, record: Record) -> Iterator[Use]:
    for k, axis, m, other in event.contracted:
        for one, at, against in ((k, axis, m), (m, other, k)):
            label, shape = record.labels[event.labels[one][at]], event.shapes[one]
            if event.of[one] is not None and label.parameter == event.of[one]:
                square = len(shape) > 1 and shape[-1] == shape[-2] > 1
                yield Use(event, label.parameter, frozenset(event.labels[one]), label.axis, against, square)


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _leaves(one)
    else:
        yield value
