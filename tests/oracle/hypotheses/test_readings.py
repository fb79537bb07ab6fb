"""Wrong backward passes are named, right ones are not."""

import re
import time

import numpy as np
import pytest

from oracle.hypotheses import facts, readings
from oracle.kinds import KINDS
from tests.oracle.hypotheses.planted import RIGHT, SINGLES, case, read, source_of

COMMON = [  # the first of each kind in each program; `python -m tests.oracle.hypotheses` reads them all
    one
    for k, one in enumerate(SINGLES)
    if (one.program in ("elman_rows", "embedding") and one.kind not in {other.kind for other in SINGLES[:k]})
    or one.program == "embedding"
    or k % 12 == 0
]


def kinds_of(found):
    return [tuple(mistake.kind for mistake in reading.mistakes) for reading in found]


@pytest.mark.parametrize("program", RIGHT)
def test_right_program_gives_no_reading(program):
    subject, given, tolerance = case(source_of(program))
    assert readings(subject, given, tolerance) == ()
    assert facts(subject, given, tolerance) == ()


@pytest.mark.parametrize("planted", COMMON, ids=str)
def test_planted_mistake_is_among_the_readings(planted):
    found = read(planted.source())
    assert (planted.kind,) in kinds_of(found)
    assert all(reading.residual < 1e-9 for reading in found)


def test_every_planted_kind_is_a_kind():
    assert {one.kind for one in SINGLES} <= set(KINDS)


def sentence(program, old, new):
    source = source_of(program)
    assert source.count(old) == 1
    (mistake,) = read(source.replace(old, new))[0].mistakes
    return mistake


def test_untransposed_recurrent_matrix_in_words_algebra_and_shapes():
    mistake = sentence("elman_rows", "da @ p.Whh.T", "da @ p.Whh")
    assert mistake.sentence.startswith("Whh in what is carried from step t + 1 through line 14, `a.append(")
    assert mistake.sentence.endswith(
        "is not transposed: the matrix is square, so both orientations fit and nothing raises"
    )
    assert mistake.algebra == "dh_t = … + δ Wᵀ; the code computes … + δ W"
    assert mistake.shapes == "Whh (4, 4), δ (3, 4)"


def test_missing_derivative_in_words():
    mistake = sentence("elman_rows", "da = dh * (1 - h[t + 1] ** 2)", "da = dh")
    assert mistake.sentence == (
        "the derivative of tanh at line 15, `h.append(np.tanh(a[t]))`: it is left out; it should be 1 − y², with y the "
        "value of that tanh"
    )
    assert mistake.algebra == "δ = dy ∘ (1 − y²), with y = tanh(a); the code computes δ = dy"


def test_overwritten_gradient_in_words():
    mistake = sentence("elman_rows", "dWxh += x", "dWxh = x")
    assert mistake.sentence.startswith("dWxh holds the contribution of the first step alone")


def test_mean_for_the_sum_of_a_bias_in_words():
    mistake = sentence("elman_rows", "da.sum(axis=0)", "da.mean(axis=0)")
    assert mistake.sentence == "dbh is the mean over the samples, 1/batch = 0.333333 times the sum it should be"


def test_two_mistakes_in_separate_places():
    source = source_of("elman_rows").replace("da @ p.Whh.T", "da @ p.Whh").replace("dWhy += ", "dWhy = ")
    assert sorted(kinds_of(read(source))[0]) == ["accumulation", "transposed recurrent matrix"]


def test_two_mistakes_that_interact():
    source = source_of("elman_rows").replace("da @ p.Whh.T", "da @ p.Whh").replace("(1 - h[t + 1] ** 2)", "h[t + 1]")
    assert sorted(kinds_of(read(source))[0]) == ["activation derivative", "transposed recurrent matrix"]


def test_elsewhere_tells_a_clip_from_what_it_looks_like():
    source = source_of("elman_rows").replace("da @ p.Whh.T", "da @ p.Whh")
    here = case(source)
    assert readings(*here, elsewhere=lambda: case(source, at=1)) == readings(*here)
    right = source_of("elman_rows").replace("dWxh += x", "dWxh = x")
    assert readings(*here, elsewhere=lambda: case(right, at=1)) == ()


def test_nothing_known_gives_no_reading_but_facts():
    subject, given, tolerance = case(source_of("elman_rows"))
    given["Whh"] = given["Whh"] + np.random.default_rng(0).normal(size=given["Whh"].shape)
    assert readings(subject, given, tolerance) == ()
    first, fit = facts(subject, given, tolerance)
    assert first == "wrong: Whh; right: Wxh, Why, bh and by"
    assert fit.startswith("dWhh as a sum over the steps fits best with the coefficients ")


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_no_reading_where_a_gradient_is_not_finite(number):
    subject, given, tolerance = case(source_of("elman_rows").replace("dWxh += x", "dWxh = x"))
    assert readings(subject, given, tolerance) != ()
    given["bh"] = np.full_like(given["bh"], number)
    assert readings(subject, given, tolerance) == ()


def test_time_limit_is_kept():
    subject, given, tolerance = case(source_of("lstm_gates"))
    given["Wi"] = given["Wi"] + np.random.default_rng(0).normal(size=given["Wi"].shape)
    begun = time.monotonic()
    assert readings(subject, given, tolerance, seconds=0.0) == ()
    assert time.monotonic() - begun < 2.0


def test_tie_says_what_would_tell_its_readings_apart():
    source = source_of("elman_rows").replace("dh = dy @ p.Why.T", "dh = 0 * dy @ p.Why.T")
    found = read(source)
    assert len(found) > 1
    assert {one.apart for one in found} == {
        "all of these give zeros; print what flows back in the loop: where it is zero first, the mistake is"
    }


def test_cache_of_the_wrong_step_is_one_mistake():
    source = (
        source_of("elman_rows").replace("dWxh += x[t].T", "dWxh += x[0].T").replace("dWhh += h[t].T", "dWhh += h[0].T")
    )
    source = source.replace("(1 - h[t + 1] ** 2)", "(1 - h[1] ** 2)")
    assert kinds_of(read(source))[0] == ("time index",)


def test_quoted_source_is_short():
    for old, new in (("da @ p.Whh.T", "da @ p.Whh"), ("x[t].T @ da", "x[t].T @ dh")):
        quotes = re.findall("`([^`]*)`", sentence("elman_rows", old, new).sentence)
        assert all(len(quote) <= 40 for quote in quotes)
