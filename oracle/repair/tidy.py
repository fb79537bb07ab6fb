"""What a repair should not hold: edits that it can do without, and lines that nobody would write."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection, Sequence

from oracle.repair.edit import Edit, applied
from oracle.repair.problem import Problem
from oracle.repair.surroundings import trial_of
from oracle.rewriting import Definition


def needed(problem: Problem, edits: tuple[Edit, ...], right: Collection[str]) -> tuple[Edit, ...]:
    """The fewest of the edits with which these gradients agree: later ones may have made earlier ones needless."""
    if len(edits) < 2:
        return edits
    trial = trial_of(problem, [])
    for count in range(1, len(edits)):
        for some in itertools.combinations(edits, count):
            score = trial.score(some) if _are_apart(edits, some, problem.definitions) else None
            if score is not None and score.agreeing >= set(right):
                return some
    return edits


def _are_apart(edits: Sequence[Edit], some: Sequence[Edit], definitions: Sequence[Definition]) -> bool:
    """Whether each of the others changes the program further: one that does not is part of what a later edit puts."""
    texts = [_text(some, definitions)]
    for count, edit in enumerate(edits, 1):
        if edit not in some:
            texts.append(_text([one for one in edits if one in some or one in edits[:count]], definitions))
    return all(one != other for one, other in itertools.pairwise(texts))


def _text(edits: Sequence[Edit], definitions: Sequence[Definition]) -> str:
    with applied(edits):
        return "\n".join(ast.dump(one.statement) for one in definitions)


def is_odd(edits: Sequence[Edit]) -> bool:
    """Whether the edits make an expression that nobody would write: x = x, n ** 1, dh * 1."""

    def count() -> int:
        return sum(_is_odd(node) for edit in edits for node in ast.walk(edit.definition.statement))

    before = count()
    with applied(edits):
        return count() > before


def _is_odd(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=[one], value=other) | ast.BinOp(left=one, op=ast.Sub(), right=other):
            if ast.unparse(one) == ast.unparse(other):
                return True
    match node:
        case (
            ast.BinOp(op=ast.Mult() | ast.Div() | ast.Pow(), right=ast.Constant(value=1))
            | ast.AugAssign(op=ast.Mult() | ast.Div() | ast.Pow(), value=ast.Constant(value=1))
            | ast.BinOp(op=ast.Add() | ast.Sub(), right=ast.Constant(value=0))
            | ast.AugAssign(op=ast.Add() | ast.Sub(), value=ast.Constant(value=0))
            | ast.BinOp(left=ast.Constant(value=1), op=ast.Mult())
            | ast.BinOp(left=ast.Constant(value=0), op=ast.Add())
            | ast.UnaryOp(op=ast.USub(), operand=ast.UnaryOp(op=ast.USub()))
        ):
            return True
    return False
