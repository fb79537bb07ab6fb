"""The functions of NumPy that names survive, by a rule or because they are composed of such, and how one is called."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from oracle.alignment.named import Named, plain
from oracle.alignment.rules import elementwise, indexing, joining, moving, products, reductions, shaping
from oracle.alignment.rules.noting import leaves, nameless
from oracle.alignment.rules.ufuncs import written

FUNCTIONS: MappingProxyType[str, Callable] = MappingProxyType({
    "transpose": moving.transpose, "swapaxes": moving.swapaxes,
    "moveaxis": moving.moveaxis, "squeeze": moving.squeeze, "expand_dims": moving.expanded,
    "flip": moving.flipped, "flipud": moving.flipped, "fliplr": moving.flipped, "roll": moving.flipped,
    "sort": moving.flipped, "argsort": moving.flipped,
    "copy": moving.copied, "astype": moving.copied, "nan_to_num": moving.copied,
    "round": elementwise.unary, "around": elementwise.unary, "tril": elementwise.unary, "triu": elementwise.unary,
    "zeros_like": moving.made_like, "ones_like": moving.made_like, "empty_like": moving.made_like,
    "full_like": moving.made_like,
    "reshape": shaping.reshape, "ravel": shaping.ravel, "flatten": shaping.ravel,
    "dot": products.dot, "inner": products.inner, "vdot": products.vdot, "outer": products.outer,
    "tensordot": products.tensordot, "einsum": products.einsum, "matmul": products.matmul_function,
    "concatenate": joining.concatenated, "stack": joining.stacked, "column_stack": joining.column_stack,
    "split": joining.split, "array_split": joining.split, "repeat": joining.resized, "tile": joining.resized,
    "pad": joining.resized, "diff": joining.resized, "delete": joining.resized, "broadcast_to": joining.broadcast_to,
    "where": elementwise.where,
    "mean": reductions.averaged("mean"), "std": reductions.averaged("std"), "var": reductions.averaged("var"),
    "norm": reductions.norm,
    "argmax": reductions.taken_along, "argmin": reductions.taken_along,
    "cumsum": reductions.cumulated, "cumprod": reductions.cumulated,
    "diag": indexing.diagonal, "diagonal": indexing.diagonal, "copyto": indexing.put_to, "take": indexing.take,
})  # fmt: skip
"""The functions and methods that have a rule of their own, by the name that they know themselves by: not aliases."""

COMPOSED = frozenset(
    "sum prod max min amax amin any all average hstack vstack dstack atleast_1d "
    "atleast_2d atleast_3d clip hsplit vsplit append rollaxis matrix_transpose".split()
)
"""The functions that NumPy builds from others in such a way that names survive."""


def called(func: Callable, args: tuple, kwargs: dict) -> object:
    """A function of NumPy's namespace: by its rule, or by what NumPy builds it from."""
    name = func.__name__
    if name in COMPOSED:
        return np.ndarray.__array_function__(_any_named(args, kwargs), func, (Named,), args, kwargs)
    result = func(*plain(args), **plain(kwargs))
    if name not in FUNCTIONS:
        return nameless(name, leaves((*args, *kwargs.values())), result)
    made = FUNCTIONS[name](args, kwargs, result)
    out = kwargs.get("out")
    if type(out) is Named:
        written(out, made, False)
        return out
    return made


def _any_named(args: tuple, kwargs: dict) -> Named:
    found = next((one for one in leaves((*args, *kwargs.values())) if type(one) is Named), None)
    return found if found is not None else np.zeros(0).view(Named)


def by_name(name: str, args: tuple, kwargs: dict, result: object) -> object:
    """A result by the rule of that name."""
    if name not in FUNCTIONS:
        return nameless(name, leaves(args), result)
    return FUNCTIONS[name](args, kwargs, result)
