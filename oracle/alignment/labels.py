"""Labels of axes: what each stands for, and which are one.

A label is a number. During the run every axis only carries its label; which labels mean the same is told afterwards
from what the forward pass lined up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """Where an axis comes from.

    size        of the axis
    parameter   whose axis it is, or None
    axis        of the parameter
    place       (file, line) at which the array was made, or None
    meant       an axis of size 1 that was put in on purpose: x[:, None], reshape, keepdims
    reduced     the event that summed the axis away to size 1, or None
    parts       of an axis into which several were merged, theirs
    """

    size: int
    parameter: str | None = None
    axis: int = 0
    place: tuple[str, int] | None = None
    meant: bool = False
    reduced: int | None = None
    parts: tuple[int, ...] = ()


class Labels:
    """All labels of one run."""

    def __init__(self) -> None:
        self.every: list[Label] = []
        self._derived: dict[tuple, int] = {}

    def __getitem__(self, label: int) -> Label:
        return self.every[label]

    def new(self, size: int, **what: object) -> int:
        self.every.append(Label(size, **what))
        return len(self.every) - 1

    def part(self, label: int, start: int, stop: int, step: int, size: int) -> int:
        """Of a slice. One step more or less is still the axis; a gate out of four is another."""
        whole = self.every[label]
        if size >= whole.size - 1 or abs(step) > 1:
            return label
        key = "part", label, start, stop
        if key not in self._derived:
            self._derived[key] = self.new(size, parameter=whole.parameter, axis=whole.axis, place=whole.place)
        return self._derived[key]

    def merged(self, labels: tuple[int, ...], size: int) -> int:
        """Of the axis into which reshape merges several."""
        key = "merged", labels
        if key not in self._derived:
            self._derived[key] = self.new(size, parts=labels)
        return self._derived[key]


class Classes:
    """Which labels mean the same (union-find), and which are axes of one array, so that they differ."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self._parent = list(range(len(labels.every)))
        self._apart: set[frozenset[int]] = set()
        self._twofold: set[int] = set()
        self._members: dict[int, set[int]] = {}

    def of(self, label: int) -> int:
        while self._parent[label] != label:
            self._parent[label] = self._parent[self._parent[label]]
            label = self._parent[label]
        return label

    def unite(self, first: int, second: int) -> None:
        parts, others = self.labels[first].parts, self.labels[second].parts
        if len(parts) == len(others):
            for one, other in zip(parts, others):
                self.unite(one, other)
        a, b = self.of(first), self.of(second)
        if a != b:
            self._parent[b] = a
            self._members[a] = self._members.get(a, {a}) | self._members.pop(b, {b})

    def settle(self, arrays: Iterable[tuple[int, ...]], states: Iterable[tuple[int, ...]]) -> None:
        """From here on the axes of these arrays are told apart, unless they are one already.

        states   the arrays among them that are no parameters: what is two axes of one of them and yet one, such as time
                 and batch that one index goes through, tells nothing
        """
        self._members = {}
        for axes in arrays:
            several = {self.of(axis) for axis in self._long(axes)}
            self._apart |= {frozenset((one, other)) for one in several for other in several if one < other}
        for axes in states:
            several = [self.of(axis) for axis in self._long(axes)]
            self._twofold |= {one for one in several if several.count(one) > 1}

    def doubt(self, label: int) -> None:
        """That nothing is told apart from this axis."""
        self._twofold.add(self.of(label))

    def _long(self, axes: tuple[int, ...]) -> list[int]:
        spread = [label for axis in axes for label in (axis, *self.labels[axis].parts)]
        every = self.labels
        return [label for label in dict.fromkeys(spread) if every[label].size > 1 and not every[label].parts]

    def apart(self, first: int, second: int) -> tuple[int, int] | None:
        """The two labels that differ, of these or of the axes merged into them; None where nothing tells them apart."""
        parts, others = self.labels[first].parts, self.labels[second].parts
        if parts and len(parts) == len(others):
            return next((found for one, other in zip(parts, others) if (found := self.apart(one, other))), None)
        a, b = self.of(first), self.of(second)
        if a == b:
            return None
        members = self._members.get(a, {a}), self._members.get(b, {b})
        if (members[0] | members[1]) & self._twofold:
            return None
        differ = any(frozenset((one, other)) in self._apart for one in members[0] for other in members[1])
        return (first, second) if differ else None
