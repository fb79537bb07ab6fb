"""A problem: one network with all its arrays, so that everybody who computes its gradient computes the same one.

For a network with a readout the loss is the network's own. For the bare stack it is the sum of outputs, final states
and final cells, each multiplied by a random upstream gradient: so every step and every final state sends something
back.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

import rnn_manual
from rnn_manual import Network

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Problem:
    """The arrays of one check, shaped as `rnn_manual.forward` and `loss_and_gradients` take them.

    targets and weights belong to a network with a readout; d_outputs, d_h_n and d_c_n, the upstream gradients, to one
    without.
    """

    network: Network
    parameters: Mapping[str, np.ndarray]
    x: np.ndarray
    h_0: np.ndarray
    c_0: np.ndarray | None = None
    lengths: np.ndarray | None = None
    dropout_masks: np.ndarray | None = None
    targets: np.ndarray | None = None
    weights: np.ndarray | None = None
    d_outputs: np.ndarray | None = None
    d_h_n: np.ndarray | None = None
    d_c_n: np.ndarray | None = None

    @property
    def differentiable(self) -> dict[str, np.ndarray]:
        """Everything whose gradient is compared: the parameters, the initial states and x."""
        states = {"h_0": self.h_0} | ({} if self.c_0 is None else {"c_0": self.c_0})
        return {**self.parameters, **states, "x": self.x}

    @property
    def steps(self) -> int:
        return self.x.shape[1 if self.network.batch_first else 0]


def arrays_of(problem: Problem) -> dict[str, np.ndarray]:
    """Every array of a problem by name."""
    others = {field.name: getattr(problem, field.name) for field in fields(problem)}
    arrays = {name: value for name, value in others.items() if isinstance(value, np.ndarray)}
    return {**problem.parameters, **arrays}


def hand_written(
    problem: Problem, implementation: ModuleType = rnn_manual
) -> tuple[np.floating, dict[str, np.ndarray]]:
    """Loss and gradients by hand; `implementation` offers what `rnn_manual` does: forward, backward,
    loss_and_gradients."""
    p = problem
    states = {"h_0": p.h_0, "c_0": p.c_0, "lengths": p.lengths, "dropout_masks": p.dropout_masks}
    if p.network.output_size is not None:
        if not hasattr(implementation, "loss_and_gradients"):
            raise TypeError(
                "implementation offers no loss_and_gradients, which a network with a readout needs; forward and "
                "backward do for networks without one"
            )
        return implementation.loss_and_gradients(p.network, p.parameters, p.x, p.targets, **states, weights=p.weights)
    run = implementation.forward(p.network, p.parameters, p.x, **states)
    loss = (run.outputs * p.d_outputs).sum() + (run.h_n * p.d_h_n).sum()
    if p.d_c_n is not None:
        loss = loss + (run.c_n * p.d_c_n).sum()
    return loss, implementation.backward(run, p.d_outputs, p.d_h_n, p.d_c_n)
