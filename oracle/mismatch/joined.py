"""Whether an operand was joined along the wrong axis some lines above, and along which it would have fitted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from oracle.frames import place_of
from oracle.mismatch.axes import Names, in_brackets
from oracle.mismatch.clash import JOINED, STACKED
from oracle.mismatch.scene import MATRIX, Scene
from oracle.mismatch.source import function_around, value

JOINS = {"concatenate", "stack", "hstack", "vstack"} & (JOINED | STACKED)
FOLLOWED = 3  # assignments, from the operand back

Shape = tuple[int, ...]


def joined_along_another(scene: Scene, names: Names) -> list[str]:
    """Lines on the statement that joined an operand as nothing after it can use; empty where there is none."""
    shapes = [operand.shape for operand in scene.operands]
    for k, operand in enumerate(scene.operands):
        if operand.node is None or operand.array is None:
            continue
        for shape, call, how, of in _others(operand.node, operand.shape, scene, FOLLOWED):
            if not _fits(scene, [*shapes[:k], shape, *shapes[k + 1 :]]):
                continue
            statement = _statement(call, scene)
            axes = names.of_shape(of)
            shown = str(of) if any(" or " in axis for axis in axes) else in_brackets(axes)
            return [
                f"the first line at which a shape is odd: {place_of(scene.filename, statement.lineno, scene.function)}",
                f"    {scene.expression.lines[statement.lineno].strip()}",
                f"    by {how} it would be {shown}, and fit",
                "    mend it first: what comes after follows from it",
            ]
    return []


def _others(node: ast.AST, shape: Shape, scene: Scene, left: int) -> Iterator[tuple[Shape, ast.Call, str, Shape]]:
    """The shapes that an operand would have, had a join before it been another: (shape, call, how, its shape)."""
    if isinstance(node, ast.Name) and left:
        made = _assigned(node, scene)
        if made is not None:
            yield from _others(made, shape, scene, left - 1)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        weight = value(node.right, scene.scope)
        if isinstance(weight, np.ndarray) and weight.ndim == 2:
            for first, call, how, of in _others(node.left, (*shape[:-1], len(weight)), scene, left):
                if first and first[-1] == len(weight):
                    yield (*first[:-1], weight.shape[1]), call, how, of
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in JOINS and node.args:
        parts = _parts(node.args[0], scene)
        if parts is None:
            return
        for function in (np.concatenate, np.stack):
            for axis in range(parts[0].ndim + (function is np.stack)):
                try:
                    new = function([np.broadcast_to(0.0, one.shape) for one in parts], axis=axis).shape
                except ValueError:
                    continue
                how = f"axis={axis}" if function.__name__ == node.func.attr else f"np.{function.__name__}, axis={axis},"
                if new != shape:
                    yield new, node, how, new


def _parts(node: ast.AST, scene: Scene) -> list[np.ndarray] | None:
    """The arrays in a list, where they can be read."""
    if isinstance(node, (ast.List, ast.Tuple)):
        parts = [value(one, scene.scope) for one in node.elts]
    else:
        found = value(node, scene.scope)
        parts = list(found) if type(found) in (list, tuple) else []
    sizes = sum(one.size if isinstance(one, np.ndarray) else 0 for one in parts)
    return parts if parts and sizes < 1_000_000 and all(isinstance(one, np.ndarray) for one in parts) else None


def _assigned(name: ast.Name, scene: Scene) -> ast.AST | None:
    """What a name was bound to where it is bound once above the line that raised."""
    around = function_around(scene.expression)
    made = [] if around is None else [
        one for one in ast.walk(around)
        if isinstance(one, ast.Assign) and one.lineno < scene.expression.line
        and any(isinstance(target, ast.Name) and target.id == name.id for target in one.targets)
    ]  # fmt: skip
    return made[0].value if len(made) == 1 else None


def _statement(node: ast.AST, scene: Scene) -> ast.stmt:
    while not isinstance(node, ast.stmt):
        node = scene.expression.parents[node]
    return node


def _fits(scene: Scene, shapes: list[Shape]) -> bool:
    """Whether the operation takes these shapes, and gives the first where it is in place."""
    operation = getattr(np, scene.operation, None)
    if not isinstance(operation, np.ufunc) and scene.operation not in ("dot", "inner"):
        return False
    try:
        result = np.shape(operation(*(np.broadcast_to(0.0, shape) for shape in shapes)))
    except ValueError:
        return False
    if scene.operation not in MATRIX and not all(shape == result for shape in shapes):
        return False  # what broadcasts fits too easily
    return not scene.in_place or result == shapes[0]
