"""Another array of the same shape: another gate's, another weight, what was saved under another name."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from oracle.kinds import ACCUMULATION, DERIVATIVE, OPERAND, STATE, TIME_INDEX
from oracle.repair.material import READ
from oracle.repair.place import Place, Proposal, is_transposed, made, product_of, text_of


def same_shape(place: Place) -> Iterator[Proposal]:
    node = place.node
    if not isinstance(node, READ) or place.is_target or is_transposed(node) is not None:
        return
    shapes = place.shape_of(node)
    if not shapes:
        return
    old = text_of(node)
    for text in place.material.of_shape(shapes):
        if text != old and not _is_inside(old, text):
            kind, why = _difference(old, text, place)
            yield Proposal(made(text, node), kind, f"{text} in place of {old}{why}", 1.5 + _distance(old, text))


def same_sequence(place: Place) -> Iterator[Proposal]:
    """Another list of arrays of the same shape; all but the first of one, all but the last, the other order."""
    node = place.node
    if not isinstance(node, READ) or place.is_target or _is_called_or_indexed(place):
        return
    old = text_of(node)
    known = place.material.sequences.get(old, set())
    shapes = {shape for _, shape in known}
    if place.slot.parent is place.statement:
        for text, others in place.material.sequences.items():
            if place.is_backward(text) and place.shape_of(node) & {shape for _, shape in others}:
                yield Proposal(
                    made(f"sum({text})", node), ACCUMULATION, f"sum({text}) in place of {old}: all steps", 2.0
                )
    for text, others in place.material.sequences.items():
        if text != old and shapes & {shape for _, shape in others}:
            yield Proposal(made(text, node), OPERAND, f"{text} in place of {old}", 1.5 + _distance(old, text))
    over_the_steps = any(len(shape) == 3 for shape in place.shape_of(node)) and not isinstance(node, ast.Subscript)
    if known or over_the_steps:
        for part, says in (("1:", "without the first"), (":-1", "without the last"), ("::-1", "in the other order")):
            new = made(f"A[{part}]", node, A=node)
            yield Proposal(new, TIME_INDEX, f"{text_of(new)} in place of {old}: {says}", 2.0)


def _is_called_or_indexed(place: Place) -> bool:
    parent = place.slot.parent
    return (isinstance(parent, (ast.Subscript, ast.Attribute)) and parent.value is place.node) or (
        isinstance(parent, ast.Call) and parent.func is place.node
    )


def whole_expression(place: Place) -> Iterator[Proposal]:
    """A name in place of something computed: the activation instead of its own function of it."""
    node = place.node
    if not isinstance(node, (ast.Call, ast.BinOp)) or place.is_target:
        return
    shapes = place.shapes.get(node)
    if not shapes or (place.slot.parent is place.statement and isinstance(place.statement, ast.AugAssign)):
        return
    for text in place.material.of_shape(shapes):
        yield Proposal(made(text, node), OPERAND, f"{text} in place of {text_of(node)}", 4.0)


def other_index(place: Place) -> Iterator[Proposal]:
    """Other labels, as an array of whole numbers that is the index of another: their shape is seldom known."""
    node, parent = place.node, place.slot.parent
    index, array = (parent, place.around[parent].parent) if isinstance(parent, ast.Tuple) else (node, parent)
    if not isinstance(array, ast.Subscript) or array.slice is not index:
        return
    if isinstance(node, (ast.Slice, ast.Constant, ast.UnaryOp, ast.Tuple)) or place.shapes.get(node):
        return
    for text in place.material.integers:
        if text != text_of(node):
            yield Proposal(made(text, node), OPERAND, f"{text} in place of {text_of(node)}", 2.5)


def _is_inside(one: str, other: str) -> bool:
    return other.removesuffix(".T") == one


def _distance(old: str, new: str) -> float:
    """0 for names that look alike, 1 for names that have nothing in common."""
    return 1 - difflib.SequenceMatcher(None, old, new).ratio()


def _difference(old: str, new: str, place: Place) -> tuple[str, str]:
    base = old.partition("[")[0] == new.partition("[")[0] and "[" in old and "[" in new
    if base and "'" not in old and '"' not in old:
        return TIME_INDEX, ": the step is another"
    if derivative_factor(place):
        return DERIVATIVE, ": the derivative is that of another value"
    return OPERAND, ""


def derivative_factor(place: Place) -> bool:
    """Whether the node stands in a factor such as 1 - h**2, or z * (1 - z)."""
    for parent in (place.node, *place.parents()):
        if isinstance(parent, ast.stmt):
            return False
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Sub):
            if isinstance(parent.left, ast.Constant) and parent.left.value in (1, 1.0):
                return True
        if isinstance(parent, ast.Call) and "deriv" in text_of(parent.func).lower() + "d":
            name = text_of(parent.func).lower()
            return "deriv" in name or "prime" in name or "grad" in name or name.split(".")[-1].startswith("d")
    return False


def applied(place: Place) -> Iterator[Proposal]:
    """A function of a value of the forward pass that was left out: np.exp(logp) for logp."""
    node = place.node
    if not place.suspicious or not isinstance(node, READ) or place.is_target or is_transposed(node) is not None:
        return
    parent = place.slot.parent
    if not place.shape_of(node) or place.is_backward(text_of(node)) or _is_called_or_indexed(place):
        return
    if isinstance(parent, ast.Call) and parent.args == [node]:
        return
    for function in ("np.exp", "np.tanh", *place.material.functions):
        if f"{function.removeprefix('self.')}(" in place.definition.text:
            new = made(f"{function}(A)", node, A=node)
            yield Proposal(new, OPERAND, f"{text_of(new)} in place of {text_of(node)}", 3.0)


def complement(place: Place) -> Iterator[Proposal]:
    """1 - z for z, and the reverse."""
    node = place.node
    if place.is_target:
        return
    match node:
        case ast.BinOp(left=ast.Constant(value=1 | 1.0), op=ast.Sub(), right=inner):
            yield Proposal(inner, OPERAND, f"{text_of(inner)} in place of {text_of(node)}", 1.5)
        case ast.Name() | ast.Attribute() | ast.Subscript() if place.shape_of(node):
            new = made("1 - A", node, A=node)
            parent = place.slot.parent
            if isinstance(parent, (ast.BinOp, ast.AugAssign)) and isinstance(parent.op, ast.Mult):
                yield Proposal(new, OPERAND, f"{text_of(new)} in place of {text_of(node)}", 2.0)


def functions(place: Place) -> Iterator[Proposal]:
    """Another function of the user's, the function for its derivative, no function."""
    node = place.node
    if not isinstance(node, ast.Call) or not node.args or product_of(node):
        return
    name = text_of(node.func)
    kept = [one for one in node.keywords if one.arg != "out"]
    if len(kept) < len(node.keywords) and not isinstance(place.slot.parent, ast.Expr):
        new = ast.copy_location(ast.Call(func=node.func, args=node.args, keywords=kept), node)
        yield Proposal(new, STATE, f"{text_of(new)}: nothing is written over", 1.5)
    if name in ("np.clip", "np.minimum", "np.maximum"):
        yield Proposal(node.args[0], STATE, f"{text_of(node.args[0])} as it is, without {name}", 1.5)
    if name == "map" and len(node.args) == 2:
        says = f"{text_of(node.args[1])} as it is, without {text_of(node.args[0])}"
        yield Proposal(node.args[1], DERIVATIVE, says, 1.5)
    if len(node.args) != 1 or node.keywords:
        return
    kind = DERIVATIVE
    for other in place.material.functions:
        if other != name and (name in place.material.functions or name in ("np.tanh", "np.exp")):
            yield Proposal(made(f"{other}(A)", node, A=node.args[0]), kind, f"{other} in place of {name}", 2.0)
    if name in place.material.functions or name in ("np.tanh", "np.exp", "np.sqrt", "np.abs"):
        inner = text_of(node.args[0])
        yield Proposal(node.args[0], kind, f"{inner} in place of {text_of(node)}: the function is applied already", 2.0)


TEMPLATES = (same_shape, other_index, same_sequence, applied, complement, functions, whole_expression)
