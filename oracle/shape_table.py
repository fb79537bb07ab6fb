"""The shapes of a run, line by line: what every assignment of the user's code gave, with the names of the axes.

The function is run once, at the first of its cases, under a line tracer. Nothing of the user's is evaluated a second
time: after a statement the variables that it assigned are looked at, `hs[t]` through the container and the index.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType

import numpy as np

from oracle.frames import is_users, tracing
from oracle.gradient_check import subject_at
from oracle.gradient_function import GradientFunction
from oracle.mismatch.axes import Names, in_brackets
from oracle.sizes import asked_for, names_of, points
from oracle.subject import call

TIME, BATCH, FIRST = 5, 3, 7
MOST_SHAPES = 3  # of one variable at one line; more are counted
SIMPLE = (ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context, ast.Attribute)


@dataclass(frozen=True)
class Row:
    """One statement that assigned arrays.

    file, line, function   where it is
    source                 its first line
    assigned               (target, shape in numbers, axes by name), once for every shape that it had
    """

    file: str
    line: int
    function: str
    source: str
    assigned: tuple[tuple[str, str, str], ...]


def shape_table(function: GradientFunction) -> list[Row]:
    """The table of a gradient function's run at the first case, in the order in which the lines first ran.

    Raises NotChecked where the function raises; what ran until then is lost.
    """
    plain = points(function.shapes)[0]
    # no size is one more or one less than the steps, so that an array with h_0 in front is not named after another axis
    apart = {name: FIRST + k for k, name in enumerate(names_of(function.shapes))}
    subject, sizes = subject_at(function, plain.with_sizes(time=TIME, batch=BATCH, **apart))
    seen: dict[tuple[str, int, str], dict[str, dict[tuple[int, ...], None]]] = {}
    with tracing(_Tracer(seen)):
        call(subject, subject.parameters)
    names = Names(function.shapes, (asked_for(sizes, function.shapes),))
    return [
        Row(
            Path(filename).name,
            line,
            "" if inside == "<module>" else inside,
            linecache.getline(filename, line).strip(),
            tuple(_named(targets, names)),
        )
        for (filename, line, inside), targets in seen.items()
        if targets
    ]


def _named(targets: dict[str, dict[tuple[int, ...], None]], names: Names) -> Iterator[tuple[str, str, str]]:
    for target, shapes in targets.items():
        for shape in list(shapes)[:MOST_SHAPES]:
            yield target, str(shape), in_brackets(names.of_shape(shape))
        if len(shapes) > MOST_SHAPES:
            yield target, f"and {len(shapes) - MOST_SHAPES} other shapes", ""


@lru_cache(maxsize=64)
def _statements(filename: str) -> dict[int, tuple[int, tuple[str, ...]]]:
    """Line -> (first line of its statement, the targets it assigns)."""
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except SyntaxError:  # Python 2, say: it runs, but its source is not that of this Python
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            roots = node.targets if isinstance(node, ast.Assign) else [node.target]
            targets = tuple(ast.unparse(one) for root in roots for one in _leaves(root) if _is_simple(one))
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                found[line] = node.lineno, targets
    return found


def _leaves(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        for one in target.elts:
            yield from _leaves(one)
    elif isinstance(target, ast.Starred):
        yield from _leaves(target.value)
    else:
        yield target


def _is_simple(target: ast.expr) -> bool:
    """Whether looking at it calls nothing: a name, an attribute, a container at a simple index."""
    if isinstance(target, ast.Subscript):
        return _is_simple(target.value) and all(isinstance(node, SIMPLE) for node in ast.walk(target.slice))
    return isinstance(target, ast.Name) or (isinstance(target, ast.Attribute) and _is_simple(target.value))


class _Tracer:
    def __init__(self, seen: dict) -> None:
        self.seen = seen

    def __call__(self, frame: FrameType, event: str, _: object) -> Callable | None:
        if event != "call" or not is_users(frame.f_code.co_filename):
            return None
        return _Frame(self.seen, frame)


class _Frame:
    """One frame of the user's: the statement it is in, and what that assigned once it is left."""

    def __init__(self, seen: dict, frame: FrameType) -> None:
        self.seen, self.statements = seen, _statements(frame.f_code.co_filename)
        self.first = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> Callable:
        if event in ("line", "return"):
            now = self.statements.get(frame.f_lineno, (0, ()))[0] if event == "line" else -1
            if self.first and (now != self.first or frame.f_lineno == self.first):
                self._assigned(frame)
            self.first = now
        return self

    def _assigned(self, frame: FrameType) -> None:
        code = frame.f_code
        targets = self.seen.setdefault((code.co_filename, self.first, code.co_name), {})
        for text in self.statements[self.first][1]:
            try:
                value = eval(_reading(text), frame.f_globals, frame.f_locals)
            except Exception:  # not assigned, for the statement raised
                continue
            if isinstance(value, np.ndarray) and value.ndim:
                targets.setdefault(text, {})[value.shape] = None


@lru_cache(maxsize=1024)
def _reading(target: str) -> CodeType:
    """The target, which calls nothing, as an expression to be read."""
    return compile(target, "<shapes>", "eval")
