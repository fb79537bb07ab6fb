"""The readout: its values by the formula, and backward against the whole Jacobian of forward."""

import numpy as np
import pytest

from rnn_manual.readout import OUTPUT_ACTIVATIONS, backward, forward, softmax

RNG = np.random.default_rng(0)
PARAMETERS = {"weight_ho": RNG.normal(size=(6, 7)), "bias_ho": RNG.normal(size=7)}
FUNCTIONS = {
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "identity": lambda a: a,
    "softmax": lambda a: np.exp(a) / np.exp(a).sum(axis=-1, keepdims=True),
}
ACTIVATIONS = [name for name in OUTPUT_ACTIVATIONS if name != "softmax"]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("output_activation", OUTPUT_ACTIVATIONS)
@pytest.mark.parametrize("state_activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(5, 3, 6), (3, 6)], ids=["every", "last"])
def test_forward_is_the_formula_and_backward_its_jacobian(shape, state_activation, output_activation, bias):
    parameters = {name: value for name, value in PARAMETERS.items() if bias or name != "bias_ho"}
    h = RNG.normal(size=shape)

    def formula(h, parameters):
        v = FUNCTIONS[state_activation](h) @ parameters["weight_ho"] + parameters.get("bias_ho", 0)
        return FUNCTIONS[output_activation](v)

    y, cache = forward(h, parameters, state_activation, output_activation)
    np.testing.assert_allclose(y, formula(h, parameters), rtol=1e-12, atol=1e-15)

    d_y = RNG.normal(size=y.shape)
    d_h, gradients = backward(cache, d_y)
    assert d_h.shape == h.shape
    arguments = {"h": h} | parameters
    found = {"h": d_h} | gradients
    direction = {name: 0.1 * RNG.normal(size=value.shape) for name, value in arguments.items()}
    step = 1e-4  # short, so that no relu crosses its kink

    def at(distance):
        moved = {name: value + distance * direction[name] for name, value in arguments.items()}
        return np.vdot(d_y, formula(moved.pop("h"), moved))

    difference = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
    terms = [np.vdot(found[name], direction[name]) for name in arguments]
    assert difference == pytest.approx(sum(terms), rel=0, abs=1e-8 * np.linalg.norm(terms) + 1e-10)


def test_backward_leaves_everything_alone():
    h, d_y = RNG.normal(size=(5, 3, 6)), RNG.normal(size=(5, 3, 7))
    y, cache = forward(h, PARAMETERS, "identity", "identity")
    before = h.copy(), d_y.copy(), y.copy()
    backward(cache, d_y)
    for array, original in zip((h, d_y, y), before):
        np.testing.assert_array_equal(array, original)


def test_softmax_does_not_overflow():
    assert softmax(np.array([[1e4, 0.0], [-1e4, 0.0], [1e4, 1e4]])).tolist() == [[1, 0], [0, 1], [0.5, 0.5]]
