"""The search for a repair: edits that make every gradient agree, one mistake after the other.

All single edits are tried, the likeliest on the most suspicious lines first. Where none makes every gradient agree,
the best of them are kept and the search goes on from there: an edit that undoes one of several mistakes makes more
gradients agree, or, where one gradient suffers from two, more of the values that the backward pass computes on its way.
"""

from __future__ import annotations

import ast
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from oracle.repair.edit import Edit, applied
from oracle.repair.problem import Problem
from oracle.repair.surroundings import Kept, Surroundings, surroundings
from oracle.repair.tidy import is_odd
from oracle.repair.trial import Score, cores
from oracle.repair.workers import tried

MOST_EDITS = 4
ALIKE = 2  # states that change the same lines
BREADTH = 4  # states that are followed at each depth
ALMOST = 1e-6  # relative, of factors
MOST_SCALED = 200  # edits that change a gradient by a factor, of which pairs are looked at
SLICE = 0.1  # of the budget that one state gets at first
OF_ONE = 2.0  # slices for the edits of the program as it was found: most programs have one mistake
NEARBY = 0.25  # of the budget that goes to the edits near the first wrong values
BY_CHANCE, LITTLE = 1.5, 0.5  # values more that are adjoints, near the first wrong values and elsewhere
COSTS = 0.1  # of an edit, for each of its cost: what a little chance may bring
HARM = 0.5  # values less that are adjoints, for an edit to have done harm
MORE = 0.4  # seconds that are spent after a solution, to find one that is closer


@dataclass
class Progress:
    """How far a search has come.

    deadline   by when it has to end
    tried      candidates
    solved     whether a solution was verified
    partial    states in which more gradients agree than in the program as it was found, but not all
    """

    deadline: float
    tried: int = 0
    solved: bool = False
    told: Callable[[int], None] | None = None
    partial: list[State] = field(default_factory=list)

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


def solutions(problem: Problem, progress: Progress, ordered: bool = True) -> Iterator[State]:
    """Edits with which every gradient agrees at the problem's arrays, the likeliest first.

    First the edits at the first wrong values alone, one mistake after the other; then the likeliest of all edits from
    the best of the states; then all of them. The best state found so far is always the next to be gone on from.
    """
    nothing, whole = State((), Score(frozenset(), -1.0)), frozenset(problem.gradients)
    budget = progress.deadline - time.monotonic()
    near_by = _Reach(True, time.monotonic() + NEARBY * budget)
    rounds = (near_by, _Reach(False, slice=SLICE * budget), _Reach(False, slice=2 * SLICE * budget), _Reach(False))
    explorations = _Explorations(problem, ordered)
    for reach in rounds if ordered else rounds[-1:]:
        frontier = _Frontier([nothing])
        while (state := frontier.next()) and not progress.is_over and not reach.is_over:
            exploration = explorations.of(state, reach.near)
            exploration.go_on(progress, reach, OF_ONE if state is nothing else 1.0)
            while solving := _solving(exploration, whole, progress):
                yield from solving
                if progress.solved:
                    return
            if state is nothing:
                explorations.harmful |= exploration.harmful()
            improved = _improving(exploration, whole, progress)
            yield from (one for one in improved if one.score.agreeing == whole)
            if progress.solved or (state is nothing and exploration.is_whole and not improved):
                return
            # what solves it here alone is no way to what solves it everywhere
            better = [one for one in improved if one.score.agreeing != whole]
            frontier.add(better)
            right = explorations.as_found.agreeing
            progress.partial += [one for one in better if one.score.agreeing > right]


class _Frontier:
    """The states that wait to be gone on from: the best first, few of each number of edits and of each set of lines."""

    def __init__(self, states: Iterable[State]) -> None:
        self.waiting = list(states)
        self.seen: set[frozenset[str]] = set()
        self.alike: dict[frozenset[str], int] = {}
        self.followed = [0] * (MOST_EDITS + 1)  # by the number of their edits

    def add(self, states: Iterable[State]) -> None:
        self.waiting += [one for one in states if len(one.edits) < MOST_EDITS]

    def next(self) -> State | None:
        """None where there is no other."""
        while self.waiting:
            state = max(self.waiting, key=lambda one: one.key)
            self.waiting.remove(state)
            lines = frozenset(f"{edit.definition.name}:{edit.line}" for edit in state.edits)
            effect = lines | {str(state.score)}
            # another spelling of one before; the best of those that change the same lines
            if effect in self.seen or self.alike.get(lines, 0) >= ALIKE or self.followed[len(state.edits)] >= BREADTH:
                continue
            self.seen.add(effect)
            self.alike[lines] = self.alike.get(lines, 0) + 1
            self.followed[len(state.edits)] += 1
            return state
        return None


@dataclass(frozen=True)
class _Reach:
    """How far a round of the search goes: only to edits near the first wrong values, until when, how long a state."""

    near: bool
    until: float = np.inf
    slice: float = np.inf

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until


@dataclass
class _Exploration:
    """The edits of the program with those of a state in it, as far as they were tried.

    near     whether they are not all
    stop     when to go on elsewhere
    scores   by index; None where the program with that edit cannot run
    """

    state: State
    around: Surroundings
    edits: list[Edit]
    near: bool
    stop: float = 0.0
    scores: dict[int, Score | None] = field(default_factory=dict)

    def go_on(self, progress: Progress, reach: _Reach, slices: float) -> None:
        self.stop = min(progress.deadline, reach.until, time.monotonic() + slices * reach.slice)

    @property
    def baseline(self) -> Score:
        return self.around.baseline or Score(frozenset(), -1.0)

    @property
    def is_whole(self) -> bool:
        return not self.near and len(self.scores) >= len(self.edits)

    def harmful(self) -> set[tuple]:
        """The keys of the edits with which the program cannot run, or less of it is right than without."""
        base = self.baseline
        return {
            self.edits[k].key
            for k, score in self.scores.items()
            if score is None or not score.agreeing >= base.agreeing or score.matched < base.matched - HARM
        }


class _Explorations:
    """Those of all states so far: what is known of the program with the edits of one is found out once."""

    def __init__(self, problem: Problem, ordered: bool) -> None:
        self.problem, self.ordered = problem, ordered
        self.harmful: set[tuple] = set()
        self.kept = Kept()
        self.as_found = Score(frozenset(), -1.0)
        self._around: dict[tuple, Surroundings] = {}
        self._known: dict[tuple, _Exploration] = {}

    def of(self, state: State, near: bool) -> _Exploration:
        """That of all edits of a state, or only of those near the first wrong values."""
        edits = tuple(edit.key for edit in state.edits)
        with applied(state.edits):
            if edits not in self._around:
                harmful = self.harmful if state.edits else ()
                self._around[edits] = surroundings(self.problem, self.ordered, state.edits, harmful, self.kept)
                if not edits:
                    self.as_found = self._around[edits].baseline or self.as_found
            if (near, edits) not in self._known:
                around = self._around[edits]
                self._known[near, edits] = _Exploration(state, around, around.near if near else around.every(), near)
        return self._known[near, edits]


def _solving(here: _Exploration, whole: frozenset[str], progress: Progress) -> list[State]:
    """The solutions one edit further, of the edits that were not tried yet: soon after the first one it is enough."""
    left = [k for k in range(len(here.edits)) if k not in here.scores]
    found: list[tuple[int, State]] = []
    stop = here.stop

    def until() -> float:
        return stop

    with applied(here.state.edits):
        for number, score in tried(here.around.trial, [here.edits[k] for k in left], cores(), until):
            progress.one_more()
            here.scores[left[number]] = score
            if score is not None and score.agreeing == whole:
                if not found:
                    stop = min(progress.deadline, time.monotonic() + MORE)
                edits = (*here.state.edits, here.edits[left[number]])
                found.append((left[number], State(edits, score, progress.tried)))
        odd = {k for k, state in found if is_odd(state.edits[-1:])}
    return [state for _, state in sorted(found, key=lambda one: (one[0] in odd, one[0]))]


def _improving(here: _Exploration, whole: frozenset[str], progress: Progress) -> list[State]:
    """The states one edit further that are better, and with several of those edits together."""
    baseline = here.baseline
    found = []
    for k, score in sorted(here.scores.items()):  # the likeliest of equal ones first
        if score is None or score.agreeing == whole or score.key <= baseline.key:
            continue
        gain = score.matched - baseline.matched
        by_chance = len(score.agreeing) <= len(baseline.agreeing) and gain <= (BY_CHANCE if here.near else LITTLE)
        if here.edits[k] in here.around.likely or not by_chance:  # what is better by chance would lead astray
            found.append(State((*here.state.edits, here.edits[k]), score))
    with applied(here.state.edits):
        return [*_together(here.around, here.state, found, progress), *_scaled(here, whole, progress), *found]


def _scaled(here: _Exploration, whole: frozenset[str], progress: Progress) -> list[State]:
    """Two edits at a time that together take away a factor: a wrong sign and a 2 that was left out.

    Each of them alone makes no gradient agree; that they make it so many times what it should be tells which belong
    together.
    """
    before = here.baseline.ratios
    if len(here.state.edits) + 2 > MOST_EDITS or not before:
        return []
    found: list[State] = []
    changes: list[tuple[Edit, dict[str, float]]] = []
    for k, score in sorted(here.scores.items()):
        if score is not None and score.agreeing >= here.baseline.agreeing:
            by = {name: score.ratios.get(name, np.nan) / ratio for name, ratio in before.items()}
            if any(abs(one - 1) > ALMOST for one in by.values()):
                changes.append((here.edits[k], by))
    for (one, by), (other, further) in itertools.combinations(changes[:MOST_SCALED], 2):
        if not any(abs(ratio * by[name] * further[name] - 1) < ALMOST for name, ratio in before.items()):
            continue
        if not _compatible(one, other) or progress.is_over:
            continue
        progress.one_more()
        both = here.around.trial.score([one, other])
        if both is not None and both.agreeing > here.baseline.agreeing:
            found.append(State((*here.state.edits, one, other), both, progress.tried))
            if both.agreeing == whole or len(found) >= BREADTH:
                break
    # of two in one expression the second is only there once the first is made
    simpler = {
        edit: sum(_is_simpler(ratio * by[name], ratio) for name, ratio in before.items()) for edit, by in changes
    }
    best = sorted(filter(simpler.get, simpler), key=lambda edit: -simpler[edit])[:ALIKE]
    scores = {here.edits[k]: score for k, score in here.scores.items()}
    return [*found, *(State((*here.state.edits, edit), scores[edit], progress.tried) for edit in best)]


def _is_simpler(ratio: float, before: float) -> bool:
    """Whether of a wrong sign and a wrong factor one is left."""
    return before < 0 and abs(before) != 1 and (abs(ratio + before) < ALMOST or abs(ratio + 1) < ALMOST)


def _together(around: Surroundings, state: State, improved: list[State], progress: Progress) -> list[State]:
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
