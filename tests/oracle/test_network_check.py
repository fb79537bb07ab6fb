"""From a problem to its report: what the implementation may do with its arrays, and what it must return."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import rnn_manual
from oracle import grid
from oracle.grid import Case, problem
from oracle.network_check import CHANGED, check
from oracle.problem import arrays_of

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
