"""The losses: values by their formulas, gradients by central differences, and the ends of the range."""

import math

import numpy as np
import pytest

from rnn_manual.losses import LOSSES, binary_cross_entropy, half_squared_error, reduced_loss, softmax_cross_entropy

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(5, 3, 7))
UNIT = RNG.random((5, 3, 7))
ROWS = UNIT / UNIT.sum(axis=-1, keepdims=True)
CLASSES = RNG.integers(7, size=(5, 3))


def test_half_squared_error():
    terms, gradient = half_squared_error(np.array([[1.0, 5.0]]), np.array([[3.0, 2.0]]))
    assert terms.tolist() == [6.5]  # (4 + 9) / 2
    assert gradient.tolist() == [[-2.0, 3.0]]


def test_binary_cross_entropy():
    """-(t log p + (1 - t) log(1 - p)) with p = 1/(1 + exp(-z)), summed over the features."""
    p = 1 / (1 + np.exp(-Z))
    expected = -(UNIT * np.log(p) + (1 - UNIT) * np.log(1 - p)).sum(axis=-1)
    np.testing.assert_allclose(binary_cross_entropy(Z, UNIT)[0], expected, rtol=1e-14)


def test_softmax_cross_entropy():
    """-log of the probability of the class."""
    p = np.exp(Z) / np.exp(Z).sum(axis=-1, keepdims=True)
    expected = -np.log(np.take_along_axis(p, CLASSES[..., None], axis=-1))[..., 0]
    np.testing.assert_allclose(softmax_cross_entropy(Z, CLASSES)[0], expected, rtol=1e-14)
    expected = -(ROWS * np.log(p)).sum(axis=-1)
    np.testing.assert_allclose(softmax_cross_entropy(Z, ROWS)[0], expected, rtol=1e-14)


@pytest.mark.parametrize("weights", [None, RNG.random((5, 3))], ids=["", "weighted"])
@pytest.mark.parametrize("reduction", ["sum", "batch_mean", "mean"])
@pytest.mark.parametrize(
    "loss, targets",
    [
        ("half_squared_error", Z[::-1]),
        ("binary_cross_entropy", UNIT),
        ("softmax_cross_entropy", ROWS),
        ("softmax_cross_entropy", CLASSES),
    ],
    ids=["squared", "binary", "rows", "classes"],
)
def test_gradient_is_the_derivative(loss, targets, reduction, weights):
    direction = RNG.normal(size=Z.shape)
    step = 1e-3

    def at(distance):
        return reduced_loss(loss, reduction, Z + distance * direction, targets, weights)[0]

    difference = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
    gradient = reduced_loss(loss, reduction, Z.copy(), targets, weights)[1]
    terms = gradient * direction
    assert difference == pytest.approx(terms.sum(), rel=0, abs=1e-10 * np.linalg.norm(terms))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("reduction", ["sum", "batch_mean", "mean"])
@pytest.mark.parametrize("name", LOSSES)
def test_dtype_is_kept(name, reduction, dtype):
    z, targets, weights = Z.astype(dtype), ROWS.astype(dtype), UNIT[..., 0].astype(dtype)
    for each in (None, weights):
        loss, gradient = reduced_loss(name, reduction, z, targets, each)
        assert loss.dtype == gradient.dtype == dtype


@pytest.mark.parametrize("name", LOSSES)
def test_arguments_are_left_alone(name):
    z, targets, weights = Z.copy(), ROWS.copy(), UNIT[..., 0].copy()
    _, gradient = reduced_loss(name, "mean", z, targets, weights)
    for array, original in ((z, Z), (targets, ROWS), (weights, UNIT[..., 0])):
        np.testing.assert_array_equal(array, original)
        assert not np.shares_memory(gradient, array)


@pytest.mark.parametrize("z", [800.0, -800.0, 1e30, -1e30])
def test_cross_entropies_far_out(z):
    """exp(800) overflows; the loss is |z| where it is wrong and 0 where it is right, and no warning is given."""
    wrong = float(z < 0)  # the target that is far from this logit
    logits = np.array([[z]])
    assert binary_cross_entropy(logits, np.array([[wrong]]))[0].tolist() == [abs(z)]
    assert binary_cross_entropy(logits, np.array([[1 - wrong]]))[0].tolist() == [0.0]
    assert binary_cross_entropy(logits, np.array([[wrong]]))[1].tolist() == [[math.copysign(1.0, z)]]
    pair = np.array([[z, 0.0]])
    likely = int(z < 0)
    assert softmax_cross_entropy(pair, np.array([1 - likely]))[0].tolist() == [abs(z)]
    assert softmax_cross_entropy(pair, np.array([likely]))[0].tolist() == [0.0]
