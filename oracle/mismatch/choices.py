"""What may stand in place of the failing expression, and where: the products proposed, and those of the same shape."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oracle.mismatch.products import Factor, Product
from oracle.mismatch.proposal import PRODUCTS, Goal
from oracle.mismatch.scene import Scene
from oracle.mismatch.source import given_as

MOST = 6
BY_PARTS = (ast.Add, ast.Sub, ast.Mult, ast.Div)


@dataclass(frozen=True)
class Span:
    """An expression in a file, by its place and the name of its kind."""

    filename: str
    kind: str
    place: tuple[int, int, int, int]

    @classmethod
    def of(cls, filename: str, node: ast.AST) -> Span:
        place = node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0
        return cls(filename, type(node).__name__, place)

    def found_in(self, tree: ast.AST) -> ast.expr | None:
        for node in ast.walk(tree):
            if isinstance(node, ast.expr) and type(node).__name__ == self.kind:
                if Span.of(self.filename, node) == self:
                    return node
        return None


@dataclass(frozen=True)
class Choice:
    """A product that may be what was meant.

    text      as NumPy writes it
    axes      of its factors, for people
    where     the expression in whose place it would stand
    gradient  whether it is one by the names of its factors
    """

    text: str
    axes: str
    where: Span
    gradient: bool


def choices(scene: Scene, found: Sequence[Product], goal: Goal | None, scope: Mapping[str, np.ndarray]) -> list[Choice]:
    """The proposed products, in their order, and then what has the same shape because a matrix is square."""
    square = goal is not None and _square(goal.wanted.shape)
    every = [(one.text, one.axes, one) for one in found]
    every += [(text, axes, one) for one in found for text, axes in _of_the_same_shape(one, square, scope)]
    chosen: dict[str, Choice] = {}
    for text, axes, product in every:
        node = _place_of(scene, product)
        if node is not None and text not in chosen and text != scene.expression.text(node):
            gradient = any(factor.delta for factor in product.factors)
            chosen[text] = Choice(text, axes, Span.of(scene.filename, node), gradient)
    return list(chosen.values())[:MOST]


def _square(shape: tuple[int, ...]) -> bool:
    return len(shape) in (2, 3) and shape[-1] == shape[-2] > 1


def _of_the_same_shape(product: Product, square: bool, scope: Mapping[str, np.ndarray]) -> Iterator[tuple[str, str]]:
    """(text, axes) with a square matrix the other way round, and of a product that is square its transpose."""
    if product.kind != "matmul" or len(product.factors) != 2:
        return
    first, second = product.factors
    sides = _sides(product)
    if sides is not None:
        for k, factor in enumerate(product.factors):
            if not factor.delta and factor.text in scope and _square(scope[factor.text].shape):
                turned = list(sides)
                turned[k] = _turned(sides[k], factor)
                yield _joined(turned, product.factors)
        if square and all(len(one.axes) == 2 for one in product.factors):
            yield _joined([_turned(sides[1], second), _turned(sides[0], first)], (second, first))
    elif square and product.text.endswith(f"{first.text}, {second.text})"):  # np.outer, np.einsum
        head = product.text.removesuffix(f"{first.text}, {second.text})")
        yield f"{head}{second.text}, {first.text})", product.axes


def _sides(product: Product) -> tuple[str, str] | None:
    """The operands of @; None where it is no @."""
    first, second = product.factors
    for one in (first.text, _transpose(first)):
        for two in (second.text, _transpose(second)):
            if product.text == f"{one} @ {two}":
                return one, two
    return None


def _transpose(factor: Factor) -> str:
    return f"{factor.text}.T" if len(factor.axes) < 3 else f"{factor.text}.transpose(0, 2, 1)"


def _turned(side: str, factor: Factor) -> str:
    return _transpose(factor) if side == factor.text else factor.text


def _joined(sides: Sequence[str], factors: Sequence[Factor]) -> tuple[str, str]:
    axes = []
    for side, factor in zip(sides, factors):
        last = factor.axes[-2:] if side == factor.text else factor.axes[-2:][::-1]
        names = (*factor.axes[:-2], *last)
        axes.append(f"({', '.join(names)}{',' if len(names) == 1 else ''})")
    return " @ ".join(sides), " @ ".join(axes)


def _place_of(scene: Scene, product: Product) -> ast.expr | None:
    """The expression that the product takes the place of: factors that it does not speak of stay."""
    node, statement = scene.expression.node, scene.expression.statement
    if node is None or given_as(node, "out") is not None:
        return None
    if isinstance(node, ast.AugAssign):
        node = node.value
    elif scene.operation == "__setitem__":
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            return None
        node = statement.value
    elif scene.operation in PRODUCTS:
        return node if isinstance(node, ast.expr) else None
    wanted = set(_read(ast.parse(product.text, mode="eval").body))
    if not wanted <= set(_read(node)):  # it speaks of something else: then a sum has more to it than is known
        return None if isinstance(getattr(node, "op", None), (ast.Add, ast.Sub)) else node
    while True:
        if isinstance(node, ast.UnaryOp):
            node = node.operand
        elif isinstance(node, ast.BinOp) and isinstance(node.op, BY_PARTS):
            sides = [one for one in (node.left, node.right) if wanted <= set(_read(one))]
            if len(sides) != 1:
                return node
            (node,) = sides
        else:
            return node


def _read(node: ast.AST) -> Iterator[str]:
    """The names, attributes and elements that an expression reads; h of h.T and of h.sum(axis=0)."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            yield from _read(node.func.value)
        for one in node.args:
            yield from _read(one)
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield from _read(node.value)
    elif isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        text = ast.unparse(node)
        if text not in ("np", "numpy"):
            yield text
    else:
        for child in ast.iter_child_nodes(node):
            yield from _read(child)
