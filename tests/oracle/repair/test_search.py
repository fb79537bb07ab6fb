"""The search: what it finds, what it leaves alone, and what candidates may do without harm."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from oracle.annotation.matching import Matcher
from oracle.diagnosis import Diagnosis, diagnosis
from oracle.examination import examine
from oracle.gradient_check import FunctionReport, functions_in, subject_at
from oracle.gradient_function import GradientFunction
from oracle.repair.trial import Score, Trial
from oracle.repair.workers import tried
from oracle.sizes import Parameters, Point, Sizes, draw, points
from tests.oracle.repair.programs import (
    CELLS,
    CLASS,
    DICT,
    IN_PLACE,
    IN_SELF,
    LATE,
    MEAN_OVER_STEPS,
    ROWS,
    SAMPLE_BY_SAMPLE,
    planted,
)


def checked(path: Path) -> tuple[GradientFunction, FunctionReport]:
    """The gradient function of a file and what its first case says."""
    function = functions_in(str(path))["program"]
    finding = examine(subject_at(function, points(function.shapes)[0])[0])
    return function, FunctionReport("program", str(path), function.line, tuple(function.shapes), (finding,))


def searched(path: Path, text: str, budget: float = 5.0, **options: object) -> Diagnosis:
    path.write_text(text)
    return diagnosis(*checked(path), budget, without={"causes"}, **options)


def returned(path: Path, text: str) -> tuple[float, dict[str, np.ndarray]]:
    """What a text returns, at sizes and numbers of its own."""
    path.write_text(text)
    function = functions_in(str(path))["program"]
    sizes = {name: size + 3 for name, size in points(function.shapes)[1].sizes}
    point = Point(tuple(sizes.items()), seed=77)
    return function(Parameters(draw(function.shapes, point)), Sizes(sizes), np.random.default_rng(5))


@pytest.fixture
def forked(monkeypatch) -> list[int]:
    """The processes that were started."""
    pids: list[int] = []
    fork = os.fork

    def recorded() -> int:
        if pid := fork():
            pids.append(pid)
        return pid

    monkeypatch.setattr(os, "fork", recorded)
    return pids


def left_of(pids: list[int]) -> list[int]:
    """Those that are still there, as zombies at least."""
    left = []
    for pid in pids:
        try:
            os.kill(pid, 0)
            left.append(pid)
        except ProcessLookupError:
            pass
    return left


TRANSPOSED = ("carry = da @ R.T", "carry = da @ R")
STEP = ("dR += h[t - 1].T @ da", "dR += h[t].T @ da")
DERIVATIVE = ("dh * (1 - h[t] ** 2)", "dh * (1 - h[t])")
NOT_ADDED = ("dV += h[t].T @ e[t]", "dV = h[t].T @ e[t]")
MEAN = ("db += da.sum(axis=0)", "db += da.mean(axis=0)")
CASES = [
    pytest.param(ROWS, [STEP], id="rows: time index"),
    pytest.param(ROWS, [("V.T + carry", "V.T")], id="rows: carry"),
    pytest.param(CLASS, [("self.hs[t].T", "self.hs[t + 1].T")], id="class: time index"),
    pytest.param(CLASS, [("dU += delta", "dU = delta")], id="class: accumulation"),
    pytest.param(CLASS, [("(1 - self.hs[t + 1] ** 2)", "(1 - self.hs[t + 1])")], id="class: derivative"),
    pytest.param(ROWS, [DERIVATIVE, STEP], id="rows: derivative, time index"),
    pytest.param(CLASS, [("self.W.T @ delta", "self.W @ delta"), ("db +=", "db -=")], id="class: transposed, sign"),
    pytest.param(LATE, [("(o - y)\n", "(y - o)\n"), ("e = 2 * (y", "e = (y")], id="late: sign, factor"),
    pytest.param(ROWS, [TRANSPOSED, NOT_ADDED, MEAN], id="rows: transposed, accumulation, mean"),
    pytest.param(IN_PLACE, [("dh *= z", "dh *= 1 - z")], id="in place: what it is multiplied by"),
    pytest.param(IN_PLACE, [("(h[t] - n) * z", "(n - h[t]) * z"), ("dh *= z", "dh *= 1 - z")], id="in place: two"),
]


@pytest.mark.parametrize(("program", "mistakes"), CASES)
def test_mistakes_are_repaired(tmp_path, forked, program, mistakes):
    path, wrong = tmp_path / "program.py", planted(program, *mistakes)
    handler = signal.getsignal(signal.SIGALRM)
    found = searched(path, wrong)
    assert path.read_text() == wrong  # the user's file is the user's
    assert left_of(forked) == [] and forked
    assert signal.getsignal(signal.SIGALRM) is handler and signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    repair = found.repair
    assert len(repair.changes) == len(mistakes)
    lines = [wrong[: wrong.index(b)].count("\n") + 1 for _, b in mistakes]
    changed = [change.line for change in repair.changes]
    assert changed == sorted(changed)
    assert all(abs(a - b) <= 1 for a, b in zip(changed, sorted(lines)))  # a term left out can come in one line later
    assert 0 < repair.tried <= found.tried
    ((filename, text),) = repair.patched.items()
    assert filename == str(path)
    right_loss, right = returned(tmp_path / "right.py", program)
    loss, gradients = returned(tmp_path / "patched.py", text)
    assert loss == right_loss
    for name in right:
        np.testing.assert_allclose(gradients[name], right[name], rtol=1e-9, atol=1e-12)
    backward = {ROWS: "    dW, dR", LATE: "    e = ", IN_PLACE: "    errors = "}.get(program, "    def backward")
    assert text[: text.index(backward)] == program[: program.index(backward)]
    assert all(one.diff != repair.diff for one in found.alternatives)  # another repair, and not another name for it


LOST = [
    pytest.param(DICT, '        grads["W"] += da @ x[t].T\n', id="dict: nothing else reads x[t]"),
    pytest.param(DICT, '        grads["b"] += da.sum(axis=1, keepdims=True)\n', id="dict: bias"),
    pytest.param(IN_SELF, "            self.dU += delta @ self.xs[t].T\n", id="self: nothing else reads self.xs[t]"),
    pytest.param(IN_SELF, "            self.dW += delta @ self.hs[t].T\n", id="self: hs[t], and hs[t + 1] is read"),
    pytest.param(IN_SELF, "            self.db += np.sum(delta, axis=1, keepdims=True)\n", id="self: bias"),
]


@pytest.mark.parametrize(("program", "line"), LOST)
def test_a_line_that_was_deleted_comes_back(tmp_path, program, line):
    found = searched(tmp_path / "program.py", planted(program, (line, "")))
    (change,) = found.repair.changes
    assert change.kind == "accumulation"
    target = line.strip().split(" += ")[0]
    assert f"+        {target.replace(chr(34), chr(39))} += " in found.repair.diff.replace(" " * 12, " " * 8)
    same_gradients(tmp_path, program, found.repair)


def same_gradients(tmp_path, program, repair):
    """At sizes and numbers that the search has not seen."""
    _, right = returned(tmp_path / "right.py", program)
    _, gradients = returned(tmp_path / "patched.py", *repair.patched.values())
    for name in right:
        np.testing.assert_allclose(gradients[name], right[name], rtol=1e-9, atol=1e-12)


def test_the_forward_pass_may_come_again_for_another_sample(tmp_path):
    """Of the first adjoint none is right: the backward pass begins where the forward pass has ended for the first."""
    wrong = (("error / len(xs)", "error"), ("1 - hs[t + 1] ** 2", "1 - hs[t] ** 2"), ("p.R.T @ da", "p.R @ da"))
    found = searched(tmp_path / "program.py", planted(SAMPLE_BY_SAMPLE, *wrong))
    assert len(found.repair.changes) == 3
    same_gradients(tmp_path, SAMPLE_BY_SAMPLE, found.repair)


def test_what_a_call_gives_back_is_not_thrown_away(tmp_path):
    found = searched(tmp_path / "program.py", planted(CELLS, ("dh = cell.back(dh)", "cell.back(dh)")))
    assert [change.kind for change in found.repair.changes] == ["carry"]
    assert "-        cell.back(dh)\n+        dh = cell.back(dh)\n" in found.repair.diff


def test_what_is_right_at_the_first_sizes_alone_does_not_end_the_search(tmp_path):
    """T - 3 is 1 where there are four steps: one edit for two mistakes, and wrong at other sizes."""
    wrong = planted(
        ROWS,
        ("    carry = np", "    scale = T - 2\n    carry = np"),
        ("dW += x[t].T", "dW += scale * x[t].T"),
        ("db += da.sum", "db += scale * da.sum"),
    )
    path = tmp_path / "program.py"
    path.write_text(wrong)
    found = diagnosis(*checked(path), 20.0, without={"causes", "ordering"})  # the mistaken edit comes early
    same_gradients(tmp_path, ROWS, found.repair)
    assert len(found.repair.changes) == 2


def test_the_return_that_computes_the_loss_may_call_the_backward_pass(tmp_path):
    """It ends after the backward pass, which is not set up before the forward pass for that."""
    found = searched(tmp_path / "program.py", planted(DICT, ('p["R"].T @ da', 'p["R"] @ da')))
    assert found.repair.tried <= 4
    assert [(change.line, change.kind) for change in found.repair.changes] == [(15, "transposed recurrent matrix")]


def test_a_line_that_nobody_would_write_gives_way_to_another(tmp_path):
    wrong = planted(MEAN_OVER_STEPS, ("        dW +=", "        da = dh\n        dW +="))
    found = searched(tmp_path / "program.py", wrong)
    for one in (found.repair, *found.alternatives):
        assert "+        da = da\n" not in one.diff


OUT_OF_REACH = planted(
    ROWS,
    ("dV += h[t].T @ e[t]", "dV += np.sin(h[t]).T @ np.cos(e[t])"),
    ("dW += x[t].T @ da", "dW += np.sin(x[t]).T @ np.cos(da)"),
    ("dR += h[t - 1].T @ da", "dR += np.sin(h[t - 1]).T @ np.cos(da)"),
    ("carry = da @ R.T", "carry = np.cos(da) @ np.sin(R.T)"),
)


def test_what_is_out_of_reach_ends_within_the_budget(tmp_path, forked):
    told: list[int] = []
    start = time.monotonic()
    found = searched(tmp_path / "program.py", OUT_OF_REACH, budget=2.0, told=told.append)
    assert time.monotonic() - start < 2.0 + 3.0  # what comes before the search is not in its budget
    assert found.repair is None and found.alternatives == ()
    assert found.tried > 50
    assert told == sorted(told) and told and told[-1] <= found.tried
    assert left_of(forked) == []


HARD = ("dh = e[t] @ V.T + carry", "dh = np.cumsum(e[t] @ V.T, axis=1)[::-1] * np.sign(h[t]) + carry")


def test_of_what_is_out_of_reach_a_part_is_found(tmp_path):
    """The gradient of V needs one edit; those of the others need a line that nothing leads to."""
    found = searched(tmp_path / "program.py", planted(ROWS, NOT_ADDED, HARD))
    assert found.repair is None and found.alternatives == ()
    (change,) = found.part.changes
    assert (change.kind, change.line) == ("accumulation", found.first_wrong) and "dV += " in found.part.diff
    assert set(found.part.left) == {"W", "R", "b"} and found.mended == ("V",) and len(found.part.verified) == 3
    assert found.causes[0] == "accumulation"
    _, right = returned(tmp_path / "right.py", ROWS)
    _, patched = returned(tmp_path / "patched.py", *found.part.patched.values())
    np.testing.assert_allclose(patched["V"], right["V"], rtol=1e-9, atol=1e-12)
    assert not np.allclose(patched["W"], right["W"])


def test_what_explains_the_rest_is_said_of_the_program_with_the_part_in_it(tmp_path, monkeypatch):
    """As if the second of two mistakes had been out of reach."""
    monkeypatch.setattr("oracle.repair.search.MOST_EDITS", 1)
    path = tmp_path / "program.py"
    path.write_text(planted(ROWS, NOT_ADDED, TRANSPOSED))
    found = diagnosis(*checked(path), 5.0)
    assert found.repair is None and [change.kind for change in found.part.changes] == ["transposed recurrent matrix"]
    assert {one.kind for reading in found.rest for one in reading.mistakes} == {"accumulation"}
    assert all(reading.parameters == ("V",) for reading in found.rest) and found.part.left == ("V",)
    assert set(found.causes) == {"accumulation", "transposed recurrent matrix"}
    whole = searched(path, planted(ROWS, HARD), 1.0)
    assert whole.part is None and whole.rest == ()  # no edit mends any of them


def test_no_time_at_all(tmp_path, forked):
    found = searched(tmp_path / "program.py", planted(ROWS, TRANSPOSED), budget=0.0)
    assert found.repair is None
    assert left_of(forked) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_no_process_is_left_when_an_exception_passes_through(tmp_path, forked, error):
    handler = signal.getsignal(signal.SIGALRM)

    def told(_: int) -> None:
        raise error

    with pytest.raises(error) as caught:
        searched(tmp_path / "program.py", OUT_OF_REACH, budget=2.0, told=told)
    assert forked and left_of(forked) == []
    assert caught.tb is not None  # whoever looks at it holds the frames
    assert signal.getsignal(signal.SIGALRM) is handler


TRAPS = planted(
    ROWS,
    ("import numpy as np\n", "import ctypes\nimport sys\nimport numpy as np\n"),
    (
        "    carry = np.zeros_like(h0)\n",
        """\
    carry = np.zeros_like(h0)
    n = 3
    k = 0
    while k < n:
        k += 1
    if k == 4:
        ctypes.string_at(0)
    if k == 2:
        print("printed")
        print("printed", file=sys.stderr)
    if k == 6:
        np.ones(10**15)
    if k == 1:
        sys.exit(3)
    if k == 0:
        sum(range(10**12)) if SLOW else 0
""",
    ),
    TRANSPOSED,
)


def trapped(program, text: str):
    """How its candidates are tried, and all of them."""
    made = program(text)
    right = examine(made.subject)
    gradients = {verdict.name: verdict.oracle for verdict in right.verdicts}
    tolerance = {name: 1e-8 * float(np.abs(gradient).max()) for name, gradient in gradients.items()}
    trial = Trial(made.subject, made.definitions, right.loss, gradients, tolerance, Matcher(()), [])
    first = text[: text.index("    dW, dR")].count("\n") + 1
    (filename,) = {one.filename for one in made.definitions}
    edits = made.edits(frozenset((filename, line) for line in range(first)))
    trap = text[: text.index("    n = 3")].count("\n") + 1
    inside = [edit for edit in edits if trap <= edit.line <= trap + 3]
    (repairing,) = [edit for edit in edits if edit.sentence == "R is transposed" and "carry" in _line(text, edit.line)]
    others = [edit for edit in edits if "dV +=" in _line(text, edit.line)][:20]
    return trial, [*inside, *others, repairing]


def _line(text: str, number: int) -> str:
    return text.split("\n")[number - 1]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_candidate_that_fails_costs_only_itself(program, forked, capfd, workers):
    trial, edits = trapped(program, TRAPS.replace("SLOW", "False"))
    assert any("k -= 1" in edit.sentence for edit in edits)  # which never ends
    scores = {}
    for index, score in tried(trial, edits, workers, within(20)):
        assert index not in scores
        scores[index] = score
    assert sorted(scores) == list(range(len(edits)))
    whole = frozenset(trial.gradients)
    assert [edits[k].sentence for k, score in scores.items() if score and score.agreeing == whole] == [
        "R is transposed"
    ]
    assert {edits[k].sentence for k, score in scores.items() if score is None} >= {"4 in place of 3", "6 in place of 3"}
    assert scores[next(k for k, one in enumerate(edits) if one.sentence == "2 in place of 3")] is not None
    assert left_of(forked) == [] and len(forked) > workers
    assert capfd.readouterr() == ("", "")


def test_a_candidate_that_no_signal_ends_costs_only_itself(program, forked):
    """A loop inside of NumPy or of a built-in function does not come back to Python."""
    trial, edits = trapped(program, TRAPS.replace("SLOW", "True"))
    edits = [next(one for one in edits if one.sentence == "0 in place of 3"), *edits[-3:]]
    deadline = time.monotonic() + 4
    scores = dict(tried(trial, edits, 1, lambda: deadline))
    assert time.monotonic() < deadline + 1
    assert left_of(forked) == []
    assert len(scores) == len(edits)


def within(seconds: float):
    """The time by which trying has to end."""
    deadline = time.monotonic() + seconds
    return lambda: deadline


class Scored:
    """A trial that knows its scores: the n-th candidate makes the parameter pn agree."""

    seconds = 0.05

    def __init__(self, parameters: int) -> None:
        self.gradients = {f"p{number}": np.zeros(1) for number in range(parameters)}

    def score(self, edits: list[int]) -> Score | None:
        if edits[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return None if edits[0] >= len(self.gradients) else Score(frozenset({f"p{edits[0]}"}), edits[0] / 2)


@pytest.mark.parametrize("parameters", [1, 8, 63, 64, 100])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_scores_come_back_as_they_are(forked, parameters, workers):
    candidates = [*range(parameters), 10**6]
    scores = dict(tried(Scored(parameters), candidates, workers, within(9)))
    wanted = {number: Score(frozenset({f"p{number}"}), number / 2) for number in range(parameters)}
    assert scores == {**wanted, parameters: None}
    assert left_of(forked) == []


def test_crashes_among_others(forked):
    candidates = [0, -1, 0, -1, -1, 0, 0, -1]
    scores = dict(tried(Scored(1), candidates, 2, within(9)))
    assert {k: score is not None for k, score in scores.items()} == {k: one == 0 for k, one in enumerate(candidates)}
    assert left_of(forked) == []


def test_whoever_stops_reading_ends_the_processes(forked):
    scores = tried(Scored(3), [0, 1, 2] * 100_000, 2, within(9))
    next(scores)
    assert len(left_of(forked)) == 2
    scores.close()
    assert left_of(forked) == []


def test_the_clock_ends_it(forked):
    deadline = time.monotonic() + 0.2
    scores = list(tried(Scored(3), [0, 1, 2] * 10**6, 2, lambda: deadline))
    assert 0 < len(scores) < 3 * 10**6
    assert time.monotonic() < deadline + 1
    assert left_of(forked) == []


def test_no_candidates(forked):
    assert list(tried(Scored(1), [], 2, lambda: time.monotonic() + 1)) == []
    assert forked == []


def test_the_trees_are_as_they_were(tmp_path):
    """A file that stays loaded is diagnosed twice, and its function is its own again."""
    path = tmp_path / "program.py"
    path.write_text(planted(ROWS, TRANSPOSED))
    function, report = checked(path)
    code = sys.modules.get("program")
    before = function.function.__code__, function.function.__globals__["loss_and_gradients"].__code__
    first, second = (diagnosis(function, report, 3.0, without={"causes"}) for _ in range(2))
    assert first.repair.diff == second.repair.diff
    assert before == (function.function.__code__, function.function.__globals__["loss_and_gradients"].__code__)
    assert sys.modules.get("program") is code
