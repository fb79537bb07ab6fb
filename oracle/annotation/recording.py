"""The values of the user's expressions while they are computed, each with its place in the source.

The expressions of a definition are wrapped in calls of a recorder before it is compiled; the tree is as it was
afterwards. The recorder is a constant of the code, so that no name of the user's can hide it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import CodeType

import numpy as np

from oracle.rewriting import Definition, compiled

RECORDER = "\0recorder"  # no string of the user's is this one
VALUE, INCREMENT, PART, READ = "value", "increment", "part", "read"
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr)
LISTING = (ast.ListComp, ast.GeneratorExp, ast.SetComp)
PARTS = (ast.BinOp, ast.UnaryOp, ast.Call, ast.Subscript, ast.Attribute, ast.IfExp)


@dataclass(frozen=True, eq=False)
class Site:
    """Where a value is recorded: what stands in a field of a node of the tree.

    kind     VALUE that a statement assigns, returns or appends, or that a comprehension lists; INCREMENT of an
             augmented assignment, or of a sum over a comprehension; PART of either; READ where a name is read first
             after augmented assignments have changed it
    target   what it is assigned to, as text; of a part, of the whole
    """

    number: int
    parent: ast.AST
    field: str
    index: int | None
    kind: str
    target: str
    definition: Definition
    statement: ast.stmt

    @property
    def node(self) -> ast.expr:
        held = getattr(self.parent, self.field)
        return held if self.index is None else held[self.index]

    @property
    def operator(self) -> ast.operator:
        """Of an INCREMENT: by which it changes its target."""
        return self.statement.op if isinstance(self.statement, ast.AugAssign) else ast.Add()

    @cached_property
    def call(self) -> ast.Call:
        """The call of the recorder; what it records is still to be put in."""
        call = ast.Call(func=ast.Constant(RECORDER), args=[ast.Constant(self.number), self.node], keywords=[])
        for one in (call, call.func, call.args[0]):
            ast.copy_location(one, self.node)
        return call

    def put(self, node: ast.expr) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def sites_of(definitions: Sequence[Definition], names: bool = False) -> list[Site]:
    """Every value that a statement of these definitions makes, and the parts of its expression.

    names   also the names that are read, and all calls that stand alone; without it those alone that say out=
    """
    found: list[Site] = []
    parts = (*PARTS, ast.Name) if names else PARTS
    for definition in definitions:
        for statement in ast.walk(definition.statement):
            if isinstance(statement, ast.stmt):
                for parent, field, index, kind, target in _values(statement, names):
                    site = Site(len(found), parent, field, index, kind, target, definition, statement)
                    found.append(site)
                    _add_parts(site.node, site, found, parts)
    return found


def reads_of(definitions: Sequence[Definition], start: int) -> list[Site]:
    """Where names that augmented assignments change are read next: of these themselves only what they add is recorded.

    start   the number of the first of these sites
    """
    found: list[Site] = []
    for definition in definitions:
        for around in ast.walk(definition.statement):
            body = getattr(around, "body", None)
            if not isinstance(body, list) or not isinstance(around, ast.stmt):
                continue
            changed: set[str] = set()
            for statement in body:
                if isinstance(statement, SIMPLE):
                    for parent, field, index, name in _names_read(statement):
                        if name in changed:
                            changed.discard(name)
                            number = start + len(found)
                            found.append(Site(number, parent, field, index, READ, name, definition, statement))
                if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                    changed.add(statement.target.id)
    return found


def _names_read(statement: ast.stmt) -> Iterator[tuple[ast.AST, str, int | None, str]]:
    for parent in ast.walk(statement):
        for field, value in ast.iter_fields(parent):
            for index, one in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
                    yield parent, field, index, one.id


def _values(statement: ast.stmt, names: bool) -> Iterator[tuple[ast.AST, str, int | None, str, str]]:
    """What a statement makes of arrays."""
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=targets), *_], value=ast.Tuple(elts=values)) if len(targets) == len(
            values
        ):
            for index, target in enumerate(targets):
                yield statement.value, "elts", index, VALUE, ast.unparse(target)
        case ast.Assign(targets=[target, *_]):
            yield statement, "value", None, VALUE, ast.unparse(target)
        case ast.AnnAssign(target=target, value=ast.expr()):
            yield statement, "value", None, VALUE, ast.unparse(target)
        case ast.AugAssign(target=target):
            yield statement, "value", None, INCREMENT, ast.unparse(target)
        case ast.Return(value=ast.Tuple()):
            for index, _ in enumerate(statement.value.elts):
                yield statement.value, "elts", index, VALUE, "return"
        case ast.Return(value=ast.Dict()):
            for index, _ in enumerate(statement.value.values):
                yield statement.value, "values", index, VALUE, "return"
        case ast.Return(value=ast.expr()):
            yield statement, "value", None, VALUE, "return"
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="append" | "insert"), args=[*_, _])):
            yield statement.value, "args", len(statement.value.args) - 1, VALUE, ast.unparse(statement.value.func.value)
        case ast.Expr(value=ast.Call(keywords=keywords)) if names or any(one.arg == "out" for one in keywords):
            yield statement, "value", None, VALUE, _written_by(statement.value)
        case ast.Expr(value=ast.Call(args=arguments)):  # layer.backward(dy / n)
            for index, one in enumerate(arguments):
                if isinstance(one, ast.BinOp):
                    yield statement.value, "args", index, VALUE, ""


def _written_by(call: ast.Call) -> str:
    """What a call that stands alone may write to: np.clip(g, -1, 1, out=g), np.add.at(g, rows, d), g.fill(0)."""
    out = [keyword.value for keyword in call.keywords if keyword.arg == "out"]
    if out or call.args:
        return ast.unparse([*out, *call.args][0])
    return ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _add_parts(node: ast.AST, whole: Site, found: list[Site], parts: tuple[type, ...]) -> None:
    if isinstance(node, (*LISTING, ast.DictComp)):
        _add_element(node, whole, found, parts, VALUE)
        return
    for field, value in ast.iter_fields(node):
        if isinstance(node, ast.Call) and field == "func":
            if isinstance(value, ast.Attribute):  # (dh * o).sum(): what stands before the dot
                _add_part(value, "value", None, whole, found, parts)
        elif isinstance(node, ast.Subscript) and field == "slice":
            continue
        elif isinstance(value, list):
            for index, one in enumerate(value):
                if isinstance(one, LISTING) and is_sum(node):
                    _add_element(one, whole, found, parts, INCREMENT)
                elif isinstance(one, ast.AST):
                    _add_part(node, field, index, whole, found, parts)
        elif isinstance(value, ast.AST):
            _add_part(node, field, None, whole, found, parts)


def is_sum(node: ast.AST) -> bool:
    """Whether it is a call of Python's sum."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sum"


def _add_element(node: ast.expr, whole: Site, found: list[Site], parts: tuple[type, ...], kind: str) -> None:
    """What a comprehension makes of each item: a value like one that is appended, or what is added up."""
    field = "value" if isinstance(node, ast.DictComp) else "elt"
    target = whole.target if kind == INCREMENT or whole.target == "return" else f"{whole.target}[...]"
    element = getattr(node, field)
    if isinstance(element, (*LISTING, ast.DictComp, ast.Lambda, ast.Starred)):
        return
    site = Site(len(found), node, field, None, kind, target, whole.definition, whole.statement)
    found.append(site)
    _add_parts(element, site, found, parts)


def _add_part(
    parent: ast.AST, field: str, index: int | None, whole: Site, found: list[Site], parts: tuple[type, ...]
) -> None:
    held = getattr(parent, field)
    node = held if index is None else held[index]
    if isinstance(node, (ast.Lambda, ast.Starred)):
        return
    if isinstance(node, parts) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        found.append(Site(len(found), parent, field, index, PART, whole.target, whole.definition, whole.statement))
    _add_parts(node, whole, found, parts)


@contextmanager
def nothing_left_over() -> Iterator[None]:
    """Inside, np.empty gives zeros: what is left in memory may be the very adjoint that an earlier run put there."""
    before = np.empty, np.empty_like
    np.empty, np.empty_like = np.zeros, np.zeros_like
    try:
        yield
    finally:
        np.empty, np.empty_like = before


@contextmanager
def _wrapped(sites: Sequence[Site]) -> Iterator[None]:
    """The tree with the calls in it. Inner sites come after outer ones, and so find their parents as they are."""
    before = []
    for site in sites:
        node, call = site.node, site.call
        call.args[1] = node
        before.append((site, node))
        site.put(call)
    try:
        yield
    finally:
        for site, node in reversed(before):
            site.put(node)


def recording(
    definition: Definition, sites: Sequence[Site], recorder: Callable[[int, object], object]
) -> dict[tuple[str, str, int], CodeType]:
    """The code of a definition whose values go through recorder(number of the site, value) -> value.

    sites   of this definition
    """
    with _wrapped(sites):
        codes = compiled(definition)
    return {key: _with_recorder(code, recorder) for key, code in codes.items()}


def recordings(
    definitions: Sequence[Definition], sites: Sequence[Site], recorder: Callable[[int, object], object]
) -> dict[tuple[str, str, int], CodeType]:
    """As `recording`, of several definitions; each has its own of the sites."""
    codes: dict[tuple[str, str, int], CodeType] = {}
    for one in definitions:
        codes |= recording(one, [site for site in sites if site.definition is one], recorder)
    return codes


def _with_recorder(code: CodeType, recorder: Callable[[int, object], object]) -> CodeType:
    return code.replace(
        co_consts=tuple(
            recorder
            if isinstance(one, str) and one == RECORDER
            else _with_recorder(one, recorder)
            if isinstance(one, CodeType)
            else one
            for one in code.co_consts
        )
    )
