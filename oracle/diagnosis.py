"""Where a gradient function is wrong, why, and what fixes it: everything that follows a verdict of wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from oracle.annotation import Annotation, Coefficients, Listed, Truths, annotate, coefficients, reading, truths
from oracle.annotation.matching import Matcher, distinct, matcher_of, of_some_uses, without_negatives
from oracle.annotation.truths import EDGE, NODE
from oracle.examination import examine
from oracle.finding import Finding
from oracle.gradient_check import FunctionReport, check_function, functions_in, pick, subject_at
from oracle.gradient_function import GradientFunction
from oracle.hypotheses import SECONDS, Reading, explained
from oracle.kinds import OPERAND
from oracle.lifting import NotLifted
from oracle.oracles import AUTOGRAD, Mistrusted
from oracle.repair import BUDGET, PARTLY, Problem, Repair, edits_for, repair, running
from oracle.returned import NotChecked, our_mistake
from oracle.rewriting import Definition, definitions_run, loops_at_the_top_level, quiet
from oracle.sizes import Point, apart, asked_for, points
from oracle.subject import Subject, plain_loss, run
from oracle.verdict import WRONG

TIME, BATCH = 4, 3  # at which candidates are tried: small, and nothing that a mistake could hide behind
CLOSE = {np.dtype(np.float64): 1e-8, np.dtype(np.float32): 1e-4}  # of the largest element, in the search
OF_BUDGET = 0.15  # for the causes
PARTS = ("annotation", "causes", "ordering")


@dataclass(frozen=True)
class Where:
    """Where a backward pass is wrong.

    said          the wrong gradients and the right ones read together, and which steps count how often
    source        the user's own backward pass with a remark on each line
    filename, line   of the first wrong line; None where it cannot be told
    reason        why that line, in words
    neutral       the lines of the backward pass that compute no adjoint, as (file name, line)
    listing       what `source` shows, as data
    counts        what `said` says of the steps, as data
    """

    said: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    filename: str = ""
    line: int | None = None
    reason: str = ""
    neutral: tuple[tuple[str, int], ...] = ()
    listing: tuple[Listed, ...] = ()
    counts: tuple[Coefficients, ...] = ()


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
    unread        why there is no reading, in words; empty where everything known was tried
    unfollowed    the files with a loop at their top level: what it computes is neither annotated nor searched
    part          where there is no repair: a verified one of some of the gradients
    rest          what reproduces the gradients that stay wrong with that part, as `readings`
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
    unread: str = ""
    unfollowed: tuple[str, ...] = ()
    part: Repair | None = None
    rest: tuple[Reading, ...] = ()

    @property
    def made(self) -> Repair | None:
        """The repair, or the part of one."""
        return self.repair or self.part

    @property
    def first_wrong(self) -> int | None:
        """The line at which it goes wrong first: where the repair is made, if there is one."""
        return self.made.changes[0].line if self.made else self.where.line

    @property
    def first_wrong_file(self) -> str:
        return self.made.changes[0].filename if self.made else self.where.filename

    @property
    def mended(self) -> tuple[str, ...]:
        """The wrong gradients that agree with the part of a repair."""
        return tuple(name for name in self.wrong if self.part and name not in self.part.left)

    @property
    def causes(self) -> tuple[str, ...]:
        """The kinds of mistake: those of the reading that reproduces the gradients, and those that the repair undoes.

        A reading with more mistakes than the repair has edits takes one for several: then the repair knows better.
        Where it has fewer, each may have seen what the other has not; where it has as many, a repair knows better what
        the other operand is. Of a part of a repair, with what reproduces the rest.
        """
        read = tuple(dict.fromkeys(one.kind for each in self.readings[:1] for one in each.mistakes))
        rest = [one.kind for each in self.rest[:1] for one in each.mistakes]
        undone = tuple(dict.fromkeys([*(change.kind for change in self.made.changes), *rest])) if self.made else ()
        if not undone or (len(read) == len(undone) and (OPERAND not in read or OPERAND in undone)):
            return read
        if len(read) == len(undone):
            return undone
        return undone if len(read) > len(undone) else tuple(dict.fromkeys((*read, *undone)))

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
        found = replace(found, unfollowed=loops_at_the_top_level(lambda: run(subject, subject.parameters)))
    known = _truths(subject, finding)
    if known and "annotation" not in without:
        try:
            with np.errstate(all="ignore"):  # NaN and inf on the way match nothing
                found = replace(found, where=_where(subject, finding, definitions, known))
        except Exception as error:  # what breaks here costs the place, and neither the cause nor the fix
            found = replace(found, failed=(*found.failed, _broken("place", error)))
    if not known:
        found = replace(found, unread=_not_read(subject, finding))
    elif "causes" not in without:
        began = time.monotonic()
        try:
            found = _why(found, function, point, subject, finding, max(SECONDS, OF_BUDGET * budget))
        except Exception as error:
            found = replace(found, failed=(*found.failed, _broken("cause", error)))
        budget = max(0.0, budget - max(0.0, time.monotonic() - began - SECONDS))
    problem = _problem(subject, finding, definitions, known, found)
    elsewhere = [lambda one=one: subject_at(function, one)[0] for one in _unseen(function, point)]
    repairs = repair(problem, elsewhere, budget, "ordering" not in without, told)
    asked = {name for one in report.findings for name in one.sizes}
    whole = [_of(asked, one) for one in repairs.whole]
    if whole:
        found = replace(found, repair=whole[0], alternatives=tuple(whole[1:]))
    elif repairs.part:
        found = replace(found, part=_of(asked, repairs.part))
        if known and "causes" not in without and not found.unread:
            try:
                with running(definitions, repairs.edits):
                    rest = _why(Diagnosis(WRONG), function, point, subject, examine(subject), SECONDS)
                found = replace(found, rest=rest.readings)
            except Exception as error:
                found = replace(found, failed=(*found.failed, _broken("cause of the rest", error)))
    return replace(found, tried=repairs.tried, seconds=time.monotonic() - start)


def _unseen(function: GradientFunction, point: Point) -> list[Point]:
    """Two other cases with other numbers; and one with sizes one larger: what is right for even ones shall not pass."""
    unseen = [replace(one, seed=one.seed + 1) for one in points(function.shapes) if one.sizes != point.sizes][:2]
    larger = replace(unseen[0], sizes=tuple((name, size + 1) for name, size in unseen[0].sizes))
    subject, _ = subject_at(function, larger)
    with suppress(NotChecked, ValueError), quiet():
        plain_loss(subject)(subject.parameters)
        unseen.append(larger)
    return unseen


def _of(names: Collection[str], repair: Repair) -> Repair:
    """With those of the sizes that the function asks for: of 'time=5, batch=3' perhaps 'time=5'."""

    def asked(sizes: str) -> str:
        return ", ".join(one for one in sizes.split(", ") if one.partition("=")[0] in names)

    return replace(repair, verified=tuple(map(asked, repair.verified)))


def _broken(what: str, error: Exception) -> str:
    return f"the {what} was not found: {our_mistake(error)}; please report it"


def _failing(function: GradientFunction, report: FunctionReport) -> tuple[Point, Subject, Finding] | None:
    """A small case at which as many gradients are wrong as at any; else of those at which it was found wrong the first.

    What is clipped, or chosen by a condition, is right at some sizes and numbers.
    """
    every = points(function.shapes)
    most = max((len(finding.wrong) for finding in report.findings), default=0)
    found = [one.with_sizes(**finding.sizes) for one, finding in zip(every, report.findings) if finding.wrong]
    small = every[0].with_sizes(**apart(dict(every[0].sizes), {"time": TIME, "batch": BATCH}))
    best: tuple[Point, Subject, Finding] | None = None
    for point in [small, *found]:
        subject, _ = subject_at(function, point)
        finding = examine(subject)
        if finding.outcome == WRONG and len(finding.wrong) > (len(best[2].wrong) if best else 0):
            best = point, subject, finding
        if best and len(best[2].wrong) >= most:
            break
    return best


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
    said, counts = [reading(known, finding.wrong)], []
    for verdict in finding.verdicts:
        if verdict.outcome == WRONG and verdict.comparable:
            found = coefficients(verdict.name, np.asarray(verdict.gradient, np.float64), known)
            said += str(found).splitlines() if found else []
            counts += [found] if found else []
    if annotation.factor:
        said.append(f"all adjoints are {annotation.factor} times the true ones")
    first = annotation.first
    return Where(
        tuple(one for one in said if one),
        tuple(annotation.lines()),
        first.filename if first else "",
        first.line if first else None,
        str(first) if first else "",
        tuple(sorted(annotation.neutral)),
        tuple(annotation.listing()),
        tuple(counts),
    )


def _not_read(subject: Subject, finding: Finding) -> str:
    """Why no hypothesis is tried where there are no adjoints."""
    if finding.oracle != AUTOGRAD:
        return f"the cause was not looked for: that takes autograd of your own forward pass, not {finding.oracle}"
    if subject.window is not None:
        return f"the cause was not looked for: a deviation is declared, {subject.deviations[0]}"
    return "the cause was not looked for: autograd could not follow your forward pass step by step"


def _why(
    found: Diagnosis,
    function: GradientFunction,
    point: Point,
    subject: Subject,
    finding: Finding,
    seconds: float,
) -> Diagnosis:
    if subject.deviations:
        declared = ", ".join(map(str, subject.deviations))
        return replace(found, unread=f"the cause was not looked for: a deviation is declared, {declared}")
    if unlike := [verdict.name for verdict in finding.verdicts if not verdict.comparable]:
        names = ", ".join(unlike)
        said = f"the cause was not looked for: all gradients are read together, and {names} cannot be compared"
        return replace(found, unread=said)

    def elsewhere(**sizes: int) -> tuple[Subject, dict[str, np.ndarray], dict[str, float]]:
        others = [one for one in points(function.shapes) if not set(one.sizes) & set(point.sizes)]
        other = point.with_sizes(**sizes) if sizes or not others else others[0]
        another, named = subject_at(function, replace(other, seed=other.seed + 1))
        given = _given(examine(another))
        return replace(another, sizes=asked_for(named, function.shapes)), *given

    try:
        said = explained(subject, *_given(finding), elsewhere, seconds)
    except (NotLifted, Mistrusted, NotChecked):
        return replace(found, unread=_not_read(subject, finding))
    stopped = f"no cause was found in {seconds:.2g} s, and not everything known was tried: a larger budget tries more"
    unread = stopped if said.stopped else ""
    return replace(found, readings=said.readings, facts=said.facts, unread=unread)


def _given(finding: Finding) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The code's gradients that can be compared, and how far equal ones may be apart."""
    verdicts = [one for one in finding.verdicts if one.comparable]
    return (
        {one.name: np.asarray(one.gradient, np.float64) for one in verdicts},
        {one.name: float(np.max(one.tolerance)) for one in verdicts},
    )


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
    # the adjoint of the weights of a weighted sum is the output itself: a state would pass for an adjoint
    states = Matcher([one.value for one in known.every if one.kind == NODE and one.depends] if known else ())
    every = [one for one in known.every if one.depends or states.match(one.adjoint) is None] if known else []
    adjoints = distinct(without_negatives([*every, *of_some_uses(every)])) if known else []
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
