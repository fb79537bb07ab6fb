"""The rounding noise: that it perturbs what rounds and nothing else, and that it predicts."""

import numpy as np
import pytest
import torch

from oracle import binary_addition
from oracle.autograd import oracle_gradients
from oracle.grid import Case, problem
from oracle.network_check import check
from oracle.noise import AMPLITUDE, INDEPENDENT_RUNS, POOL, RoundAlike, RoundDifferently, rounding_noise
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


def largest(runs, compute):
    """How far what is computed moves at most in many runs."""
    expected, moved = compute(), []
    for run in runs:
        with run:
            computed = compute()
        moved.append(float((computed - expected).abs().max()))
    return max(moved)


def independent(seeds=30):
    return [RoundDifferently(1e-6, seed) for seed in range(seeds)]


def alike(seeds=30):
    return [RoundAlike(1e-6, seed, np.float64) for seed in range(seeds)]


def one_after_the_other(terms):
    total = torch.zeros_like(terms[0])
    for term in terms:
        total = total + term
    return total


def test_equal_numbers_round_equally():
    x = torch.tensor([3.0, 5.0, 3.0, 3.0 + 2e-16], dtype=torch.float64)
    for run in alike():
        with run:
            y, z = x * 7, x * 7
        assert torch.equal(y, z) and y[0] == y[2] == y[3] and y[0] / 21 != y[1] / 35


@pytest.mark.parametrize("dtype, apart", [(np.float32, 1e-8), (np.float64, 1e-17)])
def test_numbers_are_equal_if_the_judged_dtype_cannot_tell_them_apart(dtype, apart):
    x = torch.tensor([0.3, 0.3 + apart, 0.3 + 1e4 * apart], dtype=torch.float64)
    with RoundAlike(1e-3, 0, dtype):
        y = x * 7
    first, within, beyond = (y / (x * 7) - 1).tolist()
    assert first == pytest.approx(within, rel=1e-4) != beyond


def test_to_add_the_same_number_again_and_again_rounds_the_same_way():
    same, different = torch.full((400, 1), 0.1), torch.linspace(0.05, 0.15, 400)[torch.randperm(400)][:, None]

    def gain(terms):
        terms = terms.to(torch.float64)
        return largest(alike(), lambda: one_after_the_other(terms)) / largest(
            independent(), lambda: one_after_the_other(terms)
        )

    assert gain(same) > 4, "the errors of equal additions add up, those of independent ones only by their root"
    assert 0.5 < gain(different) < 2, "and where no two additions are equal nothing changes"


def test_to_add_zero_rounds_nothing():
    terms = torch.zeros(50, 1, dtype=torch.float64)
    terms[0] = 0.7
    with RoundAlike(1e-3, 0, np.float64):
        total = torch.zeros(1, dtype=torch.float64) + terms[0]
        for term in (*terms[1:], *-terms[1:]):
            total = total + term
    assert total == 0.7


@pytest.mark.parametrize("form", ["sum", "sum along axes", "mean", "mm", "mv", "dot", "bmm", "addmm"])
@pytest.mark.parametrize("equal", [1, 10, 1000])
def test_a_sum_of_equal_terms_is_moved_by_their_number(form, equal):
    count = 1000
    values = torch.linspace(1, 1.5, count // equal, dtype=torch.float64).repeat(equal)
    ones = torch.ones(count, 1, dtype=torch.float64)
    add = {
        "sum": lambda: values.sum(),
        "sum along axes": lambda: values.view(count // 10, 1, 10, 1).sum(dim=(0, 2)),
        "mean": lambda: values.mean() * count,
        "mm": lambda: torch.mm(values[None], ones),
        "mv": lambda: torch.mv(values[None], ones[:, 0]),
        "dot": lambda: torch.dot(values, ones[:, 0]),
        "bmm": lambda: torch.bmm(values[None, None], ones[None]),
        "addmm": lambda: torch.addmm(torch.zeros(1, dtype=torch.float64), values[None], ones),
    }[form]
    moved = largest(alike(), add)
    expected = 1e-6 * float(values.sum()) * np.sqrt(count * equal / 64)
    assert 0.5 * expected < moved < 1.2 * expected


@pytest.mark.parametrize("form", ["sum", "mm"])
def test_terms_that_are_zero_are_no_terms(form):
    values = torch.zeros(1000, 1, dtype=torch.float64)
    values[:16, 0] = torch.linspace(1, 2, 16)
    ones = torch.ones(1000, 1, dtype=torch.float64)
    moved = largest(alike(), lambda: values.sum(dim=0) if form == "sum" else values.T @ ones)
    assert moved < 1.2e-6 * 24 * np.sqrt(1000 / 64)


def test_only_runs_beyond_those_with_independent_draws_round_alike(monkeypatch):
    made = []
    for mode in (RoundDifferently, RoundAlike):
        begin = mode.__init__
        monkeypatch.setattr(
            mode, "__init__", lambda self, *a, begin=begin: (made.append(type(self)), begin(self, *a))[1]
        )
    posed = problem(Case("elman", 2, 1, 2, "float64", "ordinary"))
    loss, gradients = oracle_gradients(posed)
    oracle = {"loss": np.asarray(loss), **gradients}
    measured = rounding_noise(lambda: oracle_gradients(posed), oracle, np.float64, INDEPENDENT_RUNS).magnitudes
    assert set(made) == {RoundDifferently}
    more = rounding_noise(lambda: oracle_gradients(posed), oracle, np.float64, INDEPENDENT_RUNS + 3).magnitudes
    assert sum(mode is RoundAlike for mode in made) >= 3
    assert all(more[name] >= measured[name] for name in measured), "more runs only find more noise"
