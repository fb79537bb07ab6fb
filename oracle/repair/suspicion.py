"""How suspicious each statement of a backward pass is, by the values that it computes."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence

from oracle.annotation.recording import INCREMENT, PART, READ, Site
from oracle.repair.locally import Occurrence
from oracle.repair.loops import Loop
from oracle.repair.problem import PARTLY, Problem
from oracle.repair.trial import Trial
from oracle.rewriting import Definition

NEAR = 1.3  # the most that the weight of a suspicious statement is
# what the cost of an edit is multiplied by, by what its line computes
SETUP, MATCHED, FIRST, LATER, UNSEEN, FORWARD = 12.0, 4.0, 1.0, 1.6, 2.2, 2.0


def suspicion(
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
        if site.kind in (PART, READ):
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
    for statement, position in _changing_what_is_read(sites, occurrences):
        if statement not in wrong:
            wrong[statement] = position
    for rank, statement in enumerate(sorted(wrong, key=lambda one: wrong[one])):
        weights[statement] = min(FIRST + 0.3 * rank, LATER)
    for definition in problem.definitions:  # what a loop goes over decides what is computed in it
        for loop in ast.walk(definition.statement):
            if isinstance(loop, Loop) and not set(wrong).isdisjoint(ast.walk(loop)):
                weights[loop] = LATER
    for rank, (filename, line) in enumerate(suspects):
        for site in sites:
            if site.definition.filename == filename and site.statement.lineno <= line <= (
                site.statement.end_lineno or 0
            ):
                weights[site.statement] = min(weights.get(site.statement, UNSEEN), 0.5 + 0.2 * rank)
    return weights


def _changing_what_is_read(
    sites: Sequence[Site], occurrences: Mapping[int, Occurrence]
) -> Iterator[tuple[ast.stmt, int]]:
    """The statements that multiply what is wrong when it is read next, dh *= z, and the position of that value."""
    for site in sites:
        if site.kind == READ and site.number in occurrences:
            for one in ast.walk(site.definition.statement):
                if isinstance(one, ast.AugAssign) and not isinstance(one.op, (ast.Add, ast.Sub)):
                    if isinstance(one.target, ast.Name) and one.target.id == site.target:
                        yield one, occurrences[site.number].position


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


def carries(statements: Collection[ast.stmt], definitions: Sequence[Definition]) -> Iterator[ast.stmt]:
    """The statements that make what these read from the step before: later in their loop, or what is returned."""
    for definition in definitions:
        inside = [one for one in ast.walk(definition.statement) if one in statements]
        read = {name for one in inside for name in _names(one)}
        loops = [one for one in ast.walk(definition.statement) if isinstance(one, Loop)]
        around = [set(ast.walk(loop)) for loop in loops]
        beside = {one for nodes in around if not nodes.isdisjoint(statements) for one in nodes}
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
                if (written & returned and not loops) or (written & read and one in beside):
                    yield one


def _names(node: ast.AST) -> set[str]:
    """The variables in it; of `self.dh` that, as everything in a class reads `self`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return {f"{node.value.id}.{node.attr}"}
    if isinstance(node, ast.Name):
        return {node.id}
    return {name for child in ast.iter_child_nodes(node) for name in _names(child)}
