"""Shape strings: "hidden vocab", "hidden 1", "hidden+input 4*hidden", "" for a scalar.

Axes are separated by blanks (a comma will do); each is a whole number, a name, or an expression of them with + - * //
and parentheses, written without blanks. The names are the sizes that are varied and chosen; what shares a name has the
same size.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MOST_AXES = 64  # of one NumPy array
AROUND = 40  # characters of a long text that are shown before the part that is meant
LONGEST = 200  # characters of one axis: what Python's parser and recursion take

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
        """The shape in numbers. Raises ValueError where an axis comes out below 1, or divides by zero."""
        shape = []
        for axis in self.axes:
            try:
                size = _value(ast.parse(axis, mode="eval").body, sizes)
            except ZeroDivisionError:
                raise ValueError(f"the axis {axis!r} divides by zero at {dict(sizes)}") from None
            if size < 1:
                raise ValueError(f"the axis {axis!r} is {size} at {dict(sizes)}, but should be at least 1")
            shape.append(size)
        return tuple(shape)


def parse(name: str, text: object) -> Shape:
    """The shape that a text describes; `name` is whose shape it is, for the message.

    Raises TypeError for what is no string, ValueError with the place where it cannot be read.
    """
    __tracebackhide__ = True
    if not isinstance(text, str):
        raise TypeError(f"the shape of {name} is {text!r}, but should be a string such as 'hidden vocab'")
    axes = text.replace(",", " ").split()
    if len(axes) > MOST_AXES:
        raise ValueError(f"the shape of {name} has {len(axes)} axes, but should have at most {MOST_AXES}")
    names: list[str] = []
    for axis in axes:
        reason = why_not(axis, names)
        if reason:
            raise ValueError(
                f"the shape of {name} cannot be read at {axis!r:.80}: {reason}\n{pointed(text, axis)}\n"
                "an axis is a number, a name, or an expression of them such as 4*hidden, without blanks"
            )
    return Shape(tuple(axes), tuple(dict.fromkeys(names)))


def pointed(text: str, part: str, start: int = -1) -> str:
    """The text with a mark under a part of it, in two lines; of a long text what stands around the part."""
    start = text.index(part) if start < 0 else start
    first = max(0, start - AROUND) if len(text) > LONGEST else 0
    shown = text[first : first + LONGEST]
    return f"    {shown}\n{' ' * (start - first + 4)}{'^' * min(len(part), len(shown) - (start - first))}"


def why_not(axis: str, names: list[str]) -> str:
    """Why an axis cannot be read, empty if it can; its names are appended to `names`."""
    if len(axis) > LONGEST:
        return f"it has {len(axis)} characters, but should have at most {LONGEST}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that 4if is hardly meant
            tree = ast.parse(axis, mode="eval").body
    except (SyntaxError, ValueError):  # ValueError: null bytes, before Python 3.12
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
