"""What user code imports as numpy, math and the builtins while it is lifted."""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Callable

import numpy as np
import torch

from oracle.lifting import functions, tensors
from oracle.lifting.arrays import (
    FUNCTIONS,
    SCALAR_TYPES,
    SEQUENCES,
    ArrayType,
    Labels,
    LiftedArray,
    LiftedMatrix,
    LiftedScalar,
    apply,
    as_dtype,
    attach,
    call,
    depends,
    holds_floats,
    lift,
    plain,
    tensor_of,
    wrap,
)
from oracle.lifting.record import Active, NotLifted


class Ufunc:
    """A ufunc for user code: lists are stacked first, results may hold values that depend on parameters."""

    def __init__(self, ufunc: np.ufunc):
        self._ufunc = ufunc
        self.__name__ = self.__qualname__ = ufunc.__name__
        self.__doc__ = ufunc.__doc__

    def __call__(self, *args, **kwargs):
        count = self._ufunc.nin
        if len(args) > count and "out" not in kwargs:
            args, kwargs["out"] = args[:count], args[count:]
        return apply(self._ufunc, "__call__", _stacked(args), kwargs)

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False, **kwargs):
        return self._method("reduce", array, axis=axis, dtype=dtype, out=out, keepdims=keepdims, **kwargs)

    def accumulate(self, array, axis=0, dtype=None, out=None):
        return self._method("accumulate", array, axis=axis, dtype=dtype, out=out)

    def reduceat(self, array, indices, axis=0, dtype=None, out=None):
        return self._method("reduceat", array, indices, axis=axis, dtype=dtype, out=out)

    def outer(self, a, b, **kwargs):
        return self._method("outer", a, b, **kwargs)

    def at(self, a, indices, *values):
        return apply(self._ufunc, "at", (a, indices, *values), {})

    def _method(self, method: str, *args, out=None, **kwargs):
        if kwargs.get("dtype", 0) is None:
            del kwargs["dtype"]
        if out is not None:
            kwargs["out"] = out if isinstance(out, tuple) else (out,)
        return apply(self._ufunc, method, _stacked(args), kwargs)

    def __getattr__(self, name: str):
        return getattr(self._ufunc, name)

    def __repr__(self):
        return repr(self._ufunc)

    def __eq__(self, other):
        return other is self or other is self._ufunc

    def __hash__(self):
        return hash(self._ufunc)


def _stacked(args: tuple) -> tuple:
    return tuple(lift(a) if isinstance(a, SEQUENCES) and depends(a) else a for a in args)


class ScalarType(type):
    """The type of `float` and `numpy.float64` for user code: calls keep the graph; comparisons mean the real type."""

    def __call__(cls, *args, **kwargs):
        real = cls.__base__
        if args and depends(args[0]):
            return _converted(cls, real, args[0])
        return wrap(real(*plain(args), **kwargs)) if Active.record is not None else real(*plain(args), **kwargs)

    def __instancecheck__(cls, instance):
        return is_instance(instance, cls.__base__)

    def __subclasscheck__(cls, other):
        return issubclass(SCALAR_TYPES.get(other, other), cls.__base__)

    def __eq__(cls, other):
        if isinstance(other, np.dtype):
            return other == cls.__base__
        return other is cls or other is cls.__base__

    def __hash__(cls):
        return hash(cls.__base__)

    def __repr__(cls):
        return repr(cls.__base__)

    def __getattr__(cls, name):
        return getattr(cls.__base__, name)


def _converted(cls, real, value):
    if not isinstance(value, (np.ndarray, *SEQUENCES)):
        value = value.item()
    if real is float:
        float(plain(value))  # raises what float() raises
        value = lift(value)
        if value.size != 1:
            raise TypeError("only length-1 arrays can be converted to Python scalars")
        return value.astype(np.float64).reshape(-1)[0]
    result = lift(value).astype(real)
    return result if result.ndim else result[()]


@functools.cache
def scalar_type(real: type) -> type:
    substitute = ScalarType(real.__name__, (real,), {"dtype": np.dtype(real), "__module__": real.__module__})
    SCALAR_TYPES[substitute] = real
    return substitute


Float = scalar_type(float)


def is_instance(instance, classes) -> bool:
    """isinstance: lifted scalars are floats, and no arrays, as numpy.float64 is."""
    if isinstance(classes, SEQUENCES):
        return any(is_instance(instance, c) for c in classes)
    classes = SCALAR_TYPES.get(classes, classes) if isinstance(classes, type) else classes
    if type(instance) is LiftedScalar:
        if classes is LiftedArray:
            return False
        if isinstance(classes, types.UnionType):
            return any(is_instance(instance, c) for c in classes.__args__)
        return isinstance(plain(instance), classes)
    return isinstance(instance, classes)


class Namespace(types.ModuleType):
    """A module whose names are made lifted when they are first asked for."""

    def __init__(self, real: types.ModuleType, overrides: dict[str, object]):
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update(overrides)
        self.__dict__["_real"] = real
        for name in ("__all__", "__version__", "__file__", "__path__", "__spec__"):
            if hasattr(real, name):
                self.__dict__[name] = getattr(real, name)

    def __getattr__(self, name: str):
        value = lifted_value(getattr(self._real, name))
        if not name.startswith("__"):
            self.__dict__[name] = value
        return value

    def __dir__(self):
        return dir(self._real)


def lifted_value(value):
    """One attribute of NumPy for user code."""
    if isinstance(value, np.ufunc):
        return Ufunc(value)
    if isinstance(value, types.ModuleType):
        return MODULES.get(value.__name__, value)
    if isinstance(value, type):
        if issubclass(value, (np.floating, np.complexfloating)) and value not in ABSTRACT:
            return scalar_type(value)
        return value
    if callable(value) and not isinstance(value, (type(np.r_), type(np.c_))):
        return function_of(value)
    if isinstance(value, (type(np.r_), type(np.c_))):
        return Concatenator(value)
    if isinstance(value, (type(np.mgrid), type(np.ogrid))):
        return Grid(value)
    return value


ABSTRACT = (np.floating, np.complexfloating, np.inexact)


def function_of(function: Callable) -> Callable:
    """A NumPy function for user code."""

    @functools.wraps(function)
    def lifted(*args, **kwargs):
        return call(function, *args, **kwargs)

    return lifted


class Concatenator:
    """numpy.r_ and numpy.c_."""

    def __init__(self, real):
        self.real = real

    def __getitem__(self, key):
        parts = key if isinstance(key, tuple) else (key,)
        if not depends(parts):
            return wrap(self.real[plain(key)])
        parts = tuple(lift(p) if isinstance(p, SEQUENCES) else p for p in parts)
        labels = Labels()
        numbers = self.real[tuple(p if isinstance(p, str) else labels.of(p, not isinstance(p, slice)) for p in parts)]
        real = self.real[plain(parts)]
        return attach(real, labels.gather(numbers, real))


class Grid:
    """numpy.mgrid and numpy.ogrid."""

    def __init__(self, real):
        self.real = real

    def __getitem__(self, key):
        return wrap(self.real[plain(key)])


def issubdtype(first, second) -> bool:
    return np.issubdtype(_dtype_or_type(first), _dtype_or_type(second))


def _dtype_or_type(x):
    return as_dtype(x) if isinstance(x, type) else x


def isscalar(element) -> bool:
    return type(element) is LiftedScalar or np.isscalar(element)


def fill_lifted(shape, fill_value, dtype=None, order="C", **kwargs):
    result = wrap(np.empty(shape, as_dtype(dtype) or np.asarray(plain(fill_value)).dtype, order))
    result[...] = fill_value
    return result


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, **kwargs):
    if not depends((start, stop)):
        return wrap(np.linspace(plain(start), plain(stop), num, endpoint, retstep, as_dtype(dtype), axis, **kwargs))
    start, stop = lift(start), lift(stop)
    shares = np.linspace(0.0, 1.0, num, endpoint).reshape((num,) + (1,) * max(start.ndim, stop.ndim))
    values = start + wrap(shares) * (stop - start)
    values = call(np.moveaxis, values, 0, axis)
    return (values, (stop - start) / max(1, num - 1 if endpoint else num)) if retstep else values


class Random:
    """A NumPy random generator, or numpy.random itself, whose arrays can hold values that depend on parameters."""

    def __init__(self, real):
        self._real = real

    @property
    def __class__(self):
        return type(self._real)

    def shuffle(self, x, *args, **kwargs):
        if not isinstance(x, np.ndarray) or not depends(x):
            return self._real.shuffle(plain(x) if isinstance(x, np.ndarray) else x, *args, **kwargs)
        order = np.arange(len(x))
        self._real.shuffle(order)
        x[...] = x[order]
        return None

    def permutation(self, x, *args, **kwargs):
        if not depends(x):
            return wrap(self._real.permutation(plain(x), *args, **kwargs))
        return lift(x)[self._real.permutation(len(x))]

    def choice(self, a, *args, **kwargs):
        if depends(a):
            return lift(a)[self._real.choice(len(a), *plain(args), **plain(kwargs))]
        return wrap(self._real.choice(plain(a), *plain(args), **plain(kwargs)))

    def normal(self, loc=0.0, scale=1.0, size=None):
        return self._scaled("normal", loc, scale, size)

    def uniform(self, low=0.0, high=1.0, size=None):
        if not depends((low, high)):
            return wrap(self._real.uniform(plain(low), plain(high), plain(size)))
        shape = size if size is not None else np.broadcast_shapes(np.shape(low), np.shape(high))
        return low + (high - low) * wrap(self._real.uniform(0.0, 1.0, shape))

    def _scaled(self, name, loc, scale, size):
        draw = getattr(self._real, name)
        if not depends((loc, scale)):
            return wrap(draw(plain(loc), plain(scale), plain(size)))
        shape = size if size is not None else np.broadcast_shapes(np.shape(loc), np.shape(scale))
        return loc + scale * wrap(draw(0.0, 1.0, shape))

    def spawn(self, count):
        return [Random(child) for child in self._real.spawn(count)]

    def __getattr__(self, name: str):
        value = getattr(self._real, name)
        if not callable(value):
            return value
        if isinstance(value, type):
            return _generator_type(value)

        def draw(*args, **kwargs):
            result = value(*plain(args), **plain(kwargs))
            if isinstance(result, (np.random.Generator, np.random.RandomState)):
                return Random(result)
            result = wrap(result)
            if holds_floats(result) and depends((args, kwargs)):
                Active.record.leak(f"a random number whose distribution depends on a parameter ({name})")
            return result

        draw.__name__ = name
        return draw


def _generator_type(real: type):
    if real not in (np.random.Generator, np.random.RandomState):
        return real

    class Made(type):
        def __call__(cls, *args, **kwargs):
            return Random(real(*args, **kwargs))

        def __instancecheck__(cls, instance):
            return isinstance(instance, real)

    return Made(real.__name__, (), {})


class RandomModule(types.ModuleType):
    """numpy.random for user code: the numbers NumPy would draw, in arrays that can be lifted."""

    def __init__(self):
        super().__init__("numpy.random")
        self.__dict__["_draw"] = Random(np.random)
        self.__dict__["__all__"] = np.random.__all__

    def __getattr__(self, name: str):
        return getattr(self._draw, name)


class Matrix(ArrayType):
    """The type of numpy.matrix for user code."""

    def __call__(cls, data, dtype=None, copy=True):
        if isinstance(data, str) or not depends(data):
            return wrap(np.matrix(plain(data), as_dtype(dtype), copy))
        array = call(np.array, data) if copy or not isinstance(data, np.ndarray) else data
        if array.ndim < 2:
            array = array.reshape(1, -1)
        return np.ndarray.view(array if dtype is None else array.astype(dtype), LiftedMatrix)

    def __instancecheck__(cls, instance):
        return isinstance(instance, np.matrix)


def as_matrix(data, dtype=None):
    return MATRIX(data, dtype, copy=False)


MATRIX = Matrix("matrix", (), {"__module__": "numpy"})


# --- math and the builtins -------------------------------------------------------------------------------------------


MATH = {  # math name -> NumPy's
    **{name: getattr(np, name) for name in (
        "exp expm1 exp2 log1p log2 log10 sqrt cbrt sin cos tan sinh cosh tanh fabs hypot degrees radians copysign"
        " fmod".split()
    )},
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "pow": np.power,
}  # fmt: skip


class Math(types.ModuleType):
    """math, with the graph of its arguments."""

    def __getattr__(self, name: str):
        real = getattr(math, name)
        if not callable(real):
            return real

        @functools.wraps(real)
        def lifted(*args, **kwargs):
            if not depends(args):
                return real(*plain(args), **kwargs)
            args = tuple(a.item() if isinstance(a, torch.Tensor) else a for a in args)
            real(*plain(args), **kwargs)  # raises what math raises
            if name == "log":
                base = np.log(args[1]) if len(args) > 1 else 1.0
                return np.log(args[0]) / base
            if name in ("fsum", "prod"):
                return call(np.sum if name == "fsum" else np.prod, list(args[0]))
            if name in MATH:
                return MATH[name](*args)
            if name in SPECIAL:
                value = np.float64(real(float(plain(args[0]))))
                return attach(value, SPECIAL[name](tensor_of(args[0])))
            result = real(*plain(args), **kwargs)
            if isinstance(result, float) and name not in ("trunc", "floor", "ceil"):
                raise NotLifted(f"math.{name}", "no derivative is known for it")
            return result

        return lifted


SPECIAL = {"erf": torch.erf, "erfc": torch.erfc, "lgamma": torch.lgamma}
MATH_MODULE = Math("math", math.__doc__)
MATH_MODULE.__dict__["__all__"] = [name for name in dir(math) if not name.startswith("_")]
MODULES: dict[str, types.ModuleType] = {}
for _name in ("numpy.linalg", "numpy.fft", "numpy.lib", "numpy.lib.stride_tricks", "numpy.testing", "numpy.ma"):
    __import__(_name)
    _real = functools.reduce(getattr, _name.split(".")[1:], np)
    MODULES[_name] = Namespace(_real, {})
MODULES["numpy.random"] = RandomModule()
MODULES["numpy"] = Namespace(
    np,
    {
        "ndarray": LiftedArray,
        "matrix": MATRIX,
        "mat": as_matrix,
        "asmatrix": as_matrix,
        "vectorize": functions.Vectorize,
        "apply_along_axis": lambda func, axis, arr, *args, **kwargs: FUNCTIONS[np.apply_along_axis](
            func, axis, arr, *args, **kwargs
        ),
        "apply_over_axes": FUNCTIONS[np.apply_over_axes],
        "ndenumerate": functions.ndenumerate,
        "nditer": functions.nditer,
        "isscalar": isscalar,
        "issubdtype": issubdtype,
        "linspace": linspace,
        "fromiter": lambda iterable, dtype, count=-1, **kwargs: call(
            np.array, list(iterable) if count < 0 else [x for _, x in zip(range(count), iterable)], dtype
        ),
        "random": MODULES["numpy.random"],
        "full": fill_lifted,
    },
)
MODULES["math"] = MATH_MODULE
MODULES.update(tensors.MODULES)
BUILTINS = {"float": Float, "isinstance": is_instance}
