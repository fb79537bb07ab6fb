"""The rounding noise: that it perturbs what rounds and nothing else, and that it predicts."""

import numpy as np
import pytest
import torch

from oracle.autograd import oracle_gradients
from oracle.check import check
from oracle.grid import Case, problem
from oracle.noise import AMPLITUDE, POOL, RoundDifferently, rounding_noise


def test_a_result_moves_by_at_most_the_amplitude():
    x = torch.linspace(1, 2, 50, dtype=torch.float64)
    with RoundDifferently(1e-6, seed=0):
        y = x * x
    change = (y / (x * x) - 1).abs()
    assert 0 < change.max() <= 1.001e-6


def test_views_and_in_place_results_are_left_alone():
    x = torch.ones(3, 4, dtype=torch.float64)
    with RoundDifferently(1e-6, seed=0):
        assert x.T.data_ptr() == x.data_ptr()
        assert torch.equal(x[1:].reshape(-1), x.reshape(-1)[:8])
        x += 1
    assert torch.equal(x, torch.full((3, 4), 2.0, dtype=torch.float64)), "the user's own tensor was changed"


def test_what_only_makes_moves_or_chooses_numbers_is_exact():
    x = torch.tensor([1.0, -2.0], dtype=torch.float64)
    with RoundDifferently(1e-3, seed=0):
        made = [torch.ones_like(x), torch.cat([x, x]), torch.relu(x), x.clone(), torch.where(x > 0, x, 0.0), -x]
    expected = [[1, 1], [1, -2, 1, -2], [1, 0], [1, -2], [1, 0], [-1, 2]]
    assert [tensor.tolist() for tensor in made] == expected


def test_the_backward_pass_is_perturbed_too():
    x = torch.ones(5, dtype=torch.float64, requires_grad=True)
    with RoundDifferently(1e-3, seed=0):
        (gradient,) = torch.autograd.grad((x * 3).sum(), x)
    assert not torch.equal(gradient, torch.full((5,), 3.0, dtype=torch.float64))


def test_results_larger_than_the_pool():
    x = torch.ones(POOL + 7, dtype=torch.float64)
    with RoundDifferently(1e-6, seed=0):
        y = x * x
    assert 0 < (y - 1).abs().max() <= 1.001e-6


def noise(case):
    posed = problem(case)
    loss, gradients = oracle_gradients(posed)
    oracle = {"loss": np.asarray(loss), **gradients}
    return oracle, rounding_noise(lambda: oracle_gradients(posed), oracle, np.dtype(case.dtype))


def test_more_noise_where_it_is_chaotic_and_in_float32():
    def relative(*case):
        oracle, measured = noise(Case("elman", *case))
        return measured.magnitudes["weight_hh"] / np.abs(oracle["weight_hh"]).max()

    calm = relative(13, 3, 16, "float64", "ordinary")
    assert 2**-53 <= calm < 1e-13
    assert relative(100, 3, 64, "float64", "chaotic") > 1e6 * calm
    assert 0.1 < relative(13, 3, 16, "float32", "ordinary") / (2**29 * calm) < 10


def test_it_can_be_repeated():
    assert (
        noise(Case("gru", 5, 3, 6, "float64", "ordinary"))[1] == noise(Case("gru", 5, 3, 6, "float64", "ordinary"))[1]
    )


def test_a_relu_on_its_kink_is_noticed():
    def gradients(offset):
        x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
        loss = torch.relu(x * (1 / x.detach()) - 1 + offset).sum()
        return loss.item(), {"x": torch.autograd.grad(loss, x)[0].numpy()}

    def near_kink(offset):
        loss, found = gradients(offset)
        oracle = {"loss": np.asarray(loss), **found}
        return rounding_noise(lambda: gradients(offset), oracle, np.float64).near_kink

    assert near_kink(0.0) and not near_kink(1e-9)


@pytest.mark.parametrize("network", ["elman", "lstm", "gru"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("regime", ["ordinary", "chaotic"])
def test_a_correct_pass_stays_within_it(network, dtype, regime):
    report = check(problem(Case(network, 21, 2, 12, dtype, regime)), always_measure=True)
    assert max(verdict.ratio for verdict in report.gradients) < AMPLITUDE / 2
