"""From a problem to its verdicts: run by hand, run the oracle, judge."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

import rnn_manual
from oracle.autograd import module_gradients, oracle_gradients
from oracle.noise import rounding_noise
from oracle.problem import Problem, arrays_of, hand_written
from oracle.verdict import WRONG, Verdict, judge, worst_outcome

CHANGED = "the implementation changed this array of its caller's in place; it should work on a copy"


@dataclass(frozen=True)
class Report:
    """The verdicts on one problem.

    loss        the verdict on the loss itself: where it is wrong, two different functions are being differentiated
    gradients   a verdict for each parameter, initial state and x, the worst first
    """

    problem: Problem
    loss: Verdict
    gradients: tuple[Verdict, ...]

    def __str__(self) -> str:
        return "\n".join(str(verdict) for verdict in (self.loss, *self.gradients))

    def __getitem__(self, name: str) -> Verdict:
        return next(verdict for verdict in self.gradients if verdict.name == name)

    @property
    def outcome(self) -> str:
        """The worst outcome of the gradients; of the loss only that it is wrong.

        A loss whose terms cancel to nearly nothing tells nothing, and takes nothing from the gradients that agree.
        """
        outcomes = [verdict.outcome for verdict in self.gradients]
        if self.loss.outcome == WRONG:
            outcomes.append(WRONG)
        return worst_outcome(outcomes)


def check(
    problem: Problem,
    implementation: ModuleType = rnn_manual,
    device: str = "cpu",
    always_measure: bool = False,
) -> Report:
    """Judge the gradients written by hand in `implementation` against autograd through the step-by-step mirror.

    The implementation gets arrays of its own. If it changes one of them the report says so in a verdict of its own, on
    "argument x": its gradients may be right all the same, but a caller's arrays are not its to write to.

    Raises TypeError for what is no Problem, and if the gradients are no dict.
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem is {problem!r:.80}, but should be a Problem, such as problem(Case(...)) makes")
    lent = copy.deepcopy(problem)
    loss, gradients = hand_written(lent, implementation)
    if not isinstance(gradients, Mapping):
        raise TypeError(
            f"backward returned a {type(gradients).__name__}, but should return a dict of arrays: the gradient of "
            "every parameter, of h_0, of c_0 for an LSTM, and of x"
        )
    report = _report(problem, (loss, gradients), device, problem.x.dtype, always_measure)
    return replace(report, gradients=(*changed_arguments(problem, lent), *report.gradients))


def changed_arguments(problem: Problem, lent: Problem) -> list[Verdict]:
    """A verdict on each array of `lent`, a copy of the problem, that is no longer what it was."""
    before = arrays_of(problem)
    return [
        Verdict(f"argument {name}", WRONG, array, before[name], reason=CHANGED)
        for name, array in arrays_of(lent).items()
        if not np.array_equal(array, before[name])
    ]


def with_loss(loss: object, gradients: Mapping[str, object], dtype: np.dtype) -> dict[str, object]:
    """The gradients with the loss among them, to be judged; a Python float, which has no dtype, in the code's own."""
    return {"loss": dtype.type(loss) if type(loss) is float else loss, **gradients}


def check_mirrors(problem: Problem, device: str = "cpu") -> Report:
    """Judge one mirror by the other: torch.nn's modules against the step-by-step one, both in float64.

    Raises ValueError where torch.nn cannot express the problem.
    """
    return _report(problem, module_gradients(problem, device), device, np.dtype(np.float64), False)


def _report(
    problem: Problem,
    under_test: tuple[object, dict[str, np.ndarray]],
    device: str,
    dtype: np.dtype,
    always_measure: bool,
) -> Report:
    oracle_loss, oracle = oracle_gradients(problem, device)
    oracle = {"loss": np.asarray(oracle_loss), **oracle}
    verdicts = judge(
        with_loss(*under_test, dtype),
        oracle,
        dtype,
        lambda runs: rounding_noise(lambda: oracle_gradients(problem, device), oracle, dtype, runs),
        always_measure,
    )
    (loss_verdict,) = (verdict for verdict in verdicts if verdict.name == "loss")
    return Report(problem, loss_verdict, tuple(verdict for verdict in verdicts if verdict.name != "loss"))
