"""What the loss of each single step contributes to a parameter.

Adjoints are linear in the upstream gradient. The loss is taken apart where it is built: a chain of additions of as many
terms as there are steps, or the sum or mean of an array with a time axis. Autograd from each of the terms then gives
what the loss of that step sends to each use of a parameter. Where it is not clear which terms belong to which step,
nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch.utils._pytree import tree_leaves

from oracle.annotation.truths import Following, Made, Place, Truth, contributions_of, parts_of_products
from oracle.autograd import judging
from oracle.lifting import Lifted, lifting
from oracle.oracles import lifted_loss
from oracle.subject import Subject

ADDING = frozenset(("add", "sub", "subtract", "rsub", "stack", "cat", "concatenate"))
SCALING = frozenset(("mul", "multiply", "div", "divide", "true_divide", "neg", "negative"))
KEEPING = frozenset(("clone", "to", "copy", "float", "double", "squeeze", "view_as", "alias"))
SUMMING = frozenset(("sum", "mean"))
RESHAPING = frozenset(("reshape", "view", "flatten", "ravel"))
CLOSE = 1e-9  # of the largest element: how well the parts of a contribution must add up to it


def contributions_by_loss(subject: Subject, steps: int) -> list[list[Truth]] | None:
    """For each step the contributions of its loss alone, those of zero as well; None where the loss is not clear.

    steps   how many there are
    """
    with judging(), lifting(subject.parameters) as lifted:
        building = _Building(lifted)
        with building:
            loss = lifted_loss(subject, lifted)
        node = building.made.get(id(loss))
        groups = None if node is None else _by_step(list(_terms(loss, node)), steps)
        if groups is None:
            return None
        uses = _counted(loss, [one for one in building.edges if one.parameter])
        tensors = [*(one.tensor for one in uses), *(one.tensor for _, one, _ in building.products)]
        ends = [term for term, _ in groups[0]] if _masked(groups) else [term for step in groups for term, _ in step]
        upstream = dict(zip(map(id, ends), torch.autograd.grad(loss, ends, retain_graph=True)))
        whole = torch.autograd.grad(loss, tensors, retain_graph=True, allow_unused=True)
        found, total = [], [None] * len(tensors)
        for step in groups:
            weights = [upstream[id(term)] * (1 if mask is None else mask) for term, mask in step]
            parts = torch.autograd.grad(
                [term for term, _ in step], tensors, weights, retain_graph=True, allow_unused=True
            )
            parts = [torch.zeros_like(one) if part is None else part for one, part in zip(tensors, parts)]
            total = [part if before is None else before + part for before, part in zip(total, parts)]
            adjoints = {id(one): part for one, part in zip(tensors, parts)}
            found.append([*contributions_of(uses, adjoints), *parts_of_products(building.products, adjoints, True)])
    return found if all(map(_adds_up, total, whole)) else None


def _counted(loss: torch.Tensor, uses: list[Made]) -> list[Made]:
    """Without those that the loss does not depend on: a backward pass uses parameters as well."""
    found = torch.autograd.grad(loss, [one.tensor for one in uses], retain_graph=True, allow_unused=True)
    return [one for one, adjoint in zip(uses, found) if adjoint is not None and adjoint.any()]


def _adds_up(total: torch.Tensor, whole: torch.Tensor | None) -> bool:
    if whole is None:
        return not bool(total.any())
    return float((total - whole).abs().max()) <= CLOSE * float(whole.abs().max())


@dataclass(eq=False)
class _Node:
    """An operation: its operands as it got them, with the operations that made these."""

    name: str
    place: Place
    operands: list[tuple[torch.Tensor, _Node | None]] = field(default_factory=list)


class _Building(Following):
    """Also what each operation was given."""

    def __init__(self, lifted: Lifted) -> None:
        super().__init__(lifted)
        self.made: dict[int, _Node] = {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        before = len(self.edges)
        every = tree_leaves((args, kwargs or {}))
        given = [one for one in every if isinstance(one, torch.Tensor) and one.requires_grad]
        nodes = [self.made.get(id(one)) for one in given]
        result = super().__torch_function__(func, types, args, kwargs)
        aliases = [one.tensor for one in self.edges[before:] if one.depends]
        if isinstance(result, torch.Tensor) and result.requires_grad and len(aliases) == len(given):
            name = func.__name__.strip("_")
            name = name[1:] if name in ("iadd", "radd", "isub", "imul", "rmul") else name
            self.made[id(result)] = _Node(name, self.nodes[-1].place, list(zip(aliases, nodes)))
        return result


Term = tuple[torch.Tensor, _Node | None]


def _terms(tensor: torch.Tensor, node: _Node | None) -> Iterator[Term]:
    """What a value is the sum of, each perhaps times a constant."""
    if node is not None and (
        node.name in KEEPING
        or (node.name in RESHAPING and tensor.numel() == 1)
        or (node.name in ADDING and _is_sum(tensor, node))
        or (node.name in SCALING and len(node.operands) == 1)
        or (node.name in SUMMING and tensor.ndim == 0)
    ):
        for operand, of in node.operands:
            yield from _terms(operand, of)
    else:
        yield tensor, node


def _is_sum(tensor: torch.Tensor, node: _Node) -> bool:
    """Whether it is one number, or several numbers that stand side by side."""
    return tensor.ndim == 0 or (tensor.ndim == 1 and all(operand.ndim == 0 for operand, _ in node.operands))


def _by_step(terms: list[Term], steps: int) -> list[list[tuple[torch.Tensor, torch.Tensor | None]]] | None:
    """For each step the terms of its loss with the elements that count; None where that is not clear."""
    places: dict[tuple, list[Term]] = {}
    for tensor, node in terms:
        at = () if node is None else (node.place.filename, node.place.line, node.place.instruction, node.place.caller)
        places.setdefault(at, []).append((tensor, node))
    found: list[list] = [[] for _ in range(steps)]
    for same in places.values():
        if len(same) == steps:
            for step, (tensor, _) in zip(found, same):
                step.append((tensor, None))
        elif len(same) == 1 and (cut := _time_axis(*same[0], steps)) is not None:
            tensor, axis = cut
            for number, step in enumerate(found):
                mask = torch.zeros_like(tensor)
                mask.select(axis, number).fill_(1)
                step.append((tensor, mask))
        else:
            return None
    return found if steps > 1 and found[0] else None


def _time_axis(tensor: torch.Tensor, node: _Node | None, steps: int) -> tuple[torch.Tensor, int] | None:
    axes = [axis for axis, size in enumerate(tensor.shape) if size == steps]
    if len(axes) == 1:
        return tensor, axes[0]
    if not axes and node is not None and len(node.operands) == 1 and node.name in (*RESHAPING, *SCALING, *KEEPING):
        return _time_axis(*node.operands[0], steps)
    return None


def _masked(groups: list[list]) -> bool:
    return all(mask is not None for _, mask in groups[0])
