"""Shape strings: "hidden vocab", "hidden 1", "hidden+input 4*hidden", "" for a scalar.

Axes are separated by blanks (a comma will do); each is a whole number, a name, or an expression of them with + - * //
and parentheses, written without blanks. The names are the sizes that are varied and chosen; what shares a name has the
same size.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}


@dataclass(frozen=True)
class Shape:
    """The shape of one array, its sizes by name.

    axes    as written, one text an axis
    names   the names in them, in order of appearance
    """

    axes: tuple[str, ...]
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.axes)}{',' if len(self.axes) == 1 else ''})"

    def at(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape in numbers. Raises ValueError where an axis comes out below 1."""
        shape = tuple(_value(ast.parse(axis, mode="eval").body, sizes) for axis in self.axes)
        for axis, size in zip(self.axes, shape):
            if size < 1:
                raise ValueError(f"the axis {axis!r} is {size} at {dict(sizes)}, but should be at least 1")
        return shape


def parse(name: str, text: object) -> Shape:
    """The shape that a text describes; `name` is whose shape it is, for the message.

    Raises TypeError for what is no string, ValueError with the place where it cannot be read.
    """
    if not isinstance(text, str):
        raise TypeError(f"the shape of {name} is {text!r}, but should be a string such as 'hidden vocab'")
    axes = text.replace(",", " ").split()
    names: list[str] = []
    for axis in axes:
        reason = why_not(axis, names)
        if reason:
            mark = " " * (text.index(axis) + 4) + "^" * len(axis)
            raise ValueError(
                f"the shape of {name} cannot be read at {axis!r}: {reason}\n    {text}\n{mark}\n"
                "an axis is a number, a name, or an expression of them such as 4*hidden, without blanks"
            )
    return Shape(tuple(axes), tuple(dict.fromkeys(names)))


def why_not(axis: str, names: list[str]) -> str:
    """Why an axis cannot be read, empty if it can; its names are appended to `names`."""
    try:
        tree = ast.parse(axis, mode="eval").body
    except SyntaxError:
        return "it is no expression"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.append(node.id)
        elif isinstance(node, ast.Constant):
            if type(node.value) is not int or (node is tree and node.value < 1):
                return f"{node.value!r} is no size"
        elif isinstance(node, ast.BinOp):
            if type(node.op) not in OPERATORS:
                return "only + - * // are understood"
        elif not isinstance(node, (ast.operator, ast.expr_context)):
            return f"{ast.unparse(node)!r} is neither a number nor a name"
    return ""


def _value(node: ast.expr, sizes: Mapping[str, int]) -> int:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return sizes[node.id]
    return OPERATORS[type(node.op)](_value(node.left, sizes), _value(node.right, sizes))
