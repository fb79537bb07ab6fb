"""Single mistakes that the named run tells of, and what it leaves as it was."""

import sys

import numpy as np
import pytest

from oracle import check_gradients
from oracle.alignment import made
from oracle.alignment.made import _namespaces, made_named
from oracle.alignment.run import _run
from oracle.gradient_check import subject_at
from oracle.gradient_function import gradient_function
from oracle.sizes import Sizes, points

SCALAR = """
@gradient_function(W="3 4", b="4")
def f(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, 3))
    h = np.tanh(x @ p.W + p.b)
    d = h * (1 - h * h)
    return 0.5 * (h**2).sum(), dict(W=x.T @ d, b={})
"""


@pytest.mark.parametrize("number", ["d.sum()", 'np.einsum("bh->", d)', "np.sum(d, keepdims=True)"])
def test_one_number_returned_for_a_bias(alignment, number):
    (report,) = alignment(SCALAR.format(number)).reports
    assert report.says == (
        "summed over batch and 4: the one number is returned for the gradient of b (4,)", "the sum should leave 4"
    )  # fmt: skip
    assert alignment(SCALAR.format("d.sum(axis=0)")).reports == ()


ROW = """
@gradient_function(W="input hidden", R="hidden hidden", b="hidden")
def f(p, sizes, rng):
    xs = rng.normal(size=(sizes.time, 1, sizes.input))
    hs = [np.zeros((1, sizes.hidden))]
    for x in xs:
        hs.append(np.tanh(x @ p.W + hs[-1] @ p.R + p.b))
    dW, dR, db, carry = np.zeros_like(p.W), np.zeros_like(p.R), np.zeros_like(p.b), hs[-1]
    for t in reversed(range(sizes.time)):
        delta = carry * (1 - hs[t + 1] ** 2)
        dW += xs[t].T @ delta
        dR += {dR}
        db += {db}
        carry = {carry}
    return 0.5 * np.sum(hs[-1] ** 2), dict(W=dW, R=dR, b=db)
"""
RIGHT = dict(dR="hs[t].T @ delta", db="delta[0]", carry="delta @ p.R.T")


def test_a_row_is_the_state_that_a_column_is(alignment):
    (report,) = alignment(ROW.format(**{**RIGHT, "carry": "(p.R.T @ delta.T).T"})).reports
    assert report.says[0].startswith("hidden(t-1) against hidden(t)")
    assert alignment(ROW.format(**{**RIGHT, "carry": "(p.R @ delta.T).T"})).reports == ()


def test_a_product_of_one_element_for_a_matrix(alignment):
    (report,) = alignment(ROW.format(**{**RIGHT, "dR": "hs[t] @ delta.T"})).reports
    assert report.says == (
        "summed over hidden: the one number is added to every element of the gradient of R (hidden, hidden)",
        "the product should leave hidden and hidden",
    )
    assert alignment(ROW.format(**RIGHT)).reports == ()


def test_an_axis_of_length_one_is_not_said_to_be_summed_over(alignment):
    (report,) = alignment(ROW.format(**{**RIGHT, "db": "delta.sum()"})).reports
    assert report.says[0].startswith("summed over hidden: the one number")


def test_global_names_are_never_missing(monkeypatch):
    class Names(dict):
        def clear(self):
            raise AssertionError("a tracer or a thread that reads it would miss what it needs")

        def __delitem__(self, name):
            assert name == "counted"
            super().__delitem__(name)

    names = Names(zeros=np.zeros, kept=1)
    zeros = np.zeros
    monkeypatch.setattr(made, "_namespaces", lambda function: [names])
    with made_named():
        assert names["zeros"] is not zeros
        names["counted"], names["kept"] = 1, 2
    assert names == {"zeros": zeros, "kept": 1}


def test_a_product_with_the_identity_is_none_of_the_forward_pass(function_of):
    function = function_of(ROW.format(**{**RIGHT, "carry": "delta @ p.R.T + 0 * (hs[t] @ np.eye(sizes.hidden))"}))
    judge = _run(subject_at(function, points(function.shapes)[0])[0], function.shapes)
    last = max(one.line for one in judge.events if one.contracted)
    assert not any(one.contracted and one.line == last for one in judge.events if one.serial in judge.forward)


def test_a_closure_is_not_asked_for_what_it_has_not():
    asked = []

    class Asked:
        def __getattr__(self, name):
            asked.append(name)
            raise AttributeError(name)

    held = Asked()
    _namespaces(lambda: held)
    assert asked == []


def test_sizes_in_a_closure_have_no_axis_called_function():
    sizes = Sizes({"time": 2, "batch": 3})
    before = dict(sizes)
    _namespaces(lambda: sizes)
    assert dict(sizes) == before


def test_what_a_declared_function_and_a_method_reach():
    @gradient_function(W="3")
    def declared(p, sizes, rng):
        return 0.0, {}

    class Holder:
        def method(self):
            return np.zeros(2)

    here = sys.modules[__name__].__dict__
    for one in (declared, Holder().method, lambda: declared):
        assert any(names is here for names in _namespaces(one))


def test_a_user_s_exception_without_words():
    class Strange(ValueError):
        def __str__(self):
            raise RuntimeError

    def f(p):
        raise Strange

    assert "Strange, whose text cannot be had" in str(check_gradients(f, {"W": np.ones(2)}))
