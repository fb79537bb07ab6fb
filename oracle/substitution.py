"""What user code gets instead of NumPy and of some builtins while it is lifted."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Substitutes:
    """What user code gets instead of its imports and builtins.

    modules     import name -> what comes instead ("numpy", "numpy.random", "math", ...)
    builtins    builtin name -> what comes instead ("float", ...)
    """

    modules: Mapping[str, object]
    builtins: Mapping[str, object]


CURRENT: ContextVar[Substitutes | None] = ContextVar("CURRENT", default=None)  # None: plain mode
