"""One raised operation as a scene: the operands with their source text and shape, and the arrays in scope by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np

from oracle.mismatch.frames import around
from oracle.mismatch.record import Departure, Failure, Record
from oracle.mismatch.source import MISSING, Expression, Scope, find, function_around, text_of, value
from oracle.mismatch.watched import Watched, watch

MATRIX = {"matmul": "matmul", "dot": "matmul", "vecdot": "matmul", "vdot": "matmul", "inner": "inner"}
OPERATORS = {
    ast.MatMult: "matmul", ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide",
    ast.Pow: "power", ast.FloorDiv: "floor_divide", ast.Mod: "remainder",
}  # fmt: skip
CONVERSIONS = ("__float__", "__int__", "__index__", "__complex__")
MOST_IN_SCOPE = 60


@dataclass(frozen=True)
class Operand:
    """text: as in the source; node: its expression, where there is one; array: None where its value is not known."""

    text: str
    node: ast.AST | None
    array: np.ndarray | None

    @property
    def shape(self) -> tuple[int, ...]:
        return () if self.array is None else self.array.shape

    @property
    def departure(self) -> Departure | None:
        return getattr(self.array, "departure", None)


@dataclass(frozen=True)
class Scene:
    """What raised, where, on what.

    operation   NumPy's name of it
    arguments   what it was given beside arrays: shape of a reshape, index, axes; None where it is not known
    shapes      that the variables of its frame had in a row, each with the line it had it since
    """

    error: BaseException
    filename: str
    function: str
    expression: Expression
    scope: Scope
    operation: str
    in_place: bool
    operands: tuple[Operand, ...]
    args: tuple[object, ...] | None
    kwargs: dict[str, object]
    shapes: Mapping[str, Sequence[tuple[tuple[int, ...], int]]] = field(default_factory=dict)


def scene_of(error: BaseException, traceback: TracebackType, record: Record) -> Scene | None:
    """The scene of an exception at the user's frame; None where neither NumPy nor the source tells the operands."""
    expression, frame = find(traceback), traceback.tb_frame
    scope, failure = Scope.of(frame), record.of(error)
    shapes = record.shapes.get(id(frame), {})
    if failure is not None and (failure.frame is not frame or not _is_written(expression.node, failure)):
        failure = None
    if failure is not None:
        operands = _paired(expression, failure, scope)
        operation, in_place, args, kwargs = failure.operation, failure.in_place, failure.args, failure.kwargs
    else:
        operation, nodes, in_place = _read(expression.node, expression.statement)
        operands = [_read_operand(node, expression, scope) for node in nodes]
        args, kwargs = None, {}
        if operation == "__getitem__" and len(operands) == 1:
            index = value(expression.node.slice, scope)
            args = None if index is MISSING else (operands[0].array, index)
    if not operands or all(operand.array is None for operand in operands):
        return None
    if operation == "multiply" and any(isinstance(operand.array, np.matrix) for operand in operands):
        operation = "matmul"
    function = around(frame)[-1].f_code.co_name
    return Scene(
        error, traceback.tb_frame.f_code.co_filename, function, expression, scope, operation, in_place,
        tuple(operands), args, kwargs, shapes,
    )  # fmt: skip


def _is_written(node: ast.AST | None, failure: Failure) -> bool:
    """Whether what failed may be what stands there, and not a step within a library's own operator."""
    return not isinstance(node, (ast.BinOp, ast.AugAssign)) or len(failure.args) == 2


def _read(node: ast.AST | None, statement: ast.stmt | None) -> tuple[str, list[ast.AST], bool]:
    """The operation and its operands from the source alone."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)], [node.left, node.right], False
    if isinstance(node, ast.AugAssign) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)], [node.target, node.value], True
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return "__getitem__", [node.value], False
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(statement, ast.Assign):
        return "__setitem__", [node, statement.value], False
    if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in ("dot", "matmul", "inner"):
            given = list(node.args)
            if len(given) == 1 and isinstance(node.func, ast.Attribute):
                given.insert(0, node.func.value)
            return name, given, False
        if name in ("concatenate", "hstack", "vstack", "stack") and node.args:
            return name, list(getattr(node.args[0], "elts", ())), False
    shape = getattr(statement, "value", None)
    if isinstance(statement, ast.Assign) and isinstance(shape, ast.Attribute) and shape.attr == "shape":
        return "unpack", [shape.value], False
    return "", [], False


def _read_operand(node: ast.AST, expression: Expression, scope: Scope) -> Operand:
    found = value(node, scope)
    return Operand(expression.text(node), node, found if isinstance(found, np.ndarray) else None)


def _paired(expression: Expression, failure: Failure, scope: Scope) -> list[Operand]:
    """The arrays that the operation was given, each with its expression in the source."""
    node, args = expression.node, list(failure.args)
    nodes: list[ast.AST | None] = [None] * len(args)
    if isinstance(node, ast.BinOp) and len(args) == 2:
        nodes = [node.left, node.right]
    elif isinstance(node, ast.AugAssign) and len(args) == 2:
        nodes = [node.target, node.value]
    elif isinstance(node, ast.Compare) and len(node.comparators) == 1 and len(args) == 2:
        nodes = [node.left, node.comparators[0]]
    elif isinstance(node, ast.Call) and _calls(node, failure.operation, scope):
        given = list(node.args)
        if failure.kind == "method" and isinstance(node.func, ast.Attribute) and failure.operation not in CONVERSIONS:
            given.insert(0, node.func.value)
        nodes = [*given, *nodes][: len(args)]
    elif isinstance(node, ast.Subscript) and failure.operation == "__getitem__":
        nodes = [node.value, node.slice]
    elif isinstance(node, ast.Subscript) and failure.operation == "__setitem__":
        given = expression.statement.value if isinstance(expression.statement, ast.Assign) else None
        if isinstance(given, ast.Tuple):
            given = None
        nodes = [node.value, node.slice, given]
    if failure.operation in ("__getitem__", "__setitem__"):
        del args[1], nodes[1]
    if failure.operation == "__setitem__":
        slot = _slot(failure, args[0])
        if slot is not None:
            args[0], nodes[0] = slot, node if isinstance(node, ast.Subscript) else None
        else:  # there is no such place in it
            del args[1:], nodes[1:]
    mask = failure.args[1] if failure.operation in ("__getitem__", "__setitem__") and len(args) == 1 else None
    if isinstance(mask, np.ndarray) and mask.dtype == bool:
        args.append(mask)
        nodes.append(node.slice if isinstance(node, ast.Subscript) else None)
    for name, given in failure.kwargs.items():
        keywords = getattr(node, "keywords", [])
        if isinstance(given, (np.ndarray, list, tuple)) and name not in ("axis", "axes", "out", "newshape", "shape"):
            args.append(given)
            nodes.append(next((keyword.value for keyword in keywords if keyword.arg == name), None))
    operands: list[Operand] = []
    for given, one in zip(args, nodes):
        operands += _operands(given, one, expression, scope)
    return [
        operand if operand.text else Operand(_named(operand.array, scope) or f"operand {number}", None, operand.array)
        for number, operand in enumerate(operands, 1)
    ]


def _calls(node: ast.Call, operation: str, scope: Scope) -> bool:
    """Whether it is this call that runs the operation, with the arguments that stand there."""
    if any(isinstance(one, ast.Starred) for one in node.args):
        return False
    if operation in CONVERSIONS:
        return True
    called = value(node.func, scope)
    written = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return operation in (getattr(called, "__name__", ""), written)


def _operands(given: object, node: ast.AST | None, expression: Expression, scope: Scope) -> Iterator[Operand]:
    text = "" if node is None else expression.text(node)
    if isinstance(given, np.ndarray):
        yield Operand(text, node, given)
    elif isinstance(given, (float, np.number)):
        yield Operand(text, node, np.asarray(given))
    elif isinstance(given, (list, tuple)) and any(isinstance(one, (np.ndarray, np.number, float)) for one in given):
        if all(isinstance(one, (float, int, np.number)) for one in given):
            yield Operand(text, node, np.asarray(given))
            return
        parts = getattr(node, "elts", None)
        fits = parts is not None and len(parts) == len(given) and not any(isinstance(p, ast.Starred) for p in parts)
        for number, one in enumerate(given):
            if not isinstance(one, (np.ndarray, np.number, float, int)):
                continue
            inner = parts[number] if fits else None
            if inner is not None:
                yield Operand(expression.text(inner), inner, np.asanyarray(one))
            else:
                yield Operand(f"{text}[{number}]" if isinstance(node, ast.Name) else "", None, np.asanyarray(one))


def _slot(failure: Failure, holder: np.ndarray) -> np.ndarray | None:
    """The part of an array that was to be written, read through a plain view."""
    try:
        slot = watch(np.asarray(np.asarray(holder)[failure.args[1]]))
    except Exception:
        return None
    slot.made = getattr(holder, "made", None)
    return slot


def _named(array: np.ndarray | None, scope: Scope) -> str:
    """The local name that holds this very memory."""
    for name, one in scope.local.items():
        if isinstance(one, np.ndarray) and array is not None and same_memory(one, array):
            return name
    return ""


def same_memory(first: np.ndarray, second: np.ndarray) -> bool:
    return (
        first.shape == second.shape
        and first.strides == second.strides
        and first.__array_interface__["data"] == second.__array_interface__["data"]
    )


def in_scope(scene: Scene) -> dict[str, np.ndarray]:
    """The arrays that the function speaks of, by the text it uses: names, attributes, elements by an index."""
    around = function_around(scene.expression)
    found: dict[str, np.ndarray] = {}
    nodes: list[ast.AST] = [] if around is None else _names_in(around)
    for node in nodes:
        text = text_of(node, scene.expression.lines)
        if text in found or len(found) >= MOST_IN_SCOPE:
            continue
        one = value(node, scene.scope)
        if isinstance(one, np.ndarray) and one.ndim:
            found[text] = one
    if around is None or isinstance(around, ast.Module):
        for name, one in scene.scope.local.items():
            if isinstance(one, np.ndarray) and one.ndim and len(found) < MOST_IN_SCOPE:
                found.setdefault(name, one)
    return found


def _names_in(around: ast.AST) -> list[ast.AST]:
    """The names, attributes and elements by an index, in the order of the source; not those inside of one another."""
    found = []
    for node in ast.walk(around):
        if isinstance(node, ast.Name):
            found.append(node)
        elif isinstance(node, ast.Attribute) and node.attr != "T":
            found.append(node)
        elif isinstance(node, ast.Subscript) and not any(isinstance(one, ast.Slice) for one in ast.walk(node.slice)):
            found.append(node)
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def written(operand: Operand) -> str:
    """An operand so that an index, an attribute or an operator may follow."""
    return f"({operand.text})" if isinstance(operand.node, (ast.BinOp, ast.UnaryOp, ast.IfExp)) else operand.text


def like_of(array: object) -> str | None:
    return array.like if isinstance(array, Watched) else None
