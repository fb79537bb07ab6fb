"""Verified gradients to be kept. The oracle decides: what it does not agree with is not recorded.

The tolerance that is kept is that of a verdict, 4 times the rounding noise or 32 roundings of the largest element, with
the noise always measured: as the oracle's own, and as the change of the code's own gradients when its parameters are
rounded differently. Another BLAS and another NumPy round differently, and no more than that.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from oracle.autograd import oracle_gradients
from oracle.examination import AUTOGRAD
from oracle.finding import Finding, in_words
from oracle.gradient_check import check_function, functions_in, pick, subject_at
from oracle.gradient_function import GradientFunction
from oracle.grid import problem
from oracle.isolation import MEMORY, isolated
from oracle.network_check import check
from oracle.noise import rounding_noise
from oracle.oracles import REFERENCE, find_oracle
from oracle.returned import NotChecked, called
from oracle.sizes import Point, points
from oracle.snapshots.code import Code, FunctionCode, NetworkCode
from oracle.snapshots.comparison import differences, installed
from oracle.snapshots.measured import Measured
from oracle.snapshots.snapshot import RecordedCase, RecordedGradient, Snapshot
from oracle.subject import Subject, call
from oracle.verdict import AGREES, BLUNT, LIMIT, STRICT, UNIT_ROUNDOFF

RUNS = 16
SECONDS = 120.0

Noise = tuple[Mapping[str, float], float, np.dtype]
"""Of every gradient by name, of the loss, and the precision that it was measured for."""


class NotVerified(Exception):
    """Why nothing is recorded; the text is for the user."""


def verified(code: Code, today: Sequence[Measured]) -> Snapshot:
    """The snapshot of what the code gives today. Raises NotVerified unless the oracle agrees with every gradient."""
    words, noises = _of_function(code, today) if isinstance(code, FunctionCode) else _of_network(code, today)
    cases = tuple(_recorded(one, *noise) for one, noise in zip(today, noises, strict=True))
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "bptt-oracle": installed("bptt-oracle"),
    }
    snapshot = Snapshot(code.declared, code.source, versions, words, cases)
    again = differences(code, code.measure(), snapshot, "")
    if again:
        raise NotVerified(f"{code.name} gives something else at every call: {again[0]}")
    return snapshot


def _recorded(now: Measured, noise: Mapping[str, float], loss_noise: float, precision: np.dtype) -> RecordedCase:
    unit = UNIT_ROUNDOFF[precision]
    gradients = {}
    for name, gradient in now.gradients.items():
        scale = float(np.abs(gradient).max(initial=0))
        if not noise[name] <= BLUNT * scale and scale > 0:
            raise NotVerified(
                f"rounding alone moves the gradient of {name} by {noise[name] / scale:.1g} of itself at {now.case}: "
                "shorten the sequence or calm the weights"
            )
        tolerance = max(LIMIT * noise[name], STRICT * unit * scale)
        gradients[name] = RecordedGradient(gradient, noise[name], tolerance)
    loss_tolerance = max(LIMIT * loss_noise, STRICT * unit * abs(now.loss))
    given = now.case, dict(now.sizes), now.parameters, now.calls, now.draws
    return RecordedCase(*given, now.loss, loss_noise, loss_tolerance, gradients)


def _of_function(code: FunctionCode, today: Sequence[Measured]) -> tuple[str, list[Noise]]:
    def task() -> object:
        try:
            function = pick(called(lambda: functions_in(str(code.path)), code.path.name), code.name, code.path.name)
            report = check_function(function)
            if report.outcome != AGREES:
                return {"reason": "\n".join(in_words(report.worst))}
            cases = [
                _noise_at(function, point, finding, now)
                for point, finding, now in zip(points(function.shapes), report.findings, today, strict=True)
            ]
        except (NotChecked, NotVerified, ValueError) as reason:
            return {"reason": str(reason)}
        return {"words": report.findings[0].oracle, "cases": cases}

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the child is a fork, and a fork has one thread
    try:
        outcome = isolated(task, seconds=SECONDS, memory=MEMORY)
    finally:
        torch.set_num_threads(threads)
    if outcome.failure:
        raise NotVerified(f"{code.name} {outcome.failure}")
    if "reason" in outcome.value:
        raise NotVerified(outcome.value["reason"])
    return outcome.value["words"], [(one, loss, np.dtype(kind)) for one, loss, kind in outcome.value["cases"]]


def _noise_at(
    function: GradientFunction, point: Point, finding: Finding, now: Measured
) -> tuple[dict[str, float], float, str]:
    """The noise of every gradient, of the loss, and the precision. What was measured has to be what was judged."""
    for verdict in finding.verdicts:
        gradient = now.gradients.get(verdict.name)
        same = gradient is not None and gradient.shape == verdict.oracle.shape
        if not same or not np.all(np.abs(gradient - verdict.oracle) <= verdict.tolerance):
            raise NotVerified(f"the gradient of {verdict.name} that was checked is not that which would be recorded")
    precision = np.dtype(finding.precision)
    subject, _ = subject_at(function, point)
    returned, _, _ = call(subject, subject.parameters)
    noise, loss_noise = _own_noise(subject, precision)
    if finding.oracle in (AUTOGRAD, REFERENCE):  # the others know the error of their estimate, and no rounding noise
        judge, _ = find_oracle(subject, returned, precision, [])
        if judge.what == finding.oracle:
            measured = judge.measure(RUNS, precision).magnitudes
            noise = {name: max(one, measured[name]) for name, one in noise.items()}
            loss_noise = max(loss_noise, measured["loss"] if "loss" not in subject.parameters else 0.0)
    noise = {name: one + now.rounding.get(name, 0.0) for name, one in noise.items()}
    return noise, loss_noise, str(precision)


def _own_noise(subject: Subject, precision: np.dtype) -> tuple[dict[str, float], float]:
    """How far the code's own gradients and loss move when its parameters are rounded differently."""
    unit = UNIT_ROUNDOFF[precision]
    first, _, _ = call(subject, subject.parameters)
    noise = {name: unit * float(np.abs(g).max(initial=0)) for name, g in first.gradients.items()}
    loss_noise, rng = unit * abs(first.loss), np.random.default_rng(0)
    for _ in range(RUNS):
        moved = {
            name: (array * (1 + 4 * unit * rng.uniform(-1, 1, array.shape))).astype(array.dtype)
            for name, array in subject.parameters.items()
        }
        other, _, _ = call(subject, moved)
        loss_noise = max(loss_noise, abs(other.loss - first.loss))
        for name, gradient in first.gradients.items():
            noise[name] = max(noise[name], float(np.abs(other.gradients[name] - gradient).max(initial=0)))
    floor = float(np.finfo(precision).smallest_normal)
    return {name: max(one, floor) for name, one in noise.items()}, max(loss_noise, floor)


def _of_network(code: NetworkCode, today: Sequence[Measured]) -> tuple[str, list[Noise]]:
    noises = []
    for case, now in zip(code.cases, today, strict=True):
        posed = problem(case)
        report = check(posed)
        for verdict in (report.loss, *report.gradients):
            if verdict.outcome != AGREES:
                raise NotVerified(f"{case}: {verdict}")
        loss, truth = oracle_gradients(posed, "cpu")
        every, dtype = {"loss": np.asarray(loss), **truth}, np.dtype(case.dtype)
        measured = rounding_noise(lambda posed=posed: oracle_gradients(posed, "cpu"), every, dtype, RUNS).magnitudes
        noises.append(({name: measured[name] for name in now.gradients}, measured["loss"], dtype))
    return "PyTorch autograd of the network written step by step in torch", noises
