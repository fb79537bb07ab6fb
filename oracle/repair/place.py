"""A place in the user's backward pass, with what the templates of edits ask about it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from oracle.repair.edit import Slot
from oracle.repair.loops import Loop, bound_by
from oracle.repair.material import Material
from oracle.rewriting import Definition, copied

Shapes = set[tuple[int, ...]]
POSITION = ("lineno", "col_offset", "end_lineno", "end_col_offset")
ADJOINT = re.compile(r"^d[A-Za-z_]|grad|delta|next|carr|future")  # how adjoints are called


@dataclass(frozen=True, eq=False)
class Proposal:
    """What could stand in a place: a node, or statements; with the kind of mistake that it undoes, in words."""

    new: object
    kind: str
    sentence: str
    cost: float
    line_of: int | None = None


@dataclass(frozen=True, eq=False)
class Rearranged(Proposal):
    """The whole list of statements that the statement stands in."""


@dataclass(frozen=True, eq=False)
class Moved(Proposal):
    """Statements in place of a loop that the statement stands in, and not of the statement itself."""

    instead_of: Loop | None = None


@dataclass(frozen=True, eq=False)
class Inserted(Proposal):
    """A loop with one more line at its end, which assigns or adds this value."""

    value: ast.expr | None = None


JOINS = re.compile(r"concat|stack$|^block|_$")  # np.c_, np.concatenate, np.hstack


@dataclass(frozen=True, eq=False)
class Place:
    """One expression or statement.

    around     the place of every node of the definition
    shapes     of the arrays that the nodes gave, where they were seen
    recurrent  names by which the recurrent parameters are read
    parameters the shapes of the parameters
    backward   the names that the definition computes in its backward pass
    suspicious whether the first wrong values are here: then edits are worth a try that elsewhere are too many
    """

    node: ast.AST
    definition: Definition
    around: Mapping[ast.AST, Slot]
    material: Material
    shapes: Mapping[ast.AST, Shapes]
    recurrent: frozenset[str]
    parameters: frozenset[tuple[int, ...]]
    backward: frozenset[str]
    suspicious: bool = False

    def is_backward(self, text: str) -> bool:
        """Whether a name is of the backward pass: an adjoint, or a gradient."""
        return text.partition("[")[0].partition(".T")[0] in self.backward

    def is_weight(self, text: str) -> bool:
        """Whether it is a matrix of the parameters, or a part of one."""
        root = text.partition("[")[0]
        arrays = self.material.arrays
        if self.is_backward(text) or not any(len(one) == 2 and min(one) > 1 for one in arrays.get(text, ())):
            return False
        return root in self.material.given or bool((arrays[text] | arrays.get(root, set())) & self.parameters)

    @property
    def slot(self) -> Slot:
        return self.around[self.node]

    @property
    def statement(self) -> ast.stmt:
        return self.slot.statement

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole value: of a statement, one of those it returns or assigns, or joined with others.

        In `return dx, dh * f`, `grads = {"W": dW}`, `np.concatenate([df, do])` and `cell.backward(dh)` as well.
        """
        parent, statement = self.slot.parent, self.statement
        if parent is statement:
            return True
        if isinstance(parent, (ast.Tuple, ast.List, ast.Dict)):
            outer = self.around[parent].parent
            return outer is statement or (isinstance(outer, ast.Call) and JOINS.search(text_of(outer.func)) is not None)
        if isinstance(parent, ast.Call) and getattr(statement, "value", None) is parent:
            return parent.func is not self.node and not text_of(parent.func).startswith(("np.", "numpy."))
        return False

    @property
    def is_multiplied(self) -> bool:
        """Whether it is a factor that np.multiply is given."""
        parent = self.slot.parent
        return isinstance(parent, ast.Call) and self.node in parent.args and text_of(parent.func) == "np.multiply"

    def shape_of(self, node: ast.AST) -> Shapes:
        """The shapes that an expression had; those of its name elsewhere where it was not seen itself."""
        return self.shapes.get(node) or self.material.arrays.get(text_of(node), set())

    def parents(self, node: ast.AST | None = None):
        """The nodes around, the innermost first."""
        node = self.node if node is None else node
        while node in self.around:
            node = self.around[node].parent
            yield node

    @property
    def loops(self) -> list[Loop]:
        return [one for one in self.parents() if isinstance(one, Loop)]

    @property
    def counters(self) -> set[str]:
        """The names that the loops around bind."""
        return {name for loop in self.loops for name in bound_by(loop)}

    @property
    def is_target(self) -> bool:
        return isinstance(getattr(self.node, "ctx", None), (ast.Store, ast.Del))

    @property
    def sizes(self) -> list[str]:
        """The whole numbers that may be the size of something: more than 1, and none that counts a loop."""
        counters = self.counters
        return [text for text, known in self.material.numbers.items() if min(known) > 1 and text not in counters]

    @property
    def targets(self) -> list[str]:
        """What the statement assigns."""
        match self.statement:
            case ast.Assign(targets=targets):
                return [text_of(one) for one in targets]
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                return [text_of(target)]
        return []


_texts: dict[ast.AST, str] | None = None


@contextmanager
def texts_kept() -> Iterator[None]:
    """Inside, the text of a node is made once: no tree may change there."""
    global _texts
    _texts = {}
    try:
        yield
    finally:
        _texts = None


def text_of(node: ast.AST) -> str:
    if _texts is None:
        return ast.unparse(node)
    if node not in _texts:
        _texts[node] = ast.unparse(node)
    return _texts[node]


def index_text(index: ast.AST) -> str:
    """What stands between the brackets of a subscript."""
    if isinstance(index, ast.Tuple):
        return ", ".join(map(ast.unparse, index.elts)) + ("," if len(index.elts) == 1 else "")
    return ast.unparse(index)


def made(text: str, like: ast.AST, **parts: ast.expr | str) -> ast.expr:
    """The expression in which the names in capitals stand for other expressions: made("A.T", node, A=node)."""
    at = {name: getattr(like, name) for name in POSITION}
    nodes = {name: _builder(part)({}, at) if isinstance(part, str) else part for name, part in parts.items()}
    return _builder(text)(nodes, at)


_Builder = Callable[[Mapping[str, ast.expr], Mapping[str, object]], ast.AST]


@lru_cache(maxsize=4096)
def _builder(text: str) -> _Builder:
    """What makes the expression anew, given what its names stand for and its position: ten thousand are made of one."""
    return _building(ast.parse(text, mode="eval").body)


def _building(node: ast.AST) -> _Builder:
    kind, placed = type(node), bool(node._attributes)
    if isinstance(node, (ast.operator, ast.unaryop, ast.expr_context)):
        return lambda parts, at: node
    fixed, inner, lists = {}, [], []
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            inner.append((name, _building(value)))
        elif isinstance(value, list):
            lists.append((name, [_building(one) for one in value]))
        else:
            fixed[name] = value

    def build(parts: Mapping[str, ast.expr], at: Mapping[str, object]) -> ast.AST:
        fields = {name: one(parts, at) for name, one in inner}
        fields |= {name: [one(parts, at) for one in several] for name, several in lists}
        return kind(**fixed, **fields, **at) if placed else kind(**fixed, **fields)

    if isinstance(node, ast.Name):
        return lambda parts, at: parts[node.id] if node.id in parts else build(parts, at)
    return build


def replaced(node: ast.AST, wanted: Callable[[ast.AST], bool], new: Callable[[ast.AST], ast.AST]) -> ast.AST:
    """A copy of a tree with other nodes in place of some."""

    class Replacing(ast.NodeTransformer):
        def visit(self, one: ast.AST) -> ast.AST:
            if wanted(one):
                return new(one)
            return self.generic_visit(one)

    return Replacing().visit(copied(node))


def makes_array(node: ast.expr) -> bool:
    """Whether it is np.zeros(shape), or several of them: an array to be filled later."""
    return any(
        isinstance(one, ast.Attribute) and one.attr.startswith(("zeros", "empty", "ones")) for one in ast.walk(node)
    )


def is_transposed(node: ast.AST) -> ast.expr | None:
    """X of X.T, X.transpose(), np.transpose(X); else None."""
    match node:
        case ast.Attribute(value=inner, attr="T"):
            return inner
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="transpose"), args=[inner]):
            return inner
        case ast.Call(func=ast.Attribute(value=inner, attr="transpose"), args=[]):
            return inner
    return None


def transposed(node: ast.expr) -> ast.expr:
    inner = is_transposed(node)
    return inner if inner is not None else made("A.T", node, A=node)


PRODUCTS = ("dot", "matmul", "outer", "inner")


def product_of(node: ast.AST) -> tuple[str, ast.expr, ast.expr] | None:
    """('@', a, b) of a @ b; ('dot', a, b) of np.dot(a, b) and a.dot(b); else None."""
    match node:
        case ast.BinOp(op=ast.MatMult(), left=left, right=right):
            return "@", left, right
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name), args=[left, right]):
            return (name, left, right) if name in PRODUCTS else None
        case ast.Call(func=ast.Attribute(value=left, attr="dot"), args=[right]):
            return ".dot", left, right
    return None


def product(how: str, left: ast.expr, right: ast.expr, like: ast.AST) -> ast.expr:
    text = {"@": "A @ B", "*": "A * B", ".dot": "A.dot(B)"}.get(how, f"np.{how}(A, B)")
    return made(text, like, A=left, B=right)


def shape_of_product(how: str, left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...] | None:
    """None where NumPy would raise."""
    if how == "outer":
        sizes = [1, 1]
        for k, shape in enumerate((left, right)):
            for size in shape:
                sizes[k] *= size
        return tuple(sizes)
    if how == "*":
        longer = max(len(left), len(right))
        pairs = zip((1,) * (longer - len(left)) + left, (1,) * (longer - len(right)) + right)
        found = []
        for a, b in pairs:
            if a != b and 1 not in (a, b):
                return None
            found.append(max(a, b))
        return tuple(found)
    if not left or not right or len(left) > 2 or len(right) > 2:
        return None
    if left[-1] != right[0 if len(right) == 1 else -2]:
        return None
    return left[:-1] + (right[1:] if len(right) == 2 else ())
