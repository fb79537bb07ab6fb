"""What a repair does not hold: edits that it can do without, and lines that nobody would write."""

import ast
import sys
from dataclasses import replace

import numpy as np
import pytest

from oracle.annotation.matching import Matcher
from oracle.examination import examine
from oracle.repair import Problem, repair
from oracle.repair.edit import applied
from oracle.repair.search import State
from oracle.repair.tidy import is_odd, needed
from oracle.repair.trial import Score
from tests.oracle.repair.programs import ROWS, planted

WRONG = planted(ROWS, ("carry = da @ R.T", "carry = da @ R"))


def problem_of(program) -> Problem:
    right = examine(program.subject)
    gradients = {one.name: one.oracle for one in right.verdicts}
    tolerance = {name: 1e-8 * float(np.abs(one).max()) for name, one in gradients.items()}
    return Problem(
        program.subject, program.definitions, frozenset(), right.loss, gradients, tolerance, Matcher(()), Matcher(())
    )


def edit(program, sentence: str, line: str):
    """The edit with this sentence of the line that begins so, in the program as it now is."""
    number = next(k for k, one in enumerate(WRONG.split("\n"), 1) if one.strip().startswith(line))
    return next(one for one in program.edits() if one.sentence == sentence and one.line == number)


def steps(program, *wanted: tuple[str, str]):
    """Edits one after the other, each of the program with those before it."""
    found = []
    for sentence, line in wanted:
        with applied(found):
            found.append(edit(program, sentence, line))
    return tuple(found)


FIX = "R is transposed", "carry = da"
SUBTRACTED, ADDED = ("carry is subtracted", "dh ="), ("carry is added", "dh =")


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ([FIX], [FIX]),
        ([SUBTRACTED, ADDED, FIX], [FIX]),
        ([SUBTRACTED, FIX, ADDED], [FIX]),
        ([FIX, SUBTRACTED, ADDED], [FIX]),
    ],
)
def test_an_edit_that_a_later_one_undoes_is_dropped(program, wanted, left):
    made = program(WRONG)
    problem, edits = problem_of(made), steps(made, *wanted)
    assert [one.sentence for one in needed(problem, edits, problem.gradients)] == [sentence for sentence, _ in left]


def test_a_repair_holds_no_edit_that_it_can_do_without(program, monkeypatch):
    made = program(WRONG)
    edits = steps(made, SUBTRACTED, ADDED, FIX)
    state = State(edits, Score(frozenset({"W", "R", "V", "b"}), 0.0))
    monkeypatch.setattr(sys.modules["oracle.repair.repair"], "solutions", lambda *_: iter([state]))
    (found,) = repair(problem_of(made), [lambda: made.subject]).whole
    assert [one.sentence for one in found.changes] == ["R is transposed"]


ODD = ["x = x", "x = n ** 1", "x = dh * 1", "x = 1 * dh", "x -= 0", "x = - -dh", "x *= 1", "x = dh - dh", "x = a / 1.0"]


@pytest.mark.parametrize("line", ODD)
def test_lines_that_nobody_would_write(program, line):
    (fix,) = steps(program(WRONG), FIX)
    (loop,) = [
        one
        for one in ast.walk(fix.definition.statement)
        if isinstance(one, ast.For) and any(inner is fix.statement for inner in one.body)
    ]
    (new,) = ast.parse(line).body
    assert is_odd([replace(fix, parent=loop, field="body", index=loop.body.index(fix.statement), value=new)])
    assert not is_odd([fix])
