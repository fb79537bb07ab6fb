"""Edits judged by one expression alone, without running the program.

Where a value of the backward pass is wrong for the first time, the variables that it is computed from are still right.
An edit after which the expression, on these very variables, gives an adjoint is the likeliest of all.
"""

from __future__ import annotations

import ast
import copy
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType, ModuleType

import numpy as np

from oracle.annotation.matching import Matcher
from oracle.annotation.recording import Site
from oracle.repair.edit import Edit, applied

KEPT_AS_THEY_ARE = (ModuleType, type, np.random.Generator, Callable)


@dataclass(frozen=True)
class Moment:
    """A statement about to run: the site of its value, and all variables as they are."""

    site: Site
    variables: Mapping[str, object]


def moments(wanted: Mapping[Site, int], run: Callable[[], object]) -> dict[ast.stmt, Moment]:
    """The moment of each site's statement, by the statement.

    wanted   at which time that the statement runs, counted from 0
    """
    by_place: dict[tuple[str, int], list[Site]] = {}
    for site in wanted:
        by_place.setdefault((site.definition.filename, site.statement.lineno), []).append(site)
    found: dict[ast.stmt, Moment] = {}
    times: dict[Site, int] = {}

    def line(frame: FrameType, event: str, _: object) -> Callable:
        if event == "line":
            for site in by_place.get((frame.f_code.co_filename, frame.f_lineno), ()):
                if times.setdefault(site, 0) == wanted[site]:
                    found.setdefault(site.statement, Moment(site, _variables(frame)))
                times[site] += 1
        return line

    def call(frame: FrameType, event: str, _: object) -> Callable | None:
        return line if any(frame.f_code.co_filename == name for name, _ in by_place) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        with suppress(Exception):
            run()
    finally:
        sys.settrace(before)
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
    """The edits of a single expression after which its statement's value is an adjoint, at its moment."""
    found: set[Edit] = set()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for edit in edits:
            moment = seen.get(edit.statement)
            if moment is None or (edit.index is None and isinstance(edit.value, list)):
                continue
            with suppress(Exception), applied([edit]):
                code = compile(ast.Expression(moment.site.node), "<expression>", "eval")
                value = eval(code, dict(moment.variables))
                if isinstance(value, np.ndarray) and value.size and matcher.match(value) is not None:
                    found.add(edit)
    return found


def first_wrong(log: Sequence[tuple[int, int, float]], matcher: Matcher) -> dict[int, int]:
    """Of each site that has a value which is no adjoint, by its number: the first time that it has."""
    times: dict[int, int] = {}
    found: dict[int, int] = {}
    for number, size, value in log:
        if number not in found and value and matcher.find(size, value) is None:
            found[number] = times.get(number, 0)
        times[number] = times.get(number, 0) + 1
    return found
