"""Edits judged by one expression alone, without running the program.

Where a value of the backward pass is wrong for the first time, the variables that it is computed from are still right.
An edit after which the expression, on these very variables, gives an adjoint is the likeliest of all.
"""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import FrameType, ModuleType

import numpy as np

from oracle.annotation.matching import Matcher
from oracle.annotation.recording import Site
from oracle.frames import tracing
from oracle.repair.edit import Edit, applied

KEPT_AS_THEY_ARE = (ModuleType, type, np.random.Generator, Callable)


@dataclass(frozen=True)
class Moment:
    """One time that a statement is about to run.

    filename    of the statement
    time        which of the times that it runs, counted from 0; a loop runs once for every round, and once more
    site        of the value that is looked at; None of a loop
    is_right    whether it may be an adjoint as it is: then it is another one that is looked for
    variables   as they then are
    """

    filename: str
    time: int
    site: Site | None = None
    is_right: bool = False
    variables: Mapping[str, object] = field(default_factory=dict)


def moments(wanted: Mapping[ast.stmt, Moment], run: Callable[[], object]) -> dict[ast.stmt, Moment]:
    """The same with the variables, of those that a run comes to."""
    by_place: dict[tuple[str, int], list[ast.stmt]] = {}
    for statement, moment in wanted.items():
        by_place.setdefault((moment.filename, statement.lineno), []).append(statement)
    found: dict[ast.stmt, Moment] = {}
    times: dict[ast.stmt, int] = {}

    def line(frame: FrameType, event: str, _: object) -> Callable:
        if event == "line":
            for statement in by_place.get((frame.f_code.co_filename, frame.f_lineno), ()):
                if times.setdefault(statement, 0) == wanted[statement].time:
                    found.setdefault(statement, replace(wanted[statement], variables=_variables(frame)))
                times[statement] += 1
        return line

    def call(frame: FrameType, event: str, _: object) -> Callable | None:
        return line if any(frame.f_code.co_filename == name for name, _ in by_place) else None

    with tracing(call), suppress(Exception):
        run()
    return found


def _variables(frame: FrameType) -> dict[str, object]:
    """The globals, and the local variables as copies that later lines do not change."""
    found = dict(frame.f_globals)
    for name, value in frame.f_locals.items():
        if not isinstance(value, KEPT_AS_THEY_ARE):
            with suppress(Exception):
                value = copy.deepcopy(value)
        found[name] = value
    return found


def promising(edits: Iterable[Edit], seen: Mapping[ast.stmt, Moment], matcher: Matcher) -> set[Edit]:
    """The edits after which a value is an adjoint: of a single expression, that of its statement at its moment.

    Of a line that is added at the end of a loop, what it computes when the loop's body has run once.
    """
    found: set[Edit] = set()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        expected = {statement: _shapes_expected(moment) for statement, moment in seen.items()}
        present = {statement: _present(moment, matcher) for statement, moment in seen.items() if moment.is_right}
        for edit in edits:
            moment = seen.get(edit.statement)
            if moment is None or (edit.index is None and isinstance(edit.value, list) and edit.inserted is None):
                continue
            with suppress(Exception), applied([edit]):
                value = _evaluated(edit.inserted or moment.site.node, moment)
                values = value if isinstance(value, (list, tuple)) and value else [value]
                if isinstance(value, np.ndarray) and expected[edit.statement]:
                    if value.shape not in expected[edit.statement]:
                        continue
                if not all(isinstance(one, np.ndarray) and one.size for one in values):
                    continue
                matches = [matcher.match(one) for one in values]
                if None not in matches and matches != present.get(edit.statement):
                    found.add(edit)
    return found


def _present(moment: Moment, matcher: Matcher) -> list[int | None] | None:
    """Which adjoint a value is without any edit."""
    with suppress(Exception):
        value = _evaluated(moment.site.node, moment)
        if isinstance(value, np.ndarray):
            return [matcher.match(value)]
    return None


def _evaluated(node: ast.expr, moment: Moment) -> object:
    return eval(compile(ast.Expression(node), "<expression>", "eval"), dict(moment.variables))


def _shapes_expected(moment: Moment) -> set[tuple[int, ...]]:
    """The shape that a value has now, and that of what it is assigned to; empty where that cannot be told.

    A carry of (batch, hidden) whose sum over the batch happens to be an adjoint of something is no carry any more.
    """
    found: set[tuple[int, ...]] = set()
    if moment.site is None:
        return found
    for node in (moment.site.node, moment.site.target):
        with suppress(Exception):
            value = _evaluated(ast.parse(node, mode="eval").body if isinstance(node, str) else node, moment)
            if isinstance(value, np.ndarray) and value.ndim:
                found.add(value.shape)
    return found


@dataclass(frozen=True)
class Occurrence:
    """One value of a site: which of its values it is, and which of all that were recorded, both counted from 0."""

    time: int
    position: int


def first_wrong(log: Sequence[tuple[int, int, float]], matcher: Matcher) -> dict[int, Occurrence]:
    """Of each site that has a value which is no adjoint, by its number: the first such value."""
    times: dict[int, int] = {}
    found: dict[int, Occurrence] = {}
    for position, (number, size, value) in enumerate(log):
        if number not in found and value and matcher.find(size, value) is None:
            found[number] = Occurrence(times.get(number, 0), position)
        times[number] = times.get(number, 0) + 1
    return found
