"""What is said of a wrong gradient beyond the verdict, line by line."""

import io
import re
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from oracle.annotation import Listed
from oracle.child import Checked
from oracle.diagnosis import Diagnosis, Where
from oracle.hypotheses import Mistake, Reading
from oracle.presentation.command import main
from oracle.presentation.diagnosis_text import diagnosis_in_words
from oracle.presentation.table import ASCII, UNICODE
from oracle.repair import Change, Repair
from oracle.verdict import WRONG

EXAMPLES = Path(__file__).parents[3] / "examples" / "check_wrong.py"
COUNTS = re.compile(r"[\d,]+ candidates tried, found in [\d.]+ s")

THREE_MISTAKES = """\
    V: steps 1, 2 and 3 are missing
    b: steps 0, 1, 2 and 3 are counted 0.333333 times
    R: the adjoint of each step is paired with the value that is used one step
    later
     with that of t =  0  1  2  3  4
    adjoint of step 0  .  1  .  .  .
                    1  .  .  1  .  .
                    2  .  .  .  1  .
                    3  .  .  .  .  1
    first wrong line: faulty_elman.py:93
    faulty_elman.py, three_mistakes
    93  g["V"] = h[t + 1].T @ errors[t]  # <- should be +=
            <-- here, by the fix below
    94  delta = (errors[t] @ p["V"].T + carry) * (1 - h[t + 1] ** 2)
            = dL/d a[t]
    95  g["W"] += x[t].T @ delta
            = what W gets from one step
    96  g["R"] += h[t + 1].T @ delta  # <- should be h[t]
            <-- here, by the fix below
    97  g["b"] += delta.mean(axis=0, keepdims=True)  # <- should be sum
            <-- here, by the fix below
    98  carry = delta @ p["R"].T
            = the part of dL/d h[t + 1] that comes from line 14
why
"""


def said_of(name: str, monkeypatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    output = CliRunner().invoke(main, ["check", f"{EXAMPLES}::{name}"]).output
    _, found, text = output.partition("\nwhere\n")
    assert found, output
    return COUNTS.sub("N candidates tried, found in S s", found[1:] + text)


def test_one_mistake_as_the_page_shows_it(monkeypatch):
    page = (EXAMPLES.parents[1] / "docs" / "checking.md").read_text(encoding="utf-8")
    section = page.partition("## Wrong: where, why, and what fixes it\n")[2].partition("\n## ")[0]
    shown = re.search(r"^    where\n(?:(?:    .*)?\n)*?    .* candidates tried.*\n", section, re.MULTILINE)[0]
    said = said_of("untransposed_carry", monkeypatch).splitlines()
    assert said == [*COUNTS.sub("N candidates tried, found in S s", textwrap.dedent(shown)).splitlines(), ""]
    readme = (EXAMPLES.parents[1] / "README.md").read_text(encoding="utf-8")
    example = textwrap.dedent(re.search(r"^    why\n(?:    .*\n)+", readme, re.MULTILINE)[0]).splitlines()
    assert "fix" in example and not [line for line in example if line not in said]


def test_three_mistakes(monkeypatch):
    said = said_of("three_mistakes", monkeypatch)
    where, _, rest = said.partition("fix\n")
    assert where.startswith("where\n") and THREE_MISTAKES in where
    why = where.rpartition("\nwhy\n")[2].splitlines()
    assert [line[:9] for line in why if line.startswith("    -")] == ["    - dR ", "    - dV ", "    - db "]
    assert all(line.startswith(("    - ", "      ")) and len(line) <= 80 for line in why)
    assert "          dV = Σ_t (contribution of step t); the code keeps t = 0 only" in why
    lines = rest.partition("\n    or, verified as well:")[0].rstrip("\n").splitlines()
    places = [re.match(r"    faulty_elman\.py:(\d+): \S", line) for line in lines]
    assert {int(place[1]) for place in places if place} >= {93, 96, 97}
    assert {line for line in lines if line.startswith("    -  ")} >= {
        '    -        g["V"] = h[t + 1].T @ errors[t]  # <- should be +=',
        '    -        g["R"] += h[t + 1].T @ delta  # <- should be h[t]',
        '    -        g["b"] += delta.mean(axis=0, keepdims=True)  # <- should be sum',
    }
    assert sum(line.startswith("    +  ") for line in lines) >= 3
    assert lines[-1] == "    N candidates tried, found in S s"


# ------------------------------------------------------------------------------------------- made-up ones, fast

CHANGE = Change("/home/me/rnn.py", 2, "sign", "minus in place of plus")
DIFF = """\
--- a/rnn.py
+++ b/rnn.py
@@ -1,3 +1,3 @@
 a = 1

-b = a + δ
+b = a - δ
"""
REPAIR = Repair((CHANGE,), DIFF, {"/home/me/rnn.py": ""}, 40, 1.25, ("time=9, batch=2",))
TWICE_A = Change("/home/me/rnn.py", 1, "factor", "twice")
OTHER = Repair((TWICE_A,), "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+2 * a\n", {}, 9, 2.0, ())


def listed(*lines, first=None, function="backward", filename="/home/me/rnn.py"):
    """Of (number, source, remark)."""
    return tuple(Listed(filename, function, n, source, remark, n == first) for n, source, remark in lines)


LISTING = listed((1, "a = 1", "= dL/d y"), (2, "b = a + δ", "the first wrong value"), first=2)
WHERE = Where(("W agrees, b does not",), (), "/home/me/rnn.py", 2, "the first wrong value", (), LISTING)
MINUS = Mistake("sign", "db has the sign of δ wrong", "db = −Σ δ; the code computes Σ δ", "δ (3, 4)")
TWICE = Mistake("factor", "db is twice what it should be")


def said(diagnosis, budget=20.0, signs=UNICODE, width=80, not_diagnosed=""):
    checked = Checked(Path("check_rnn.py"), "rnn", None, "", "", (), diagnosis, not_diagnosed)
    return [line.plain for line in diagnosis_in_words(checked, budget, signs, width)]


def after(heading, lines):
    return lines[lines.index(heading) + 1 :]


def test_nothing_is_said_of_what_has_no_diagnosis():
    assert said(None) == [] == said(Diagnosis(WRONG))


def test_all_parts_in_order():
    assert said(Diagnosis(WRONG, ("b",), WHERE, (Reading((MINUS,), ("b",), 0.0),), (), REPAIR, (), 1234, 3.0)) == [
        "where",
        "    W agrees, b does not",
        "    first wrong line: rnn.py:2",
        "    rnn.py, backward",
        "    1  a = 1      = dL/d y",
        "    2  b = a + δ  <-- the first wrong value",
        "why",
        "    db has the sign of δ wrong",
        "        db = −Σ δ; the code computes Σ δ",
        "        δ (3, 4)",
        "fix",
        "    rnn.py:2: minus in place of plus",
        "    --- a/rnn.py",
        "    +++ b/rnn.py",
        "    @@ -1,3 +1,3 @@",
        "     a = 1",
        "",
        "    -b = a + δ",
        "    +b = a - δ",
        "    verified: every gradient agrees at sizes that the search had not seen:",
        "        time=9, batch=2",
        "    1,234 candidates tried, found in 1.2 s",
    ]


def test_a_tie_is_a_tie():
    apart = "another batch size would tell them apart"
    readings = Reading((MINUS, TWICE), ("b",), 0.0, apart), Reading((TWICE,), ("b",), 0.0, apart)
    lines = after("why", said(Diagnosis(WRONG, ("b", "W"), WHERE, readings)))
    assert lines[: lines.index("fix")] == [
        "    a tie: each of these 2 would give exactly this:",
        "    1. db has the sign of δ wrong",
        "           db = −Σ δ; the code computes Σ δ",
        "           δ (3, 4)",
        "       db is twice what it should be",
        "       unexplained: W",
        "    2. db is twice what it should be",
        "       unexplained: W",
        "    another batch size would tell them apart",
    ]


def test_facts_where_nothing_matches():
    lines = after("why", said(Diagnosis(WRONG, ("b",), WHERE, facts=("b is right at t=1", "b has a large column"))))
    assert lines[:3] == [
        "    nothing known reproduces this gradient", "    - b is right at t=1", "    - b has a large column"
    ]  # fmt: skip
    assert "    nothing known reproduces these gradients" in said(Diagnosis(WRONG, ("b", "W")))


@pytest.mark.parametrize("unread", ["the cause was not looked for: a deviation is declared", "time ran out"])
def test_where_it_was_not_looked_for_nothing_is_said_to_be_unknown(unread):
    lines = after("why", said(Diagnosis(WRONG, ("b",), WHERE, facts=("b is right at t=1",), unread=unread)))
    assert lines[:2] == [f"    {unread}", "    - b is right at t=1"]


def test_without_a_reading_the_fix_says_why():
    lines = said(Diagnosis(WRONG, ("b",), repair=REPAIR))
    assert "why" not in lines and lines[1] == "    first wrong line: rnn.py:2"
    assert said(Diagnosis(WRONG, ("b",)))[:2] == ["where", "    no line can be named"]


@pytest.mark.parametrize(
    "tried, seconds, budget, text",
    [
        (0, 0.5, 0, "none was looked for (--budget 0)"),
        (0, 0.5, 20, "no fix was found: there was nothing to try"),
        (12345, 20.4, 20, "no fix was found in 20 s, 12,345 candidates tried; --budget 60 looks longer"),
        (
            50, 3.2, 20,
            "no fix was found in 3 s, 50 candidates tried: "
            "that is all that is known here, so it takes a change of another kind",
        ),
    ],
)  # fmt: skip
def test_no_fix(tried, seconds, budget, text):
    lines = after("fix", said(Diagnosis(WRONG, ("b",), tried=tried, seconds=seconds), budget))
    assert " ".join(line.strip() for line in lines) == text


def test_a_part_of_a_fix_and_what_explains_the_rest():
    part = replace(REPAIR, left=("W", "R"))
    rest = Reading((Mistake("carry", "no carry", "dh = a", ""),), ("W",), 0.0)
    found = Diagnosis(WRONG, ("b", "W", "R"), part=part, rest=(rest,), tried=9, seconds=20.4)
    lines = said(found)
    assert lines[1] == "    first wrong line: rnn.py:2"  # where the part is made
    fix = lines[lines.index("fix") + 1 :]
    assert fix[1] == "    but a part of it:" and fix[2].startswith("    rnn.py:2: ")
    assert [one for one in fix if one[4:5] in ("+", "-")] == [
        f"    {one}" for one in REPAIR.diff.splitlines() if one[:1] in ("+", "-")
    ]
    text = " ".join(" ".join(fix).split())
    assert "verified: b agrees, W, R not yet, at sizes that the search had not seen: " + REPAIR.verified[0] in text
    assert text.endswith("with that done, the rest would be explained by no carry dh = a unexplained: R")


def test_alternatives_that_are_other_texts():
    lines = said(Diagnosis(WRONG, ("b",), WHERE, (), (), REPAIR, (REPAIR, OTHER)))
    assert lines[-4:] == ["    or, verified as well:", "    rnn.py:1: twice", "    -a", "    +2 * a"]
    assert sum("verified as well" in line for line in lines) == 1


def test_a_picture_keeps_its_columns():
    picture = " with that of t =" + "".join(f"  {t}" for t in range(20))
    assert after("where", said(Diagnosis(WRONG, ("b",), Where((picture,)))))[0] == "    " + picture


def test_what_could_not_be_diagnosed():
    assert said(None, not_diagnosed="did not finish within 80 s") == [
        "rnn could not be diagnosed: did not finish within 80 s"
    ]


def test_ascii():
    lines = said(Diagnosis(WRONG, ("b",), WHERE, (Reading((MINUS,), ("b",), 0.0),), (), REPAIR), signs=ASCII)
    assert all(line.isascii() for line in lines)
    assert "        db = -sum delta; the code computes sum delta" in lines
    assert "    +b = a - \\u03b4" in lines, "the user's own letters are not respelled"


def test_a_narrow_terminal_wraps_sentences_and_no_source():
    lines = listed(
        (30, "    g['W'] += x[t].T @ delta  # twice", "= what W gets"), (31, "    c = delta @ p['R']  # R.T", "")
    )
    where = Where(("W agrees, " * 8 + "b does not",), listing=lines)
    lines = said(Diagnosis(WRONG, ("b",), where, (), (), REPAIR), width=50)
    assert max(map(len, lines)) <= 50 and "    agrees, W agrees, W agrees, W agrees, b does" in lines
    assert lines[lines.index("    30  g['W'] += x[t].T @ delta  # twice") + 1] == "            = what W gets"
    assert "    31  c = delta @ p['R']  # R.T" in lines
    assert said(Diagnosis(WRONG, ("b",), where), width=5) == said(Diagnosis(WRONG, ("b",), where), width=40)


def test_colours_of_the_diff_and_the_margin():
    checked = Checked(Path("f.py"), "f", None, "", "", (), Diagnosis(WRONG, ("b",), WHERE, repair=REPAIR))

    def printed(**options):
        console = Console(file=io.StringIO(), width=80, **options)
        for line in diagnosis_in_words(checked, 20.0, UNICODE, 80):
            console.print(line, soft_wrap=True)
        return console.file.getvalue()

    coloured = printed(force_terminal=True, color_system="standard")
    assert "\x1b[31m    -b = a + δ\x1b[0m" in coloured and "\x1b[32m    +b = a - δ\x1b[0m" in coloured
    assert "a + δ  \x1b[1;31m<-- the first wrong value\x1b[0m" in coloured
    assert "\x1b" not in printed(force_terminal=False)
    assert "\x1b[3" not in printed(force_terminal=True, color_system="standard", no_color=True)


def test_a_part_that_broke_is_said_and_nothing_is_claimed_for_it():
    said_so = "the cause was not found: KeyError: 'x' (tape.py:3); please report it"
    lines = said(Diagnosis(WRONG, ("b",), WHERE, failed=(said_so,)))
    assert lines[-1] == f"    {said_so}" and "why" not in lines


def fixed(*lines, diff=DIFF, filename="/home/me/rnn.py"):
    return Repair(tuple(Change(filename, line, "sign", "minus") for line in lines), diff, {filename: ""}, 4, 1.0, ())


def test_where_the_fix_is_the_first_wrong_line_is():
    said_so = "    1  a = 1      <-- here, by the fix below", "    2  b = a + δ  the first wrong value"
    lines = said(Diagnosis(WRONG, ("b",), WHERE, repair=fixed(1)))
    assert "    first wrong line: rnn.py:1" in lines and [line for line in lines if line[4:5] in ("1", "2")] == [
        *said_so
    ]
    both = said(Diagnosis(WRONG, ("b",), WHERE, repair=fixed(1, 2)))
    assert "    first wrong line: rnn.py:1" in both
    assert [line for line in both if "<-- " in line] == [said_so[0], "    2  b = a + δ  <-- here, by the fix below"]


CODE = "def one():\n    a = 1\n    b = 2\n    return b\n\n\ndef two():\n    return 3\n"


@pytest.mark.parametrize(
    "line, shown",
    [
        (2, ["net.py, one", "2  a = 1  <-- here, by the fix below", "3  b = 2  the first wrong value"]),
        (
            8,
            ["net.py", "8  return 3  <-- here, by the fix below", "", "net.py, one", "3  b = 2  the first wrong value"],
        ),
    ],
)
def test_the_line_of_a_fix_that_the_annotation_does_not_show(tmp_path, line, shown):
    path = tmp_path / "net.py"
    path.write_text(CODE)
    text = CODE.splitlines()[line - 1]
    diff = f"--- a/net.py\n+++ b/net.py\n@@ -{line - 1},2 +1,2 @@\n {CODE.splitlines()[line - 2]}\n-{text}\n+{text}0\n"
    listing = listed((3, "    b = 2", "the first wrong value"), first=3, function="one", filename=str(path))
    where = Where((), (), str(path), 3, "the first wrong value", (), listing)
    lines = said(Diagnosis(WRONG, ("b",), where, repair=fixed(line, diff=diff, filename=str(path))))
    assert lines[: lines.index("fix")] == ["where", f"    first wrong line: net.py:{line}"] + [
        f"    {one}" if one else "" for one in shown
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_annotated_lines_fit_the_terminal(width):
    remark = "dL/d (1 / (1 + np.exp(-z))): right at t=3, wrong from t=2 on, " + "and further " * 5 + "on"
    lines = listed((9, "        x = 1", remark), (10, "        y = " + "x + " * 10 + "1", "= dL/d y"), first=9)
    shown = after("where", said(Diagnosis(WRONG, ("b",), Where(listing=lines)), width=width))
    assert max(map(len, shown)) <= width and any("y = x + x" in line for line in shown)
    joined = " ".join(line.strip() for line in shown)
    assert f"<-- {remark}" in joined


def test_code_at_the_top_level_is_not_said_to_be_searched():
    lines = after("fix", said(Diagnosis(WRONG, ("b",), WHERE, tried=9, seconds=1.0, unfollowed=("/home/me/net.py",))))
    assert " ".join(line.strip() for line in lines) == (
        "no fix was found in 1 s, 9 candidates tried: the code at the top level of net.py is not followed, only what "
        "stands in functions"
    )
    where = " ".join(line.strip() for line in said(Diagnosis(WRONG, ("b",), WHERE, unfollowed=("/home/me/net.py",))))
    assert "only what stands in functions: the mistake may stand there" in where
    assert not any(
        "top level" in line for line in said(Diagnosis(WRONG, ("b",), WHERE, repair=REPAIR, unfollowed=("n",)))
    )
