"""What a parameter's gradient is summed from: at each step and for each sample, an input and a delta.

    product with a weight   dW = Σ_t Σ_b a_tb δ_tbᵀ      a (steps, samples, in), δ (steps, samples, out)
    bias                    db = Σ_t Σ_b δ_tb

A parameter that is used in several places, or in slices (the gates of a cell), has a part for each. One that is
looked up, other rows of it at every step (an embedding), has one part for all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from oracle.hypotheses.tape import Edge, Op

ROWS, COLUMNS, BIAS, OTHER = "x @ W", "W @ x", "bias", "other"


@dataclass(frozen=True, eq=False)
class Moved:
    """Where elements went: for each element of the source 1 + the number of its place, or 0 where it has none.

    Where an element went to several places (`repeated`), for each place 1 + the number of the source's element, or 0.
    """

    labels: np.ndarray
    shape: tuple[int, ...]
    repeated: bool

    def from_places(self, size: int) -> np.ndarray:
        """For each of so many places 1 + the number of the source's element that is there, or 0."""
        if self.repeated:
            return self.labels.ravel()
        labels, found = self.labels.ravel(), np.zeros(size, dtype=int)
        used = np.flatnonzero(labels)
        found[labels[used] - 1] = used + 1
        return found

    def back(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient of the source from the gradient at the places."""
        if self.repeated:
            size = int(np.prod(self.shape))
            return np.bincount(self.labels, gradient.ravel(), size + 1)[1:].reshape(self.shape)
        return np.concatenate([[0.0], gradient.ravel()])[self.labels]


@dataclass(eq=False)
class Part:
    """One place where a parameter, or a slice of it, is used at every step.

    form     ROWS, COLUMNS, BIAS or OTHER
    ops      the operations that use it
    inputs   a of a product, (steps, samples, in); else None
    moved    where in the parameter the slice is; None for the whole parameter
    lookups  of a parameter that is looked up, for each of the ops where in the parameter its rows are; else None
    shape    of the slice; of a lookup the parameter's
    split    which axis of the one operation the steps are, or None where each step has an operation
    """

    parameter: str
    form: str
    ops: list[Op]
    edges: list[Edge]
    inputs: np.ndarray | None
    moved: Moved | None
    shape: tuple[int, ...]
    split: int | None
    lookups: list[Moved] | None = None

    @property
    def line(self) -> int:
        return self.ops[0].line

    def deltas(self, adjoints: Mapping[Op, np.ndarray]) -> np.ndarray:
        """δ (steps, samples, out) of a product; of a bias and others what flows in, (steps, *the operation's shape)."""
        return np.stack([self.oriented(one) for op in self.ops for one in self._steps(adjoints[op])])

    def _steps(self, array: np.ndarray) -> list[np.ndarray]:
        return [array] if self.split is None else list(np.moveaxis(array, self.split, 0))

    def oriented(self, array: np.ndarray) -> np.ndarray:
        """An array of one step as (samples, features), where it is one of a product."""
        if self.form == ROWS:
            return array.reshape(-1, array.shape[-1])
        if self.form == COLUMNS:
            return array.reshape(1, -1) if array.ndim == 1 else array.T
        return array

    def contributions(self, deltas: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
        """The gradient of the slice step by step, (steps, *shape)."""
        a = self.inputs if inputs is None else inputs
        if self.form == ROWS:
            return a.transpose(0, 2, 1) @ deltas
        if self.form == COLUMNS:
            return deltas.transpose(0, 2, 1) @ a
        if self.form == BIAS:
            return np.stack([summed_to(one, self.shape) for one in deltas])
        slopes = [
            torch.autograd.grad(op.out, edge.tensor, torch.from_numpy(np.array(one)), retain_graph=True)[0].numpy()
            for op, edge, one in zip(self.ops, self.edges, deltas)
        ]
        return np.stack([self.within(k, one) for k, one in enumerate(slopes)])

    def looked_up(self, deltas: np.ndarray) -> list[tuple[Moved, np.ndarray]]:
        """Of a lookup, for each use where its rows are and the gradient of the operand they make."""
        return [
            (
                moved,
                torch.autograd.grad(op.out, edge.tensor, torch.from_numpy(np.array(one)), retain_graph=True)[0].numpy(),
            )
            for moved, op, edge, one in zip(self.lookups or [], self.ops, self.edges, deltas)
        ]

    def within(self, k: int, gradient: np.ndarray) -> np.ndarray:
        """The gradient of the operand of the k-th use as one of the slice."""
        return gradient if self.lookups is None else self.lookups[k].back(gradient)

    def gradient(self, deltas: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
        """The gradient of the slice."""
        a = self.inputs if inputs is None else inputs
        if self.form == ROWS:
            return a.reshape(-1, a.shape[-1]).T @ deltas.reshape(-1, deltas.shape[-1])
        if self.form == COLUMNS:
            return deltas.reshape(-1, deltas.shape[-1]).T @ a.reshape(-1, a.shape[-1])
        return self.contributions(deltas, inputs).sum(axis=0)

    def embedded(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient of a slice in the shape of the parameter, zero elsewhere."""
        return gradient if self.moved is None else self.moved.back(gradient)

    def taken(self, whole: np.ndarray) -> np.ndarray:
        """The slice of an array in the parameter's shape."""
        if self.moved is None:
            return whole
        labels = self.moved.labels
        found = np.zeros(int(np.prod(self.shape)))
        found[labels[labels > 0] - 1] = whole[labels > 0]
        return found.reshape(self.shape)


def summed_to(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What broadcasting `shape` to the array's shape sends back: the sum over the axes that were added or stretched."""
    array = array.sum(axis=tuple(range(array.ndim - len(shape))))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1 and array.shape[axis] != 1)
    return array.sum(axis=stretched, keepdims=True) if stretched else array


def parts_of(
    steps: int,
    ops: list[Op],
    entries: Mapping[Op, list[Edge]],
    leaves: Mapping[str, torch.Tensor],
    moved_from: Callable[[Edge, torch.Tensor], Moved | None],
) -> list[Part]:
    """The parts of all parameters."""
    groups: dict[tuple, list[tuple[Op, Edge, Moved | None]]] = defaultdict(list)
    for op in ops:
        for edge in entries[op]:
            for name in edge.parameters:
                moved = moved_from(edge, leaves[name])
                where = None if moved is None else "lookup" if moved.repeated else moved.labels.tobytes()
                groups[name, op.site, edge.position, where, (moved is None, *_rows(op))].append((op, edge, moved))
    parts = []
    groups = _with_lookups(groups, steps)
    for (name, _, position, where, _), uses in groups.items():
        used, edges = [op for op, _, _ in uses], [edge for _, edge, _ in uses]
        form, inputs, split = _form(used[0], edges[0], position, steps)
        lookups = [moved for _, _, moved in uses] if where == "lookup" else None
        alone = len(edges[0].sources) == 1 and lookups is None
        if lookups:
            form = OTHER
        if form in (ROWS, COLUMNS) and (not alone or edges[0].tensor.ndim != 2):
            form = OTHER
        if form == OTHER:
            inputs, split = None, None
        elif inputs is not None:
            part = Part(name, form, used, edges, None, None, (), split)
            arrays = [op.operands[1 - position].numpy() for op in used]
            inputs = np.stack([part.oriented(one) for array in arrays for one in part._steps(array)])
        shape = tuple(leaves[name].shape if lookups else edges[0].tensor.shape)
        parts.append(Part(name, form, used, edges, inputs, None if lookups else uses[0][2], shape, split, lookups))
    return parts


def _rows(op: Op) -> tuple[int, ...]:
    """The shape of what an operation gives out, a first state (H,) being as (1, H), and not as (B, H)."""
    shape = tuple(op.out.shape)
    return shape[next((axis for axis, size in enumerate(shape) if size > 1), len(shape)) :]


def _with_lookups(groups: Mapping[tuple, list], steps: int) -> dict[tuple, list]:
    """The same with one group for other slices of a parameter at every step, as rows that are looked up are."""
    slices: dict[tuple, list[tuple]] = defaultdict(list)
    for key in groups:
        slices[key[:3]].append(key)
    found = {}
    for (name, site, position), keys in slices.items():
        uses = [use for key in keys for use in groups[key]]
        if len(keys) > 1 and len(uses) <= steps and all(moved is not None for _, _, moved in uses):
            found[name, site, position, "lookup", False] = sorted(uses, key=lambda use: use[0].order)
        else:
            found.update({key: groups[key] for key in keys})
    return found


def _form(op: Op, edge: Edge, position: int, steps: int) -> tuple[str, bool | None, int | None]:
    """The form of a use, whether it has inputs, and which axis of one operation the steps are."""
    if op.name == "matmul" and position in (0, 1) and 1 - position in op.operands and edge.tensor.ndim == 2:
        other = op.operands[1 - position]
        split = _axis_of_steps(op, other, steps)
        if position == 1 and (other.ndim <= 2 or split is not None):
            return ROWS, True, split
        if position == 0 and other.ndim <= 2:
            return COLUMNS, True, None
        return OTHER, None, None
    if op.name == "add":
        return BIAS, None, _axis_of_steps(op, op.out, steps)
    return OTHER, None, None


def _axis_of_steps(op: Op, array: torch.Tensor, steps: int) -> int | None:
    if len(op.site.ops) > 1 or array.ndim < 3:
        return None
    return next((axis for axis in range(array.ndim - 1) if array.shape[axis] == steps), None)
