"""Live functions: what they reach is bound to lifted NumPy, and restored."""

import functools
import math
import sys
import types
from math import exp

import numpy as np
import pytest
import torch
from numpy import dot

from oracle.lifting import lifting, swapped

SCALE = np.array([1.0, 2.0, 3.0])
BUFFER = np.zeros((2, 3))
ROW = BUFFER[1]
FACTORS = [np.full(3, 0.5), {"shift": np.ones(3)}]


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * x

    @staticmethod
    def backward(ctx, upstream):
        return upstream * 3  # wrong on purpose


class Layer:
    gain = np.array(2.0)

    def __init__(self, bias):
        self.bias = bias
        self.cache = {}

    def loss(self, v):
        self.cache["h"] = np.tanh(v * self.gain + self.bias)
        return np.sum(self.cache["h"] ** 2)


def reads_globals(v):
    return np.sum(v * SCALE) * exp(float(v[0])) + math.tanh(v[1]) + dot(v, v)


def writes_a_global_buffer(v):
    BUFFER[0] = v
    BUFFER[1] += np.tanh(v)
    return (BUFFER**2).sum() + (ROW * FACTORS[0] + FACTORS[1]["shift"]).prod()


def closure():
    offset, function = np.ones(3), np.exp

    def inside(v):
        offset[0] += v[0]
        return function(offset * v).sum()

    return inside


LAYER = Layer(np.full(3, 0.3))


def in_torch(v):
    with torch.no_grad():
        return Square.apply(torch.tensor(v)).sum()


def checks_types(v, scale=SCALE, *, shift=SCALE):
    assert isinstance(float(v[0]), float) and isinstance(v, np.ndarray)
    return (v * scale + shift).prod()


LIVE = {
    "globals": reads_globals,
    "global-buffer": writes_a_global_buffer,
    "closure": closure(),
    "bound-method": LAYER.loss,
    "calls-a-method": lambda v: LAYER.loss(v) * 2,
    "partial": functools.partial(lambda scale, v: (scale * v).prod(), SCALE),
    "torch-function": in_torch,
    "defaults": checks_types,
}


@pytest.mark.parametrize("function", LIVE.values(), ids=LIVE.keys())
def test_live_function(function):
    v, before = np.array([0.3, -0.5, 0.8]), state()
    with lifting({"v": v}) as lifted:
        with swapped(function, lifted):
            loss = function(lifted.parameters["v"])
        (gradient,) = torch.autograd.grad(lifted.tensor(loss), lifted.leaves["v"])
    assert not lifted.leaks and not lifted.unfaithful
    assert same(before, state()), "something was not restored"
    step, expected = 1e-6, np.zeros(3)
    for i in range(3):
        ends = []
        for sign in (1, -1):
            moved = v.copy()
            moved[i] += sign * step
            BUFFER[:] = 0
            for cell in getattr(function, "__closure__", None) or ():
                if isinstance(cell.cell_contents, np.ndarray):
                    cell.cell_contents[:] = 1
            ends.append(float(function(moved)))
        expected[i] = (ends[0] - ends[1]) / (2 * step)
    BUFFER[:] = 0
    LAYER.cache.clear()
    np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-7)


def state():
    """What the functions above are bound to."""
    names = {k: v for k, v in globals().items() if not k.startswith("__")}
    cells = [c.cell_contents for f in LIVE.values() for c in getattr(f, "__closure__", None) or ()]
    parts = Layer.gain, FACTORS[0], FACTORS[1]["shift"], vars(Square).get("apply")
    return [*names.items(), *cells, *vars(LAYER).items(), *parts]


def same(before, after):
    def alike(a, b):
        return a is b or (isinstance(a, tuple) and a[0] == b[0] and a[1] is b[1])

    return len(before) == len(after) and all(map(alike, before, after))


def test_restored_after_an_exception():
    before = state()
    with pytest.raises(ZeroDivisionError), lifting({"v": np.ones(3)}) as lifted, swapped(reads_globals, lifted):
        assert reads_globals.__globals__["np"] is not sys.modules["numpy"]
        raise ZeroDivisionError
    assert same(before, state())


def test_other_modules_of_the_user_are_reached(monkeypatch):
    helper = types.ModuleType("helper_of_the_user")
    exec("import numpy as np\nK = np.array([2.0, 3.0])\ndef f(v): return np.sum(K * v ** 2)", helper.__dict__)
    helper.__file__ = "/home/user/helper_of_the_user.py"
    monkeypatch.setitem(sys.modules, "helper_of_the_user", helper)
    real = helper.K

    def uses(v):
        return helper.f(v)

    with lifting({"v": np.array([1.0, 2.0])}) as lifted:
        with swapped(uses, lifted):
            loss = uses(lifted.parameters["v"])
        (gradient,) = torch.autograd.grad(lifted.tensor(loss), lifted.leaves["v"])
    assert gradient.tolist() == [4.0, 12.0] and helper.K is real and helper.np is np
