"""Running a program text twice: with NumPy, and lifted."""

from __future__ import annotations

import builtins
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from oracle.lifting import lifting
from oracle.substitution import CURRENT

FILENAME = "program.py"


def execute(source: str, **names) -> SimpleNamespace:
    """The names that a program defines, with the substitutes that are current."""
    substitutes = CURRENT.get()
    environment = dict(vars(builtins))
    if substitutes is not None:
        environment.update(substitutes.builtins)

        def import_(name, namespace=None, local=None, fromlist=(), level=0):
            if name in substitutes.modules:
                return substitutes.modules[name if fromlist else name.split(".")[0]]
            return builtins.__import__(name, namespace, local, fromlist, level)

        environment["__import__"] = import_
    namespace = {"__builtins__": environment, "__name__": "program", **names}
    exec(compile(textwrap.dedent(source), FILENAME, "exec"), namespace)
    return SimpleNamespace(**{name: value for name, value in namespace.items() if name != "__builtins__"})


def loss_of(source: str, parameters: dict[str, np.ndarray]) -> float:
    result = execute(source, **{name: value.copy() for name, value in parameters.items()}, rng=np.random.default_rng(7))
    loss = result.loss.detach() if isinstance(result.loss, torch.Tensor) else result.loss
    return float(loss.reshape(()) if isinstance(loss, np.ndarray) else loss)


def lifted_run(source: str, parameters: dict[str, np.ndarray]):
    """(what lifting gave, loss, gradients)."""
    with lifting(parameters) as lifted:
        result = execute(source, **lifted.parameters, rng=lifted.rng(np.random.default_rng(7)))
        loss = lifted.tensor(result.loss)
    found = torch.autograd.grad(loss, list(lifted.leaves.values()), allow_unused=True)
    gradients = {
        name: np.zeros(leaf.shape) if gradient is None else gradient.numpy()
        for (name, leaf), gradient in zip(lifted.leaves.items(), found)
    }
    return lifted, loss.item(), gradients


def differences(source: str, parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Central differences, with Richardson's step: the error is of fourth order."""

    def central(name, place, step):
        moved = {key: value.copy() for key, value in parameters.items()}
        moved[name][place] += step
        up = loss_of(source, moved)
        moved[name][place] -= 2 * step
        return (up - loss_of(source, moved)) / (2 * step)

    gradients = {name: np.zeros_like(value) for name, value in parameters.items()}
    for name, gradient in gradients.items():
        for place in np.ndindex(gradient.shape):
            gradient[place] = (4 * central(name, place, 5e-4) - central(name, place, 1e-3)) / 3
    return gradients


def agree(source: str, parameters: dict[str, np.ndarray], loss_tolerance: float = 1e-12):
    """The lifted loss is NumPy's, autograd's gradient is the differences'; no leak, no doubt."""
    lifted, loss, gradients = lifted_run(source, parameters)
    assert loss == pytest.approx(loss_of(source, parameters), rel=loss_tolerance, abs=loss_tolerance)
    expected = differences(source, parameters)
    for name, gradient in gradients.items():
        scale = max(1, np.abs(expected[name]).max())
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-6, atol=1e-6 * scale)
    assert lifted.leaks == [] and lifted.unfaithful == []
    assert any(np.abs(gradient).max() > 1e-3 for gradient in gradients.values()), "the program shows nothing"
    return lifted


@pytest.fixture(name="agree")
def _agree():
    return agree


@pytest.fixture(name="execute")
def _execute():
    return execute


@pytest.fixture(name="lifted_run")
def _lifted_run():
    return lifted_run


@pytest.fixture
def parameters() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {"W": rng.normal(size=(4, 3)), "S": rng.normal(size=(3, 3)), "v": rng.normal(size=3)}
