"""Derivatives of activations: missing, twice, of the wrong value, of another function."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from oracle.kinds import DERIVATIVE
from oracle.repair.place import Place, Proposal, made, text_of

FORMS = {
    "1 - A ** 2": "tanh",
    "A * (1 - A)": "the sigmoid",
    "1 - np.tanh(A) ** 2": "tanh, of its argument",
    "(A > 0)": "relu",
}


def _argument(node: ast.AST) -> tuple[str, ast.expr] | None:
    """The form and x of 1 - x**2, 1 - x*x, x * (1 - x), (1 - x) * x, 1 - np.tanh(x)**2, np.square; else None."""
    match node:
        case ast.BinOp(left=ast.Constant(value=1 | 1.0), op=ast.Sub(), right=inner):
            squared = _squared(inner)
            if squared is not None:
                match squared:
                    case ast.Call(func=ast.Attribute(attr="tanh"), args=[argument]):
                        return "1 - np.tanh(A) ** 2", argument
                return "1 - A ** 2", squared
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            for a, b in ((left, right), (right, left)):
                match b:
                    case ast.BinOp(left=ast.Constant(value=1 | 1.0), op=ast.Sub(), right=inner) if text_of(
                        inner
                    ) == text_of(a):
                        return "A * (1 - A)", a
    return None


def _squared(node: ast.AST) -> ast.expr | None:
    match node:
        case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=2 | 2.0)):
            return base
        case ast.BinOp(left=left, op=ast.Mult(), right=right) if text_of(left) == text_of(right):
            return left
        case ast.Call(func=ast.Attribute(attr="square"), args=[base]):
            return base
        case ast.Call(func=ast.Attribute(attr="power"), args=[base, ast.Constant(value=2)]):
            return base
    return None


def of_another(place: Place) -> Iterator[Proposal]:
    """The derivative of another value or of another function, where there is one."""
    found = _argument(place.node)
    if found is None:
        return
    form, argument = found
    shapes = place.shape_of(argument)
    for other, function in FORMS.items():
        if other != form:
            new = made(other, place.node, A=argument)
            yield Proposal(new, DERIVATIVE, f"{text_of(new)}, the derivative of {function}", 1.5)
    for text in place.material.of_shape(shapes):
        if text != text_of(argument):
            new = made(form, place.node, A=text)
            yield Proposal(new, DERIVATIVE, f"{text_of(new)} in place of {text_of(place.node)}", 2.0)


def squares(place: Place) -> Iterator[Proposal]:
    """1 - h for 1 - h**2, and the reverse."""
    match place.node:
        case ast.BinOp(
            left=ast.BinOp(left=ast.Constant(value=1 | 1.0), op=ast.Sub(), right=inner),
            op=ast.Pow(),
            right=ast.Constant(value=2),
        ):
            new = made("1 - A ** 2", place.node, A=inner)
            yield Proposal(new, DERIVATIVE, f"{text_of(new)} in place of {text_of(place.node)}", 1.0)
        case ast.BinOp(left=ast.Constant(value=1 | 1.0), op=ast.Sub(), right=inner):
            squared = _squared(inner)
            if squared is not None:
                new = made("1 - A", place.node, A=squared)
                yield Proposal(new, DERIVATIVE, f"{text_of(new)} in place of {text_of(place.node)}", 2.5)
            else:
                new = made("1 - A ** 2", place.node, A=inner)
                yield Proposal(new, DERIVATIVE, f"{text_of(new)} in place of {text_of(place.node)}", 1.5)
                new = made("A * (1 - A)", place.node, A=inner)
                yield Proposal(new, DERIVATIVE, f"{text_of(new)} in place of {text_of(place.node)}", 1.5)


def missing(place: Place) -> Iterator[Proposal]:
    """A derivative as a further factor."""
    node = place.node
    shapes = place.shapes.get(node) or place.shape_of(node)
    if (
        place.is_target
        or not shapes
        or not isinstance(node, (ast.Name, ast.Subscript, ast.BinOp, ast.Call, ast.Attribute))
    ):
        return
    parent = place.slot.parent
    whole = place.is_whole or place.is_multiplied
    if not whole and not (isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Mult, ast.Add))):
        return
    known = [text for text in place.material.of_shape(shapes) if not place.is_backward(text)]
    for text in [*known, *_steps_beside(known, place)]:
        if text != text_of(node):
            for form, function in (("A * (1 - B ** 2)", "tanh"), ("A * (B * (1 - B))", "the sigmoid")):
                new = made(form, node, A=node, B=text)
                says = f"the derivative of {function} at {text} was missing: {text_of(new)}"
                yield Proposal(new, DERIVATIVE, says, 3.0)
    for function in place.material.functions:
        if "deriv" in function or "prime" in function or "grad" in function or function.split(".")[-1][0] == "d":
            for text in place.material.of_shape(shapes):
                if place.is_backward(text):
                    continue
                new = made(f"A * {function}(B)", node, A=node, B=text)
                yield Proposal(new, DERIVATIVE, f"{function}({text}) was missing", 3.0)


def _steps_beside(known: Sequence[str], place: Place) -> Iterator[str]:
    """hs[t + 1] and hs[t - 1] where of hs only hs[t] is read: the line that read it is the one that is missing."""
    for text in known if place.suspicious else ():
        name, _, index = text.partition("[")
        if index.removesuffix("]") in place.counters:
            for beside in (f"{name}[{index[:-1]} + 1]", f"{name}[{index[:-1]} - 1]"):
                if beside not in known:
                    yield beside


def written_out(place: Place) -> Iterator[Proposal]:
    """A derivative as a formula in place of a call: 1 - h ** 2 for tanh_derivative(h), or for np.diag(1 - h ** 2)."""
    node = place.node
    if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
        return
    (argument,) = node.args
    found = _argument(argument)
    inner = found[1] if found else argument
    if not found and not (
        place.suspicious and isinstance(argument, (ast.Name, ast.Subscript, ast.Attribute)) and place.shape_of(argument)
    ):
        return
    if found:
        yield Proposal(argument, DERIVATIVE, f"{text_of(argument)} as it is, in place of {text_of(node)}", 1.5)
    for form, function in FORMS.items():
        new = made(form, node, A=inner)
        yield Proposal(
            new, DERIVATIVE, f"{text_of(new)}, the derivative of {function}, in place of {text_of(node)}", 2.0
        )


TEMPLATES = (of_another, squares, missing, written_out)
