"""Whether the code computes x @ W or W @ x, read off its forward pass."""

from __future__ import annotations

import ast

from oracle.mismatch.source import Expression
from oracle.mismatch.trace import gradient_of, same_name

ROWS, COLUMNS = "x @ W", "W @ x"


def convention(expression: Expression, weight: str) -> tuple[str, str] | None:
    """(ROWS or COLUMNS, the product that tells), for a weight by its name; None where the source does not tell."""
    found: dict[str, list[str]] = {ROWS: [], COLUMNS: []}
    for node in expression.parents:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            left, right = node.left, node.right
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("dot", "matmul"):
            given = node.args if len(node.args) > 1 else [node.func.value, *node.args]
            if len(given) != 2:
                continue
            left, right = given
        else:
            continue
        for side, one, other in ((COLUMNS, left, right), (ROWS, right, left)):
            name = _name(one)
            if name is not None and same_name(name, weight) and not _is_delta(other):
                found[side].append(expression.text(node))
    if bool(found[ROWS]) == bool(found[COLUMNS]):
        return None
    side = ROWS if found[ROWS] else COLUMNS
    return side, found[side][0]


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and node.attr != "T":
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value
    return None


def _is_delta(node: ast.AST) -> bool:
    """Whether a product with it belongs to a backward pass."""
    names = [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]
    names += [one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute) and one.attr != "T"]
    return any(name in ("delta", "error", "err", "grad", "dout") or gradient_of(name) for name in names)
