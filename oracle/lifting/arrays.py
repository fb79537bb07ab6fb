"""Lifted arrays: real NumPy arrays that carry a torch graph beside their memory.

A lifted array *is* a numpy.ndarray. NumPy computes every value, makes every view and raises every error, so shapes,
dtypes, aliasing, printing and control flow are NumPy's own. Beside the memory, keyed by the array that owns it, a
`Storage` keeps the torch tensor that has the same values and the graph behind them. Reading any view of that memory
reads the tensor through the view's strides; writing through any view replaces what the storage holds there. Nothing
is ever written into a tensor, so autograd never sees a saved value change.

Operations that only move elements (indexing, reshaping, stacking, padding, sorting ...) are run a second time, by
NumPy itself, on integer labels of the elements; the labels that come out say which element went where.
"""

from __future__ import annotations

import math
import weakref
from bisect import bisect_right
from collections.abc import Callable

import numpy as np
import torch

from oracle.lifting import ufuncs
from oracle.lifting.record import Active, NotLifted, only_printing

FLOATING = "fc"
SEQUENCES = (list, tuple)
FAITHFUL = 1e-4  # of the largest entry: a wrong translation is off by more, two orders of rounding by less


# --- the graph beside the memory -------------------------------------------------------------------------------------


def owner_of(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory `array` looks at."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def storage_of(array: np.ndarray) -> Storage | None:
    """What is known of the memory `array` looks at; None where nothing in it depends on a parameter."""
    record = Active.record
    if record is None:
        return None
    base = array.base
    while isinstance(base, np.ndarray):
        array = base
        base = array.base
    return record.storages.get(id(array))


def pointer(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


class Storage:
    """The tensor beside the memory of `owner`.

    While nothing was written, `tensor` has the owner's shape. After a write, `labels` has for every element in memory
    the number of the element of `sources` that it holds; source k begins at number `starts[k]`.
    """

    __slots__ = (
        "__weakref__",
        "itemsize",
        "labels",
        "owner",
        "pointer",
        "shape",
        "sources",
        "starts",
        "strides",
        "tensor",
    )

    def __init__(self, owner: np.ndarray, tensor: torch.Tensor, forget: Callable | None = None):
        self.owner = weakref.ref(owner, forget)
        self.pointer, self.shape, self.strides, self.itemsize = (
            pointer(owner),
            owner.shape,
            owner.strides,
            owner.itemsize,
        )
        self.tensor = tensor
        self.labels = None

    def is_whole(self, view: np.ndarray) -> bool:
        return view.shape == self.shape and view.strides == self.strides and view.itemsize == self.itemsize

    def read(self, view: np.ndarray) -> torch.Tensor:
        """The tensor behind a view, in the shape of the view."""
        if view.itemsize != self.itemsize:
            return self._part(view)
        if self.is_whole(view):
            if self.labels is not None:
                self.tensor = gather(self.sources, self.starts, self.labels_of(view))
                self.labels = None
            return self.tensor
        if self.labels is not None:
            return gather(self.sources, self.starts, self.labels_of(view))
        if view.ndim == 2 and view.shape == self.shape[::-1] and view.strides == self.strides[::-1]:
            return self.tensor.T
        return self._strided(view)

    def _strided(self, view: np.ndarray) -> torch.Tensor:
        flat = self._flat()
        offset = (pointer(view) - self.pointer) // self.itemsize
        strides = [stride // self.itemsize for stride in view.strides]
        turned = [axis for axis, stride in enumerate(strides) if stride < 0]
        for axis in turned:
            offset += strides[axis] * (view.shape[axis] - 1)
            strides[axis] = -strides[axis]
        result = flat.as_strided(view.shape, strides, flat.storage_offset() + offset)
        return result.flip(turned) if turned else result

    def _flat(self) -> torch.Tensor:
        """The tensor's elements in the order of the memory."""
        order = sorted(range(len(self.shape)), key=lambda axis: -self.strides[axis])
        tensor = self.tensor if order == list(range(len(order))) else self.tensor.permute(order)
        return tensor.reshape(-1).contiguous()

    def _part(self, view: np.ndarray) -> torch.Tensor:
        """The real or imaginary part of a complex array, which NumPy lets people see as an array of floats."""
        if not (self.itemsize == 16 and view.itemsize == 8 and view.dtype.kind == "f"):
            raise NotLifted("view", "the memory of a differentiable array is read as another type")
        shift = (pointer(view) - self.pointer) % self.itemsize
        start = pointer(view) - self.pointer - shift
        labels = self.labels_of(view, start)
        whole = (
            gather([self._flat()], [0], labels) if self.labels is None else gather(self.sources, self.starts, labels)
        )
        return whole.imag if shift else whole.real

    def labels_of(self, view: np.ndarray, start: int | None = None) -> np.ndarray:
        """The labels that a view sees, writable."""
        if start is None:
            start = pointer(view) - self.pointer
        labels = np.arange(math.prod(self.shape)) if self.labels is None else self.labels
        strides = tuple(stride // self.itemsize * 8 for stride in view.strides)
        return np.ndarray(view.shape, np.int64, labels, start // self.itemsize * 8, strides)

    def write(self, view: np.ndarray, tensor: torch.Tensor, key=...) -> None:
        """view[key] = tensor, with NumPy's broadcasting."""
        if view.itemsize != self.itemsize:
            raise NotLifted("assignment", "the memory of a differentiable array is written as another type")
        if key is ... and tensor.shape == self.shape and self.is_whole(view):
            self.tensor, self.labels = tensor, None
            return
        if self.labels is None:
            self.sources, self.starts, self.tensor = [self._flat()], [0], None
            self.labels = np.arange(math.prod(self.shape))
        start = self.starts[-1] + self.sources[-1].numel()
        self.labels_of(view)[key] = np.arange(start, start + tensor.numel()).reshape(tensor.shape)
        self.sources.append(tensor)
        self.starts.append(start)


def gather(sources: list[torch.Tensor], starts: list[int], labels: np.ndarray) -> torch.Tensor:
    """The tensor whose elements are those that the labels name. A source that comes whole comes as it is."""
    if labels.size == 0:
        return torch.zeros(labels.shape, dtype=sources[0].dtype)
    first, last = bisect_right(starts, labels.min()) - 1, bisect_right(starts, labels.max()) - 1
    source, start = sources[first], starts[first]
    if first != last:
        used = np.unique(np.searchsorted(starts, labels.ravel(), "right") - 1)
        if len(used) <= last - first:  # leave out what was overwritten
            old = np.asarray(starts)[used]
            sizes = [sources[k].numel() for k in used]
            new = np.concatenate([[0], np.cumsum(sizes)[:-1]])
            position = np.searchsorted(old, labels.ravel(), "right") - 1
            labels = labels - (old - new)[position].reshape(labels.shape)
            start = 0
        parts = [sources[k].reshape(-1) for k in used]
        if any(part.dtype != parts[0].dtype for part in parts):
            parts = [part.to(torch.complex128) for part in parts]
        source = torch.cat(parts)
    local = labels - start if start else labels
    flat = local.ravel()
    count = source.numel()
    if flat.size == count and flat[0] == 0 and flat[-1] == count - 1 and bool((flat[1:] > flat[:-1]).all()):
        return source if source.shape == labels.shape else source.reshape(labels.shape)
    return source.reshape(-1)[torch.from_numpy(np.array(flat))].reshape(labels.shape)


def begin(owner: np.ndarray, tensor: torch.Tensor) -> Storage:
    """Beside the memory of `owner` there is now `tensor`."""
    storages, number = Active.record.storages, id(owner)
    storage = Storage(owner, tensor, lambda _: storages.pop(number, None))
    storages[number] = storage
    return storage


# --- lifted arrays ---------------------------------------------------------------------------------------------------


class ArrayType(type):
    """Any NumPy array is an instance of what user code knows as numpy.ndarray; NumPy's scalars are none."""

    def __instancecheck__(cls, instance) -> bool:
        if cls is LiftedArray:
            return isinstance(instance, np.ndarray) and type(instance) is not LiftedScalar
        return type.__instancecheck__(cls, instance)


def call(function: Callable, *args, **kwargs):
    """A NumPy function on arguments of which some may be lifted."""
    if Active.record is None:
        return function(*plain(args), **plain(kwargs))
    if depends((args, kwargs)):
        handler = FUNCTIONS.get(function)
        if handler is not None:
            return handler(*args, **kwargs)
        result = wrap(function(*plain(args), **plain(kwargs)))
        if holds_floats(result):
            raise NotLifted(name_of(function), "no derivative is known for it")
        return result
    result = wrap(function(*plain(args), **plain(kwargs)))
    out = kwargs.get("out")
    return result if out is None else out


def holds_floats(result) -> bool:
    if isinstance(result, (np.ndarray, np.generic)):
        return result.dtype.kind in FLOATING
    return isinstance(result, float) or (isinstance(result, SEQUENCES) and any(map(holds_floats, result)))


FUNCTIONS: dict[Callable, Callable] = {}  # NumPy function -> its translation, filled where the translations are


class LiftedArray(np.ndarray, metaclass=ArrayType):
    """A NumPy array that user code may fill with values that depend on the parameters."""

    __array_priority__ = 1.0

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return apply(ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return call(function, *args, **kwargs)

    def __getitem__(self, key):
        key = plain(key) if type(key) in INDEX_TYPES else key
        result = np.ndarray.__getitem__(self, key)
        storage = storage_of(self)
        if storage is None or self.dtype.kind not in FLOATING:
            return result
        if not isinstance(result, np.ndarray):
            tensor = storage.read(np.ndarray.__getitem__(self, (*key, ...) if isinstance(key, tuple) else (key, ...)))
            return attach(result, tensor)
        if storage_of(result) is storage:  # a view
            return result
        labels = np.arange(self.size).reshape(self.shape)[key]
        return attach(plain(result), gather([storage.read(self)], [0], labels))

    def __setitem__(self, key, value):
        assign(self, key, value)

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __float__(self):
        value = float(np.ndarray.__float__(self))
        if depends(self) and not only_printing():
            Active.record.leak("float() of a value that depends on a parameter")
        return value

    def __complex__(self):
        if depends(self):
            Active.record.leak("complex() of a value that depends on a parameter")
        return complex(plain(self).item())

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        if self.dtype.kind == "O":
            return np.ndarray.__deepcopy__(self, memo)
        return self.copy(order="K")

    def __reduce__(self):
        if depends(self):
            Active.record.leak("pickled a value that depends on a parameter")
        return plain(self).__reduce__()

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    def __repr__(self):
        return repr(plain(self))

    def __str__(self):
        return str(plain(self))

    def __format__(self, spec):
        return format(plain(self), spec)

    # in place, but without out=: a ufunc would try to cast an operand that is a list
    def __imatmul__(self, other):
        self[...] = np.matmul(self, other)
        return self

    # methods of NumPy that are written in C and do not ask __array_function__
    def reshape(self, *shape, **kwargs):
        return move_one(lambda a: a.reshape(*plain(shape), **kwargs), self)

    def ravel(self, order="C"):
        return move_one(lambda a: a.ravel(order), self)

    def flatten(self, order="C"):
        return move_one(lambda a: a.flatten(order), self)

    def copy(self, order="C"):
        return move_one(lambda a: a.copy(order), self)

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
        dtype = as_dtype(dtype)
        storage = storage_of(self)
        real = plain(self).astype(dtype, order=order, casting=casting, copy=copy)
        if storage is None or storage_of(real) is storage or real.dtype.kind not in FLOATING:
            return self if storage_of(real) is storage and storage is not None else wrap(real)
        return attach(real, cast(storage.read(self), real.dtype))

    def view(self, *args, **kwargs):
        args = [as_dtype(a) if getattr(a, "dtype", None) is not None else a for a in args]
        return np.ndarray.view(self, *args, **kwargs)

    def item(self, *args):
        value = plain(self).item(*args)
        if not depends(self) or not isinstance(value, (float, complex)):
            return value
        flat = self.reshape(-1)
        return (
            flat[0]
            if not args
            else self[args[0]]
            if isinstance(args[0], tuple)
            else (flat[args[0]] if len(args) == 1 else self[args])
        )

    def tolist(self):
        if not depends(self) or self.ndim == 0:
            return self.item() if self.ndim == 0 else plain(self).tolist()
        return [row.tolist() if row.ndim else row for row in self]

    def tobytes(self, *args, **kwargs):
        if depends(self):
            Active.record.leak("tobytes() of a value that depends on a parameter")
        return plain(self).tobytes(*args, **kwargs)

    @property
    def flat(self):
        return Flat(self) if Active.record is not None else plain(self).flat

    @flat.setter
    def flat(self, values):
        Flat(self)[...] = values

    def fill(self, value):
        self[...] = value

    def sort(self, axis=-1, kind=None, order=None):
        self[...] = call(np.sort, self, axis, kind, order)

    def partition(self, kth, axis=-1, kind="introselect", order=None):
        self[...] = call(np.partition, self, kth, axis, kind, order)

    def put(self, indices, values, mode="raise"):
        return call(np.put, self, indices, values, mode)

    def resize(self, *shape, refcheck=True):
        if depends(self):
            raise NotLifted("ndarray.resize", "the memory of a differentiable array changes its size")
        return np.ndarray.resize(self, *shape, refcheck=refcheck)

    def clip(self, min=None, max=None, out=None, **kwargs):
        return call(np.clip, self, min, max, out=out, **kwargs)

    def dot(self, other, out=None):
        return call(np.dot, self, other) if out is None else call(np.dot, self, other, out=out)

    @property
    def real(self):
        return np.ndarray.real.__get__(self)

    @real.setter
    def real(self, value):
        np.ndarray.real.__get__(self)[...] = value


def _method(function: Callable):
    def method(self, *args, **kwargs):
        return call(function, self, *args, **kwargs)

    method.__name__ = function.__name__
    return method


for _name in (
    "all any argmax argmin argsort choose compress cumprod cumsum max mean min prod repeat round searchsorted std sum"
    " take trace var"
).split():
    setattr(LiftedArray, _name, _method(getattr(np, _name)))
LiftedArray.conj = LiftedArray.conjugate = lambda self, *args, **kwargs: np.conjugate(self, *args, **kwargs)


class LiftedScalar(LiftedArray):
    """What NumPy would give as a numpy.float64: a value that depends on a parameter and is never changed in place."""

    def __hash__(self):
        return hash(plain(self))

    def __bool__(self):
        return bool(plain(self))

    def __repr__(self):
        return repr(plain(self))

    def __format__(self, spec):
        return format(plain(self), spec)

    def __round__(self, digits=None):
        return round(float(plain(self))) if digits is None else np.round(self, digits)

    def __trunc__(self):
        return int(plain(self))

    def __floor__(self):
        return int(np.floor(plain(self)))

    def __ceil__(self):
        return int(np.ceil(plain(self)))

    def __setitem__(self, key, value):
        raise TypeError(f"'numpy.{self.dtype.type.__name__}' object does not support item assignment")

    def __iter__(self):
        raise TypeError(f"'numpy.{self.dtype.type.__name__}' object is not iterable")

    def __len__(self):
        raise TypeError(f"object of type 'numpy.{self.dtype.type.__name__}' has no len()")

    def is_integer(self):
        return plain(self).is_integer()

    def __iadd__(self, other):
        return self + other

    def __isub__(self, other):
        return self - other

    def __imul__(self, other):
        return self * other

    def __itruediv__(self, other):
        return self / other

    def __ifloordiv__(self, other):
        return self // other

    def __imod__(self, other):
        return self % other

    def __ipow__(self, other):
        return self**other


class Flat:
    """`array.flat` of an array that depends on a parameter."""

    def __init__(self, array: LiftedArray):
        self.base = array
        self.places = np.ndindex(*array.shape)

    def __iter__(self):
        return self

    def __next__(self):
        return self.base[next(self.places)]

    def __len__(self):
        return self.base.size

    def __getitem__(self, key):
        return self.base.flatten()[key]

    def __setitem__(self, key, value):
        where = np.zeros(self.base.size, bool)
        where[plain(key)] = True
        positions = np.arange(self.base.size)[plain(key)]
        positions = np.atleast_1d(positions)
        values = call(np.resize, lift(value), positions.shape)
        self.base[np.unravel_index(positions, self.base.shape)] = values

    def __array__(self, dtype=None, copy=None):
        return plain(self.base.flatten())

    def copy(self):
        return self.base.flatten()


INDEX_TYPES = (LiftedArray, LiftedScalar, tuple, list)


# --- between the two worlds ------------------------------------------------------------------------------------------


def plain(x):
    """The same without lifting: arrays as NumPy's own class on the same memory, also inside structures."""
    kind = type(x)
    if kind is LiftedArray:
        return np.ndarray.view(x, np.ndarray)
    if kind is LiftedScalar:
        return np.ndarray.view(x, np.ndarray)[()]
    if kind in (tuple, list):
        if any(type(e) in STRUCTURED or isinstance(e, (np.ndarray, torch.Tensor)) for e in x):
            return kind(map(plain, x))
        return x
    if kind is dict:
        return {key: plain(value) for key, value in x.items()}
    if kind is slice:
        return slice(plain(x.start), plain(x.stop), plain(x.step))
    if isinstance(x, np.ndarray):
        return np.ndarray.view(x, np.matrix) if isinstance(x, np.matrix) else x
    if isinstance(x, torch.Tensor):
        return bare(x).detach().resolve_conj().numpy()
    if isinstance(x, Flat):
        return plain(x.base.flatten())
    return SCALAR_TYPES.get(x, x) if isinstance(x, type) else x


def bare(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of user code as torch's own class, with its graph."""
    if type(tensor) is torch.Tensor:
        return tensor
    with torch._C.DisableTorchFunctionSubclass():
        return tensor.as_subclass(torch.Tensor)


STRUCTURED = (tuple, list, dict, slice, Flat)
SCALAR_TYPES: dict[type, type] = {}  # what user code knows as numpy.float64, float, ... -> what NumPy knows


def as_dtype(dtype):
    return SCALAR_TYPES.get(dtype, dtype) if isinstance(dtype, type) else dtype


def depends(x) -> bool:
    """Whether anything in x, arrays and structures of them, may depend on a parameter."""
    if isinstance(x, np.ndarray):
        if x.dtype.kind == "O":
            return any(
                depends(e) for e in np.ndarray.view(x, np.ndarray).ravel() if isinstance(e, (np.ndarray, *SEQUENCES))
            )
        return storage_of(x) is not None and x.dtype.kind in FLOATING
    if isinstance(x, SEQUENCES):
        return any(depends(e) for e in x if not isinstance(e, (int, float, str)))
    if isinstance(x, dict):
        return any(depends(e) for e in x.values())
    if isinstance(x, torch.Tensor):
        return x.requires_grad
    return isinstance(x, Flat)


def wrap(result):
    """NumPy's result for user code: arrays become able to hold values that depend on parameters."""
    if isinstance(result, np.ndarray):
        Active.record.see(result.dtype)
        if type(result) is np.ndarray:
            return np.ndarray.view(result, LiftedArray)
        return np.ndarray.view(result, LiftedMatrix) if type(result) is np.matrix else result
    if isinstance(result, np.generic):
        Active.record.see(result.dtype)
        return result
    if isinstance(result, SEQUENCES):
        if type(result) in SEQUENCES:
            return type(result)(map(wrap, result))
        if hasattr(result, "_fields"):
            return type(result)(*map(wrap, result))
    return result


def cast(tensor: torch.Tensor, dtype: np.dtype) -> torch.Tensor:
    """The tensor beside memory of that dtype: float64 or complex128, whatever the width of the memory."""
    if dtype.kind == "c":
        return tensor if tensor.dtype == torch.complex128 else tensor.to(torch.complex128)
    if tensor.is_complex():
        return tensor.real
    return tensor if tensor.dtype == torch.float64 else tensor.to(torch.float64)


def attach(real, tensor: torch.Tensor):
    """The lifted array with the values `real` computed by NumPy, and `tensor` beside it."""
    record = Active.record
    if not isinstance(real, np.ndarray):
        real, kind = np.array(real), LiftedScalar
    else:
        kind = LiftedMatrix if isinstance(real, np.matrix) else LiftedArray
        if real.base is not None or type(real) is not np.ndarray:
            real = np.array(real, order="K", subok=False)
    record.see(real.dtype)
    if real.dtype.kind in FLOATING:
        if tensor.shape != real.shape:
            tensor = tensor.reshape(real.shape)
        tensor = cast(tensor, real.dtype)
        compare(real, tensor)
        if tensor.requires_grad:
            begin(real, tensor)
        elif kind is LiftedScalar:
            return real[()]
    return np.ndarray.view(real, kind)


def compare(real: np.ndarray, tensor: torch.Tensor) -> None:
    """A note where torch's values are not NumPy's: the translation, or the memory beside it, is not faithful."""
    twin = tensor.detach().resolve_conj().numpy()
    with np.errstate(all="ignore"):
        difference = np.abs(twin - real)
    tolerance = FAITHFUL if real.itemsize >= 8 else 0.02
    largest = difference.max(initial=0.0)
    if largest <= 1e-8 or largest <= tolerance * np.abs(real).max():
        return
    finite = np.isfinite(real)
    if np.array_equal(finite, np.isfinite(twin)):
        if not finite.any() or difference[finite].max() <= 1e-8 + tolerance * np.abs(real[finite]).max():
            return
    Active.record.doubt(f"torch computed other values than NumPy, up to {largest:.3g} apart")


def constant(array) -> torch.Tensor:
    """A tensor with the values of an array, which may change later."""
    kind = np.complex128 if array.dtype.kind == "c" else np.float64
    return torch.from_numpy(np.array(array, kind, order="C", subok=False))


def tensor_of(x) -> torch.Tensor:
    """The tensor of a number, array, or nested list of them."""
    if isinstance(x, np.ndarray):
        storage = storage_of(x)
        if storage is not None and x.dtype.kind in FLOATING:
            return storage.read(x)
        return constant(np.ndarray.view(x, np.ndarray))
    if isinstance(x, torch.Tensor):
        return bare(x)
    if isinstance(x, SEQUENCES):
        return tensor_of(lift(x))
    return constant(np.asarray(x))


def operand(x):
    """The operand of a ufunc in torch: a tensor, or a Python number where it is one."""
    if isinstance(x, (bool, int, float, complex)):
        return complex(x) if isinstance(x, complex) else float(x)
    if isinstance(x, np.generic):
        return complex(x) if x.dtype.kind == "c" else float(x)
    return tensor_of(x)


def lift(x):
    """x as a lifted array; nested lists are stacked, and keep their graph."""
    if isinstance(x, np.ndarray):
        return x
    return call(np.array, x)


def name_of(function: Callable) -> str:
    module = getattr(function, "__module__", None) or "numpy"
    package = module.replace("numpy", "np", 1).split("._")[0].removesuffix(".core")
    return f"{package}.{getattr(function, '__name__', function)}"


# --- writing ---------------------------------------------------------------------------------------------------------


def assign(target: np.ndarray, key, value) -> None:
    """target[key] = value, in memory and beside it."""
    key = plain(key)
    memory = np.ndarray.view(target, np.ndarray)
    if memory.dtype.kind == "O":
        memory[key] = value
        return
    if isinstance(value, Flat):
        value = value.copy()
    differentiable = depends(value)
    if differentiable and not isinstance(value, np.ndarray):
        value = lift(value)
    if memory.dtype.kind not in FLOATING:
        if differentiable:
            Active.record.leak(f"a value that depends on a parameter is rounded into an array of {memory.dtype}")
        memory[key] = plain(value)
        return
    storage = storage_of(target)
    if storage is None and not differentiable:
        memory[key] = plain(value)
        return
    tensor = tensor_of(value)
    if storage is None:
        owner = owner_of(memory)
        storage = begin(owner, constant(owner))
    memory[key] = plain(value)
    while tensor.ndim > memory.ndim and tensor.shape[0] == 1 and key is ...:
        tensor = tensor[0]
    storage.write(memory, cast(tensor, memory.dtype), key)


def store(target: np.ndarray, tensor: torch.Tensor | None, compute: Callable) -> None:
    """`compute()` writes all of target's memory; `tensor` (None: no dependence) comes beside it."""
    storage = storage_of(target)
    if target.dtype.kind not in FLOATING or (storage is None and tensor is None):
        compute()
        return
    if storage is None:
        owner = owner_of(target)
        storage = begin(owner, constant(owner))
    compute()
    memory = np.ndarray.view(target, np.ndarray)
    tensor = constant(memory) if tensor is None else cast(tensor, memory.dtype)
    storage.write(memory, tensor if tensor.shape == memory.shape else torch.broadcast_to(tensor, memory.shape))


# --- moving ----------------------------------------------------------------------------------------------------------


class Labels:
    """Numbers the elements of arrays, 1 upwards; 0 is left for what the moving function fills in itself."""

    def __init__(self):
        self.sources: list[torch.Tensor] = []
        self.starts: list[int] = []
        self.end = 1

    def of(self, x, always: bool = False):
        """The same structure with labels for the elements; only of what may depend on parameters unless `always`."""
        if isinstance(x, SEQUENCES):
            inside = always or depends(x)
            return type(x)(self.of(e, inside) for e in x) if inside and type(x) in SEQUENCES else plain(x)
        if isinstance(x, Flat):
            x = x.copy()
        if not (always or depends(x)) or x is None:
            return plain(x)
        tensor = tensor_of(x)
        labels = np.arange(self.end, self.end + tensor.numel()).reshape(tensor.shape)
        self.sources.append(tensor)
        self.starts.append(self.end)
        self.end += tensor.numel()
        if isinstance(x, np.matrix):
            return np.asmatrix(labels)
        return labels if labels.ndim or isinstance(x, np.ndarray) else labels[()]

    def gather(self, labels, real) -> torch.Tensor:
        labels = np.asarray(labels)
        if labels.size and labels.min() == 0:  # what the function filled in: a constant
            filled = constant(np.asarray(real))
            return gather([filled.reshape(-1)[:1] * 0, *self.sources], [0, *self.starts], labels) + torch.where(
                torch.from_numpy(np.ascontiguousarray(labels == 0)), filled, 0.0
            )
        return gather(self.sources, self.starts, labels)


def moved(function: Callable, args: tuple, kwargs: dict, data: tuple[int, ...] = ()):
    """The result of a function that only moves elements. `data`: the positions whose numbers are elements, too."""
    labels = Labels()
    target = kwargs.pop("out", None)
    label_args = tuple(labels.of(x, i in data) for i, x in enumerate(args))
    label_kwargs = {key: labels.of(x) for key, x in kwargs.items() if key not in ("dtype", "casting")}
    real = function(*plain(args), **plain(kwargs))
    number = function(*label_args, **label_kwargs)
    result = _moved(real, number, labels)
    if target is not None:
        assign(target, ..., result)
        return target
    return result


def _moved(real, number, labels: Labels):
    if isinstance(real, SEQUENCES):
        return type(real)(_moved(r, n, labels) for r, n in zip(real, number))
    if isinstance(real, np.ndarray) and storage_of(real) is not None:
        return wrap(real)  # a view
    if not isinstance(real, (np.ndarray, np.generic)) or real.dtype.kind not in FLOATING:
        return wrap(real)
    return attach(real, labels.gather(number, real))


def move_one(function: Callable, array: np.ndarray):
    """`function(array)` for a method that only moves elements."""
    result = function(plain(array))
    if Active.record is None:
        return result
    if not depends(array) or storage_of(result) is not None:
        return wrap(result)
    labels = Labels()
    return attach(result, labels.gather(function(labels.of(array)), result))


# --- ufuncs ----------------------------------------------------------------------------------------------------------


def apply(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict):
    """A ufunc, or one of its methods, on operands of which some may be lifted."""
    record = Active.record
    if record is None:
        return getattr(ufunc, method)(*plain(inputs), **plain(kwargs))
    if method == "at":
        return _at(ufunc, *inputs)
    outs = kwargs.pop("out", ())
    outs = outs if isinstance(outs, tuple) else (outs,)
    tensors = None
    if depends(inputs) or (kwargs.get("where", True) is not True and depends(outs)):
        tensors = _translate(ufunc, method, inputs, outs, kwargs)
    if "dtype" in kwargs:
        kwargs["dtype"] = as_dtype(kwargs["dtype"])
    reals, arguments = plain(inputs), plain(kwargs)
    if not any(out is not None for out in outs):
        real = getattr(ufunc, method)(*reals, **arguments)
        if tensors is None:
            return wrap(real)
        if isinstance(real, tuple):
            return tuple(attach(r, t) for r, t in zip(real, tensors))
        return attach(real, tensors)

    def compute():
        getattr(ufunc, method)(*reals, out=tuple(plain(out) for out in outs), **arguments)

    if len(outs) == 1:
        store(outs[0], tensors, compute)
        return outs[0]
    compute()
    pairs = zip(outs, tensors if tensors is not None else (None,) * len(outs))
    for out, tensor in pairs:
        store(out, tensor, lambda: None)
    return outs


def _translate(ufunc: np.ufunc, method: str, inputs: tuple, outs: tuple, kwargs: dict):
    """The tensors of the result, or None where it does not depend on any parameter."""
    if any(isinstance(x, np.ndarray) and x.dtype.kind == "O" for x in inputs):
        return None
    if ufunc in ufuncs.STEPS or _answers(ufunc):
        return None
    if method == "__call__":
        function = ufuncs.of(ufunc)
        if function is None:
            raise NotLifted(name_of(ufunc), "no derivative is known for it")
        operands = [operand(x) for x in inputs]
        where = kwargs.get("where", True)
        if where is True:
            return function(*operands)
        mask = torch.from_numpy(np.array(plain(where), bool))
        safe = [
            torch.where(mask, x, torch.ones((), dtype=x.dtype)) if isinstance(x, torch.Tensor) else x for x in operands
        ]
        before = tensor_of(outs[0]) if outs else torch.zeros((), dtype=torch.float64)
        return torch.where(mask, function(*safe), before)
    handler = METHODS.get((ufunc, method)) or METHODS.get(method)
    if handler is None:
        raise NotLifted(f"{name_of(ufunc)}.{method}", "no derivative is known for it")
    if method == "outer":
        a, b = (tensor_of(x) for x in inputs)
        return ufuncs.of(ufunc)(a.reshape(*a.shape, *(1,) * b.ndim), b)
    return handler(*inputs, **{key: value for key, value in kwargs.items() if key != "dtype"})


def _answers(ufunc: np.ufunc) -> bool:
    """Whether a ufunc of floats gives truth values or integers, as comparisons do."""
    known = ANSWERS.get(ufunc)
    if known is None:
        results = {code.split("->")[1][0] for code in ufunc.types if "d" in code.split("->")[0]}
        known = ANSWERS[ufunc] = bool(results) and results <= set("?bBhHiIlLqQpP")
    return known


ANSWERS: dict[np.ufunc, bool] = {}
METHODS: dict = {"outer": True}  # (ufunc, "reduce") ... -> translation, filled where the translations are


def _at(ufunc: np.ufunc, target: np.ndarray, indices, *values):
    """ufunc.at: repeated indices count every time."""
    if not depends((target, values)):
        compute = lambda: ufunc.at(plain(target), plain(indices), *plain(values))  # noqa: E731
        return store(target, None, compute)
    flat_target = target.reshape(-1)
    if storage_of(flat_target) is not storage_of(target) or storage_of(target) is None:
        flat_target = target.flatten()
    positions = np.arange(target.size).reshape(target.shape)[plain(indices)]
    chosen = call(np.broadcast_to, lift(values[0]), positions.shape).reshape(-1) if values else None
    result, position = tensor_of(flat_target), torch.from_numpy(positions.reshape(-1).copy())
    if ufunc in (np.add, np.subtract):
        value = tensor_of(chosen)
        result = result.index_add(0, position, value if ufunc is np.add else -value)
    elif ufunc in (np.multiply, np.divide):
        value = tensor_of(chosen)
        factor = torch.ones_like(result)
        for p, v in zip(position, value if ufunc is np.multiply else 1 / value):
            factor = factor * torch.ones_like(result).index_put((p,), v)
        result = result * factor
    else:
        function = ufuncs.of(ufunc)
        if function is None:
            raise NotLifted(f"{name_of(ufunc)}.at", "no derivative is known for it")
        for i, p in enumerate(position):
            changed = function(result[p], tensor_of(chosen)[i]) if values else function(result[p])
            result = result.index_put((p,), changed)
    return store(target, result.reshape(target.shape), lambda: ufunc.at(plain(target), plain(indices), *plain(values)))


class LiftedMatrix(LiftedArray, np.matrix):
    """numpy.matrix: `*` is the matrix product, everything stays two-dimensional."""

    __array_priority__ = 10.0

    def __getitem__(self, key):
        key = plain(key)
        if not depends(self):
            return wrap(plain(self)[key]) if Active.record is not None else plain(self)[key]
        return moved(lambda matrix: matrix[key], (self,), {})

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __mul__(self, other):
        if np.ndim(plain(other)) == 0:
            return np.multiply(self, other)
        return call(np.dot, self, _columns(other))

    def __rmul__(self, other):
        return np.multiply(other, self) if np.ndim(plain(other)) == 0 else call(np.dot, other, self)

    def __imul__(self, other):
        self[...] = self * other
        return self

    def __pow__(self, exponent):
        return call(np.linalg.matrix_power, self, exponent)

    def __ipow__(self, exponent):
        self[...] = self**exponent
        return self

    @property
    def A(self):
        return np.ndarray.view(self, LiftedArray)

    @property
    def A1(self):
        return self.A.ravel()

    @property
    def I(self):  # noqa: E743
        return call(np.linalg.inv if self.shape[0] == self.shape[1] else np.linalg.pinv, self)

    @property
    def H(self):
        return self.T.conj() if self.dtype.kind == "c" else self.T

    getA = A.fget
    getA1 = A1.fget
    getI = I.fget
    getH = H.fget
    getT = np.matrix.transpose

    def flatten(self, order="C"):
        return move_one(lambda matrix: matrix.flatten(order), self)

    def tolist(self):
        return self.A.tolist()

    def item(self, *args):
        return self.A.item(*args)


def _columns(other):
    """The right operand of a matrix product: a flat one is a row."""
    if isinstance(other, (np.ndarray, *SEQUENCES)) and not isinstance(other, np.matrix):
        other = lift(other)
        other = np.ndarray.view(other.reshape(1, -1) if other.ndim < 2 else other, LiftedMatrix)
    return other
