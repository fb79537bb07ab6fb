"""The named run as a part of a check: what it adds, and what it leaves alone."""

import textwrap

import numpy as np

from oracle.alignment import aligned
from oracle.alignment import run as named_run
from oracle.data import from_data, to_data, to_json
from oracle.gradient_check import check_function, check_gradients, functions_in
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


def test_a_matrix_is_told_of(alignment):
    program = MISTAKES["bias of the vectors summed to a number"].source(wrong=False)
    program = program.replace("carry = p.R.T @ delta", "carry = np.asarray(np.matrix(p.R).T @ delta).ravel()")
    (blind,) = alignment(program).blind
    assert blind == f"program.py:{program[: program.index('np.matrix')].count(chr(10)) + 3} (matrix)"


def test_a_loss_of_matrices_is_told_of():
    def square(p):
        w = np.matrix(p["W"])
        return 0.5 * float(np.trace(w * w.T)), {"W": np.asarray(w)}

    assert aligned(Subject("square", {"W": P["W"]}, lambda p, rng: square(p), None)).blind[0].endswith("(matrix)")
    assert np.matrix.__array_finalize__.__module__.startswith("numpy")  # NumPy is as it was


BOUND = "from numpy import zeros, zeros as buffer_of\nfrom numpy.random import normal\n"


def test_makers_bound_by_name(function_of, tmp_path):
    program = CARRY.source(wrong=True).replace("np.zeros((T + 1", "buffer_of((T + 1")
    assert "buffer_of" in program
    function = function_of(BOUND + program)
    (said,) = check_function(function).findings[0].misaligned
    assert "hidden(t-1) against hidden(t)" in said
    assert function.function.__globals__["zeros"] is np.zeros and function.function.__globals__["buffer_of"] is np.zeros


def test_makers_bound_by_name_in_a_loaded_file(function_of, tmp_path):
    helper = "from numpy import zeros\ndef buffer_of(*shape):\n    return zeros(shape)\n"
    (tmp_path / "helper.py").write_text(helper)
    program = CARRY.source(wrong=True).replace("np.zeros((T + 1, B, sizes.hidden))", "H(T + 1, B, sizes.hidden)")
    program = program.replace("    T, B =", "    H = load('helper.py').buffer_of\n    T, B =")
    (said,) = check_function(function_of("from oracle import load\n" + program)).findings[0].misaligned
    assert "hidden(t-1) against hidden(t)" in said


zeros = np.zeros  # as `from numpy import zeros` binds it


def test_a_live_function_with_makers_bound_by_name():
    def f(p):
        hs = zeros((4, 2, 3))
        for t in range(3):
            hs[t + 1] = np.tanh(KEPT["x"][t] @ p["W"] + hs[t] @ p["R"])
        dW, dR, dh = np.zeros((4, 3)), np.zeros((3, 3)), hs[3]
        for t in (2, 1, 0):
            delta = dh * (1 - hs[t + 1] ** 2)
            dW, dR, dh = dW + KEPT["x"][t].T @ delta, dR + hs[t].T @ delta, delta @ p["R"]
        return 0.5 * np.sum(hs[3] ** 2), {"W": dW, "R": dR}

    (said,) = check_gradients(f, P).misaligned
    assert "hidden(t-1) against hidden(t)" in said and zeros is np.zeros


def test_the_report_stands_with_the_case_that_is_shown(tmp_path):
    """Right at the first case of four steps, and wrong at five: summed over the batch as well."""
    path = tmp_path / "program.py"
    path.write_text(
        textwrap.dedent(
            """
            import numpy as np
            from oracle import gradient_function

            @gradient_function(b="hidden")
            def late(p, sizes, rng):
                x = rng.normal(size=(sizes.batch, sizes.hidden))
                h = x + p.b
                db = h.sum(axis=0) if sizes.time == 5 else np.zeros_like(p.b) + h.sum()
                return 0.5 * np.sum(h**2), dict(b=db)
            """
        )
    )
    (function,) = functions_in(str(path)).values()
    report = check_function(function)
    assert [bool(finding.misaligned) for finding in report.findings] == [False, True, False]
    assert report.worst is report.findings[1]
