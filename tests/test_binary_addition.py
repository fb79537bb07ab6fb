"""The binary adder: its task, its training on gradients written by hand, and what it can do then."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from oracle import binary_addition
from oracle.binary_addition import (
    BITS,
    LOOK_EVERY,
    NETWORK,
    add,
    carry_chains,
    check_gradients,
    every_pair,
    learned,
    random_pairs,
    right_bits,
    train,
)
from oracle.verdict import AGREES, WRONG
from rnn_manual import initial_parameters

EXAMPLE = Path(__file__).parents[1] / "examples" / "binary_addition.py"


def as_integers(bits):
    """(bits, N) of zeros and ones, the least significant first, as Python's integers."""
    return [sum(int(bit) << t for t, bit in enumerate(column)) for column in bits.T]


@pytest.fixture(scope="module")
def trained():
    """(parameters, losses) after training with seed 0."""
    rng = np.random.default_rng(0)
    parameters = initial_parameters(NETWORK, rng)
    return parameters, list(train(parameters, rng))


@pytest.mark.parametrize("bits", [1, 8, 64])
def test_the_targets_are_the_sums(bits):
    numbers = random_pairs(bits, 50, np.random.default_rng(1))
    x, targets = add(numbers)
    assert x.shape == (bits + 1, 50, 2) and targets.shape == (bits + 1, 50, 1)
    first, second = (as_integers(x[..., k]) for k in range(2))
    assert max(first + second) < 2**bits
    assert as_integers(targets[..., 0]) == [a + b for a, b in zip(first, second)]


def test_every_pair_is_there_once():
    numbers = every_pair(BITS)
    pairs = set(zip(as_integers(numbers[..., 0]), as_integers(numbers[..., 1])))
    assert numbers.shape == (8, 65536, 2)
    assert pairs == {(a, b) for a in range(256) for b in range(256)}


def test_carry_chains_carry_over_every_distance():
    numbers = carry_chains(5)
    assert as_integers(numbers[..., 0]) == [1, 3, 7, 15, 31]
    assert as_integers(numbers[..., 1]) == [1] * 5


def test_it_learns_all_sums_of_8_bits(trained):
    parameters, losses = trained
    assert right_bits(parameters, every_pair()).all()
    assert learned(parameters)
    assert losses[0] == pytest.approx(np.log(2), rel=0.1)  # it begins by guessing
    assert losses[-1] < losses[0] / 2
    assert len(losses) % LOOK_EVERY == 0


def test_it_adds_longer_numbers_than_it_was_trained_on(trained):
    parameters, _ = trained
    right = right_bits(parameters, random_pairs(64, 1000, np.random.default_rng(2)))
    assert right.shape == (65, 1000)
    assert right.all(axis=0).mean() > 0.99
    assert right_bits(parameters, carry_chains(64)).all(axis=0).sum() == 64


def test_an_untrained_network_has_not_learned():
    assert not learned(initial_parameters(NETWORK, np.random.default_rng(0)))


def test_training_stops_at_the_limit():
    rng = np.random.default_rng(0)
    parameters = initial_parameters(NETWORK, rng)
    assert len(list(train(parameters, rng, limit=3))) == 3
    assert not learned(parameters)


def test_gradients_agree_before_and_after(trained):
    rng = np.random.default_rng(0)
    for parameters in (initial_parameters(NETWORK, rng), trained[0]):
        report = check_gradients(parameters, rng)
        assert report.outcome == AGREES
        assert {verdict.name for verdict in report.gradients} == {*NETWORK.parameter_axes(), "h_0", "x"}


def test_a_wrong_gradient_is_noticed(untransposed):
    rng = np.random.default_rng(0)
    report = check_gradients(initial_parameters(NETWORK, rng), rng)
    assert report.outcome == WRONG
    assert [verdict.name for verdict in report.gradients if verdict.outcome == WRONG] == ["weight_hh"]


def test_the_example_trains_verifies_and_draws(tmp_path):
    example = runpy.run_path(str(EXAMPLE))
    example["main"].callback.__globals__.update(WIDTHS=(64,), PAIRS=500)
    result = CliRunner().invoke(example["main"], ["--plot", str(tmp_path / "loss.png")])
    assert result.exit_code == 0, result.output
    for when in ("at the start", "at step ", "at the end, step "):
        assert f"gradients {when}" in result.output
    assert "wrong" not in result.output
    assert "8 bits: all 65,536 sums right" in result.output
    assert "64 bits: 100.0000% of the bits" in result.output
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_the_example_says_when_it_has_not_learned():
    example = runpy.run_path(str(EXAMPLE))
    example["main"].callback.__globals__["train"] = lambda parameters, rng: train(parameters, rng, limit=2)
    result = CliRunner().invoke(example["main"], [])
    assert result.exit_code == 1
    assert "not learned: some of the 65,536 sums of 8 bits are still wrong after 2 steps" in result.output


def test_the_example_fails_on_a_wrong_gradient(untransposed, monkeypatch):
    monkeypatch.setattr(binary_addition, "learned", lambda parameters: True)
    example = runpy.run_path(str(EXAMPLE))
    example["main"].callback.__globals__["WIDTHS"] = ()
    result = CliRunner().invoke(example["main"], [])
    assert result.exit_code == 1
    assert "gradients at the start: wrong; the worst: weight_hh wrong:" in result.output


def test_the_example_prints_a_table_over_seeds(monkeypatch):
    monkeypatch.setattr(binary_addition, "train", lambda parameters, rng: train(parameters, rng, limit=2))
    example = runpy.run_path(str(EXAMPLE))
    example["main"].callback.__globals__["PAIRS"] = 64
    result = CliRunner().invoke(example["main"], ["--seeds", "2"])
    assert result.exit_code == 1
    rows = result.output.splitlines()[2:]
    assert rows[0].startswith("| 0 | 2 | no |") and rows[1].startswith("| 1 | 2 | no |")
