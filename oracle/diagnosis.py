"""Where a gradient function is wrong, why, and what fixes it: everything that follows a verdict of wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from oracle.annotation import Annotation, Truths, annotate, coefficients, reading, truths
from oracle.annotation.classification import NEUTRAL, TRANSIT
from oracle.annotation.matching import Matcher, distinct, matcher_of, without_negatives
from oracle.annotation.truths import EDGE, NODE
from oracle.examination import examine
from oracle.finding import Finding
from oracle.gradient_check import FunctionReport, check_function, functions_in, pick, subject_at
from oracle.gradient_function import GradientFunction
from oracle.hypotheses import Reading, facts, readings
from oracle.lifting import NotLifted
from oracle.oracles import AUTOGRAD, Mistrusted
from oracle.repair import BUDGET, PARTLY, Problem, Repair, edits_for, repair
from oracle.returned import NotChecked, our_mistake
from oracle.rewriting import Definition, definitions_run, quiet
from oracle.sizes import Point, points
from oracle.subject import Subject, run
from oracle.verdict import WRONG

TIME, BATCH = 4, 3  # at which candidates are tried: small, and nothing that a mistake could hide behind
CLOSE = {np.dtype(np.float64): 1e-8, np.dtype(np.float32): 1e-4}  # of the largest element, in the search
PARTS = ("annotation", "causes", "ordering")


@dataclass(frozen=True)
class Where:
    """Where a backward pass is wrong.

    said          the wrong gradients and the right ones read together, and which steps count how often
    source        the user's own backward pass with a remark on each line
    filename, line   of the first wrong line; None where it cannot be told
    reason        why that line, in words
    neutral       the lines of the backward pass that compute no adjoint, as (file name, line)
    """

    said: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    filename: str = ""
    line: int | None = None
    reason: str = ""
    neutral: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """What is known about a wrong gradient function beyond the verdict.

    outcome       of the check
    wrong         the parameters whose gradients are wrong, at any of the sizes
    where         where the backward pass goes wrong first
    readings      what reproduces the wrong gradients exactly; several are a tie
    facts         what narrows it, where nothing does
    repair        a verified one, or None
    alternatives  others that differ in kind
    tried         candidates of the search
    seconds       of all that
    failed        parts of the diagnosis that broke, in words: a mistake of this tool's
    """

    outcome: str
    wrong: tuple[str, ...] = ()
    where: Where = Where()
    readings: tuple[Reading, ...] = ()
    facts: tuple[str, ...] = ()
    repair: Repair | None = None
    alternatives: tuple[Repair, ...] = ()
    tried: int = 0
    seconds: float = 0.0
    failed: tuple[str, ...] = ()

    @property
    def first_wrong(self) -> int | None:
        """The line at which it goes wrong first: where the repair is made, if there is one."""
        return self.repair.changes[0].line if self.repair else self.where.line

    @property
    def first_wrong_file(self) -> str:
        return self.repair.changes[0].filename if self.repair else self.where.filename

    @property
    def causes(self) -> tuple[str, ...]:
        """The kinds of mistake: those of the reading that reproduces the gradients, else those that the repair undoes.

        A reading with more mistakes than the repair has edits takes one for several: then the repair knows better.
        """
        read = tuple(dict.fromkeys(one.kind for each in self.readings[:1] for one in each.mistakes))
        undone = tuple(dict.fromkeys(change.kind for change in self.repair.changes)) if self.repair else ()
        return read if read and (not undone or len(read) <= len(undone)) else undone

    @property
    def said(self) -> tuple[str, ...]:
        if self.readings:
            return tuple(one.sentence for one in self.readings[0].mistakes)
        return tuple(change.sentence for change in self.repair.changes) if self.repair else self.facts


def diagnose(path: str, name: str, budget: float = BUDGET, without: Collection[str] = ()) -> Diagnosis:
    """Check a function of a file and diagnose it, in this process.

    without    parts of the diagnosis that are left out, of "annotation", "causes", "ordering": to see what they earn
    """
    function = pick(functions_in(path), name, path)
    start = time.monotonic()
    return replace(diagnosis(function, check_function(function), budget, without), seconds=time.monotonic() - start)


def diagnosis(
    function: GradientFunction,
    report: FunctionReport,
    budget: float = BUDGET,
    without: Collection[str] = (),
    told: Callable[[int], None] | None = None,
) -> Diagnosis:
    """The diagnosis of a function that was checked; where it is right, or could not be checked, only the outcome.

    Raises ValueError for a part to leave out that there is not.
    """
    if unknown := set(without) - set(PARTS):
        raise ValueError(f"without is {sorted(unknown)}, but should hold some of {', '.join(PARTS)}")
    start = time.monotonic()
    wrong = tuple(name for name in report.parameters if any(name in finding.wrong for finding in report.findings))
    found = Diagnosis(report.outcome, wrong)
    if report.outcome != WRONG or not wrong:
        return found
    case = _failing(function, report)
    if case is None:
        return found
    point, subject, finding = case
    with quiet():
        definitions = definitions_run(lambda: run(subject, subject.parameters))
    known = _truths(subject, finding)
    if known and "annotation" not in without:
        try:
            with np.errstate(all="ignore"):  # NaN and inf on the way match nothing
                found = replace(found, where=_where(subject, finding, definitions, known))
        except Exception as error:  # what breaks here costs the place, and neither the cause nor the fix
            found = replace(found, failed=(*found.failed, _broken("place", error)))
    if known and "causes" not in without:
        try:
            found = _why(found, subject, finding)
        except Exception as error:
            found = replace(found, failed=(*found.failed, _broken("cause", error)))
    problem = _problem(subject, finding, definitions, known, found)
    unseen = [replace(one, seed=one.seed + 1) for one in points(function.shapes) if one.sizes != point.sizes][:2]
    elsewhere = [lambda one=one: subject_at(function, one)[0] for one in unseen]
    repairs, tried = repair(problem, elsewhere, budget, "ordering" not in without, told)
    if repairs:
        found = replace(found, repair=repairs[0], alternatives=repairs[1:])
    return replace(found, tried=tried, seconds=time.monotonic() - start)


def _broken(what: str, error: Exception) -> str:
    return f"the {what} was not found: {our_mistake(error)}; please report it"


def _failing(function: GradientFunction, report: FunctionReport) -> tuple[Point, Subject, Finding] | None:
    """A small case at which it is wrong; else the first at which it was found to be."""
    every = points(function.shapes)
    tries = [every[0].with_sizes(time=TIME, batch=BATCH)]
    tries += [one.with_sizes(**finding.sizes) for one, finding in zip(every, report.findings) if finding.wrong]
    for point in tries:
        subject, _ = subject_at(function, point)
        finding = examine(subject)
        if finding.outcome == WRONG and finding.wrong:
            return point, subject, finding
    return None


def _truths(subject: Subject, finding: Finding) -> Truths | None:
    """None where autograd cannot follow the code, or where what is meant is not its derivative."""
    if finding.oracle != AUTOGRAD or subject.window is not None:
        return None
    try:
        return truths(subject)
    except (NotLifted, Mistrusted, NotChecked):
        return None


def _where(subject: Subject, finding: Finding, definitions: Sequence[Definition], known: Truths) -> Where:
    annotation: Annotation = annotate(subject, definitions, known)
    said = [reading(known, finding.wrong)]
    for verdict in finding.verdicts:
        if verdict.outcome == WRONG and verdict.comparable:
            found = coefficients(verdict.name, np.asarray(verdict.gradient, np.float64), known)
            said += str(found).splitlines() if found else []
    first = annotation.first
    return Where(
        tuple(one for one in said if one),
        tuple(annotation.lines()),
        first.filename if first else "",
        first.line if first else None,
        str(first) if first else "",
        tuple((one.filename, one.line) for one in annotation.remarks if one.status in (NEUTRAL, TRANSIT)),
    )


def _why(found: Diagnosis, subject: Subject, finding: Finding) -> Diagnosis:
    given = {v.name: np.asarray(v.gradient, np.float64) for v in finding.verdicts if v.comparable}
    if len(given) < len(finding.verdicts) or subject.deviations:
        return found
    tolerance = {verdict.name: float(np.max(verdict.tolerance)) for verdict in finding.verdicts}
    try:
        said = readings(subject, given, tolerance)
        return replace(found, readings=said, facts=() if said else facts(subject, given, tolerance))
    except (NotLifted, Mistrusted, NotChecked):
        return found


def _problem(
    subject: Subject, finding: Finding, definitions: Sequence[Definition], known: Truths | None, found: Diagnosis
) -> Problem:
    where = found.where
    close = CLOSE[np.dtype(finding.precision)]
    gradients: Mapping[str, np.ndarray] = {one.name: one.oracle for one in finding.verdicts}
    tolerance = {
        one.name: max(
            close * float(np.abs(one.oracle).max(initial=0)),
            float(np.max(one.tolerance, initial=0)) if one.comparable else 0.0,
        )
        for one in finding.verdicts
    }
    # a wrong sign would go unseen: 1 / (1 + exp(-x)) has the adjoint of -x as well as that of x
    adjoints = distinct(without_negatives(known.every)) if known else []
    return Problem(
        subject,
        definitions,
        known.forward if known else frozenset(),
        finding.loss,
        gradients,
        MappingProxyType(tolerance),
        matcher_of(adjoints),
        Matcher([one.value for one in known.every if one.kind == NODE] if known else ()),
        [one.parameter for one in adjoints],
        # one path of several, as the whole would be without its carry
        [PARTLY if one.kind == EDGE and one.depends else 1.0 for one in adjoints],
        [(where.filename, where.line)] if where.line is not None else [],
        frozenset(where.neutral),
        edits_for({one.kind for each in found.readings for one in each.mistakes}),
    )
