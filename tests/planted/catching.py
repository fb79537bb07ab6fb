"""Which problems catch a mistake. What is true of a problem is computed once for all mistakes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache, cached_property
from types import ModuleType

import numpy as np

from oracle import grid
from oracle.autograd import oracle_gradients
from oracle.network_check import changed_arguments, with_loss
from oracle.noise import Noise, rounding_noise
from oracle.problem import Problem, hand_written
from oracle.verdict import WRONG, Verdict, judge
from tests.planted.mistake import Mistake


class Judged:
    """A problem with all that does not depend on the code under test: autograd's gradients, the rounding noise."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._noise: dict[int, Noise] = {}

    @cached_property
    def oracle(self) -> dict[str, np.ndarray]:
        loss, gradients = oracle_gradients(self.problem)
        return {"loss": np.asarray(loss), **gradients}

    def noise(self, runs: int) -> Noise:
        if runs not in self._noise:
            dtype = self.problem.x.dtype
            self._noise[runs] = rounding_noise(lambda: oracle_gradients(self.problem), self.oracle, dtype, runs)
        return self._noise[runs]

    def verdicts(self, implementation: ModuleType) -> list[Verdict]:
        """What `oracle.network_check.check` says of the implementation, the loss included."""
        posed = copy.deepcopy(self.problem)
        with np.errstate(all="ignore"):
            loss, gradients = hand_written(posed, implementation)
            dtype = self.problem.x.dtype
            verdicts = judge(with_loss(loss, gradients, dtype), self.oracle, dtype, self.noise)
            return [*changed_arguments(self.problem, posed), *verdicts]


def supported(name: str, cell: str) -> bool:
    """Whether the textbook pass of the cell can run the grid's network of that name."""
    kind = grid.NETWORKS[name]
    around = ("layers", "bidirectional", "bias", "batch_first", "truncation", "peephole", "projection_size")
    plain = not (kind.lengths or kind.masked or kind.options.keys() & set(around))
    return kind.options["cell"] == cell and plain and kind.options.get("loss") != "binary_cross_entropy"


@cache
def smoke_cases(cell: str) -> tuple[grid.Case, ...]:
    """The cases of the smoke grid that the cell's pass can run, the most telling first.

    The bare cell goes first: it hides least, and every mistake of the recurrence shows there. float64 goes before
    float32, so that what is caught is a wrong value and not a wrong dtype.
    """
    regimes = ("ordinary", "chaotic", "saturated", "tiny_weights", "zero_state")
    cases = [case for case in grid.cases("smoke", cells=[cell]) if supported(case.network, cell)]
    return tuple(
        sorted(
            cases,
            key=lambda case: (
                case.time == 1,
                case.dtype == "float32",
                case.network != cell,
                grid.NETWORKS[case.network].readout,
                regimes.index(case.regime),
            ),
        )
    )


@cache
def judged(case: grid.Case) -> Judged:
    return Judged(grid.problem(case))


def wrong(verdicts: list[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.outcome == WRONG]


def catching(mistake: Mistake) -> Iterator[tuple[grid.Case, list[Verdict]]]:
    """The smoke cases that catch the mistake, each with its wrong verdicts.

    One module sees all the cases, as in a run of the grid: so a state that is kept between calls can show.
    """
    implementation = mistake.implementation()
    for case in smoke_cases(mistake.cell):
        if found := wrong(judged(case).verdicts(implementation)):
            yield case, found
