"""Statements and loops: = for +=, a step skipped, a carry never assigned, the order of two lines.

A proposal here is the list of statements that comes in place of the one.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence

from oracle.kinds import ACCUMULATION, BRANCH, CARRY, FACTOR, INJECTION, OPERAND, SIGN, STATE, TIME_INDEX, UPDATE
from oracle.repair.loops import Loop, counter_of, with_body
from oracle.repair.place import (
    ADJOINT,
    Inserted,
    Moved,
    Place,
    Proposal,
    Rearranged,
    made,
    makes_array,
    replaced,
    shape_of_product,
    text_of,
)
from oracle.repair.templates.term import sums_over_gates
from oracle.rewriting import copied

KEY = re.compile(r"\['(\w+)'\]$")
MOST_INSERTED = 400
MOST_USES = 3  # of a value that is changed in place
MOST_BEFORE = 3  # lines between a line and the loop that it is put into
CHANGING = (ast.Mult, ast.Sub, ast.Div, ast.Pow)


def accumulation(place: Place) -> Iterator[Proposal]:
    node = place.node
    match node:
        case ast.Assign(targets=[target], value=value) if isinstance(target, (ast.Name, ast.Subscript, ast.Attribute)):
            if place.loops and not isinstance(value, ast.Constant):
                new = _at(ast.AugAssign(target=target, op=ast.Add(), value=value), node)
                says = f"{text_of(target)} += in place of =: it is added up"
                yield Proposal([new], _accumulated(target, place), says, 1.0)
        case ast.AugAssign(target=target, op=op, value=value):
            new = _at(ast.Assign(targets=[target], value=value), node)
            yield Proposal([new], _accumulated(target, place), f"{text_of(target)} = in place of +=", 1.5)
            other = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
            new = _at(ast.AugAssign(target=target, op=other, value=value), node)
            yield Proposal([new], SIGN, f"{text_of(new)}: the other sign", 1.5)


def repeated(place: Place) -> Iterator[Proposal]:
    """np.add.at(dE, words, dx) for dE[words] += dx, which counts a word once that comes several times."""
    match place.node:
        case ast.AugAssign(target=ast.Subscript(value=array, slice=index), op=ast.Add(), value=value):
            pass
        case ast.Assign(targets=[ast.Subscript(value=array, slice=index)], value=value):
            pass
        case _:
            return
    indices = index.elts if isinstance(index, ast.Tuple) else [index]
    if any(isinstance(one, (ast.Slice, ast.Constant, ast.UnaryOp)) for one in indices):
        return
    if all(isinstance(one, ast.Name) and one.id in place.counters for one in indices):
        return
    called = made("np.add.at(A, B, C)", place.node, A=array, B=index, C=value)
    new = _at(ast.Expr(value=called), place.node)
    says = f"{text_of(new)}: what {text_of(index)} holds several times counts as often"
    yield Proposal([new], ACCUMULATION, says, 1.5)


def overwritten(place: Place) -> Iterator[Proposal]:
    """x * (1 - x) where x *= 1 - x changes what the forward pass kept: as a new array, or where it is needed."""
    node, slot = place.node, place.slot
    match node:
        case ast.AugAssign(target=ast.Name(id=name) as target, op=op, value=value) if isinstance(op, CHANGING):
            read = ast.copy_location(ast.Name(id=name, ctx=ast.Load()), node)
            changed = ast.copy_location(ast.BinOp(left=read, op=op, right=value), node)
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name) as read, slice=part)], value=changed):
            if text_of(part) not in ("...", "Ellipsis", ":"):
                return
            target = ast.copy_location(ast.Name(id=name, ctx=ast.Store()), node)
        case _:
            return
    new = _at(ast.Assign(targets=[target], value=changed), node)
    cost = 2.0 if ADJOINT.search(name) else 0.6  # dh *= 1 - h ** 2 is often meant, z *= 1 - z never
    yield Proposal([new], STATE, f"{text_of(new)}: an array of its own, nothing is written over", cost)
    body = getattr(slot.parent, slot.field)
    later = [one for one in body[slot.index + 1 :] if name in _read(one) and not isinstance(one, (Loop, ast.If))]
    for one in later[:MOST_USES]:
        used = _with(one, read, changed)
        rest = [used if other is one else other for other in body if other is not node]
        yield Rearranged(rest, STATE, f"{text_of(changed)} in `{_short(used)}`, and {name} stays as it is", cost)


def _read(statement: ast.stmt) -> set[str]:
    return {one.id for one in ast.walk(statement) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}


def _accumulated(target: ast.expr, place: Place) -> str:
    """A parameter's gradient is accumulated over the steps; what has another shape has several branches."""
    shapes = place.shape_of(place.node.value) | place.shape_of(target)
    if isinstance(target, ast.Subscript):  # a row of a gradient
        shapes = shapes | place.material.arrays.get(text_of(target.value), set())
    return ACCUMULATION if not shapes or shapes & place.parameters else BRANCH


def loops(place: Place) -> Iterator[Proposal]:
    """A loop that runs forward, or stops a step early."""
    node = place.node
    if not isinstance(node, ast.For):
        return
    for text, kind, says, cost in _ranges(node.iter):
        new = _at(ast.For(target=node.target, iter=made(text, node.iter), body=node.body, orelse=node.orelse), node)
        yield Proposal([new], kind, f"the loop runs over {text}{says}", cost)


def _ranges(iterable: ast.expr) -> Iterator[tuple[str, str, str, float]]:
    """Other things to loop over: (text, kind, in words, cost)."""
    old = text_of(iterable)
    match iterable:
        case ast.Call(func=ast.Name(id="reversed"), args=[inner]):
            yield text_of(inner), CARRY, ", forward", 2.0
            for text, kind, says, cost in _ranges(inner):
                if not text.startswith("reversed"):
                    yield f"reversed({text})", kind, says, cost
            return
        case ast.Call(func=ast.Name(id="range"), args=arguments):
            texts = [text_of(one) for one in arguments]
            if len(texts) == 3 and texts[2] == "1":
                yield f"reversed({old})", CARRY, ", backward: what is carried comes from the step after", 1.0
                texts = texts[:2]
            elif len(texts) < 3:
                yield f"reversed({old})", CARRY, ", backward: what is carried comes from the step after", 1.0
            for k, text in enumerate(texts[:2]):
                for changed in _nearby(text):
                    new = ", ".join([*texts[:k], changed, *texts[k + 1 :]])
                    yield f"range({new})", ACCUMULATION, "", 1.5
            if len(texts) == 1:
                yield f"range(1, {texts[0]})", ACCUMULATION, "", 2.0
            if len(texts) == 2 and texts[0] != "0":
                yield f"range({texts[1]})", ACCUMULATION, "", 1.5
            if len(texts) == 3:
                forward = f"range({texts[1]} + 1, {texts[0]} + 1)"
                yield forward, CARRY, ", forward", 2.5
        case ast.Call(func=ast.Name(id="enumerate" | "zip")):
            yield f"reversed(list({old}))", CARRY, ", backward", 1.5
        case ast.Call(func=ast.Name(id="list" | "tuple" | "sorted")):
            yield f"reversed({old})", CARRY, ", backward", 1.5
        case ast.Subscript(value=inner, slice=ast.Slice() as part):
            yield text_of(inner), ACCUMULATION, "", 1.5
            if isinstance(inner, ast.Call):
                for text, kind, says, cost in _ranges(inner):
                    yield f"{text}[{text_of(part)}]", kind, says, cost
        case ast.Name() | ast.Attribute():
            yield f"{old}[::-1]", CARRY, ", backward", 1.5
            yield f"reversed(list({old}))", CARRY, ", backward", 2.0


def _nearby(text: str) -> list[str]:
    try:
        number = int(text)
    except ValueError:
        stripped = text.removesuffix(" - 1").removesuffix(" + 1").removesuffix(" - 2")
        return [one for one in (stripped, f"{stripped} - 1", f"{stripped} + 1") if one != text]
    return [str(number - 1), str(number + 1)]


def order(place: Place) -> Iterator[Proposal]:
    """Two lines in the other order; a line before, after or inside a loop."""
    node, slot = place.node, place.slot
    body = getattr(slot.parent, slot.field)
    if not isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr)) or _is_docstring(node):
        return
    index = slot.index
    in_place = isinstance(node, ast.Expr) and "out=" in text_of(node)
    yield Proposal([], STATE, f"without `{_short(node)}`", 1.5 if in_place else 3.0)
    loop = place.slot.parent
    if isinstance(loop, Loop) and loop in place.around:
        rest = [one for one in loop.body if one is not node]
        if rest:
            new = with_body(loop, rest)
            # what comes before its time has no effect, and only seems right
            for where, together, cost in (("before", [node, new], 3.5), ("after", [new, node], 2.0)):
                yield Moved(together, STATE, f"`{_short(node)}` stands {where} the loop", cost, instead_of=loop)
    guard = place.slot.parent
    if isinstance(guard, ast.If) and slot.field == "body" and guard in place.around and len(body) > 1:
        rest = [one for one in body if one is not node]
        new = _at(ast.If(test=guard.test, body=rest, orelse=guard.orelse), guard)
        for together in ([new, node], [node, new]):
            says = f"`{_short(node)}` always, and not only if {text_of(guard.test)}"
            yield Moved(together, ACCUMULATION, says, 1.5, instead_of=guard)
    for other_index in range(len(body)):
        if other_index != index and abs(other_index - index) <= 4:
            others = [one for one in body if one is not node]
            others.insert(other_index, node)
            before = body[other_index]
            if isinstance(before, Loop):
                continue
            yield Rearranged(others, UPDATE, f"`{_short(node)}` stands beside `{_short(before)}`", 2.5)
    if index and isinstance(body[index - 1], Loop):
        inner = body[index - 1]
        new = with_body(inner, [*inner.body, node])
        inside = [*body[: index - 1], new, *body[index + 1 :]]
        yield Rearranged(inside, ACCUMULATION, f"`{_short(node)}` stands in the loop", 2.5)


def begun_anew(place: Place) -> Iterator[Proposal]:
    """dh = np.zeros(...) at the beginning of each step, for once before the loop that adds to it."""
    loop = place.node
    if not isinstance(loop, Loop):
        return
    body, index = getattr(place.slot.parent, place.slot.field), place.slot.index
    added = {text_of(one.target) for one in ast.walk(loop) if isinstance(one, ast.AugAssign)}
    for k in range(max(index - MOST_BEFORE, 0), index):
        line = body[k]
        if isinstance(line, ast.Assign) and makes_array(line.value) and text_of(line.targets[0]) in added:
            new = with_body(loop, [line, *loop.body])
            rest = [*body[:k], *body[k + 1 : index], new, *body[index + 1 :]]
            yield Rearranged(rest, CARRY, f"`{_short(line)}` at the beginning of each step", 2.0)


def as_another_loop(place: Place) -> Iterator[Proposal]:
    """for k in (Z, I, F, O) for (I, F, O): what another loop of the same counter goes through."""
    loop = place.node
    if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name):
        return
    others = [one for one in ast.walk(place.definition.statement) if isinstance(one, ast.For) and one is not loop]
    texts = {text_of(one.iter) for one in others if text_of(one.target) == loop.target.id}
    for text in sorted(texts - {text_of(loop.iter)}):
        new = _at(ast.For(target=loop.target, iter=made(text, loop.iter), body=loop.body, orelse=loop.orelse), loop)
        yield Proposal([new], BRANCH, f"the loop runs over {text}", 1.5)


def copies(place: Place) -> Iterator[Proposal]:
    """found.append(x.copy()) for found.append(x), where x is changed in place later."""
    match place.node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=found, attr="append"), args=[ast.Name() as item])):
            new = made("A.append(B.copy())", place.node.value, A=found, B=item)
            says = f"{text_of(new)}: as it is now, and not what it becomes"
            yield Proposal([_at(ast.Expr(value=new), place.node)], STATE, says, 1.5)


def arrays_of_their_own(place: Place) -> Iterator[Proposal]:
    """dW, dU = np.zeros(n), np.zeros(n) for dW = dU = np.zeros(n): one array under two names."""
    match place.node:
        case ast.Assign(targets=[_, _, *_] as targets, value=value) if makes_array(value):
            lines = [_at(ast.Assign(targets=[one], value=copied(value)), place.node) for one in targets]
            names = " and ".join(map(text_of, targets))
            yield Proposal(lines, STATE, f"{names} are arrays of their own, and not one under several names", 1.0)


def scaled_at_last(place: Place) -> Iterator[Proposal]:
    """dy /= B, after what is written into dy, as in `dy[rows, labels] -= 1`."""
    match place.node:
        case ast.AugAssign(target=ast.Subscript(value=ast.Name(id=name))):
            pass
        case _:
            return
    shapes = place.material.arrays.get(name)
    if not shapes or shapes & place.parameters:  # a row of a gradient is added to once for each step
        return
    sizes = place.sizes
    pairs = [f"{one} * {other}" for one, other in itertools.combinations(filter(str.isidentifier, sizes), 2)]
    for divisor in (*sizes, *pairs):
        scaled = made(divisor, place.node.value)
        line = ast.AugAssign(
            target=ast.copy_location(ast.Name(name, ast.Store()), place.node), op=ast.Div(), value=scaled
        )
        yield Proposal([place.node, _at(line, place.node)], FACTOR, f"{name} is divided by {text_of(scaled)}", 3.0)


def whole_rows(place: Place) -> Iterator[Proposal]:
    """dW += x[t].T @ da for dW[1:] += x[t, :, 1:].T @ da: what is sliced on both sides as a whole."""
    node = place.node
    match node:
        case ast.AugAssign(target=ast.Subscript() as target) | ast.Assign(targets=[ast.Subscript() as target]):
            pass
        case _:
            return
    if any(_is_bounded(one) for one in ast.walk(target.slice)) and any(map(_is_bounded, ast.walk(node.value))):
        new = replaced(node, _is_bounded, lambda one: ast.copy_location(ast.Slice(), one))
        yield Proposal([new], ACCUMULATION, f"{_short(new)}: all rows and columns count", 2.0)


def _is_bounded(node: ast.AST) -> bool:
    return isinstance(node, ast.Slice) and bool(node.lower or node.upper) and node.step is None


def discarded(place: Place) -> Iterator[Proposal]:
    """What a call gives back is assigned to one of its arguments: ds = cell.back(ds) for cell.back(ds)."""
    node = place.node
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return
    for argument in node.value.args:
        if isinstance(argument, (ast.Name, ast.Attribute)) and place.material.arrays.get(text_of(argument)):
            target = made(text_of(argument), argument)
            target.ctx = ast.Store()
            new = _at(ast.Assign(targets=[target], value=node.value), node)
            yield Proposal([new], CARRY, f"{text_of(argument)} is what `{_short(node)}` gives back", 1.0)


def other_end(place: Place) -> Iterator[Proposal]:
    """found.insert(0, x) for found.append(x), and the reverse: a list in the order of the steps."""
    node = place.node
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=found, attr="append"), args=[item])):
            new = made("A.insert(0, B)", node.value, A=found, B=item)
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=found, attr="insert"), args=[first, item])):
            if text_of(first) != "0":
                return
            new = made("A.append(B)", node.value, A=found, B=item)
        case _:
            return
    yield Proposal([_at(ast.Expr(value=new), node)], TIME_INDEX, f"{text_of(new)}: in the order of the steps", 1.5)


def left_out(place: Place) -> Iterator[Proposal]:
    """One more name in `for name in ("Wx", "Wh"):`, of the keys under which arrays are kept."""
    node = place.node
    match node:
        case ast.For(iter=ast.Tuple(elts=items) | ast.List(elts=items)):
            names = [one.value for one in items if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        case _:
            return
    if not names or len(names) < len(items):
        return
    keys = {one.group(1): None for text in place.material.arrays if (one := KEY.search(text))}
    for key in keys:
        if key not in names:
            new = copied(node)
            new.iter.elts = [*new.iter.elts, ast.copy_location(ast.Constant(key), node.iter)]
            yield Proposal([new], ACCUMULATION, f"{key!r} was left out: {text_of(new.iter)}", 2.0)


def conditions(place: Place) -> Iterator[Proposal]:
    """Only at the last step, at all steps but the first, always."""
    node = place.node
    if isinstance(node, ast.If):
        if not node.orelse:
            yield Proposal(list(node.body), INJECTION, f"always, and not only if {text_of(node.test)}", 2.0)
        return
    if not isinstance(node, (ast.Assign, ast.AugAssign)) or not place.loops:
        return
    for test, says in _steps(place.loops[0]):
        new = ast.If(test=made(test, node), body=[node], orelse=[])
        yield Proposal([_at(new, node)], INJECTION, f"`{_short(node)}` only {says}", 3.0)


def _steps(loop: Loop) -> Iterator[tuple[str, str]]:
    """Conditions that hold at all steps but the first, and at the last one, each in words."""
    counter = counter_of(loop)
    if counter is None:
        return
    yield f"{counter} > 0", "after the first step"
    if isinstance(loop, ast.While):
        return
    inner = loop.iter
    if isinstance(inner, ast.Call) and text_of(inner.func) == "reversed" and inner.args:
        inner = inner.args[0]
    if isinstance(inner, ast.Call) and text_of(inner.func) == "range":
        texts = [text_of(one) for one in inner.args]
        last = texts[0] if len(texts) == 3 else f"{texts[-1]} - 1"
        yield f"{counter} == {last}", "at the last step"


def chosen_by_step(place: Place) -> Iterator[Proposal]:
    """Both of what a condition on the step chooses between, or one of them always."""
    node = place.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return
    for inner in ast.walk(node.value):
        if not isinstance(inner, ast.IfExp):
            continue
        for text in ("A + B", "A", "B", "A + (B if C else 0)", "B + (A if C else 0)"):
            new = made(text, inner, A=inner.body, B=inner.orelse, C=inner.test)
            whole = _with(node, inner, new)
            kind = INJECTION
            if "A + B" in text and _is_stored(_rarer(inner), place):
                kind = CARRY
            yield Proposal([whole], kind, f"{text_of(new)} in place of {text_of(inner)}", 1.5)


def _rarer(node: ast.IfExp) -> ast.expr:
    """What is left out at most of the steps: at all but the last one, the condition that is most common."""
    match node.test:
        case ast.Compare(ops=[ast.Eq()]):
            return node.body
    return node.orelse


def _is_stored(node: ast.expr, place: Place) -> bool:
    """Whether a loop around assigns a name that is read here: it is carried from step to step."""
    stored = {
        one.id
        for loop in place.loops[:1]
        for one in ast.walk(loop)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }
    return any(isinstance(one, ast.Name) and one.id in stored for one in ast.walk(node))


def _with(statement: ast.stmt, old: ast.AST, new: ast.AST) -> ast.stmt:
    """A copy of a statement with one expression for another."""
    wanted = text_of(old)
    return replaced(statement, lambda one: isinstance(one, type(old)) and text_of(one) == wanted, lambda one: new)


def terms_at_steps(place: Place) -> Iterator[Proposal]:
    """A term that belongs to the last step only."""
    node = place.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)) or not place.loops:
        return
    match node.value:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            for test, says in _steps(place.loops[0]):
                for kept, sometimes in ((left, right), (right, left)):
                    value = made(f"A + (B if {test} else 0)", node.value, A=kept, B=sometimes)
                    if isinstance(node, ast.Assign):
                        new = ast.Assign(targets=node.targets, value=value)
                    else:
                        new = ast.AugAssign(target=node.target, op=node.op, value=value)
                    yield Proposal([_at(new, node)], INJECTION, f"{text_of(sometimes)} only {says}", 3.0)


def other_target(place: Place) -> Iterator[Proposal]:
    """A carry assigned under another name than it is read by."""
    node = place.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)) or not place.loops:
        return
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    shapes = place.shapes.get(node.value) or place.shape_of(target)
    if not isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)) or not shapes:
        return
    for text in place.material.of_shape(shapes):
        if text != text_of(target) and not text.endswith(".T"):
            new_target = made(text, target)
            if not isinstance(new_target, (ast.Name, ast.Attribute, ast.Subscript)):
                continue
            new_target.ctx = ast.Store()
            if isinstance(node, ast.Assign):
                new = ast.Assign(targets=[new_target], value=node.value)
            else:
                new = ast.AugAssign(target=new_target, op=node.op, value=node.value)
            kind = CARRY if _never_assigned(text, place.loops[0]) else OPERAND
            yield Proposal([_at(new, node)], kind, f"{text} is what is assigned, not {text_of(target)}", 2.5)


def _never_assigned(text: str, loop: ast.AST) -> bool:
    """Neither as a whole nor, as out[:, k] is, in part."""
    for inner in ast.walk(loop):
        if isinstance(inner, (ast.Assign, ast.AugAssign)):
            targets = inner.targets if isinstance(inner, ast.Assign) else [inner.target]
            if any(text_of(one) == text or text_of(one).startswith(f"{text}[") for one in targets):
                return False
    return True


def _only_added_to(text: str, loop: ast.AST) -> bool:
    """Whether it is added to and read in a loop, and never begun anew, nor scaled: a carry that piles up."""
    stored = [
        isinstance(inner, ast.AugAssign) and isinstance(inner.op, (ast.Add, ast.Sub))
        for inner in ast.walk(loop)
        if isinstance(inner, (ast.Assign, ast.AugAssign))
        for target in (inner.targets if isinstance(inner, ast.Assign) else [inner.target])
        if text_of(target) == text
    ]
    reads = sum(
        isinstance(inner, (ast.Name, ast.Attribute)) and isinstance(inner.ctx, ast.Load) and text_of(inner) == text
        for inner in ast.walk(loop)
    )
    return bool(reads) and bool(stored) and all(stored)


def never_written(place: Place) -> Iterator[Proposal]:
    """What is read in a loop, or returned after it, and never written there: a carry, a gradient."""
    loop = place.node
    if not isinstance(loop, Loop):
        return
    arrays = place.material.arrays
    read = {
        text_of(inner): isinstance(inner, ast.Name)
        for inner in ast.walk(place.definition.statement)
        if isinstance(inner, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(inner.ctx, ast.Load)
    }
    in_loop = {text_of(inner) for inner in ast.walk(loop) if isinstance(inner, (ast.Name, ast.Attribute))}
    outside = {
        text_of(one)
        for inner in ast.walk(place.definition.statement)
        if isinstance(inner, ast.Assign) and inner not in set(ast.walk(loop))
        for target in inner.targets
        for one in (target.elts if isinstance(target, ast.Tuple) else [target])
    }
    produced = 0
    for text in dict.fromkeys([*(one for one in read if one in outside and "[" not in one), *_gradients(place, loop)]):
        if not _never_assigned(text, loop) and not _only_added_to(text, loop):
            continue
        if text in place.recurrent or text in place.material.given:
            continue
        carried = text in in_loop
        shapes = arrays.get(text, set()) or _shapes_by_use(text, place)
        if not shapes:
            continue
        sources = itertools.chain(
            sums_over_gates(place, shapes),
            (one for one in place.material.of_shape(shapes) if one != text),
            _pairs(place, loop, shapes, text),
        )
        about = _line_of(text, loop if carried else place.definition.statement, carried)
        if not carried:
            yield from _after(place, loop, text, shapes, about)
        for source in sources:
            produced += 1
            if produced > MOST_INSERTED:
                return
            if carried:
                line = f"{text} = {source}"
                kind, says = CARRY, f"{text} is never assigned in the loop: {line}"
            else:
                line = f"{text} += {source}"
                kind, says = ACCUMULATION, f"{text} is never added to: {line}"
            new = _line(line, loop.body[-1])
            again = with_body(loop, [*loop.body, new])
            # what is read at every step and never assigned is hardly meant to be so
            yield Inserted([again], kind, says, 1.0 + produced / 50 if carried else 2.5, about, value=new.value)


def _after(place: Place, loop: Loop, text: str, shapes: set[tuple[int, ...]], about: int | None) -> Iterator[Proposal]:
    """What a loop has carried to its end, the gradient of an initial state: itself, or its sum over the samples."""
    for name in filter(place.is_backward, place.material.arrays):
        if "[" in name or name.endswith(".T") or name == text:
            continue
        sums = [f"{name}.sum(axis={axis}{keep})" for axis in (0, 1) for keep in ("", ", keepdims=True")]
        for source in (name, *sums):
            if not _shape_summed(place.material.arrays[name], source) & shapes:
                continue
            new = _line(f"{text} += {source}", loop.body[-1])
            yield Proposal([loop, new], ACCUMULATION, f"{text} is never added to: {text_of(new)}", 2.5, about)


def _shape_summed(shapes: set[tuple[int, ...]], source: str) -> set[tuple[int, ...]]:
    if "axis=" not in source:
        return shapes
    axis, kept = int(source.partition("axis=")[2][0]), (1,) if "keepdims" in source else ()
    return {(*one[:axis], *kept, *one[axis + 1 :]) for one in shapes if len(one) > axis}


def _gradients(place: Place, loop: Loop) -> Iterator[str]:
    """What has the shape of a parameter and lies beside other gradients that the loop adds up: grads["R1"], self.dW."""
    targets = [inner.target for inner in ast.walk(loop) if isinstance(inner, ast.AugAssign)]
    if any(isinstance(one, ast.Subscript) and not isinstance(one.slice, ast.Constant) for one in targets):
        return  # grads[name]: which it adds to is not written there
    added = [text_of(one) for one in targets]
    beside = {found for one in added if (found := _holder(one))}
    for text, shapes in place.material.arrays.items():
        if _holder(text) in beside and shapes & place.parameters and text not in added:
            if "." not in text or place.is_backward(text) or _looks_like(text, added):
                yield text


def _holder(text: str) -> str:
    """`grads` of grads['W'], `self.` of self.dW; nothing of a plain name."""
    if text.endswith(("']", '"]')):
        return text.rpartition("[")[0]
    return text.rpartition(".")[0] + "." if "." in text and "[" not in text and not text.endswith(".T") else ""


def _looks_like(text: str, others: Sequence[str]) -> bool:
    """Whether an attribute is named as the gradients are: by how it begins."""
    name = text.rpartition(".")[2]
    return any(name[:1] == one.rpartition(".")[2][:1] for one in others)


def _line_of(text: str, within: ast.AST, read: bool) -> int | None:
    """Where a name is read first, or set."""
    kind = ast.Load if read else ast.Store
    lines = [
        node.lineno
        for node in ast.walk(within)
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, kind) and text_of(node) == text
    ]
    return min(lines, default=None)


def _shapes_by_use(text: str, place: Place) -> set[tuple[int, ...]]:
    """The shape of what a number, a zero that is carried, is added to."""
    for inner in ast.walk(place.definition.statement):
        if isinstance(inner, ast.BinOp) and text in (text_of(inner.left), text_of(inner.right)):
            other = inner.right if text_of(inner.left) == text else inner.left
            if found := place.shapes.get(inner) or place.shape_of(other):
                return found
    return set()


def _pairs(place: Place, loop: Loop, shapes: set[tuple[int, ...]], target: str) -> Iterator[str]:
    """Products of two things that the loop reads or assigns, with one of these shapes."""
    inside = {text_of(inner) for inner in ast.walk(loop) if isinstance(inner, ast.expr)}
    inside |= _over_the_steps(place, loop)
    arrays = {
        text: known
        for text, known in place.material.arrays.items()
        if text in inside and text != target and not text.endswith(".T")
    }
    weights = [text for text in place.material.arrays if text in place.recurrent and not text.endswith(".T")]
    arrays |= {text: place.material.arrays[text] for text in weights}
    arrays |= {other: known for text, known in arrays.items() for other in _neighbours(text, loop)}
    sums = {text_of(inner.target) for inner in ast.walk(loop) if isinstance(inner, ast.AugAssign)}
    for (first, known), (second, others) in itertools.product(arrays.items(), repeat=2):
        if {first, second} & sums or not (place.is_backward(first) or place.is_backward(second)):
            continue
        for a, b in itertools.product(known, others):
            if a == b and a in shapes and first < second:
                yield f"{first} * {second}"
            if not (1 <= len(a) <= 2 and 1 <= len(b) <= 2):
                continue
            for left, shape_a in ((first, a), (f"{first}.T", a[::-1])):
                for right, shape_b in ((second, b), (f"{second}.T", b[::-1])):
                    if (left.endswith(".T") and len(a) == 1) or (right.endswith(".T") and len(b) == 1):
                        continue
                    if shape_of_product("@", shape_a, shape_b) in shapes:
                        yield f"{left} @ {right}"
            if len(a) == len(b) == 1 and (*a, *b) in shapes:
                yield f"np.outer({first}, {second})"
    for first, known in arrays.items():
        for one in known:
            for axis in range(len(one)):
                if one[:axis] + one[axis + 1 :] in shapes:
                    yield f"{first}.sum(axis={axis})"
                if (*one[:axis], 1, *one[axis + 1 :]) in shapes:
                    yield f"{first}.sum(axis={axis}, keepdims=True)"


def _over_the_steps(place: Place, loop: Loop) -> set[str]:
    """xs[t] of what the loop does not compute: the line that is missing may have been the only one to read it."""
    counter = f"[{counter_of(loop)}]"
    made_here = {
        inner.id for inner in ast.walk(loop) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    }
    every = (text for text in place.material.arrays if text.endswith(counter))
    return {text for text in every if text.removesuffix(counter) not in made_here}


def _neighbours(text: str, loop: Loop) -> list[str]:
    """hs[t - 1] and hs[t + 1] for hs[t]."""
    counter = counter_of(loop)
    if counter is None or not text.endswith(f"[{counter}]"):
        return []
    return [f"{text[:-1]} - 1]", f"{text[:-1]} + 1]"]


def _line(text: str, like: ast.stmt) -> ast.stmt:
    """A new line of code, as if it stood where another one does."""
    (new,) = ast.parse(text).body
    for inner in ast.walk(new):
        if "lineno" in inner._attributes:
            ast.copy_location(inner, like)
    return new


def _at(node: ast.stmt, like: ast.stmt) -> ast.stmt:
    return ast.copy_location(node, like)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _short(node: ast.stmt) -> str:
    text = text_of(node).partition("\n")[0]
    return text if len(text) < 50 else text[:47] + "..."


TEMPLATES = (
    accumulation,
    repeated,
    overwritten,
    copies,
    arrays_of_their_own,
    scaled_at_last,
    whole_rows,
    begun_anew,
    as_another_loop,
    loops,
    other_target,
    never_written,
    discarded,
    other_end,
    left_out,
    conditions,
    terms_at_steps,
    chosen_by_step,
    order,
)
