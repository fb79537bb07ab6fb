"""Indices: the step before, the step after, the last one taken for the first."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from oracle.kinds import FACTOR, TIME_INDEX
from oracle.repair.place import Place, Proposal, made, text_of


def neighbours(place: Place) -> Iterator[Proposal]:
    """X[t] for X[t + 1] or X[t - 1], and the reverse."""
    node = place.node
    if not isinstance(node, ast.Subscript) or isinstance(node.slice, (ast.Slice, ast.Tuple)):
        if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple)):
            return
    index = node.slice
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    for k, part in enumerate(parts):
        for text in _indices(part, place):
            new_index = ", ".join(text if j == k else text_of(one) for j, one in enumerate(parts))
            if len(parts) == 1 and isinstance(index, ast.Tuple):
                new_index += ","
            new = made(f"A[{new_index}]", node, A=node.value)
            new.ctx = node.ctx
            says = f"{text_of(new)} in place of {text_of(node)}"
            if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
                yield Proposal(new, FACTOR, f"{says}: the size of another axis", 1.0)
            else:
                yield Proposal(new, TIME_INDEX, f"{says}: the step is another", 1.0)


def _indices(index: ast.expr, place: Place) -> Iterator[str]:
    counters = place.counters
    old = text_of(index)
    names = {inner.id for inner in ast.walk(index) if isinstance(inner, ast.Name)}
    if isinstance(index, (ast.Slice, ast.Constant)) and not (
        isinstance(index, ast.Constant) and isinstance(index.value, int)
    ):
        return
    every: dict[str, None] = {}
    for counter in sorted(names & counters):
        every |= dict.fromkeys((f"{counter} - 1", counter, f"{counter} + 1"))
    if not names & counters:
        for counter in sorted(counters & set(place.material.numbers)):
            every |= dict.fromkeys((counter, f"{counter} - 1", f"{counter} + 1"))
        for other in ast.walk(place.loops[0]) if place.loops else ():
            if isinstance(other, ast.Subscript) and not isinstance(other.slice, (ast.Slice, ast.Tuple)):
                if {inner.id for inner in ast.walk(other.slice) if isinstance(inner, ast.Name)} & counters:
                    every[text_of(other.slice)] = None
    every |= dict.fromkeys(_shifted(index))
    for text in every:
        if text != old:
            yield text


def _shifted(index: ast.expr) -> Iterator[str]:
    """One more and one less, written as people do."""
    match index:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=ast.Constant(value=int(number))):
            number = number if isinstance(op, ast.Add) else -number
            for by in (1, -1):
                total = number + by
                yield text_of(left) + ("" if total == 0 else f" {'+' if total > 0 else '-'} {abs(total)}")
        case ast.Constant(value=int(number)):
            yield str(number + 1)
            yield str(number - 1)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            yield "0"
            yield str(-number - 1)
        case _:
            yield f"{text_of(index)} + 1"
            yield f"{text_of(index)} - 1"


def first_step(place: Place) -> Iterator[Proposal]:
    """X[t - 1] is the last state where t is 0: another array stands there, h_0 or zeros."""
    node = place.node
    if not isinstance(node, ast.Subscript) or place.is_target or not isinstance(node.slice, ast.BinOp):
        return
    counters = {inner.id for inner in ast.walk(node.slice) if isinstance(inner, ast.Name)} & place.counters
    shapes = place.shape_of(node)
    if not counters or not isinstance(node.slice.op, ast.Sub) or not shapes:
        return
    (counter, *_) = counters
    zeros = f"np.zeros_like({text_of(node.value)}[{counter}])"
    others = [text for text in place.material.of_shape(shapes) if "[" not in text or "'" in text]
    for text in (*others, zeros):
        new = made(f"A if {counter} > 0 else B", node, A=node, B=text)
        says = f"at the first step {text} stands in for {text_of(node)}, which wraps around"
        yield Proposal(new, TIME_INDEX, says, 2.5)


TEMPLATES = (neighbours, first_step)
