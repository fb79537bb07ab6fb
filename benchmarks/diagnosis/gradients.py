"""The loss and gradients of a source, in plain NumPy, and which gradients two sources disagree about."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from benchmarks.diagnosis.mistake import source_of
from oracle.gradient_function import GradientFunction
from oracle.sizes import Parameters, Point, Sizes, draw, points

SAME = 1e-9  # relative to the largest entry; two right programs differ by 1e-14


def function_in(source: str, name: str = "program") -> GradientFunction:
    """The one gradient function that the source declares."""
    names = {"__name__": name}
    exec(compile(source, f"{name}.py", "exec"), names)
    (function,) = (value for value in names.values() if isinstance(value, GradientFunction))
    return function


def run(function: GradientFunction, point: Point) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and gradients at one case."""
    parameters = Parameters(draw(function.shapes, point))
    rng = np.random.default_rng(point.seed)
    with np.errstate(all="ignore"):
        loss, gradients = function(parameters, Sizes(dict(point.sizes)), rng)
    return float(loss), {name: np.array(gradient) for name, gradient in gradients.items()}


@cache
def right_at(program: str) -> tuple[tuple[Point, float, Mapping[str, np.ndarray]], ...]:
    """The right program at the cases that every function is checked at: (case, loss, gradients)."""
    function = function_in(source_of(program), program)
    return tuple((point, *run(function, point)) for point in points(function.shapes))


def fresh_at(program: str, seed: int) -> tuple[tuple[Point, float, Mapping[str, np.ndarray]], ...]:
    """The right program at sizes and numbers that no other case has: every size one larger, another seed."""
    function = function_in(source_of(program), program)
    larger = [
        point.with_sizes(**{name: size + 1 for name, size in point.sizes})
        for point in points(function.shapes, seed=seed)
    ]
    return tuple((point, *run(function, point)) for point in larger)


def difference(gradient: np.ndarray | None, right: np.ndarray) -> float:
    """max |gradient - right| / max |right|; infinite where the shape differs or something is not finite."""
    if gradient is None or gradient.shape != right.shape or not np.all(np.isfinite(gradient)):
        return np.inf
    error, largest = np.abs(gradient - right).max(), np.abs(right).max()
    return float(error / largest) if largest else float(np.inf if error else 0.0)


def differences(program: str, source: str, cases: int | None = None) -> tuple[float, dict[str, float]]:
    """How far the source's loss and each of its gradients is from the right program's: the largest over the cases.

    cases   only the first so many; the first has T = 5 and B = 3
    """
    function = function_in(source, program)
    in_loss, in_gradients = 0.0, {}
    for point, right_loss, right in right_at(program)[:cases]:
        loss, gradients = run(function, point)
        in_loss = max(in_loss, abs(loss - right_loss) / abs(right_loss))
        for name, value in right.items():
            in_gradients[name] = max(in_gradients.get(name, 0.0), difference(gradients.get(name), value))
    return in_loss, in_gradients


def wrong_parameters(program: str, source: str) -> frozenset[str]:
    """The parameters whose gradient the source has wrong."""
    return frozenset(name for name, error in differences(program, source)[1].items() if error > SAME)


def is_right(program: str, source: str, seed: int) -> bool:
    """Whether all the source's gradients are the right program's, at fresh sizes and numbers; what raises is not."""
    try:
        function = function_in(source, program)
        for point, right_loss, right in fresh_at(program, seed):
            loss, gradients = run(function, point)
            if gradients.keys() != right.keys() or not abs(loss - right_loss) <= SAME * abs(right_loss):
                return False
            if any(not difference(gradients[name], value) <= SAME for name, value in right.items()):
                return False
    except Exception:
        return False
    return True
