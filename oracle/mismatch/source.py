"""The expression that raised, in the source, and the values of expressions that are read without running anything."""

from __future__ import annotations

import ast
import linecache
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import FrameType, ModuleType, TracebackType

import executing
import numpy as np

from oracle.mismatch.frames import around

MISSING = object()
MOST_LINES = 8  # of one expression that are shown
INDEX_OPERATORS = {
    ast.Add: int.__add__, ast.Sub: int.__sub__, ast.Mult: int.__mul__, ast.FloorDiv: int.__floordiv__,
}  # fmt: skip


@dataclass(frozen=True)
class Expression:
    """What raised.

    node        the exact expression, None where it cannot be told
    statement   that it stands in, None likewise
    parents     child -> parent within the statement's file
    lines       of the source, from 1: lines[0] is empty
    line        that raised
    """

    node: ast.AST | None
    statement: ast.stmt | None
    parents: dict[ast.AST, ast.AST]
    lines: tuple[str, ...]
    line: int

    def text(self, node: ast.AST) -> str:
        """The source of a node, on one line."""
        return text_of(node, self.lines)

    def way_up(self) -> Iterator[tuple[ast.AST, ast.AST]]:
        """(child, parent) from the node up to the statement."""
        child = self.node
        while child is not None and child is not self.statement and child in self.parents:
            yield child, self.parents[child]
            child = self.parents[child]


def text_of(node: ast.AST, lines: tuple[str, ...]) -> str:
    if getattr(node, "end_lineno", None) is None or node.end_lineno >= len(lines):
        return ast.unparse(node)
    taken = [line.encode() for line in lines[node.lineno : node.end_lineno + 1]]
    taken[-1] = taken[-1][: node.end_col_offset]
    taken[0] = taken[0][node.col_offset :]
    text = b" ".join(taken).decode()
    return " ".join(text.split()) if len(taken) == 1 else ast.unparse(node)


def find(traceback: TracebackType) -> Expression:
    """The expression that a frame of a traceback was evaluating."""
    frame, line = traceback.tb_frame, traceback.tb_lineno
    lines = ("", *(one.rstrip("\n") for one in linecache.getlines(frame.f_code.co_filename, frame.f_globals)))
    try:
        found = executing.Source.executing(traceback)
        node, tree = found.node, found.source.tree
        statements = list(found.statements or ())
    except Exception:  # what it cannot find costs the mark under the expression, not the explanation
        node, tree, statements = None, None, []
    if tree is None:
        return Expression(None, None, {}, lines, line)
    parents = _parents(tree)
    statement: ast.AST | None = node
    while statement is not None and not isinstance(statement, ast.stmt):
        statement = parents.get(statement)
    if statement is None and len(statements) == 1:
        statement = statements[0]
    return Expression(node, statement, parents, lines, line)


@lru_cache(maxsize=16)
def _parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}


def function_around(expression: Expression) -> ast.AST | None:
    """The function definition, or module, that the statement stands in."""
    node: ast.AST | None = expression.statement
    while node is not None and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
        node = expression.parents.get(node)
    return node


@dataclass(frozen=True)
class Scope:
    """The names that an expression in a frame can see."""

    local: Mapping[str, object]
    module: Mapping[str, object]

    @classmethod
    def of(cls, frame: FrameType) -> Scope:
        return cls(ChainMap(*(one.f_locals for one in around(frame))), frame.f_globals)


def value(node: ast.AST, scope: Scope) -> object:
    """The value of an expression that can be read: names, attributes, indices, transposes. No call, no user code.

    MISSING for everything else.
    """
    try:
        return _value(node, scope)
    except Exception:
        return MISSING


def _value(node: ast.AST, scope: Scope) -> object:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return scope.local[node.id] if node.id in scope.local else scope.module.get(node.id, MISSING)
    if isinstance(node, ast.Attribute):
        return _attribute(_value(node.value, scope), node.attr)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _value(node.operand, scope)
        return -inner if isinstance(inner, (int, float, np.ndarray)) else MISSING
    if isinstance(node, ast.BinOp) and type(node.op) in INDEX_OPERATORS:
        left, right = _value(node.left, scope), _value(node.right, scope)
        if type(left) is int and type(right) is int:
            return INDEX_OPERATORS[type(node.op)](left, right)
        if type(left) is str and type(right) is str and isinstance(node.op, ast.Add):
            return left + right
        return MISSING
    if isinstance(node, ast.JoinedStr):
        parts = [_formatted(part, scope) for part in node.values]
        return MISSING if any(part is MISSING for part in parts) else "".join(parts)
    if isinstance(node, ast.Slice):
        parts = [None if one is None else _value(one, scope) for one in (node.lower, node.upper, node.step)]
        return MISSING if any(part is MISSING for part in parts) else slice(*parts)
    if isinstance(node, ast.Tuple):
        parts = [_value(one, scope) for one in node.elts]
        return MISSING if any(part is MISSING for part in parts) else tuple(parts)
    if isinstance(node, ast.Subscript):
        holder, index = _value(node.value, scope), _value(node.slice, scope)
        if index is MISSING or holder is MISSING:
            return MISSING
        if isinstance(holder, np.ndarray):
            return holder.view(np.ndarray)[index]
        if isinstance(holder, dict):
            return dict.get(holder, index, MISSING)
        if type(holder) in (list, tuple):
            return holder[index]
    return MISSING


def _formatted(node: ast.AST, scope: Scope) -> object:
    """A part of an f-string: text, a name without a format."""
    if isinstance(node, ast.FormattedValue) and (node.format_spec is not None or node.conversion != -1):
        return MISSING
    found = _value(node.value if isinstance(node, ast.FormattedValue) else node, scope)
    return str(found) if type(found) in (str, int) else MISSING


def _attribute(holder: object, name: str) -> object:
    if isinstance(holder, np.ndarray):
        if name != "T":
            return MISSING
        return holder.T if type(holder) is np.matrix else holder.view(np.ndarray).T
    if isinstance(holder, ModuleType):
        return vars(holder).get(name, MISSING)
    own = getattr(holder, "__dict__", {})
    if name in own:
        return own[name]
    if isinstance(holder, dict) and name in holder:  # p.Whh
        return dict.get(holder, name)
    found = vars(type(holder)).get(name, MISSING)
    return found if isinstance(found, np.ndarray) else MISSING


def given_as(node: ast.AST | None, name: str) -> ast.AST | None:
    """What a call is given as a keyword argument."""
    return next((one.value for one in getattr(node, "keywords", ()) if one.arg == name), None)


def marked(expression: Expression) -> list[str]:
    """The lines of the failing expression, what failed underlined; the whole line where it cannot be told."""
    node, lines = expression.node, expression.lines
    if node is None or getattr(node, "end_lineno", None) is None or node.end_lineno >= len(lines):
        line = lines[expression.line].strip() if expression.line < len(lines) else ""
        return [line] if line else []
    first, last = node.lineno, min(node.end_lineno, node.lineno + MOST_LINES - 1)
    taken = lines[first : last + 1]
    indent = min(len(line) - len(line.lstrip()) for line in taken if line.strip())
    found = []
    for number, line in enumerate(taken, first):
        start = len(line.encode()[: node.col_offset].decode()) if number == first else len(line) - len(line.lstrip())
        end = len(line.encode()[: node.end_col_offset].decode()) if number == node.end_lineno else len(line.rstrip())
        found.append(line[indent:].rstrip())
        if end > start:
            found.append(" " * (start - indent) + "^" * (end - start))
    return found
