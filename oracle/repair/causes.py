"""What an edit undoes: the kind of mistake, in the field's words, from the lines before and after it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from oracle.kinds import (
    ACCUMULATION,
    BIAS_SUM,
    BRANCH,
    CARRY,
    DERIVATIVE,
    FACTOR,
    INJECTION,
    LAYOUT,
    OPERAND,
    OUTPUT_DELTA,
    SIGN,
    STATE,
    TIME_INDEX,
    TRANSPOSED,
    UPDATE,
)
from oracle.repair.edit import Edit, applied
from oracle.repair.loops import Loop
from oracle.repair.material import Material
from oracle.repair.place import ADJOINT

NEIGHBOUR = re.compile(r"prev(?:ious)?|next|before|after|old|last|(?<![a-z])t(?![a-z])|_")
DERIVATIVES = re.compile(
    r"deriv|prime|(?<![a-z])d_?(?:tanh|sigm|relu|act)|_grad(?:ient)?\(|(?:tanh|sigmoid|relu)_?(?:back|d(?![a-z]))"
)


UNDONE_BY = {
    BIAS_SUM: (BIAS_SUM, FACTOR, OPERAND),
    OUTPUT_DELTA: (OPERAND, DERIVATIVE, FACTOR, SIGN, BRANCH),
    INJECTION: (INJECTION, TIME_INDEX, BRANCH, ACCUMULATION),
    UPDATE: (STATE, UPDATE, OPERAND),
    CARRY: (CARRY, BRANCH, ACCUMULATION, OPERAND),
    TRANSPOSED: (TRANSPOSED, LAYOUT),
    STATE: (STATE, OPERAND, TIME_INDEX),
}
"""A kind of mistake -> the kinds of the edits that may undo it; of the other kinds those of their own name."""


def edits_for(kinds: Collection[str]) -> frozenset[str]:
    """The kinds of edits that may undo these kinds of mistakes."""
    return frozenset(edit for kind in kinds for edit in UNDONE_BY.get(kind, (kind,)))


@dataclass(frozen=True)
class Lines:
    """The statements that an edit changes, before and after it."""

    before: tuple[ast.stmt, ...]
    after: tuple[ast.stmt, ...]

    @property
    def texts(self) -> tuple[str, str]:
        return "\n".join(map(ast.unparse, self.before)), "\n".join(map(ast.unparse, self.after))


def lines_of(edit: Edit) -> Lines:
    """The lines that an edit changes; its tree is as it was before it."""
    statement = edit.statement
    if edit.index is None and isinstance(edit.value, list):
        body = getattr(edit.parent, edit.field)
        old = {ast.dump(one) for one in body}
        new = {ast.dump(one) for one in edit.value}
        changed = tuple(one for one in edit.value if ast.dump(one) not in old)
        taken = tuple(one for one in body if ast.dump(one) not in new)
        return Lines(taken if taken or changed else (statement,), changed)
    before = ast.parse(ast.unparse(statement)).body
    with applied([edit]):
        after = ast.parse(ast.unparse(statement)).body
    return Lines(tuple(_heads(before)), tuple(_heads(after)))


def _heads(body: list[ast.stmt]) -> list[ast.stmt]:
    """Of a compound statement the head alone."""
    for one in body:
        for name in ("body", "orelse"):
            if isinstance(getattr(one, name, None), list):
                setattr(one, name, [ast.Pass()] if name == "body" else [])
    return body


def kind_of(
    edit: Edit, lines: Lines, material: Material, parameters: Mapping[str, tuple[int, ...]], made: Collection[str]
) -> str:
    """The kind of mistake that an edit undoes.

    made    the names that the lines of the forward pass assign, in any of the user's functions
    """
    before, after = lines.texts
    made = {*made, *material.integers}  # labels are data
    if edit.kind in (LAYOUT, TRANSPOSED, SIGN):
        return edit.kind
    if edit.kind == OUTPUT_DELTA and _reads_an_adjoint(lines):
        return BRANCH  # dh * (n - h) for dh * n
    moves_weights = _moves_weights(material, parameters)
    if any(map(moves_weights, lines.before)) and not any(map(moves_weights, lines.after)):
        return UPDATE
    if edit.kind == OPERAND and _reads_moved_weights(lines, edit, moves_weights):
        return UPDATE
    if edit.kind in (OPERAND, TIME_INDEX) and _is_one_less(edit.statement):
        return OUTPUT_DELTA
    if _is_reordered(edit):
        if _is_update(edit.statement):
            return UPDATE
        return CARRY if any(_is_carried(edit, one) for one in getattr(edit.parent, edit.field)) else edit.kind
    if before.count("reshape") > after.count("reshape"):
        return LAYOUT
    if _derivatives(before) != _derivatives(after):
        return OUTPUT_DELTA if _is_output_delta(lines, edit, made) else DERIVATIVE
    if _is_output_delta(lines, edit, made) and edit.kind in (OPERAND, BRANCH, DERIVATIVE):
        return OUTPUT_DELTA
    if edit.kind in (FACTOR, BRANCH) and _steps_alone(before) > _steps_alone(after):
        if _is_output_delta(lines, edit, made):
            return INJECTION
        return CARRY if _is_carried(edit) else ACCUMULATION
    if edit.kind in (OPERAND, TIME_INDEX):
        return _of_names(before, after, edit, lines, made)
    if edit.kind == FACTOR and "mean" in before and "sum" in after and _is_bias(lines, material, parameters):
        return BIAS_SUM
    if edit.kind in (STATE, UPDATE, ACCUMULATION) and _is_moved(edit, lines):
        return UPDATE if _is_update(edit.statement) else edit.kind
    if edit.kind == ACCUMULATION and _is_added_to_a_carry(edit, lines):
        return BRANCH
    if edit.kind in (BRANCH, ACCUMULATION) and _is_carried(edit):
        return CARRY if isinstance(_first(lines.after), ast.Assign) else BRANCH
    return edit.kind


def _steps_alone(text: str) -> int:
    """How many conditions on the step stand in a line: t == T - 1, t % 2, t > 0."""
    return len(re.findall(r"==|!=|%|[<>]", text))


def _first(statements: tuple[ast.stmt, ...]) -> ast.stmt | None:
    return statements[0] if statements else None


def _derivatives(text: str) -> Counter[str]:
    """The derivatives of activations in a line: 1 - h ** 2, z * (1 - z), sigmoid_derivative(z)."""
    found: Counter[str] = Counter()
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            if isinstance(node.left, ast.Constant) and node.left.value in (1, 1.0):
                inner = ast.unparse(node.right)
                squared = "**" in inner or "square" in inner or "*" in inner
                if squared or text.count(inner) > 1:
                    found[ast.unparse(node)] += 1
        elif isinstance(node, ast.Call) and DERIVATIVES.search(ast.unparse(node.func).lower() + "("):
            found[ast.unparse(node)] += 1
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            if isinstance(node.left, ast.Call) and DERIVATIVES.search(ast.unparse(node.left.func).lower() + "("):
                found[ast.unparse(node)] += 1
    return found


def _is_output_delta(lines: Lines, edit: Edit, made: Collection[str]) -> bool:
    """Whether a line makes an adjoint of values of the forward pass alone: the first of the backward pass."""
    statement = _first(lines.after) or _first(lines.before)
    if not isinstance(statement, (ast.Assign, ast.AugAssign, ast.Return, ast.Expr)) or statement.value is None:
        return False
    read = {
        node.id for node in ast.walk(statement.value) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    read -= {one.func.id for one in ast.walk(statement) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)}
    own = {
        target.id
        for node in ast.walk(edit.definition.statement)
        if isinstance(node, (ast.Assign, ast.AugAssign))
        for root in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for target in ast.walk(root)
        if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
    }
    if (
        (read & own) - set(made)
        or any(map(ADJOINT.search, read))
        or any(isinstance(one.op, ast.MatMult) for one in ast.walk(statement.value) if isinstance(one, ast.BinOp))
    ):
        return False
    return _is_error_later(statement, edit) or (
        any(isinstance(one, ast.BinOp) and isinstance(one.op, ast.Sub) for one in ast.walk(statement.value))
        and not (
            isinstance(statement.value, ast.BinOp)
            and isinstance(statement.value.op, ast.Sub)
            and isinstance(statement.value.left, ast.Constant)
        )
    )


def _is_error_later(statement: ast.stmt, edit: Edit) -> bool:
    """Whether the target is subtracted from in a later line: dscores = probs.copy(); dscores[rows, labels] -= 1."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    roots = {ast.unparse(one) for one in targets if isinstance(one, ast.Name)}
    return any(
        isinstance(one, ast.AugAssign)
        and isinstance(one.op, ast.Sub)
        and isinstance(one.target, ast.Subscript)
        and ast.unparse(one.target.value) in roots
        for one in ast.walk(edit.definition.statement)
    )


def _of_names(before: str, after: str, edit: Edit, lines: Lines, made: Collection[str]) -> str:
    """Another step of one array is a time index, another array an operand."""
    old, new = _words(before), _words(after)
    lost, gained = list((old - new).elements()), list((new - old).elements())
    if edit.kind == TIME_INDEX and _is_output_delta(lines, edit, made):
        return INJECTION if not any(len(word) == 1 for word in lost) else TIME_INDEX
    if len(lost) == len(gained) == 1 and NEIGHBOUR.sub("", lost[0]) == NEIGHBOUR.sub("", gained[0]):
        return TIME_INDEX
    return edit.kind


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[A-Za-z_][A-Za-z_0-9]*", text))


def _is_bias(lines: Lines, material: Material, parameters: Mapping[str, tuple[int, ...]]) -> bool:
    statement = _first(lines.after)
    target = statement.target if isinstance(statement, ast.AugAssign) else getattr(statement, "targets", [None])[0]
    shapes = material.arrays.get(ast.unparse(target), set()) if target is not None else set()
    flat = {shape for shape in parameters.values() if sum(size > 1 for size in shape) <= 1}
    return bool(shapes & flat) or not shapes


def _is_moved(edit: Edit, lines: Lines) -> bool:
    """Whether a line as it is was put in another place, or taken away."""
    if not isinstance(edit.value, list):
        return False
    return not lines.after or any(inner is edit.statement for new in edit.value for inner in ast.walk(new))


def _is_update(statement: ast.stmt) -> bool:
    """Whether a weight is moved against its gradient: W -= rate * dW, W = W - rate * dW."""
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Sub):
        return True
    if not isinstance(statement, (ast.Assign, ast.AugAssign)):
        return False
    inside = list(ast.walk(statement.value))
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    subtracts = any(isinstance(one, ast.BinOp) and isinstance(one.op, ast.Sub) for one in inside)
    return subtracts and ast.unparse(target) in set(map(ast.unparse, inside))


def _moves_weights(material: Material, parameters: Mapping[str, tuple[int, ...]]) -> Callable[[ast.stmt], bool]:
    """Whether a line binds the name of weights to these less something: w = {**w, "out": w["out"] - rate * d_out}.

    Or another name to these less a multiple of what has their shape: new = w["out"] - rate * d["out"].
    """
    shapes = set(parameters.values())

    def is_step(left: set[tuple[int, ...]], right: ast.expr) -> bool:
        if not isinstance(right, ast.BinOp) or not isinstance(right.op, ast.Mult):
            return False
        return any(material.arrays.get(ast.unparse(one), set()) & left for one in (right.left, right.right))

    def moves(statement: ast.stmt) -> bool:
        if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Sub):
            text = ast.unparse(statement.target)
            return bool(material.arrays.get(text, set()) & shapes) and not ADJOINT.search(text)
        if not isinstance(statement, ast.Assign):
            return False
        roots = {ast.unparse(one).partition("[")[0] for one in statement.targets}
        for one in ast.walk(statement.value):
            if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Sub):
                text = ast.unparse(one.left)
                own = material.arrays.get(text, set()) & shapes
                if own and (text.partition("[")[0] in roots or is_step(own, one.right)):
                    return not ADJOINT.search(text)
        return False

    return moves


def _reads_moved_weights(lines: Lines, edit: Edit, moves: Callable[[ast.stmt], bool]) -> bool:
    """Whether a name that is read no more was bound to weights less something."""
    before, after = (
        {one.id for each in some for one in ast.walk(each) if isinstance(one, ast.Name)}
        for some in (lines.before, lines.after)
    )
    return any(
        isinstance(target, ast.Name) and target.id in before - after and moves(one)
        for one in ast.walk(edit.definition.statement)
        if isinstance(one, ast.Assign)
        for target in one.targets
    )


def _reads_an_adjoint(lines: Lines) -> bool:
    return any(
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and ADJOINT.search(node.id)
        for one in lines.after
        for node in ast.walk(one)
    )


def _is_one_less(statement: ast.stmt) -> bool:
    """Whether it makes probabilities an error: probs[rows, labels] -= 1."""
    match statement:
        case ast.AugAssign(target=ast.Subscript(), op=ast.Sub(), value=ast.Constant(value=1)):
            return True
    return False


def _is_reordered(edit: Edit) -> bool:
    """Whether the same lines stand in another order."""
    if not isinstance(edit.value, list):
        return False
    before, after = getattr(edit.parent, edit.field), edit.value
    return len(before) == len(after) and {id(one) for one in before} == {id(one) for one in after}


def _is_added_to_a_carry(edit: Edit, lines: Lines) -> bool:
    """Whether dh += ... stands for dh = ..., where the loop assigns dh in another line as well."""
    match _first(lines.before), _first(lines.after):
        case ast.Assign(targets=[ast.Name(id=name)]), ast.AugAssign():
            pass
        case _:
            return False
    return any(
        isinstance(one, ast.Assign) and one is not edit.statement and name in {*_stored_by(one)}
        for loop in ast.walk(edit.definition.statement)
        if isinstance(loop, Loop) and any(one is edit.statement for one in ast.walk(loop))
        for one in ast.walk(loop)
    )


def _stored_by(statement: ast.Assign) -> list[str]:
    return [one.id for target in statement.targets for one in ast.walk(target) if isinstance(one, ast.Name)]


def _is_carried(edit: Edit, statement: ast.stmt | None = None) -> bool:
    """Whether a statement assigns what the next round of its loop reads before."""
    statement = statement or edit.statement
    if not isinstance(statement, (ast.Assign, ast.AugAssign)):
        return False
    target = ast.unparse(statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0])
    for loop in ast.walk(edit.definition.statement):
        if isinstance(loop, Loop) and any(one is statement for one in loop.body):
            before = loop.body[: next(k for k, one in enumerate(loop.body) if one is statement)]
            earlier = {ast.unparse(node) for one in before for node in ast.walk(one) if isinstance(node, ast.expr)}
            written = {
                ast.unparse(root)
                for one in before
                if isinstance(one, (ast.Assign, ast.AugAssign))
                for root in (one.targets if isinstance(one, ast.Assign) else [one.target])
            }
            return target in earlier and target not in written
    return False
