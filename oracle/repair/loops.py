"""Loops over the steps: what counts them, and the same loop with other lines in it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

Loop = ast.For | ast.While


def counter_of(loop: ast.AST) -> str | None:
    """`t` of `for t in ...`, of `for t, x in enumerate(...)`, and of a while loop with `t -= 1` in it."""
    match loop:
        case ast.For(target=ast.Name(id=name)):
            return name
        case ast.For(target=ast.Tuple(elts=[ast.Name(id=name), *_])) if "enumerate" in ast.unparse(loop.iter):
            return name
        case ast.While():
            for one in ast.walk(loop):
                match one:
                    case ast.AugAssign(target=ast.Name(id=name), value=ast.Constant(value=int())):
                        return name
    return None


def bound_by(loop: Loop) -> set[str]:
    """The names that change from round to round by the loop's own doing."""
    if isinstance(loop, ast.For):
        return {inner.id for inner in ast.walk(loop.target) if isinstance(inner, ast.Name)}
    counter = counter_of(loop)
    return {counter} if counter else set()


def with_body(loop: Loop, body: Sequence[ast.stmt]) -> Loop:
    """The same loop around other lines."""
    fields = {name: value for name, value in ast.iter_fields(loop)} | {"body": list(body)}
    return ast.copy_location(type(loop)(**fields), loop)
