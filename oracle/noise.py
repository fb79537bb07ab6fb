"""Rounding noise: how far the oracle's own gradient moves when every floating-point result is rounded differently.

Two correct implementations add the same numbers in another order and so round differently. How much that changes the
gradient depends on the problem: 1e-15 of it in a calm case, all of it in a chaotic one. So it is measured: the oracle runs
again with every floating-point result, forward and backward, multiplied by 1 + 4 u xi, where u is the unit roundoff of the
judged code's dtype (2**-53 or 2**-24) and xi uniform in +-1. The largest change over a few runs is the noise.

The factor 4 covers a sum of some terms inside one operation; how well the prediction holds is measured by
benchmarks/false_alarms.py. The idea is that of stochastic arithmetic: D. S. Parker, "Monte Carlo arithmetic" (1997);
J. Vignes, "A stochastic arithmetic for reliable scientific computation" (1993).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

AMPLITUDE = 4
RUNS = 3

UNIT_ROUNDOFF = {np.dtype(np.float64): 2.0**-53, np.dtype(np.float32): 2.0**-24}


@dataclass(frozen=True)
class Noise:
    """What was measured.

    magnitudes   for each name, the largest change of any element of its gradient
    near_kink    a relu's argument came closer to 0 than its own rounding noise: its slope is 0 or 1 by chance
    """

    magnitudes: dict[str, float]
    near_kink: bool


class RoundDifferently(TorchDispatchMode):
    """Multiplies each freshly computed floating-point result by 1 + amplitude * xi, and records the arguments of relu."""

    def __init__(self, amplitude: float, seed: int) -> None:
        super().__init__()
        self.amplitude = amplitude
        self.generator = torch.Generator().manual_seed(seed)
        self.relu_arguments: list[torch.Tensor] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.relu.default:
            self.relu_arguments.append(args[0].detach())
        result = func(*args, **(kwargs or {}))
        if isinstance(result, (tuple, list)):
            if not _aliases(func):
                return type(result)(self._perturbed(part) for part in result)
        elif not _aliases(func):
            return self._perturbed(result)
        return result

    def _perturbed(self, result: object) -> object:
        if not (isinstance(result, torch.Tensor) and result.is_floating_point()) or self.amplitude == 0:
            return result
        xi = torch.rand(result.shape, generator=self.generator, dtype=result.dtype).mul_(2).sub_(1)
        return result.mul_(xi.mul_(self.amplitude).add_(1).to(result.device))


_ALIASES: dict[object, bool] = {}


def _aliases(func: torch._ops.OpOverload) -> bool:
    """Views and in-place operations: they round nothing, or hand back memory that is not theirs to change."""
    if func not in _ALIASES:
        # new_zeros, empty, arange ... compute nothing either; where nothing is added, multiplying zeros changes nothing
        _ALIASES[func] = any(value.alias_info is not None for value in func._schema.returns)
    return _ALIASES[func]


def rounding_noise(
    gradients: Callable[[], tuple[float, dict[str, np.ndarray]]], dtype: np.dtype, runs: int = RUNS, seed: int = 0
) -> Noise:
    """The noise of `gradients()`, the oracle's loss and gradients, for code that computes in `dtype`, over `runs` runs.

    The loss is among the magnitudes as "loss". Every magnitude is at least the rounding of the result itself.
    """
    unit = UNIT_ROUNDOFF[np.dtype(dtype)]
    quiet, quiet_arguments = _run(gradients, 0, seed)
    magnitudes = {name: unit * np.max(np.abs(value), initial=0) for name, value in quiet.items()}
    near_kink = False
    for run in range(runs):
        noisy, arguments = _run(gradients, AMPLITUDE * unit, seed + run)
        for name, value in quiet.items():
            change = np.max(np.abs(noisy[name] - value), initial=0)
            magnitudes[name] = max(magnitudes[name], float(change)) if np.isfinite(change) else np.inf
        for a, b in zip(quiet_arguments, arguments):
            near_kink = near_kink or bool(a.abs().min() <= AMPLITUDE * (a - b).abs().max() and a.abs().max() > 0)
    # below the smallest normal number a dtype loses digits one by one: nothing can be told apart there
    floor = float(np.finfo(dtype).smallest_normal) * 2.0**-10
    return Noise({name: max(float(magnitude), floor) for name, magnitude in magnitudes.items()}, near_kink)


def _run(
    gradients: Callable[[], tuple[float, dict[str, np.ndarray]]], amplitude: float, seed: int
) -> tuple[dict[str, np.ndarray], list[torch.Tensor]]:
    with RoundDifferently(amplitude, seed) as mode:
        loss, found = gradients()
    return {"loss": np.asarray(loss), **found}, mode.relu_arguments
