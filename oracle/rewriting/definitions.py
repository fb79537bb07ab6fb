"""The definitions that a run goes through, as syntax trees with the positions of the file."""

from __future__ import annotations

import ast
import gc
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType

from oracle.frames import is_users, tracing
from oracle.loading.source import Unit, decoded, future_flags, read

CELL = ", cell "  # in the file names of the cells of a notebook
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(eq=False)
class Definition:
    """One statement of a file or class that defines functions: a def, or an assignment of a lambda.

    filename   as tracebacks have it: of a notebook with its cell
    statement  its tree, which belongs to whoever holds the definition: another one has a tree of its own
    classes    the names of the classes around it, the outermost first
    flags      the __future__ features of the file
    text       the file's text, or the cell's
    lines      how often each line ran, in the order in which they first did
    codes      the code objects that ran, by qualified name and first line
    live       the functions with these codes; those of a file that every run loads anew are gone with the run
    """

    filename: str
    statement: ast.stmt
    classes: tuple[str, ...]
    flags: int
    text: str
    lines: dict[int, int] = field(default_factory=dict)
    codes: dict[tuple[str, int], CodeType] = field(default_factory=dict)
    live: tuple[FunctionType, ...] = ()

    @property
    def name(self) -> str:
        inner = getattr(self.statement, "name", None) or ast.unparse(self.statement).partition("=")[0].strip()
        return ".".join((*self.classes, inner))

    @staticmethod
    def _span(statement: ast.stmt) -> range:
        return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)

    def ran(self, statement: ast.stmt) -> bool:
        """Whether any line of a statement of its own was run."""
        return any(line in self.lines for line in self._span(statement))

    def holds(self, statement: ast.stmt, places: Collection[tuple[str, int]]) -> bool:
        """Whether any line of a statement of its own is among these, as (file name, line)."""
        return any((self.filename, line) in places for line in self._span(statement))


def definitions_run(run: Callable[[], object]) -> list[Definition]:
    """The user's definitions that a run went through, in the order in which it first entered them.

    What stands at the top level of a file or class, in no function, is left out. What the run raises passes through.
    """
    tracer = _Tracer()
    with tracing(tracer):
        run()
    found: dict[tuple[str, int], Definition] = {}
    for code, lines in tracer.lines.items():
        where = _definition_at(code)
        if where is None:
            continue
        definition = found.setdefault((where.filename, where.statement.lineno), where)
        definition.codes[code.co_qualname, code.co_firstlineno] = code
        for line, times in lines.items():
            definition.lines[line] = definition.lines.get(line, 0) + times
    for function in _live([code for definition in found.values() for code in definition.codes.values()]):
        code = function.__code__
        owner = next(one for one in found.values() if one.codes.get((code.co_qualname, code.co_firstlineno)) is code)
        owner.live = (*owner.live, function)
    return list(found.values())


def loops_at_the_top_level(run: Callable[[], object]) -> tuple[str, ...]:
    """The user's files whose top level has a loop that computes something and that a run went through.

    That belongs to no definition. What the run raises passes through.
    """
    lines: dict[str, set[int]] = {}

    def trace(frame: FrameType, event: str, _: object) -> Callable | None:
        filename = frame.f_code.co_filename
        if frame.f_code.co_name != "<module>" or not is_users(filename):
            return None
        if event == "line":
            lines.setdefault(filename, set()).add(frame.f_lineno)
        return trace

    with tracing(trace):
        run()
    found = []
    for filename, ran in lines.items():
        unit, _ = _unit_of(filename)
        if unit is not None and any(line in ran for line in _computing_in_loops(unit.tree)):
            found.append(filename)
    return tuple(found)


def _computing_in_loops(tree: ast.AST, inside: bool = False) -> Iterator[int]:
    """The lines of statements in loops, outside of functions and classes, that calculate."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.stmt) or isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            continue
        if isinstance(node, (ast.For, ast.While)):
            yield from _computing_in_loops(node, True)
        elif any(isinstance(one, ast.stmt) for one in ast.iter_child_nodes(node)):
            yield from _computing_in_loops(node, inside)
        elif inside and any(isinstance(one, (ast.BinOp, ast.AugAssign)) for one in ast.walk(node)):
            yield node.lineno


def _live(codes: list[CodeType]) -> list[FunctionType]:
    known = {id(code) for code in codes}
    return [one for one in gc.get_referrers(*codes) if isinstance(one, FunctionType) and id(one.__code__) in known]


class _Tracer:
    def __init__(self) -> None:
        self.lines: dict[CodeType, dict[int, int]] = {}

    def __call__(self, frame: FrameType, event: str, _: object) -> Callable | None:
        code = frame.f_code
        if event != "call" or not is_users(code.co_filename) or code.co_name == "<module>":
            return None
        lines = self.lines.setdefault(code, {})

        def line(frame: FrameType, event: str, _: object) -> Callable:
            if event == "line":
                lines[frame.f_lineno] = lines.get(frame.f_lineno, 0) + 1
            return line

        return line


def _definition_at(code: CodeType) -> Definition | None:
    """The definition that a code object is compiled from; None for a class body, and for what is in no file."""
    unit, flags = _unit_of(code.co_filename)
    if unit is None:
        return None
    found = _enclosing(unit.tree, code.co_firstlineno, ())
    if found is None:
        return None
    statement, classes = found
    text = unit.text if unit.text is not None else decoded(Path(code.co_filename))
    return Definition(code.co_filename, copied(statement), classes, flags, text)  # of a tree that is shared


def copied(node: ast.AST) -> ast.AST:
    """A copy of a tree; many times faster than copy.deepcopy."""
    made = type(node)(
        **{
            name: [copied(one) if isinstance(one, ast.AST) else one for one in value]
            if isinstance(value, list)
            else copied(value)
            if isinstance(value, ast.AST)
            else value
            for name, value in ast.iter_fields(node)
        }
    )
    return ast.copy_location(made, node)


def _unit_of(filename: str) -> tuple[Unit | None, int]:
    path, _, cell = filename.rpartition(CELL)
    file = Path(path) if path else Path(filename)
    if file.suffix not in (".py", ".ipynb") or not file.is_file():
        return None, 0
    try:
        source = read(file)
    except (SyntaxError, ValueError, OSError):
        return None, 0
    flags = 0
    for unit in source.units:
        flags |= future_flags(unit.tree)
        if unit.filename == filename:
            return unit, flags
    return None, 0


def _enclosing(tree: ast.AST, line: int, classes: tuple[str, ...]) -> tuple[ast.stmt, tuple[str, ...]] | None:
    """The outermost definition that begins at or before a line and ends after it."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.stmt):
            continue
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(one.lineno for one in decorators)])
        if not first <= line <= (node.end_lineno or node.lineno):
            continue
        if isinstance(node, ast.ClassDef):
            return _enclosing(node, line, (*classes, node.name))
        if isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            return _enclosing(node, line, classes)
        if any(isinstance(inner, FUNCTIONS) for inner in ast.walk(node)):
            return node, classes
    return None
