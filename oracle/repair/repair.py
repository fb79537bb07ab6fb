"""A repair of a gradient function: found at one set of arrays, verified at others, written as a patch."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from oracle.examination import examine
from oracle.finding import Finding
from oracle.repair.causes import kind_of, lines_of
from oracle.repair.edit import Edit, applied, running
from oracle.repair.patch import diff_of, patched
from oracle.repair.problem import Problem
from oracle.repair.search import Progress, State, solutions
from oracle.repair.surroundings import materials_of
from oracle.repair.tidy import is_odd, needed
from oracle.returned import NotChecked, same_random_numbers
from oracle.rewriting import Definition, copied, quiet
from oracle.subject import Subject, plain_loss
from oracle.verdict import AGREES

BUDGET = 20.0  # seconds
MOST_ALTERNATIVES = 2
MOST_PARTIAL = 4  # parts of a repair that are verified
SAME_LOSS = 1e-9


@dataclass(frozen=True)
class Change:
    """One edit of a repair, for the reader."""

    filename: str
    line: int
    kind: str
    sentence: str


@dataclass(frozen=True)
class Repair:
    """Edits after which every gradient agrees, or more of them do, at arrays that the search has not seen as well.

    diff         unified
    patched      file name -> its whole new text
    tried        candidates until it was found
    seconds      until it was found and verified
    verified     the sizes at which it was verified, in words
    left         the gradients that stay wrong: of a part of a repair; and none of a whole one
    """

    changes: tuple[Change, ...]
    diff: str
    patched: Mapping[str, str]
    tried: int
    seconds: float
    verified: tuple[str, ...]
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repairs:
    """What a search found.

    whole     verified repairs, the likeliest first, others only if they differ in kind
    part      where there is none: what makes more gradients agree than did, and each that did, verified as well
    edits     of that part
    tried     how many edits were tried
    """

    whole: tuple[Repair, ...] = ()
    part: Repair | None = None
    edits: tuple[Edit, ...] = ()
    tried: int = 0


@same_random_numbers()  # kept once for all the runs of a search
def repair(
    problem: Problem,
    elsewhere: Sequence[Callable[[], Subject]],
    budget: float = BUDGET,
    ordered: bool = True,
    told: Callable[[int], None] | None = None,
) -> Repairs:
    """Search for repairs, and verify them.

    elsewhere   give the same function at other sizes and data
    budget      seconds for all
    told        called now and then with the number of candidates tried
    """
    start = time.monotonic()
    progress = Progress(start + budget, told=told)
    pristine = {one: copied(one.statement) for one in problem.definitions}
    whole = frozenset(problem.gradients)
    found: list[Repair] = []
    kinds: set[tuple[str, ...]] = set()
    for state in solutions(problem, progress, ordered):
        kind = tuple(sorted(edit.kind for edit in state.edits))
        if found and (kind in kinds or len(state.edits) > len(found[0].changes) or is_odd(state.edits)):
            continue
        state = replace(state, edits=needed(problem, state.edits, whole))
        if where := _verified(problem, state.edits, elsewhere, whole):
            written = _written(state, problem, pristine, start, where)
            progress.solved = True
            if all(written.patched != one.patched for one in found):
                found.append(written)
            kinds.add(kind)
        if len(found) > MOST_ALTERNATIVES:
            break
    if found:
        return Repairs(tuple(found), tried=progress.tried)
    for state in _most_first(progress.partial)[:MOST_PARTIAL]:
        right = state.score.agreeing
        state = replace(state, edits=needed(problem, state.edits, right))
        if where := _verified(problem, state.edits, elsewhere, right):
            part = _written(state, problem, pristine, start, where)
            part = replace(part, left=tuple(name for name in problem.gradients if name not in right))
            return Repairs((), part, state.edits, progress.tried)
    return Repairs(tried=progress.tried)


def _most_first(states: Sequence[State]) -> list[State]:
    """Those in which most gradients agree first, with the fewest edits; of equal ones the one found first."""
    return sorted(states, key=lambda one: (-len(one.score.agreeing), len(one.edits), is_odd(one.edits)))


def _verified(
    problem: Problem, edits: Sequence[Edit], elsewhere: Sequence[Callable[[], Subject]], right: Collection[str]
) -> tuple[str, ...]:
    """The sizes at which these gradients agree, and the loss is what it was; empty unless that is so at all.

    Edits that give cause for complaint where there was none, as one that writes to an input does, are no repair.
    """
    where: list[str] = []
    for make in elsewhere:
        subject = make()
        try:
            with quiet():
                before = plain_loss(subject)(subject.parameters)
                with running(problem.definitions, edits):
                    finding = examine(subject)
        except (NotChecked, ValueError, SyntaxError):
            return ()
        agreeing = {one.name for one in finding.verdicts if one.outcome == AGREES}
        if not agreeing >= set(right) or not abs(finding.loss - before) <= SAME_LOSS * abs(before):
            return ()
        if len(agreeing) == len(problem.gradients) and finding.outcome != AGREES:
            return ()
        if finding.complaints and not _complaints(finding) <= _complaints(_as_found(make)):
            return ()
        where.append(", ".join(f"{name}={size}" for name, size in finding.sizes.items()))
    return tuple(where)


def _complaints(finding: Finding | None) -> frozenset[str]:
    """Each up to its colon."""
    return frozenset(one.partition(":")[0] for one in finding.complaints) if finding else frozenset()


def _as_found(make: Callable[[], Subject]) -> Finding | None:
    """What is said of the program without any edit: what it does with some random numbers it may not do with others."""
    with suppress(NotChecked, ValueError), quiet():
        return examine(make())
    return None


def _written(
    state: State, problem: Problem, pristine: Mapping[Definition, object], start: float, where: tuple[str, ...]
) -> Repair:
    changes = _changes(state, problem)
    with applied(state.edits):
        after = patched(problem.definitions, pristine)
    before = {one.filename: one.text for one in problem.definitions}
    return Repair(changes, diff_of(before, after), after, state.tried, time.monotonic() - start, where)


def _changes(state: State, problem: Problem) -> tuple[Change, ...]:
    """The edits in words, in the order of the source."""
    parameters = {name: gradient.shape for name, gradient in problem.gradients.items()}
    made, materials = _made(problem), materials_of(problem)
    found: list[Change] = []
    for number, edit in enumerate(state.edits):
        with applied(state.edits[:number]):
            own = copied(edit.definition.statement)
            lines = lines_of(edit)
            kind = kind_of(edit, lines, materials[edit.definition], parameters, made)
            with applied([edit]):
                line = _first_changed(edit, own)
        found.append(Change(edit.definition.filename, line, kind, edit.sentence))
    return tuple(sorted(found, key=lambda one: (one.filename, one.line)))


def _first_changed(edit: Edit, before: ast.stmt) -> int:
    """The first line of the file that an edit changes; of what it inserts, the line where its name was read or set."""
    if edit.line_of is not None:
        return edit.line_of
    old = edit.definition.text.split("\n")
    new = patched([edit.definition], {edit.definition: before}).get(edit.definition.filename, "").split("\n")
    for number, (a, b) in enumerate(zip(old, new), 1):
        if a != b:
            return number
    return edit.line


def _made(problem: Problem) -> frozenset[str]:
    """The names that the lines of the forward pass assign."""
    found: set[str] = set()
    for definition in problem.definitions:
        for node in ast.walk(definition.statement):
            if isinstance(node, (ast.Assign, ast.AugAssign)) and definition.holds(node, problem.forward):
                for root in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    found |= {one.id for one in ast.walk(root) if isinstance(one, ast.Name)}
    return frozenset(found)
