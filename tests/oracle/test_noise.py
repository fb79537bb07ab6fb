"""The rounding noise: that it perturbs what rounds and nothing else, and that it predicts."""

import numpy as np
import pytest
import torch

from oracle import binary_addition
from oracle.autograd import oracle_gradients
from oracle.grid import Case, problem
from oracle.network_check import check
from oracle.noise import AMPLITUDE, POOL, RoundDifferently, rounding_noise
from oracle.problem import Problem
from rnn_manual import Network, initial_parameters


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


def test_a_relu_on_its_kink_moves_what_it_reaches_and_nothing_else():
    def gradients(offset):
        x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
        y = torch.ones(3, dtype=torch.float64, requires_grad=True)
        loss = (torch.relu(x * (1 / x.detach()) - 1 + offset) + y).sum()
        return loss.item(), dict(zip("xy", (part.numpy() for part in torch.autograd.grad(loss, (x, y)))))

    def magnitudes(offset):
        loss, found = gradients(offset)
        return rounding_noise(lambda: gradients(offset), {"loss": np.asarray(loss), **found}, np.float64).magnitudes

    assert magnitudes(0.0)["x"] > 0.3, "the slope is 0 or 1 by chance"
    assert magnitudes(1e-9)["x"] < 1e-14 > magnitudes(0.0)["y"]


@pytest.mark.parametrize("network", ["elman", "lstm", "gru"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("regime", ["ordinary", "chaotic"])
def test_a_correct_pass_stays_within_it(network, dtype, regime):
    report = check(problem(Case(network, 21, 2, 12, dtype, regime)), always_measure=True)
    assert max(verdict.ratio for verdict in report.gradients) < AMPLITUDE / 2


@pytest.mark.parametrize("count", [2, 64, 10_000])
@pytest.mark.parametrize("form", ["sum", "sum along an axis", "mean", "mm", "bmm", "addmm"])
def test_a_sum_is_moved_by_its_terms_and_not_only_by_its_result(form, count):
    alternating = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(count // 2)
    ones = torch.ones(count, 1, dtype=torch.float64)
    add = {
        "sum": lambda: alternating.sum(),
        "sum along an axis": lambda: alternating[None].sum(dim=1),
        "mean": lambda: alternating.mean() * count,
        "mm": lambda: torch.mm(alternating[None], ones),
        "bmm": lambda: torch.bmm(alternating[None, None], ones[None]),
        "addmm": lambda: torch.addmm(alternating[-1:], alternating[None, :-1], ones[:-1]),
    }[form]
    moved = []
    for seed in range(50):
        with RoundDifferently(1e-6, seed=seed):
            moved.append(add().abs().item())
    expected = 1e-6 * np.sqrt(count) * max(1, np.sqrt(count / 64))
    assert 0.5 * expected < max(moved) <= 1.01 * expected


def test_a_product_of_single_numbers_rounds_too():
    three, five = (torch.full((1, 1), number, dtype=torch.float64) for number in (3.0, 5.0))
    with RoundDifferently(1e-3, seed=0):
        product = torch.mm(three, five).item()
    assert product != 15 and abs(product - 15) <= 15e-3


def test_infinities_stay_where_they_are():
    masked = torch.tensor([[0.5, -torch.inf, 1.0]], dtype=torch.float64)
    for seed in range(5):
        with RoundDifferently(1e-3, seed=seed):
            doubled, summed = masked * 2, masked.sum(dim=1)
        assert doubled[0, 1] == summed[0] == -torch.inf and doubled[0, 0] != 1


def test_a_product_of_integers_is_left_alone():
    with RoundDifferently(1e-3, seed=0):
        assert torch.mm(torch.full((1, 3), 2), torch.full((3, 1), 5)).item() == 30


def test_the_rounding_inside_a_softmax_is_measured():
    # the loss is log(1 + 3e-7): the sum rounds in its 16th digit, and so the loss in its 9th
    network = Network(cell="gru", input_size=2, hidden_size=3, output_size=4, loss="softmax_cross_entropy")
    parameters = initial_parameters(network, np.random.default_rng(0))
    parameters["bias_ho"] += [0, 0, 0, 16]
    posed = Problem(network, parameters, np.ones((1, 1, 2)), np.zeros((1, 1, 3)), targets=np.array([[3]]))
    loss, gradients = oracle_gradients(posed)
    oracle = {"loss": np.asarray(loss), **gradients}
    measured = rounding_noise(lambda: oracle_gradients(posed), oracle, np.float64).magnitudes
    assert 1e-11 < measured["loss"] / loss < 1e-7


def test_a_large_batch_is_no_false_alarm():
    # NumPy adds 9 * 1024 rows one after the other: 4 to 6 times the noise that a single rounding per sum would predict
    rng = np.random.default_rng(0)
    parameters = initial_parameters(binary_addition.NETWORK, rng)
    for _ in zip(range(100), binary_addition.train(parameters, rng)):
        pass
    x, targets = binary_addition.add(binary_addition.random_pairs(8, 1024, rng))
    posed = Problem(binary_addition.NETWORK, parameters, x, np.zeros((1, 1024, 16)), targets=targets)
    assert check(posed).outcome == "agrees"
