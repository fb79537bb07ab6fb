"""Sums of products: matrix products, outer products, einsum."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from oracle.alignment.named import labels_of, named, plain
from oracle.alignment.rules.elementwise import elementwise
from oracle.alignment.rules.noting import Pairs, argument, leaves, line_ups, nameless, noted, shape_of
from oracle.alignment.rules.shaping import reshaped


def _product(kind: str, operands: Sequence[object], result: object, axes: list[tuple[int, int]], summed: Pairs,
             lined: Pairs | None = None) -> object:  # fmt: skip
    """A product whose axes come from (operand, axis) each."""
    labels = [labels_of(one) for one in operands]
    made = tuple(labels[k][axis] for k, axis in axes)
    event = noted(kind, operands, result, made, [*summed, *(lined or [])], summed)
    return named(result, made, event, tags=tuple((event.serial, k) for k, _ in axes))


def matmul(inputs: Sequence[object], result: object, kind: str = "matmul") -> object:
    first, second = (len(shape_of(plain(one))) for one in inputs)
    inner = 0 if second == 1 else second - 2
    rows = [] if first == 1 else [(0, first - 2)]
    columns = [] if second == 1 else [(1, second - 1)]
    shapes = [shape_of(plain(one)) for one in inputs]
    lead, lined = [], []
    for back in range(max(first, second) - 2, 0, -1):
        there = [(k, n - 2 - back) for k, n in enumerate((first, second)) if n - 2 - back >= 0]
        lead.append(max(there, key=lambda one: shapes[one[0]][one[1]]))
        if len(there) == 2 and all(shapes[k][axis] > 1 for k, axis in there):
            lined.append((*there[0], *there[1]))
    return _product(kind, inputs, result, [*lead, *rows, *columns], [(0, first - 1, 1, inner)], lined)


def outer_of_ufunc(inputs: Sequence[object], result: object) -> object:
    axes = [(k, axis) for k in (0, 1) for axis in range(len(shape_of(plain(inputs[k]))))]
    return _product("outer", inputs, result, axes, [])


def dot(args: tuple, kwargs: dict, result: object) -> object:
    first, second = (len(shape_of(plain(one))) for one in args[:2])
    if not first or not second:
        return elementwise("multiply", args[:2], result)
    inner = 0 if second == 1 else second - 2
    axes = [(0, k) for k in range(first - 1)] + [(1, k) for k in range(second) if k != inner]
    return _product("dot", args[:2], result, axes, [(0, first - 1, 1, inner)])


def inner(args: tuple, kwargs: dict, result: object) -> object:
    first, second = (len(shape_of(plain(one))) for one in args[:2])
    if not first or not second:
        return elementwise("multiply", args[:2], result)
    axes = [(0, k) for k in range(first - 1)] + [(1, k) for k in range(second - 1)]
    return _product("inner", args[:2], result, axes, [(0, first - 1, 1, second - 1)])


def vdot(args: tuple, kwargs: dict, result: object) -> object:
    first, second = args[:2]
    pairs = line_ups((first, second)) if shape_of(plain(first)) == shape_of(plain(second)) else []
    return named(result, (), noted("vdot", (first, second), result, (), pairs))


def outer(args: tuple, kwargs: dict, result: object) -> object:
    flat = []
    for one in args[:2]:
        shape = shape_of(plain(one))
        labels = labels_of(one)
        flat.append(reshaped(labels, shape, (math.prod(shape),)))
    made = (flat[0][0], flat[1][0])
    event = noted("outer", args[:2], result, made)
    return named(result, made, event, tags=((event.serial, 0), (event.serial, 1)))


def tensordot(args: tuple, kwargs: dict, result: object) -> object:
    axes = argument(args, kwargs, 2, "axes", 2)
    ranks = [len(shape_of(plain(one))) for one in args[:2]]
    if isinstance(axes, (int, np.integer)):
        axes = list(range(ranks[0] - axes, ranks[0])), list(range(axes))
    first, second = ([int(k) % rank for k in np.ravel(one)] for one, rank in zip(axes, ranks))
    rest = [(0, k) for k in range(ranks[0]) if k not in first] + [(1, k) for k in range(ranks[1]) if k not in second]
    return _product("tensordot", args[:2], result, rest, [(0, k, 1, m) for k, m in zip(first, second)])


def einsum(args: tuple, kwargs: dict, result: object) -> object:
    if not isinstance(args[0], str) or "." in args[0]:
        return nameless("einsum", leaves(args), result)
    given, arrow, out = args[0].replace(" ", "").partition("->")
    terms = given.split(",")
    if not arrow:
        out = "".join(sorted(letter for letter in set(given) - {","} if given.count(letter) == 1))
    seen = {}
    pairs, summed = [], []
    for k, term in enumerate(terms):
        for axis, letter in enumerate(term):
            if letter in seen:
                pairs.append((*seen[letter], k, axis))
                if letter not in out:
                    summed.append((*seen[letter], k, axis))
            else:
                seen[letter] = k, axis
    operands = args[1:]
    made = tuple(labels_of(operands[seen[letter][0]])[seen[letter][1]] for letter in out)
    alone = tuple(axis for axis, letter in enumerate(terms[0]) if letter not in out) if len(terms) == 1 else ()
    event = noted("einsum", operands, result, made, pairs, summed, reduced=alone)
    tags = tuple(
        (event.serial, seen[letter][0]) if sum(letter in term for term in terms) == 1 else None for letter in out
    )
    return named(result, made, event, tags=tags)


def matmul_function(args: tuple, kwargs: dict, result: object) -> object:
    """np.linalg.matmul, which is no ufunc."""
    return matmul(args[:2], result)


def by_signature(signature: str, inputs: Sequence[object], result: object, kind: str) -> object:
    """A ufunc of whole axes, such as matvec (m,n),(n)->(m), by what its signature calls them."""
    terms, made = ([term.split(",") for term in side.strip("()").split("),(")] for side in signature.split("->"))
    ranks = [len(shape_of(plain(one))) for one in inputs]
    axes, summed, lined = [], [], []
    seen: dict[str, tuple[int, int]] = {}
    for k, (term, rank) in enumerate(zip(terms, ranks)):
        for back, letter in enumerate(reversed(term), 1):
            if letter in seen:
                summed.append((*seen[letter], k, rank - back))
            seen.setdefault(letter, (k, rank - back))
    heads = [rank - len(term) for term, rank in zip(terms, ranks)]
    for back in range(max(heads), 0, -1):  # what is broadcast stands in front
        there = [(k, head - back) for k, head in enumerate(heads) if head >= back]
        long = [(k, axis) for k, axis in there if shape_of(plain(inputs[k]))[axis] > 1]
        axes.append((long or there)[0])
        lined += [(*long[0], *long[1])] if len(long) == 2 else []
    axes += [seen[letter] for letter in made[0] if letter]
    return _product(kind, inputs, result, axes, summed, lined)
