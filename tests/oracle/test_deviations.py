"""Deviations: declared ones are applied, undeclared ones named, and a mistake is neither."""

import numpy as np
import pytest

from oracle.deviations import (
    applied,
    clip,
    clip_norm,
    clipped_norm,
    factor,
    factor_names,
    named_factor,
    recognised,
    weight_decay,
)

RNG = np.random.default_rng(0)
TRUTH = {"W": RNG.normal(size=(4, 3)), "b": RNG.normal(size=4)}
PARAMETERS = {"W": RNG.normal(size=(4, 3)), "b": RNG.normal(size=4)}
SIZES = {"time": 5, "batch": 3}


@pytest.mark.parametrize(
    "deviation, expected",
    [
        (clip(-0.5, 0.5), lambda n, g: np.clip(g, -0.5, 0.5)),
        (clip(-0.5, 0.5, "b"), lambda n, g: np.clip(g, -0.5, 0.5) if n == "b" else g),
        (factor(-1 / 3, "W"), lambda n, g: -g / 3 if n == "W" else g),
        (weight_decay(0.1), lambda n, g: g + 0.1 * PARAMETERS[n]),
        (clip_norm(1e9), lambda n, g: g),
    ],
    ids=["clip", "clip of one", "factor", "weight decay", "joint norm"],
)
def test_declared(deviation, expected):
    for name, gradient in applied((deviation,), TRUTH, PARAMETERS).items():
        assert np.allclose(gradient, expected(name, TRUTH[name]), rtol=1e-15)


def test_the_joint_norm():
    scaled = applied((clip_norm(0.5),), TRUTH, PARAMETERS)
    assert np.isclose(np.sqrt(sum(np.sum(g**2) for g in scaled.values())), 0.5)
    assert np.isclose(np.linalg.norm(applied((clip_norm(0.5, "b"),), TRUTH, PARAMETERS)["b"]), 0.5)


def test_their_order_counts():
    clipped_last = applied((factor(10), clip(-1, 1)), TRUTH, PARAMETERS)["W"]
    clipped_first = applied((clip(-1, 1), factor(10)), TRUTH, PARAMETERS)["W"]
    assert np.abs(clipped_last).max() == 1 and np.abs(clipped_first).max() > 1


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: clip(1, -1), "clip from 1 to -1: the first should be less than the second"),
        (lambda: clip_norm(0), "clip_norm is given 0, but should be given a positive number"),
        (lambda: clip_norm("1"), "clip_norm is given '1', but should be given a positive number"),
        (lambda: factor("2"), "factor is given '2', but should be given a finite number that is not 0"),
        (lambda: factor(np.ones(2)), "factor is given array.*, but should be given a finite number"),
        (lambda: weight_decay(None), "weight_decay is given None, but should be given a finite number"),
        (lambda: factor(0), "factor is given 0, but should be given a finite number that is not 0"),
        (lambda: weight_decay(np.inf), "weight_decay is given inf"),
        (lambda: applied((clip(-1, 1, "V"),), TRUTH, PARAMETERS), r"is for 'V', but there is only W, b"),
    ],
)
def test_bad_ones(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_clip_between_what_is_no_number():
    with pytest.raises(TypeError, match="clip from 'a' to 'b': both should be numbers"):
        clip("a", "b")


@pytest.mark.parametrize(
    "given, words",
    [
        (TRUTH["W"] / 3, "exactly 1/batch = 0.333333 times the right one"),
        (-TRUTH["W"], "exactly -1 times the right one"),
        (5 * TRUTH["W"], "exactly time = 5 times the right one"),
        (0.25 * TRUTH["W"], "exactly 0.25 times the right one"),
        (np.clip(TRUTH["W"], -0.5, 0.5), "exactly clip(the right one, -0.5, 0.5)"),
        (TRUTH["W"] + 0.01 * PARAMETERS["W"], "exactly the right one plus 0.01 times the parameter"),
        (np.zeros((4, 3)), "it is all zeros; is it ever written?"),
    ],
    ids=["mean", "ascent", "doubled", "quarter", "clipped", "decayed", "zeros"],
)
def test_recognised(given, words):
    found = recognised({"W": given}, TRUTH, PARAMETERS, {"W": 1e-14, "b": 1e-14}, SIZES)
    assert found["W"].startswith(words)


def test_a_clip_that_touches_one_element_is_known_by_its_round_bound():
    right = TRUTH["W"] / TRUTH["W"].max() * 6
    tolerance = {"W": 1e-14}
    clipped = {"W": np.minimum(right, 5)}
    assert (clipped["W"] != right).sum() == 1
    found = recognised(clipped, {"W": right}, PARAMETERS, tolerance, SIZES)
    assert found == {"W": "exactly the right one clipped to at most 5"}
    assert recognised({"W": np.minimum(right, 5.1234)}, {"W": right}, PARAMETERS, tolerance, SIZES) == {}


def test_a_mistake_is_no_deviation():
    wrong = TRUTH["W"].copy()
    wrong[2, 1] += 1e-6
    for given in (wrong, TRUTH["W"] @ RNG.normal(size=(3, 3)), TRUTH["W"].T):
        assert recognised({"W": given}, TRUTH, PARAMETERS, {"W": 1e-14, "b": 1e-14}, SIZES) == {}


def test_factors_have_the_names_of_sizes():
    assert named_factor(0.123, SIZES) == "0.123" and named_factor(-2 / 5, SIZES) == "-2/time = -0.4"
    assert factor_names(0.5, {"batch": 2, "time": 4}) == ["0.5", "1/batch", "2/time"]
    assert factor_names(7.5, SIZES) == ["time*batch/2"] and factor_names(1 / 15, SIZES) == ["1/(time*batch)"]


def test_a_joint_norm_is_recognised_by_its_round_number():
    scaled = applied((clip_norm(0.5),), TRUTH, PARAMETERS)
    assert clipped_norm(scaled, TRUTH, 1e-14) == pytest.approx(0.5)
    assert clipped_norm({name: 0.1 * g for name, g in TRUTH.items()}, TRUTH, 1e-14) is None
    assert clipped_norm(scaled | {"b": TRUTH["b"]}, TRUTH, 1e-14) is None
