"""Silently wrong programs are reported at the line that is wrong, and the same programs put right are not."""

import numpy as np
import pytest

from oracle.examination import examine
from oracle.gradient_check import subject_at
from oracle.sizes import points
from oracle.verdict import AGREES
from tests.oracle.alignment.programs import MISTAKES


@pytest.mark.parametrize("name", MISTAKES)
def test_wrong(name, alignment):
    mistake = MISTAKES[name]
    found = alignment(mistake.source(wrong=True))
    print(*found.reports, sep="\n")
    report = found.reports[0]
    assert mistake.reported in report.source
    assert {text: " ".join(axes) for text, _, axes in report.operands} == mistake.operands
    assert report.says[0].startswith(mistake.says)
    assert all(len(axes) == len(shape) for _, shape, axes in report.operands)


@pytest.mark.parametrize("name", MISTAKES)
def test_right(name, alignment, function_of):
    program = MISTAKES[name].source(wrong=False)
    assert alignment(program).reports == ()
    function = function_of(program)
    assert examine(subject_at(function, points(function.shapes)[0])[0]).outcome == AGREES


def test_the_words_of_a_report(alignment):
    (report,) = alignment(MISTAKES["carry not transposed, rows"].source(wrong=True)).reports
    assert np.isscalar(report.line)
    assert report.lines() == [
        "program.py:28 in rows",
        "    carry = delta @ R",
        "        delta  (3, 4)  batch=3, hidden=4",
        "        R      (4, 4)  hidden=4, hidden=4",
        "    hidden(t-1) against hidden(t): the forward pass sums over axis 0 of R, with the state that goes in",
        "    a gradient comes back through the other axis: R transposed against what it is here",
    ]
