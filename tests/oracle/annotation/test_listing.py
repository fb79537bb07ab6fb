"""The annotated source as data says what its text says."""

from pathlib import Path

import pytest

from oracle.annotation import annotate, truths
from oracle.gradient_check import functions_in, subject_at
from oracle.rewriting import definitions_run, quiet
from oracle.sizes import points
from oracle.subject import run

EXAMPLES = Path(__file__).parents[3] / "examples" / "check_wrong.py"


@pytest.mark.parametrize("name", ("untransposed_carry", "three_mistakes", "wrong_gate"))
def test_its_lines_are_those_of_the_text(name):
    function = functions_in(str(EXAMPLES))[name]
    subject, _ = subject_at(function, points(function.shapes)[0])
    with quiet():
        definitions = definitions_run(lambda: run(subject, subject.parameters))
    annotation = annotate(subject, definitions, truths(subject))
    text = annotation.lines(width=10_000)
    listing = annotation.listing()
    assert listing
    for one in listing:
        (line,) = [each for each in text if each.split()[:1] == [str(one.line)] and one.source.strip() in each]
        _, _, remark = line.partition(one.source.strip())
        assert remark.strip() == ("<-- " + one.remark if one.first else one.remark)
        assert Path(one.filename).read_text().splitlines()[one.line - 1].rstrip() == one.source
    first = [one for one in listing if one.first]
    assert [(one.filename, one.line) for one in first] == [(annotation.first.filename, annotation.first.line)]
    numbers = [each.split()[0] for each in text if each[:4].strip().isdigit()]
    assert [str(one.line) for one in listing] == numbers
