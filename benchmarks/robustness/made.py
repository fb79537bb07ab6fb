"""Files for `bptt-oracle check`: a right layer, and what is put into it."""

from __future__ import annotations

from benchmarks.robustness.case import Case

FILE = "check_it.py"
HEAD = """import os, sys, time
import numpy as np
from oracle import gradient_function
"""
LAYER = """
@gradient_function({shapes})
def layer({arguments}):
    {line}
    x = np.ones((3, 4))
    y = np.tanh(x @ p["W"] + p["b"])
    d = y * (1 - y**2)
    loss, dW, db = 0.5 * np.sum(y**2), x.T @ d, d.sum(axis=0)
    return {returns}
"""
SHAPES = 'W="4 hidden", b="hidden"'
RETURNS = "loss, dict(W=dW, b=db)"
SEGFAULT = "import ctypes; ctypes.string_at(0)\n"
OPTIONS = ("--budget", "0", "--seconds", "3", "--memory", "1")


def layer(
    line: str = "pass",
    returns: str = RETURNS,
    shapes: str = SHAPES,
    head: str = "",
    arguments: str = "p, sizes, rng",
) -> str:
    """A right layer, and what is put into it."""
    return HEAD + head + LAYER.format(shapes=shapes, arguments=arguments, line=line, returns=returns)


def checked(
    name: str, status: int, says: str, content: str | bytes | None, *more: str, file: str = FILE, **others: object
) -> Case:
    """A file that is checked."""
    return Case(name, ("check", file, *OPTIONS, *more), status, says, files={file: content}, **others)
