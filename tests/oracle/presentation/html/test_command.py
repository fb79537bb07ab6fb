"""The page as the command writes it, and the page on how to read it."""

import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from oracle.presentation.command import main
from oracle.presentation.html import page

ROOT = Path(__file__).parents[4]
WRONG = f"{ROOT / 'examples' / 'check_wrong.py'}::state_index"


def check(*arguments):
    result = CliRunner().invoke(main, ["check", *arguments])
    assert isinstance(result.exception, (SystemExit, type(None))), result.exception
    return result


def test_the_whole_way(tmp_path):
    """From a wrong program to a page with its verdicts, its counts, its norms and its first wrong line."""
    file = tmp_path / "report.html"
    result = check(WRONG, "--html", str(file), "--budget", "5", "--sequence-lengths", "4,6", "--seed", "2")
    assert result.exit_code == 1, result.output
    text = file.read_text(encoding="utf-8")
    assert "state_index at check_wrong.py:33" in text and "T=6 B=3" in text
    for said in (
        "What each step adds to each parameter", "h[t + 1] = np.tanh(a[t])", "first wrong line:",
        "how often the adjoint of a step (down) is paired",
        "check_wrong.py::state_index --sequence-lengths 4,6 --seed 2",
        "at time=6, batch=3,",
    ):  # fmt: skip
        assert said in text, said
    assert re.search(r'<span class="line added">\+.*h\[t\]', text)


def test_what_does_not_run_has_a_page_too(tmp_path):
    file = tmp_path / "report.html"
    result = check(WRONG.replace("state_index", "misspelt"), "--html", str(file), "--budget", "0")
    assert result.exit_code == 3, result.output
    assert "misspelt returned a gradient &#39;dW&#39;, but there is no such parameter" in file.read_text()


def test_before_anything_is_checked_it_is_said_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(page, "find_spec", lambda name: None)
    result = check(WRONG, "--html", str(tmp_path / "report.html"))
    assert result.exit_code == 2 and "pip install 'bptt-oracle[html]'" in result.output
    assert "jinja2 and pygments, which are not installed" in result.output


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    assert check(WRONG, "--html", str(tmp_path / "no" / "report.html")).exit_code == 2
    assert check(WRONG, "--html", str(tmp_path)).exit_code == 2


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_full_disk_leaves_the_verdict(tmp_path):
    result = check(WRONG, "--html", "/dev/full", "--budget", "0", "--sequence-lengths", "3")
    assert result.exit_code == 1 and "/dev/full is not written: No space left on device" in result.output


def test_the_code_in_the_docs_runs(monkeypatch, tmp_path):
    text = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/report.md", "exec"), {})
    assert "state_index" in (tmp_path / "report.html").read_text()
