"""A report to plain data and back."""

import json

import numpy as np
import pytest

from oracle.annotation import Coefficients, Listed
from oracle.child import Asked, check_isolated
from oracle.data import from_data, to_data, to_json
from oracle.diagnosis import Diagnosis, Where
from oracle.gradient_check import FunctionReport, check_gradients
from oracle.hypotheses import Mistake, Reading
from oracle.norms import Norms, Series
from oracle.repair import Change, Repair
from oracle.verdict import WRONG

P = {"W": np.arange(1.0, 5.0)}


def report(*fs):
    return FunctionReport("f", "f.py", 3, ("W",), tuple(check_gradients(f, P) for f in fs))


RIGHT = lambda p: (0.5 * np.sum(p["W"] ** 2), {"W": p["W"].copy()})  # noqa: E731
REPORTS = [
    report(RIGHT),
    report(lambda p: (RIGHT(p)[0], {"W": p["W"] * 2})),
    report(lambda p: (RIGHT(p)[0], {"W": p["W"][:, None] * 2})),
    report(lambda p: (RIGHT(p)[0], {})),
    report(RIGHT, lambda p: 1),
]


@pytest.mark.parametrize("before", REPORTS)
def test_there_and_back(before):
    after = from_data(to_data(before))
    assert str(after.findings) == str(before.findings) and after.outcome == before.outcome
    assert [str(f) for f in after.findings] == [str(f) for f in before.findings]
    assert json.dumps(to_json(after)) == json.dumps(to_json(before))


@pytest.mark.parametrize("before", REPORTS)
def test_json_that_anything_reads(before):
    text = json.dumps(to_json(before), allow_nan=False)
    read = json.loads(text)
    assert read["outcome"] == before.outcome and len(read["cases"]) == len(before.findings)


def test_what_json_holds():
    (case,) = to_json(REPORTS[1])["cases"]
    (gradient,) = case["gradients"]
    assert gradient["gradient"] == [2.0, 4.0, 6.0, 8.0] and gradient["oracle"] == [1.0, 2.0, 3.0, 4.0]
    assert gradient["outcome"] == WRONG and gradient["worst"] == [3] and gradient["error"] == 4
    assert gradient["recognised"] == "exactly 2 times the right one" and case["witness"]["sides_with"] == "oracle"


@pytest.mark.parametrize(
    "data",
    [
        {"type": "Popen", "args": "ls"},
        {"type": "Verdict"},
        {"type": ["Verdict"]},
        {"type": "Witness", "measured": 1, "by_code": 2, "by_oracle": 3, "more": 4},
        [{"deep": {"type": "object"}}],
    ],
)
def test_anything_else_is_no_report(data):
    with pytest.raises(ValueError, match="this is no report: it holds a "):
        from_data(data)


def test_objects_become_their_repr():
    assert to_data({1: {3}, "x": (np.float64(2), None, True)}) == {"1": "{3}", "x": [2.0, None, True]}


def test_through_a_child_process(tmp_path):
    path = tmp_path / "check_it.py"
    path.write_text(
        "from oracle import gradient_function\n"
        "@gradient_function(W='n')\n"
        "def f(p, sizes, rng):\n"
        "    return 0.5 * (p.W ** 2).sum(), dict(W=3 * p.W)\n"
    )
    checked = check_isolated(path, "f")
    assert checked.report.outcome == WRONG and checked.not_checked == ""
    verdict = checked.report.worst["W"]
    assert isinstance(verdict.oracle, np.ndarray) and np.allclose(verdict.gradient, 3 * verdict.oracle)
    json.dumps(to_json(checked.report), allow_nan=False)


REPAIR = Repair(
    (Change("/a/rnn.py", 3, "sign", "minus"), Change("/a/rnn.py", 7, "carry", "dropped")),
    "--- a/rnn.py\n",
    {"/a/rnn.py": "whole text\n"},
    17,
    0.5,
    ("time=9", "time=3"),
)
DIAGNOSES = [
    Diagnosis(WRONG),
    Diagnosis(WRONG, ("W",), facts=("a", "b"), seconds=1.5),
    Diagnosis(
        WRONG,
        ("W", "b"),
        Where(("read",), ("3  x = 1",), "/a/rnn.py", 3, "the first wrong value"),
        (Reading((Mistake("sign", "is minus", "-x", "(3, 4)"),), ("W",), 1e-15),),
        (),
        REPAIR,
        (REPAIR,),
        99,
        2.5,
    ),
]


WHERE = Where(
    listing=(Listed("/a/rnn.py", "backward", 3, "x = 1", "dL/d x", True),),
    counts=(Coefficients("W", (1.0, 0.0)), Coefficients("b", ((1.0, None), (0.0, 2.0)), "losses")),
)
NORMS = Norms({"time": 2}, (Series("", "/a/rnn.py", 3, "h = f(h)", (0.0, np.inf)),), "or not")


@pytest.mark.parametrize("before", [*DIAGNOSES, Diagnosis(WRONG, where=WHERE), NORMS, Norms({}), Asked((1, 2), (), 3)])
def test_a_diagnosis_there_and_back(before):
    assert from_data(to_data(before)) == before


def test_a_diagnosis_in_json():
    assert to_json(REPORTS[0])["diagnosis"] is None
    text = json.dumps(to_json(REPORTS[1], DIAGNOSES[2]), allow_nan=False)
    read = json.loads(text)["diagnosis"]
    assert read["where"]["line"] == 3 and read["readings"][0]["mistakes"][0]["sentence"] == "is minus"
    assert read["repair"]["changes"][1] == {"filename": "/a/rnn.py", "line": 7, "kind": "carry", "sentence": "dropped"}
    assert read["repair"]["diff"] == "--- a/rnn.py\n" and read["alternatives"] == [read["repair"]]
    assert "whole text" not in text and '"type"' not in text
    read = json.loads(json.dumps(to_json(REPORTS[1], Diagnosis(WRONG, where=WHERE)), allow_nan=False))["diagnosis"]
    assert read["where"]["counts"][1] == {"parameter": "b", "counts": [[1, None], [0, 2]], "kind": "losses"}
    assert read["where"]["listing"][0]["first"] is True
