"""The right textbook passes agree, and every mistake planted in a copy of one is caught by the smoke grid."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from oracle import grid
from oracle.network_check import check
from oracle.problem import hand_written
from oracle.verdict import AGREES, CANNOT_TELL
from tests.planted import MISTAKES, PASSES, Mistake
from tests.planted.catching import catching, judged, smoke_cases, supported
from tests.planted.lists import KINDS
from tests.planted.mistake import source_of

EVERY = [mistake for mistakes in MISTAKES.values() for mistake in mistakes]
SILENT = [mistake for mistake in EVERY if mistake.raises is None]


def planted(name: str) -> Mistake:
    return next(mistake for mistake in EVERY if str(mistake) == name)


@pytest.mark.parametrize("smoke_case", [case for cell in PASSES for case in smoke_cases(cell)], ids=str)
def test_the_right_pass_agrees(smoke_case):
    report = check(grid.problem(smoke_case), PASSES[grid.network(smoke_case).cell])
    if report.outcome == CANNOT_TELL:
        pytest.skip(str(report.gradients[0]))
    assert report.outcome == AGREES, [str(verdict) for verdict in (report.loss, *report.gradients)]


@pytest.mark.parametrize("mistake", EVERY, ids=str)
def test_planted_mistake_is_caught(mistake):
    if mistake.raises is not None:
        with pytest.raises(mistake.raises):
            next(catching(mistake))
        return
    case, wrong = next(catching(mistake), (None, []))
    assert case is not None, f"no smoke case catches it. {mistake.what}"
    print(f"caught by {case}: {'; '.join(map(str, wrong))}")  # pytest -rP shows it
    accused = {verdict.name for verdict in wrong}
    assert accused <= mistake.touches, f"{accused - mistake.touches} should be right. {mistake.what}"
    malformed = [str(verdict) for verdict in wrong if not verdict.comparable]
    assert bool(malformed) == mistake.malformed, f"what is wrong should be the values: {malformed}"


@pytest.mark.parametrize("cell", PASSES)
def test_an_unchanged_copy_is_not_caught(cell):
    """The other half of the pair: copying, compiling and judging by themselves make nothing wrong."""
    unchanged = replace(MISTAKES[cell][0], name="unchanged", changes=())
    assert [str(case) for case, _ in catching(unchanged)] == []


@pytest.mark.parametrize(
    "name", ["elman-carry-not-transposed", "elman-upstream-mutated", "lstm-dc-without-o", "gru-delta_z-negated"]
)
def test_verdicts_with_a_shared_oracle_are_those_of_check(name):
    mistake = planted(name)
    for case in smoke_cases(mistake.cell)[:6]:
        report = check(grid.problem(case), mistake.implementation())
        shared = judged(case).verdicts(mistake.implementation())
        assert {str(verdict) for verdict in shared} == {str(verdict) for verdict in (report.loss, *report.gradients)}


@pytest.mark.parametrize("cell, least", [("elman", 90), ("lstm", 28), ("gru", 19)])
def test_there_are_enough_of_every_kind(cell, least):
    mistakes = [mistake for mistake in SILENT if mistake.cell == cell]
    distinct = [mistake for mistake in mistakes if mistake.same_algebra_as is None]
    assert len(distinct) >= least
    assert {mistake.kind for mistake in mistakes} == set(KINDS[cell])
    assert len({mistake.name for mistake in mistakes}) == len(mistakes)


@pytest.mark.parametrize("cell", PASSES)
def test_mistakes_differ_from_each_other(cell):
    """Two mistakes that give the same gradients everywhere are one; where both are listed, the second says so."""
    mistakes = [mistake for mistake in SILENT if mistake.cell == cell]
    passes = {"right": PASSES[cell]} | {mistake.name: mistake.implementation() for mistake in mistakes}
    networks = sorted(name for name in grid.NETWORKS if supported(name, cell))
    cases = [grid.Case(name, 5, 3, 6, "float64", "ordinary") for name in networks]
    same = {frozenset(names) for names in _indistinguishable(passes, cases)}
    assert same == {frozenset({m.same_algebra_as, m.name}) for m in mistakes if m.same_algebra_as}


def _indistinguishable(passes: dict[str, ModuleType], cases: list[grid.Case]) -> list[list[str]]:
    """Groups of the names of passes that give the same losses and gradients in every case."""
    groups = [list(passes)]
    for case in cases:
        groups = [part for group in groups for part in _split(group, passes, case)]
    return groups


def _split(group: list[str], passes: dict[str, ModuleType], case: grid.Case) -> list[list[str]]:
    """The group in parts of equal results; whoever is alone in its part is left out."""
    parts: list[tuple[list[np.ndarray], list[str]]] = []
    for name in group:
        result = _results(passes[name], case)
        for known, names in parts:
            if _same(result, known):
                names.append(name)
                break
        else:
            parts.append((result, [name]))
    return [names for _, names in parts if len(names) > 1]


def _results(implementation: ModuleType, case: grid.Case) -> list[np.ndarray]:
    """Loss and gradients, twice from the same arrays: a state that is kept between calls shows then."""
    problem = grid.problem(case)
    results = []
    for _ in range(2):
        with np.errstate(all="ignore"):
            loss, gradients = hand_written(problem, implementation)
        results += [np.asarray(loss), *(np.array(gradients[name]) for name in grid.names(case))]
    return results


def _same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(
        a.shape == b.shape and np.abs(a - b).max() <= 1e-9 * max(np.abs(a).max(), np.abs(b).max())
        for a, b in zip(one, other)
    )


def test_a_text_that_is_not_there_once_is_refused():
    mistake = planted("elman-carry-missing")
    for old, count in (("carry = delta @ weight_oh.T", 0), ("delta", source_of("elman").count("delta"))):
        with pytest.raises(ValueError, match=f"occurs {count} times in elman.py, but should occur once"):
            replace(mistake, changes=((old, "pass"),)).source()
