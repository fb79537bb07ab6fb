"""A problem's arrays as float64 torch tensors: what is differentiated as leaves, the rest as constants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from oracle.problem import Problem


@dataclass(frozen=True)
class Tensors:
    """The tensors of a problem, time first.

    leaves      parameters, h_0, c_0 and x, requiring gradients
    constants   targets, weights, lengths, dropout_masks and the upstream gradients; None where the problem has none
    """

    leaves: dict[str, torch.Tensor]
    constants: dict[str, torch.Tensor | None]


def to_tensors(problem: Problem, device: str = "cpu") -> Tensors:
    """float64 copies on `device`; float32 arrays convert exactly. x stays in the caller's axis order, as its gradient
    does."""
    leaves = {name: _tensor(array, device).requires_grad_() for name, array in problem.differentiable.items()}
    over_time = {"d_outputs"} | ({"targets", "weights"} if problem.network.readout == "every" else set())
    constants: dict[str, torch.Tensor | None] = {}
    for name in ("targets", "weights", "lengths", "dropout_masks", "d_outputs", "d_h_n", "d_c_n"):
        array = getattr(problem, name)
        if array is not None and problem.network.batch_first:
            if name == "dropout_masks":
                array = array.swapaxes(1, 2)
            elif name in over_time:
                array = array.swapaxes(0, 1)
        constants[name] = None if array is None else _tensor(array, device)
    return Tensors(leaves, constants)


def _tensor(array: np.ndarray, device: str) -> torch.Tensor:
    if array.dtype.kind == "f":
        return torch.tensor(array.astype(np.float64), device=device)
    return torch.tensor(array.astype(np.int64), device=device)
