"""docs/mistakes/ is what the tool says now: two forms are diagnosed again, of all the lines are compared."""

import re

import pytest

from benchmarks.diagnosis.cases import programs
from benchmarks.diagnosis.mistake import plant, source_of
from docs_tools import mistakes
from docs_tools.catalogue import KINDS, Form
from oracle.kinds import KINDS as NAMES

FORMS = [(kind, form) for kind in KINDS for form in kind.forms]


def test_every_kind_has_a_page():
    assert [kind.name for kind in KINDS] == list(NAMES)
    assert {path.stem for path in mistakes.FOLDER.glob("*.md")} == {"index", *(kind.stem for kind in KINDS)}


def test_no_program_that_is_put_aside_is_shown():
    assert {form.program for _, form in FORMS} <= set(programs(aside=False))


def test_the_list_is_current():
    assert (mistakes.FOLDER / "index.md").read_text("utf-8") == mistakes.index()


@pytest.mark.parametrize("kind, form", FORMS, ids=[f"{form.program}-{form.mistake}" for _, form in FORMS])
def test_the_lines_are_those_of_the_programs(kind, form):
    mistake = mistakes.planted(form)
    assert kind.name in mistake.kinds
    lines = mistakes._difference(plant([mistake]).source, source_of(form.program))
    shown = "\n".join(["```diff", *lines, "```"])
    text = (mistakes.FOLDER / f"{kind.stem}.md").read_text("utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    assert [one for one in section if one.lower().startswith(f"{form.says.lower()}\n") and shown in one]


def test_a_page_is_what_the_tool_says_now(capsys):
    assert mistakes.main(["sign", "--check"]) == 0, capsys.readouterr().err


def test_a_page_that_is_stale_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mistakes, "FOLDER", tmp_path)
    monkeypatch.setattr(mistakes, "KINDS", ())
    (tmp_path / "index.md").write_text("old\n")
    (tmp_path / "left-over.md").write_text("of a kind that there was\n")
    assert mistakes.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "-old" in said and "index.md is not what would be written" in said and "left-over.md is of no kind" in said
    assert mistakes.main([]) == 1 and (tmp_path / "index.md").read_text("utf-8") == mistakes.index()


def test_a_form_that_is_not_planted_is_refused():
    with pytest.raises(ValueError, match="elman_rows has 0 mistakes 'no such', but should have one"):
        mistakes.planted(Form("elman_rows", "no such", ""))


def test_a_program_that_is_right_is_no_form(monkeypatch):
    monkeypatch.setattr(mistakes, "plant", lambda _: type("Planted", (), {"source": source_of("elman_rows")}))
    with pytest.raises(ValueError, match="called 'agrees', but it is wrong"):
        mistakes.Entry(Form("elman_rows", "minus the carry", ""))
