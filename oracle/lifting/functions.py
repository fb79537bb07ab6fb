"""What each NumPy function is in torch, beyond the ufuncs. Importing this module fills `arrays.FUNCTIONS`.

Three kinds: `tensor_function` computes the tensor and leaves the values to NumPy; `composite` is written with other
lifted functions; the functions that only move elements are listed with the positions of the arguments they move.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import torch

from oracle.lifting.arrays import (
    FLOATING,
    FUNCTIONS,
    METHODS,
    SEQUENCES,
    Labels,
    as_dtype,
    assign,
    attach,
    call,
    constant,
    lift,
    moved,
    plain,
    storage_of,
    store,
    tensor_of,
    wrap,
)
from oracle.lifting.record import NotLifted


def tensor_function(*functions: Callable) -> Callable:
    """The decorated function gives the tensor for the same arguments; NumPy computes the values."""

    def register(translate: Callable) -> Callable:
        parameters = inspect.signature(translate).parameters
        positional = [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
        position = positional.index("out") if "out" in positional and "operands" not in parameters else None

        def handler(function: Callable):
            def run(*args, **kwargs):
                out = kwargs.get("out")
                if out is None and position is not None and len(args) > position:
                    out = args[position]
                if isinstance(out, tuple):
                    (out,) = out
                tensor = translate(*args, **kwargs)
                if out is not None:
                    store(out, tensor, lambda: function(*plain(args), **plain(kwargs)))
                    return out
                real = function(*plain(args), **plain(kwargs))
                if isinstance(real, tuple):
                    parts = [r if t is None else attach(r, t) for r, t in zip(real, tensor)]
                    return type(real)(*parts) if hasattr(real, "_fields") else tuple(parts)
                return attach(real, tensor)

            return run

        for function in functions:
            FUNCTIONS[function] = handler(function)
        return translate

    return register


def composite(*functions: Callable) -> Callable:
    """The decorated function is the translation, written with lifted arrays."""

    def register(translate: Callable) -> Callable:
        for function in functions:
            FUNCTIONS[function] = translate
        return translate

    return register


# --- reductions ------------------------------------------------------------------------------------------------------


def dims(axis, tensor: torch.Tensor) -> tuple[int, ...]:
    """NumPy's axis as non-negative dimensions."""
    if axis is None:
        return tuple(range(tensor.ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    return tuple(sorted(int(a) % tensor.ndim if tensor.ndim else 0 for a in axes))


def masked(tensor: torch.Tensor, where, otherwise: float) -> torch.Tensor:
    if where is None or where is True or where is np._NoValue:
        return tensor
    mask = torch.from_numpy(np.broadcast_to(plain(where), tensor.shape).copy())
    return torch.where(mask, tensor, torch.tensor(otherwise, dtype=tensor.dtype))


def summed(a, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True):
    tensor = masked(tensor_of(a), where, 0.0)
    result = tensor.sum(dim=dims(axis, tensor)) if tensor.ndim else tensor.clone()
    return result if initial is np._NoValue or initial is None or initial == 0 else result + tensor_of(initial)


def multiplied(a, axis=None, dtype=None, out=None, keepdims=False, initial=1, where=True):
    tensor = masked(tensor_of(a), where, 1.0)
    for dim in reversed(dims(axis, tensor)):
        tensor = tensor.prod(dim=dim)
    return tensor if initial is np._NoValue or initial is None else tensor * tensor_of(initial)


def extreme(amax: Callable, pick: Callable, worst: float) -> Callable:
    def reduce(a, axis=None, out=None, keepdims=False, initial=None, where=True, dtype=None):
        tensor = masked(tensor_of(a), where, worst)
        result = amax(tensor, dim=dims(axis, tensor)) if tensor.ndim else tensor.clone()
        return result if initial is None or initial is np._NoValue else pick(result, tensor_of(initial))

    return reduce


tensor_function(np.sum)(summed)
tensor_function(np.prod)(multiplied)
largest = tensor_function(np.max, np.amax)(extreme(torch.amax, torch.maximum, -np.inf))
smallest = tensor_function(np.min, np.amin)(extreme(torch.amin, torch.minimum, np.inf))


@tensor_function(np.mean)
def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    tensor = tensor_of(a)
    total = masked(tensor, where, 0.0).sum(dim=dims(axis, tensor)) if tensor.ndim else tensor.clone()
    counts = np.broadcast_to(True if where is np._NoValue else plain(where), tuple(tensor.shape))
    return total / torch.from_numpy(np.asarray(counts.sum(axis=axis), float))


def variance(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None):
    if where is not True and where is not np._NoValue:
        raise NotLifted("np.var", "no derivative is known for its where=")
    tensor = tensor_of(a)
    if correction is not None and correction is not np._NoValue:
        ddof = correction
    axes = dims(axis, tensor)
    if not axes:
        return tensor * 0
    centred = tensor - tensor.mean(dim=axes, keepdim=True)
    count = tensor.numel() / max(1, torch.numel(centred.sum(dim=axes)))
    return (centred * centred.conj()).sum(dim=axes) / (count - ddof)


tensor_function(np.var)(variance)


@tensor_function(np.std)
def deviation(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **kwargs):
    return torch.sqrt(variance(a, axis, dtype, out, ddof, keepdims, **kwargs))


def running(function: Callable) -> Callable:
    def accumulate(a, axis=None, dtype=None, out=None):
        tensor = tensor_of(a)
        return function(tensor.reshape(-1), 0) if axis is None else function(tensor, axis)

    return accumulate


tensor_function(np.cumsum)(running(torch.cumsum))
tensor_function(np.cumprod)(running(torch.cumprod))
METHODS[np.add, "accumulate"] = lambda a, axis=0, dtype=None: torch.cumsum(tensor_of(a), axis)
METHODS[np.multiply, "accumulate"] = lambda a, axis=0, dtype=None: torch.cumprod(tensor_of(a), axis)
METHODS[np.maximum, "accumulate"] = lambda a, axis=0, dtype=None: torch.cummax(tensor_of(a), axis).values
METHODS[np.minimum, "accumulate"] = lambda a, axis=0, dtype=None: torch.cummin(tensor_of(a), axis).values
METHODS[np.add, "reduce"] = lambda a, axis=0, **kwargs: summed(a, axis, **kwargs)
METHODS[np.multiply, "reduce"] = lambda a, axis=0, **kwargs: multiplied(a, axis, **kwargs)
METHODS[np.maximum, "reduce"] = lambda a, axis=0, **kwargs: largest(a, axis, **kwargs)
METHODS[np.minimum, "reduce"] = lambda a, axis=0, **kwargs: smallest(a, axis, **kwargs)


def _logsumexp(a, axis=0, keepdims=False, initial=None, where=True):
    tensor = masked(tensor_of(a), where, -np.inf)
    return torch.logsumexp(tensor, dims(axis, tensor))


METHODS[np.logaddexp, "reduce"] = _logsumexp


def _reduceat(a, indices, axis=0):
    tensor, indices = tensor_of(a).movedim(axis, 0), [int(i) for i in np.asarray(plain(indices))]
    ends = [*indices[1:], tensor.shape[0]]
    parts = [tensor[i:j].sum(0) if j > i else tensor[i] for i, j in zip(indices, ends)]
    return torch.stack(parts).movedim(0, axis)


METHODS[np.add, "reduceat"] = _reduceat


@composite(np.ptp)
def ptp(a, axis=None, out=None, keepdims=False):
    return call(np.max, a, axis=axis, keepdims=keepdims) - call(np.min, a, axis=axis, keepdims=keepdims)


@composite(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    a = lift(a)
    if weights is None:
        result, total = call(np.mean, a, axis=axis, keepdims=keepdims), a.size
    else:
        weights = lift(weights)
        if weights.shape != a.shape:
            weights = weights.reshape([-1 if i == axis % a.ndim else 1 for i in range(a.ndim)])
            weights = call(np.broadcast_to, weights, a.shape)
        total = call(np.sum, weights, axis=axis, keepdims=keepdims)
        result = call(np.sum, a * weights, axis=axis, keepdims=keepdims) / total
    return (result, total) if returned else result


def ignoring(function: Callable, filler: float) -> Callable:
    def without_nan(a, axis=None, dtype=None, out=None, keepdims=False):
        a = lift(a)
        filled = call(np.where, np.isnan(plain(a)), filler, a)
        return call(function, filled, axis=axis, keepdims=keepdims)

    return without_nan


composite(np.nansum)(ignoring(np.sum, 0.0))
composite(np.nanprod)(ignoring(np.prod, 1.0))
composite(np.nanmax)(ignoring(np.max, -np.inf))
composite(np.nanmin)(ignoring(np.min, np.inf))


@composite(np.nanmean)
def nanmean(a, axis=None, dtype=None, out=None, keepdims=False):
    counts = np.sum(~np.isnan(plain(lift(a))), axis=axis, keepdims=keepdims)
    return call(np.nansum, a, axis=axis, keepdims=keepdims) / counts


@composite(np.diff)
def diff(a, n=1, axis=-1, prepend=np._NoValue, append=np._NoValue):
    a = lift(a)
    around = [x for x in (prepend, a, append) if x is not np._NoValue]
    if len(around) > 1:
        shape = list(a.shape)
        shape[axis] = 1
        a = call(
            np.concatenate, [call(np.broadcast_to, lift(x), shape) if np.ndim(x) == 0 else x for x in around], axis
        )
    for _ in range(n):
        a = call(np.moveaxis, a, axis, 0)
        a = call(np.moveaxis, a[1:] - a[:-1], 0, axis)
    return a


@composite(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    y = call(np.moveaxis, lift(y), axis, -1)
    step = dx if x is None else diff(x) if np.ndim(x) == 1 else diff(call(np.moveaxis, lift(x), axis, -1))
    return call(np.sum, step * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


@composite(np.quantile)
def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False):
    if method != "linear" or isinstance(axis, tuple) or np.ndim(q) > 1:
        raise NotLifted("np.quantile", "only the linear method along one axis has a derivative here")
    a = lift(a)
    if axis is None:
        ranked, axis_kept = call(np.sort, a.ravel()), None
    else:
        ranked, axis_kept = call(np.moveaxis, call(np.sort, a, axis), axis, 0), axis
    place = np.asarray(plain(q)) * (len(ranked) - 1)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(ranked) - 1)
    share = (place - below).reshape(place.shape + (1,) * (ranked.ndim - 1))
    result = ranked[below] * (1 - share) + ranked[above] * share
    if keepdims:
        result = (
            result.reshape((*place.shape, *(1,) * a.ndim))
            if axis_kept is None
            else call(np.expand_dims, result, place.ndim + axis_kept % a.ndim)
        )
    return result


@composite(np.percentile)
def percentile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False):
    return quantile(a, np.asarray(plain(q)) / 100, axis, method=method, keepdims=keepdims)


@composite(np.median)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    return quantile(a, 0.5, axis, keepdims=keepdims)


# --- products --------------------------------------------------------------------------------------------------------


def same(*values: torch.Tensor) -> list[torch.Tensor]:
    if any(v.is_complex() for v in values):
        return [v.to(torch.complex128) for v in values]
    return list(values)


@tensor_function(np.dot)
def dot(a, b, out=None):
    a, b = same(tensor_of(a), tensor_of(b))
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if a.ndim <= 2 and b.ndim <= 2:
        return a @ b
    return torch.tensordot(a, b, dims=([a.ndim - 1], [max(0, b.ndim - 2)]))


@tensor_function(np.inner)
def inner(a, b):
    a, b = same(tensor_of(a), tensor_of(b))
    return a * b if a.ndim == 0 or b.ndim == 0 else torch.tensordot(a, b, dims=([a.ndim - 1], [b.ndim - 1]))


@tensor_function(np.outer)
def outer(a, b, out=None):
    a, b = same(tensor_of(a), tensor_of(b))
    return a.reshape(-1, 1) * b.reshape(1, -1)


@tensor_function(np.vdot)
def vdot(a, b):
    a, b = same(tensor_of(a), tensor_of(b))
    return (a.reshape(-1).conj() * b.reshape(-1)).sum()


@tensor_function(np.linalg.vecdot)
def linalg_vecdot(a, b, axis=-1):
    a, b = same(tensor_of(a), tensor_of(b))
    return (a.conj() * b).sum(axis)


@tensor_function(np.tensordot)
def tensordot(a, b, axes=2):
    a, b = same(tensor_of(a), tensor_of(b))
    if isinstance(axes, int):
        return torch.tensordot(a, b, axes)
    first, second = ([int(i) for i in np.atleast_1d(plain(x))] for x in axes)
    return torch.tensordot(a, b, dims=([i % a.ndim for i in first], [i % b.ndim for i in second]))


@tensor_function(np.einsum)
def einsum(subscripts, *operands, out=None, dtype=None, order="K", casting="safe", optimize=False):
    if not isinstance(subscripts, str):
        raise NotLifted("np.einsum", "only the form with a string of subscripts has a derivative here")
    return torch.einsum(subscripts.replace(" ", ""), *same(*(tensor_of(x) for x in operands)))


@tensor_function(np.kron)
def kron(a, b):
    a, b = same(tensor_of(a), tensor_of(b))
    return torch.kron(a, b)


@tensor_function(np.trace)
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    return tensor_of(a).diagonal(offset, axis1, axis2).sum(-1)


@composite(np.cross)
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = call(np.moveaxis, lift(a), axisa, -1), call(np.moveaxis, lift(b), axisb, -1)
    x, y, z = ([v[..., i] for i in range(v.shape[-1])] if v.shape[-1] == 3 else None for v in (a, b, a))
    if x is None or y is None:
        raise NotLifted("np.cross", "only vectors of three components have a derivative here")
    parts = [x[i] * y[j] - x[j] * y[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return call(np.stack, parts, axis=axisc if a.ndim > 1 else -1)


def _convolved(a: torch.Tensor, v: torch.Tensor, mode: str) -> torch.Tensor:
    if len(v) > len(a):
        a, v = v, a
    full = torch.nn.functional.conv1d(a[None, None], v.flip(0)[None, None], padding=len(v) - 1)[0, 0]
    if mode == "full":
        return full
    length = max(len(a), len(v)) if mode == "same" else len(a) - len(v) + 1
    start = (len(full) - length) // 2 if mode == "same" else len(v) - 1
    return full[start : start + length]


@tensor_function(np.convolve)
def convolve(a, v, mode="full"):
    return _convolved(*same(tensor_of(a), tensor_of(v)), mode)


@tensor_function(np.correlate)
def correlate(a, v, mode="valid"):
    a, v = same(tensor_of(a), tensor_of(v))
    if len(v) > len(a) and mode != "full":
        return _convolved(a.flip(0), v, mode).flip(0)
    return _convolved(a, v.flip(0).conj(), mode)


@composite(np.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    if fweights is not None or aweights is not None:
        raise NotLifted("np.cov", "weights have no derivative here")
    x = call(np.atleast_2d, lift(m))
    if not rowvar and x.shape[0] != 1:
        x = x.T
    if y is not None:
        other = call(np.atleast_2d, lift(y))
        x = call(np.concatenate, (x, other if rowvar or other.shape[0] == 1 else other.T), 0)
    x = x - call(np.mean, x, axis=1, keepdims=True)
    result = call(np.dot, x, x.T.conj()) / (x.shape[1] - ((0 if bias else 1) if ddof is None else ddof))
    return call(np.squeeze, result).copy() if result.size > 1 else result.reshape(-1)[0]


@tensor_function(np.interp)
def interp(x, xp, fp, left=None, right=None, period=None):
    if period is not None:
        raise NotLifted("np.interp", "a period has no derivative here")
    x, xp, fp = tensor_of(x), tensor_of(xp), tensor_of(fp)
    right_of = torch.searchsorted(xp.detach(), x.detach()).clamp(1, len(xp) - 1)
    below, above = right_of - 1, right_of
    share = ((x - xp[below]) / (xp[above] - xp[below])).clamp(0, 1)
    result = fp[below] * (1 - share) + fp[above] * share
    if left is not None:
        result = torch.where(x < xp[0], tensor_of(left), result)
    return result if right is None else torch.where(x > xp[-1], tensor_of(right), result)


@composite(np.polyval)
def polyval(p, x):
    x, result = lift(x), 0.0
    for coefficient in lift(p):
        result = result * x + coefficient
    return result


@tensor_function(np.sinc)
def sinc(x):
    return torch.sinc(tensor_of(x))


@tensor_function(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    if not copy:
        raise NotLifted("np.nan_to_num", "copy=False has no derivative here")
    return torch.nan_to_num(tensor_of(x), nan, posinf, neginf)


@tensor_function(np.round, np.around)
def rounded(a, decimals=0, out=None):
    return torch.from_numpy(np.asarray(np.round(plain(lift(a)), decimals), dtype=float).copy())


@tensor_function(np.fix)
def fixed(x, out=None):
    return constant(np.asarray(np.fix(plain(lift(x)))))


@tensor_function(np.clip)
def clip(a, a_min=np._NoValue, a_max=np._NoValue, out=None, *, min=np._NoValue, max=np._NoValue, **kwargs):
    low = min if a_min is np._NoValue else a_min
    high = max if a_max is np._NoValue else a_max
    tensor = tensor_of(a)
    if low is not None and low is not np._NoValue:
        tensor = torch.maximum(tensor, tensor_of(low))
    if high is not None and high is not np._NoValue:
        tensor = torch.minimum(tensor, tensor_of(high))
    return tensor


# --- linear algebra --------------------------------------------------------------------------------------------------


@composite(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    x = lift(x)
    if axis is None and (ord is None or (ord in ("fro", "f") and x.ndim == 2) or (ord == 2 and x.ndim == 1)):
        root = np.sqrt(call(np.sum, x * x if x.dtype.kind == "f" else (x.conj() * x).real))
        return root.reshape((1,) * x.ndim) if keepdims else root
    if axis is None:
        axis = tuple(range(x.ndim)) if x.ndim > 1 else 0
    if isinstance(axis, tuple) and len(axis) == 1:
        (axis,) = axis
    size = np.abs(x)
    if isinstance(axis, tuple):
        if ord in (None, "fro", "f"):
            return np.sqrt(call(np.sum, size * size, axis=axis, keepdims=keepdims))
        return _matrix_norm(x, ord, axis, keepdims)
    if ord is None or ord == 2:
        return np.sqrt(call(np.sum, size * size, axis=axis, keepdims=keepdims))
    if ord in (np.inf, -np.inf):
        return call(np.max if ord > 0 else np.min, size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return call(np.sum, (plain(x) != 0).astype(float), axis=axis, keepdims=keepdims)
    return call(np.sum, size**ord, axis=axis, keepdims=keepdims) ** (1.0 / ord)


def _matrix_norm(x, ord, axis, keepdims):
    tensor = torch.linalg.matrix_norm(tensor_of(x), ord, tuple(axis))
    return attach(np.linalg.norm(plain(x), ord, tuple(axis), keepdims), tensor)


tensor_function(np.linalg.inv)(lambda a: torch.linalg.inv(tensor_of(a)))
tensor_function(np.linalg.pinv)(lambda a, rcond=None, hermitian=False, **kwargs: torch.linalg.pinv(tensor_of(a)))
tensor_function(np.linalg.det)(lambda a: torch.linalg.det(tensor_of(a)))
tensor_function(np.linalg.slogdet)(lambda a: tuple(torch.linalg.slogdet(tensor_of(a))))
tensor_function(np.linalg.cholesky)(lambda a, *, upper=False: torch.linalg.cholesky(tensor_of(a), upper=upper))
tensor_function(np.linalg.eigvalsh)(lambda a, UPLO="L": torch.linalg.eigvalsh(tensor_of(a), UPLO))
tensor_function(np.linalg.matrix_power)(lambda a, n: torch.linalg.matrix_power(tensor_of(a), n))


@tensor_function(np.linalg.solve)
def solve(a, b):
    a, b = same(tensor_of(a), tensor_of(b))
    return torch.linalg.solve(a, b)


@composite(np.linalg.multi_dot)
def multi_dot(arrays, *, out=None):
    result = arrays[0]
    for array in arrays[1:]:
        result = call(np.dot, result, array)
    return result


# --- functions that only move elements -------------------------------------------------------------------------------

MOVES: dict[Callable, tuple[int, ...]] = {  # function -> positions of the arguments whose numbers are elements
    **dict.fromkeys(
        (np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.squeeze, np.expand_dims, np.flip,
         np.flipud, np.fliplr, np.rot90, np.roll, np.repeat, np.tile, np.take, np.compress, np.extract, np.delete,
         np.diagonal, np.diag, np.diagflat, np.tril, np.triu, np.split, np.array_split, np.hsplit, np.vsplit,
         np.dsplit, np.copy, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.broadcast_to, np.broadcast_arrays,
         np.resize,
         np.take_along_axis, np.asanyarray, np.meshgrid, np.trim_zeros, getattr(np, "unstack", np.copy),
         np.lib.stride_tricks.as_strided, np.lib.stride_tricks.sliding_window_view, np.real_if_close, np.ix_,
         np.permute_dims, np.matrix_transpose, np.linalg.matrix_transpose),
        (),
    ),
    **dict.fromkeys((np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack, np.block), (0,)),
    np.append: (0, 1),
    np.insert: (0, 2),
    np.where: (1, 2),
    np.choose: (1,),
    np.select: (1, 2),
    np.full: (1,),
    np.full_like: (1,),
}  # fmt: skip


def _move(function: Callable, data: tuple[int, ...]) -> Callable:
    def run(*args, **kwargs):
        if function is np.extract:
            args = (plain(args[0]), *args[1:])
        for name in ("arr", "a", "ary", "tup", "arrays", "array", "m", "v", "x", "A", "values", "fill_value"):
            if name in kwargs and name in PARAMETERS[function]:  # given by name: the labels want positions
                args, kwargs = _positional(function, args, kwargs)
                break
        return moved(function, args, kwargs, data)

    return run


def _positional(function: Callable, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    bound = inspect.signature(function).bind(*args, **kwargs)
    return bound.args, bound.kwargs


def _parameters(function: Callable) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return frozenset()


PARAMETERS = {function: _parameters(function) for function in MOVES}
for _function, _data in MOVES.items():
    FUNCTIONS[_function] = _move(_function, _data)


def converted(function: Callable) -> Callable:
    """array, asarray, ...: a dtype must not reach the labels."""

    def convert(a=None, dtype=None, *args, **kwargs):
        a = kwargs.pop("object", a)
        if isinstance(a, torch.Tensor):
            return attach(plain(a).copy(), tensor_of(a))
        dtype = as_dtype(dtype)
        real = function(plain(a), dtype, *args, **plain(kwargs))
        if real.dtype.kind == "O":  # the elements are the lifted arrays themselves
            return wrap(function(a, dtype, *args, **kwargs))
        if storage_of(real) is not None:
            return a if isinstance(a, np.ndarray) and real.shape == a.shape else wrap(real)
        labels = Labels()
        if isinstance(a, np.matrix):
            a = a.A
        number = function(labels.of(a), None, *args, **plain(kwargs))
        return attach(real, labels.gather(number, real)) if real.dtype.kind in FLOATING else wrap(real)

    return convert


for _function in (np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.asarray_chkfinite):
    FUNCTIONS[_function] = converted(_function)


def alike(function: Callable) -> Callable:
    """zeros_like, ...: only the shape and dtype of the prototype matter."""

    def make(a, dtype=None, *args, **kwargs):
        a = kwargs.pop("prototype", a)
        return wrap(function(plain(a), as_dtype(dtype), *args, **plain(kwargs)))

    return make


for _function in (np.zeros_like, np.ones_like, np.empty_like):
    FUNCTIONS[_function] = alike(_function)


def _into(function: Callable) -> Callable:
    """put, copyto, ...: the first argument's memory gets elements of the others."""

    def run(target, *args, **kwargs):
        labels = Labels()
        numbers = labels.of(target, always=True)
        last = len(args) - 1
        moving = tuple(labels.of(x, i == (last if function is not np.copyto else 0)) for i, x in enumerate(args))
        function(numbers, *moving, **plain(kwargs))
        tensor = labels.gather(numbers, plain(target))
        store(target, tensor, lambda: function(plain(target), *plain(args), **plain(kwargs)))

    return run


for _function in (np.copyto, np.place, np.putmask):
    FUNCTIONS[_function] = _into(_function)


@composite(np.put)
def put(a, ind, v, mode="raise"):
    labels = Labels()
    numbers, values = labels.of(a, always=True), labels.of(v, always=True)
    np.put(numbers, plain(ind), values, mode)
    store(a, labels.gather(numbers, plain(a)), lambda: np.put(plain(a), plain(ind), plain(v), mode))


@composite(np.put_along_axis)
def put_along_axis(arr, indices, values, axis):
    labels = Labels()
    numbers, new = labels.of(arr, always=True), labels.of(values, always=True)
    np.put_along_axis(numbers, plain(indices), new, axis)
    tensor = labels.gather(numbers, plain(arr))
    store(arr, tensor, lambda: np.put_along_axis(plain(arr), plain(indices), plain(values), axis))


@composite(np.fill_diagonal)
def fill_diagonal(a, val, wrap=False):
    labels = Labels()
    numbers, new = labels.of(a, always=True), labels.of(val, always=True)
    np.fill_diagonal(numbers, new, wrap)
    store(a, labels.gather(numbers, plain(a)), lambda: np.fill_diagonal(plain(a), plain(val), wrap))


@composite(np.pad)
def pad(array, pad_width, mode="constant", **kwargs):
    if mode in ("linear_ramp", "maximum", "mean", "median", "minimum") or callable(mode):
        raise NotLifted("np.pad", f"mode {mode!r} has no derivative here")
    labels = Labels()
    numbers = labels.of(array)
    real = np.pad(plain(array), plain(pad_width), mode, **plain(kwargs))
    kwargs.pop("constant_values", None)
    return attach(real, labels.gather(np.pad(numbers, plain(pad_width), mode, **plain(kwargs)), real))


@composite(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None):
    a = lift(a)
    if axis is None:
        a, axis = a.ravel(), 0
    return call(np.take_along_axis, a, np.argsort(plain(a), axis, kind or "stable"), axis)


@composite(np.partition)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    a = lift(a)
    if axis is None:
        a, axis = a.ravel(), 0
    return call(np.take_along_axis, a, np.argpartition(plain(a), plain(kth), axis, kind), axis)


@composite(np.unique)
def unique(ar, return_index=False, return_inverse=False, return_counts=False, axis=None, **kwargs):
    ar = lift(ar)
    _, index, *rest = np.unique(plain(ar), True, return_inverse, return_counts, axis, **kwargs)
    values = ar.ravel()[index] if axis is None else call(np.take, ar, index, axis)
    rest = [index, *rest] if return_index else rest
    return (values, *rest) if rest else values


# --- loops over elements ---------------------------------------------------------------------------------------------


@composite(np.apply_along_axis)
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    arr = call(np.moveaxis, lift(arr), axis, -1)
    places = list(np.ndindex(*arr.shape[:-1]))
    results = [lift(func1d(arr[place], *args, **kwargs)) for place in places]
    stacked = call(np.array, results).reshape(arr.shape[:-1] + results[0].shape)
    return call(
        np.moveaxis,
        stacked,
        range(arr.ndim - 1, stacked.ndim),
        range(axis % arr.ndim, axis % arr.ndim + results[0].ndim),
    )


@composite(np.apply_over_axes)
def apply_over_axes(func, a, axes):
    for axis in np.atleast_1d(axes):
        result = func(a, int(axis))
        a = result if result.ndim == a.ndim else call(np.expand_dims, result, int(axis))
    return a


class Vectorize:
    """numpy.vectorize, element by element, with the graph."""

    def __init__(self, pyfunc=None, otypes=None, doc=None, excluded=None, cache=False, signature=None):
        self.pyfunc, self.otypes, self.signature = pyfunc, otypes, signature
        self.options = {"otypes": otypes, "doc": doc, "excluded": excluded, "cache": cache, "signature": signature}
        self.__doc__ = doc or getattr(pyfunc, "__doc__", None)
        self.__name__ = getattr(pyfunc, "__name__", "vectorize")

    def __call__(self, *args, **kwargs):
        if self.pyfunc is None:  # used as a decorator with options
            return Vectorize(args[0], **self.options)
        if self.signature is not None or kwargs:
            return call(np.vectorize(self.pyfunc, **self.options), *args, **kwargs)
        arrays = [lift(a) for a in args]
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        arrays = [call(np.broadcast_to, a, shape) for a in arrays]
        results = [self.pyfunc(*(a[place] for a in arrays)) for place in np.ndindex(*shape)]
        dtype = self.otypes[0] if self.otypes and not isinstance(self.otypes, str) else (self.otypes or None)
        if results and isinstance(results[0], tuple):
            return tuple(call(np.array, list(column)).reshape(shape) for column in zip(*results))
        result = call(np.array, results, dtype).reshape(shape)
        return result if shape else result[()]


def ndenumerate(array):
    """numpy.ndenumerate, with the graph."""
    array = lift(array)
    return ((place, array[place]) for place in np.ndindex(*array.shape))


class NdIter:
    """numpy.nditer over the elements of one array, each a zero-dimensional view that may be written."""

    def __init__(self, op, flags=(), op_flags=(), *args, **kwargs):
        self.array = op
        self.places = list(np.ndindex(*op.shape))
        self.position = 0

    def __iter__(self):
        return (self.array[(*place, ...)] for place in self.places)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None

    @property
    def finished(self) -> bool:
        return self.position >= len(self.places)

    @property
    def multi_index(self) -> tuple[int, ...]:
        return self.places[self.position]

    @property
    def value(self):
        return self.array[(*self.multi_index, ...)]

    def __getitem__(self, index):
        return self.value

    def __setitem__(self, index, new):
        assign(self.array, self.multi_index, new)

    def iternext(self) -> bool:
        self.position += 1
        return not self.finished


def nditer(op, flags=(), op_flags=(), *args, **kwargs):
    """numpy.nditer: ours for one array, NumPy's own (without a graph) for several at once."""
    if isinstance(op, SEQUENCES):
        return (
            (tuple(a[place] for a in arrays)) for arrays in [_broadcast(op)] for place in np.ndindex(*arrays[0].shape)
        )
    return NdIter(lift(op), flags, op_flags)


def _broadcast(op):
    return call(np.broadcast_arrays, *(lift(x) for x in op))
