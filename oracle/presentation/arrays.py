"""The arrays of a failing case as npz files that numpy.load opens without pickle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oracle.network_check import Report


def save(path: Path, report: Report) -> None:
    """Write the problem's arrays, and gradient, oracle and tolerance of every verdict, each under a name of its own."""
    problem = report.problem
    arrays = {f"parameter.{name}": value for name, value in problem.parameters.items()}
    for name in ("x", "h_0", "c_0", "lengths", "dropout_masks", "targets", "weights", "d_outputs", "d_h_n", "d_c_n"):
        if getattr(problem, name) is not None:
            arrays[name] = getattr(problem, name)
    for verdict in (report.loss, *report.gradients):
        arrays[f"oracle.{verdict.name}"] = verdict.oracle
        gradient = np.asarray(verdict.gradient) if verdict.gradient is not None else None
        if gradient is not None and gradient.dtype.kind in "biufc":  # anything else would need pickle
            arrays[f"gradient.{verdict.name}"] = gradient
        if verdict.tolerance is not None:
            arrays[f"tolerance.{verdict.name}"] = verdict.tolerance
    np.savez(path, allow_pickle=False, **arrays)
