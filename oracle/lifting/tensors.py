"""What user code imports as torch while it is lifted: code with a backward pass of its own, made differentiable.

Nothing cuts the graph: no_grad does nothing; detach, data, clone and numpy give values that still depend on the
parameters; a `torch.autograd.Function` runs its forward as ordinary operations. Everything is computed in float64.
"""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable

import numpy as np
import torch

from oracle.lifting.arrays import attach, depends, lift, plain, tensor_of, wrap
from oracle.lifting.record import Active, NotLifted

NARROW = {torch.float32: torch.float64, torch.float16: torch.float64, torch.bfloat16: torch.float64,
          torch.complex64: torch.complex128}  # fmt: skip
RANDOM = frozenset("rand randn normal rand_like randn_like".split())
MAKING = frozenset("zeros ones empty full eye linspace logspace rand randn".split())


def saving_copies():
    """Autograd keeps copies of what it saves, so user code may overwrite its tensors."""
    return torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor.detach().clone(), lambda tensor: tensor)


class LiftedTensor(torch.Tensor):
    """A tensor of user code. Nothing that it does cuts the graph."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with saving_copies():
            return super().__torch_function__(function, types, args, kwargs or {})

    def detach(self):
        return self.view_as(self)

    def detach_(self):
        return self

    @property
    def data(self):
        return self.view_as(self)

    @data.setter
    def data(self, value):
        if value.data_ptr() != self.data_ptr():
            self.copy_(value)

    def requires_grad_(self, requires_grad=True):
        return self

    def retain_grad(self):
        return None

    def numpy(self, *, force=False):
        if not self.requires_grad:
            return wrap(plain(self))
        return attach(plain(self).copy(), tensor_of(self))

    def item(self):
        if not self.requires_grad:
            return super().item()
        return attach(np.float64(plain(self).item()), tensor_of(self))

    def tolist(self):
        return self.numpy().tolist()

    def __float__(self):
        if self.requires_grad:
            Active.record.leak("float() of a value that depends on a parameter")
        return float(plain(self).item())

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            Active.record.leak("an array of a tensor that depends on a parameter")
        return np.asarray(plain(self), dtype)

    def float(self):
        return narrowed(self.double())

    def half(self):
        return narrowed(self.double())

    def bfloat16(self):
        return narrowed(self.double())

    def type(self, dtype=None, **kwargs):
        if dtype is None:
            return super().type()
        if isinstance(dtype, str):
            dtype = getattr(torch, dtype.removeprefix("torch.")).dtype
        return self.to(wide(dtype))

    def backward(self, *args, **kwargs):
        raise NotLifted("Tensor.backward", "autograd is used inside the code under test; only its loss can be followed")

    def __deepcopy__(self, memo):
        return self.clone()


def narrowed(tensor):
    Active.record.narrow = True
    return tensor


def wide(dtype):
    """The dtype that is computed in where `dtype` was asked for."""
    if dtype in NARROW:
        Active.record.narrow = True
        return NARROW[dtype]
    return dtype


def ours(result):
    """Tensors in a result as tensors of user code."""
    if isinstance(result, torch.Tensor):
        if result.dtype in NARROW:
            Active.record.narrow = True
            result = result.to(NARROW[result.dtype])
        return result if isinstance(result, LiftedTensor) else result.as_subclass(LiftedTensor)
    if isinstance(result, (list, tuple)):
        made = map(ours, result)
        return (
            type(result)(*made)
            if hasattr(result, "_fields")
            else type(result)(made)
            if type(result) in (list, tuple)
            else result
        )
    return result


def theirs(x):
    """Lifted arrays in an argument as tensors."""
    if isinstance(x, np.ndarray):
        return tensor_of(x).clone().as_subclass(LiftedTensor) if depends(x) else plain(x)
    if type(x) in (list, tuple):
        return type(x)(map(theirs, x))
    return x


def function_of(function: Callable) -> Callable:
    """A torch function for user code."""
    name = function.__name__

    @functools.wraps(function)
    def lifted(*args, **kwargs):
        kwargs.pop("requires_grad", None)
        asked = kwargs.get("dtype")
        if asked is not None:
            kwargs["dtype"] = wide(kwargs["dtype"])
        elif name in MAKING and Active.record is not None:
            Active.record.narrow = True  # torch's own default is float32
        if name in RANDOM and "out" not in kwargs and asked in (None, torch.float32):
            if not any(isinstance(a, torch.Tensor) for a in args):
                kwargs["dtype"] = torch.float32  # the numbers that user code gets in float32
                if name == "normal":
                    kwargs.pop("dtype")
        with saving_copies():
            return ours(function(*theirs(args), **{key: theirs(value) for key, value in kwargs.items()}))

    return lifted


def make_tensor(data, dtype=None, device=None, requires_grad=False, pin_memory=False, copy=True):
    """torch.tensor, as_tensor, from_numpy: the graph goes on."""
    if isinstance(data, torch.Tensor):
        result = data.clone() if copy else data
    elif depends(data):
        if isinstance(data, (list, tuple)) and _holds_tensors(data):
            result = torch.stack([make_tensor(e) for e in data])
        else:
            result = tensor_of(lift(data)).clone()
    else:
        array = plain(data)
        if not isinstance(array, (np.ndarray, np.generic)):
            array = np.asarray(array)
            if array.dtype.kind == "f" and dtype is None:
                Active.record.narrow = True
        result = torch.tensor(array) if copy or not isinstance(array, np.ndarray) else torch.from_numpy(array)
    if dtype is not None:
        result = result.to(wide(dtype))
    return ours(result)


def _holds_tensors(x) -> bool:
    return isinstance(x, torch.Tensor) or (isinstance(x, (list, tuple)) and any(map(_holds_tensors, x)))


class Nothing(contextlib.ContextDecorator):
    """no_grad, enable_grad ...: as a context, as a decorator with and without parentheses."""

    def __new__(cls, function=None, *args, **kwargs):
        return function if isinstance(function, types.FunctionType) else super().__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None


class Context:
    """The ctx of an autograd Function."""

    saved_tensors: tuple = ()

    def save_for_backward(self, *tensors):
        self.saved_tensors = tensors

    save_for_forward = save_for_backward

    @property
    def needs_input_grad(self):
        return (True,) * 64

    def mark_dirty(self, *tensors):
        pass

    mark_non_differentiable = mark_shared_storage = set_materialize_grads = mark_dirty


class Function:
    """torch.autograd.Function whose forward is differentiated, not its backward believed."""

    @classmethod
    def apply(cls, *args, **kwargs):
        return forward_of(cls, *args, **kwargs)

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError


def forward_of(cls: type, *args, **kwargs):
    """What `cls.apply` gives, as ordinary operations."""
    context = Context()
    setup = cls.setup_context
    if setup in (Function.setup_context, torch.autograd.Function.setup_context):
        return ours(cls.forward(context, *args, **kwargs))
    output = cls.forward(*args, **kwargs)
    setup(context, args, output)
    return ours(output)


def no_autograd(name: str) -> Callable:
    def refuse(*args, **kwargs):
        raise NotLifted(name, "autograd is used inside the code under test; only its loss can be followed")

    return refuse


class TorchModule(types.ModuleType):
    """torch, or one of its modules, for user code."""

    def __init__(self, real: types.ModuleType, overrides: dict[str, object]):
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update(overrides, _real=real)
        for name in ("__all__", "__version__", "__path__", "__file__"):
            if hasattr(real, name):
                self.__dict__[name] = getattr(real, name)

    def __getattr__(self, name: str):
        value = getattr(self._real, name)
        if isinstance(value, torch.dtype):
            return wide(value)
        if isinstance(value, types.ModuleType):
            return MODULES.get(value.__name__, value)
        if isinstance(value, (types.BuiltinFunctionType, types.FunctionType)) and self._real is not torch.autograd:
            value = function_of(value)
        self.__dict__[name] = value
        return value

    def __dir__(self):
        return dir(self._real)


def _float_tensor(*args):
    if len(args) == 1 and not isinstance(args[0], int):
        return make_tensor(args[0], torch.float32)
    return narrowed(ours(torch.empty(*args)))


def _keep(tensor, *args, **kwargs):
    return tensor.detach() if isinstance(tensor, LiftedTensor) else ours(tensor)


MODULES: dict[str, types.ModuleType] = {}
_GRADIENT_MODES = dict.fromkeys(
    ("no_grad", "enable_grad", "inference_mode", "set_grad_enabled", "set_detect_anomaly"), Nothing
)
MODULES["torch.nn.functional"] = TorchModule(torch.nn.functional, {})
MODULES["torch.nn"] = TorchModule(torch.nn, {"Parameter": _keep, "functional": MODULES["torch.nn.functional"]})
MODULES["torch.linalg"] = TorchModule(torch.linalg, {})
MODULES["torch.special"] = TorchModule(torch.special, {})
MODULES["torch.autograd"] = TorchModule(
    torch.autograd,
    {
        "Function": Function,
        "Variable": _keep,
        "grad": no_autograd("torch.autograd.grad"),
        "backward": no_autograd("torch.autograd.backward"),
        **_GRADIENT_MODES,
    },
)
MODULES["torch.autograd.function"] = TorchModule(
    torch.autograd.function, {"Function": Function, "once_differentiable": lambda function: function}
)
MODULES["torch"] = TorchModule(
    torch,
    {
        "tensor": make_tensor,
        "as_tensor": functools.partial(make_tensor, copy=False),
        "asarray": functools.partial(make_tensor, copy=False),
        "from_numpy": functools.partial(make_tensor, copy=False),
        "FloatTensor": _float_tensor,
        "DoubleTensor": lambda *args: make_tensor(args[0], torch.float64),
        "LongTensor": lambda *args: make_tensor(args[0], torch.int64),
        "detach": _keep,
        "nn": MODULES["torch.nn"],
        "autograd": MODULES["torch.autograd"],
        **{k: v for k, v in _GRADIENT_MODES.items() if k != "set_detect_anomaly"},
    },
)
