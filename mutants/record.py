"""What the oracle says about every problem, written down once, so that a mutant is judged without importing PyTorch."""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from mutants.problems import problems
from oracle.network_check import check
from oracle.verdict import AGREES, LIMIT, Verdict
from rnn_manual import Network

SHARPNESS = {"float64": 1e-10, "float32": 1e-2}
"""The largest tolerance, relative to the gradient, that a recorded problem may have: above it, it would see little."""

GIVEN = ("x", "h_0", "c_0", "lengths", "dropout_masks", "targets", "weights", "d_outputs", "d_h_n", "d_c_n")


def record(path: Path) -> None:
    """Write problems, losses, gradients and tolerances to an .npz.

    One array holds every number, one text says where each array begins: thousands of entries would be slow to read.
    """
    values: list[np.ndarray] = []
    size = 0

    def store(array: np.ndarray) -> dict[str, object]:
        nonlocal size
        begin, size = size, size + array.size
        values.append(array.astype(np.float64).ravel())  # whole numbers and float32 are exact in it
        return {"dtype": array.dtype.name, "shape": array.shape, "begin": begin}

    torch.set_num_threads(1)  # the arrays are small: handing them to threads takes longer than computing
    entries = []
    for problem in track(problems(), "Asking the oracle"):
        report = check(problem, always_measure=True)
        if report.outcome != AGREES:
            raise ValueError(f"{problem.network} is wrong without any mutant: {report}")
        given = {name: getattr(problem, name) for name in GIVEN}
        entries.append(
            {
                "network": options(problem.network),
                "parameters": {name: store(array) for name, array in problem.parameters.items()},
                "given": {name: store(array) for name, array in given.items() if array is not None},
                "loss": float(report.loss.oracle),
                "loss_tolerance": tolerance(report.loss),
                "gradients": {verdict.name: store(verdict.oracle) for verdict in report.gradients},
                "tolerances": {verdict.name: tolerance(verdict) for verdict in report.gradients},
            }
        )
    unfinished = path.with_suffix(".unfinished.npz")
    np.savez(unfinished, values=np.concatenate(values), entries=json.dumps(entries))
    unfinished.rename(path)


def options(network: Network) -> dict[str, object]:
    """The options that differ from their defaults; so a mutant of a default is seen."""
    values = {field.name: (getattr(network, field.name), field.default) for field in fields(network)}
    return {name: value for name, (value, default) in values.items() if value != default}


def tolerance(verdict: Verdict) -> float:
    """The largest error that the verdict would accept of any right code, not only of this one.

    Raises ValueError where that would be so large that little could be seen.
    """
    accepted = max(verdict.tolerance.max(), LIMIT * verdict.noise)
    scale = np.abs(verdict.oracle).max()
    if accepted > SHARPNESS[verdict.gradient.dtype.name] * scale > 0:
        raise ValueError(f"{verdict.name} has a tolerance of {accepted:.1e} at {scale:.1e}: choose another seed")
    return float(accepted)


if __name__ == "__main__":
    record(Path(sys.argv[1]))
