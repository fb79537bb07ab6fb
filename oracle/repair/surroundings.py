"""What is known of a program with some edits in it, and which edits of it come next."""

from __future__ import annotations

import ast
import gc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import numpy as np

from oracle.annotation.matching import Matcher
from oracle.annotation.recording import LISTING, PART, READ, Site, nothing_left_over, reads_of, recordings, sites_of
from oracle.repair.candidates import affected, backward_statements, candidates, weighted
from oracle.repair.edit import Edit, running
from oracle.repair.locally import Moment, Occurrence, first_wrong, moments, promising
from oracle.repair.loops import Loop
from oracle.repair.material import Material, material_of
from oracle.repair.place import ADJOINT, Shapes, makes_array
from oracle.repair.problem import PARTLY, Problem
from oracle.repair.suspicion import NEAR, carries, suspicion
from oracle.repair.trial import Score, Trial
from oracle.rewriting import Definition, exchanged, quiet
from oracle.subject import run

IN_PARTS = 4  # wrong statements whose expressions are followed part by part
MOST_ZERO = 3  # statements that are looked at because they are zero at first
MOST_NEAR = 150  # edits near the first wrong values
NEW = 3  # lines that run for the first time, one after the other, after the forward pass: the backward pass


@dataclass
class Kept:
    """The edits of the program as it was found: most of them need not be thought of again once some edits are made.

    edits      by their statement, and whether it was suspicious then
    materials  of which they were made
    """

    edits: dict[ast.stmt, tuple[bool, list[Edit]]] = field(default_factory=dict)
    materials: Mapping[Definition, Material] = field(default_factory=dict)

    def but(self, made: Sequence[Edit], materials: Mapping[Definition, Material]) -> Kept:
        """Those that are the same with some edits made, and what is then made of."""
        stale = affected(made, list(materials))
        for definition, material in materials.items():
            before = self.materials.get(definition)
            if before is None or (before.arrays, before.numbers) != (material.arrays, material.numbers):
                stale.update(one for one in ast.walk(definition.statement) if isinstance(one, ast.stmt))
        return Kept({one: known for one, known in self.edits.items() if one not in stale}, materials)


@dataclass
class Surroundings:
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


@contextmanager
def _without_collections() -> Iterator[None]:
    """Trees are made here by the hundred thousand, none of them in a cycle: looking for garbage takes half the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_without_collections()
def surroundings(
    problem: Problem,
    ordered: bool,
    made: Sequence[Edit] = (),
    harmful: Collection[tuple] = frozenset(),
    kept: Kept | None = None,
) -> Surroundings:
    """Trial and candidates for the program as its trees now are.

    made      the edits that are in them
    harmful   keys of edits that were tried without these and made it worse: they come last
    kept      of the program without these; filled where there are none
    """
    definitions = problem.definitions

    def once() -> object:
        with quiet():
            return run(problem.subject, problem.subject.parameters)

    places = sites_of(definitions)
    places += reads_of(definitions, len(places))
    shapes, firsts, ended = _seen_once(problem, places, once)
    backward = [
        site
        for site in places
        if not _is_forward(site, problem.forward)
        and site.definition.ran(site.statement)
        and (site.definition.filename, site.statement.lineno) not in problem.neutral
    ]
    early = [site for site in backward if firsts.get(site.number, ended + 1) < ended]
    backward = [site for site in backward if site not in set(early)]
    trial = trial_of(problem, [site for site in backward if site.kind != PART])
    trial.score()
    trial = trial_of(problem, _followed(backward, trial.shares(), firsts))
    baseline = trial.baseline()
    materials = materials_of(problem)
    suspects = () if made else problem.suspects
    wrong = first_wrong(trial.log, problem.matcher)
    weights = suspicion(problem, trial, backward, early, wrong, suspects) if ordered else {}
    recurrent = {one: _recurrent(materials[one], problem) for one in definitions}
    parameters = frozenset(gradient.shape for gradient in problem.gradients.values())
    nodes = {site.node: shapes[site.number] for site in places if site.number in shapes}
    kinds = problem.kinds if ordered else frozenset()
    suspicious = {one for one, weight in weights.items() if weight <= NEAR}
    # what these read of the step before, and what is zero at first, for want of a term
    loops = {one for each in definitions for one in ast.walk(each.statement) if isinstance(one, Loop)}
    carried = {*carries(suspicious, definitions), *_zero_at_first(trial, backward, loops)}
    hot = suspicious | carried
    kept = Kept() if kept is None else kept
    if made:
        kept = kept.but(made, materials)
    kept.materials = materials
    before = {site.statement for site in early}

    def edits_of(statements: Collection[ast.stmt] | None = None) -> list[Edit]:
        every = (one for each in definitions for one in backward_statements(each, problem.forward))
        wanted = [one for one in every if statements is None or one in statements]
        new = {one for one in wanted if one not in kept.edits or (one in hot and not kept.edits[one][0])}
        known = definitions, materials, nodes, problem.forward, weights, recurrent, parameters, kinds
        kept.edits |= {one: (one in hot, []) for one in new}
        for edit in candidates(*known, hot, new, before):
            kept.edits[edit.statement][1].append(edit)
        edits = [edit for one in wanted for edit in kept.edits[one][1]]
        return sorted(edits, key=lambda edit: weighted(edit, weights, kinds))

    if not ordered:
        return Surroundings(trial, baseline, [], set(), edits_of)
    # of a loop its order, and what it carries: all lines in it depend on them
    near = edits_of(hot | loops)
    likely = _promising(problem, wrong, backward, near, once, carried)

    @_without_collections()
    def all_edits() -> list[Edit]:
        edits = edits_of()
        return _first(edits, _promising(problem, wrong, backward, edits, once), harmful)

    return Surroundings(trial, baseline, _first(near, likely, harmful)[:MOST_NEAR], likely, all_edits)


def _zero_at_first(trial: Trial, sites: Sequence[Site], loops: Collection[Loop]) -> list[ast.stmt]:
    """The first few statements whose first value is zero, and not because they make an array to be filled."""
    inside = {one for loop in loops for one in ast.walk(loop)}
    statements = {
        site.number: site.statement
        for site in sites
        if site.kind not in (PART, READ) and (not makes_array(site.node) or site.statement in inside)
    }
    seen: dict[int, float] = {}
    for number, _, value in trial.log:
        seen.setdefault(number, value)
    return [statements[number] for number, value in seen.items() if not value and number in statements][:MOST_ZERO]


def _first(edits: list[Edit], likely: set[Edit], harmful: Collection[tuple]) -> list[Edit]:
    """The likely ones in front, those that do harm at the end, else in their order."""
    return sorted(edits, key=lambda one: (one not in likely, one.key in harmful))


def _promising(
    problem: Problem,
    wrong: Mapping[int, Occurrence],
    sites: Sequence[Site],
    edits: list[Edit],
    once: Callable[[], object],
    carried: Collection[ast.stmt] = (),
) -> set[Edit]:
    """The edits that make an adjoint of the first wrong values, and another one of what is carried."""
    suspects = [site for site in sites if site.kind not in (PART, READ) and site.number in wrong]
    suspects = sorted(suspects, key=lambda site: wrong[site.number].position)[:IN_PARTS]
    wanted = {edit.statement: Moment(edit.definition.filename, 1) for edit in edits if edit.inserted}
    for site in sites:
        if site.statement in carried and site.kind not in (PART, READ):
            wanted[site.statement] = Moment(site.definition.filename, 0, site, is_right=True)
    for site in suspects:
        if isinstance(site.parent, LISTING):  # its items one by one: the statement is looked at as a whole
            whole = next((one for one in sites if one.parent is site.statement), None)
            wanted.setdefault(site.statement, Moment(site.definition.filename, 0, whole or site))
        else:
            wanted[site.statement] = Moment(site.definition.filename, wrong[site.number].time, site)
    with nothing_left_over(), running(problem.definitions):  # the program as its trees now are
        seen = moments(wanted, once)
    return promising(edits, seen, problem.matcher)


def trial_of(problem: Problem, sites: Sequence[Site]) -> Trial:
    return Trial(
        problem.subject, problem.definitions, problem.loss, problem.gradients, problem.tolerance, problem.matcher,
        sites, problem.weights, problem.values,
    )  # fmt: skip


def _followed(sites: Sequence[Site], shares: Mapping[int, float], firsts: Mapping[int, int]) -> list[Site]:
    """The values of all statements, and the parts of those that are wrong first: two mistakes may be in one of them."""
    wrong = sorted((firsts[one.number], one.number) for one in sites if shares.get(one.number, 1) < PARTLY)
    statements = {one.statement for _, number in wrong[:IN_PARTS] for one in sites if one.number == number}
    return [one for one in sites if one.kind != PART or one.statement in statements]


def _is_forward(site: Site, forward: frozenset[tuple[str, int]]) -> bool:
    return site.definition.holds(site.statement, forward)


def _seen_once(
    problem: Problem, sites: Sequence[Site], once: Callable[[], object]
) -> tuple[dict[int, Shapes], dict[int, int], int]:
    """The shapes that each site had in one run, when it was first seen, and when the forward pass had ended."""
    shapes: dict[int, Shapes] = {}
    log: list[int] = []
    began: list[int] = []
    own = {site.number for site in sites if site.kind not in (PART, READ) and not _is_forward(site, problem.forward)}

    def seen(number: int, value: object) -> object:
        log.append(number)
        if isinstance(value, np.ndarray):
            shapes.setdefault(number, set()).add(value.shape)
            if not began and number in own and value.dtype.kind == "f" and value.size > 1:
                if problem.matcher.match(value) is not None and problem.values.match(value) is None:
                    began.append(len(log) - 1)
        return value

    with nothing_left_over(), exchanged(problem.definitions, recordings(problem.definitions, sites, seen)):
        with suppress(Exception):  # a program that raises is searched as well, with what it did until then
            once()
    firsts: dict[int, int] = {}
    for now, number in enumerate(log):
        firsts.setdefault(number, now)
    forward = {site.number for site in sites if _is_forward(site, problem.forward) and not _is_call(site, problem)}
    ended = _ended(log, firsts, forward, own)
    # the loss may be computed after its gradients, or in the line that returns both
    return shapes, firsts, min([ended, *began])


def _is_call(site: Site, problem: Problem) -> bool:
    """Whether a value is what a function of the user's gives back: that comes after all that is computed in it."""
    if not isinstance(site.node, ast.Call):
        return False
    name = ast.unparse(site.node.func).rpartition(".")[2]
    return any(one.name.rpartition(".")[2] == name for one in problem.definitions)


def _ended(log: Sequence[int], firsts: Mapping[int, int], forward: Collection[int], own: Collection[int]) -> int:
    """When a forward pass was last at work before the backward pass that follows it; -1 without any.

    By its first adjoint that pass can be told only where it is right. The forward pass may come again, for another
    sample: so it ends where, after all of its lines have run, lines that had not run yet do, one after the other.
    """
    ended = -1
    all_of_it = max((firsts[number] for number in forward if number in firsts), default=-1)
    new = 0
    for now, number in enumerate(log):
        if number in forward:
            if new >= NEW:
                break
            ended, new = now, 0
        elif now > all_of_it and number in own and firsts[number] == now:
            new += 1
    return ended


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
        whole = material.arrays.get(text.rpartition("[")[0], set())
        return text.endswith("]") and ":" in text and bool(whole & others) and any(len({*one}) == 1 for one in known)

    def is_split_off(text: str, known: Shapes) -> bool:
        """Whether it may be U_z of `U_z, U_r, U_n = np.split(U, 3)`: square, and under a name of its own."""
        sides = {one[0] for one in known if len(one) == 2 and one[0] == one[1]}
        return text.isidentifier() and not ADJOINT.search(text) and any(sides & {*whole} for whole in others)

    return frozenset(
        text
        for text, known in material.arrays.items()
        if (known & shapes or is_part(text, known) or is_split_off(text, known))
        and not text.endswith(".T")
        and not text.lower().startswith(gradients)
    )


def materials_of(problem: Problem) -> Mapping[Definition, Material]:
    """What each definition can read, seen in one run of the program as its trees now are."""

    def once() -> None:
        with quiet(), suppress(Exception):  # a program that raises is searched as well
            run(problem.subject, problem.subject.parameters)

    parameters = Matcher(one for one in problem.subject.parameters.values() if one.size > 1)

    def is_given(array: np.ndarray) -> bool:
        return problem.values.match(array) is not None or parameters.match(array) is not None

    return material_of(problem.definitions, once, is_given)
