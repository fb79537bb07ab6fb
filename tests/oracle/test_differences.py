"""Derivatives from values of the loss: right to their own estimate of the error, and honest where they cannot be."""

import numpy as np
import pytest

from oracle.differences import NotAnalytic, along, central, complex_step, witness

RNG = np.random.default_rng(0)
PARAMETERS = {"W": RNG.normal(size=(3, 4)), "b": RNG.normal(size=3)}
X = RNG.normal(size=4)


def loss(p):
    return np.sum(np.tanh(p["W"] @ X + p["b"]) ** 2)


def gradients(p):
    h = np.tanh(p["W"] @ X + p["b"])
    delta = 2 * h * (1 - h**2)
    return {"W": np.outer(delta, X), "b": delta}


RIGHT = gradients(PARAMETERS)


def test_complex_step_is_exact():
    for name, gradient in complex_step(loss, PARAMETERS, loss(PARAMETERS)).items():
        assert np.abs(gradient - RIGHT[name]).max() < 1e-15


@pytest.mark.parametrize(
    "not_analytic, reason",
    [
        (lambda p: np.sum(np.abs(p["W"] @ X + p["b"])), "the imaginary part is dropped"),
        (lambda p: float(np.real(loss(p))), "the imaginary part is dropped"),
        (lambda p: loss({n: np.real(a) for n, a in p.items()}) + 0j, "no imaginary part arrives at the loss"),
        (lambda p: loss(p) + (1 if np.iscomplexobj(p["W"]) else 0), "and not"),
    ],
    ids=["abs", "float", "real", "another"],
)
def test_what_is_not_analytic_is_refused(not_analytic, reason):
    with pytest.raises(NotAnalytic, match=reason):
        complex_step(not_analytic, PARAMETERS, not_analytic(PARAMETERS))


def test_central_differences_are_as_good_as_they_say():
    found, errors = central(loss, PARAMETERS, np.float64)
    for name, gradient in found.items():
        error = np.abs(gradient - RIGHT[name])
        assert np.all(error <= errors[name]) and errors[name].max() < 1e-7


def test_float32_losses_are_given_larger_steps():
    found, errors = central(lambda p: np.float32(loss(p)), PARAMETERS, np.float32)
    for name, gradient in found.items():
        assert np.all(np.abs(gradient - RIGHT[name]) <= errors[name]) and errors[name].max() < 1e-2


def test_along_a_direction():
    direction = {"b": RNG.normal(size=3)}
    measured = along(loss, PARAMETERS, direction, np.float64)
    assert measured.agrees_with(np.sum(RIGHT["b"] * direction["b"]), times=1) and measured.error < 1e-6
    assert along(loss, PARAMETERS, {"b": np.zeros(3)}, np.float64).value == 0


@pytest.mark.parametrize(
    "given, true, sides_with",
    [
        (2 * RIGHT["W"], RIGHT["W"], "oracle"),
        (RIGHT["W"], 2 * RIGHT["W"], "code"),
        (RIGHT["W"] + 1, RIGHT["W"] - 1, "neither"),
        (RIGHT["W"] * (1 + 1e-12), RIGHT["W"], "nobody"),
    ],
)
def test_the_witness(given, true, sides_with):
    asked = witness(loss, PARAMETERS, {"W": given}, {"W": true}, np.float64)
    assert asked.sides_with == sides_with
    assert str(asked).startswith("along the direction in which they differ the loss changes by ")
