"""A mistaken line-up in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oracle.alignment.judging import Found, Judge
from oracle.alignment.place import operand_texts, place, source_line
from oracle.alignment.record import Event
from oracle.mismatch.axes import Names, in_brackets, shown


@dataclass(frozen=True)
class Misaligned:
    """An operation that lines up axes of different meaning.

    place      "my_rnn.py:88 in backward"
    line       the number of the line
    source     the line
    operands   (text in the source, shape, axes by name) each
    says       what is lined up, in words
    forward    in the forward pass, where it is a mistake only if a gradient is wrong
    """

    place: str
    line: int
    source: str
    operands: tuple[tuple[str, tuple[int, ...], tuple[str, ...]], ...]
    says: tuple[str, ...]
    forward: bool = False

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        lines = [self.place, f"    {self.source}"]
        width = max((len(text) for text, _, _ in self.operands), default=0)
        shape_width = max((len(_number(shape)) for _, shape, _ in self.operands), default=0)
        for text, shape, axes in self.operands:
            lines.append(f"        {text:{width}}  {_number(shape):{shape_width}}  {shown(axes, shape)}".rstrip())
        return lines + [f"    {line}" for line in self.says]


def _number(shape: tuple[int, ...]) -> str:
    return str(shape) if shape else "a number"


@dataclass(frozen=True)
class Speaker:
    """Tells of what was found in a run; again: the same run at other sizes, or None."""

    judge: Judge
    again: Judge | None
    names: Names

    def told(self, found: Found, twin: Found | None) -> Misaligned:
        event = found.event
        texts = operand_texts(event)
        operands = tuple(
            (text or f"operand {k + 1}", shape, self._axes(event, k, twin))
            for k, (text, shape) in enumerate(zip(texts, event.shapes))
        )
        forward = event.serial in self.judge.forward
        says = getattr(self, f"_{found.kind}")(found, twin, operands)
        return Misaligned(place(event), event.line, source_line(event), operands, tuple(says), forward)

    def _axes(self, event: Event, operand: int, twin: Found | None) -> tuple[str, ...]:
        others = ()
        if twin is not None and operand < len(twin.event.shapes):
            others = twin.event.shapes[operand]
        labels, shape = event.labels[operand], event.shapes[operand]
        same = len(others) == len(shape)
        return tuple(
            self.name(label, size, others[axis] if same else None)
            for axis, (label, size) in enumerate(zip(labels, shape))
        )

    def name(self, label: int, size: int, other: int | None = None) -> str:
        """What an axis is called; other: its size in the other run."""
        if (declared := self._declared.get(self.judge.classes.of(label))) and declared[1] == size:
            return declared[0]
        called = self.names.of_size(size, *([] if other is None or len(self.names.sizes) < 2 else [other]))
        if size == 1 or (len(called) == 1 and not called[0].isdecimal() and called[0] != "time"):
            return " or ".join(called)
        stepped = self._stepped
        if self.judge.classes.of(label) in stepped and (called[0].isdecimal() or "time" in called):
            return "time"
        if any(self.judge.classes.apart(label, one) for one in stepped):  # the user has made them one size
            return "batch" if called[0].isdecimal() or called[0] in ("time", "batch") else " or ".join(called)
        return " or ".join(called)

    @property
    def _declared(self) -> Mapping[int, tuple[str, int]]:
        judge = self.judge
        return {
            judge.classes.of(label): (text, judge.record.labels[label].size)
            for name, labels in judge.axes.items()
            if name in judge.shapes
            for label, text in zip(labels, judge.shapes[name].axes)
            if not text.isdecimal()
        }

    @property
    def _stepped(self) -> set[int]:
        """Axes that are gone through one by one: time."""
        judge = self.judge
        end = max(judge.loss_depends_on)
        at: dict[int, set[int]] = {}
        for label, number, event in judge.record.steps:
            if event <= end:
                at.setdefault(judge.classes.of(label), set()).add(number)
        return {one for one, numbers in at.items() if len(numbers) > 1}

    def _pair(self, found: Found, twin: Found | None) -> tuple[str, str]:
        every = self.judge.record.labels
        others: tuple[int | None, ...] = (None, None)
        if twin is not None and len(twin.about) == 2 and self.again is not None:
            others = tuple(twin.size or self.again.record.labels[label].size for label in twin.about)
        return tuple(
            f"{self.name(label, found.size or every[label].size, other)}{self._origin(label)}"
            for label, other in zip(found.about, others)
        )

    def _origin(self, label: int) -> str:
        known = self.judge.record.labels[label]
        return f" (axis {known.axis} of {known.parameter})" if known.parameter else ""

    def _apart(self, found: Found, twin: Found | None, operands: tuple) -> list[str]:
        first, second = self._pair(found, twin)
        what = "summed over together" if found.event.contracted else "lined up"
        return [
            f"{first} and {second} are {what}: both have size {found.size} here, and that is all they share",
            "in the forward pass they are two axes of one array",
        ]

    def _stretched(self, found: Found, twin: Found | None, operands: tuple) -> list[str]:
        low = 0 if len(found.event.shapes[0]) == 1 else 1
        size = found.event.shapes[low][0]
        low_text, high_text = operands[low][0], operands[1 - low][0]
        name = operands[1 - low][2][0]
        return [
            f"both are stretched, to {found.event.shape}, a shape that neither has: every {name} against every other",
            f"{low_text} {(size,)} is laid along the last axis of {high_text} {(size, 1)}: give both one shape",
        ]

    def _role(self, found: Found, twin: Found | None, operands: tuple) -> list[str]:
        name, axis = found.parameter, found.axis
        return [
            f"hidden(t-1) against hidden(t): the forward pass sums over axis {axis} of {name}, with the state that "
            "goes in",
            f"a gradient comes back through the other axis: {name} transposed against what it is here",
        ]

    def _transposed(self, found: Found, twin: Found | None, operands: tuple) -> list[str]:
        name, axis = found.parameter, found.axis
        return [
            f"the gradient of {name} is transposed: hidden(t) stands on its axis {axis} and hidden(t-1) on the other",
            f"the forward pass sums over axis {axis} of {name}: it is the state's, and the other the gradient's",
        ]

    def _scalar(self, found: Found, twin: Found | None, operands: tuple) -> list[str]:
        axes = self.judge.axes[found.parameter]
        sizes = [self.judge.record.labels[label].size for label in axes]
        names = self._declared_axes(found.parameter)
        event = found.event
        over = [(0, axis) for axis in event.reduced] or [(k, axis) for k, axis, _, _ in event.contracted]
        summed = [operands[k][2][axis] for k, axis in over if event.shapes[k][axis] > 1]
        done = "returned for" if found.kind == "number" else "added to every element of"
        return [
            f"summed over {' and '.join(summed)}: the one number is {done} the gradient of "
            f"{found.parameter} {in_brackets(names)}",
            f"the {'sum' if event.reduced else 'product'} should leave "
            f"{' and '.join(name for name, size in zip(names, sizes) if size > 1)}",
        ]

    _number = _scalar

    def _left(self, found: Found, twin: Found | None, operands: tuple) -> list[str]:
        names = self._declared_axes(found.parameter)
        left, _ = self._pair(found, twin)
        return [f"this leaves {left}, but is returned as the gradient of {found.parameter} {in_brackets(names)}"]

    def _declared_axes(self, parameter: str) -> tuple[str, ...]:
        """As declared, numbers too, which would else be named by the sizes that they happen to equal."""
        if parameter in self.judge.shapes:
            return self.judge.shapes[parameter].axes
        labels = self.judge.axes[parameter]
        return tuple(self.name(label, self.judge.record.labels[label].size) for label in labels)

    def _single(self, found: Found, twin: Found | None, operands: tuple) -> list[str]:
        return [
            "an outer product by broadcasting over an axis of size 1 that is summed over elsewhere",
            "right only while this axis has length 1: @ sums over it at any length",
        ]
