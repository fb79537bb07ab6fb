"""Which products to propose for a scene, and what to say of them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from oracle.mismatch.axes import Names, in_brackets
from oracle.mismatch.convention import COLUMNS, ROWS, convention
from oracle.mismatch.products import Factor, Product, all_same, products, same, without_target
from oracle.mismatch.scene import MATRIX, Operand, Scene, like_of, same_memory, written
from oracle.mismatch.source import Expression
from oracle.mismatch.trace import gradient_of, same_name
from oracle.mismatch.wanted import Wanted, is_delta, name_in
from oracle.sizes import ALWAYS

MOST = 3
PRODUCTS = {"multiply", "einsum", "tensordot", "outer", *MATRIX}
SUMS = {"sum", "mean", "reduce"}
SIMPLE = (ast.Name, ast.Attribute, ast.Subscript)
SIGNS = {"add": "+", "subtract": "-"}
CALLED = {"dot", "matmul", "inner", "outer", "einsum", "tensordot", "multiply", "sum", "mean"}
VALUES = "only the values tell the two apart: check the gradient again"


@dataclass(frozen=True)
class Goal:
    """What is wanted, with the names of its axes."""

    wanted: Wanted
    axes: tuple[str, ...]


def proposal(
    scene: Scene,
    axes: tuple[tuple[str, ...], ...],
    expected: Mapping[str, tuple[str, ...]],
    scope: Mapping[str, np.ndarray],
    parameters: Mapping[str, np.ndarray],
    names: Names,
    named: Callable[[str, tuple[int, ...]], tuple[str, ...]],
    goal: Goal | None,
) -> tuple[list[Product], list[str]]:
    """The products that balance, the likeliest first, and lines on them.

    axes       of each operand
    expected   of the operands whose names tell of other axes than they have
    scope      the arrays that the function speaks of
    named      the axes of one of them
    """
    tails = {name_in(text) for text in scope} | set(parameters) | set(names.known)

    def known(base: str) -> bool:
        return any(same_name(base, tail) for tail in tails)

    if any(operand.array is not None and not operand.shape for operand in scene.operands):
        return [], []  # with a number for an array something else is missing
    if (by_element := _by_element(scene, axes)) and (
        len(axes[0]) < 3 if goal is None else all_same(goal.axes, axes[0])
    ):
        return [by_element], []
    if (turned := _turned(scene, axes)) and (goal is None or all_same(goal.axes, axes[0])):
        return [turned], []
    if goal is None:
        if scene.operation not in PRODUCTS or scene.in_place:
            return [], []
        factors = _factors(scene, axes, expected, scope, parameters, named, known, None)
        weights = [one for one in factors if one.failing and one.parameter and len(one.axes) > 1]
        if scene.operation == "multiply" and not weights:
            return [], []  # without a result in sight * was meant element by element
        return _without_goal(factors, scene.expression), []
    if split := _split(scene, axes, goal):
        return [split], []
    if not _computes(scene, goal.wanted):
        return [], []
    if any(_odd_before(operand, scene) and operand.text not in expected for operand in scene.operands):
        return [], []  # an operand that is odd itself is mended first
    if _looked_up(goal.wanted, scope):
        return [], []  # each sample has a row of its own: a sum over them is none of theirs
    factors = _factors(scene, axes, expected, scope, parameters, named, known, goal)
    of_parameter = goal.wanted.parameter is not None
    found = products(
        factors, goal.axes, not of_parameter, of_parameter, of_parameter or is_delta(goal.wanted.target, known)
    )
    with_delta = scene.operation in PRODUCTS and any(one.delta and one.failing for one in factors)
    if with_delta:
        both = {one for one in factors if one.failing}
        found = [one for one in found if any(factor.delta for factor in one.factors) or set(one.factors) == both]
    if with_delta and not of_parameter:
        found = [one for one in found if _goes_back(one, scene.expression)]
    if scene.operation in SUMS:
        found = [one for one in found if one.kind == "sum"]
    found = [one for one in found if any(factor.failing for factor in one.factors)]
    vector = of_parameter and sum(axis != "1" for axis in goal.axes) < 2  # a bias, or the weights of one output
    if vector and (len(goal.axes) < 2 or scene.operation not in PRODUCTS):  # no product, a sum over the samples
        features = set(names.known) - set(ALWAYS)
        found = [one for one in found if one.kind in ("sum", "itself") and features.isdisjoint(one.over)]
    if found:
        return _chosen(found, goal, scene.expression)
    return [], _beside(factors, goal.axes) if with_delta and not of_parameter and scene.operation in MATRIX else []


def _goes_back(product: Product, expression: Expression) -> bool:
    """Whether a gradient is summed over the axis of a weight that the forward pass gives, unless both factors failed.

    delta @ W with x @ W in the forward pass is (batch, hidden) by size where both happen to fit, and no gradient.
    """
    weight = next((one for one in product.factors if one.parameter and len(one.axes) == 2), None)
    if weight is None or product.kind != "matmul" or all(one.failing for one in product.factors):
        return True
    told = None if same(*weight.axes) else convention(expression, name_in(weight.text))
    if told is None:
        return True
    over_last = product.text.endswith(f"@ {weight.text}.T") or product.text.startswith(f"{weight.text} @")
    return over_last == (told[0] == ROWS)


def _beside(factors: Sequence[Factor], wanted: tuple[str, ...]) -> list[str]:
    """Of a gradient and a weight that cannot be multiplied to what is wanted: what would have to stand beside it."""
    failing = [one for one in factors if one.failing]
    weight = next((one for one in failing if one.parameter and len(one.axes) == 2), None)
    if weight is None or len(failing) != 2:
        return []
    other = next(one for one in failing if one is not weight)
    said = f"no order and no transpose of {weight.text} and {other.text} gives {in_brackets(wanted)}"
    fitting = None
    for own, summed in (weight.axes, weight.axes[::-1]):
        if fitting is None and wanted and same(wanted[-1], own):
            fitting = (*wanted[:-1], summed)
        elif fitting is None and len(wanted) == 2 and same(wanted[0], own):
            fitting = (summed, wanted[1])
    if fitting is None:
        return [said]
    beside = f"beside {weight.text} {in_brackets(weight.axes)} the other factor should have the axes"
    return [f"{said}: {beside} {in_brackets(fitting)}"]


def _odd_before(operand: Operand, scene: Scene) -> bool:
    found = operand.departure
    return found is not None and (found.filename, found.line) != (scene.filename, scene.expression.line)


def _by_element(scene: Scene, axes: tuple[tuple[str, ...], ...]) -> Product | None:
    """* for @, where both operands have the same axes."""
    if scene.operation not in MATRIX or len(axes) != 2 or not all_same(*axes) or len(axes[0]) < 1:
        return None
    if len(axes[0]) == 2 and same(*axes[0]):
        return None
    one, two = (written(operand) for operand in scene.operands)
    return Product(f"{one} * {two}", f"both {in_brackets(axes[0])}", (), (), 0, "elementwise")


def _looked_up(goal: Wanted, scope: Mapping[str, np.ndarray]) -> bool:
    """Whether what is wanted is one row of the gradient of an embedding, of which rows are taken by an array."""
    table = scope.get(goal.of)
    return (
        goal.parameter is not None and table is not None and len(goal.shape) < table.ndim
        and any(text.startswith(f"{goal.of}[") and one.ndim >= table.ndim for text, one in scope.items())
    )  # fmt: skip


def _turned(scene: Scene, axes: tuple[tuple[str, ...], ...]) -> Product | None:
    """a - b.T for a - b, where b lies the other way round."""
    sign = SIGNS.get(scene.operation)
    if sign is None or scene.in_place or len(axes) != 2 or len(axes[0]) != 2 or same(*axes[0]):
        return None
    if not all_same(axes[0], axes[1][::-1]):
        return None
    one, two = (written(operand) for operand in scene.operands)
    turned = two.removesuffix(".T") if two.endswith(".T") else f"{two}.T"
    return Product(f"{one} {sign} {turned}", f"both {in_brackets(axes[0])}", (), (), 0, "elementwise")


def _without_goal(factors: list[Factor], expression: Expression) -> list[Product]:
    """The product of the failing operands; with a gradient the weight is turned against the forward pass."""
    failing = [one for one in factors if one.failing]
    found = without_target(factors)
    weight = next((one for one in failing if one.parameter), None)
    if len(failing) != 2 or weight is None or not any(one.delta for one in failing):
        return found[:1]
    told = convention(expression, name_in(weight.text))
    if told is None:
        return found[:1]

    def backward(one: Product) -> bool:
        first = f"{weight.text}.T @" in one.text
        return first if told[0] == COLUMNS else one.text.endswith(f"@ {weight.text}.T")

    if right := [one for one in found if backward(one)]:
        return right[:1]
    others = [replace(one, failing=True) for one in factors if one.delta and not one.failing]
    near = [one for other in others for one in without_target([weight, other]) if backward(one)]
    return near[:1] if len({one.text for one in near}) == 1 else []


def _factors(
    scene: Scene,
    axes: tuple[tuple[str, ...], ...],
    expected: Mapping[str, tuple[str, ...]],
    scope: Mapping[str, np.ndarray],
    parameters: Mapping[str, np.ndarray],
    named: Callable[[str, tuple[int, ...]], tuple[str, ...]],
    known: Callable[[str], bool],
    goal: Goal | None,
) -> list[Factor]:
    """What may be multiplied: the operands, and the other arrays that the function speaks of."""
    found: dict[str, Factor] = {}
    failing: set[str] = set()
    target = "" if goal is None else goal.wanted.target
    summed = goal is not None and goal.wanted.parameter is not None and sum(axis != "1" for axis in goal.axes) < 2
    for operand, one in zip(scene.operands, axes):
        if operand.node is None or operand.text == target:
            failing |= {operand.text} - {target}
            continue
        stored = (scene.in_place or scene.operation == "__setitem__") and not summed  # a sum leaves it whole
        if not stored and _elementwise(operand, scope, scene.expression):
            text = written(operand)
            delta = any(is_delta(name, known) for name in spoken(operand.node, scope, scene.expression))
            found[text] = Factor(text, one, delta, False, True)
        else:
            failing |= set(spoken(operand.node, scope, scene.expression))
    outside = [text for text in scope if text not in failing]
    for text in [*failing, *outside]:
        if text not in scope or scope[text].ndim > 3 or target in (text, text.partition("[")[0]):
            continue
        if getattr(scope[text], "departure", None) is not None and text not in expected:
            continue  # its shape is odd, and any product of it is
        if target.partition("[")[0] == text:  # the buffer whose slot is written
            continue
        tail = name_in(text).partition("[")[0]
        base = gradient_of(tail)
        if text not in failing:
            made_like = like_of(scope[text]) in parameters and not scope[text].weight  # and no parameter itself
            if made_like or (base and any(same_name(base, name) for name in parameters)):
                continue  # the gradient of one parameter is no factor of another's
            if any(other.startswith((f"{text}[", f"{text}.")) for other in scope):
                continue  # hs where hs[t] is spoken of
        is_parameter = any(same_name(tail, name) for name in parameters)
        own = expected.get(text) or named(text, scope[text].shape)
        found.setdefault(text, Factor(text, tuple(own), is_delta(text, known), is_parameter, text in failing))
    arrays = [(text, scope[text]) for text in found if text in scope]
    for place, (text, array) in enumerate(arrays):  # W and p.W are one
        if not found[text].failing and any(same_memory(array, other) for _, other in arrays[:place]):
            del found[text]
    if not any(one.delta and one.failing for one in found.values()):
        # dtanh beside a weight is a gradient, though nothing is called tanh
        for text, one in found.items():
            if one.failing and not one.parameter and gradient_of(text.rpartition(".")[2].partition("[")[0]):
                found[text] = replace(one, delta=True)
    own = [operand.text.removesuffix(".T") for operand in scene.operands]
    order = {text: place for place, text in enumerate(dict.fromkeys([*own, *scope]))}
    return sorted(found.values(), key=lambda one: order.get(one.text.strip("()"), len(order)))


def _elementwise(operand: Operand, scope: Mapping[str, np.ndarray], expression: Expression) -> bool:
    """Whether an operand is an expression of its own such as 1 - h**2, neither a name nor a product."""
    node = operand.node
    if isinstance(node, SIMPLE) or expression.text(node) in scope:
        return False
    return not any(
        isinstance(one, ast.Call) or (isinstance(one, ast.BinOp) and isinstance(one.op, ast.MatMult))
        for one in ast.walk(node)
    )


def spoken(node: ast.AST, scope: Mapping[str, np.ndarray], expression: Expression) -> list[str]:
    """The arrays in scope that an expression speaks of; hs[t], and not hs."""
    if isinstance(node, SIMPLE):
        text = expression.text(node)
        if text in scope:
            return [text]
    return [text for child in ast.iter_child_nodes(node) for text in spoken(child, scope, expression)]


def _computes(scene: Scene, goal: Wanted) -> bool:
    """Whether a product is what is missing: it failed itself, or it gave an operand that has not the wanted shape."""
    if scene.in_place and scene.operation == "multiply":
        return False  # dh *= mask
    if scene.in_place or scene.operation in PRODUCTS or scene.operation in (*SUMS, "__setitem__"):
        return True
    return any(
        (isinstance(one, ast.Call) and getattr(one.func, "attr", getattr(one.func, "id", "")) in CALLED)
        or (isinstance(one, ast.BinOp) and isinstance(one.op, (ast.MatMult, ast.Mult)))
        for operand in scene.operands
        if operand.node is not None and operand.shape != goal.shape
        for one in ast.walk(operand.node)
    )


def _split(scene: Scene, axes: tuple[tuple[str, ...], ...], goal: Goal) -> Product | None:
    """The part of an operand along an axis a+b of which only a, or only b, is wanted."""
    for operand, names in zip(scene.operands, axes):
        for place, axis in enumerate(names):
            parts = axis.split("+")
            if len(parts) != 2 or parts[1].isdecimal() or len(names) != len(goal.axes):
                continue
            for k, part in enumerate(parts):
                wants = (*names[:place], part, *names[place + 1 :])
                if not all_same(wants, goal.axes):
                    continue
                size = goal.wanted.shape[place]
                cut = f":{size}" if k == 0 else f"{operand.shape[place] - size}:"
                index = ", ".join([":"] * place + [cut])
                text = written(operand)
                words = f"the {part} part of {in_brackets(names)}, if {part} comes {'first' if k == 0 else 'last'}"
                return Product(f"{text}[{index}]", words, (), (), 0, "part")
    return None


def _chosen(found: list[Product], goal: Goal, expression: Expression) -> tuple[list[Product], list[str]]:
    """Those to show: where sizes leave an orientation open, the one that the forward pass tells, and words on it."""
    best = found[0]
    twins = [one for one in found if one.kind == best.kind and set(one.factors) == set(best.factors)]
    weight = next((one for one in best.factors if one.parameter and len(one.axes) == 2), None)
    if best.kind == "matmul" and len(best.factors) == 2:
        if goal.wanted.parameter is not None and len(goal.axes) == 2 and same(*goal.axes) and len(twins) > 1:
            return _recurrent(twins, best, goal, expression)
        if weight is not None and same(*weight.axes) and len(twins) > 1:
            return _carry(twins, best, weight, expression)
        if weight is not None and len(twins) > 1:  # W.T @ d and d @ W are one for a vector
            told = convention(expression, name_in(weight.text))
            if told is not None and told[0] == COLUMNS:
                twins.sort(key=lambda one: one.factors[0] != weight)
            best = twins[0]
    stack = next((one for one in best.factors if len(one.axes) == 3 and same(*one.axes[1:])), None)
    if best.kind == "matmul" and stack is not None and len(twins) > 1:
        other = twins[1].text
        return [best], [f"by size {other} fits as well, because the matrices in {stack.text} are square", VALUES]
    level = sum(factor.failing for factor in best.factors)
    rivals = [
        one for one in found
        if one not in twins and one.kind == best.kind and sum(factor.failing for factor in one.factors) >= level
    ]  # fmt: skip
    rivals.sort(key=lambda one: -sum(factor.failing for factor in one.factors))  # what failed, whatever its names
    kept: list[Product] = [best]
    for one in rivals:
        if not any(set(one.factors) == set(other.factors) for other in kept):
            kept.append(one)
    over = [axis for axis in best.over if axis in ("batch", "time")]
    return kept[:MOST], [f"it sums over {' and '.join(over)}"] if over and len(kept) == 1 else []


def _recurrent(twins: list[Product], best: Product, goal: Goal, expression: Expression) -> tuple[list, list[str]]:
    """The gradient of a square matrix: a product and its transpose both fit."""
    of = goal.wanted.of
    state = next((one for one in best.factors if not one.delta), best.factors[0])
    told = convention(expression, of.rpartition(".")[2]) or convention(expression, goal.wanted.parameter or of)
    if told is None:
        return twins[:2], [f"both have the size of {of}, and one is the other's transpose", VALUES]
    side, evidence = told
    right, other = sorted(twins[:2], key=lambda one: (one.factors[0] == state) != (side == ROWS))
    before, now = f"{goal.axes[0]}(t-1)", f"{goal.axes[0]}(t)"
    first, second = (before, now) if side == ROWS else (now, before)
    if right.over:
        right = replace(right, axes=f"({first}, {right.over[0]}) @ ({right.over[0]}, {second})")
    else:
        right = replace(right, axes=f"({first},) by ({second},)")
    return [right], [
        f"by size {other.text} fits as well; by meaning {of} is ({first}, {second}), as in {evidence}", VALUES
    ]  # fmt: skip


def _carry(twins: list[Product], best: Product, weight: Factor, expression: Expression) -> tuple[list, list[str]]:
    """A product with a square matrix, which fits transposed or not."""
    turned = [one for one in twins if f"{weight.text}.T" in one.text]
    straight = [one for one in twins if one not in turned]
    told = convention(expression, name_in(weight.text))
    if not turned or not straight:
        return [best], []
    if told is not None and told[0] == COLUMNS:  # for vectors both sides fit
        for pair in (turned, straight):
            pair.sort(key=lambda one: one.factors[0] != weight)
        if turned[0].factors[0] == weight != straight[0].factors[0]:
            straight = straight[:1]
    other = next(one for one in best.factors if one != weight)
    if not other.delta or told is None:
        return [turned[0], straight[0]], [f"by size both fit, because {weight.text} is square", VALUES]
    return [turned[0]], [
        f"by size {straight[0].text} fits as well, because {weight.text} is square; "
        f"backward it is transposed, as the forward pass has {told[1]}",
        VALUES,
    ]
