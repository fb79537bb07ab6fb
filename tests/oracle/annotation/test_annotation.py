"""A right program has no wrong line; of a wrong one the line with the mistake is named."""

import ast
from pathlib import Path

import pytest

from oracle.annotation import annotate, truths
from tests.oracle.annotation.conftest import subject_of
from tests.oracle.annotation.programs import ONE_FUNCTION, RIGHT, WRONG
from tests.oracle.repair.programs import IN_PLACE, planted

EXAMPLES = Path("examples")
FAULTY = ["untransposed_carry", "state_index", "derivative_of_preactivation", "bias_not_summed", "overwritten"]


@pytest.mark.parametrize("program", RIGHT.values(), ids=RIGHT)
def test_a_right_program_has_no_wrong_line(annotated, program):
    found = annotated(program)
    assert found.first is None
    assert [one.line for one in found.remarks if one.status == "wrong"] == []
    assert [one for one in found.remarks if one.status == "right"]


@pytest.mark.parametrize(("program", "right", "wrong"), WRONG, ids=[f"{one[0]}: {one[2]}" for one in WRONG])
def test_the_planted_line_is_the_first_wrong_one(annotated, program, right, wrong):
    assert RIGHT[program].count(right) == 1
    text = RIGHT[program].replace(right, wrong)
    found = annotated(text)
    assert found.first is not None
    assert text.splitlines()[found.first.line - 1].strip() == wrong


def test_a_carry_that_is_never_assigned(annotated):
    found = annotated(ONE_FUNCTION.replace("        carry = da @ p.R.T\n", ""))
    text = ONE_FUNCTION.splitlines()[found.first.line - 1]
    assert text.strip() in ("dh = dy @ p.V.T + carry", "carry = np.zeros_like(h[0])")
    assert "only a part" in found.first.reason


@pytest.mark.parametrize("name", [*FAULTY, "three_mistakes", "wrong_gate", "undeclared_clip", "accumulates"])
def test_the_arrows_of_the_examples(name):
    subject, definitions = subject_of(str(EXAMPLES / "check_wrong.py"), name)
    found = annotate(subject, definitions, truths(subject)).first
    assert "# <-" in Path(found.filename).read_text().splitlines()[found.line - 1]


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_the_examples_that_are_right():
    path = str(EXAMPLES / "check_right.py")
    body = ast.parse(Path(path).read_text()).body
    names = [node.name for node in body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    assert names
    for name in names:
        subject, definitions = subject_of(path, name)
        found = annotate(subject, definitions, truths(subject))
        assert found.first is None and all(one.status != "wrong" for one in found.remarks), name


def test_a_common_factor_is_named(annotated):
    assert annotated(RIGHT["mean at the end"]).factor == "batch"
    assert annotated(ONE_FUNCTION).factor == ""


def test_the_lines_of_an_untransposed_carry(annotated):
    text = ONE_FUNCTION.replace("carry = da @ p.R.T", "carry = da @ p.R")
    assert annotated(text).lines(110) == [
        "program.py, program",
        "19  dy = e[t]                  = dL/d e[t]",
        "20  dV += h[t].T @ dy          = what V gets from one step",
        "21  dh = dy @ p.V.T + carry    dL/d h[t]: right at t=4, wrong from t=3 on",
        "22  da = dh * (1 - h[t] ** 2)  dL/d a[t]: right at t=4, wrong from t=3 on",
        "23  dW += x[t].T @ da          what W gets from one step: right at t=4, wrong from t=3 on",
        "24  dR += h[t - 1].T @ da      what R gets from one step: right at t=4, wrong from t=3 on",
        "25  db += da.sum(axis=0)       what b gets from one step: right at t=4, wrong from t=3 on",
        "26  carry = da @ p.R           <-- the first wrong value",
    ]


def test_the_lines_of_an_overwritten_gradient_in_a_narrow_terminal(annotated):
    text = RIGHT["class"].replace("self.dW += np.outer(delta, self.x[t])", "self.dW = np.outer(delta, self.x[t])")
    assert annotated(text).lines(50) == [
        "program.py, Net.backward",
        "18  self.dV = np.outer(d, self.h[-1])",
        "        = dL/d V, the whole gradient",
        "19  delta = self.V.T @ d",
        "        = dL/d self.h[...]",
        "20  for t in reversed(range(len(self.x))):",
        "21      delta = delta * (1 - self.h[t + 1] ** 2)",
        "            = dL/d self.a[...]",
        "22      self.dW = np.outer(delta, self.x[t])",
        "            <-- every step overwrites the one",
        "              before: only one contribution is",
        "              left",
        "23      self.dR += np.outer(delta, self.h[t])",
        "            = what R gets from one step",
        "24      delta = self.R.T @ delta",
        "            = dL/d self.h[...]",
    ]


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("program", ["lstm", "gru"])
def test_remarks_keep_to_the_width_and_the_source_is_whole(annotated, program, width):
    old, new = {"lstm": ("dc = dc_next + dh", "dc = dh"), "gru": ("carry = dh * z[t]", "carry = dh")}[program]
    text = RIGHT[program].replace(old, new)
    lines = annotated(text).lines(width)
    numbered = [line for line in lines if line[:2].strip().isdigit()]
    for line in numbered:
        number, source = int(line[:2]), text.splitlines()[int(line[:2]) - 1].strip()
        assert source in line, number
    assert len(numbered) > 10
    assert max(map(len, lines)) <= width
    words = " ".join(" ".join(lines).split())
    assert f"<-- {annotated(text).first}" in words and "wrong from t=" in words


def test_what_an_adjoint_is_multiplied_by_in_place_is_not_neutral(annotated):
    """Nor is what is computed from the first wrong value, though nothing right is in it; the derivatives are."""
    text = planted(IN_PLACE, ("(h[t] - n) * z", "(n - h[t]) * z"))
    found = annotated(text)
    lines = text.splitlines()
    neutral = {lines[line - 1].strip() for _, line in found.neutral}
    assert lines[found.first.line - 1].strip().startswith("np.multiply(dh, (n - h[t])")
    assert "z, n = gates[t, :, :H], gates[t, :, H:]" in neutral
    for line in ("dh *= z", "dh += deltas[t] @ p.R.T", "flat = deltas.reshape(T * B, 2 * H)", "dh += errors[t]"):
        assert line not in neutral
