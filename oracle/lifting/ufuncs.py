"""What each NumPy ufunc is in torch. The functions get tensors or Python scalars, at least one of them a tensor."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np
import torch


def tensors(function: Callable) -> Callable:
    """`function` for operands that may be Python scalars: torch wants tensors."""

    def call(*operands):
        like = next(x for x in operands if isinstance(x, torch.Tensor))
        return function(*(x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=like.dtype) for x in operands))

    return call


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """a @ b of one dtype."""
    if a.dtype != b.dtype:
        common = torch.promote_types(a.dtype, b.dtype)
        a, b = a.to(common), b.to(common)
    return a @ b


def power(a, b):
    """a ** b; a constant exponent keeps the derivative finite at zero."""
    if isinstance(b, torch.Tensor) and not b.requires_grad and b.ndim == 0:
        b = b.item()
    return a**b


def remainder(a, b):
    return a - b * torch.floor(torch.div(*_both(a, b))).detach()


def fmod(a, b):
    return a - b * torch.trunc(torch.div(*_both(a, b))).detach()


def _both(a, b):
    like = a if isinstance(a, torch.Tensor) else b
    return tuple(x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=like.dtype) for x in (a, b))


def cbrt(x: torch.Tensor) -> torch.Tensor:
    return torch.sign(x) * torch.abs(x) ** (1 / 3)


UFUNCS: dict[np.ufunc, Callable] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.power: power,
    np.float_power: power,
    np.remainder: remainder,
    np.fmod: fmod,
    np.negative: operator.neg,
    np.positive: torch.clone,
    np.matmul: matmul,
    np.vecdot: lambda a, b: (a.conj() * b).sum(-1),
    np.absolute: torch.abs,
    np.fabs: torch.abs,
    np.square: lambda x: x * x,
    np.sqrt: torch.sqrt,
    np.cbrt: cbrt,
    np.reciprocal: torch.reciprocal,
    np.exp: torch.exp,
    np.exp2: torch.exp2,
    np.expm1: torch.expm1,
    np.log: torch.log,
    np.log2: torch.log2,
    np.log10: torch.log10,
    np.log1p: torch.log1p,
    np.sin: torch.sin,
    np.cos: torch.cos,
    np.tan: torch.tan,
    np.arcsin: torch.asin,
    np.arccos: torch.acos,
    np.arctan: torch.atan,
    np.arctan2: tensors(torch.atan2),
    np.hypot: tensors(torch.hypot),
    np.sinh: torch.sinh,
    np.cosh: torch.cosh,
    np.tanh: torch.tanh,
    np.arcsinh: torch.asinh,
    np.arccosh: torch.acosh,
    np.arctanh: torch.atanh,
    np.deg2rad: lambda x: x * (math.pi / 180),
    np.radians: lambda x: x * (math.pi / 180),
    np.rad2deg: lambda x: x * (180 / math.pi),
    np.degrees: lambda x: x * (180 / math.pi),
    np.maximum: tensors(torch.maximum),
    np.minimum: tensors(torch.minimum),
    np.fmax: tensors(torch.fmax),
    np.fmin: tensors(torch.fmin),
    np.logaddexp: tensors(torch.logaddexp),
    np.logaddexp2: tensors(torch.logaddexp2),
    np.copysign: tensors(torch.copysign),
    np.heaviside: tensors(lambda x, at_zero: torch.heaviside(x.detach(), at_zero)),
    np.conjugate: lambda x: x.conj().resolve_conj(),
    np.ldexp: lambda x, exponent: x * 2.0**exponent,
    np.divmod: lambda a, b: (torch.floor(torch.div(*_both(a, b))).detach(), remainder(a, b)),
    np.modf: lambda x: (x - torch.trunc(x).detach(), torch.trunc(x).detach()),
}

NAMED: dict[str, Callable] = {  # of newer NumPy and of scipy.special, which need not be installed
    "matvec": lambda a, x: (a @ x.unsqueeze(-1)).squeeze(-1),  # NumPy 2.2
    "vecmat": lambda x, a: (x.conj().unsqueeze(-2) @ a).squeeze(-2),
    "expit": torch.sigmoid,
    "logit": torch.logit,
    "log_expit": torch.nn.functional.logsigmoid,
    "erf": torch.erf,
    "erfc": torch.erfc,
    "ndtr": torch.special.ndtr,
    "log_ndtr": torch.special.log_ndtr,
    "gammaln": torch.lgamma,
    "psi": torch.digamma,
    "xlogy": tensors(torch.special.xlogy),
    "xlog1py": tensors(torch.special.xlog1py),
    "entr": torch.special.entr,
}

ONES = np._core.umath._ones_like  # what NumPy 2.0 makes of x ** 0
STEPS = frozenset(  # piecewise constant: their derivative is zero wherever there is one
    (np.sign, np.floor, np.ceil, np.rint, np.trunc, np.floor_divide, np.signbit, np.spacing, ONES)
)


def of(ufunc: np.ufunc) -> Callable | None:
    """The torch function of a ufunc, or None."""
    return UFUNCS.get(ufunc) or NAMED.get(ufunc.__name__)


def untranslated() -> set[str]:
    """The names of NumPy's ufuncs of floats that give floats and are not known here."""
    found = set()
    for name in dir(np):
        ufunc = getattr(np, name)
        if isinstance(ufunc, np.ufunc) and any(code.split("->")[1][0] == "d" for code in ufunc.types if "->" in code):
            if of(ufunc) is None and ufunc not in STEPS:
                found.add(ufunc.__name__)
    return found
