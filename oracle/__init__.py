"""PyTorch as the judge of hand-written gradients.

A file that only declares a gradient function does not wait for torch: what needs it is imported when it is asked for.
"""

from importlib import import_module

from oracle.balancing import balance
from oracle.capture import recovered, with_locals
from oracle.deviations import clip, clip_norm, factor, truncation, weight_decay
from oracle.forward import forward_like
from oracle.gradient_function import gradient_function
from oracle.grid import Case, problem
from oracle.load import load
from oracle.problem import Problem

_NEED_TORCH = {
    "GradientError": "oracle.gradient_check",
    "Report": "oracle.network_check",
    "Verdict": "oracle.verdict",
    "assert_gradients": "oracle.gradient_check",
    "check": "oracle.network_check",
    "check_gradients": "oracle.gradient_check",
}

__all__ = [
    "Case",
    "Problem",
    "balance",
    "clip",
    "clip_norm",
    "factor",
    "forward_like",
    "gradient_function",
    "load",
    "problem",
    "recovered",
    "truncation",
    "weight_decay",
    "with_locals",
    *_NEED_TORCH,
]


def __getattr__(name: str) -> object:
    if name not in _NEED_TORCH:
        raise AttributeError(f"module 'oracle' has no attribute {name!r}")
    globals()[name] = getattr(import_module(_NEED_TORCH[name]), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
