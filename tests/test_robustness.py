"""A few of the inputs of benchmarks/robustness, which runs all of them; and that its judge can say no."""

import random
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks is no installed package

from benchmarks.robustness import fuzzing, page, running
from benchmarks.robustness.case import Case, Result
from benchmarks.robustness.cases import groups

EVERY = {case.name: case for cases in groups().values() for case in cases}
SOME = (  # one of each kind; a check takes two seconds, most of them the import of torch
    "a name longer than any file's",
    "it kills its parent",
    "orders for the terminal in an exception",
    "a size that divides by zero",
    "balance 1,000 parentheses",
    "clip('a', 'b')",
    "pytest, a snapshot that unpacks to 1 GB",
    "pytest, a snapshot with cases that are text, sealed",
)


def test_there_are_enough_and_each_has_a_name_of_its_own():
    names = [case.name for cases in groups().values() for case in cases]
    assert len(names) >= 100 and Counter(names).most_common(1)[0][1] == 1
    assert all(case.says for case in EVERY.values())


@pytest.mark.parametrize("name", SOME)
def test_some_of_them(name):
    result = running.run(EVERY[name])
    assert result.failures == [], result.output


RIGHT = Case("a right one", (), 2, "no file .*; did you mean")
SAID = "there is no file 'a.py';\n    did you mean 'b.py'?"


@pytest.mark.parametrize(
    "changes, failure",
    [
        ({}, None),
        ({"status": 3}, "it ended with 3, but should with 2"),
        ({"status": -15}, "it ended with -15, but should with 2"),
        ({"late": True}, "it did not end within 1 s"),
        ({"left": 2}, "it leaves 2 processes behind"),
        ({"output": "no"}, "it does not say 'no file .*; did you mean'"),
        ({"output": f"{SAID}\x1b[2J"}, "it hands on the control character '\\x1b'"),
        ({"output": f"{SAID} Traceback (most recent call last):"}, "it shows a mistake of its own: "),
        ({"output": f'{SAID} File "/somewhere/oracle/child.py", line 3'}, "it shows a mistake of its own: "),
    ],
)
def test_the_judge(changes, failure):
    result = replace(Result(RIGHT, 2, SAID, 1.0, 100.0), **changes)
    assert len(result.failures) == (failure is not None)
    assert not failure or result.failures[0].startswith(failure)


def test_a_case_is_ended_and_what_it_leaves_is_seen():
    slow = Case("slow", ("import time; time.sleep(60)",), 0, "", "python")
    result = running.run(slow, seconds=0.3)
    assert result.late and result.seconds < 10


def test_the_same_number_makes_the_same_program():
    text = Path(fuzzing.programs()[0]).read_text()
    made = [fuzzing.changed(text, random.Random(f"0 {number}")) for number in range(200)]
    assert made == [fuzzing.changed(text, random.Random(f"0 {number}")) for number in range(200)]
    assert len(set(made)) > 150 and made.count(text.encode()) < 20


def test_programs_made_at_random():
    tally = fuzzing.files(2, seed=1)
    assert tally.failures == [] and tally.outcomes.total() == 2


def test_shape_strings_made_at_random():
    tally = fuzzing.strings(2000, seed=1)
    assert tally.failures == []
    assert tally.outcomes["refused, with the reason"] > 100 and tally.outcomes["a shape, drawn 3 times"] > 100


def test_a_mistake_in_a_shape_is_told(monkeypatch):
    def broken(text, names):
        raise KeyError(text)

    monkeypatch.setattr("oracle.shapes.why_not", broken)
    assert len(fuzzing.strings(20, seed=1).failures) > 5


def test_what_is_in_the_page_is_no_markup():
    assert page.cell("a|b <b>`c`") == "<code>a&#124;b &lt;b&gt;&#96;c&#96;</code>"
