"""The user's backward pass with a remark on each line: which adjoint it computes, and where it goes wrong first."""

from __future__ import annotations

import ast
import itertools
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oracle.annotation import blame
from oracle.annotation.blame import Blame, Judged
from oracle.annotation.classification import NEUTRAL, RIGHT, TRANSIT, WRONG, Classified
from oracle.annotation.events import Event, Recorded, recorded
from oracle.annotation.matching import Matcher, Weights
from oracle.annotation.naming import FIRST, Names
from oracle.annotation.recording import LISTING, PART, Site
from oracle.annotation.truths import CONTRIBUTION, WHOLE, Truth, Truths
from oracle.deviations import factor_names
from oracle.rewriting import Definition
from oracle.subject import Subject

MOST_LINES = 40
NARROWEST = 60  # a terminal in which remarks stand beside the source
SHORTEST = 40  # of a line of a remark, also where the source stands far in
MOST_WORDS = 70  # of the remark on a line that makes several values
MANY = 2  # times as many values must match with a factor as do without

REASONS = {
    blame.VALUE: "the first wrong value",
    blame.OPERAND: "the first wrong value",
    blame.ONLY_A_PART: "only a part: what is carried from another step or path is missing or wrong",
    blame.OTHER_STEP: "this is the value of another step",
    blame.OVERWRITTEN: "every step overwrites the one before: only one contribution is left",
    blame.NOT_ADDED: "a true adjoint, but not what belongs here",
    blame.CHANGED_SINCE: "from here on the value is wrong",
    blame.NOT_REACHED: "some steps are not reached: their contributions are missing",
    blame.UNFINISHED: "a gradient that is not all added up yet is used",
    blame.ARGUMENT: "the function called is right, and what it is given is wrong",
    blame.STALE: "all steps are added up, to something that is not zero: is it left from the call before?",
    blame.NEVER_WRITTEN: "stays zero: the gradient is never written",
}


@dataclass(frozen=True)
class Remark:
    """What one line of the backward pass computes.

    label    in words, empty where nothing can be said
    status   right, neutral (values of the forward pass), transit (a step on the way to something right) or wrong
    right    the time steps at which it is right, in the order of execution
    wrong    at how many of its occurrences it is wrong
    since    the time step from which on it is wrong; None where it always is, or the step cannot be told
    several  whether the line makes several values: then the label says all
    """

    filename: str
    line: int
    label: str
    status: str
    right: tuple[int, ...] = ()
    wrong: int = 0
    since: int | None = None
    several: bool = False

    def __str__(self) -> str:
        if self.several:
            return self.label
        if self.status == WRONG and self.right and self.since is not None:
            return f"{self.label}: right at t={_range(self.right)}, wrong from t={self.since} on"
        if self.status == WRONG and self.right:
            return f"{self.label}: right at t={_range(self.right)}, wrong {_times(self.wrong)}"
        if self.status == WRONG:
            return f"wrong{f', should be {self.label}' if self.label else ''}"
        return f"= {self.label}" if self.label else ""


@dataclass(frozen=True)
class FirstWrong:
    """The first wrong line.

    expression  the smallest part of it that is wrong, as it stands in the source; empty where a whole statement is
    reason      in words
    expected    what should come out, in words; empty where it cannot be told
    """

    filename: str
    line: int
    expression: str
    reason: str
    expected: str

    def __str__(self) -> str:
        return self.reason + (f"; expected here: {self.expected}" if self.expected else "")


@dataclass(frozen=True)
class Listed:
    """One line of the annotated source.

    function   whose line it is
    source     as it stands in the file, with blanks for tabs
    remark     in words; empty where there is none
    first      whether it is the first wrong line
    """

    filename: str
    function: str
    line: int
    source: str
    remark: str
    first: bool


@dataclass(frozen=True)
class Annotation:
    """The annotated backward pass.

    remarks   one for each of its lines that computes something, in the order of the files
    first     the first wrong line; None where every gradient is right, or it cannot be told
    factor    by which all adjoints are multiplied, as a name of sizes; empty for 1
    wrong     the parameters whose gradients are wrong
    neutral   the lines that compute no adjoint, nor anything that should be one, as (file name, line)
    """

    remarks: tuple[Remark, ...]
    first: FirstWrong | None
    factor: str
    wrong: tuple[str, ...]
    definitions: tuple[Definition, ...]
    neutral: frozenset[tuple[str, int]] = frozenset()

    def lines(self, width: int = 100) -> list[str]:
        """The source with its line numbers and the remarks beside it, or below it in narrow terminals."""
        found = [f"all adjoints are {self.factor} times the true ones"] if self.factor else []
        for definition in self._shown():
            if found:
                found.append("")
            found += [f"{Path(definition.filename).name}, {definition.name}", *self._source(definition, width)]
        return found

    def listing(self) -> list[Listed]:
        """The same lines as data, function by function."""
        found = []
        for definition in self._shown():
            remarks, text = self._remarks(definition), definition.text.expandtabs(4).splitlines()
            for number in self._numbers(definition):
                first = self._holds_first(definition) and number == self.first.line
                remark = str(self.first) if first else self._remark(definition, number, remarks)
                source = text[number - 1].rstrip()
                found.append(Listed(definition.filename, definition.name, number, source, remark, first))
        return found

    def _shown(self) -> list[Definition]:
        """Those that hold remarks; the one with the first wrong line first, as many as there is room for."""
        marked = [one for one in self.definitions if self._remarks(one) or self._holds_first(one)]
        marked.sort(key=lambda one: not self._holds_first(one))
        taken, room = [], MOST_LINES
        for one in marked:
            if not taken or room > 0:
                taken.append(one)
                room -= len(self._numbers(one))
        return taken

    def _remarks(self, definition: Definition) -> dict[int, Remark]:
        return {
            one.line: one
            for one in self.remarks
            if one.filename == definition.filename and str(one) and _holds(definition, one.line)
        }

    def _holds_first(self, definition: Definition) -> bool:
        at = self.first
        return at is not None and at.filename == definition.filename and _holds(definition, at.line)

    def _numbers(self, definition: Definition) -> list[int]:
        """The lines that are shown: from the first that is remarked on to the last, without docstrings and blanks."""
        marked = set(self._remarks(definition)) | ({self.first.line} if self._holds_first(definition) else set())
        skipped = _docstrings(definition.statement)
        text = definition.text.splitlines()
        numbers = [
            number
            for number in range(min(marked), max(marked) + 1)
            if number not in skipped and text[number - 1].strip()
        ]
        if len(numbers) <= MOST_LINES:
            return numbers
        centre = self.first.line if self._holds_first(definition) else min(marked)
        return sorted(sorted(numbers, key=lambda number: (abs(number - centre), number))[:MOST_LINES])

    def _source(self, definition: Definition, width: int) -> list[str]:
        numbers, remarks = self._numbers(definition), self._remarks(definition)
        text = definition.text.expandtabs(4).splitlines()
        taken = [text[number - 1].rstrip() for number in numbers]
        indent = min(len(line) - len(line.lstrip()) for line in taken)
        digits = len(str(numbers[-1]))
        longest = max(len(line) for line in taken) - indent
        found, before = [], numbers[0] - 1
        for number, line in zip(numbers, taken):
            source = f"{number:{digits}d}  {line[indent:]}"
            remark = self._remark(definition, number, remarks)
            if number > before + 1 and any(text[k - 1].strip() for k in range(before + 1, number)):
                found.append(" " * (digits + 2) + "...")
            before = number
            if not remark:
                found.append(source)
            elif width >= NARROWEST and digits + 4 + longest + len(remark) <= width:
                found.append(f"{source:{digits + 2 + longest}}  {remark}")
            else:
                blank = " " * (digits + 2 + len(line) - len(line.lstrip()) - indent)
                room = max(width, len(blank) + SHORTEST)
                found += [source, *textwrap.wrap(remark, room, **_indents(blank + " " * 4))]
        return found

    def _remark(self, definition: Definition, number: int, remarks: Mapping[int, Remark]) -> str:
        own = str(remarks[number]) if number in remarks else ""
        if self._holds_first(definition) and number == self.first.line:
            return f"<-- {self.first}"
        return own


def annotate(subject: Subject, definitions: Sequence[Definition], truths: Truths) -> Annotation:
    """The annotated backward pass of a subject.

    definitions   those that a run of it goes through, see `oracle.rewriting.definitions_run`
    truths        its true adjoints

    What the plain run raises passes through: NotChecked where it returns no gradients.
    """
    run = recorded(subject, definitions, Weights())
    classified = Judged(run, truths, _common_factor(run, truths, subject.sizes))
    if classified.factor != 1 and len(classified.wrong) == len(truths.gradients):  # then the factor is the mistake
        classified = Judged(run, truths, 1.0)
    names = Names(classified)
    found = classified.first_wrong()
    first = None if found is None else _first(found, names)
    remarks = tuple(sorted(_remarks(classified, names), key=lambda one: (one.filename, one.line)))
    factor = classified.factor
    named = "" if factor == 1 else next(iter(factor_names(factor, subject.sizes)), f"{factor:g}")
    neutral = frozenset(_neutral(remarks, first, classified))
    return Annotation(remarks, first, named, classified.wrong, tuple(definitions), neutral)


def _neutral(remarks: Iterable[Remark], first: FirstWrong | None, classified: Classified) -> Iterator[tuple[str, int]]:
    """The lines that compute no adjoint, and nothing from a wrong one.

    What is made of a wrong value alone has nothing right in it, and looks like a value of the forward pass; so does
    what is made of an array whose origin is not known.
    """
    after = set() if first is None else classified.made_of((first.filename, first.line))
    known = classified.of_known_origin()
    for one in remarks:
        place = one.filename, one.line
        if one.status == TRANSIT or (one.status == NEUTRAL and place not in after and place in known):
            yield place


def _first(found: Blame, names: Names) -> FirstWrong:
    event = found.event
    expression = ast.unparse(event.site.node) if event is not None and event.site.kind == PART else ""
    expected = "" if found.expected is None else names.words(found.expected)
    return FirstWrong(found.filename, found.line, expression, REASONS[found.reason], expected)


def _common_factor(run: Recorded, truths: Truths, sizes: Mapping[str, int]) -> float:
    """By which the code's adjoints are multiplied where it takes a mean at the end; 1 where most match as they are."""
    matcher = Matcher([one.adjoint for one in truths.every])
    made = [
        one
        for one in run.events
        if one.site.kind != PART and one.value.size > 1 and one.place not in truths.forward and one.value.any()
    ]

    def matching(factor: float) -> int:
        return sum(bool(matcher.find_all(one.value.size, one.number / factor)) for one in made)

    best, most = 1.0, MANY * max(matching(1.0), 1)
    for factor in _factors(sizes):
        number = matching(factor)
        if number > most:
            best, most = factor, number
    return best


def _factors(sizes: Mapping[str, int]) -> list[float]:
    single = [1.0, 2.0, *(float(size) for size in sizes.values() if size > 1)]
    products = {a * b for a, b in itertools.combinations(single, 2)} | {2.0}
    either = {value for size in products for value in (size, 1 / size)}
    return sorted(({*either, *(-value for value in either)} | {-1.0}) - {1.0}, key=abs)


def _remarks(classified: Classified, names: Names) -> list[Remark]:
    lines: dict[tuple[str, int], dict[Site, list[Event]]] = {}
    for event in classified.run.events:
        is_data = not event.parts and not event.sources and event.value.any()
        if event.site.kind != PART and not classified.is_forward(event) and not is_data:
            lines.setdefault(event.place, {}).setdefault(event.site, []).append(event)
    found = []
    for place, sites in lines.items():
        whole = {site: events for site, events in sites.items() if not isinstance(site.parent, LISTING)} or sites
        each = {site: _remark(place, events, classified, names) for site, events in whole.items()}
        found.append(next(iter(each.values())) if len(each) == 1 else _together(place, each))
    return found


def _together(place: tuple[str, int], each: Mapping[Site, Remark]) -> Remark:
    """Of a line that makes several values: each by its name, or, where they are many, those that are wrong."""
    texts = {}
    for site, remark in each.items():
        name = ast.unparse(site.node) if site.target == "return" else site.target
        if remark.status == WRONG and (site.target == "return" or not remark.right):
            texts[site] = f"{name} wrong"
        elif str(remark) and site.target != "return":
            texts[site] = f"{name} {remark}" if remark.status != WRONG else f"{name} as {remark}"
    status = next((one for one in (WRONG, RIGHT, TRANSIT) if any(one == r.status for r in each.values())), NEUTRAL)
    if sum(map(len, texts.values())) > MOST_WORDS:
        texts = {site: text for site, text in texts.items() if each[site].status == WRONG}
    wrong = sum(remark.wrong for remark in each.values())
    return Remark(*place, "; ".join(texts.values()), status, wrong=wrong, several=True)


def _remark(place: tuple[str, int], events: list[Event], classified: Classified, names: Names) -> Remark:
    """Of all that a line has computed at all its occurrences."""
    chosen = _common_label(events, classified, names)
    label = names.words(next(iter(chosen.values()))) if chosen else ""
    statuses = [classified.status[one] for one in events]
    wrong = statuses.count(WRONG)
    steps = [names.step(chosen[one]) for one in events if one in chosen]
    right = tuple(step for step in steps if step is not None)
    status = WRONG if wrong else next((one for one in (RIGHT, TRANSIT) if one in statuses), NEUTRAL)
    if not wrong and sum(one not in chosen and bool(one.value.any()) for one in events) > 1:
        label = ""  # at some steps only, and what it is at the others is not known; at the first it may have no name
    since = _since(events, chosen, right) if wrong and right else None
    return Remark(*place, label, status, right, wrong, since)


def _since(events: list[Event], chosen: Mapping[Event, Truth], right: tuple[int, ...]) -> int | None:
    """The step after the right ones, in the order of execution; None where these are not those at the beginning."""
    beginning = [one in chosen for one in events if one.value.any()][: len(right)]
    apart = {after - before for before, after in itertools.pairwise(right)} or {-1 if right[0] else 1}
    if not all(beginning) or apart not in ({1}, {-1}):
        return None
    after = right[-1] + apart.pop()
    return after if after >= 0 else None


def _common_label(events: list[Event], classified: Classified, names: Names) -> dict[Event, Truth]:
    """Of the truths that the values are, those of one kind and place that most of them have in common."""
    found: dict[str, dict[Event, Truth]] = {}
    kinds: dict[str, tuple[bool, int, bool]] = {}
    is_operand = any(not one.is_load for event in events for one in classified.consumers.get(event, ()))
    for event in events:
        for truth, _ in classified.labels[event]:
            words = names.words(truth)
            found.setdefault(words, {}).setdefault(event, truth)
            is_end = truth.kind in (CONTRIBUTION, WHOLE)  # of one row, a bias gets the adjoint itself
            kinds[words] = is_operand and is_end, FIRST[truth.kind], not names.has_name(truth)
    best = min(found, key=lambda words: (-len(found[words]), kinds[words]), default=None)
    return found[best] if best is not None else {}


def _holds(definition: Definition, line: int) -> bool:
    return definition.statement.lineno <= line <= (definition.statement.end_lineno or line)


def _indents(blank: str) -> dict:
    """A remark that is longer than a line goes on a little further in, and is never cut within a word."""
    return dict(initial_indent=blank, subsequent_indent=blank + "  ", break_long_words=False, break_on_hyphens=False)


def _docstrings(tree: ast.AST) -> set[int]:
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            found |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return found


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _range(steps: tuple[int, ...]) -> str:
    """'3', '3..1' of steps that follow each other, '3, 1' of others."""
    apart = {after - before for before, after in itertools.pairwise(steps)}
    if len(steps) > 1 and apart in ({1}, {-1}):
        return f"{steps[0]}..{steps[-1]}"
    return ", ".join(map(str, dict.fromkeys(steps)))
