"""One plain run with every value that its expressions make, and which of them each was made from.

Values are followed by what they are and not by running anything again: a name that is read holds the value that was
made last with the same number (`matching.Weights`); one that was changed in place since, what was last written to it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from oracle.annotation.matching import Weights
from oracle.annotation.recording import INCREMENT, LISTING, PART, Site, is_sum, nothing_left_over, recordings, sites_of
from oracle.returned import Returned
from oracle.rewriting import Definition, exchanged
from oracle.subject import Subject, call

MOST_ELEMENTS = 1 << 16  # of a value that is kept
MOST_TOGETHER = 13  # gradients that one statement adds to in turn
LOADS = (ast.Name, ast.Attribute, ast.Subscript)
Key = tuple  # of a variable: (definition, name), or what an attribute is called


@dataclass(eq=False, repr=False)
class Event:
    """One value of one expression.

    serial    in the order of execution
    number    see `matching.Weights`; of an increment that is subtracted, of minus the value
    parts     the values of the expressions inside this one
    sources   of a name, attribute or item that is read: what it was made from
    exact     whether the sources are that value, or all that it is the sum of; else they were written into it
    """

    serial: int
    site: Site
    value: np.ndarray
    number: float
    parts: list[Event] = field(default_factory=list)
    sources: list[Event] = field(default_factory=list)
    exact: bool = False
    occurrence: int = 0
    whole: Event | None = None  # the expression that it is a part of

    @property
    def line(self) -> int:
        return self.site.node.lineno

    @property
    def place(self) -> tuple[str, int]:
        return self.site.definition.filename, self.line

    @property
    def is_load(self) -> bool:
        """Whether it only hands on a value: one that is read, or that a function of the user's returns."""
        return isinstance(self.site.node, LOADS) or (isinstance(self.site.node, ast.Call) and bool(self.sources))

    @property
    def is_inside_load(self) -> bool:
        """Whether it is only the array of which an item is read."""
        return self.is_load and self.whole is not None and self.whole.is_load

    @property
    def operands(self) -> list[Event]:
        """What it was made from directly."""
        return self.sources if self.sources and self.exact else [*self.parts, *self.sources]

    def within(self) -> Iterator[Event]:
        """Itself and all its parts."""
        yield self
        for part in self.parts:
            yield from part.within()


@dataclass(frozen=True)
class Recorded:
    """A plain run: its events in order, what it returned, and for each gradient what it was made from."""

    events: tuple[Event, ...]
    returned: Returned
    sources: dict[str, list[Event]]


def recorded(subject: Subject, definitions: Sequence[Definition], weights: Weights) -> Recorded:
    """One plain run of a subject, recorded. What the run raises passes through."""
    sites = sites_of(definitions, names=True)
    log: list[tuple[int, np.ndarray]] = []

    def recorder(number: int, value: object) -> object:
        if isinstance(value, (np.ndarray, np.floating)) and value.dtype.kind == "f" and value.size <= MOST_ELEMENTS:
            if value.size:
                log.append((number, np.array(value, subok=False)))
        elif type(value) in (int, float) and sites[number].kind == INCREMENT:
            log.append((number, np.array(float(value))))
        return value

    with nothing_left_over(), exchanged(definitions, recordings(definitions, sites, recorder)):
        returned, _, _ = call(subject, subject.parameters)
    linking = _Linking(sites, weights)
    for number, value in log:
        linking.add(sites[number], value)
    sources = {name: linking.origin(np.asarray(gradient), name) for name, gradient in returned.gradients.items()}
    return Recorded(tuple(linking.events), returned, sources)


class _Linking:
    """Events as they come, each linked to those before it."""

    def __init__(self, sites: Sequence[Site], weights: Weights) -> None:
        self.weights = weights
        self.events: list[Event] = []
        self._around = {inner.number: outer.number for inner, outer in _nesting(sites)}
        self._pending: list[Event] = []
        self._elements: list[Event] = []  # of comprehensions whose sum is still to come
        self._made: dict[tuple[int, float], Event] = {}
        self._seen: dict[tuple[int, float], Event] = {}  # what was only read, as well
        self._returned: dict[tuple[int, float], Event] = {}
        self._written: dict[Key, list[Event]] = {}
        self._views: dict[Key, Key] = {}  # of names for parts of arrays: what is written to them is written there
        self._times: dict[int, int] = {}
        self._keys = {site.number: key_of(_parsed(site.target), site.definition) for site in sites}

    def add(self, site: Site, value: np.ndarray) -> None:
        number = self.weights.number_of(value)
        event = Event(len(self.events), site, value, number, occurrence=self._times.get(site.number, 0))
        self._times[site.number] = event.occurrence + 1
        self.events.append(event)
        while self._pending and self._is_around(site.number, self._pending[-1].site.number):
            event.parts.insert(0, self._pending.pop())
            event.parts[0].whole = event
        if is_sum(site.node) and (added := self._summed(event)):
            event.sources, event.exact = added, True
        elif isinstance(site.node, ast.Call):
            event.sources = [one for one in (self._returned.get(self._known_by(value)),) if one and value.any()]
            if not event.sources and isinstance(site.node.func, ast.Name) and site.node.func.id == "getattr":
                event.sources = self.made(value) or self._added_up(value)
            event.exact = bool(event.sources)
        elif event.is_load:
            self._link(event)
        if not event.is_load and np.any(value) and site.kind != INCREMENT:
            self._made[self._known_by(value)] = event
        if site.target == "return" and site.kind != PART:
            self._returned[self._known_by(value)] = event
        if np.any(value):
            self._seen[self._known_by(value)] = event
        if site.kind == PART:
            self._pending.append(event)
        else:
            self._write(event)
        if isinstance(site.parent, LISTING) and site.kind == INCREMENT:
            self._elements.append(event)

    def _summed(self, event: Event) -> list[Event]:
        """What sum() has added up: what its comprehension gave since it was called last, or the items of a list."""
        listed = [one for one in self._elements if self._is_around(event.site.number, one.site.number)]
        self._elements = [one for one in self._elements if one not in listed]
        if not listed and event.site.node.args:
            key = key_of(event.site.node.args[0], event.site.definition)
            listed = [] if key is None else list(self._written.get(key, ()))
        if any(one.value.shape != event.value.shape for one in listed):
            return []
        close = 1e-9 * event.value.size * max((float(np.linalg.norm(one.value)) for one in listed), default=0.0)
        return listed if abs(sum(one.number for one in listed) - event.number) <= close else []

    def made(self, value: np.ndarray) -> list[Event]:
        """The event that made this value, in a list, or an empty one."""
        found = self._made.get(self._known_by(value)) if np.any(value) else None
        return [] if found is None else [found]

    def origin(self, gradient: np.ndarray, name: str) -> list[Event]:
        """What a gradient that was returned is: a value, or the sum of all that one statement added up.

        name   of the parameter: where two gradients are equal by mistake, the variable that is called so comes first
        """
        found = self._seen.get(self._known_by(gradient)) if gradient.any() else None
        if found is not None:
            made = self._origin(found)
            return made.sources if is_sum(made.site.node) and made.exact else [found]
        return self._added_up(gradient, name)

    def _added_up(self, gradient: np.ndarray, name: str = "") -> list[Event]:
        """All that one statement added up to it, if it did."""
        number, close = self.weights.number_of(gradient), 1e-9 * float(np.linalg.norm(gradient)) * gradient.size
        if not close > 0:
            return []
        for written in sorted(self._written.values(), key=lambda every: not every or name not in every[-1].site.target):
            added = [one for one in written if one.value.size == gradient.size and one.site.kind == INCREMENT]
            for every in (n for n in range(1, MOST_TOGETHER) if added and len(added) % n == 0):
                for first in range(every):
                    if abs(sum(one.number for one in added[first::every]) - number) <= close:
                        return added[first::every]
        return []

    def _assigned_and_added(self, written: Sequence[Event], value: np.ndarray) -> list[Event]:
        """An item of a variable: what was assigned to it whole, and all that was added to that since."""
        number, added = self.weights.number_of(value), []
        for one in reversed(written):
            added.insert(0, one)
            if one.site.kind == INCREMENT:
                continue
            if len(added) > 1 and all(each.value.shape == value.shape for each in added):
                close = 1e-9 * value.size * max(float(np.linalg.norm(each.value)) for each in added)
                if abs(sum(each.number for each in added) - number) <= close:
                    return added
            added = []
        return []

    def _known_by(self, value: np.ndarray) -> tuple[int, float]:
        number = self.weights.number_of(value)
        return value.size, float(f"{number:.9g}")  # NaN, which is no key, where it is not finite

    def _is_around(self, outer: int, inner: int) -> bool:
        while inner in self._around:
            inner = self._around[inner]
            if inner == outer:
                return True
        return False

    def _link(self, event: Event) -> None:
        """What a value that is read was made from: what was written to its variable, if that is still the same."""
        key = key_of(event.site.node, event.site.definition)
        written = [] if key is None else self._written.get(key, [])
        if written and isinstance(event.site.node, (ast.Name, ast.Attribute)) and self._same(written[-1], event):
            event.sources, event.exact = [written[-1]], True
            return
        seen = self._origin(self._seen.get(self._known_by(event.value)))
        passed = isinstance(event.site.node, ast.Name) and not written and seen is not None  # an argument
        found = [seen] if passed else self.made(event.value)
        if not found and event.value.any() and isinstance(event.site.node, ast.Name):  # of a tuple that was returned
            found = [one for one in (self._returned.get(self._known_by(event.value)),) if one is not None]
        if found:
            event.sources, event.exact = found, True
        elif written and not event.parts:
            event.sources = list(written)
            event.exact = self._is_all_of(written, event)
        elif not event.parts and self._known_by(event.value) in self._seen:
            event.sources, event.exact = [self._seen[self._known_by(event.value)]], True
        else:
            event.sources = self._assigned_and_added(written, event.value) or self._added_up(event.value)
            event.exact = bool(event.sources)
            if not event.sources and key is not None and not event.parts:
                event.sources = [
                    one for other, every in self._written.items() if other[2:3] == key[2:3] for one in every
                ]

    @staticmethod
    def _origin(seen: Event | None) -> Event | None:
        """What was written, of a value that was only read in passing since."""
        while seen is not None and seen.site.kind == PART and seen.is_load and seen.exact and len(seen.sources) == 1:
            seen = seen.sources[0]
        return seen

    def _is_all_of(self, written: list[Event], read: Event) -> bool:
        """Whether a value is what was written whole, changed by augmented assignments only."""
        if not all(isinstance(_parsed(one.site.target), (ast.Name, ast.Attribute)) for one in written):
            return False
        added = written[1:]
        if not added or any(one.site.kind != INCREMENT for one in added):
            return False
        if any(not isinstance(one.site.operator, (ast.Add, ast.Sub)) for one in added):
            return True
        if any(one.value.shape != read.value.shape for one in written):  # broadcast
            return True
        close = 1e-9 * read.value.size * max(float(np.linalg.norm(one.value)) for one in (*written, read))
        return abs(sum(one.number for one in written) - read.number) <= close

    def _same(self, written: Event, read: Event) -> bool:
        is_it = written.site.kind != INCREMENT and written.value.shape == read.value.shape
        return is_it and self._known_by(written.value) == self._known_by(read.value)

    def _write(self, event: Event) -> None:
        key = self._keys[event.site.number]
        if key is None:
            return
        target = _parsed(event.site.target)
        is_assigned = isinstance(event.site.statement, (ast.Assign, ast.AnnAssign))
        is_assigned &= not (isinstance(event.site.parent, LISTING))
        whole = is_assigned and isinstance(target, (ast.Name, ast.Attribute))
        if event.site.kind == INCREMENT and isinstance(event.site.operator, ast.Sub):
            event.number = -event.number
        if whole:
            self._written[key] = []
            of = key_of(event.site.node, event.site.definition) if isinstance(event.site.node, ast.Subscript) else None
            self._views.pop(key, None)
            if of is not None:
                self._views[key] = of
        self._written.setdefault(key, []).append(event)
        if not whole and key in self._views:
            self._written.setdefault(self._views[key], []).append(event)


def _parsed(target: str) -> ast.expr | None:
    try:
        return ast.parse(target, mode="eval").body
    except SyntaxError:
        return None


def key_of(node: ast.AST | None, definition: Definition) -> Key | None:
    """The variable that an expression reads or writes, or a part of it."""
    match node:
        case ast.Name(id="return"):
            return None
        case ast.Name(id=name):
            return definition.filename, definition.statement.lineno, name
        case ast.Attribute(attr="T" | "real", value=value):
            return key_of(value, definition)
        case ast.Attribute(attr=name):
            return "." + name, 0, ""
        case ast.Subscript(value=value, slice=ast.Constant(value=str() as item)):
            of = key_of(value, definition)
            return None if of is None else (*of, item)
        case ast.Subscript(value=value):
            return key_of(value, definition)
    return None


def _nesting(sites: Sequence[Site]) -> Iterator[tuple[Site, Site]]:
    """(inner, outer): for each site of a part the smallest one around it."""
    by_node = {id(site.node): site for site in sites}

    def inside(node: ast.AST, outer: Site) -> Iterator[tuple[Site, Site]]:
        for child in ast.iter_child_nodes(node):
            site = by_node.get(id(child))
            if site is not None and site is not outer:
                yield site, outer
            yield from inside(child, site or outer)

    for site in sites:
        if site.kind != PART:
            yield from inside(site.node, site)
