"""One thing taken for another more than once: in one statement, or in all lines of a loop."""

from __future__ import annotations

import ast
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping

from oracle.kinds import ACCUMULATION, DERIVATIVE, INJECTION, LAYOUT, OPERAND, TIME_INDEX, TRANSPOSED
from oracle.repair.loops import counter_of
from oracle.repair.material import READ
from oracle.repair.place import (
    Place,
    Proposal,
    Rearranged,
    index_text,
    is_transposed,
    made,
    product_of,
    replaced,
    text_of,
    transposed,
)
from oracle.rewriting import copied

MOST_INDICES = 3  # of which all are tried
MOST_UNPACKED = 4  # names whose other orders are tried
MOST_JOINED = 5  # whose other orders are tried
MOST_PAIRS = 60  # of things in a line that are exchanged
SIMPLE = (ast.Assign, ast.AugAssign, ast.Return, ast.Expr)


def names(place: Place) -> Iterator[Proposal]:
    """z for r in z * (1 - z): both at once."""
    node = place.node
    if not isinstance(node, SIMPLE):
        return
    counts = Counter(
        text_of(inner)
        for inner in ast.walk(node)
        if isinstance(inner, READ) and isinstance(inner.ctx, ast.Load) and place.shape_of(inner)
    )
    for old, times in counts.items():
        if times < 2:
            continue
        for text in place.material.of_shape(place.material.arrays.get(old, set())):
            if text != old:
                new = replaced(node, lambda one, old=old: _is(one, old), lambda one, text=text: made(text, one))
                kind = TIME_INDEX if old.partition("[")[0] == text.partition("[")[0] else OPERAND
                yield Proposal([new], kind, f"{text} in place of {old}, {times} times", 2.0)


def functions(place: Place) -> Iterator[Proposal]:
    """A name as it is, for what a function makes of it, wherever it does: r * (1 - r) for f(r) * (1 - f(r))."""
    node = place.node
    if not isinstance(node, SIMPLE):
        return
    calls = Counter(
        text_of(one)
        for one in ast.walk(node)
        if isinstance(one, ast.Call) and len(one.args) == 1 and isinstance(one.args[0], READ) and not one.keywords
        if place.shapes.get(one) and place.shapes.get(one) == place.shape_of(one.args[0])
    )
    for old, times in calls.items():
        if times > 1:
            new = replaced(
                node,
                lambda one, old=old: isinstance(one, ast.Call) and text_of(one) == old,
                lambda one: one.args[0],
            )
            says = f"what {old} is made of, {times} times: the function is applied already"
            yield Proposal([new], DERIVATIVE, says, 2.0)


def exchanged(place: Place) -> Iterator[Proposal]:
    """Two things of one shape in each other's place: U_z and U_r in a sum, two gates that are joined, two results."""
    node = place.node
    if not isinstance(node, SIMPLE):
        return
    read = [one for one in ast.walk(node) if isinstance(one, READ) and isinstance(one.ctx, ast.Load)]
    texts = Counter(map(text_of, read))
    single = {text_of(one): place.shape_of(one) for one in read if texts[text_of(one)] == 1 and place.shape_of(one)}
    for one, other in itertools.islice(itertools.combinations(single, 2), MOST_PAIRS):
        alike = single[one] & single[other] or isinstance(node, ast.Return)
        if alike and one not in other and other not in one:
            turned = {one: other, other: one}
            new = replaced(
                node,
                lambda inner, turned=turned: any(_is(inner, text) for text in turned),
                lambda inner, turned=turned: made(turned[text_of(inner)], inner),
            )
            yield Proposal([new], OPERAND, f"{one} and {other} in each other's place", 2.0)


def reordered(place: Place) -> Iterator[Proposal]:
    """One of several gates that are joined in another place among them: [di, df, do, dg] for [dg, di, df, do]."""
    node = place.node
    if place.is_target or not isinstance(node, (ast.List, ast.Tuple)) or not 2 < len(node.elts) <= MOST_JOINED:
        return
    shapes = [place.shape_of(one) for one in node.elts]
    if not all(one & shapes[0] for one in shapes):
        return
    for taken, put in itertools.permutations(range(len(node.elts)), 2):
        if abs(taken - put) > 1:  # of two beside each other it is an exchange
            rest = [one for one in node.elts if one is not node.elts[taken]]
            rest.insert(put, node.elts[taken])
            new = ast.copy_location(type(node)(elts=rest, ctx=node.ctx), node)
            yield Proposal(new, LAYOUT, f"{text_of(new)} in place of {text_of(node)}: in another order", 2.5)
    new = ast.copy_location(type(node)(elts=node.elts[::-1], ctx=node.ctx), node)
    yield Proposal(new, LAYOUT, f"{text_of(new)} in place of {text_of(node)}: in another order", 2.5)


def unpacked(place: Place) -> Iterator[Proposal]:
    """i, f, o, g = gates for f, i, g, o = gates: the names in another order."""
    match place.node:
        case ast.Assign(targets=[ast.Tuple(elts=names) as target], value=value) if not isinstance(value, ast.Tuple):
            pass
        case _:
            return
    if not 2 < len(names) <= MOST_UNPACKED or not all(isinstance(one, ast.Name) for one in names):
        return
    for order in itertools.permutations(names):
        if list(order) != names:
            changed = ast.copy_location(ast.Tuple(elts=list(order), ctx=ast.Store()), target)
            new = ast.copy_location(ast.Assign(targets=[changed], value=value), place.node)
            says = f"{', '.join(text_of(one) for one in order)} in place of {', '.join(map(text_of, names))}"
            yield Proposal([new], LAYOUT, f"{says}: in another order", 2.5)


def transposes(place: Place) -> Iterator[Proposal]:
    """Every recurrent matrix of a statement turned: those of all gates at once."""
    node = place.node
    if not isinstance(node, SIMPLE):
        return

    def bare(one: ast.AST) -> ast.AST:
        return is_transposed(one) or one

    def is_factor(one: ast.AST) -> bool:
        return isinstance(one, ast.expr) and text_of(bare(one)) in place.recurrent

    def factors(line: ast.stmt) -> Iterator[ast.expr]:
        return (factor for inner in ast.walk(line) if (found := product_of(inner)) for factor in found[1:])

    if sum(map(is_factor, factors(node))) > 1:
        new = replaced(node, is_factor, lambda one: transposed(one))
        yield Proposal([new], TRANSPOSED, "all its recurrent matrices are transposed", 1.5)

    def is_plain(one: ast.AST) -> bool:
        return is_factor(one) and is_transposed(one) is None

    def plain(line: ast.stmt) -> bool:
        return isinstance(line, SIMPLE) and any(map(is_plain, factors(line)))

    if not plain(node):
        return
    body = getattr(place.slot.parent, place.slot.field)
    lines = [line for line in body if plain(line)]
    if len(lines) > 1 and node is lines[0]:
        new_body = [replaced(line, is_plain, lambda one: transposed(one)) if line in lines else line for line in body]
        yield Rearranged(new_body, TRANSPOSED, f"the recurrent matrices of {len(lines)} lines are transposed", 1.5)


def bounds(place: Place) -> Iterator[Proposal]:
    """All steps for all but the first, or the last, in every slice of an expression: deltas[:] for deltas[1:]."""
    node = place.node
    if not isinstance(node, (ast.Call, ast.BinOp)) or place.is_target or not place.shapes.get(node):
        return

    def cut(one: ast.AST, which: str) -> bool:
        return isinstance(one, ast.Slice) and text_of(getattr(one, which) or one).lstrip("-") == "1"

    for which, says in (("lower", "first"), ("upper", "last")):
        times = sum(cut(one, which) for one in ast.walk(node))
        if times > 1:

            def whole(one: ast.AST, which: str = which) -> ast.Slice:
                bare = ast.Slice(lower=one.lower, upper=one.upper, step=one.step)
                setattr(bare, which, None)
                return ast.copy_location(bare, one)

            new = replaced(node, lambda one, which=which: cut(one, which), whole)
            yield Proposal(new, ACCUMULATION, f"{text_of(new)}: the {says} step counts as well", 2.0)


def fewer_steps(place: Place) -> Iterator[Proposal]:
    """All steps but the first, or the last, in every slice of an expression: deltas[1:n] for deltas[:n]."""
    node = place.node
    if not isinstance(node, (ast.Call, ast.BinOp)) or place.is_target:
        return
    slices = [one for one in ast.walk(node) if isinstance(one, ast.Slice) and one.step is None]
    for which, bound, says in (("lower", "1", "first"), ("upper", "-1", "last")):
        open_ones = [one for one in slices if getattr(one, which) is None and (which == "lower" or one.upper is None)]
        if len(open_ones) < 2 or len(open_ones) != len(slices):
            continue

        def cut(one: ast.AST, which: str = which, bound: str = bound) -> ast.Slice:
            new = ast.Slice(lower=one.lower, upper=one.upper, step=None)
            setattr(new, which, made(bound, node))
            return ast.copy_location(new, one)

        new = replaced(node, lambda one: isinstance(one, ast.Slice), cut)
        yield Proposal(new, ACCUMULATION, f"{text_of(new)}: the {says} step does not count", 2.0)


def _is(node: ast.AST, text: str) -> bool:
    return isinstance(node, READ) and isinstance(node.ctx, ast.Load) and text_of(node) == text


def indices(place: Place) -> Iterator[Proposal]:
    """[t] for [-1] in all lines of a loop."""
    node = place.node
    counter = counter_of(node)
    if counter is None:
        return
    counts = Counter(
        index_text(inner.slice)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Subscript) and not isinstance(inner.slice, (ast.Slice, ast.Tuple))
    )
    others = dict.fromkeys([counter, f"{counter} - 1", f"{counter} + 1", *counts])
    for old, times in counts.items():
        if times < 2 or "'" in old:
            continue
        for text in others:
            if text != old and "'" not in text:
                new = replaced(
                    node,
                    lambda one, old=old: isinstance(one, ast.Subscript) and index_text(one.slice) == old,
                    lambda one, text=text: _with_index(one, text),
                )
                yield Proposal([new], TIME_INDEX, f"[{text}] in place of [{old}], {times} times", 2.5)


def shifted_indices(place: Place) -> Iterator[Proposal]:
    """[t] for [t - 1] wherever a statement has it: r, u, c = rs[t], us[t], cs[t]."""
    node = place.node
    if not isinstance(node, SIMPLE) or not place.loops or not (counter := counter_of(place.loops[0])):
        return
    read = [one for one in ast.walk(node) if isinstance(one, ast.Subscript) and isinstance(one.ctx, ast.Load)]
    counts = Counter(index_text(one.slice) for one in read if not isinstance(one.slice, (ast.Slice, ast.Tuple)))
    around = (counter, f"{counter} - 1", f"{counter} + 1")
    for old, times in counts.items():
        for text in around if old in around and times > 1 else ():
            if text != old:
                new = replaced(
                    node,
                    lambda one, old=old: any(one is each for each in read) and index_text(one.slice) == old,
                    lambda one, text=text: _with_index(one, text),
                )
                yield Proposal([new], TIME_INDEX, f"[{text}] in place of [{old}], {times} times", 1.5)


def constant_indices(place: Place) -> Iterator[Proposal]:
    """Every index of a statement, or of two that follow one another, that is the same at all steps."""
    node = place.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)) or not place.loops:
        return
    counters, counter = place.counters, counter_of(place.loops[0])
    if counter is None:
        return
    body = getattr(place.slot.parent, place.slot.field)
    following = body[place.slot.index + 1 : place.slot.index + 2]
    lines = [one for one in (node, *following) if isinstance(one, (ast.Assign, ast.AugAssign))]

    def fixed(one: ast.AST) -> bool:
        if not isinstance(one, ast.Subscript) or isinstance(one.slice, (ast.Slice, ast.Tuple)):
            return False
        inside = {inner.id for inner in ast.walk(one.slice) if isinstance(inner, ast.Name)}
        if isinstance(one.slice, ast.Constant) and isinstance(one.slice.value, str):
            return False
        return not inside & counters and not any(isinstance(inner, ast.Subscript) for inner in ast.walk(one.slice))

    own = [one for one in ast.walk(node) if fixed(one)]
    if 1 < len(own) <= MOST_INDICES:
        for texts in itertools.product((counter, f"{counter} + 1", f"{counter} - 1"), repeat=len(own)):
            if len(set(texts)) > 1:  # a state, and what comes after it
                by_place = dict(zip(map(id, own), texts))
                yield Proposal(
                    [_indexed(node, by_place)], INJECTION, f"[{']['.join(texts)}] in place of fixed steps", 2.5
                )
    found = [one for line in lines for one in ast.walk(line) if fixed(one)]
    if len(found) < 2:
        return
    news = [replaced(line, fixed, lambda one: _with_index(one, counter)) for line in lines]
    rest = [new for new in news[1:]]
    new_body = [*body[: place.slot.index], news[0], *rest, *body[place.slot.index + 1 + len(rest) :]]
    yield Rearranged(new_body, INJECTION, f"[{counter}] in place of an index that is the same at every step", 2.0)


def _indexed(node: ast.AST, texts: Mapping[int, str]) -> ast.AST:
    """A copy of a tree in which the subscripts with these ids have other indices."""
    places = {k: texts[id(one)] for k, one in enumerate(ast.walk(node)) if id(one) in texts}
    copy = copied(node)
    for k, one in enumerate(list(ast.walk(copy))):
        if k in places:
            one.slice = made(places[k], one)
    return copy


def _with_index(node: ast.Subscript, text: str) -> ast.Subscript:
    new = made(f"A[{text}]", node, A=node.value)
    new.ctx = node.ctx
    return new


TEMPLATES = (names, functions, exchanged, unpacked, transposes, indices, shifted_indices, constant_indices)
OF_EXPRESSIONS = (bounds, fewer_steps, reordered)
