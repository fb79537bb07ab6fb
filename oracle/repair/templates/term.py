"""Terms and factors: a sign, one too many, one too few, a constant."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

from oracle.kinds import ACCUMULATION, BRANCH, CARRY, DERIVATIVE, FACTOR, OPERAND, OUTPUT_DELTA, SIGN
from oracle.repair.material import READ
from oracle.repair.place import Place, Proposal, made, product_of, replaced, shape_of_product, text_of
from oracle.repair.templates.operand import derivative_factor

ADDING = (ast.Add, ast.Sub)
SIZE = re.compile(r"^\(?(?:len\([^()]*\)|[\w.]+\.size|[\w.]+\.shape\[-?\d\])\)?$")
SIZED = re.compile(r"^[\w.()\[\]-]+$")  # B, len(x), x.shape[0]
CONSTANTS = ("0.5", "2", "0")


def signs(place: Place) -> Iterator[Proposal]:
    """a - b for a + b, b - a, and minus the whole."""
    node = place.node
    if place.is_target:
        return
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield Proposal(made("A - B", node, A=left, B=right), SIGN, f"{text_of(right)} is subtracted", 1.5)
            yield Proposal(made("B - A", node, A=left, B=right), SIGN, f"{text_of(left)} is subtracted", 2.5)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield Proposal(made("A + B", node, A=left, B=right), SIGN, f"{text_of(right)} is added", 1.5)
            new = made("B - A", node, A=left, B=right)
            cost = 1.5 if isinstance(left, ast.Constant) else 1.0  # 1 - z is as the textbook has it
            yield Proposal(new, SIGN, f"{text_of(new)} in place of {text_of(node)}: the other sign", cost)
        case ast.UnaryOp(op=ast.USub(), operand=inner) if not isinstance(inner, ast.Constant):
            yield Proposal(inner, SIGN, f"{text_of(inner)} without the minus", 1.0)
    if place.is_whole and isinstance(node, ast.expr) and not isinstance(node, ast.Constant):
        if isinstance(place.statement, (ast.Assign, ast.AugAssign, ast.Return)):
            yield Proposal(made("-A", node, A=node), SIGN, f"the sign of {text_of(node)} is the other", 2.0)


def fewer(place: Place) -> Iterator[Proposal]:
    """One of two terms, or of two factors."""
    node = place.node
    if place.is_target or not isinstance(node, ast.BinOp):
        return
    if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and not place.shape_of(node.left):
        yield Proposal(node.left, FACTOR, f"{text_of(node.left)} in place of {text_of(node)}", 2.0)
    if not isinstance(node.op, (*ADDING, ast.Mult, ast.Div, ast.MatMult)):
        return
    if derivative_factor(place) and isinstance(node.op, ast.Sub):
        return
    for kept, lost in ((node.left, node.right), (node.right, node.left)):
        if isinstance(node.op, ast.Div) and kept is node.right:
            continue
        if isinstance(kept, ast.Constant) or (place.slot.parent is place.statement and text_of(kept) in place.targets):
            continue
        yield Proposal(kept, _kind_of_lost(node, lost, place), f"{text_of(lost)} does not belong to it", 2.0)


def regrouped(place: Place) -> Iterator[Proposal]:
    """a * (b + c) for a * b + c, and the reverse: what a factor applies to."""
    node = place.node
    match node:
        case ast.BinOp(left=ast.BinOp(left=a, op=ast.Mult(), right=b), op=ast.Add(), right=c):
            ways = (("A * (B + C)", a, b, c), ("(A + C) * B", a, b, c))
        case ast.BinOp(left=c, op=ast.Add(), right=ast.BinOp(left=a, op=ast.Mult(), right=b)):
            ways = (("A * (C + B)", a, b, c), ("(C + A) * B", a, b, c))
        case ast.BinOp(left=a, op=ast.Mult(), right=ast.BinOp(left=b, op=ast.Add(), right=c)):
            ways = (("A * B + C", a, b, c), ("B + A * C", a, b, c))
        case ast.BinOp(left=ast.BinOp(left=b, op=ast.Add(), right=c), op=ast.Mult(), right=a):
            ways = (("B * A + C", a, b, c), ("B + C * A", a, b, c))
        case _:
            return
    if any(place.shape_of(one) for one in (b, c)):
        for form, a, b, c in ways:
            new = made(form, node, A=a, B=b, C=c)
            kind = DERIVATIVE if _is_derivative(a) or _is_derivative(b) else OPERAND
            yield Proposal(new, kind, f"{text_of(new)} in place of {text_of(node)}", 2.0)


def alone(place: Place) -> Iterator[Proposal]:
    """One of three factors and more: a derivative that the loss has cancelled, of two factors."""
    node = place.node
    if place.is_target or not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return
    outer = place.slot.parent
    factors = list(_product(node))
    if len(factors) < 3 or (isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Mult) and outer.left is node):
        return
    for kept in factors:
        if not isinstance(kept, ast.Constant):
            kind = DERIVATIVE if any(_is_derivative(one) for one in factors if one is not kept) else OPERAND
            yield Proposal(kept, kind, f"of {text_of(node)} only {text_of(kept)} belongs to it", 2.5)


def sigmoid_for_tanh(place: Place) -> Iterator[Proposal]:
    """1 - n ** 2 for the two factors n * (1 - n), wherever they stand in a product, or neither of them."""
    node = place.node
    if place.is_target or not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return
    outer = place.slot.parent
    if isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Mult) and outer.left is node:
        return
    factors = list(_product(node))
    texts = [text_of(one) for one in factors]
    for k, text in enumerate(texts):
        for rest in (f"1 - {text}", f"1.0 - {text}"):
            if rest in texts and len(factors) > 2:
                others = [one for j, one in enumerate(factors) if j not in (k, texts.index(rest))]
                new, *rest_of_them = others
                for one in rest_of_them:
                    new = made("A * B", node, A=new, B=one)
                yield Proposal(new, DERIVATIVE, f"{text} * (1 - {text}) does not belong to it", 2.0)
                new = made("A * (1 - B ** 2)", node, A=new, B=factors[k])
                yield Proposal(new, DERIVATIVE, f"1 - {text} ** 2, the derivative of tanh, not the sigmoid's", 1.5)


def _product(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from _product(node.left)
        yield node.right
    else:
        yield node


def errors(place: Place) -> Iterator[Proposal]:
    """Probability minus target, in place of whatever is computed of both: what softmax and cross entropy leave."""
    node = place.node
    shapes = place.shape_of(node)
    if not place.suspicious or place.is_target or not shapes:
        return
    if not isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Name, ast.Subscript, ast.Attribute)):
        return
    names = {text_of(one) for one in ast.walk(node) if isinstance(one, (ast.Name, ast.Subscript, ast.Attribute))}
    if any(place.is_backward(text) and place.material.arrays.get(text) for text in names):
        return
    known = [text for text in place.material.of_shape(shapes) if not text.endswith(".T")]
    for first, second in itertools.permutations(known, 2):
        if names & {first, second}:
            new = made("A - B", node, A=first, B=second)
            yield Proposal(new, OUTPUT_DELTA, f"{text_of(new)} in place of {text_of(node)}", 3.5)


def _kind_of_lost(node: ast.BinOp, lost: ast.expr, place: Place) -> str:
    if isinstance(node.op, ADDING):
        return BRANCH
    shapes = place.shape_of(lost)
    if isinstance(node.op, ast.Div) or isinstance(lost, ast.Constant) or (not shapes and not _has_arrays(lost, place)):
        return FACTOR
    return DERIVATIVE if _is_derivative(lost) else OPERAND


def _is_derivative(node: ast.expr) -> bool:
    text = text_of(node)
    return "1 - " in text or "1.0 - " in text or "deriv" in text or "prime" in text


def _has_arrays(node: ast.expr, place: Place) -> bool:
    """Whether it reads arrays, and not their sizes alone."""
    return not SIZE.search(text_of(node)) and any(
        place.shape_of(inner) for inner in ast.walk(node) if isinstance(inner, ast.expr)
    )


def more_terms(place: Place) -> Iterator[Proposal]:
    """A further term: a name of the same shape, or a product with a weight."""
    node = place.node
    if place.is_target or not _is_summand(place):
        return
    shapes = place.shapes.get(node) or place.shape_of(node)
    if not shapes:
        return
    inside = {text_of(inner) for inner in ast.walk(node) if isinstance(inner, ast.expr)}
    for text in place.material.of_shape(shapes):
        if text not in inside:
            kind = CARRY if _is_carried(text, place) else BRANCH
            new = made("A + B", node, A=node, B=text)
            yield Proposal(new, kind, f"{text} was left out: {text_of(new)}", 2.0 if kind == CARRY else 2.5)
    if place.is_whole:
        for text in products_of_shape(place, shapes):
            if text not in inside:
                new = made("A + B", node, A=node, B=text)
                yield Proposal(new, BRANCH, f"{text} was left out", 4.0)
        for text in _elementwise_products(place, shapes) if place.suspicious else ():
            if text not in inside:
                yield Proposal(made("A + B", node, A=node, B=text), BRANCH, f"{text} was left out", 4.5)


def _elementwise_products(place: Place, shapes: set[tuple[int, ...]]) -> Iterator[str]:
    """An adjoint times a gate, or times one minus it: a path that was left out."""
    names = [text for text in place.material.of_shape(shapes) if not text.endswith(".T") and text.count("[") < 2]
    masks = [text for text in _spread_over(place, shapes) if text.count("[") < 2]
    for adjoint in filter(place.is_backward, names):
        for gate in (*names, *masks):
            if gate != adjoint and not (place.is_backward(gate) and gate > adjoint):
                yield f"{adjoint} * {gate}"
            if gate != adjoint:
                yield f"{adjoint} * (1 - {gate})"


def products_of_shape(place: Place, shapes: set[tuple[int, ...]]) -> Iterator[str]:
    """Products of an array with a matrix that have one of these shapes."""
    arrays = place.material.arrays
    matrices = [text for text, known in arrays.items() if any(len(s) == 2 and s[0] > 1 and s[1] > 1 for s in known)]
    for matrix in matrices:
        if matrix.endswith(".T") or place.is_backward(matrix) or not arrays[matrix] & place.parameters:
            continue
        for other, known in arrays.items():
            if other == matrix or other.endswith(".T") or not place.is_backward(other):
                continue
            for turned in (f"{matrix}.T", matrix):
                for m in arrays[matrix]:
                    if len(m) != 2:
                        continue
                    shape = m[::-1] if turned.endswith(".T") else m
                    for one in known:
                        if shape_of_product("@", one, shape) in shapes:
                            yield f"{other} @ {turned}"
                        if shape_of_product("@", shape, one) in shapes:
                            yield f"{turned} @ {other}"


def like_another(place: Place) -> Iterator[Proposal]:
    """A further term that is made as one of the others is, of another gate: dot(do, Wo.T) beside dot(df, Wf.T)."""
    node = place.node
    outer = place.slot.parent
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        term = node.right
    elif isinstance(outer, ast.AugAssign) and isinstance(outer.op, ast.Add) and outer.value is node:
        term = node
    else:
        return
    found = product_of(term)
    if not found or (isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Add)):
        return
    arrays = place.material.arrays
    reads = [one for side in found[1:] for one in ast.walk(side) if isinstance(one, READ) and arrays.get(text_of(one))]
    deltas = [text_of(one) for one in reads if place.is_backward(text_of(one))]
    weights = [one for one in map(text_of, reads) if place.is_weight(one)]
    inside = {text_of(one) for one in ast.walk(node) if isinstance(one, READ)}
    for delta, weight in itertools.product(dict.fromkeys(deltas), dict.fromkeys(weights)):
        for other in place.material.of_shape(arrays[weight]):
            if other in inside or not place.is_weight(other) or other.endswith(".T"):
                continue
            for given in place.material.of_shape(arrays[delta]):
                if place.is_backward(given) and given not in inside and not given.endswith(".T"):
                    others = {weight: other, delta: given}
                    new = replaced(
                        term,
                        lambda one, others=others: isinstance(one, READ) and text_of(one) in others,
                        lambda one, others=others: made(others[text_of(one)], one),
                    )
                    yield Proposal(made("A + B", node, A=node, B=new), BRANCH, f"{text_of(new)} was left out", 2.5)


def of_all_gates(place: Place) -> Iterator[Proposal]:
    """What all gates give back together, where it is missing: delta_i @ U_i.T + delta_f @ U_f.T + ..."""
    node = place.node
    shapes = place.shapes.get(node) or place.shape_of(node)
    if place.is_target or not shapes or not _is_summand(place):
        return
    for text in sums_over_gates(place, shapes):
        new = made("A + B", node, A=node, B=text)
        yield Proposal(new, CARRY, f"{text} was left out", 3.0)
        if place.slot.parent is place.statement:
            yield Proposal(made(text, node), CARRY, f"{text} in place of {text_of(node)}", 3.5)


def sums_over_gates(place: Place, shapes: set[tuple[int, ...]]) -> Iterator[str]:
    """Sums of products of a delta with a weight of the same gate, one for each way to write the product."""
    arrays = place.material.arrays
    weights = [
        text
        for text, known in arrays.items()
        if known & place.parameters and not place.is_backward(text) and not text.endswith(".T")
        if any(len(shape) == 2 and min(shape) > 1 for shape in known)
    ]
    deltas = [text for text in arrays if place.is_backward(text) and not text.endswith(".T")]
    pairs = [(d, w) for w in weights for d in deltas if _gate(d) and _gate(d) == _gate(w)]
    found: dict[tuple[str, str], dict[str, str]] = {}
    for delta, weight in pairs:
        for form, turned in (("{d} @ {w}.T", True), ("{w}.T @ {d}", True), ("{d} @ {w}", False), ("{w} @ {d}", False)):
            for m in arrays[weight]:
                for one in arrays[delta]:
                    shape = m[::-1] if turned else m
                    pair = (one, shape) if form.startswith("{d}") else (shape, one)
                    if len(m) == 2 and shape_of_product("@", *pair) in shapes:
                        family = form, f"{_without_gate(delta)} {_without_gate(weight)}"
                        found.setdefault(family, {})[_gate(delta)] = form.format(d=delta, w=weight)
    for terms in found.values():
        if len(terms) > 1:
            yield " + ".join(terms.values())


def _gate(text: str) -> str:
    """The last letters of a name: 'i' of delta_i, of self.U_i, of dW["i"] and of Wi."""
    letters = text.rstrip("]'\"")
    return letters.rpartition("_")[2][-1:] if letters else ""


def _without_gate(text: str) -> str:
    return text.rstrip("]'\"")[:-1]


def _is_summand(place: Place) -> bool:
    """Whether something could be added here: the whole value of a statement, a factor in brackets, an argument."""
    parent = place.slot.parent
    if place.is_whole:
        return True
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Mult, ast.MatMult)):
        return True
    return isinstance(parent, ast.Call) and place.node in parent.args


def _is_carried(text: str, place: Place) -> bool:
    """Whether a name comes from the step before in the loop: it is assigned in it, after this statement."""
    return any(word in text.lower() for word in ("next", "carr", "prev", "future"))


def factors(place: Place) -> Iterator[Proposal]:
    """A constant or a size as a further factor, an array as one."""
    node = place.node
    if place.is_target or not place.is_whole or isinstance(node, ast.Constant):
        return
    shapes = place.shapes.get(node) or place.shape_of(node)
    if not shapes:
        return
    sizes = place.sizes
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not isinstance(node.right, ast.Constant):
        for size in sizes:
            new = made(f"A / (B * {size})", node, A=node.left, B=node.right)
            yield Proposal(new, FACTOR, f"divided by {size} as well", 2.9)
    for constant in CONSTANTS[:2]:
        yield Proposal(made(f"A * {constant}", node, A=node), FACTOR, f"times {constant}", 3.0)
    for size in sizes:
        yield Proposal(made(f"A / {size}", node, A=node), FACTOR, f"divided by {size}", 3.0)
        yield Proposal(made(f"A * {size}", node, A=node), FACTOR, f"times {size}", 3.5)
    inside = {text_of(one) for one in ast.walk(node) if isinstance(one, (ast.Name, ast.Attribute))}
    for text in sorted(inside & set(place.material.arrays)):
        if not text.endswith(".T"):
            yield Proposal(made(f"A / {text}.size", node, A=node), FACTOR, f"divided by {text}.size", 3.5)
    for one, other in itertools.combinations(filter(str.isidentifier, sizes), 2):
        new = made(f"A / ({one} * {other})", node, A=node)
        yield Proposal(new, FACTOR, f"divided by {one} * {other}", 4.5)
    for shape in shapes:
        if shape:
            owner = next(iter(place.material.of_shape({shape})), None)
            if owner:
                for axis in range(len(shape)):
                    yield Proposal(made(f"A / {owner}.shape[{axis}]", node, A=node), FACTOR, "divided by a size", 4.5)


def factors_of_numbers(place: Place) -> Iterator[Proposal]:
    """One more size in `dy /= B`, where an array is scaled in place, and in `scale = 1 / B`."""
    node, statement = place.node, place.statement
    if place.is_target or place.slot.parent is not statement or place.shape_of(node) or text_of(node) in place.targets:
        return
    match statement:
        case ast.AugAssign(op=ast.Div()):
            form, parts = "A * {size}", {"A": node}
        case ast.AugAssign(op=ast.Mult()):
            form, parts = "A / {size}", {"A": node}
        case ast.Assign(value=ast.BinOp(left=left, op=ast.Div(), right=right)) if SIZED.search(text_of(right)):
            form, parts = "A / (B * {size})", {"A": left, "B": right}
        case _:
            return
    for size in place.sizes:
        new = made(form.format(size=size), node, **parts)
        yield Proposal(new, FACTOR, f"{text_of(new)}: divided by {size} as well", 2.0)


def array_factors(place: Place) -> Iterator[Proposal]:
    """An array of the same shape as a further factor: a gate that was left out."""
    node = place.node
    if place.is_target or not isinstance(node, (ast.Name, ast.Subscript, ast.Attribute, ast.BinOp, ast.Call)):
        return
    parent = place.slot.parent
    among = isinstance(parent, ast.BinOp) and isinstance(parent.op, (*ADDING, ast.Mult, ast.MatMult, ast.Div))
    if not (place.is_whole or place.is_multiplied or among or isinstance(parent, (ast.GeneratorExp, ast.ListComp))):
        return
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Mult, ast.Div)) and node is parent.right:
        return
    shapes = place.shapes.get(node) or place.shape_of(node)
    if not shapes:
        return
    inside = text_of(node)
    if place.is_whole or (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div)):
        for text in _spread_over(place, shapes):
            for form, says in (("A * B", text), ("A * (1 - B)", f"1 - {text}")):
                new = made(form, node, A=node, B=text)
                yield Proposal(new, FACTOR, f"the factor {says} was missing: {text_of(new)}", 3.5)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div):
        return
    for text in place.material.of_shape(shapes):
        if text != inside and not place.is_backward(text):
            new = made("A * B", node, A=node, B=text)
            yield Proposal(new, OPERAND, f"the factor {text} was missing: {text_of(new)}", 3.0)
            new = made("A * (1 - B)", node, A=node, B=text)
            kind = DERIVATIVE if text in _factors(node) else OPERAND
            yield Proposal(new, kind, f"the factor 1 - {text} was missing: {text_of(new)}", 3.5)


def _spread_over(place: Place, shapes: set[tuple[int, ...]]) -> Iterator[str]:
    """Arrays of the forward pass that NumPy spreads over one of these shapes: weights of the steps, a mask."""
    for text, known in place.material.arrays.items():
        if place.is_backward(text) or text.endswith(".T"):
            continue
        for one in known:
            spread = one not in shapes and one.count(1) < len(one)
            if spread and any(shape_of_product("*", one, shape) == shape for shape in shapes):
                yield text
                break


def _factors(node: ast.expr) -> set[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _factors(node.left) | _factors(node.right)
    return {text_of(node)}


def constants(place: Place) -> Iterator[Proposal]:
    node = place.node
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        return
    if any(isinstance(parent, (ast.Slice, ast.Subscript)) for parent in place.parents()):
        return
    kind = ACCUMULATION if isinstance(place.statement, (ast.For, ast.If, ast.While)) else FACTOR
    old = node.value
    others = (old + 1, old - 1, 2 * old, old / 2, -old, 0, 1, 2)
    for value in dict.fromkeys(int(one) if isinstance(one, float) and one == int(one) else one for one in others):
        if value != old:
            yield Proposal(made(repr(value), node), kind, f"{value} in place of {old}", 3.0)


def numbers(place: Place) -> Iterator[Proposal]:
    """Another size."""
    node = place.node
    text = text_of(node)
    is_length = isinstance(node, ast.Call) and text.startswith("len(")
    if place.is_target or isinstance(node, ast.Constant) or not (is_length or text in place.material.numbers):
        return
    if text in place.counters:
        return
    if any(
        isinstance(parent, (ast.Subscript, ast.For)) for parent in place.parents() if not isinstance(parent, ast.For)
    ):
        return
    for other in place.sizes:
        if other != text:
            yield Proposal(made(other, node), FACTOR, f"{other} in place of {text}", 2.5)
    if text.endswith(".size"):
        names = [one for one in place.material.numbers if one.isidentifier() and one not in place.counters]
        for one, other in itertools.combinations(names, 2):
            yield Proposal(made(f"{one} * {other}", node), FACTOR, f"{one} * {other} in place of {text}", 3.0)
    for other in place.material.arrays:
        if is_length and other != text_of(node.args[0]) and "." not in other.removeprefix("self."):
            yield Proposal(made(f"len({other})", node), FACTOR, f"len({other}) in place of {text}", 3.0)


TEMPLATES = (
    numbers,
    signs,
    fewer,
    regrouped,
    alone,
    errors,
    sigmoid_for_tanh,
    more_terms,
    like_another,
    of_all_gates,
    factors,
    factors_of_numbers,
    array_factors,
    constants,
)
