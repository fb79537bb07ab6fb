"""The summary of a check for a CI system, as what a Markdown parser makes of it."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from oracle.hypotheses import Mistake
from oracle.presentation.markdown_summary import LIMIT, append, code, escaped, fenced, summary
from oracle.repair import Change
from oracle.verdict import AGREES, CANNOT_TELL, WRONG
from tests.oracle.presentation.checked import checked, not_checked, reading, repair_of, where

HOSTILE = [
    "a|b",
    "`x` **y** _z_ ~~w~~",
    "<script>alert(1)</script>",
    "</details></code>",
    "<div class=x",
    "[text](http://x.y) ![i](j) www.x.y http://x.y a@b.c",
    "&lt; &#60; &amp;",
    "# heading",
    "- item",
    "1. item",
    "1) item",
    "> quote",
    "---",
    "===",
    "    indented",
    "a\nb\n\n# c",
    "back\\slash \\",
    "[^1] [x] :smile: $x$",
    "a\r\n\tb\u2028c\u0085d",
]


class Page(HTMLParser):
    """The text by tags that are open around it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.parts = [], [], []
        self.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.parts.append((tuple(self.open), data))

    def inside(self, tag: str) -> str:
        return "".join(text for tags, text in self.parts if tag in tags)


def said(text: str) -> list[str]:
    return text.split()


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "rnn.py"
    path.write_text("".join(f"line {number}\n" for number in range(1, 11)))
    return path


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("around", ["{}\n", "- {}\n", "| a | {} |\n|---|---|\n| {} | b |\n", "- Cause, x: {}\n"])
def test_any_text_stays_text(text, around):
    harmless = Page(around.replace("{}", "word"))
    page = Page(around.replace("{}", escaped(text)))
    assert page.tags == harmless.tags, "nothing in it is taken for Markdown or HTML"
    assert said("".join(part for _, part in page.parts)) == said(
        "".join(part for _, part in harmless.parts).replace("word", text)
    )
    page = Page(around.replace("{}", code(text)))
    assert said(page.inside("code")) == said(text * around.count("{}"))


@pytest.mark.parametrize("text", [*HOSTILE, "a\n```\n# b\n```````\nc", "~~~\n</pre>", ""])
def test_any_diff_stays_in_its_block(text):
    page = Page("\n".join(["<details>", "", *fenced(f"-{text}\n+x\n"), "", "</details>", "", "after"]))
    assert page.tags == ["details", "pre", "code", "p"] and page.inside("p") == "after"
    assert said(page.inside("pre")) == said(f"-{text}\n+x\n")


def page_of(*results, limit=LIMIT):
    return Page(summary(results, limit))


def test_a_table_of_all_the_wrong_ones_first(file):
    noisy = checked(file, CANNOT_TELL, "noisy", 5)
    page = page_of(
        checked(file, AGREES, "fine"), not_checked(file, "it raised\nmore"), checked(file, WRONG, "f", 4), noisy
    )
    assert page.inside("h2") == "Gradients: 1 wrong, 2 cannot tell, 1 agrees"
    cells = [line for line in page.inside("tbody").split("\n") if line]
    assert cells[:-1] == [
        "✗", "f at rnn.py:4", "W wrong: it has the shape (3,)",
        "?", "f", "not checked: it raised",
        "?", "noisy at rnn.py:5", "W cannot tell: noise as large as the gradient",
        "✓", "fine at rnn.py:1",
    ]  # fmt: skip
    assert cells[-1].startswith("the gradient agrees")


def test_of_a_wrong_one_where_why_and_the_diff(file):
    change = Change(str(file), 3, "sign", "the sign is another")
    repair = repair_of(file, ("line 3\n", "three\n"), changes=(change,))
    found = reading(Mistake("carry", "no carry", "dh = a", "W (4, 4)"))
    page = page_of(checked(file, WRONG, repair=repair, readings=(found,), where=where(file, 2)))
    items = page.inside("li")
    for part in (
        "Wrong: W",
        "First wrong line: rnn.py:2",
        "Cause, carry: no carry (dh = a; W (4, 4))",
        "Fix: rnn.py:3 the sign is another",
    ):
        assert part in items
    assert page.inside("pre") == repair.diff and "details" in page.tags
    assert "Verified at time=5, batch=3." in page.inside("p")


def test_without_a_fix_a_diagnosis_or_a_line(file):
    items = page_of(checked(file, WRONG, facts=("the last step is right",))).inside("li")
    assert "No fix was found." in items and "the last step is right" in items and "First wrong line" not in items
    page = page_of(replace(checked(file, WRONG), not_diagnosed="killed"))
    assert "It could not be diagnosed: killed" in page.inside("p") and "details" not in page.tags


def test_a_part_of_a_fix(file):
    part = replace(repair_of(file, ("line 3\n", "three\n")), left=("R",))
    rest = (reading(Mistake("carry", "no carry")), reading(Mistake("branch", "no branch")))
    page = page_of(checked(file, WRONG, part=part, rest=rest))
    items = page.inside("li")
    for one in (
        "No whole fix was found.",
        "A part of it: rnn.py:3 said",
        "With that done, the rest: no carry",
        "Or: no b",
    ):
        assert one in items
    assert page.inside("pre") == part.diff and "The change, with which W agrees" in page.inside("summary")


def test_a_tie_and_a_cell(file):
    readings = tuple(reading(Mistake("sign", one)) for one in ("first", "second"))
    cell = Path(f"{file.parent / 'x.ipynb'}, cell 3")
    items = page_of(checked(file, WRONG, readings=readings, where=where(cell, 5))).inside("li")
    assert "2 mistakes would give exactly this:" in items and "Cause, sign: second" in items
    assert "First wrong line: x.ipynb, cell 3, line 5" in items


def test_hostile_names_of_files_and_functions(tmp_path):
    path = tmp_path / "<b>|`*x*`\n# [a](b).py"
    path.write_text("line 1\nline 2\n")
    page = page_of(checked(path, WRONG, "__f__", repair=repair_of(path, ("line 2\n", "2\n"))))
    assert set(page.tags) == set("h2 table thead tr th tbody td code h3 ul li details summary pre p".split()), (
        "no tag of its own"
    )
    assert said(page.inside("h3")) == said(f"✗ __f__ at {path.name}:1")


def test_it_is_appended(tmp_path, file):
    path = tmp_path / "summary.md"
    append([checked(file, AGREES)], path)
    once = path.read_text(encoding="utf-8")
    append([checked(file, WRONG)], path)
    assert path.read_text(encoding="utf-8").startswith(once + "\n## Gradients: 1 wrong")


@pytest.mark.parametrize("taken", [0, LIMIT // 2])
def test_a_large_one_fits_and_says_what_it_leaves_out(tmp_path, file, taken):
    repair = repair_of(file, ("line 3\n", "3\n"))
    huge = replace(repair, diff=repair.diff + "+" + "δ" * LIMIT + "\n")
    results = [checked(file, WRONG, f"f{number}", repair=repair) for number in range(3000)]
    results[1:1] = [checked(file, WRONG, "huge", repair=huge)]
    results += [checked(file, AGREES, f"fine{number}") for number in range(200)]
    path = tmp_path / "summary.md"
    path.write_text("x" * taken)
    append(results, path)
    content = path.read_bytes()
    assert LIMIT * 0.9 < len(content) <= LIMIT
    page = Page(content[taken:].decode())
    assert page.open == [] and page.inside("h3").count("✗ f") < 3000
    text = "".join(part for _, part in page.parts)
    assert "Left out, for all of it is more than fits here: the details of f" in text
    assert " more; the diff of huge" in text
    assert page.inside("td").count("fine") == 200


def test_rows_that_do_not_fit_are_counted(file):
    results = [checked(file, AGREES, f"fine{number}") for number in range(100)]
    text = summary(results, 5000)
    shown = text.count("<code>")
    assert 10 < shown < 100 and f"Left out, for all of it is more than fits here: {100 - shown} rows of" in text
    assert len(text.encode()) <= 5000 and "Left out" not in summary(results)


def test_a_name_that_is_no_utf_8(tmp_path):
    path = tmp_path / "\udcff.py"
    path.write_text("x\ny\n")
    append([checked(path, WRONG, repair=repair_of(path, ("x\n", "z\n")))], tmp_path / "a.md")
    assert "\\udcff.py:1" in Page((tmp_path / "a.md").read_text(encoding="utf-8")).inside("h3")
