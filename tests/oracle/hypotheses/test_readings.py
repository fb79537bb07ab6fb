"""Wrong backward passes are named, right ones are not."""

import re
import time

import numpy as np
import pytest

from oracle.hypotheses import Explanation, explained
from oracle.hypotheses.search import Case
from oracle.hypotheses.words import in_columns
from oracle.kinds import KINDS
from tests.oracle.hypotheses.planted import PATIENT, RIGHT, SINGLES, case, read, source_of

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
    assert explained(subject, given, tolerance) == Explanation()


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


def tied(here, there=None):
    """The kinds of a tie, and what it says would tell its readings apart."""
    elsewhere = None if there is None else lambda **sizes: there
    found = explained(*here, elsewhere, seconds=PATIENT).readings
    return kinds_of(found), {one.apart for one in found}


def test_another_case_tells_a_tie_apart():
    # at two steps the step before the last and the first step are one
    new = "dWhh += h[max(t - 1, 0)].T"
    source = source_of("elman_rows").replace("dWhh += h[t].T", new)
    assert source != source_of("elman_rows")
    here, there = case(source, time=2), case(source, at=1)
    alone, apart = tied(here)
    assert len(alone) > 1 and all("would tell them apart" in one for one in apart)
    assert tied(here, there) == ([("time index",)], {""})


def test_a_tie_that_another_case_does_not_tell_apart_stays_one():
    source = source_of("elman_rows").replace("dbh += da.sum(axis=0)", "dbh += (t > 0) * da.sum(axis=0)")
    alone, _ = tied(case(source))
    both, apart = tied(case(source), case(source, at=1))
    assert both == alone and len(alone) > 1
    assert apart == {
        "these give the same gradients here and at time=9, batch=2, input=5, hidden=7, output=4: they may be one "
        "mistake in other words"
    }


def test_a_tie_of_which_nothing_holds_elsewhere_is_said_to_be_one_here_only():
    wrong = source_of("elman_rows").replace("dbh += da.sum(axis=0)", "dbh += (t > 0) * da.sum(axis=0)")
    alone, _ = tied(case(wrong))
    at = "time=9, batch=2, input=5, hidden=7, output=4"
    right = case(source_of("elman_rows"), at=1)
    assert tied(case(wrong), right) == (
        alone,
        {f"these give the same gradients here; at {at} the gradients are right"},
    )
    other = case(source_of("elman_rows").replace("dbh += da", "dbh -= da"), at=1)
    (said,) = tied(case(wrong), other)[1]
    assert said == f"these give the same gradients here; none of them holds at {at}"


def test_where_time_ran_out_elsewhere_nothing_is_said_of_it(monkeypatch):
    source = source_of("elman_rows").replace("dbh += da.sum(axis=0)", "dbh += (t > 0) * da.sum(axis=0)")
    alone, apart = tied(case(source))
    monkeypatch.setattr("oracle.hypotheses.explaining.holds", lambda other, found: setattr(other, "seconds", 0.0))
    assert tied(case(source), case(source, at=1)) == (alone, apart)


def test_nothing_known_gives_no_reading_but_facts():
    subject, given, tolerance = case(source_of("elman_rows"))
    given["Whh"] = given["Whh"] + np.random.default_rng(0).normal(size=given["Whh"].shape)
    found = explained(subject, given, tolerance, seconds=PATIENT)
    first, fit = found.facts
    assert found.readings == () and not found.stopped
    assert first == "wrong: Whh; right: Wxh, Why, bh and by"
    assert fit == "no sum of the right contributions of the steps, whatever the factors, gives dWhh"


def test_a_sum_over_the_steps_that_nearly_fits_is_said():
    subject, given, tolerance = case(source_of("elman_rows").replace("dWhh += h[t].T", "dWhh += (1 + t) * h[t].T"))
    noise = np.random.default_rng(0).normal(size=given["Whh"].shape)
    given["Whh"] = given["Whh"] + 1e-3 * np.abs(given["Whh"]).max() * noise
    _, fit = explained(subject, given, tolerance, seconds=PATIENT).facts
    found = re.fullmatch(
        r"dWhh is nearly a sum of the right contributions of the steps, t = 0 first, times (.*); (.*) of its largest "
        r"entry is left",
        fit,
    )
    assert np.allclose([float(one) for one in found[1].split(", ")], np.arange(subject.sizes["time"]) + 1, rtol=0.05)
    assert 1e-4 < float(found[2]) < 1e-2


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_no_reading_where_a_gradient_is_not_finite(number):
    subject, given, tolerance = case(source_of("elman_rows").replace("dWxh += x", "dWxh = x"))
    assert explained(subject, given, tolerance).readings != ()
    given["bh"] = np.full_like(given["bh"], number)
    assert explained(subject, given, tolerance).readings == ()


def test_time_limit_is_kept():
    subject, given, tolerance = case(source_of("lstm_gates"))
    given["Wi"] = given["Wi"] + np.random.default_rng(0).normal(size=given["Wi"].shape)
    begun = time.monotonic()
    found = explained(subject, given, tolerance, seconds=0.0)
    assert found.readings == () and found.stopped
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


# Of two mistakes neither of which explains a whole gradient, the second is seen once the first is known.


def test_mistakes_within_a_step_are_read_off_one_step():
    source = (
        source_of("lstm_gates")
        .replace("(1 - tc**2)", "(1 - c[t] ** 2)")
        .replace("dc_next = dc * f[t]", "dc_next += dc * f[t]")
    )
    kinds = [("activation derivative", "carry")]
    found = explained(*case(source), lambda **sizes: case(source, **sizes), seconds=PATIENT).readings
    assert [tuple(sorted(one)) for one in kinds_of(found)] == kinds


def test_mistakes_in_several_gates_are_read_one_after_another():
    source = source_of("lstm_stacked")
    for old, new in (
        ("dh_next = da @ p.U.T", "dh_next = 0 * dh"),
        ("dc_next = dc * f", "dc_next = 0 * dc"),
        ("(1 - tc**2)", "(1 - c**2)"),
        ("di = dc * g", "di = dc * c_prev"),
    ):
        assert source.count(old) == 1
        source = source.replace(old, new)
    assert sorted(kinds_of(read(source))[0]) == ["activation derivative", "carry", "operand"]


def test_carry_read_from_the_step_before():
    source = source_of("elman_rows").replace(
        "        dh = dy @ p.Why.T + carry", "        dh = dy @ p.Why.T + das[t - 1] @ p.Whh.T"
    )
    source = (
        source.replace("carry = da @ p.Whh.T", "das[t] = da")
        .replace("carry = np", "das = np")
        .replace("np.zeros_like(h[0])", "np.zeros((T, *h[0].shape))")
    )
    (mistake,) = read(source)[0].mistakes
    assert mistake.kind == "carry" and "index −1 is the last step" in mistake.sentence


def test_derivative_at_a_pre_activation_with_the_bias_of_another_gate():
    text = source_of("lstm_gates")
    (mistake,) = read(
        text.replace(
            "f[t] * (1 - f[t])",
            "sigmoid(x[t] @ p.Wf + h[t] @ p.Uf + p.bo) * (1 - sigmoid(x[t] @ p.Wf + h[t] @ p.Uf + p.bo))",
        )
    )[0].mistakes
    assert mistake.kind == "activation derivative" and "with bo in the place of its own bias" in mistake.sentence


def test_derivative_of_the_first_unit_for_all():
    (mistake,) = read(source_of("elman_rows").replace("(1 - h[t + 1] ** 2)", "(1 - h[t + 1][:, :1] ** 2)"))[0].mistakes
    assert mistake.kind == "activation derivative" and "that of the first unit stands for all" in mistake.sentence


PEEPHOLE = """
import numpy as np
from oracle import gradient_function


@gradient_function(W="input hidden", R="hidden hidden", p="hidden")
def peephole(q, sizes, rng):
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    d = rng.normal(size=(sizes.time, sizes.batch, sizes.hidden))
    s, g, h, loss = [], [], [np.zeros((sizes.batch, sizes.hidden))], 0.0
    for t in range(sizes.time):
        s.append(x[t] @ q.W + h[t] @ q.R)
        a = s[t]
        if t > 0:
            a = a + q.p * s[t]
        g.append(1 / (1 + np.exp(-a)))
        h.append(np.tanh(s[t]) * g[t])
        loss += np.sum(h[t + 1] * d[t])
    dW, dR, dp, carry = np.zeros_like(q.W), np.zeros_like(q.R), np.zeros_like(q.p), np.zeros_like(h[0])
    for t in reversed(range(sizes.time)):
        dh = d[t] + carry
        da = dh * np.tanh(s[t]) * g[t] * (1 - g[t])
        ds = dh * g[t] * (1 - np.tanh(s[t]) ** 2) + da
        if t > 0:
            ds = ds + da * q.p
            dp += np.sum(da * s[t], axis=0)
        dW += x[t].T @ ds
        dR += h[t].T @ ds
        carry = ds @ q.R.T
    return loss, dict(W=dW, R=dR, p=dp)
"""


def test_term_of_the_backward_pass_at_a_first_step_that_has_none():
    assert read(PEEPHOLE) == ()
    head, loop = PEEPHOLE.split("reversed")
    (mistake,) = read(head + "reversed" + loop.replace("if t > 0:", "if t >= 0:"))[0].mistakes
    assert mistake.kind == "time index" and "counts at the first step as well" in mistake.sentence


def test_first_state_of_another_shape():
    row = PEEPHOLE.replace("np.zeros((sizes.batch, sizes.hidden))]", "np.zeros(sizes.hidden)]").replace(
        "h[t].T @ ds", "np.atleast_2d(h[t]).T @ ds if t else 0"
    )
    row = row.replace("zeros_like(h[0])", "zeros_like(s[0])")
    assert read(row) == ()
    assert kinds_of(read(row.replace("carry = ds @ q.R.T", "carry = ds @ q.R")))[0] == ("transposed recurrent matrix",)


def test_one_factor_for_all_is_read_beside_another_mistake():
    source = source_of("elman_rows").replace("dy = y[t] - target[t]", "dy = (y[t] - target[t]) / sizes.batch")
    source = source.replace("da @ p.Whh.T", "da @ p.Whh")
    assert sorted(kinds_of(read(source))[0]) == ["factor", "transposed recurrent matrix"]


def test_a_clip_of_all_gradients_is_read_beside_another_mistake():
    source = source_of("elman_rows").replace("da @ p.Whh.T", "da @ p.Whh")
    clipped = (
        source.replace("return loss, dict(", "return loss, clipped(")
        + "\n\ndef clipped(**g):\n    return {k: np.clip(v, -0.5, 0.5) for k, v in g.items()}\n"
    )
    assert clipped.count("clipped(") == 2
    transposed, state = read(clipped)[0].mistakes
    assert transposed.kind == "transposed recurrent matrix"
    assert state.sentence == "every gradient is clipped to ±0.5: what is clipped is no gradient"


def test_a_hypothesis_that_breaks_costs_only_itself(monkeypatch):
    def broken(*_):
        raise IndexError("out of range")
        yield

    for family in ("cuts", "clips", "states"):
        monkeypatch.setattr(f"oracle.hypotheses.search.{family}", broken)
    monkeypatch.setattr("oracle.hypotheses.weights._sums", broken)
    assert kinds_of(read(source_of("elman_rows").replace("da @ p.Whh.T", "da @ p.Whh")))[0] == (
        "transposed recurrent matrix",
    )
    subject, given, tolerance = case(source_of("elman_rows"))
    given["Whh"] = given["Whh"] + np.random.default_rng(0).normal(size=given["Whh"].shape)
    *_, last = explained(subject, given, tolerance).facts
    assert re.search(r"hypotheses could not be tried on this program \(IndexError: out of range", last)


def test_no_hypothesis_breaks_on_the_programs_here():
    for program in RIGHT:
        broken = Case(*case(source_of(program))).broken
        assert list(Case(*case(source_of(program))).flows()) and broken == []


LISTS = """
import math
from oracle import gradient_function


@gradient_function(W="hidden input", R="hidden hidden", V="output hidden", b="hidden")
def lists(p, sizes, rng):
    W, R, V, b = list(p.W), list(p.R), list(p.V), list(p.b)
    n = len(b)
    xs = rng.normal(size=(sizes.time, sizes.input)).tolist()
    ys = rng.normal(size=(sizes.time, sizes.output)).tolist()
    hs, outs, loss = [[0.0] * n], [], 0.0
    for x, y in zip(xs, ys):
        a = [sum(r * c for r, c in zip(W[j], x)) + sum(r * c for r, c in zip(R[j], hs[-1])) + b[j] for j in range(n)]
        hs.append([math.tanh(one) for one in a])
        outs.append([sum(r * c for r, c in zip(row, hs[-1])) for row in V])
        loss += 0.5 * sum((o - one) ** 2 for o, one in zip(outs[-1], y))
    dW = [[0.0] * sizes.input for _ in W]
    dR = [[0.0] * n for _ in R]
    dV = [[0.0] * n for _ in V]
    db, carry = [0.0] * n, [0.0] * n
    for t in reversed(range(sizes.time)):
        d = [o - one for o, one in zip(outs[t], ys[t])]
        dh = [sum(V[k][j] * d[k] for k in range(len(d))) + carry[j] for j in range(n)]
        da = [dh[j] * (1 - hs[t + 1][j] ** 2) for j in range(n)]
        for j in range(n):
            db[j] += da[j]
            for k in range(len(d)):
                dV[k][j] += d[k] * hs[t + 1][j]
            for i in range(sizes.input):
                dW[j][i] += da[j] * xs[t][i]
            for i in range(n):
                dR[j][i] += da[j] * hs[t][i]
        carry = [sum(R[j][i] * da[j] for j in range(n)) for i in range(n)]
    return loss, dict(W=dW, R=dR, V=dV, b=db)
"""


def test_a_program_of_single_numbers_breaks_no_hypothesis():
    for old, new in (
        ("db[j] += da[j]", "db[j] += dh[j]"),
        ("hs[t][i]", "hs[t + 1][i]"),
        ("R[j][i] * da", "R[i][j] * da"),
    ):
        assert LISTS.count(old) == 1
        found = Case(*case(LISTS.replace(old, new), time=2, hidden=3, input=2, output=1), seconds=PATIENT)
        assert list(found.flows()) and found.wrong
        found.alone(found.base, found.wrong)
        assert found.broken == []


def test_an_activation_at_some_steps_is_none():
    # a weight times 0 of the first state is relu of it, where it is negative
    backward = Case(*case(LISTS, time=3, hidden=3, input=2, output=2)).backward
    assert {one.kind.name for one in backward.activations.values()} == {"tanh"}
    kept = set(backward.ops)
    assert all(kept.issuperset(site.ops) or kept.isdisjoint(site.ops) for site in backward.tape.core)


def test_products_are_written_as_the_code_has_them():
    rows = read(source_of("elman_rows").replace("carry = da @ p.Whh.T", "carry = dh @ p.Whh.T"))[0].mistakes
    columns = read(source_of("elman_columns").replace("carry = p.Whh.T @ da", "carry = p.Whh.T @ dh"))[0].mistakes
    assert [one.algebra for one in rows] == ["dh_{t-1} = … + δ_t Wᵀ; the code takes another adjoint for δ_t"]
    assert [one.algebra for one in columns] == ["dh_{t-1} = … + Wᵀ δ_t; the code takes another adjoint for δ_t"]


@pytest.mark.parametrize(
    "rows, columns",
    [
        ("… + δ_{t+1} Wᵀ; the code computes … + δ_{t+1} W", "… + Wᵀ δ_{t+1}; the code computes … + W δ_{t+1}"),
        ("δ Wᵀ; the code computes δ (W − 0.1 dW)ᵀ", "Wᵀ δ; the code computes (W − 0.1 dW)ᵀ δ"),
        ("δ W_xᵀ for δ W_hᵀ", "W_xᵀ δ for W_hᵀ δ"),
        ("Σ_t h_{t-1}ᵀ δ_t", "Σ_t δ_t h_{t-1}ᵀ"),
        ("dh = Wᵀ δ; δ ∘ diag(W)", "dh = Wᵀ δ; δ ∘ diag(W)"),
    ],
)
def test_in_columns(rows, columns):
    assert in_columns(rows) == columns


def test_an_array_of_the_step_before_is_called_as_the_line_calls_it():
    new = source_of("lstm_stacked").replace("(1 - tc**2)", "(1 - c_prev**2)")
    (mistake,) = read(new)[0].mistakes
    assert "it is taken of another array, c_prev, which is c (line 21) of the step before: 1 − v²" in mistake.sentence


def test_what_refers_to_one_another_is_not_written_out():
    backward = Case(*case(LISTS, time=2, hidden=3, input=2, output=1)).backward
    op = backward.ops[-1]
    assert all(len(repr(one)) < 200 for one in (op, op.site, op.edges[0]))
