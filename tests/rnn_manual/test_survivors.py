"""Tests that were written because a mutant survived all the others."""

from dataclasses import replace

import numpy as np
import pytest

from rnn_manual import (
    Network,
    dropout_masks,
    elman,
    gradients,
    gru,
    initial_parameters,
    loss_and_gradients,
    lstm,
    readout,
    recurrent,
)
from rnn_manual.losses import softmax_cross_entropy
from rnn_manual.readout import softmax

NETWORK = Network(cell="gru", input_size=4, hidden_size=6, output_size=7, layers=2, loss="softmax_cross_entropy")
EPS = np.finfo(np.float64).eps


def loss(network: Network, targets: np.ndarray, **options: object) -> np.floating:
    """Of T=5 steps of B=3 samples."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 3, 4))
    return loss_and_gradients(network, initial_parameters(network, rng), x, targets, **options)[0]


def rows(*first: float) -> np.ndarray:
    """Targets (5, 3, 7) that begin with the given numbers and are right everywhere else."""
    targets = np.zeros((5, 3, 7))
    targets[..., 6] = 1
    targets[0, 0] = 0
    targets[0, 0, : len(first)] = first
    return targets


@pytest.mark.parametrize(
    "loss_name, targets, message",
    [
        ("softmax_cross_entropy", rows(0, 0.5, -0.5, 1), "targets holds -0.5 at [0, 0, 2], "),
        ("softmax_cross_entropy", rows(0.5), "targets has a row that sums to 0.5 at [0, 0], "),
        ("softmax_cross_entropy", rows(1 + 57 * EPS), "targets has a row that sums to 1.0000000000000127 at [0, 0], "),
        ("binary_cross_entropy", rows(0, 1, 0.5, 1.5), "targets holds 1.5 at [0, 0, 3], "),
        ("binary_cross_entropy", rows(0, 1, 0.5, -0.5), "targets holds -0.5 at [0, 0, 3], "),
    ],
)
def test_the_first_wrong_target_is_named(loss_name, targets, message):
    with pytest.raises(ValueError) as caught:
        loss(replace(NETWORK, loss=loss_name), targets)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "loss_name, targets",
    [
        ("softmax_cross_entropy", rows(1 + 56 * EPS)),  # 8 O eps away from 1, with O=7
        ("softmax_cross_entropy", rows(1 - 56 * EPS)),
        ("binary_cross_entropy", rows(0, 1)),
    ],
)
def test_the_outermost_targets_are_right(loss_name, targets):
    assert np.isfinite(loss(replace(NETWORK, loss=loss_name), targets))


@pytest.mark.parametrize("name, shape", [("weights", (5, 3)), ("dropout_masks", (1, 5, 3, 6))])
def test_every_array_is_of_the_dtype_of_x(name, shape):
    with pytest.raises(TypeError) as caught:
        loss(NETWORK, rows(1), **{name: np.ones(shape, np.float32)})
    assert str(caught.value).startswith(f"{name} has dtype float32, but x has float64; ")


@pytest.mark.parametrize(
    "readout_name, lengths, within",
    [("every", [5, 2, 3], " within the lengths"), ("every", None, ""), ("last", [5, 2, 3], ""), ("last", None, "")],
)
def test_weights_are_within_lengths_only_where_there_are_steps(readout_name, lengths, within):
    network = replace(NETWORK, readout=readout_name, reduction="mean")
    terms = (5, 3) if readout_name == "every" else (3,)
    options = {"weights": np.zeros(terms), "lengths": None if lengths is None else np.array(lengths)}
    with pytest.raises(ValueError) as caught:
        loss(network, np.zeros(terms, int), **options)
    assert str(caught.value).startswith(f"weights sums to 0{within}, but ")


@pytest.mark.parametrize("loss_name", ["softmax_cross_entropy", "binary_cross_entropy"])
def test_a_loss_from_logits_applies_its_own_activation(loss_name):
    with pytest.raises(ValueError, match="output_activation is 'sigmoid', but should be 'identity'"):
        replace(NETWORK, loss=loss_name, output_activation="sigmoid")


HANDED_ON = (elman.Cache, lstm.Cache, gru.Cache, readout.Cache, recurrent.Forward, gradients.Run)


@pytest.mark.parametrize("record", HANDED_ON, ids=lambda record: f"{record.__module__}.{record.__name__}")
def test_what_a_pass_hands_on_cannot_be_changed(record):
    assert record.__dataclass_params__.frozen


def test_without_readout_there_is_none():
    bare = replace(NETWORK, reduction="mean").without_readout()
    assert bare == Network(cell="gru", input_size=4, hidden_size=6, layers=2)


class NothingButZeros(np.random.Generator):
    """The smallest number that a generator may give, always."""

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.zeros(shape)


def test_without_dropout_nothing_is_dropped():
    masks = dropout_masks(NETWORK, 5, 3, 0, NothingButZeros(np.random.PCG64(0)))
    np.testing.assert_array_equal(masks, np.ones((1, 5, 3, 6)))


FAR_APART = np.array([[1000.0, 1001.0], [0.0, 1.0], [-1000.0, -999.0]])


def test_softmax_of_rows_far_apart():
    small, large = 1 / (1 + np.e), np.e / (1 + np.e)
    np.testing.assert_allclose(softmax(FAR_APART), [[small, large]] * 3, rtol=1e-13)
    terms, gradient = softmax_cross_entropy(FAR_APART, np.array([0, 1, 0]))
    np.testing.assert_allclose(terms, [np.log(1 + np.e), np.log(1 + np.e) - 1, np.log(1 + np.e)], rtol=1e-13)
    np.testing.assert_allclose(gradient, [[small - 1, large], [small, large - 1], [small - 1, large]], rtol=1e-13)
