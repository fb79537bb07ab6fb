"""The verdict: what speaks first, the three outcomes, and every message as text."""

import numpy as np
import pytest

from oracle.noise import UNIT_ROUNDOFF, Noise
from oracle.verdict import AGREES, CANNOT_TELL, LIMIT, NARROW, STRICT, WRONG, judge, multiples, relative_error

TRUTH = np.array([[1.0, -2.0, 0.5], [0.25, 4.0, -1.0]])  # largest element 4: the strict bound is 4 * 32 * 2**-53
STRICT_BOUND = STRICT * UNIT_ROUNDOFF[np.dtype(np.float64)] * 4


def never(runs):
    raise AssertionError("the noise was measured although the strict bound sufficed")


def noise_of(magnitude):
    return lambda runs: Noise({"w": magnitude})


def verdict_on(gradient, measure=never, dtype=np.float64, truth=TRUTH):
    (verdict,) = judge({} if gradient is None else {"w": gradient}, {"w": truth}, dtype, measure)
    return verdict


def off_by(error):
    gradient = TRUTH.copy()
    gradient[1, 2] += error
    return gradient


@pytest.mark.parametrize(
    "gradient, message",
    [
        (None, "w wrong: there is no such gradient"),
        ([1.0, 2.0], "w wrong: a list, but should be a numpy array of shape (2, 3)"),
        (TRUTH[0], "w wrong: shape (3,), but should be (2, 3)"),
        (TRUTH[None], "w wrong: shape (1, 2, 3), but should be (2, 3)"),
        (TRUTH.T, "w wrong: shape (3, 2), but should be (2, 3)"),
        (TRUTH.astype(np.float32), "w wrong: dtype float32, but should be float64"),
        (TRUTH.astype(np.complex128), "w wrong: dtype complex128, but should be float64"),
        (np.where(TRUTH == 4, np.nan, TRUTH), "w wrong: nan at [1, 1], and 1 of 6 elements are not finite"),
        (np.where(TRUTH < 0, -np.inf, TRUTH), "w wrong: -inf at [0, 1], and 2 of 6 elements are not finite"),
    ],
)
def test_shape_dtype_and_finiteness_come_first(gradient, message):
    verdict = verdict_on(gradient)
    assert (verdict.outcome, str(verdict)) == (WRONG, message)
    assert not verdict.comparable and verdict.error == np.inf


def test_an_overflow_is_no_mistake_where_the_true_gradient_is_out_of_range():
    beyond = TRUTH * 1e40  # float32 ends at 3e38
    verdict = verdict_on(np.full_like(TRUTH, np.inf, np.float32), dtype=np.float32, truth=beyond)
    assert str(verdict) == (
        "w cannot tell: float32 cannot hold what leads to a gradient of 4e+40; shorten the sequence"
    )
    assert verdict_on(np.full_like(TRUTH, np.inf), truth=beyond).outcome == WRONG, "float64 holds it easily"


def test_within_the_strict_bound_nothing_is_measured():
    verdict = verdict_on(off_by(0.99 * STRICT_BOUND))
    assert verdict.outcome == AGREES and verdict.noise is None
    assert str(verdict) == "w agrees: within the strict bound, relative error 3.5e-15"


@pytest.mark.parametrize(
    "times_noise, outcome", [(0.5, AGREES), (LIMIT * 0.99, AGREES), (LIMIT * 1.01, WRONG), (1e6, WRONG)]
)
def test_beyond_the_strict_bound_the_measured_noise_decides(times_noise, outcome):
    noise = 10 * STRICT_BOUND
    verdict = verdict_on(off_by(times_noise * noise), noise_of(noise))
    assert verdict.outcome == outcome
    assert verdict.ratio == pytest.approx(times_noise, rel=1e-3)
    assert np.allclose(verdict.gradient, verdict.oracle, rtol=0, atol=verdict.tolerance) == (outcome == AGREES)
    assert verdict.tolerance.shape == TRUTH.shape


def test_the_message_of_a_wrong_gradient():
    assert str(verdict_on(off_by(3.1e9 * 1e-13), noise_of(1e-13))) == "w wrong: 3.1e9 × rounding noise, worst at [1, 2]"


def test_an_error_barely_beyond_the_noise_is_measured_again_before_it_is_called_wrong():
    found = {1: 1e-14, 4: 2e-14, 16: 5e-14}  # one run happened to find little
    runs_asked = []

    def measure(runs):
        runs_asked.append(runs)
        return Noise({"w": found[runs]})

    assert verdict_on(off_by(1e-13), measure).outcome == AGREES
    assert runs_asked == [1, 4, 16]
    runs_asked.clear()
    assert verdict_on(off_by(1e-6), measure).outcome == WRONG
    assert runs_asked == [1, 4], "after four runs no doubt is left by an error of 5e7 times the noise"


def test_a_narrow_margin_is_measured_again_with_what_is_equal_rounded_equally():
    found = {1: 1e-14, 4: 2e-14, 16: 2.4e-14, 24: 1e-13}  # root n times more, for n equal additions
    runs_asked = []

    def measure(runs):
        runs_asked.append(runs)
        return Noise({"w": found[runs]})

    assert verdict_on(off_by(1e-13), measure).outcome == AGREES
    assert runs_asked == [1, 4, 16, 24]
    runs_asked.clear()
    assert verdict_on(off_by(5e-13), measure).outcome == WRONG
    assert runs_asked == [1, 4, 16, 24]


def test_far_above_the_noise_nothing_more_is_measured():
    runs_asked = []

    def measure(runs):
        runs_asked.append(runs)
        return Noise({"w": 1e-14})

    assert verdict_on(off_by(1.1e-14 * NARROW), measure).outcome == WRONG
    assert runs_asked == [1, 4, 16]


def test_a_run_that_found_nothing_at_all_calls_nothing_wrong():
    found = {1: 1e-22, 4: 3e-14, 16: 4e-14}  # a unit that is saturated to the last bit moves in seven runs of eight
    assert verdict_on(off_by(1e-13), lambda runs: Noise({"w": found[runs]})).outcome == AGREES


def test_every_ratio_of_a_report_is_to_the_noise_of_the_same_runs():
    found = {1: {"v": 1e-13, "w": 1e-14}, 4: {"v": 2e-13, "w": 2e-13}, 16: {"v": 4e-13, "w": 4e-13}}
    oracle = {"v": TRUTH, "w": TRUTH}
    verdicts = judge({"v": off_by(1e-13), "w": off_by(1e-13)}, oracle, np.float64, lambda runs: Noise(found[runs]))
    assert [verdict.noise for verdict in verdicts] == [2e-13, 2e-13]


@pytest.mark.parametrize("error", [1e-13, 1.0, 100.0])
def test_noise_as_large_as_the_gradient_is_never_a_pass(error):
    verdict = verdict_on(off_by(error), noise_of(1.0))
    assert verdict.outcome == CANNOT_TELL
    assert str(verdict) == (
        "w cannot tell: rounding noise alone moves the oracle by 25 % of the gradient; "
        "shorten the sequence or calm the weights"
    )


def test_a_single_run_that_found_a_millionth_of_the_noise_calls_nothing_wrong():
    found = {1: 1.0, 4: 2.0, 16: 1e3}  # too much to tell by, and still not all of it
    assert verdict_on(off_by(1e7), lambda runs: Noise({"w": found[runs]})).outcome == CANNOT_TELL


def test_but_a_million_times_such_noise_is_wrong():
    assert verdict_on(off_by(1e5), noise_of(1.0)).outcome == CANNOT_TELL
    assert verdict_on(off_by(1e7), noise_of(1.0)).outcome == WRONG


@pytest.mark.parametrize("share, outcome", [(1.01e-3 / LIMIT, CANNOT_TELL), (0.99e-3 / LIMIT, AGREES)])
def test_agreement_is_never_coarser_than_a_thousandth_of_the_gradient(share, outcome):
    noise = share * 4.0
    assert verdict_on(off_by(3.9 * noise), noise_of(noise)).outcome == outcome


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_oracle_that_overflows_is_no_judge(value):
    truth = np.where(TRUTH == 4, value, TRUTH)
    for gradient in (TRUTH, truth.copy()):
        assert str(verdict_on(gradient, truth=truth)) == (
            "w cannot tell: the oracle itself overflows; shorten the sequence or calm the weights"
        )


def test_a_masked_array_hides_nothing():
    masked = np.ma.masked_array(off_by(1.0), mask=off_by(1.0) != TRUTH)
    assert str(verdict_on(masked)) == "w wrong: a MaskedArray, but should be a numpy array of shape (2, 3)"


def test_a_zero_gradient_must_be_zero():
    zero = np.zeros((2, 3))
    assert verdict_on(zero.copy(), truth=zero).outcome == AGREES
    assert verdict_on(zero + 1e-310, noise_of(1e-311), truth=zero).outcome == CANNOT_TELL
    assert verdict_on(zero + 1.0, noise_of(1e-311), truth=zero).outcome == WRONG


def test_float32_is_judged_at_float32_noise():
    error = 1e-6  # 2.5e-7 of the largest element: nothing in float32, a mistake in float64
    assert verdict_on(off_by(error).astype(np.float32), dtype=np.float32).outcome == AGREES
    assert verdict_on(off_by(error), noise_of(1e-15)).outcome == WRONG


def test_the_worst_comes_first():
    oracle = {name: np.ones(2) for name in "abcd"}
    gradients = {"a": np.ones(2), "b": np.full(2, 1 + 1e-9), "c": np.full(2, 1.5), "d": np.ones(3)}
    verdicts = judge(gradients, oracle, np.float64, lambda runs: Noise(dict.fromkeys("abcd", 1e-15)))
    assert [verdict.name for verdict in verdicts] == ["d", "c", "b", "a"]


def test_a_gradient_that_nobody_asked_for_is_no_gradient_of_this_problem():
    assert judge({"w": TRUTH, "u": TRUTH}, {"w": TRUTH}, np.float64, never)[0].outcome == AGREES


def test_relative_error_is_scaled_by_the_whole_tensor():
    assert relative_error(off_by(2.0), TRUTH) == 0.5
    assert relative_error(np.zeros(2), np.zeros(2)) == 0
    assert relative_error(np.ones(2), np.zeros(2)) == np.inf


@pytest.mark.parametrize(
    "ratio, text", [(0.42, "0.4"), (3.25, "3.2"), (12.3, "12"), (999.0, "999"), (3.1e9, "3.1e9"), (np.inf, "inf")]
)
def test_multiples_read_well(ratio, text):
    assert multiples(ratio) == text
