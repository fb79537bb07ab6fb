"""The first wrong time step, and the sentence that goes with it."""

from types import SimpleNamespace

import numpy as np
import pytest

import rnn_manual
from oracle.grid import Case, problem
from oracle.network_check import check
from oracle.where import where_wrong

CASE = Case("elman", 6, 3, 5, "float64", "ordinary")


def altered(change):
    """rnn_manual with its gradients passed through `change(run, gradients)`."""

    def backward(run, d_outputs, d_h_n=None, d_c_n=None):
        gradients = rnn_manual.backward(run, d_outputs, d_h_n, d_c_n)
        change(run, gradients)
        return gradients

    return SimpleNamespace(forward=rnn_manual.forward, backward=backward)


def cut_carry(steps_kept):
    """A carry that stops after so many steps: the deltas before are those of their own outputs alone."""

    def backward(run, d_outputs, d_h_n=None, d_c_n=None):
        first = len(d_outputs) - steps_kept
        inside = np.where(np.arange(len(d_outputs))[:, None, None] >= first, d_outputs, 0)
        gradients = rnn_manual.backward(run, inside, d_h_n, d_c_n)
        gradients["x"][:first] = 0
        return gradients

    return SimpleNamespace(forward=rnn_manual.forward, backward=backward)


def where(implementation, case=CASE):
    return where_wrong(check(problem(case), implementation))


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_the_step_at_which_the_deltas_go_wrong(kept):
    found = where(cut_carry(kept))
    assert found["weight_hh"] == found["weight_ih"] == f"delta first wrong at step t={5 - kept} going backward"


def test_a_step_that_is_counted_twice_and_one_that_is_left_out():
    from oracle.autograd import contributions

    parts = contributions(problem(CASE))

    def twice(run, gradients):
        gradients["weight_hh"] += parts["weight_hh"][3]

    def missing(run, gradients):
        gradients["weight_ih"] -= parts["weight_ih"][0]

    assert where(altered(twice)) == {"weight_hh": "first wrong at step t=3 going backward, which counts 2 times"}
    assert where(altered(missing)) == {"weight_ih": "first wrong at step t=0 going backward, which counts 0 times"}


def test_one_factor_for_all_steps_is_named_as_one():
    def halved(run, gradients):
        gradients["bias_hh"] *= 0.5

    def hardly(run, gradients):
        gradients["bias_hh"] *= 1 + 1e-8

    assert where(altered(halved)) == {"bias_hh": "0.5 times the right one"}
    assert where(altered(hardly)) == {"bias_hh": "1+1e-08 times the right one"}


def test_no_step_is_claimed_of_a_delta_that_dx_does_not_show():
    # in a GRU the reset gate stands between the delta of W_ih, which dL/dx is made from, and that of W_hh
    found = where(cut_carry(2), Case("gru", 6, 3, 5, "float64", "ordinary"))
    assert found["weight_ih"] == found["bias_ih"] == "delta first wrong at step t=3 going backward"
    assert "delta" not in found["weight_hh"] + found["bias_hh"]
    assert "dL/dx is right" not in found["weight_hh"] + found["bias_hh"]


def test_right_deltas_in_a_wrong_product():
    def transposed(run, gradients):
        gradients["weight_hh"] = gradients["weight_hh"].T.copy()

    assert where(altered(transposed)) == {
        "weight_hh": "dL/dx is right at every step: look at the product that sums the deltas"
    }


def test_nothing_wrong_nothing_said():
    assert where(rnn_manual) == {}
    assert where(
        altered(lambda run, g: g.update(bias_ih=g["bias_ih"] * 2)), Case("elman", 1, 3, 5, "float64", "ordinary")
    ) == {"bias_ih": ""}
