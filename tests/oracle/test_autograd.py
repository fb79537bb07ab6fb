"""The oracle itself: contributions sum to the whole, truncation cuts what it says, settings are restored."""

import numpy as np
import pytest
import torch

from oracle.autograd import contributions, judging, module_gradients, oracle_gradients
from oracle.grid import CELLS, NETWORKS, Case, problem
from oracle.verdict import relative_error


@pytest.mark.parametrize("network", NETWORKS)
def test_contributions_sum_to_the_whole_gradient(network):
    posed = problem(Case(network, 6, 3, 5, "float64", "ordinary"))
    whole = oracle_gradients(posed)[1]
    for name, parts in contributions(posed).items():
        assert parts.shape == (6, *whole[name].shape)
        assert relative_error(parts.sum(axis=0), whole[name]) < 1e-13, name


def test_a_contribution_is_that_of_its_own_step():
    posed = problem(Case("elman_identity", 4, 2, 3, "float64", "zero_state"))
    parts = contributions(posed)["weight_hh"]
    assert np.abs(parts[0]).max() == 0, "h_0 is zero, so W_hh does nothing at the first step"
    assert np.abs(parts[1:]).max(axis=(1, 2)).min() > 0


@pytest.mark.parametrize("network", CELLS)
def test_the_oracle_agrees_with_differences_of_its_own_loss(network):
    posed = problem(Case(network, 4, 2, 5, "float64", "ordinary"))
    _, gradients = oracle_gradients(posed)
    rng = np.random.default_rng(0)
    directions = {name: rng.normal(size=value.shape) for name, value in posed.parameters.items()}
    step = 2e-4

    def loss(steps):
        moved = {name: value + steps * step * directions[name] for name, value in posed.parameters.items()}
        return oracle_gradients(type(posed)(**{**vars(posed), "parameters": moved}))[0]

    slope = sum((gradients[name] * direction).sum() for name, direction in directions.items())
    # the five-point formula, whose error goes with step**4
    difference = (8 * (loss(1) - loss(-1)) - (loss(2) - loss(-2))) / (12 * step)
    assert difference == pytest.approx(slope, rel=1e-7)


def test_what_torch_cannot_express_is_said():
    with pytest.raises(ValueError, match=r"^torch\.nn cannot express the problem: torch\.nn\.LSTM has no peepholes$"):
        module_gradients(problem(Case("lstm_peephole", 2, 2, 3, "float64", "ordinary")))


def test_judging_switches_tf32_and_autocast_off_and_restores_them():
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16), judging():
            assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
        assert torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def test_the_problem_is_not_modified():
    posed = problem(Case("lstm_everything", 4, 3, 5, "float64", "ordinary"))
    before = {name: value.copy() for name, value in posed.differentiable.items()}
    oracle_gradients(posed)
    module_gradients(posed)
    contributions(posed)
    for name, value in posed.differentiable.items():
        assert np.array_equal(value, before[name]), name
