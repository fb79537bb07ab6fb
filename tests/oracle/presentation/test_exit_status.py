"""What the commands exit with, at every door: 0 agrees, 1 wrong, 2 wrong usage, 3 cannot tell, 130 interrupted."""

import json
import signal

import pytest
from click.testing import CliRunner

from oracle.child import Checked
from oracle.finding import Finding
from oracle.gradient_check import FunctionReport
from oracle.presentation import balance_command, check_command
from oracle.presentation import command as command_module
from oracle.presentation.command import main
from oracle.verdict import AGREES, CANNOT_TELL, WRONG
from tests.oracle.presentation.checked import verdict

OUTCOMES = {"right": AGREES, "wrong": WRONG, "untold": CANNOT_TELL}
USAGE = 2
INTERRUPTED = 130


@pytest.fixture
def check(tmp_path, monkeypatch):
    """(names of files, options...) -> click's result. Each file holds one function, and its name says the outcome."""
    monkeypatch.chdir(tmp_path)

    def listed(path, **limits):
        if path.stem == "broken":
            raise check_command.BadFile("broken.py raised SyntaxError")
        return ["f"]

    def examined(path, name, **options):
        if path.stem == "unchecked":
            return Checked(path, name, None, "f raised ValueError", "")
        if path.stem == "interrupted":
            raise KeyboardInterrupt
        finding = Finding({"time": 3}, (verdict(OUTCOMES[path.stem]),))
        return Checked(path, name, FunctionReport(name, str(path), 1, ("W",), (finding,)), "", "")

    monkeypatch.setattr(check_command, "list_functions", listed)
    monkeypatch.setattr(check_command, "check_isolated", examined)
    monkeypatch.setattr(check_command, "diagnose_isolated", lambda checked, *_, **__: checked)
    return lambda names, *options: CliRunner().invoke(main, ["check", *(f"{name}.py" for name in names), *options])


FILES = [
    (["right"], 0),
    (["right", "right"], 0),
    (["wrong"], 1),
    (["right", "wrong", "right"], 1),
    (["untold"], 3),
    (["unchecked"], 3),
    (["right", "unchecked"], 3),
    (["untold", "wrong"], 1),
    (["wrong", "unchecked"], 1),
    (["right", "interrupted"], INTERRUPTED),
    (["wrong", "interrupted"], INTERRUPTED),
    (["interrupted", "wrong"], INTERRUPTED),
    (["wrong", "broken"], USAGE),
    ([], USAGE),
]


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--json"],
        ["--patch", "a.patch"],
        ["--apply"],
        ["--sarif", "a.sarif"],
        ["--summary", "a.md"],
        ["--json", "--patch", "a.patch", "--sarif", "a.sarif", "--summary", "a.md"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("names, status", FILES, ids=lambda value: "+".join(value) if isinstance(value, list) else "")
def test_check(check, tmp_path, names, options, status):
    result = check(names, *options)
    assert result.exit_code == status, result.output
    complete = status not in (USAGE, INTERRUPTED)
    assert (tmp_path / "a.sarif").exists() == (complete and "--sarif" in options), "no report of half a check"
    assert (tmp_path / "a.md").exists() == (complete and "--summary" in options)
    if "--json" in options and complete:
        assert len(json.loads(result.stdout)) == len(names)


@pytest.mark.parametrize(
    "options", [["--nonsense"], ["--budget", "-1"], ["--seed", "x"], ["--budget", "0", "--patch", "a"], ["--sarif", ""]]
)
def test_wrong_usage_of_check(check, options):
    assert check(["wrong"], *options).exit_code == USAGE


@pytest.mark.parametrize("arguments", [["chekc"], ["verify", "x"], ["balance"], ["balance", "x: a", "--to", "("]])
def test_wrong_usage(arguments):
    assert CliRunner().invoke(main, arguments).exit_code == USAGE


@pytest.mark.parametrize(
    "arguments, status", [(["a: b", "--to", "b"], 0), (["W: 16 16", "delta: 1 2", "--to", "1 16"], 1)]
)
def test_balance(arguments, status):
    assert CliRunner().invoke(main, ["balance", *arguments]).exit_code == status


PLACES = {
    "before anything is checked": (check_command, "list_functions", ["check", "x.py"]),
    "while it is shown": (check_command, "show", ["check", "right.py"]),
    "while the reports are written": (check_command, "write_reports", ["check", "right.py"]),
    "verify": (command_module, "probe", ["verify"]),
    "verify, at the table": (command_module, "run", ["verify"]),
    "balance": (balance_command, "balance", ["balance", "a: b", "--to", "b"]),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "error, status",
    [(KeyboardInterrupt, INTERRUPTED), (IndexError("list index out of range"), 3), (OSError(28, "disk full"), 3)],
    ids=["interrupted", "broken", "full"],
)
def test_neither_an_interruption_nor_a_mistake_of_this_tool_is_a_verdict(check, monkeypatch, place, error, status):
    def raises(*args, **kwargs):
        raise error

    module, name, arguments = PLACES[place]
    monkeypatch.setattr(module, name, raises)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == status
    if isinstance(error, OSError):
        assert result.stderr == "nothing more could be written: disk full\n"
    elif status == 3:
        assert "Traceback" in result.stderr and result.stderr.endswith("a mistake in this tool, please report it\n")
    else:
        assert result.stderr.startswith("interrupted") and "Traceback" not in result.stderr


def test_the_number_is_that_of_the_signal():
    assert command_module.INTERRUPTED == 128 + signal.SIGINT == INTERRUPTED
    for line in ("0  every gradient agrees", "1  a gradient is wrong", "2  the command line", "3  something could not"):
        assert line in check_command.check.help
