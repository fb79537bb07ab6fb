"""What is true: PyTorch autograd's gradient of the same loss, from either mirror, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from oracle.mirror import modules, steps, to_tensors
from oracle.problem import Problem

Gradients = dict[str, np.ndarray]


@contextmanager
def judging(device: str = "cpu") -> Iterator[None]:
    """TF32 and autocast off: a judge who rounds to 10 bits is none. Restored on leaving."""
    allowed = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        with torch.autocast(torch.device(device).type, enabled=False), torch.enable_grad():
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = allowed


def oracle_gradients(problem: Problem, device: str = "cpu") -> tuple[float, Gradients]:
    """Loss and gradients by autograd through the step-by-step mirror: of every parameter, h_0, c_0 and x."""
    with judging(device):
        tensors = to_tensors(problem, device)
        loss = steps.loss(problem.network, tensors)
        return loss.item(), _gradients(loss, tensors.leaves)


def module_gradients(problem: Problem, device: str = "cpu") -> tuple[float, Gradients]:
    """The same through torch.nn's modules. Raises ValueError where they cannot express the problem."""
    if reason := modules.why_not(problem):
        raise ValueError(f"torch.nn cannot express the problem: {reason}")
    with judging(device):
        tensors = to_tensors(problem, device)
        parts = modules.recurrent_modules(problem, device)
        loss = modules.loss(problem, tensors, parts)
        loss.backward()
        gradients = modules.module_gradients(parts)
        for name, leaf in tensors.leaves.items():
            if name not in gradients:
                gradients[name] = leaf.grad.cpu().numpy()
        return loss.item(), gradients


def contributions(problem: Problem, device: str = "cpu") -> Gradients:
    """For each parameter, (time, *shape): the gradient that flows into it through its use at each step.

    They sum to the whole gradient. Every step is handed its own slice of a parameter repeated over time.
    """
    with judging(device):
        tensors = to_tensors(problem, device)
        for name in problem.parameters:
            leaf = tensors.leaves[name].detach()
            tensors.leaves[name] = leaf.expand(problem.steps, *leaf.shape).clone().requires_grad_()
        loss = steps.loss(problem.network, tensors, per_step=True)
        gradients = _gradients(loss, tensors.leaves)
        return {name: gradients[name] for name in problem.parameters}


def _gradients(loss: torch.Tensor, leaves: dict[str, torch.Tensor]) -> Gradients:
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {
        name: (torch.zeros_like(leaf) if gradient is None else gradient).cpu().numpy()
        for (name, leaf), gradient in zip(leaves.items(), found)
    }
