"""A finding in words: the first line tells all."""

from dataclasses import replace

import numpy as np
import pytest

from oracle import check_gradients
from oracle.finding import Finding, in_words
from oracle.verdict import AGREES, CANNOT_TELL, WRONG

P = {"W": np.arange(1.0, 5.0), "b": np.ones(2)}


def finding(w=1.0, b=1.0):
    def f(p):
        return 0.5 * np.sum(p["W"] ** 2) + np.sum(p["b"] ** 3), {"W": w * p["W"], "b": b * 3 * p["b"] ** 2}

    return check_gradients(f, P)


def test_agreement():
    found = finding()
    assert found.outcome == AGREES and found.wrong == () and 1e-16 < found.sharpness < 1e-13
    first, *others = in_words(found)
    assert first.startswith("all 2 gradients agree; an error of ")
    assert others == ["oracle: PyTorch autograd of the code's own forward pass"]


def test_wrong():
    found = finding(b=2.0)
    assert found.outcome == WRONG and found.wrong == ("b",) and found.verdicts[0].name == "b"
    lines = str(found).splitlines()
    assert lines[0].startswith("b wrong: ") and lines[0].endswith("worst at [0]: exactly 2 times the right one")
    assert lines[1] == "    at [0]: 6, but should be 3"
    assert "numpy.allclose(gradient, oracle, rtol=0, atol=" in lines[2] and lines[3].startswith(
        "    relative error 1 ("
    )
    assert lines[4] == "all gradients, the worst first:" and lines[6].startswith("    W agrees: ")
    assert any(line.startswith("confirmed by the loss itself: along the direction in which") for line in lines)


def test_of_one_gradient():
    found = finding(b=2.0)
    assert in_words(found, "W")[0].startswith("W agrees: ") and in_words(found, "b")[0].startswith("b wrong: ")
    assert found["W"].outcome == AGREES


def test_the_witness_shows_as_many_digits_as_the_difference_takes():
    found = finding(w=1 + 1e-7)
    by_oracle, by_code = (f"{value:.{11}g}"[:9] for value in (found.witness.by_oracle, found.witness.by_code))
    text = str(found.witness)
    said = (
        text[text.index("by the oracle it should by ") :]
        .removeprefix("by the oracle it should by ")
        .split(", by the code by ")
    )
    assert said[0] != said[1] and by_oracle[:5] == said[0][:5] and by_code[:5] == said[1][:5]


def test_not_checked():
    found = Finding({}, not_checked="f raised KeyError", notes=("a note",))
    assert found.outcome == CANNOT_TELL and in_words(found) == ["not checked: f raised KeyError", "note: a note"]


@pytest.mark.parametrize("b", [1.0, 2.0])
def test_a_fault_makes_it_wrong_and_comes_first(b):
    found = replace(finding(b=b), faults=("called twice it gives two losses",))
    assert found.outcome == WRONG and found.wrong == (() if b == 1 else ("b",))
    assert in_words(found)[:2] == ["called twice it gives two losses", "the gradients of the first call:"]


def test_complaints_make_nothing_wrong():
    found = replace(finding(), complaints=("the gradients share memory",))
    assert found.outcome == AGREES and in_words(found)[1] == "also: the gradients share memory"
