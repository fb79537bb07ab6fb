"""Survivors and reasons have to match one to one; the page shows both."""

from __future__ import annotations

import pytest
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import TestOutcome as Outcome
from cosmic_ray.work_item import WorkerOutcome, WorkResult

from mutants.__main__ import work_item
from mutants.report import fate, report
from mutants.sources import mutants


@pytest.fixture
def reported(tmp_path):
    """reasons -> (exit status, page), for a file with two mutants, of which one survived."""
    source = tmp_path / "cell.py"
    source.write_text("def f(d, W):\n    return d.T @ W\n")
    killed, survivor = [mutant for mutant in mutants(source) if mutant.operator in ("drop_transpose", "add_transpose")]
    work = WorkDB(tmp_path / "session.sqlite", WorkDB.Mode.create)
    work.add_work_items(map(work_item, [killed, survivor]))
    work.set_result(killed.key, WorkResult(WorkerOutcome.NORMAL, "gradients: weight_ih differs", Outcome.KILLED))
    work.set_result(survivor.key, WorkResult(WorkerOutcome.NORMAL, "", Outcome.SURVIVED))

    def run(*reasons: tuple[str, str]) -> tuple[int, str]:
        entries = "".join(f"[[equivalent]]\nreason = '{reason}'\nmutants = ['{key}']\n" for reason, key in reasons)
        (tmp_path / "equivalent.toml").write_text(entries or "equivalent = []")
        page = tmp_path / "mutants.md"
        status = report(work, [killed, survivor], tmp_path / "equivalent.toml", page)
        return status, page.read_text() if page.exists() else ""

    return run


SURVIVOR = "cell.f | add_transpose | return d.T @ W -> return d.T @ W.T"
KILLED = "cell.f | drop_transpose | return d.T @ W -> return d @ W"


def test_a_survivor_without_a_reason_fails(reported, capsys):
    assert reported() == (1, "")
    assert f"survived without a reason: {SURVIVOR}" in capsys.readouterr().out


def test_a_reason_without_its_survivor_fails(reported, capsys):
    assert reported(("W is symmetric", SURVIVOR), ("speed", KILLED)) == (1, "")
    assert f"a reason for what did not survive: {KILLED}" in capsys.readouterr().out


def test_the_page_counts_and_gives_reasons(reported):
    status, page = reported(("W is symmetric.", SURVIVOR))
    assert status == 0
    assert "**2 mutants, 1 killed; 1 survive, " in page
    assert (
        "| add_transpose | a @ b -> a.T @ b, a @ b.T; np.dot and np.matmul likewise | 1 | 0 | 0 | 0 | 0 | 0 | 1 |"
        in page
    )
    assert "| all |  | 2 | 1 | 0 | 0 | 0 | 0 | 1 |" in page
    assert "W is symmetric.\n\n```diff\n@@ cell.f (add_transpose)\n- return d.T @ W\n+ return d.T @ W.T\n```" in page


@pytest.mark.parametrize(
    "outcome, output, expected",
    [
        (Outcome.SURVIVED, "", "survived"),
        (Outcome.KILLED, "gradients: x differs by 1.0", "gradients"),
        (Outcome.KILLED, "tests: one failed", "tests"),
        (Outcome.KILLED, "import: NameError: x", "import"),
        (Outcome.KILLED, "timeout", "timeout"),
        (Outcome.KILLED, "", "crash"),
    ],
)
def test_what_became_of_a_mutant(outcome, output, expected):
    assert fate(WorkResult(WorkerOutcome.NORMAL, output, outcome)) == expected
