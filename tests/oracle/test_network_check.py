"""From a problem to its report: what the implementation may do with its arrays, and what it must return."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import rnn_manual
from oracle import grid
from oracle.autograd import oracle_gradients
from oracle.grid import Case, problem
from oracle.network_check import CHANGED, check
from oracle.noise import rounding_noise
from oracle.problem import arrays_of
from oracle.verdict import LIMIT, RUNS_IN_DOUBT

POSED = problem(Case("lstm", 5, 3, 6, "float64", "ordinary"))


def implementation(forward=rnn_manual.forward, backward=rnn_manual.backward):
    return SimpleNamespace(forward=forward, backward=backward)


def test_an_implementation_cannot_change_what_it_is_judged_on():
    def halves_its_input(network, parameters, x, **states):
        x *= 0.5
        return rnn_manual.forward(network, parameters, x, **states)

    report = check(POSED, implementation(forward=halves_its_input))
    assert str(report.gradients[0]) == f"argument x wrong: {CHANGED}"
    assert report.loss.outcome == "wrong", "it computes the loss of another x"
    assert report["weight_hh"].outcome == "wrong"


def test_an_upstream_gradient_used_as_a_buffer_is_named_and_the_rest_is_right():
    def carries_in_place(run, d_outputs, d_h_n, d_c_n):
        gradients = rnn_manual.backward(run, d_outputs, d_h_n, d_c_n)
        d_h_n += 1
        return gradients

    report = check(POSED, implementation(backward=carries_in_place))
    wrong = [str(verdict) for verdict in report.gradients if verdict.outcome == "wrong"]
    assert wrong == [f"argument d_h_n wrong: {CHANGED}"]


def test_the_problem_keeps_its_arrays():
    before = {name: array.copy() for name, array in arrays_of(POSED).items()}
    check(POSED, always_measure=True)
    assert all(np.array_equal(array, before[name]) for name, array in arrays_of(POSED).items())


def test_negated_gradients_are_wrong_even_where_a_relu_is_on_its_kink():
    def negated(run, *upstream):
        return {name: -gradient for name, gradient in rnn_manual.backward(run, *upstream).items()}

    found = {
        check(problem(case), implementation(backward=negated)).outcome
        for case in grid.cases("smoke", cells=["elman"], dtypes=["float32"])
        if case.network == "elman_relu"
    }
    assert found == {"wrong"}


@pytest.mark.parametrize("returned, kind", [(None, "NoneType"), ([], "list")])
def test_gradients_that_are_no_dict(returned, kind):
    with pytest.raises(TypeError) as caught:
        check(POSED, implementation(backward=lambda *_: returned))
    assert str(caught.value) == (
        f"backward returned a {kind}, but should return a dict of arrays: the gradient of every parameter, of h_0, "
        "of c_0 for an LSTM, and of x"
    )


@pytest.mark.parametrize(
    "changed, message",
    [
        (
            {"network": "lstmm"},
            "network is 'lstmm', but should be one of those in oracle.grid.NETWORKS; did you mean 'lstm'?",
        ),
        (
            {"regime": "odd"},
            "regime is 'odd', but should be one of ordinary, tiny_weights, saturated, chaotic, zero_state",
        ),
        ({"dtype": "f4"}, "dtype is 'f4', but should be one of float64, float32"),
        ({"time": 0}, "time is 0, but should be a whole number of at least 1"),
        ({"hidden": 2.0}, "hidden is 2.0, but should be a whole number of at least 1"),
    ],
)
def test_a_case_that_makes_no_sense(changed, message):
    right = {"network": "lstm", "time": 5, "batch": 3, "hidden": 6, "dtype": "float64", "regime": "ordinary"}
    with pytest.raises(ValueError) as caught:
        Case(**(right | changed))
    assert str(caught.value) == message


@pytest.mark.parametrize("regime", ["ordinary", "tiny_weights", "zero_state"])
def test_calm_cases_are_always_told(regime):
    """A test that is skipped for noise is no pass: where nothing is noisy there must be none."""
    for case in grid.cases("smoke"):
        if case.regime == regime:
            assert check(problem(case)).outcome == "agrees", case


def test_a_loss_of_which_nothing_can_be_told_takes_nothing_from_the_gradients():
    report = check(problem(Case("elman_stacked", 4, 2, 5, "float32", "ordinary")), always_measure=True)
    loss = replace(report.loss, outcome="cannot tell")
    assert replace(report, loss=loss).outcome == "agrees"
    assert replace(report, loss=replace(loss, outcome="wrong")).outcome == "wrong"


def off_in_bias_ho(error):
    """Right but for one element of one gradient; `error` is added, from a function of the right gradient."""

    def loss_and_gradients(*args, **kwargs):
        loss, gradients = rnn_manual.loss_and_gradients(*args, **kwargs)
        gradients["bias_ho"][1] += error(gradients["bias_ho"])
        return loss, gradients

    return SimpleNamespace(loss_and_gradients=loss_and_gradients)


def test_steps_that_round_alike_are_no_false_alarm():
    # the relu is dead at nine steps of ten: the same p - y is added to the gradient of bias_ho again and again, and
    # each addition rounds the same way; independent roundings predict a fourth of the error
    posed = problem(Case("elman_one_hot_every", 158, 3, 1, "float64", "tiny_weights", seed=1034840019))
    assert check(posed).outcome == "agrees"


@pytest.mark.parametrize("regime", ["ordinary", "tiny_weights"])
def test_an_error_of_that_size_is_found_where_the_noise_can_tell(regime):
    posed = problem(Case("elman_one_hot_every", 13, 3, 6, "float64", regime))
    assert check(posed).outcome == "agrees"
    report = check(posed, off_in_bias_ho(lambda right: 2.4e-14 * np.abs(right).max()))
    assert [verdict.name for verdict in report.gradients if verdict.outcome == "wrong"] == ["bias_ho"]


@pytest.mark.parametrize("times, outcome", [(0.0, "agrees"), (1.5, "wrong")])
def test_where_steps_round_alike_a_larger_error_is_still_wrong(times, outcome):
    posed = problem(Case("elman_one_hot_every", 60, 3, 1, "float64", "tiny_weights", seed=1034840019))
    loss, gradients = oracle_gradients(posed)
    oracle = {"loss": np.asarray(loss), **gradients}
    measured = rounding_noise(lambda: oracle_gradients(posed), oracle, np.float64, max(RUNS_IN_DOUBT)).magnitudes
    report = check(posed, off_in_bias_ho(lambda right: times * LIMIT * measured["bias_ho"]))
    assert report["bias_ho"].outcome == outcome
