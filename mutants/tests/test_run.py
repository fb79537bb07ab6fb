"""One mutant in a copy of a package: what becomes of it, and that the copy is afterwards as it was before."""

from __future__ import annotations

from pathlib import Path

import pytest
from cosmic_ray.work_item import TestOutcome as Outcome

from mutants.__main__ import PACKAGE, mutate_and_test, seconds_without_mutant
from mutants.sources import mutants

SOURCE = """\
def halvings(n):
    k = 0
    while n > 1:
        n = n // 2
        k += 1
    return k * 1.0
"""

KILL = """\
import sys
from rnn_manual.cell import halvings

wrong = halvings(8) != 3
print("tests: one failed" if wrong else "")
sys.exit(wrong)
"""


@pytest.fixture
def tree(tmp_path) -> Path:
    package = tmp_path / PACKAGE.name
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "cell.py").write_text(SOURCE)
    (tmp_path / "kill.py").write_text(KILL)
    return tmp_path


@pytest.mark.parametrize(
    "line, after, outcome, output",
    [
        ("k += 1", "k -= 1", Outcome.KILLED, "tests: one failed"),
        ("n = n // 2", "n = n", Outcome.KILLED, "timeout"),
        ("return k * 1.0", "return k", Outcome.SURVIVED, ""),
    ],
)
def test_outcome(tree, line, after, outcome, output):
    path = tree / PACKAGE.name / "cell.py"
    mutant = next(mutant for mutant in mutants(path) if (mutant.before, mutant.after) == (line, after))
    result = mutate_and_test(tree, "cell", mutant, tree / "recorded.npz", timeout=2)
    assert (result.test_outcome, result.output.strip()) == (outcome, output)
    assert path.read_text() == SOURCE


def test_without_a_mutant(tree):
    assert seconds_without_mutant(tree, ["cell"], tree / "recorded.npz") > 0
    (tree / "kill.py").write_text("print('tests: one failed'); raise SystemExit(1)")
    with pytest.raises(SystemExit, match=r"The package itself fails, .*\ntests: one failed"):
        seconds_without_mutant(tree, ["cell"], tree / "recorded.npz")
