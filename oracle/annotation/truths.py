"""What the values in a right backward pass would be: the adjoint of every value of the forward pass, and of every use.

One lifted run, in which each operation gets a fresh alias of each of its operands. Autograd then gives the adjoint of
every value (a node: dL/dh_t whole), of every use of one (an edge: the part of dL/dh_t that comes from the readout, the
part that is carried from step t + 1), and so of every use of a parameter (its contributions to the whole gradient).
Arrays that depend on no parameter, inputs and initial states, have adjoints for their uses as well.

A backward pass need not be cut as the forward pass is: one goes step by step where the other takes all steps at once.
So there are slices, stacks and sums of the adjoints as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from oracle.autograd import judging
from oracle.frames import is_users, user_frame
from oracle.lifting import Lifted, lifting
from oracle.oracles import lifted_loss
from oracle.subject import Subject

NODE, EDGE, CONTRIBUTION, WHOLE = "value", "use", "contribution", "gradient"
SLICE, STACK, SUM, PATHS, BLOCK = "slice", "stack", "sum", "paths", "block"
PRODUCTS = frozenset(("matmul", "__matmul__", "__rmatmul__", "mm", "bmm"))
MOST_ROWS = 64  # of a product whose rows are told apart
MOST_GATES = 4  # that are computed together
JOINING = frozenset(("cat", "concat", "concatenate"))
RESHAPING = frozenset(("reshape", "view", "clone"))
READING = frozenset(("T", "mT", "real", "imag"))  # attributes of a tensor that are operations


@dataclass(frozen=True, eq=False)
class Truth:
    """One adjoint.

    kind         NODE of a value, EDGE of one use of a value, CONTRIBUTION of one use of a parameter, WHOLE of all uses;
                 SLICE along one axis of a NODE or an EDGE, STACK of those of one operation, SUM over axes of one;
                 PATHS the sum of several uses of a value, and not of all; BLOCK one gate, or some, of those that are
                 computed together
    adjoint      dL/dv, in the shape of v
    value        v
    parameter    the name, of a CONTRIBUTION or a WHOLE
    filename, line   of the operation that made v, or that used it
    instruction  of that operation in its code object: tells the operations of a line apart
    order        of that operation in the forward pass
    operation    its name in torch; one line of NumPy may be several
    caller       tells the calls apart through which the operation was reached
    depends      whether v depends on a parameter
    index        (axis, place) of a SLICE, and of a CONTRIBUTION that is a part of one product
    """

    kind: str
    adjoint: np.ndarray
    value: np.ndarray
    parameter: str
    filename: str
    line: int
    instruction: int
    order: int
    operation: str = ""
    caller: int = 0
    depends: bool = True
    index: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Pair:
    """One product with a parameter: what that is multiplied with, and the adjoint of the product.

    rows   whether it is operand @ parameter, and not parameter @ operand
    order  of the product in the forward pass
    """

    parameter: str
    operand: np.ndarray
    adjoint: np.ndarray
    rows: bool
    order: int

    def contribution(self, operand: np.ndarray) -> np.ndarray:
        """What the parameter gets if the operand had been that."""
        left, right = (operand, self.adjoint) if self.rows else (self.adjoint, operand)
        if left.ndim == 1:
            return np.outer(left, right)
        return left.T @ right if self.rows else left @ right.T

    def samples(self) -> list[np.ndarray]:
        """What the parameter gets from each sample."""
        if self.operand.ndim == 1:
            return [self.contribution(self.operand)]
        operand, adjoint = (self.operand, self.adjoint) if self.rows else (self.operand.T, self.adjoint.T)
        left, right = (operand, adjoint) if self.rows else (adjoint, operand)
        return [np.outer(one, other) for one, other in zip(left, right)]


@dataclass(frozen=True)
class Truths:
    """All adjoints of a run, its loss, the gradients, and the lines of the forward pass as (file name, line).

    pairs     the matrix products with parameters
    subject   that was run
    """

    every: tuple[Truth, ...]
    loss: float
    gradients: Mapping[str, np.ndarray]
    forward: frozenset[tuple[str, int]]
    pairs: tuple[Pair, ...] = ()
    subject: Subject | None = None


def truths(subject: Subject) -> Truths:
    """The adjoints of the forward pass of a subject.

    Raises NotLifted or Mistrusted where the code cannot be followed.
    """
    with judging(), lifting(subject.parameters) as lifted:
        following = Following(lifted)
        with following:
            loss = lifted_loss(subject, lifted)
        leaves = [Made(leaf, _NOWHERE, name) for name, leaf in lifted.leaves.items()]
        made = [*following.nodes, *following.edges, *leaves]
        tensors = [one.tensor for one in made]
        found = torch.autograd.grad(loss, tensors, allow_unused=True) if loss.requires_grad else [None] * len(tensors)
    every, forward = [], set()
    edges, whole = len(following.nodes), len(following.nodes) + len(following.edges)
    for number, (one, adjoint) in enumerate(zip(made, found)):
        if adjoint is None:
            continue
        kind = NODE if number < edges else WHOLE if number >= whole else CONTRIBUTION if one.parameter else EDGE
        if kind != WHOLE:
            forward.add((one.place.filename, one.place.line))
        if bool(adjoint.any()):
            every.append(_truth(kind, adjoint.numpy(), one))
    adjoints = {id(one.tensor): adjoint for one, adjoint in zip(made, found) if adjoint is not None}
    every += _of_data(every)
    every += _parts_of_joined(following.joined_uses, adjoints)
    every += [*_derived(every), *parts_of_products(following.products, adjoints)]
    gradients = {
        name: np.zeros(leaf.shape) if one is None else one.numpy()
        for (name, leaf), one in zip(lifted.leaves.items(), found[whole:])
    }
    pairs = [
        Pair(one.parameter, operand.numpy(), adjoints[id(one.tensor)].numpy(), rows, one.place.order)
        for operand, one, rows in following.pairs
        if id(one.tensor) in adjoints
    ]
    return Truths(tuple(every), float(loss.detach()), gradients, frozenset(forward), tuple(pairs), subject)


@dataclass(frozen=True)
class Place:
    filename: str
    line: int
    instruction: int
    order: int
    operation: str
    caller: int


_NOWHERE = Place("", 0, 0, 0, "", 0)


@dataclass(frozen=True, eq=False)
class Made:
    """A tensor whose adjoint is asked for: what an operation made, or the alias that one use got."""

    tensor: torch.Tensor
    place: Place
    parameter: str = ""
    depends: bool = True


def _truth(kind: str, adjoint: np.ndarray, one: Made) -> Truth:
    at = one.place
    value = one.tensor.detach().numpy()
    where = at.filename, at.line, at.instruction, at.order, at.operation, at.caller
    return Truth(kind, adjoint, value, one.parameter, *where, one.depends)


def _of_data(every: list[Truth]) -> list[Truth]:
    """The whole adjoints of arrays that depend on no parameter and are used several times, such as a first state."""
    uses: dict[tuple, list[Truth]] = {}
    for one in every:
        if one.kind == EDGE and not one.depends:
            uses.setdefault((one.value.shape, one.value.tobytes()), []).append(one)
    return [
        replace(same[0], kind=NODE, adjoint=sum(one.adjoint for one in same)) for same in uses.values() if len(same) > 1
    ]


def _derived(every: list[Truth]) -> Iterator[Truth]:
    """Slices and sums of single adjoints, and stacks of those that one operation has at all steps."""
    together: dict[tuple, list[Truth]] = {}
    shapes = {one.adjoint.shape for one in every if one.kind == NODE}
    for one in every:
        if one.kind not in (NODE, EDGE):
            continue
        if one.adjoint.ndim in (1, 2):
            yield from _blocks(one, shapes)
        key = one.kind, one.filename, one.line, one.instruction, one.operation, one.caller, one.adjoint.shape
        together.setdefault(key, []).append(one)
        if one.adjoint.ndim == 3:
            yield replace(one, kind=SUM, adjoint=one.adjoint.sum(axis=(0, 1)))
        if one.adjoint.ndim in (2, 3):
            for part in _slices(one):
                yield part
                if part.adjoint.ndim == 2:
                    yield from _sums(part)
                    yield from _blocks(part, shapes)
        if one.adjoint.ndim == 2:
            yield from _sums(one)
    for steps in together.values():
        if 1 < len(steps) <= MOST_ROWS and steps[0].adjoint.ndim:
            for order in (steps, steps[::-1]):
                adjoint, value = np.stack([one.adjoint for one in order]), np.stack([one.value for one in order])
                yield replace(steps[0], kind=STACK, adjoint=adjoint, value=value)


def _slices(one: Truth) -> Iterator[Truth]:
    for axis in range(one.adjoint.ndim):
        size = one.adjoint.shape[axis]
        if 1 < size <= MOST_ROWS and (one.adjoint.ndim == 3 or axis == 0):
            for place in range(size):
                at = (slice(None),) * axis + (place,)
                if one.adjoint[at].any():
                    value = one.value[at] if one.value.shape == one.adjoint.shape else one.value
                    yield replace(one, kind=SLICE, adjoint=one.adjoint[at], value=value, index=(axis, place))


def _blocks(one: Truth, shapes: Collection[tuple[int, ...]]) -> Iterator[Truth]:
    """One gate, or some beside each other, of those that one product computes: one is as wide as a state.

    The output of each is a value of its own where it is cut out, but what its activation is applied to may not be.
    """
    shape = one.adjoint.shape
    for axis, size in enumerate(shape):
        for width in {each[axis] for each in shapes if len(each) == len(shape) and _is_part(each, shape, axis)}:
            count = size // width
            for begin, end in itertools.combinations(range(count + 1), 2):
                if end - begin < count:
                    block = one.adjoint.take(range(begin * width, end * width), axis)
                    if block.any():
                        yield replace(one, kind=BLOCK, adjoint=block)


def _is_part(part: tuple[int, ...], whole: tuple[int, ...], axis: int) -> bool:
    """Whether a few of such parts beside each other along this axis make up the whole."""
    if part[axis] < 2 or whole[axis] % part[axis] or not 1 < whole[axis] // part[axis] <= MOST_GATES:
        return False
    return (*part[:axis], *part[axis + 1 :]) == (*whole[:axis], *whole[axis + 1 :])


def _sums(one: Truth) -> Iterator[Truth]:
    for axis, size in enumerate(one.adjoint.shape):
        if size > 1:
            yield replace(one, kind=SUM, adjoint=one.adjoint.sum(axis=axis))


def contributions_of(uses: list[Made], adjoints: Mapping[int, torch.Tensor]) -> list[Truth]:
    """What each use of a parameter gets, also where that is zero."""
    return [_truth(CONTRIBUTION, adjoints[id(one.tensor)].numpy(), one) for one in uses]


def parts_of_products(
    products: list[tuple], adjoints: Mapping[int, torch.Tensor], zeros: bool = False
) -> Iterator[Truth]:
    """What each step, and each row, of xs @ W gives to W, where one product is taken of them all."""
    for left, one, turned in products:
        if id(one.tensor) not in adjoints:
            continue
        xs, adjoint = left.numpy(), adjoints[id(one.tensor)].numpy()
        whole = replace(_truth(CONTRIBUTION, adjoint, one), value=np.zeros(0))
        if xs.ndim == 3:
            for axis in (0, 1):
                for place in range(xs.shape[axis]):
                    part = xs.take(place, axis).T @ adjoint.take(place, axis)
                    part = part.T if turned else part
                    if zeros or part.any():
                        yield replace(whole, adjoint=part, index=(axis, place))
        elif xs.ndim == 2 and 1 < len(xs) <= MOST_ROWS:
            for place, (x, row) in enumerate(zip(xs, adjoint)):
                part = np.outer(row, x) if turned else np.outer(x, row)
                if zeros or part.any():
                    yield replace(whole, adjoint=part, index=(0, place))


def _parts_of_joined(uses: list[tuple], adjoints: Mapping[int, torch.Tensor]) -> list[Truth]:
    """What each array that was joined with others, [h, x] @ W, gets from one use of what they were joined to."""
    found = []
    for one, axis, sizes in uses:
        if id(one.tensor) not in adjoints:
            continue
        whole = _truth(EDGE, adjoints[id(one.tensor)].numpy(), one)
        ends = np.cumsum(sizes)[:-1]
        for adjoint, value in zip(np.split(whole.adjoint, ends, axis), np.split(whole.value, ends, axis)):
            if adjoint.any():
                found.append(replace(whole, adjoint=adjoint, value=value))
    return found


class Following(TorchFunctionMode):
    """Every operation with its place in the user's code; its operands become aliases of their own."""

    def __init__(self, lifted: Lifted) -> None:
        super().__init__()
        self.names = {id(leaf): name for name, leaf in lifted.leaves.items()}
        self.nodes: list[Made] = []
        self.edges: list[Made] = []
        self.products: list[tuple[torch.Tensor, Made, bool]] = []  # with a parameter, or with its transpose
        self.pairs: list[tuple[torch.Tensor, Made, bool]] = []  # with a parameter, on its right or on its left
        self.turned: dict[int, str] = {}  # the transposes of parameters
        self.joined: dict[int, tuple[int, list[int]]] = {}  # axis and sizes of what was joined
        self.joined_uses: list[tuple[Made, int, list[int]]] = []
        self.order = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.__name__
        if name in ("__set__", "requires_grad_", "detach") or (
            name == "__get__" and func.__self__.__name__ not in READING
        ):
            return func(*args, **kwargs)
        if not any(isinstance(one, torch.Tensor) and one.requires_grad for one in tree_leaves((args, kwargs))):
            return func(*args, **kwargs)
        self.order += 1
        place = self._place(name)
        before = args
        aliases: dict[int, torch.Tensor] = {}

        def fresh(value: object) -> object:
            if not isinstance(value, torch.Tensor) or not value.is_floating_point():
                return value
            if id(value) in aliases:  # x * x is one use: half of its derivative is an adjoint of nothing
                return aliases[id(value)]
            if value.requires_grad:
                alias = value.view_as(value)
            elif value.ndim:
                alias = value.detach().clone().requires_grad_()
            else:
                return value
            self.edges.append(Made(alias, place, self.names.get(id(value), ""), value.requires_grad))
            if id(value) in self.joined:
                self.joined_uses.append((self.edges[-1], *self.joined[id(value)]))
            aliases[id(value)] = alias
            return alias

        args, kwargs = tree_map(fresh, args), tree_map(fresh, kwargs)
        result = func(*args, **kwargs)
        for one in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(one, torch.Tensor) and one.requires_grad:
                self.nodes.append(Made(one, place))
        if name in JOINING and result.requires_grad:
            axis = kwargs.get("dim", args[1] if len(args) > 1 else 0)
            self.joined[id(result)] = axis, [part.shape[axis] for part in args[0]]
        elif name in RESHAPING and id(before[0]) in self.joined:
            axis, sizes = self.joined[id(before[0])]
            row = before[0].shape[1:].numel(), result.shape[1:].numel()  # joined as flat arrays, perhaps
            if axis == 0 and result.ndim and all(size * row[0] % row[1] == 0 for size in sizes):
                self.joined[id(result)] = 0, [size * row[0] // row[1] for size in sizes]
            elif result.shape == before[0].shape:
                self.joined[id(result)] = axis, sizes
        if name in PRODUCTS and len(before) == 2 and before[1].ndim == 2:
            parameter = self.names.get(id(before[1])) or self.turned.get(id(before[1]), "")
            if parameter:
                turned = id(before[1]) in self.turned
                self.products.append((before[0].detach(), Made(result, place, parameter), turned))
        if name in PRODUCTS and len(before) == 2:
            for number, rows in ((1, True), (0, False)):
                other, parameter = before[1 - number], self.names.get(id(before[number]))
                if parameter and isinstance(other, torch.Tensor) and other.ndim in (1, 2):
                    self.pairs.append((other.detach(), Made(result, place, parameter), rows))
        elif name == "__get__" and id(before[0]) in self.names:
            self.turned[id(result)] = self.names[id(before[0])]
        return result

    def _place(self, operation: str) -> Place:
        frame = user_frame()
        caller, above = 0, frame.f_back
        while above is not None and is_users(above.f_code.co_filename):
            caller = hash((caller, above.f_code.co_filename, above.f_lasti))
            above = above.f_back
        return Place(frame.f_code.co_filename, frame.f_lineno, frame.f_lasti, self.order, operation, caller)
