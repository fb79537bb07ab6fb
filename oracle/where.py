"""Where a wrong gradient is wrong: the first time step, going backward, at which it leaves the right one.

Two things are read. dL/dx_t comes step by step and is delta_t W_ih^T: the last t at which it is wrong is the first
step, going backward, whose delta is wrong. Where dL/dx is right, so are the deltas, and the mistake is in how a
parameter's gradient is made from them: a least-squares fit of the wrong gradient on the contributions of the single
steps then tells which steps count twice or not at all, if the fit is exact.
"""

from __future__ import annotations

import re

import numpy as np

from oracle.autograd import contributions
from oracle.network_check import Report
from oracle.verdict import WRONG, Verdict
from rnn_manual import Network

SUFFIX = r"(_l\d+)?(_reverse)?$"


def where_wrong(report: Report) -> dict[str, str]:
    """For each wrong parameter a few words on the time step, empty where nothing certain can be said."""
    wrong = [v for v in report.gradients if v.outcome == WRONG and v.name in report.problem.parameters]
    if not wrong or report.problem.steps == 1:
        return {verdict.name: "" for verdict in wrong}
    step = _first_wrong_step(report)
    parts = contributions(report.problem)
    others = _without_the_delta_of_x(report.problem.network)
    return {
        verdict.name: _describe(verdict, step, parts[verdict.name], re.sub(SUFFIX, "", verdict.name) not in others)
        for verdict in wrong
    }


def _without_the_delta_of_x(network: Network) -> set[str]:
    """The parameters whose gradients are not made from the deltas that dL/dx is made from."""
    others = {"weight_ho", "bias_ho", "weight_hr"}
    if network.cell == "gru" and network.reset == "after":
        others |= {"weight_hh", "bias_hh"}  # the reset gate stands between the two deltas
    return others


def _describe(verdict: Verdict, step: int | None, parts: np.ndarray, from_delta_of_x: bool) -> str:
    if step is not None and from_delta_of_x:
        return f"delta first wrong at step t={step} going backward"
    if not verdict.comparable:
        return ""
    factor = _factor(verdict)
    if factor is not None:
        times = f"{factor:.6g}" if abs(factor - 1) > 1e-5 else f"1{factor - 1:+.2g}"
        return f"{times} times the right one"
    counts = _counts(verdict, parts)
    if counts is not None:
        off = np.flatnonzero(counts != 1)
        if len(off):
            return f"first wrong at step t={off[-1]} going backward, which counts {counts[off[-1]]:g} times"
    if step is not None or not from_delta_of_x:
        return ""
    return "dL/dx is right at every step: look at the product that sums the deltas"


def _first_wrong_step(report: Report) -> int | None:
    """The last t at which dL/dx_t is wrong. Gradients shrink or grow on their way back, so the tolerance goes with
    them."""
    verdict = report["x"]
    if verdict.outcome != WRONG or not verdict.comparable or report.problem.network.bidirectional:
        return None
    gradient, oracle = np.asarray(verdict.gradient, np.float64), verdict.oracle
    if report.problem.network.batch_first:
        gradient, oracle = gradient.swapaxes(0, 1), oracle.swapaxes(0, 1)
    error = np.abs(gradient - oracle).max(axis=(1, 2))  # (T,)
    scale = np.maximum.accumulate(np.abs(oracle).max(axis=(1, 2))[::-1])[::-1]  # (T,): largest so far, going backward
    wrong = np.flatnonzero(error > verdict.tolerance.max() * scale / scale[0])
    return int(wrong[-1]) if len(wrong) else None


def _factor(verdict: Verdict) -> float | None:
    """The one number by which the right gradient has been multiplied, or None where there is none."""
    gradient, oracle = np.asarray(verdict.gradient, np.float64).ravel(), verdict.oracle.ravel()
    if len(oracle) == 1:  # any two numbers have a ratio
        return None
    factor = float(gradient @ oracle / (oracle @ oracle)) if oracle.any() else 0.0
    misfit = np.abs(gradient - factor * oracle).max()
    return factor if misfit <= verdict.tolerance.max() * max(1, abs(factor)) else None


def _counts(verdict: Verdict, parts: np.ndarray) -> np.ndarray | None:
    """How often each step's contribution is in the gradient, or None where it is no such sum."""
    columns = parts.reshape(len(parts), -1).T  # (elements, T)
    used = np.abs(columns).max(axis=0) > 0
    if used.sum() > len(columns):  # more unknowns than equations: any gradient would fit
        return None
    solution, _, rank, _ = np.linalg.lstsq(columns[:, used], verdict.gradient.ravel().astype(np.float64), rcond=None)
    misfit = np.abs(columns[:, used] @ solution - verdict.gradient.ravel()).max()
    if rank < used.sum() or misfit > verdict.tolerance.max():
        return None
    counts = np.ones(len(parts))
    counts[used] = np.round(solution, 6) + 0.0  # no -0
    return counts
