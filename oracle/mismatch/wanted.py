"""Which shape was wanted, and why: a gradient has the shape of what it is the gradient of."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from oracle.mismatch.scene import MATRIX, Scene, like_of
from oracle.mismatch.source import function_around, given_as, value
from oracle.mismatch.trace import CARRY, gradient_of, is_of_gradients, same_name

CARRIED = re.compile(r"_?(?:next|prev|carry|future)$")
KEY = re.compile(r"""\[(?P<quote>["'])(?P<name>\w+)(?P=quote)\]$""")
ELEMENTWISE = (ast.Add, ast.Sub, ast.Mult, ast.Div)


@dataclass(frozen=True)
class Wanted:
    """What a statement is to give.

    target      as in the source
    shape       that it should have
    of          the text of the array whose shape that is; the target itself for a buffer
    parameter   whose gradient it is, or None
    """

    target: str
    shape: tuple[int, ...]
    of: str
    parameter: str | None


def wanted(scene: Scene, parameters: Mapping[str, np.ndarray], scope: Mapping[str, np.ndarray]) -> Wanted | None:
    """What the failing statement is to give; None where nothing tells."""
    expression = scene.expression
    if expression.node is None or expression.statement is None:
        return None
    exact, flipped = True, False
    target: ast.AST | None = None
    added: ast.AST | None = None
    key = None
    for child, parent in expression.way_up():
        if isinstance(parent, ast.keyword):
            key = parent.arg
            break
        if isinstance(parent, ast.Dict) and child in parent.values:
            name = parent.keys[parent.values.index(child)]
            key = name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None
            break
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Add, ast.Sub)) and exact and not flipped:
            added = added or (parent.right if child is parent.left else parent.left)
        if isinstance(parent, ast.Attribute) and parent.attr == "T":
            flipped = not flipped
        elif isinstance(parent, ast.Assign) and child is parent.value:
            target = parent.targets[0]
        elif isinstance(parent, (ast.AugAssign, ast.AnnAssign)) and child is parent.value:
            target = parent.target
        elif isinstance(parent, ast.Tuple) and parent is getattr(expression.statement, "value", None):
            others = getattr(getattr(expression.statement, "targets", [None])[0], "elts", ())
            if len(others) == len(parent.elts):
                target = others[parent.elts.index(child)]
                break
        elif not isinstance(parent, ast.UnaryOp) and not (
            isinstance(parent, ast.BinOp) and isinstance(parent.op, ELEMENTWISE)
        ):
            exact = False
    if isinstance(expression.node, ast.AugAssign):
        target = expression.node.target
    elif isinstance(expression.node, ast.Subscript) and scene.operation == "__setitem__":
        target = expression.node
    elif (out := given_as(expression.node, "out")) is not None:
        target = out
    if key is not None:
        name = key if key in parameters else None
        return name and Wanted(f"the gradient of {name}", parameters[name].shape, name, name)
    if target is None or isinstance(target, (ast.Tuple, ast.List, ast.Starred)):
        return None
    text = expression.text(target)
    current = value(target, scene.scope)
    current = current if isinstance(current, np.ndarray) else None

    def of_parameter(name: str) -> Wanted:
        shape = parameters[name].shape
        if current is not None and isinstance(target, ast.Subscript) and current.shape != shape:
            if current.shape != shape[1:]:
                return Wanted(text, current.shape, text, None)  # rows of an embedding, columns of one gate
            shape = current.shape  # one gate of several
        return Wanted(text, shape, _spoken(name, scope), name)

    if (name := _returned_as(scene, text)) in parameters:
        return of_parameter(name)
    last = _last(target)
    if isinstance(target, ast.Subscript) and isinstance(index := value(target.slice, scene.scope), str):
        if index in parameters and is_of_gradients(last or ""):
            return of_parameter(index)
        last = index
    base = gradient_of(last) if last else None
    if base and isinstance(target, ast.Attribute) and (beside := _beside(target, base, scene)) is not None:
        attribute, array = beside
        named = next((one for one in parameters if same_name(one, base)), None)
        if named is None or parameters[named].shape != array.shape:  # the second layer's own b, and not the parameter b
            like = like_of(array)
            own = like if like in parameters and parameters[like].shape == array.shape else None
            return Wanted(text, array.shape, f"{expression.text(target.value)}.{attribute}", own)
    if base:
        if name := next((name for name in parameters if same_name(name, base)), None):
            return of_parameter(name)
        if other := _speaks_of(base, scope):
            shape = scope[other].shape
            if current is not None and current.shape == shape[1:]:
                shape = shape[1:]
            elif current is not None and _one_step(current.shape, shape):
                return Wanted(text, current.shape, text, None)
            elif not scene.in_place and scene.operation not in MATRIX and _is_operand(other, scene):
                return None  # dy = y - target wants the shape of y only where y has the right one
            return Wanted(text, shape, other, None)
    if (name := like_of(current)) in parameters:
        return of_parameter(name)
    if base and added is not None:
        other = value(added, scene.scope)
        if isinstance(other, np.ndarray) and other.ndim:
            return Wanted(text, other.shape, expression.text(added), None)
    in_place = isinstance(expression.statement, ast.AugAssign) or isinstance(target, ast.Subscript)
    if current is not None and (in_place or CARRY.search(last or "")):  # what is carried keeps its shape
        return Wanted(text, current.shape, text, None)
    return None


def _beside(target: ast.Attribute, base: str, scene: Scene) -> tuple[str, np.ndarray] | None:
    """The attribute of the same object that a gradient's name speaks of, and its array."""
    around = getattr(value(target.value, scene.scope), "__dict__", {})
    return next(
        ((name, one) for name, one in around.items() if isinstance(one, np.ndarray) and same_name(name, base)), None
    )


def _one_step(shape: tuple[int, ...], of_all: tuple[int, ...]) -> bool:
    """Whether a shape is that of all steps without one of its axes."""
    return any(shape == of_all[:k] + of_all[k + 1 :] for k in range(len(of_all)))


def _is_operand(text: str, scene: Scene) -> bool:
    return any(operand.text == text for operand in scene.operands)


def _last(node: ast.AST) -> str | None:
    """The name that a target is known by: dW of dW, of self.dW, of dW[t]."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _speaks_of(base: str, scope: Mapping[str, np.ndarray]) -> str | None:
    """The array that a gradient's name speaks of: h or hs[t] for dh, and for dh_next."""
    for stem in dict.fromkeys([base, CARRIED.sub("", base)]):
        for other in scope:
            if "[" not in other and same_name(_tail(other), stem):
                return other
        for other in scope:
            if "[" in other and any(same_name(_tail(other.partition("[")[0]), name) for name in (stem, f"{stem}s")):
                return other
    return None


def _tail(text: str) -> str:
    return text.rpartition(".")[2]


def _spoken(name: str, scope: Mapping[str, np.ndarray]) -> str:
    """A parameter as the source calls it."""
    return next((text for text in scope if same_name(_tail(text), name)), name)


def _returned_as(scene: Scene, text: str) -> str | None:
    """The name under which the function returns a variable: Wxh of dict(Wxh=dWxh)."""
    around = function_around(scene.expression)
    if around is None:
        return None
    for node in ast.walk(around):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
            pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Dict):
            pairs = [(key.value, one) for key, one in zip(node.keys, node.values) if isinstance(key, ast.Constant)]
        else:
            continue
        for name, one in pairs:
            if isinstance(one, (ast.Name, ast.Attribute)) and scene.expression.text(one) == text:
                return name
    return None


def name_in(text: str) -> str:
    """The name that a value is known by: R of R, p.R and p["R"], but not of grads["R"]."""
    key = KEY.search(text)
    if key is None:
        return _tail(text)
    holder = name_in(text[: key.start()])
    return text if is_of_gradients(holder) else key["name"]


def is_delta(text: str, known: Callable[[str], bool]) -> bool:
    """Whether a value is a gradient by its name. known: whether there is something of that name."""
    key = KEY.search(text)
    if key is not None and is_delta(key["name"], known):  # cache["do"]
        return True
    name = _tail(text.partition("[")[0]).lower()
    if name in ("delta", "deltas", "error", "err", "errors", "diff", "dout", "upstream", "grad", "e", "d"):
        return True
    base = gradient_of(name)
    return base is not None and ("grad" in name or "delta" in name or len(base) <= 3 or known(base))
