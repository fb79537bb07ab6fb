"""The elementwise functions: their values where rounding and overflow lurk, and each slope against its function."""

import math

import numpy as np
import pytest

from rnn_manual.activations import ACTIVATIONS, relu, sigmoid

A = np.linspace(-4, 4, 41)  # 0 among them
SMOOTH = ("tanh", "sigmoid", "identity")


@pytest.mark.parametrize("name", SMOOTH)
def test_slope_is_the_derivative(name):
    """By complex step: f(a + ih) = f(a) + ih f'(a) to rounding, and the slope is a function of the output."""
    function, slope = ACTIVATIONS[name]
    derivative = function(A + 1e-20j).imag / 1e-20
    np.testing.assert_allclose(slope(function(A)), derivative, rtol=1e-13, atol=1e-16)


def test_relu_and_its_slope():
    function, slope = ACTIVATIONS["relu"]
    np.testing.assert_array_equal(function(A), np.where(A > 0, A, 0))
    np.testing.assert_array_equal(slope(function(A)), A > 0)  # 0 at 0, as torch does


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_out_and_dtype(name, dtype):
    """With `out` the result is there, in place too; without, the argument is left alone. No dtype is promoted."""
    function, slope = ACTIVATIONS[name]
    a = A.astype(dtype)
    expected = function(a)
    np.testing.assert_array_equal(a, A.astype(dtype))
    assert expected.dtype == slope(expected).dtype == dtype
    out = np.empty_like(a)
    assert function(a, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert function(out := a.copy(), out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_leaves_the_output_alone(name):
    function, slope = ACTIVATIONS[name]
    output = function(A.copy())
    before = output.copy()
    assert not np.shares_memory(slope(output), output)
    np.testing.assert_array_equal(output, before)


@pytest.mark.parametrize("a", [-700.0, -40.0, -1e-9, 0.0, 1e-9, 40.0, 700.0])
def test_sigmoid_keeps_its_digits_in_both_tails(a):
    """A gate that is nearly closed is small, not nothing: to a few units in the last place of itself."""
    expected = 1 / (1 + math.exp(-a))
    assert sigmoid(np.array([a]))[0] == pytest.approx(expected, rel=1e-15, abs=0)


def test_sigmoid_where_exp_overflows():
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(sigmoid(np.array([-1e4, -np.inf, 1e4, np.inf])), [0, 0, 1, 1])


def test_nan_passes_through():
    """A NaN must not be healed into a number on its way."""
    for name, activation in ACTIVATIONS.items():
        assert np.isnan(activation.function(np.array([np.nan]))).all(), name
    assert np.isnan(relu(np.array([np.nan])))[0]
