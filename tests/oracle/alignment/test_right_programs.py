"""Nothing is reported of right programs, however much of their backward pass looks like a mistake."""

import pytest

from oracle.alignment.run import _run
from oracle.examination import examine
from oracle.gradient_check import _with_alignment, subject_at
from oracle.sizes import points
from oracle.verdict import AGREES
from tests.oracle.alignment.right_programs import RIGHT


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_reported(name, alignment):
    found = alignment(RIGHT[name])
    assert [str(report) for report in found.reports if not report.forward] == []


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_shown(name, function_of):
    function = function_of(RIGHT[name])
    case, other, *_ = points(function.shapes)
    subject, sizes = subject_at(function, case)
    finding = _with_alignment(examine(subject), subject, function.shapes, sizes, lambda: subject_at(function, other))
    assert finding.outcome == AGREES
    assert finding.misaligned == ()


def test_what_the_forward_pass_stretches_is_shown_where_a_gradient_is_wrong(function_of):
    function = function_of(RIGHT["kernel"].replace("w=-z.T", "w=z.T"))
    case, *_ = points(function.shapes)
    subject, sizes = subject_at(function, case)
    (said, *_) = _with_alignment(examine(subject), subject, function.shapes, sizes).misaligned
    assert "both are stretched" in said


@pytest.mark.parametrize("name", RIGHT)
def test_it_was_followed(name, function_of):
    function = function_of(RIGHT[name])
    judge = _run(subject_at(function, points(function.shapes)[0])[0], function.shapes)
    assert judge.forward and len(judge.judged) > len(judge.forward)
