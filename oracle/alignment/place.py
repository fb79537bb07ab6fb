"""Where an operation stands in the source: its statement, and the texts of its operands. Nothing is evaluated."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache

from oracle.alignment.record import Event
from oracle.frames import place_of
from oracle.mismatch.source import text_of


def place(event: Event) -> str:
    return "" if event.code is None else place_of(event.code.co_filename, event.line, event.code.co_name)


def source_line(event: Event) -> str:
    return "" if event.code is None else linecache.getline(event.code.co_filename, event.line).strip()


def operand_texts(event: Event) -> tuple[str, ...]:
    """The source of every operand, "" where it cannot be told."""
    unknown = ("",) * len(event.shapes)
    if event.code is None:
        return unknown
    positions = list(event.code.co_positions())
    where = positions[event.at // 2] if event.at // 2 < len(positions) else (None,) * 4
    lines = ("", *(line.rstrip("\n") for line in linecache.getlines(event.code.co_filename)))
    node = _nodes("\n".join(lines[1:])).get(where)
    texts = [text_of(one, lines) for one in _operands(node, event)]
    return tuple(texts) if len(texts) == len(event.shapes) else unknown


def _operands(node: ast.AST | None, event: Event) -> list[ast.AST]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.AugAssign):
        return [node.target, node.value]
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Subscript) and event.kind == "setitem":
        return [node]
    if not isinstance(node, ast.Call):
        return []
    if event.kind == "einsum":
        return node.args[1:]
    first = node.args[0] if node.args else None
    if event.kind in ("concatenate", "stack", "array") and isinstance(first, (ast.List, ast.Tuple)):
        return first.elts
    array = node.func.value if isinstance(node.func, ast.Attribute) else None
    if isinstance(array, ast.Name) and array.id in ("np", "numpy"):
        return node.args[: len(event.shapes)]
    return [*([] if array is None else [array]), *node.args][: len(event.shapes)]


@lru_cache(maxsize=16)
def _nodes(source: str) -> dict[tuple[int, int, int, int], ast.AST]:
    """Expression and assignment by where they begin and end; of several the outermost."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # Python 2, say: it runs, but its source is not that of this Python
        return {}
    found: dict[tuple[int, int, int, int], ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.expr, ast.AugAssign)):
            found.setdefault((node.lineno, node.end_lineno, node.col_offset, node.end_col_offset), node)
    return found
