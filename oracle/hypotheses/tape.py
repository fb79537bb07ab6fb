"""The forward pass as it was run: its operations, what feeds them, at which step, and which of them are the loss.

One lifted run in which every operation gets aliases of its own for its operands. An operation that only moves elements
(indexing, stacking, transposing ...) is no operation here: what it moves comes from where it was computed.

    operation   one product, sum, activation ..., at one step
    site        the operations of one place in the source, one for each step
    edge        one operand of an operation; its gradient is what flows from the operation into the operand
    core        what lies before some use of a parameter; the rest computes the loss from what the core gives out
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_unflatten

from oracle.autograd import judging
from oracle.frames import is_users
from oracle.lifting import Lifted, lifting
from oracle.oracles import lifted_loss
from oracle.subject import Subject

MOVES = frozenset(
    "T mT view view_as reshape transpose permute __getitem__ getitem cat concat concatenate stack as_strided clone "
    "flatten squeeze unsqueeze contiguous ravel to type double flip movedim swapaxes index_select split chunk unbind "
    "hstack vstack dstack column_stack narrow real diagonal repeat_interleave tile roll".split()
)
READING = frozenset(("T", "mT", "real"))  # attributes of a tensor that are operations


@dataclass(eq=False, repr=False)
class Edge:
    """One operand of an operation. What refers to one another here has no repr: written out it would be endless.

    tensor      the alias that the operation was given; its gradient is this edge's
    made_by     the operation or the move that made the operand, or None
    parameter   its name, where the operand is a parameter itself
    """

    op: Op
    position: int
    tensor: torch.Tensor
    made_by: Op | None
    parameter: str = ""
    _sources: frozenset[Op | str] | None = None

    @property
    def sources(self) -> frozenset[Op | str]:
        """The operations and the parameters that the operand's elements come from, moves left out."""
        if self._sources is None:
            if self.parameter:
                found = frozenset((self.parameter,))
            elif self.made_by is None:
                found = frozenset()
            elif self.made_by.is_move:
                found = frozenset().union(*(edge.sources for edge in self.made_by.edges))
            else:
                found = frozenset((self.made_by,))
            self._sources = found
        return self._sources

    @property
    def parameters(self) -> list[str]:
        return [one for one in self.sources if isinstance(one, str)]


@dataclass(eq=False, repr=False)
class Op:
    """One operation of the forward pass.

    operands   the values of its tensor operands by position, differentiable or not
    place      where it is called from: the instructions of all the user's frames, the innermost first
    lines      likewise (file name, line)
    step       which of the operations of its site it is
    """

    name: str
    place: tuple
    lines: tuple[tuple[str, int], ...]
    order: int
    edges: list[Edge] = field(default_factory=list)
    operands: dict[int, torch.Tensor] = field(default_factory=dict)
    out: torch.Tensor | None = None
    site: Site | None = None
    step: int = 0

    @property
    def line(self) -> int:
        return self.lines[0][1] if self.lines else 0

    @property
    def is_move(self) -> bool:
        return self.name in MOVES

    @property
    def value(self) -> torch.Tensor:
        return self.out.detach()

    def edge(self, position: int) -> Edge | None:
        return next((one for one in self.edges if one.position == position), None)


@dataclass(eq=False, repr=False)
class Site:
    """The operations of one place, in the order of the run; `number` tells the sites of a program apart."""

    number: int
    ops: list[Op]

    @property
    def first(self) -> Op:
        return self.ops[0]

    @property
    def name(self) -> str:
        return self.first.name

    @property
    def line(self) -> int:
        return self.first.line

    def edges(self, position: int) -> list[Edge]:
        """The differentiable operands at one position, over the steps; the first step may be without."""
        return [edge for op in self.ops if (edge := op.edge(position)) is not None]

    @property
    def positions(self) -> list[int]:
        return sorted({edge.position for op in self.ops for edge in op.edges})


@dataclass
class Tape:
    """The forward pass; `steps` is the number of time steps, `core` and `rest` are the two parts of `sites`."""

    loss: torch.Tensor
    leaves: dict[str, torch.Tensor]
    sites: list[Site]
    core: list[Site]
    rest: list[Site]
    steps: int

    @property
    def core_ops(self) -> list[Op]:
        return [op for site in self.core for op in site.ops]


def earlier(source: Op, op: Op) -> bool:
    """Whether the source is of the step before: its site has as many steps, and it is one behind."""
    return source.step < op.step + (len(source.site.ops) - len(op.site.ops))


def recorded(subject: Subject) -> Tape:
    """The tape of a subject. Raises NotLifted or Mistrusted where its forward pass cannot be followed."""
    with judging(), lifting(subject.parameters) as lifted:
        recorder = _Recorder(lifted)
        with recorder:
            loss = lifted_loss(subject, lifted)
    return _structured(loss, lifted.leaves, recorder.ops)


class _Recorder(TorchFunctionMode):
    """Every operation with its place in the user's code."""

    def __init__(self, lifted: Lifted) -> None:
        super().__init__()
        self.names = {id(leaf): name for name, leaf in lifted.leaves.items()}
        self.made: dict[int, Op] = {}
        self.ops: list[Op] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.__name__
        if name == "__get__":
            name = func.__self__.__name__
            if name not in READING:
                return func(*args, **kwargs)
        if name in ("__set__", "requires_grad_", "detach"):
            return func(*args, **kwargs)
        flat, spec = tree_flatten((args, kwargs))
        if not any(isinstance(one, torch.Tensor) and one.requires_grad for one in flat):
            return func(*args, **kwargs)
        op = self._begun(name)
        aliases: dict[int, torch.Tensor] = {}
        for position, value in enumerate(flat):
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                if id(value) in aliases:  # W * W uses W once: half of its slope is nothing that anybody writes
                    flat[position] = aliases[id(value)]
                elif value.requires_grad:
                    flat[position] = aliases[id(value)] = alias = value.view_as(value)
                    edge = Edge(op, position, alias, self.made.get(id(value)), self.names.get(id(value), ""))
                    op.edges.append(edge)
                op.operands[position] = value.detach()
        args, kwargs = tree_unflatten(flat, spec)
        result = func(*args, **kwargs)
        for one in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(one, torch.Tensor) and one.requires_grad:
                if op.out is not None:  # a split: each part stands for itself
                    op = Op(op.name, op.place, op.lines, op.order, op.edges, op.operands)
                op.out = one
                self.made[id(one)] = op
                self.ops.append(op)
        return result

    def _begun(self, name: str) -> Op:
        frame, lines, place = sys._getframe(2), [], []
        while frame is not None:
            if is_users(frame.f_code.co_filename):
                lines.append((frame.f_code.co_filename, frame.f_lineno))
                place.append((frame.f_code.co_name, frame.f_code.co_firstlineno, frame.f_lasti))
            frame = frame.f_back
        name = name.strip("_")
        name = {"rmul": "mul", "radd": "add", "rmatmul": "matmul", "mm": "matmul", "dot": "matmul", "mv": "matmul"}.get(
            name, name
        )
        return Op(name, tuple(place), tuple(lines), len(self.ops))


def _structured(loss: torch.Tensor, leaves: dict[str, torch.Tensor], ops: list[Op]) -> Tape:
    outs = [op.out for op in ops]
    found = torch.autograd.grad(loss, outs, retain_graph=True, allow_unused=True) if loss.requires_grad else []
    alive = [op for op, gradient in zip(ops, found) if gradient is not None]
    computed = [op for op in alive if not op.is_move]
    sites = _sites(computed)
    needed: set[Op] = set()  # operations that lie before a use of a parameter, and the uses
    for op in reversed(computed):
        if op in needed or any(edge.parameters for edge in op.edges):
            needed.add(op)
            for edge in op.edges:
                needed.update(one for one in edge.sources if isinstance(one, Op))
    core = [site for site in sites if any(op in needed for op in site.ops)]
    rest = [site for site in sites if site not in core]
    counts = Counter(len(site.ops) for site in core if any(edge.parameters for op in site.ops for edge in op.edges))
    several = {count: number for count, number in counts.items() if count > 1}
    steps = max(several, key=several.get) if several else 1
    if steps + 1 in several:  # these begin with the second step
        steps += 1
    return Tape(loss, leaves, sites, core, rest, steps)


def _sites(computed: list[Op]) -> list[Site]:
    """The operations by place; those of several layers in one place are told apart by the parameters they follow."""
    context: dict[Op, tuple[str, ...]] = {}
    initial = _initial_states(computed)
    groups: dict[tuple, list[Op]] = defaultdict(list)
    for op in computed:
        own = tuple(sorted({name for edge in op.edges for name in edge.parameters} - initial))
        before = [one for edge in op.edges for one in edge.sources if one in context]
        context[op] = own or (context[max(before, key=lambda one: one.order)] if before else ())
        groups[op.name, op.place, context[op]].append(op)
    sites = []
    for ops in _with_first_steps(groups):
        site = Site(len(sites), ops)
        for step, op in enumerate(ops):
            op.site, op.step = site, step
        sites.append(site)
    return sites


def _with_first_steps(groups: dict[tuple, list[Op]]) -> list[list[Op]]:
    """The groups, with the operation of a first step that follows other parameters than the further steps do."""
    by_place: dict[tuple, list[list[Op]]] = defaultdict(list)
    for (name, place, _), ops in groups.items():
        by_place[name, place].append(ops)
    found = []
    for ones in by_place.values():
        first_apart = len(ones) == 2 and len(ones[0]) == 1 < len(ones[1])
        found += [ones[0] + ones[1]] if first_apart else ones
    return sorted(found, key=lambda ops: ops[0].order)


def _initial_states(computed: list[Op]) -> set[str]:
    """The parameters that are used at the first step only, where a state is used at the others."""
    places: dict[tuple, list[Op]] = defaultdict(list)
    for op in computed:
        places[op.name, op.place].append(op)
    used: dict[str, list[bool]] = defaultdict(list)
    for ops in places.values():
        users: dict[str, list[Op]] = defaultdict(list)
        for op in ops:
            for name in {name for edge in op.edges for name in edge.parameters}:
                users[name].append(op)
        for name, mine in users.items():
            used[name].append(len(ops) > 1 and mine == ops[:1])
    return {name for name, first_only in used.items() if all(first_only)}
