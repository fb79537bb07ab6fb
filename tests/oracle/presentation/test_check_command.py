"""`bptt-oracle check`, as a user runs it: what it prints, what it exits with, and what it leaves alone."""

import json
import os
from contextlib import nullcontext

import pytest
from click.testing import CliRunner

from oracle.child import diagnose_isolated
from oracle.presentation import check_command
from oracle.presentation.command import main

HEAD = """
import ctypes, os, sys, time
import numpy as np
from oracle import gradient_function

@gradient_function(W="output input", b="output")
def layer(p, sizes, rng):
"""
BODY = """    x = rng.normal(size=(sizes.batch, sizes.input))
    y = np.tanh(x @ p.W.T + p.b)
    d = y * (1 - y**2)
    return 0.5 * np.sum(y**2), dict(W=d.T @ x, b=d.sum(0))
"""
RIGHT = HEAD + BODY
WRONG = RIGHT.replace("b=d.sum(0)", "b=d.mean(0)").replace("def layer", "def wrong")


@pytest.fixture
def check(tmp_path, monkeypatch):
    """(source, options...) -> click's result; FILE is beside nothing else."""
    monkeypatch.chdir(tmp_path)

    def run(source, *options, target="check_layer.py"):
        if source is not None:
            (tmp_path / "check_layer.py").write_text(source)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        result = CliRunner().invoke(main, ["check", target, *options])
        after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert before == after, "the user's folder is as it was"
        assert isinstance(result.exception, (SystemExit, type(None))), result.exception
        assert "site-packages" not in result.output and "/oracle/" not in result.output.replace(str(tmp_path), "")
        return result

    return run


def test_right(check):
    result = check(RIGHT)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "✓ layer at check_layer.py:6" and "✗" not in result.output
    assert [line.split()[0] for line in lines[3:5]] == ["W", "b"]
    assert lines[5].startswith("all 2 gradients agree; an error of ")
    assert "oracle: PyTorch autograd of the code's own forward pass" in lines


def test_wrong(check):
    result = check(WRONG)
    assert result.exit_code == 1, result.output
    assert result.output.startswith("✗ wrong at check_layer.py:6\n")
    assert "exactly 1/batch = 0.333333 times the right one" in result.output
    assert "confirmed by the loss itself: " in result.output


def test_where_it_is_right(check):
    """What no known deviation explains is shrunk."""
    source = HEAD + BODY.replace("b=d.sum(0)", "b=d[0]")
    result = check(source)
    assert "smallest sizes at which b is wrong: " in result.output
    assert "right at batch=1, wrong at batch=2: look for a sum or a mean over the batch" in result.output


def test_several_and_one_of_them(check):
    both = RIGHT + WRONG[WRONG.index("@") :]
    result = check(both)
    assert result.exit_code == 1 and result.output.splitlines()[-1] == "1 agrees, 1 wrong"
    result = check(None, target="check_layer.py::layer")
    assert result.exit_code == 0 and "wrong at" not in result.output


@pytest.mark.parametrize(
    "target, message",
    [
        ("chek_layer.py", "there is no file '{}/chek_layer.py'; did you mean 'check_layer.py'?"),
        ("nowhere/check.py", "there is no file '{}/nowhere/check.py', nor a folder '{}/nowhere'"),
        ("check_layer.py::leyer", "defines no gradient function 'leyer'; it defines layer; did you mean 'layer'?"),
    ],
)
def test_targets_that_are_not_there(check, tmp_path, target, message):
    result = check(RIGHT, target=target)
    assert result.exit_code == 2 and message.replace("{}", str(tmp_path)) in result.stderr


@pytest.mark.parametrize(
    "source, message",
    [
        ("def forward(): ...\nclass Net: ...\n", "check_layer.py defines no gradient function: nothing in it is"),
        ("def forward(): ...\nclass Net: ...\n", "it defines forward, Net"),
        ("", "it defines no function and no class"),
        ("import nunpy\n", "nunpy is not installed (imported at check_layer.py line 1)"),
        ("def f(:\n", "check_layer.py raised SyntaxError: invalid syntax (check_layer.py, line 1)"),
        ("1 / 0\n", "check_layer.py raised ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", "check_layer.py called sys.exit(3), check_layer.py:2 in <module>"),
        ("import os\nos._exit(3)\n", "check_layer.py ended by itself with exit status 3"),
        (
            "x = " + "-" * 100_000 + "1",
            "check_layer.py raised SyntaxError: it is nested too deeply for Python's parser",
        ),
        (
            f"exec({RIGHT!r})",
            "declares gradient functions in code that is in no file, so that it cannot be run again: la",
        ),
        (RIGHT.replace('"output input"', '"output in%put"'), "the shape of W cannot be read at 'in%put'"),
        (RIGHT.replace('"output input"', '"output in%put"'), "    output in%put\n           ^^^^^^"),
        (RIGHT.replace('b="output"', "b=3"), "the shape of b is 3, but should be a string"),
    ],
)
def test_files_that_cannot_be_read(check, source, message):
    result = check(source)
    assert result.exit_code == 2 and message in result.stderr


def test_what_the_terminal_would_take_for_orders(check, tmp_path):
    name = "check_\x1b[2J.py"
    (tmp_path / name).write_text(RIGHT.replace("x = rng", "raise ValueError('\\x9b31m')  # x = rng"))
    result = check(None, target=name)
    assert result.exit_code == 3 and "layer at check_\\x1b[2J.py:6" in result.output
    assert r"layer raised ValueError: \x9b31m" in result.output and "\x1b" not in result.output


def test_a_name_that_is_no_text(check, tmp_path):
    name = os.fsdecode(b"check_\xff.py")
    (tmp_path / name).write_text(RIGHT)
    result = check(None, target=name)
    assert result.exit_code == 0 and r"layer at check_\udcff.py:6" in result.output


def test_a_file_that_loops(check):
    result = check("while True: pass\n", "--seconds", "0.5")
    assert result.exit_code == 2 and "check_layer.py did not finish within 0.5 s, at check_layer.py line 1" in (
        result.stderr
    )


@pytest.mark.parametrize(
    "body, message",
    [
        ("return 1, 2", "layer returned an int for the gradients, but should return (loss, gradients)"),
        ("return 1.0, dict(V=p.W)", "layer returned a gradient 'V', but there is no such parameter, only W, b"),
        ("return p.weight, {}", "AttributeError: there is no parameter 'weight', only W, b"),
        ("return sizes.inputs, {}", "sizes has no 'inputs', only time, batch, output, input; did you mean 'input'?"),
        ("raise KeyError('dWhh')", "layer raised KeyError: 'dWhh'\n  File \""),
        ("sys.exit(4)", "layer called sys.exit(4), check_layer.py:8 in layer"),
        ("os._exit(4)", "layer ended by itself with exit status 4"),
        ("os.kill(os.getpid(), 9)", "layer killed by signal 9 (SIGKILL)"),
        ("ctypes.string_at(0)", "layer crashed: segmentation fault in check_layer.py line 8 (layer)\n"),
        ("np.ones((10**6, 10**6))", "MemoryError"),
        (
            "with np.errstate(all='ignore'): return np.log(-np.abs(p.W)).sum(), p",
            "the loss is nan; it arises first (invalid value encountered in log)",
        ),
        ("return layer.function(p, sizes, rng)", "layer raised RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_functions_that_cannot_be_checked(check, body, message):
    result = check(HEAD + f"    {body}\n")
    assert result.exit_code == 3, result.output
    assert result.output.startswith("? layer") and message in result.output


def test_a_function_that_loops(check):
    result = check(HEAD + "    while True: pass\n", "--seconds", "1")
    assert result.exit_code == 3
    assert "layer did not finish within 1 s, at check_layer.py line 8 in layer" in result.output


def test_huge_output(check):
    result = check(HEAD + "    while True: print('x' * 1000)\n")
    assert result.exit_code == 3 and "layer wrote more than 10 MB to the terminal" in result.output
    assert len(result.output) < 5000


def test_what_it_printed_before_it_failed(check):
    result = check(HEAD + "    print('about to fail')\n    raise ValueError\n")
    assert "it printed:\n    about to fail\n" in result.output


def test_files_it_writes_are_not_the_users(check):
    assert check(RIGHT.replace("    d = y", "    open('left.npy', 'w').write('x')\n    d = y")).exit_code == 0


def test_helpers_beside_it_leave_no_bytecode(check, tmp_path):
    (tmp_path / "helper.py").write_text("import numpy as np\ndef squash(x): return np.tanh(x)\n")
    source = RIGHT.replace("np.tanh", "helper.squash").replace("import numpy", "import helper\nimport numpy")
    assert check(source).exit_code == 0  # the fixture compares the folder


def test_json(check):
    result = check(WRONG, "--json")
    assert result.exit_code == 1
    (report,) = json.loads(result.stdout, parse_constant=pytest.fail)
    assert report["function"] == "wrong" and report["outcome"] == "wrong" and len(report["cases"]) == 3
    assert {gradient["name"]: gradient["outcome"] for gradient in report["cases"][0]["gradients"]} == {
        "W": "agrees",
        "b": "wrong",
    }


def test_json_of_what_cannot_be_checked(check):
    for body in ("raise KeyError", "os._exit(3)", "return np.nan, p"):
        result = check(HEAD + f"    {body}\n", "--json")
        assert result.exit_code == 3
        (report,) = json.loads(result.stdout, parse_constant=pytest.fail)
        assert report["outcome"] == "cannot tell"


@pytest.mark.parametrize(
    "options, message",
    [
        (["--sequence-lengths", "1,x"], "'1,x' should be whole numbers with commas between them, such as 1,2,7"),
        (["--hidden-sizes", "0"], "'0' holds 0, but a size should be at least 1"),
        (["--seconds", "0"], "0.0 is not in the range 0<x<=1000000.0"),
        (["--seconds", "nan"], "nan is no number"),
        (["--budget", "nan"], "nan is no number"),
        (["--budget", "inf"], "inf is not in the range 0<=x<=1000000.0"),
        (["--memory", "inf"], "inf is not in the range 0<x<=1000000.0"),
    ],
)
def test_options_that_are_none(check, options, message):
    result = check(RIGHT, *options)
    assert result.exit_code == 2 and message in result.stderr


def test_the_users_own_sizes(check):
    result = check(RIGHT.replace("output", "hidden"), "--sequence-lengths", "1,2", "--hidden-sizes", "3,16")
    assert result.exit_code == 0 and result.output.splitlines()[1:3]
    heading = " ".join(result.output.splitlines()[1:3])
    assert heading.count("hidden=3") == heading.count("hidden=16") == 2
    result = check(RIGHT, "--hidden-sizes", "3")
    assert result.exit_code == 3 and "no axis is called hidden; the shapes have output, input" in result.output


def test_a_narrow_terminal_squeezes_no_number(check, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    output = check(WRONG, "--sequence-lengths", "1,2,3,4,5,6,7").output
    (row,) = [line for line in output.splitlines() if line.startswith("b  ")]
    assert row.count("× noise ✗") == 7 and "…" not in output


def test_no_colour_where_there_is_no_terminal_or_none_is_wanted(check, monkeypatch):
    assert "\x1b" not in check(RIGHT).output
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[32m" in check(RIGHT).output
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in check(RIGHT).output


def test_ascii(tmp_path):
    """In a locale that has nothing else, what the user wrote is escaped and nothing breaks."""
    path = tmp_path / "check_layer.py"
    path.write_text(WRONG + RIGHT[RIGHT.index("@") : RIGHT.index("    x =")] + "    raise ValueError('∂L/∂W')\n")
    result = CliRunner(charset="ascii").invoke(main, ["check", str(path)])
    assert result.exit_code == 1, result.exception
    assert result.output.startswith("! wrong at") and "(+- " in result.output
    assert "ValueError: \\u2202L/\\u2202W" in result.output and result.output.isascii()


def test_interrupted(check, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(check_command, "check_isolated", interrupted)
    result = check(RIGHT)
    assert result.exit_code == 130 and result.stderr == "interrupted: nothing is checked\n"


def test_a_mistake_of_this_tool_is_not_the_users(check, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("grad can be implicitly created only for scalar outputs")

    monkeypatch.setattr("oracle.child.check_function", broken)
    result = check(RIGHT)
    assert result.exit_code == 3
    assert "layer could not be checked for a mistake in this tool, please report it: RuntimeError: " in result.output


SIGN = HEAD + BODY.replace("1 - y**2", "1 + y**2")


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """(source, options...) -> click's result; what it does to the folder is the test's concern."""
    monkeypatch.chdir(tmp_path)

    def run(source, *options):
        (tmp_path / "check_layer.py").write_text(source)
        return CliRunner().invoke(main, ["check", "check_layer.py", *options])

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_wrong_function_is_diagnosed_and_a_right_one_is_not(check):
    result = check(RIGHT + SIGN[SIGN.index("@") :].replace("def layer", "def other"))
    assert result.exit_code == 1
    right, wrong = result.output.split("✗ other")
    lines = wrong.splitlines()
    assert [line for line in lines if line in ("where", "why", "fix")] == ["where", "why", "fix"]
    assert "where" not in right.splitlines() and "fix" not in right.splitlines()
    assert "    first wrong line: check_layer.py:16" in lines and lines[-1] == "1 agrees, 1 wrong"


def test_no_search(check):
    result = check(SIGN, "--budget", "0")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[lines.index("fix") + 1] == "    none was looked for (--budget 0)" and "why" in lines


def test_a_patch_leads_to_a_file_that_agrees(in_folder, tmp_path):
    result = in_folder(SIGN, "--patch", "fix.patch")
    assert result.exit_code == 1 and (tmp_path / "check_layer.py").read_text() == SIGN
    assert result.output.endswith("\nthe patch is in fix.patch: patch -p1 < fix.patch, or git apply fix.patch\n")
    patched(tmp_path, (tmp_path / "fix.patch").read_text())
    assert in_folder((tmp_path / "check_layer.py").read_text()).exit_code == 0


def patched(folder, patch):
    """Apply a unified diff, strictly."""
    lines = patch.splitlines(keepends=True)
    assert lines[0].startswith("--- a/") and lines[1].startswith("+++ b/")
    path = folder / lines[1][len("+++ b/") :].rstrip("\n")
    old, new, at = path.read_text().splitlines(keepends=True), [], 0
    for line in lines[2:]:
        if line.startswith("@@"):
            start = int(line.split()[1].split(",")[0][1:]) - 1
            new, at = new + old[at:start], start
        elif line[0] == "+":
            new.append(line[1:])
        else:
            assert old[at] == line[1:]
            new += [line[1:]] * (line[0] == " ")
            at += 1
    path.write_text("".join(new + old[at:]))


def test_applied(in_folder, tmp_path):
    result = in_folder(SIGN, "--apply")
    assert result.exit_code == 1, "the verdict is that of the file as it was"
    assert result.output.splitlines()[-2:] == [
        "changed check_layer.py, line 10; as it was it is in check_layer.py.orig",
        "run the check again",
    ]
    assert (tmp_path / "check_layer.py.orig").read_text() == SIGN
    assert in_folder((tmp_path / "check_layer.py").read_text()).exit_code == 0


@pytest.mark.parametrize("option", ["--apply", "--patch=fix.patch"])
def test_nothing_is_written_where_there_is_no_fix(in_folder, tmp_path, option):
    result = in_folder(RIGHT, option)
    assert result.exit_code == 0 and result.output.endswith("nothing is written: there is no fix\n")
    assert names(tmp_path) == ["check_layer.py"]
    result = in_folder(SIGN, option, "--budget", "0")
    assert result.exit_code == 2
    assert f"{option.partition('=')[0]} needs a fix, and --budget 0 looks for none" in result.stderr


def test_a_read_only_file_stays(in_folder, tmp_path):
    in_folder(RIGHT)
    path = tmp_path / "check_layer.py"
    path.write_text(SIGN)
    path.chmod(0o444)
    result = CliRunner().invoke(main, ["check", "check_layer.py", "--apply", "--patch", "fix.patch"])
    assert result.exit_code == 1 and result.output.endswith("nothing more is written: check_layer.py is read-only\n")
    assert path.read_text() == SIGN and names(tmp_path) == ["check_layer.py", "fix.patch"]


def test_a_file_that_is_edited_during_the_search_stays(in_folder, tmp_path, monkeypatch):
    path = tmp_path / "check_layer.py"

    def edited(*args, **kwargs):
        found = diagnose_isolated(*args, **kwargs)
        path.write_text(SIGN + "# mine\n")
        return found

    monkeypatch.setattr(check_command, "diagnose_isolated", edited)
    result = in_folder(SIGN, "--apply")
    assert result.output.endswith("nothing is written: check_layer.py changed since the check: check again\n")
    assert path.read_text() == SIGN + "# mine\n" and names(tmp_path) == ["check_layer.py"]


def test_json_with_a_diagnosis(in_folder):
    result = in_folder(SIGN, "--json", "--patch", "fix.patch")
    (report,) = json.loads(result.stdout, parse_constant=pytest.fail)
    diagnosis = report["diagnosis"]
    assert diagnosis["wrong"] == ["W", "b"] and diagnosis["where"]["line"] == 10 and report["not_diagnosed"] == ""
    assert "\n-    d = y * (1 + y**2)\n" in diagnosis["repair"]["diff"] and "patched" not in diagnosis["repair"]
    assert result.stderr.startswith("the patch is in fix.patch")
    (right,) = json.loads(in_folder(RIGHT, "--json").stdout)
    assert right["diagnosis"] is None


def test_the_verdict_stays_where_the_diagnosis_breaks(check, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("the beam is empty")

    monkeypatch.setattr("oracle.diagnosis.diagnosis", broken)
    result = check(SIGN)
    assert result.exit_code == 1 and result.output.startswith("✗ layer at check_layer.py:6\n")
    assert (
        "layer could not be diagnosed: for a mistake in this tool, please report it: RuntimeError: the beam is empty "
        "(child.py:"
    ) in " ".join(result.output.split())


def test_the_verdict_stays_where_the_search_is_interrupted(check, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(check_command, "diagnose_isolated", interrupted)
    result = check(SIGN, "--apply")
    assert result.exit_code == 130 and result.stderr == "interrupted: checked until then:\n"
    assert result.stdout.startswith("✗ layer at check_layer.py:6\n")


def test_progress_of_the_search(in_folder, monkeypatch):
    told = []

    def diagnosed(checked, budget, **options):
        options["told"](1250)
        return checked

    class Bar:
        def add_task(self, *args, **kwargs):
            return 0

        def advance(self, task):
            pass

        def update(self, task, description):
            told.append(description)

    monkeypatch.setattr(check_command, "diagnose_isolated", diagnosed)
    monkeypatch.setattr(check_command, "progress", lambda: nullcontext(Bar()))
    in_folder(SIGN)
    assert told == ["layer", "layer: 1,250 fixes tried"]
