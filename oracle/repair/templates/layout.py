"""Transposes, the order of operands, which product, which part of a stacked array."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from oracle.kinds import ACCUMULATION, BRANCH, CARRY, LAYOUT, OPERAND, OUTPUT_DELTA, TIME_INDEX, TRANSPOSED
from oracle.repair.place import (
    JOINS,
    Place,
    Proposal,
    index_text,
    is_transposed,
    made,
    product,
    product_of,
    shape_of_product,
    text_of,
    transposed,
)

READABLE = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)


def _kind(place: Place, *operands: ast.AST) -> str:
    bare = [is_transposed(one) or one for one in operands]
    if {text_of(one) for one in bare} & place.recurrent:
        return TRANSPOSED
    # the block of a gate in a matrix for all of them
    return TRANSPOSED if any(_is_square_block(place, one) for one in bare) else LAYOUT


def _is_square_block(place: Place, node: ast.AST) -> bool:
    if not isinstance(node, ast.Subscript) or not any(isinstance(one, ast.Slice) for one in ast.walk(node.slice)):
        return False
    whole = place.shape_of(node.value)
    return bool(whole & place.parameters) and any(len(one) == 2 and one[0] == one[1] for one in place.shape_of(node))


def transposes(place: Place) -> Iterator[Proposal]:
    """X for X.T and X.T for X, in a product."""
    node = place.node
    parent = place.slot.parent
    found = product_of(parent)
    if not isinstance(node, READABLE) or is_transposed(parent) is node or place.is_target:
        return
    if not found and not isinstance(parent, (ast.BinOp, ast.Assign, ast.AugAssign, ast.Return, ast.Tuple, ast.Dict)):
        return
    axes = {len(shape) for shape in place.shape_of(node)}
    if (axes and max(axes) < 2) or text_of(node) in place.material.numbers:
        return
    inner = is_transposed(node)
    kind = _kind(place, node)
    cost = 1.0 if found and node in found[1:] else 3.0
    if inner is not None:
        yield Proposal(inner, kind, f"{text_of(inner)} is used as it is, not transposed", cost)
    elif found or not axes or max(axes) == 2:
        yield Proposal(transposed(node), kind, f"{text_of(node)} is transposed", cost)


def products(place: Place) -> Iterator[Proposal]:
    """The other products of the same two operands: their orders, transposes, and element by element."""
    node = place.node
    found = product_of(node)
    if found is None and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        found = "*", node.left, node.right
    if found is None:
        return
    how, left, right = found
    wanted = place.shape_of(node)
    others = ("@", "*") if how in ("@", "*") else (how, "*", "dot", "outer")
    pairs = [(left, right), (right, left)]
    if any(isinstance(one, ast.Constant) or text_of(one) in place.material.numbers for one in (left, right)):
        return
    old = text_of(node)
    for other, (a, b) in itertools.product(dict.fromkeys(others), pairs):
        for first, second in itertools.product((a, transposed(a)), (b, transposed(b))):
            if other == "*" and ((a, b) != pairs[0] or first is not a):
                continue
            if not _fits(place, other, first, second, wanted):
                continue
            new = product(other, first, second, node)
            changes = (other != how) + (first not in (a,)) + (second not in (b,)) + ((a, b) != pairs[0])
            if changes and text_of(new) != old:
                says = f"{text_of(new)} in place of {old}"
                if other != how:
                    says += ": an elementwise product" if other == "*" else ": a matrix product"
                yield Proposal(new, _kind(place, left, right), says, 1.0 + 0.5 * changes)


def _fits(place: Place, how: str, first: ast.expr, second: ast.expr, wanted: set[tuple[int, ...]]) -> bool:
    """False where it is known that NumPy would raise, or that another shape would come out."""
    shapes = [_shapes(place, one) for one in (first, second)]
    if not all(shapes):
        return True
    results = {shape_of_product(how, a, b) for a, b in itertools.product(*shapes)} - {None}
    return bool(results) and (not wanted or bool(results & wanted) or not place.shapes.get(place.node))


def _shapes(place: Place, node: ast.expr) -> set[tuple[int, ...]]:
    known = place.shape_of(node)
    if known:
        return known
    inner = is_transposed(node)
    return {shape[::-1] for shape in place.shape_of(inner)} if inner is not None else set()


def times_matrix(place: Place) -> Iterator[Proposal]:
    """A factor that was left out: delta -> delta @ W.T."""
    node = place.node
    shapes = place.shape_of(node)
    if place.is_target or not isinstance(node, (*READABLE, ast.BinOp)) or not shapes:
        return
    if (
        not (place.is_whole or isinstance(place.slot.parent, ast.BinOp))
        or product_of(place.slot.parent)
        or max(map(len, shapes)) not in (1, 2)
    ):
        return
    wanted = shapes
    for text in place.material.arrays:
        if text == text_of(node):
            continue
        matrices = {shape for shape in place.material.arrays[text] if len(shape) == 2}
        for matrix in matrices:
            for turned in (False, True):
                factor = made(f"{text}.T" if turned else text, node)
                shape = matrix[::-1] if turned else matrix
                for one in shapes:
                    if shape_of_product("@", one, shape) in wanted:
                        yield _missing(node, product("@", node, factor, node), text, place)
                    if shape_of_product("@", shape, one) in wanted:
                        yield _missing(node, product("@", factor, node, node), text, place)


def _missing(node: ast.expr, new: ast.expr, text: str, place: Place) -> Proposal:
    later = any(f"{counter} + 1" in text_of(node) for counter in place.counters)  # from the step after
    kind = CARRY if text in place.recurrent or later else OPERAND
    return Proposal(new, kind, f"{text_of(new)} in place of {text_of(node)}: {text} was left out", 3.0)


def slices(place: Place) -> Iterator[Proposal]:
    """Another part of a stacked array: one that the function takes elsewhere, or the one beside it."""
    node = place.node
    if not isinstance(node, ast.Subscript) or place.is_target:
        return
    if not any(isinstance(inner, ast.Slice) for inner in ast.walk(node.slice)):
        return
    old = index_text(node.slice)
    seen = {old}
    for other in ast.walk(place.definition.statement):
        if isinstance(other, ast.Subscript) and any(isinstance(inner, ast.Slice) for inner in ast.walk(other.slice)):
            text = index_text(other.slice)
            if text not in seen and text.count(",") == old.count(","):
                seen.add(text)
                yield _sliced(node, text, 1.5)
    for text in _turned(node.slice):
        if text not in seen:
            seen.add(text)
            yield _sliced(node, text, 2.0)


def reshapes(place: Place) -> Iterator[Proposal]:
    """A transpose for a reshape, and the axes of a reshape in their order: (N, T, H) is not (T, N, H) turned."""
    match place.node:
        case ast.Call(func=ast.Attribute(value=inner, attr="reshape"), args=sizes):
            turned = ""
        case ast.Call(
            func=ast.Attribute(
                value=ast.Call(func=ast.Attribute(value=inner, attr="reshape"), args=sizes),
                attr="transpose" | "swapaxes" as turned,
            )
        ):
            pass
        case ast.Attribute(value=ast.Call(func=ast.Attribute(value=inner, attr="reshape"), args=sizes), attr="T"):
            turned = "T"
        case _:
            return
    old = text_of(place.node)
    if isinstance(inner, ast.Call) and JOINS.search(text_of(inner.func)) and len(inner.args) == 1:
        for axis in (0, 1, -1):
            new = made(f"np.concatenate(A, axis={axis})", place.node, A=inner.args[0])
            yield Proposal(new, LAYOUT, f"{text_of(new)} in place of {old}: joined along another axis", 2.0)
    if not turned and not (isinstance(inner, ast.Name) and inner.id in ("np", "numpy")):
        for new in (transposed(inner), inner):
            yield Proposal(new, LAYOUT, f"{text_of(new)} in place of {old}: another order of the elements", 1.5)
    if 1 < len(sizes) < 4:
        for order in itertools.permutations(sizes):
            text = ", ".join(map(text_of, order))
            new = made(f"A.reshape({text})", place.node, A=inner)
            if text_of(new) != old:
                yield Proposal(new, LAYOUT, f"{text_of(new)} in place of {old}: another order of the elements", 2.0)
        if len(sizes) == 2 and not turned:
            new = made(f"A.reshape({text_of(sizes[1])}, {text_of(sizes[0])}).T", place.node, A=inner)
            yield Proposal(new, LAYOUT, f"{text_of(new)} in place of {old}: transposed, not reshaped", 1.5)


def turned(place: Place) -> Iterator[Proposal]:
    """The axes in another order, of more than two: x.transpose(1, 0, 2) as it is, and x before it is reshaped."""
    match place.node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name), args=[inner, *_]):
            pass
        case ast.Call(func=ast.Attribute(value=inner, attr=name)):
            pass
        case _:
            return
    old = text_of(place.node)
    if name in ("transpose", "swapaxes", "moveaxis"):
        yield Proposal(inner, LAYOUT, f"{text_of(inner)} in place of {old}: its axes stay in their order", 1.5)
    elif name == "reshape" and any(len(shape) == 3 for shape in place.shape_of(inner)):
        first = made("A.swapaxes(0, 1)", place.node, A=inner)
        nodes = [first if one is inner else one for one in place.node.args]
        if len(nodes) > 1 and nodes[0] is first:
            new = made("np.reshape(A, B)", place.node, A=first, B=nodes[1])
        else:
            new = made("A.reshape()", place.node, A=first)
            new.args = list(place.node.args)
        yield Proposal(new, LAYOUT, f"{text_of(new)} in place of {old}: another order of the elements", 2.5)


def zeros(place: Place) -> Iterator[Proposal]:
    """A part of an array in place of zeros: the one beside a part that is taken."""
    node = place.node
    if not isinstance(node, ast.Call) or not text_of(node.func).endswith(("zeros", "zeros_like")):
        return
    for other in ast.walk(place.definition.statement):
        if isinstance(other, ast.Subscript) and isinstance(other.ctx, ast.Load) and _has_slice(other):
            for text in sorted({index_text(other.slice), *_turned(other.slice)}):
                new = made(f"A[{text}]", node, A=other.value)
                yield Proposal(new, BRANCH, f"{text_of(new)} in place of {text_of(node)}", 3.0)


def whole(place: Place) -> Iterator[Proposal]:
    """Both operands of a product as a whole where only a part of each counts."""
    node = place.node
    if place.is_target:
        return
    if isinstance(node, ast.Call):  # np.einsum("tnh,tni->hi", delta[1:], x[:-1])
        whole = [one.value if isinstance(one, ast.Subscript) and _has_slice(one) else one for one in node.args]
        if sum(one is not old for one, old in zip(whole, node.args)) > 1:
            new = ast.copy_location(ast.Call(func=node.func, args=whole, keywords=node.keywords), node)
            yield Proposal(new, TIME_INDEX, f"{text_of(new)} in place of {text_of(node)}: all steps count", 2.0)
    found = product_of(node)
    if found is None:
        return
    how, left, right = found
    bare = [is_transposed(one) or one for one in (left, right)]
    if all(isinstance(one, ast.Subscript) and _has_slice(one) for one in bare):  # of all gates, and not of one
        factors = [one.value if one in (left, right) else transposed(one.value) for one in bare]
        new = product(how, *factors, node)
        yield Proposal(new, BRANCH, f"{text_of(new)} in place of {text_of(node)}: all parts count", 2.0)
    inner = is_transposed(left)
    if isinstance(inner, ast.Subscript) and isinstance(right, ast.Subscript):  # of one step
        if all(any(len(one) == 3 for one in place.shape_of(each.value)) for each in (inner, right)):
            new = made("np.tensordot(A, B, axes=([0, 1], [0, 1]))", node, A=inner.value, B=right.value)
            yield Proposal(new, ACCUMULATION, f"{text_of(new)} in place of {text_of(node)}: all steps count", 2.0)


def _has_slice(node: ast.Subscript) -> bool:
    return any(isinstance(inner, ast.Slice) for inner in ast.walk(node.slice))


def _sliced(node: ast.Subscript, text: str, cost: float) -> Proposal:
    new = made(f"A[{text}]", node, A=node.value)
    says = f"{text_of(new)} in place of {text_of(node)}"
    if "," in text:
        return Proposal(new, LAYOUT, f"{says}: another part of the array", cost)
    if text == ":":
        return Proposal(new, ACCUMULATION, f"{says}: all of it counts", cost)
    return Proposal(new, TIME_INDEX, f"{says}: other steps", cost)


def _turned(index: ast.expr) -> Iterator[str]:
    """`:n` for `n:` and the reverse; a bound one more or less."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    for k, part in enumerate(parts):
        if not isinstance(part, ast.Slice):
            continue
        lower = text_of(part.lower) if part.lower else ""
        upper = text_of(part.upper) if part.upper else ""
        step = f":{text_of(part.step)}" if part.step else ""
        others = {f"{upper}:{lower}{step}", f":{step}", f"1:{step}", f":-1{step}", f"{lower}:{upper}"}
        if not step and not lower and not upper:
            others.add("::-1")
        for bound, where in ((part.lower, 0), (part.upper, 1)):
            if bound is not None:
                for by in ("+ 1", "- 1"):
                    changed = f"{text_of(bound)} {by}"
                    others.add(f"{changed}:{upper}{step}" if where == 0 else f"{lower}:{changed}{step}")
        for other in sorted(others):
            yield ", ".join(other if j == k else text_of(one) for j, one in enumerate(parts))


def rows_as_elsewhere(place: Place) -> Iterator[Proposal]:
    """dy[labels, cols] -= 1 for dy[labels] -= 1, where p[labels, cols] is read: one element of each sample."""
    node, statement = place.node, place.statement
    if not isinstance(node, ast.Subscript) or not isinstance(statement, ast.AugAssign) or statement.target is not node:
        return
    now = text_of(node.slice)
    known: dict[str, ast.Tuple] = {}
    for other in ast.walk(place.definition.statement):
        if isinstance(other, ast.Subscript) and isinstance(other.slice, ast.Tuple):
            if now in map(text_of, other.slice.elts):
                known.setdefault(text_of(other.slice), other.slice)
    for index in known.values():
        new = ast.copy_location(ast.Subscript(value=node.value, slice=index, ctx=node.ctx), node)
        kind = OUTPUT_DELTA if isinstance(statement.value, ast.Constant) else ACCUMULATION
        yield Proposal(new, kind, f"{text_of(new)} in place of {text_of(node)}", 1.5)


TEMPLATES = (rows_as_elsewhere, transposes, products, times_matrix, slices, reshapes, turned, zeros, whole)
