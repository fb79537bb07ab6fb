"""Sums and means: over which axis, at all, and whether the axis is kept."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from oracle.kinds import BIAS_SUM, FACTOR
from oracle.repair.place import Place, Proposal, made, text_of

REDUCTIONS = ("sum", "mean")


def _reduction(node: ast.AST) -> tuple[str, ast.expr, dict[str, ast.expr]] | None:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name), args=[inner, *rest]):
            pass
        case ast.Call(func=ast.Attribute(value=inner, attr=name), args=rest):
            pass
        case _:
            return None
    if name not in REDUCTIONS:
        return None
    options = {one.arg: one.value for one in node.keywords if one.arg}
    if rest:
        options["axis"] = rest[0]
    return name, inner, options


def axes(place: Place) -> Iterator[Proposal]:
    """Another axis, another reduction, none."""
    found = _reduction(place.node)
    if found is None:
        return
    name, inner, options = found
    now = text_of(options["axis"]) if "axis" in options else ""
    kept = "keepdims" in options
    other = "mean" if name == "sum" else "sum"
    for axis in dict.fromkeys(("0", "1", "-1", "", "(0, 1)", now)):
        for keep in (kept, not kept):
            for reduction in (name, other):
                changes = (axis != now) + (keep != kept) + (reduction != name)
                if changes in (1, 2):
                    new = _reduced(reduction, inner, axis, keep, place.node)
                    kind = FACTOR if reduction != name and axis == now else BIAS_SUM
                    says = f"{text_of(new)} in place of {text_of(place.node)}"
                    yield Proposal(new, kind, says, 0.5 + changes)
    yield Proposal(inner, BIAS_SUM, f"{text_of(inner)} as it is, not summed", 2.5)
    if isinstance(inner, ast.Subscript):  # of one step, where all of them count
        for axes in range(2, max(map(len, place.shape_of(inner.value)), default=0)):
            new = _reduced(name, inner.value, str(tuple(range(axes))), kept, place.node)
            says = f"{text_of(new)} in place of {text_of(place.node)}: all of it counts"
            yield Proposal(new, BIAS_SUM, says, 2.0)


def missing(place: Place) -> Iterator[Proposal]:
    """A sum over an axis that was left out."""
    node = place.node
    if place.is_target or not isinstance(node, (ast.Name, ast.Subscript, ast.BinOp, ast.Attribute)):
        return
    if not place.is_whole and not isinstance(place.slot.parent, (ast.BinOp, ast.Dict)):
        return
    if isinstance(node, ast.Subscript):  # only a part of it counted
        for axis in range(max(map(len, place.shape_of(node.value)), default=0)):
            for keep in (False, True):
                new = _reduced("sum", node.value, str(axis), keep, node)
                yield Proposal(new, BIAS_SUM, f"{text_of(new)} in place of {text_of(node)}: all of it counts", 2.0)
    shapes = place.shapes.get(node) or place.shape_of(node)
    if not shapes or max(map(len, shapes)) < 2:
        return
    for axis in ("0", "1", "(0, 1)"):
        for keep in (False, True):
            new = _reduced("sum", node, axis, keep, node)
            yield Proposal(new, BIAS_SUM, f"summed over an axis: {text_of(new)}", 2.0)


def _reduced(name: str, inner: ast.expr, axis: str, keep: bool, like: ast.AST) -> ast.expr:
    options = ([f"axis={axis}"] if axis else []) + (["keepdims=True"] if keep else [])
    return made(f"np.{name}({', '.join(['A', *options])})", like, A=inner)


TEMPLATES = (axes, missing)
