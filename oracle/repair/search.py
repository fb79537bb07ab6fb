"""The search for a repair: edits that make every gradient agree, one mistake after the other.

All single edits are tried, the likeliest on the most suspicious lines first. Where none makes every gradient agree,
the best of them are kept and the search goes on from there: an edit that undoes one of several mistakes makes more
gradients agree, or, where one gradient suffers from two, more of the values that the backward pass computes on its way.
"""

from __future__ import annotations

import ast
import itertools
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from oracle.annotation.matching import Matcher
from oracle.annotation.recording import INCREMENT, PART, Site, recordings, sites_of
from oracle.repair.candidates import candidates
from oracle.repair.edit import Edit, applied
from oracle.repair.locally import Moment, Occurrence, first_wrong, moments, promising
from oracle.repair.material import Material, material_of
from oracle.repair.place import Shapes
from oracle.repair.trial import Score, Trial, cores
from oracle.repair.workers import tried
from oracle.rewriting import Definition, compiled, exchanged, quiet
from oracle.subject import Subject, run

MOST_EDITS = 4
IN_PARTS = 4  # wrong statements whose expressions are followed part by part
PARTLY = 0.7  # what a match with one use of a value counts, where one with the whole counts 1
ALIKE = 2  # states that change the same lines
BREADTH = 4  # states that are followed at each depth
SLICE = 0.15  # of the budget that one state gets at first
NEARBY = 0.25  # of the budget that goes to the edits near the first wrong values
NEAR = 150  # of those in one state
NEAR_WEIGHT = 1.3  # a statement's, to be near
BY_CHANCE = 1.5  # values more that are adjoints
COSTS = 0.1  # of an edit, for each of its cost: what a little chance may bring
MORE = 0.4  # seconds that are spent after a solution, to find one that is closer
# what the cost of an edit is multiplied by, by what its line computes
SETUP, MATCHED, FIRST, LATER, UNSEEN, FORWARD = 12.0, 4.0, 1.0, 1.6, 2.2, 2.0


@dataclass(frozen=True)
class Problem:
    """What is to be repaired, at one set of arrays.

    forward      the lines that compute the loss, as (file name, line): they stay as they are
    gradients    the oracle's
    tolerance    how far from them is still right, by name
    matcher      of the adjoints
    values       of the values of the forward pass
    owners       of each adjoint that the matcher knows, the parameter whose gradient it is a part of, or ""
    weights      how much a match with each adjoint counts
    kinds        of the edits that may undo what reproduces the gradients
    neutral      lines that compute no adjoint: values of the forward pass, derivatives of activations
    suspects     lines that are known to be wrong, as (file name, line), the first first
    """

    subject: Subject
    definitions: Sequence[Definition]
    forward: frozenset[tuple[str, int]]
    loss: float
    gradients: Mapping[str, np.ndarray]
    tolerance: Mapping[str, float]
    matcher: Matcher
    values: Matcher
    owners: Sequence[str] = ()
    weights: Sequence[float] = ()
    suspects: Sequence[tuple[str, int]] = ()
    neutral: frozenset[tuple[str, int]] = frozenset()
    kinds: frozenset[str] = frozenset()


@dataclass
class Progress:
    """How far a search has come: candidates tried, by when it has to end, and whether a solution was verified."""

    deadline: float
    tried: int = 0
    solved: bool = False
    told: Callable[[int], None] | None = None

    def one_more(self) -> None:
        self.tried += 1
        if self.told and self.tried % 50 == 0:
            self.told(self.tried)

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.deadline


@dataclass(frozen=True)
class State:
    """Some edits, how right the program is with them, and how many candidates had been tried when they were found."""

    edits: tuple[Edit, ...]
    score: Score
    tried: int = 0

    @property
    def key(self) -> tuple[int, float]:
        return len(self.score.agreeing), self.score.matched - COSTS * sum(edit.cost for edit in self.edits)


@dataclass
class _Surroundings:
    """What is known of the program with some edits in it.

    near      edits of the most suspicious statements, the likeliest first
    likely    those of them that make an adjoint of the first wrong value
    every     all edits, as a function: there may be ten thousand of them
    """

    trial: Trial
    baseline: Score | None
    near: list[Edit]
    likely: set[Edit]
    every: Callable[[], list[Edit]]


def solutions(problem: Problem, progress: Progress, ordered: bool = True) -> Iterator[State]:
    """Edits with which every gradient agrees at the problem's arrays, the likeliest first.

    First the edits at the first wrong values alone, one mistake after the other; then the likeliest of all edits from
    the best of the states; then all of them.
    """
    nothing = State((), Score(frozenset(), -1.0))
    budget = progress.deadline - time.monotonic()
    near_by = _Reach(True, time.monotonic() + NEARBY * budget)
    for reach in (near_by, _Reach(False, slice=SLICE * budget), _Reach(False)) if ordered else (_Reach(False),):
        waiting: list[list[State]] = [[nothing], *([] for _ in range(MOST_EDITS))]  # by the number of their edits
        seen: set[frozenset[str]] = set()
        for depth in range(MOST_EDITS):
            for state in list(_distinct(sorted(waiting[depth], key=lambda one: one.key, reverse=True), seen))[:BREADTH]:
                if progress.is_over or reach.is_over:
                    break
                found, improved, whole = _explored(problem, state, progress, ordered, reach)
                yield from found
                if progress.solved or (state is nothing and whole and reach.slice < np.inf and not improved + found):
                    return
                for one in improved:
                    waiting[len(one.edits)].append(one)


@dataclass(frozen=True)
class _Reach:
    """How far a round of the search goes: only to edits near the first wrong values, until when, how long a state."""

    near: bool
    until: float = np.inf
    slice: float = np.inf

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until


def _distinct(states: Iterable[State], seen: set[frozenset[str]]) -> Iterator[State]:
    """Those that are not another spelling of one before: the best of those that change the same lines."""
    times: dict[frozenset[str], int] = {}
    for state in states:
        lines = frozenset(f"{edit.definition.name}:{edit.line}" for edit in state.edits)
        effect = lines | {str(state.score)}
        if effect not in seen and times.get(lines, 0) < ALIKE:
            seen.add(effect)
            times[lines] = times.get(lines, 0) + 1
            yield state


def _explored(
    problem: Problem, state: State, progress: Progress, ordered: bool, reach: _Reach
) -> tuple[list[State], list[State], bool]:
    """The solutions one edit further, the states that are better than this one, and whether all edits were tried."""
    with applied(state.edits):
        around = _surroundings(problem, ordered, not state.edits)
        edits = around.near if reach.near else around.every()
        whole = frozenset(problem.gradients)
        baseline = around.baseline or Score(frozenset(), -1.0)
        better: list[tuple[int, Score]] = []
        solved: list[tuple[int, Score, int]] = []
        stop = min(progress.deadline, reach.until, time.monotonic() + reach.slice)
        tried_here = 0

        def until() -> float:
            return stop

        for index, score in tried(around.trial, edits, cores(), until):
            progress.one_more()
            tried_here += 1
            if score is None:
                continue
            if score.agreeing == whole:
                if not solved:
                    stop = min(progress.deadline, time.monotonic() + MORE)
                solved.append((index, score, progress.tried))
            elif score.key > baseline.key:
                better.append((index, score))
        solved.sort(key=lambda one: one[0])
        found = [State((*state.edits, edits[k]), score, tried) for k, score, tried in solved]
        if reach.near:  # what is a little better by chance would lead astray
            agreeing = len(baseline.agreeing)
            better = [
                (k, score)
                for k, score in better
                if edits[k] in around.likely
                or len(score.agreeing) > agreeing
                or score.matched > baseline.matched + BY_CHANCE
            ]
        improved = [State((*state.edits, edits[k]), score) for k, score in better]
        whole_list = not reach.near and tried_here >= len(edits)
        if found:
            return found, [], whole_list
        together = _together(around, state, improved, progress)
        found = [_fewest(around, one, whole, len(state.edits)) for one in together if one.score.agreeing == whole]
    return found, [*together, *improved] if not found else [], whole_list


def _fewest(around: _Surroundings, state: State, whole: frozenset[str], first: int) -> State:
    """The same without the edits, from the first on, that it can do without."""
    edits = list(state.edits)
    for edit in state.edits[first:]:
        rest = [one for one in edits if one is not edit]
        score = around.trial.score(rest[first:]) if len(rest) > first else None
        if score is not None and score.agreeing == whole:
            edits = rest
    return State(tuple(edits), state.score, state.tried)


def _together(around: _Surroundings, state: State, improved: list[State], progress: Progress) -> list[State]:
    """Several edits that each make it better, as far as together they make it better still."""
    room = MOST_EDITS - len(state.edits)
    ranked = sorted(improved, key=lambda one: one.key, reverse=True)[:60]
    found: list[State] = []
    for start in ranked[:4]:
        chosen, score = [start.edits[-1]], start.score
        for other in ranked:
            edit = other.edits[-1]
            if len(chosen) >= room or progress.is_over:
                break
            if not all(_compatible(edit, one) for one in chosen):
                continue
            progress.one_more()
            both = around.trial.score([*chosen, edit])
            if both is not None and both.key > score.key:
                chosen, score = [*chosen, edit], both
        if len(chosen) > 1:
            found.append(State((*state.edits, *chosen), score, progress.tried))
    return found


def _compatible(one: Edit, other: Edit) -> bool:
    if one.statement is other.statement:
        return False
    if one.parent is other.parent and one.field == other.field:
        return False
    # an edit in a statement that the other one puts into a new loop or takes away
    return not any(
        isinstance(edit.value, list)
        and not any(inner is rest.parent for new in edit.value for inner in ast.walk(new))
        and any(old is rest.statement for old in getattr(edit.parent, edit.field, []))
        and rest.statement not in edit.value
        for edit, rest in ((one, other), (other, one))
    )


def _surroundings(problem: Problem, ordered: bool, untouched: bool) -> _Surroundings:
    """Trial and candidates for the program as its trees now are.

    untouched   no edit is in them: the suspects of the problem are still those
    """
    definitions = problem.definitions

    def once() -> object:
        with quiet():
            return run(problem.subject, problem.subject.parameters)

    every = sites_of(definitions)
    shapes, lasts, firsts = _seen_once(definitions, every, once)
    backward = [
        site
        for site in every
        if not _is_forward(site, problem.forward)
        and site.definition.ran(site.statement)
        and (site.definition.filename, site.statement.lineno) not in problem.neutral
    ]
    ended = max(
        (lasts[site.number] for site in every if _is_forward(site, problem.forward) and site.number in lasts),
        default=-1,
    )
    early = [site for site in backward if firsts.get(site.number, ended + 1) < ended]
    backward = [site for site in backward if site not in set(early)]
    trial = _trial(problem, [site for site in backward if site.kind != PART])
    trial.score()
    trial = _trial(problem, _followed(backward, trial.shares(), firsts))
    baseline = trial.baseline()
    materials = materials_of(problem)
    suspects = problem.suspects if untouched else ()
    wrong = first_wrong(trial.log, problem.matcher)
    weights = _suspicion(problem, trial, backward, early, wrong, suspects) if ordered else {}
    recurrent = {one: _recurrent(materials[one], problem) for one in definitions}
    parameters = frozenset(gradient.shape for gradient in problem.gradients.values())
    nodes = {site.node: shapes[site.number] for site in every if site.number in shapes}
    kinds = problem.kinds if ordered else frozenset()

    def edits_of(statements: Collection[ast.stmt] | None = None) -> list[Edit]:
        known = definitions, materials, nodes, problem.forward, weights, recurrent, parameters, kinds
        return candidates(*known, suspicious, statements)

    suspicious = {one for one, weight in weights.items() if weight <= NEAR_WEIGHT}
    if not ordered:
        return _Surroundings(trial, baseline, [], set(), edits_of)
    loops = {one for each in definitions for one in ast.walk(each.statement) if isinstance(one, (ast.For, ast.While))}
    # of a loop its order, and what it carries: all lines in it depend on them
    carries = set(_carries(suspicious, definitions))
    near = edits_of(suspicious | loops | carries)
    likely = _promising(problem, wrong, backward, near, once, carries)
    ranked = [*(one for one in near if one in likely), *(one for one in near if one not in likely)][:NEAR]

    def every() -> list[Edit]:
        edits = edits_of()
        likely = _promising(problem, wrong, backward, edits, once)
        return [*(one for one in edits if one in likely), *(one for one in edits if one not in likely)]

    return _Surroundings(trial, baseline, ranked, likely, every)


def _carries(statements: Collection[ast.stmt], definitions: Sequence[Definition]) -> Iterator[ast.stmt]:
    """The statements that make what these read from the step before: later in their loop, or what is returned."""
    for definition in definitions:
        inside = [one for one in ast.walk(definition.statement) if one in statements]
        read = {name for one in inside for name in _names(one)}
        loops = [one for one in ast.walk(definition.statement) if isinstance(one, (ast.For, ast.While))]
        around = [loop for loop in loops if any(one in statements for one in ast.walk(loop))]
        returned = {
            name
            for one in ast.walk(definition.statement)
            if isinstance(one, ast.Return) and one.value is not None
            for name in _names(one.value)
        }
        for one in ast.walk(definition.statement):
            if isinstance(one, (ast.Assign, ast.AugAssign)) and inside:
                written = {
                    name
                    for target in (one.targets if isinstance(one, ast.Assign) else [one.target])
                    for name in _names(target)
                }
                if (written & returned and not loops) or (
                    written & read and any(one in set(ast.walk(loop)) for loop in around)
                ):
                    yield one


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _promising(
    problem: Problem,
    wrong: Mapping[int, Occurrence],
    sites: Sequence[Site],
    edits: list[Edit],
    once: Callable[[], object],
    carries: Collection[ast.stmt] = (),
) -> set[Edit]:
    """The edits that make an adjoint of the first wrong values, and another one of what is carried."""
    suspects = [site for site in sites if site.kind != PART and site.number in wrong]
    suspects = sorted(suspects, key=lambda site: wrong[site.number].position)[:IN_PARTS]
    wanted = {edit.statement: Moment(edit.definition.filename, 1) for edit in edits if edit.inserted}
    for site in sites:
        if site.statement in carries and site.kind != PART:
            wanted[site.statement] = Moment(site.definition.filename, 0, site)
    for site in suspects:
        wanted[site.statement] = Moment(site.definition.filename, wrong[site.number].time, site)
    codes: dict = {}
    for one in problem.definitions:
        codes |= compiled(one)
    with exchanged(problem.definitions, codes):  # the program as its trees now are
        seen = moments(wanted, once)
    return promising(edits, seen, problem.matcher)


def _trial(problem: Problem, sites: Sequence[Site]) -> Trial:
    return Trial(
        problem.subject, problem.definitions, problem.loss, problem.gradients, problem.tolerance, problem.matcher,
        sites, problem.weights,
    )  # fmt: skip


def _followed(sites: Sequence[Site], shares: Mapping[int, float], firsts: Mapping[int, int]) -> list[Site]:
    """The values of all statements, and the parts of those that are wrong first: two mistakes may be in one of them."""
    wrong = sorted((firsts[one.number], one.number) for one in sites if shares.get(one.number, 1) < PARTLY)
    statements = {one.statement for _, number in wrong[:IN_PARTS] for one in sites if one.number == number}
    return [one for one in sites if one.kind != PART or one.statement in statements]


def _is_forward(site: Site, forward: frozenset[tuple[str, int]]) -> bool:
    return site.definition.holds(site.statement, forward)


def _seen_once(
    definitions: Sequence[Definition], sites: Sequence[Site], once: Callable[[], object]
) -> tuple[dict[int, Shapes], dict[int, int], dict[int, int]]:
    """The shapes that each site had in one run, when it was last seen, and when first."""
    shapes: dict[int, Shapes] = {}
    lasts: dict[int, int] = {}
    firsts: dict[int, int] = {}
    clock = itertools.count()

    def seen(number: int, value: object) -> object:
        now = next(clock)
        firsts.setdefault(number, now)
        lasts[number] = now
        if isinstance(value, np.ndarray):
            shapes.setdefault(number, set()).add(value.shape)
        return value

    with exchanged(definitions, recordings(definitions, sites, seen)):
        with suppress(Exception):  # a program that raises is searched as well, with what it did until then
            once()
    return shapes, lasts, firsts


def materials_of(problem: Problem) -> Mapping[Definition, Material]:
    """What each definition can read, seen in one run of the program as its trees now are."""

    def once() -> None:
        with quiet(), suppress(Exception):  # a program that raises is searched as well
            run(problem.subject, problem.subject.parameters)

    return material_of(problem.definitions, once)


def _suspicion(
    problem: Problem,
    trial: Trial,
    sites: Sequence[Site],
    early: Sequence[Site],
    occurrences: Mapping[int, Occurrence],
    suspects: Sequence[tuple[str, int]],
) -> dict[ast.stmt, float]:
    """By what the cost of an edit is multiplied, by its statement.

    A statement all of whose values are adjoints is hardly wrong; of the others the first in the order of the run is
    where the mistake is, if it is one line that is wrong.
    """
    shares, forward = trial.shares(), trial.shares(problem.values)
    strangers, right = _increments(problem, trial, sites)
    weights: dict[ast.stmt, float] = {site.statement: SETUP for site in early}
    wrong: dict[ast.stmt, int] = {}
    for site in sites:
        if site.kind == PART:
            continue
        if site.number in strangers:
            wrong[site.statement] = -1
            continue
        if site.number not in shares:
            weight = UNSEEN
        elif site.number in right:
            weight = SETUP
        elif site.number not in occurrences or shares[site.number] >= PARTLY:
            weight = MATCHED
        elif forward[site.number] == 1:
            weight = FORWARD
        else:
            position = occurrences[site.number].position
            wrong[site.statement] = min(position, wrong.get(site.statement, position))
            continue
        weights[site.statement] = min(weight, weights.get(site.statement, weight))
    for rank, statement in enumerate(sorted(wrong, key=lambda one: wrong[one])):
        weights[statement] = min(FIRST + 0.3 * rank, LATER)
    for rank, (filename, line) in enumerate(suspects):
        for site in sites:
            if site.definition.filename == filename and site.statement.lineno <= line <= (
                site.statement.end_lineno or 0
            ):
                weights[site.statement] = min(weights.get(site.statement, UNSEEN), 0.5 + 0.2 * rank)
    return weights


def _increments(problem: Problem, trial: Trial, sites: Sequence[Site]) -> tuple[set[int], set[int]]:
    """The increments of a gradient that are contributions to another parameter's, and those of right gradients.

    The number of a sum is the sum of the numbers: so it is known which gradient was added up where.
    """
    sums: dict[int, float] = {}
    seen: dict[int, list[set[str]]] = {}
    for number, size, value in trial.log:
        sums[number] = sums.get(number, 0.0) + value
        whose = {
            # what matches with its axes turned is not what belongs there
            "turned" if turned and problem.owners[found] else problem.owners[found]
            for found, turned in problem.matcher.find_all(size, value)
        }
        seen.setdefault(number, []).append(whose)
    strangers, right = set(), set()
    for site in sites:
        if site.kind != INCREMENT or site.number not in sums:
            continue
        for name, (value, agrees) in trial.returned.items():
            if value and abs(sums[site.number] - value) <= 1e-9 * abs(value):
                if agrees:
                    right.add(site.number)
                elif any(whose and not whose & {"", name} for whose in seen[site.number]):
                    strangers.add(site.number)
    return strangers, right


def _recurrent(material: Material, problem: Problem) -> frozenset[str]:
    """How a definition writes the square parameters, and square parts of others: what carries one step to the next."""
    square = {
        name
        for name, gradient in problem.gradients.items()
        if gradient.ndim == 2 and gradient.shape[0] == gradient.shape[1]
    }
    shapes = {problem.gradients[name].shape for name in square}
    gradients = ("d", "grad", "self.d", "self.grad")
    others = {gradient.shape for name, gradient in problem.gradients.items() if name not in square}

    def is_part(text: str, known: Shapes) -> bool:
        """Whether it is W[:, :n] of a matrix that is applied to the input and to the state at once."""
        whole = material.arrays.get(text.partition("[")[0], set())
        return text.endswith("]") and ":" in text and bool(whole & others) and any(len({*one}) == 1 for one in known)

    return frozenset(
        text
        for text, known in material.arrays.items()
        if (known & shapes or is_part(text, known))
        and not text.endswith(".T")
        and not text.lower().startswith(gradients)
    )
