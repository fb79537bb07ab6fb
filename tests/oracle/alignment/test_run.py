"""The named run as a part of a check: what it adds, and what it leaves alone."""

import numpy as np

from oracle.alignment import aligned
from oracle.alignment import run as named_run
from oracle.data import from_data, to_data, to_json
from oracle.gradient_check import check_function, check_gradients
from oracle.subject import Subject
from oracle.verdict import AGREES, WRONG
from tests.oracle.alignment.programs import MISTAKES

CARRY = MISTAKES["carry not transposed, rows"]


def test_a_finding_tells_of_it(function_of):
    report = check_function(function_of(CARRY.source(wrong=True)))
    (said,) = report.findings[0].misaligned
    text = str(report.findings[0])
    assert report.outcome == WRONG and said.startswith("program.py:28 in rows")
    assert "axes of different meaning are lined up:\n    program.py:28 in rows" in text
    assert text.index("all gradients, the worst first") < text.index("axes of different meaning")
    assert from_data(to_data(report)).findings[0].misaligned == (said,)
    assert to_json(report)["cases"][0]["misaligned"] == [said]


def test_nothing_is_said_of_what_is_right(function_of):
    report = check_function(function_of(CARRY.source(wrong=False)))
    assert report.outcome == AGREES and not any(finding.misaligned for finding in report.findings)


def recurrent(p, carry=lambda delta, R: delta @ R.T):
    h, hs = np.zeros((2, 3)), [np.zeros((2, 3))]
    for x in KEPT["x"]:
        h = np.tanh(x @ p["W"] + h @ p["R"])
        hs.append(h)
    KEPT["h"] = h
    dW, dR, dh = np.zeros((4, 3)), np.zeros((3, 3)), h
    for t in (2, 1, 0):
        delta = dh * (1 - hs[t + 1] ** 2)
        dW, dR, dh = dW + KEPT["x"][t].T @ delta, dR + hs[t].T @ delta, carry(delta, p["R"])
    return 0.5 * np.sum(h**2), {"W": dW, "R": dR}


RNG = np.random.default_rng(0)
KEPT = {"x": RNG.normal(size=(3, 2, 4))}
P = {"W": RNG.normal(size=(4, 3)), "R": RNG.normal(size=(3, 3))}


def test_a_live_function():
    assert check_gradients(recurrent, P).misaligned == ()
    (said,) = check_gradients(lambda p: recurrent(p, lambda delta, R: delta @ R), P).misaligned
    assert "hidden(t-1) against hidden(t): the forward pass sums over axis 0 of R" in said


def test_no_named_array_is_left_behind():
    check_gradients(recurrent, P)
    assert type(KEPT["h"]) is np.ndarray


def test_where_it_is_blind_is_told_of_what_is_wrong():
    def strange(p):
        h = np.fft.fft(p["W"]).real
        return 0.5 * np.sum(h**2), {"W": 2 * h}

    finding = check_gradients(strange, {"W": P["W"]})
    assert finding.outcome == WRONG and not finding.misaligned
    assert any(note.startswith("which axes are lined up was not followed from test_run.py:") for note in finding.notes)


def test_a_run_that_takes_too_long_says_nothing(monkeypatch):
    monkeypatch.setattr(named_run, "SECONDS", -1.0)
    wrong = Subject("f", P, lambda p, rng: recurrent(p, lambda delta, R: delta @ R), None)
    assert aligned(wrong).reports == ()


def test_what_goes_wrong_costs_the_reports(monkeypatch):
    monkeypatch.setattr(named_run, "Judge", None)
    wrong = Subject("f", P, lambda p, rng: recurrent(p, lambda delta, R: delta @ R), None)
    assert aligned(wrong).reports == ()
