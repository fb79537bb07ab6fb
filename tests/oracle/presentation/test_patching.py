"""Fixes in the user's files: what is changed, what is kept, and when nothing is touched."""

import subprocess
from pathlib import Path
from shutil import which

import pytest

from oracle.child import Checked
from oracle.diagnosis import Diagnosis
from oracle.loading.source import decoded
from oracle.presentation.patching import NotPatched, applied, fixed_files, written
from oracle.repair import Change, Repair
from oracle.repair.patch import diff_of
from oracle.verdict import WRONG

SOURCE = "".join(f"line {number}\n" for number in range(1, 31))


def result(path: Path, *pairs: tuple[str, str], name: str = "f", text: str | None = None) -> Checked:
    """What a check says whose fix makes b of each a."""
    before = text if text is not None else decoded(path)
    after = before
    for a, b in pairs:
        assert after.count(a) == 1
        after = after.replace(a, b)
    diff = diff_of({str(path): before}, {str(path): after})
    repair = Repair((Change(str(path), 1, "sign", "said"),), diff, {str(path): after}, 1, 0.1, ())
    return Checked(path, name, None, "", "", (), Diagnosis(WRONG, ("W",), repair=repair))


def nothing_found(path: Path) -> Checked:
    return Checked(path, "g", None, "", "", (), Diagnosis(WRONG, ("W",)))


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rnn.py"
    path.write_text(SOURCE)
    return path


def files_of(*results: Checked):
    files, left_out = fixed_files(results)
    assert left_out == []
    return files


def test_applied_with_a_copy(file):
    said = list(applied(files_of(result(file, ("line 3\n", "three\n"), ("line 20\n", "")))))
    assert said == ["changed rnn.py, lines 3, 20; as it was it is in rnn.py.orig"]
    assert file.read_text() == SOURCE.replace("line 3\n", "three\n").replace("line 20\n", "")
    assert (file.parent / "rnn.py.orig").read_text() == SOURCE


def test_a_copy_overwrites_nothing(file):
    (file.parent / "rnn.py.orig").write_text("mine")
    (file.parent / "rnn.py.orig.1").write_text("mine too")
    (said,) = applied(files_of(result(file, ("line 3\n", "three\n"))))
    assert said == "changed rnn.py, line 3; as it was it is in rnn.py.orig.2"
    contents = [(file.parent / f"rnn.py.orig{end}").read_text() for end in ("", ".1", ".2")]
    assert contents == ["mine", "mine too", SOURCE]


@pytest.mark.parametrize(
    "before, pair, after",
    [
        (b"a\r\nb\r\nc", ("b\n", "B\nB\n"), b"a\r\nB\r\nB\r\nc"),
        (b"a\nb", ("b", "b\nc"), b"a\nb\nc\n"),
        (b"a\nb\n", ("b\n", ""), b"a\n"),
        ("\ufeffa\nδ = 1\n".encode(), ("a\n", "α\n"), "\ufeffα\nδ = 1\n".encode()),
        ("\ufeffa\nb\n".encode(), ("a\n", "c\na\n"), "\ufeffc\na\nb\n".encode()),
        ("\ufeffa\r\nb\r\n".encode(), ("b\n", "δ\n"), "\ufeffa\r\nδ\r\n".encode()),
        (b"# coding: latin-1\n'\xe4'\nb\n", ("b\n", "c\n"), b"# coding: latin-1\n'\xe4'\nc\n"),
        (b"# coding: latin-1\n'\xe4'\nb\n", ("b\n", "é = 'ä'\n"), b"# coding: latin-1\n'\xe4'\n\xe9 = '\xe4'\n"),
        (b"a\x0c\nb\nc\x0cd\n", ("b\n", "e\n"), b"a\x0c\ne\nc\x0cd\n"),
    ],
)
def test_what_stays_stays_byte_for_byte(file, before, pair, after):
    file.write_bytes(before)
    list(applied(files_of(result(file, pair))))
    assert file.read_bytes() == after


def test_the_mode_and_a_link_stay(file, tmp_path):
    (tmp_path / "inner").mkdir()
    target = file.rename(tmp_path / "inner" / "real.py")
    target.chmod(0o750)
    file.symlink_to(target)
    list(applied(files_of(result(file, ("line 3\n", "three\n")))))
    assert file.is_symlink() and target.stat().st_mode & 0o777 == 0o750 and "three" in target.read_text()


def patches():
    commands = {"patch": ["patch", "-p1", "-i"], "git": ["git", "apply"]}
    return [pytest.param(command, id=name) for name, command in commands.items() if which(name)]


@pytest.mark.parametrize("command", patches())
@pytest.mark.parametrize("name", ["rnn.py", "my models/my rnn.py"])
def test_a_patch_that_others_apply(tmp_path, monkeypatch, command, name):
    monkeypatch.chdir(tmp_path)
    path, end = tmp_path / name, tmp_path / "end.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(SOURCE)
    end.write_text("a\nb")
    said = written(files_of(result(path, ("line 3\n", "three\n")), result(end, ("b", "c"))), Path("fix.patch"))
    assert said == "the patch is in fix.patch: patch -p1 < fix.patch, or git apply fix.patch"
    assert path.read_text() == SOURCE
    run = subprocess.run([*command, "fix.patch"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert path.read_text() == SOURCE.replace("line 3\n", "three\n") and end.read_text() == "a\nc\n"


def test_a_patch_for_files_elsewhere(tmp_path, monkeypatch):
    one, other, here = (tmp_path / name for name in ("there/one.py", "there/deep/other.py", "here"))
    here.mkdir()
    for path in (one, other):
        path.parent.mkdir(exist_ok=True)
        path.write_text(SOURCE)
    monkeypatch.chdir(here)
    files = files_of(*(result(path, ("line 3\n", "three\n")) for path in (one, other)))
    said = written(files, Path("fix.patch"))
    assert said == f"the patch is in fix.patch: in {tmp_path / 'there'}, patch -p1 < {here / 'fix.patch'}"
    headers = [line for line in (here / "fix.patch").read_text().splitlines() if line.startswith("--- ")]
    assert headers == ["--- a/one.py", "--- a/deep/other.py"]


def test_a_patch_that_cannot_be_written(file):
    with pytest.raises(NotPatched, match="^nowhere/fix.patch: No such file or directory$"):
        written(files_of(result(file, ("line 3\n", "three\n"))), Path("nowhere/fix.patch"))


def test_several_functions_of_one_file(file):
    results = result(file, ("line 3\n", "three\n"), name="f"), result(file, ("line 4\n", "four\n"), name="g")
    ((one),) = files_of(*results, nothing_found(file))
    assert one.after.decode() == SOURCE.replace("line 3\n", "three\n").replace("line 4\n", "four\n")
    assert one.numbers == (3, 4)


def test_one_fix_that_two_functions_share_is_made_once(file):
    twice = [result(file, ("line 3\n", "line 3\nmore\n"), name=name) for name in "fg"]
    (one,) = files_of(*twice)
    assert one.after.decode() == SOURCE.replace("line 3\n", "line 3\nmore\n")


@pytest.mark.parametrize(
    "one, other, line",
    [
        (("line 3\n", "three\n"), ("line 3\n", "3\n"), 3),
        (("line 3\nline 4\n", "x\n"), ("line 4\nline 5\n", "y\n"), 3),
        (("line 3\n", "line 3\nmore\n"), ("line 3\n", "line 3\nother\n"), 4),
        (("line 3\nline 4\nline 5\n", "x\n"), ("line 4\n", "line 4\nmore\n"), 3),
    ],
)
def test_two_fixes_of_the_same_lines(file, one, other, line):
    with pytest.raises(NotPatched) as raised:
        files_of(result(file, one, name="f"), result(file, other, name="g"))
    assert str(raised.value) == (
        f"the fixes of f and g both change rnn.py:{line}; give one of them, as FILE::NAME, and check again"
    )


@pytest.mark.parametrize("now", [SOURCE + "more\n", SOURCE.replace("30", "31"), SOURCE.replace("line 2\n", ""), ""])
def test_a_file_that_changed_since(file, now):
    checked = result(file, ("line 3\n", "three\n"))
    file.write_text(now)
    with pytest.raises(NotPatched, match="^rnn.py changed since the check: check again$"):
        fixed_files([checked])


def test_a_file_that_is_gone(file):
    checked = result(file, ("line 3\n", "three\n"))
    file.unlink()
    with pytest.raises(NotPatched, match="^rnn.py cannot be read: No such file or directory$"):
        fixed_files([checked])


def test_a_read_only_file(file):
    other = file.with_name("other.py")
    other.write_text(SOURCE)
    files = files_of(result(other, ("line 3\n", "three\n")), result(file, ("line 3\n", "three\n")))
    file.chmod(0o444)
    with pytest.raises(NotPatched, match="^rnn.py is read-only$"):
        list(applied(files))
    assert other.read_text() == SOURCE and sorted(path.name for path in file.parent.iterdir()) == ["other.py", "rnn.py"]


def test_letters_that_its_encoding_may_lack(file):
    file.write_bytes(b"# coding: latin-1\n'\xe4'\n")
    checked = result(file, ("'ä'", "'δ'"))
    said = "^rnn.py is in iso-8859-1, which has no δ: change it by hand, as the diff above shows$"
    with pytest.raises(NotPatched, match=said):
        fixed_files([checked])


def test_a_file_that_is_no_longer_in_its_encoding(file):
    checked = result(file, ("line 3\n", "three\n"))
    file.write_bytes(b"'\xe4'\n")
    with pytest.raises(NotPatched, match="^rnn.py changed since the check: check again$"):
        fixed_files([checked])


def test_a_cell_of_a_notebook_is_left_out(file):
    cell = Path(f"{file.with_suffix('.ipynb')}, cell 3")
    files, left_out = fixed_files([result(cell, ("a\n", "b\n"), text="a\n"), result(file, ("line 3\n", "three\n"))])
    assert left_out == ["rnn.ipynb, cell 3 is a cell of a notebook: change it there, as the diff above shows"]
    assert [one.path for one in files] == [file]
