"""Every use of a parameter told apart: each operation gets an alias of its own, and autograd a gradient for each.

The gradients of the uses sum to the gradient of the parameter. Together with the losses of the single steps they tell
which loss reaches back to which step, and so what truncated BPTT should give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from oracle.returned import NotChecked


class EachUse(TorchFunctionMode):
    """Hands every operation a fresh alias of each of these tensors; `aliases` has them by name, in order."""

    def __init__(self, leaves: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self.leaves = leaves
        self.names = {id(leaf): name for name, leaf in leaves.items()}
        self.aliases: dict[str, list[torch.Tensor]] = {name: [] for name in leaves}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        args, kwargs = tree_map(self._fresh, args), tree_map(self._fresh, kwargs or {})
        return func(*args, **kwargs)

    def _fresh(self, value: object) -> object:
        name = self.names.get(id(value)) if isinstance(value, torch.Tensor) else None
        if name is None:
            return value
        alias = value.view_as(value)
        self.aliases[name].append(alias)
        return alias


def truncated_gradients(steps: Sequence[torch.Tensor], uses: EachUse, window: int) -> dict[str, np.ndarray]:
    """The gradient of truncated BPTT: from the loss of step s only what flows through the uses at s-window+1 .. s.

    A use belongs to the first step whose loss it reaches, whatever the order of the calls.

    steps   the loss of each step

    Raises NotChecked where a parameter's uses do not lie at single steps, as when the input product of all steps is one
    operation, or the sequence is read backward.
    """
    flat = [(name, alias) for name, aliases in uses.aliases.items() for alias in aliases]
    if not flat:
        return {name: np.zeros(leaf.shape) for name, leaf in uses.leaves.items()}
    parts = [
        torch.autograd.grad(step, [alias for _, alias in flat], retain_graph=True, allow_unused=True) for step in steps
    ]
    total = {name: torch.zeros(leaf.shape, dtype=torch.float64) for name, leaf in uses.leaves.items()}
    reached: dict[str, set[int]] = {name: set() for name in uses.leaves}
    for k, (name, _) in enumerate(flat):
        # of a loss that is cut out of an array of all losses the gradient is zero where it does not reach, not None
        first = next((s for s, part in enumerate(parts) if part[k] is not None and part[k].any()), None)
        if first is None:  # in the backward pass, or for something else than the loss
            continue
        reached[name].add(first)
        for s in range(first, min(first + window, len(steps))):
            if parts[s][k] is not None:
                total[name] = total[name] + parts[s][k]
    for name, found in reached.items():
        if found and len(found) < len(steps) - 1:  # the first step may do without: there is no state before it
            raise NotChecked(
                f"truncation cannot be followed: in {len(steps)} steps the uses of {name} lie at {len(found)}; check "
                "such code with its window longer than the sequence"
            )
    return {name: gradient.detach().numpy() for name, gradient in total.items()}
