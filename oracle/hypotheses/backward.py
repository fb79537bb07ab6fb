"""The backward pass of a tape, with places where something else may be put.

    adjoint of an operation    dL/dv of its value v: what the loss itself gives it, plus all edges that use it
    gradient of an edge        the operation's adjoint through its derivative with respect to that operand

A rule takes the place of one edge's gradient, or changes one operation's adjoint. Everything upstream follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from oracle.hypotheses.activations import ELEMENTWISE, Activated, activated
from oracle.hypotheses.parts import Moved, Part, parts_of
from oracle.hypotheses.tape import Edge, Op, Site, Tape

Adjoints = dict[Op | Edge, np.ndarray]  # of an edge into a parameter only what a rule put there
EdgeRule = Callable[[np.ndarray, np.ndarray, Adjoints], np.ndarray]  # (right gradient, adjoint of the operation, all)
NodeRule = Callable[[np.ndarray, Adjoints], np.ndarray]


@dataclass(frozen=True, eq=False)
class Change:
    """What is put in the place of what: rules for edges and for adjoints, other seeds, a last word on the adjoints."""

    edges: Mapping[Edge, EdgeRule] = field(default_factory=dict)
    nodes: Mapping[Op, NodeRule] = field(default_factory=dict)
    seeds: Mapping[Op, np.ndarray] | None = None

    def together(self, other: Change) -> Change | None:
        """Both; None where they meet in one place."""
        if (self.seeds is not None and other.seeds is not None) or self.edges.keys() & other.edges.keys():
            return None
        if self.nodes.keys() & other.nodes.keys():
            return None
        seeds = self.seeds if self.seeds is not None else other.seeds
        return Change({**self.edges, **other.edges}, {**self.nodes, **other.nodes}, seeds)


NOTHING = Change()


class Backward:
    """The backward pass of the core of a tape.

    seeds        what the loss itself gives each operation of the core, by operation
    parts        the uses of the parameters
    activations  by the operation that gives out their value
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.ops = sorted(tape.core_ops, key=lambda op: op.order)
        used_by: dict[Op, set[Op]] = defaultdict(set)
        for site in tape.sites:
            for op in site.ops:
                for edge in op.edges:
                    for source in edge.sources - set(edge.parameters):
                        used_by[source].add(op)
        self.activations = _alike(self.ops, used_by)
        inside = {op for one in self.activations.values() for op in one.inner if op is not one.op}
        self.ops = [op for op in self.ops if op not in inside]
        self.entries = {op: self._entries(op) for op in self.ops}
        self.edges = [edge for op in self.ops for edge in self.entries[op]]
        self._routes: dict[Edge, list[tuple[Op, Moved | None]]] = {}
        self._local: dict[Edge, Callable[[np.ndarray], np.ndarray]] = {}
        self.users: dict[Op, list[Edge]] = defaultdict(list)
        core = set(self.ops)
        cut = [edge.tensor.register_hook(torch.zeros_like) for op in tape.core_ops for edge in op.edges]
        try:
            outs = [op.out for op in self.ops]
            found = torch.autograd.grad(tape.loss, outs, retain_graph=True, allow_unused=True)
            self.seeds = {op: g.numpy() for op, g in zip(self.ops, found) if g is not None and bool(g.any())}
            for edge in self.edges:
                self._routes[edge] = [
                    (one, _moved(edge, one.out)) for one in edge.sources if isinstance(one, Op) and one in core
                ]
                for one, _ in self._routes[edge]:
                    self.users[one].append(edge)
            self.parts = parts_of(tape.steps, self.ops, self.entries, tape.leaves, _moved)
        finally:
            for handle in cut:
                handle.remove()
        for edge in self.edges:
            self._local[edge] = self._derivative(edge)
        self.inert = {edge for edge in self.edges if not self._routes[edge]}

    def _entries(self, op: Op) -> list[Edge]:
        """The operands of an operation; of an activation that is spelt out, the first by which x comes in."""
        return op.edges if op not in self.activations else self.activations[op].entries[:1]

    def _derivative(self, edge: Edge) -> Callable[[np.ndarray], np.ndarray]:
        """From the adjoint of an operation to the gradient of one of its edges."""
        op, shape = self.op_of(edge), tuple(edge.tensor.shape)
        if op in self.activations:
            slope = self.activations[op].kind.slope(self.activations[op].y)
            return lambda g: g * slope
        operands = {position: value.numpy() for position, value in op.operands.items()}
        same = shape == tuple(op.out.shape)
        if op.name == "add" and same:
            return lambda g: g
        if op.name == "sub" and same:
            return (lambda g: g) if edge.position == 0 else (lambda g: -g)
        if op.name == "matmul" and all(operands[k].ndim == 2 for k in (0, 1)):
            other = operands[1 - edge.position].T
            return (lambda g: g @ other) if edge.position == 0 else (lambda g: other @ g)
        if op.name in ELEMENTWISE and same:
            (slope,) = torch.autograd.grad(op.out, edge.tensor, torch.ones_like(op.out), retain_graph=True)
            slope = slope.numpy()
            return lambda g: g * slope

        def by_autograd(g: np.ndarray) -> np.ndarray:
            return torch.autograd.grad(op.out, edge.tensor, torch.from_numpy(np.array(g)), retain_graph=True)[0].numpy()

        return by_autograd

    def op_of(self, edge: Edge) -> Op:
        """The operation that an edge leads to; of an edge into an activation, the one that gives out its value."""
        if edge.op in self.entries:
            return edge.op
        return next(one.op for one in self.activations.values() if edge.op in one.inner)

    def adjoints(self, change: Change = NOTHING, seeds: Mapping[Op, np.ndarray] | None = None) -> Adjoints:
        """The adjoint of every operation of the core."""
        if seeds is None:
            seeds = self.seeds if change.seeds is None else change.seeds
        found: Adjoints = {op: np.array(seed) for op, seed in seeds.items()}
        own: set[Op] = set(found)
        for op in reversed(self.ops):
            g = found.get(op)
            if g is None:
                found[op] = np.zeros(tuple(op.out.shape))
                continue
            rule = change.nodes.get(op)
            if rule is not None:
                g = found[op] = rule(g, found)
            for edge in self.entries[op]:
                rule = change.edges.get(edge)
                if edge in self.inert and rule is None:
                    continue
                flow = self._local[edge](g)
                if rule is not None:
                    flow = rule(flow, g, found)
                    if edge in self.inert:
                        found[edge] = flow  # into a parameter: an initial state
                for source, moved in self._routes[edge]:
                    part = flow if moved is None else moved.back(flow)
                    if source not in found:
                        found[source] = part
                    elif source in own:
                        found[source] += part
                    else:
                        found[source] = found[source] + part
                        own.add(source)
        return found

    def local(self, edge: Edge) -> Callable[[np.ndarray], np.ndarray]:
        """From the adjoint of an operation to the gradient of one of its edges."""
        return self._local[edge]

    def flow_into(self, edge: Edge, source: Op, adjoints: Adjoints) -> np.ndarray:
        """What one edge adds to the adjoint of one of its sources."""
        return self.moved_to(edge, source, self._local[edge](adjoints[self.op_of(edge)]))

    def moved_to(self, edge: Edge, source: Op, flow: np.ndarray) -> np.ndarray:
        """An edge's gradient in the shape of one of its sources."""
        moved = next(moved for one, moved in self._routes[edge] if one is source)
        return flow if moved is None else moved.back(flow)

    def seeds_by_step(self) -> list[dict[Op, np.ndarray]] | None:
        """The seeds of each step alone; None where they cannot be told apart."""
        steps, found = self.tape.steps, [{} for _ in range(self.tape.steps)]
        for op, seed in self.seeds.items():
            if len(op.site.ops) == steps:
                found[op.step][op] = seed
                continue
            axis = next((axis for axis, size in enumerate(seed.shape) if size == steps), None)
            if axis is None or len(op.site.ops) > 1:
                return None
            for step in range(steps):
                alone = np.zeros_like(seed)
                at = (slice(None),) * axis + (step,)
                alone[at] = seed[at]
                found[step][op] = alone
        return found

    def gradients(self, adjoints: Adjoints, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """The gradient of every parameter, or of these, with these adjoints."""
        leaves = self.tape.leaves
        found = {name: np.zeros(tuple(leaves[name].shape)) for name in (leaves if names is None else names)}
        for part in self.parts:
            if part.parameter not in found:
                continue
            gradient = part.gradient(part.deltas(adjoints))
            for k, (op, edge) in enumerate(zip(part.ops, part.edges)):
                if edge in adjoints:
                    gradient = gradient + part.within(k, adjoints[edge] - self._local[edge](adjoints[op]))
            found[part.parameter] += part.embedded(gradient)
        return found

    def parts_for(self, name: str) -> list[Part]:
        return [part for part in self.parts if part.parameter == name]


def _alike(ops: list[Op], used_by: Mapping[Op, set[Op]]) -> dict[Op, Activated]:
    """The activations that are one at every step, by operation.

    A single number may be an activation of another by chance: relu(w) is w · 0, where w is negative.
    """
    chance: set[Site] = set()
    while True:
        found: dict[Op, Activated] = {}
        inner: set[Op] = set()
        for op in reversed(ops):
            one = None if op in inner or op.site in chance else activated(op, used_by)
            if one:
                found[op] = one
                inner |= one.inner
        odd = {op.site for op in found if len({found[one].kind if one in found else None for one in op.site.ops}) > 1}
        inside = inner - found.keys()
        odd |= {op.site for op, one in found.items() for k in one.inner & inside if not inside.issuperset(k.site.ops)}
        if not odd:
            return found
        chance |= odd


def _moved(edge: Edge, source: torch.Tensor) -> Moved | None:
    """How an operand's elements come from those of a source by moves; None where all is as it is."""
    whole = edge.tensor if edge.made_by is None else edge.made_by.out
    if whole is source or edge.parameter:
        return None
    ones = torch.ones_like(whole).requires_grad_()
    numbers = torch.arange(1, whole.numel() + 1, dtype=whole.dtype).reshape(whole.shape)
    (counts,) = torch.autograd.grad(whole, source, ones, retain_graph=True, create_graph=True)
    if counts.max() > 1:  # an element that went to several places: for each place the element
        numbers = torch.arange(1, source.numel() + 1, dtype=whole.dtype).reshape(source.shape)
        (labels,) = torch.autograd.grad(counts, ones, numbers)
        return Moved(labels.numpy().astype(int).ravel(), tuple(source.shape), repeated=True)
    (found,) = torch.autograd.grad(whole, source, numbers, retain_graph=True)
    labels = found.numpy().astype(int)
    if labels.shape == tuple(whole.shape) and np.array_equal(labels, numbers.numpy().astype(int)):
        return None
    return Moved(labels, tuple(source.shape), repeated=False)
