"""One function of a file in a child process: a report or a reason, and nothing left behind."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from oracle.child import BadFile, check_isolated, diagnose_isolated, list_functions
from oracle.verdict import AGREES, WRONG

SOURCE = """
import os, sys, tempfile
from oracle import gradient_function

@gradient_function(W="n")
def f(p, sizes, rng):
    {}
    return 0.5 * (p.W ** 2).sum(), dict(W=p.W.copy())

@gradient_function(W="n")
def g(p, sizes, rng):
    return 0.0, {{}}
"""


@pytest.fixture
def file(tmp_path):
    def written(line="pass", source=SOURCE):
        path = tmp_path / "check_it.py"
        path.write_text(source.format(line))
        return path

    return written


def test_listed(file):
    assert list_functions(file()) == ["f", "g"]


def test_checked(file):
    checked = check_isolated(file(), "f")
    assert checked.name == "f" and checked.report.outcome == AGREES and checked.not_checked == ""


def test_sizes_and_seed_arrive(file):
    one, other = (check_isolated(file(), "f", sequence_lengths=[2], seed=seed).report.findings for seed in (0, 1))
    assert len(one) == len(other) == 1 and one[0].loss != other[0].loss


def test_what_it_prints_is_kept(file):
    assert check_isolated(file("print('here')"), "f").output.startswith("here\n")


@pytest.mark.parametrize(
    "line, reason",
    [
        ("return 1", "f returned an int, but should return (loss, gradients)"),
        ("sys.exit('done')", "f called sys.exit('done'), check_it.py:7 in f"),
        ("os._exit(1)", "f ended by itself with exit status 1 (os._exit, or exit in C code)"),
        ("os.abort()", "f crashed: aborted in check_it.py line 7 (f)"),
    ],
)
def test_reasons(file, line, reason):
    checked = check_isolated(file(line), "f")
    assert checked.not_checked.startswith(reason) and checked.not_checked.count("check_it.py") <= 1


def test_limits(file):
    checked = check_isolated(file("\n    while True: pass"), "f", seconds=0.5)
    assert checked.report is None and checked.not_checked == "f did not finish within 0.5 s, at check_it.py line 8 in f"
    checked = check_isolated(file("bytearray(1 << 31)"), "f", memory=1 << 29)
    assert checked.not_checked.startswith("f raised MemoryError") or "memory" in checked.not_checked


def test_a_name_that_is_not_there(file):
    checked = check_isolated(file(), "h")
    assert checked.not_checked == "check_it.py defines no gradient function 'h'; it defines f, g"


def test_files_that_are_none(tmp_path, file):
    with pytest.raises(BadFile, match="there is no file .*check_is.py'; did you mean 'check_it.py'"):
        list_functions(file().with_name("check_is.py"))
    with pytest.raises(BadFile, match="nor a folder"):
        list_functions(tmp_path / "nowhere" / "check_it.py")
    with pytest.raises(BadFile, match=r"' is a folder, but should be a file$"):
        list_functions(tmp_path)
    with pytest.raises(BadFile, match="/dev/zero' is no ordinary file, but should be one$"):
        list_functions(Path("/dev/zero"))
    with pytest.raises(BadFile, match=" cannot be read: File name too long$"):
        list_functions(tmp_path / ("n" * 5000 + ".py"))
    (tmp_path / "link.py").symlink_to(tmp_path / "link.py")
    with pytest.raises(BadFile, match="link.py' cannot be read: Too many levels of symbolic links$"):
        list_functions(tmp_path / "link.py")
    with pytest.raises(BadFile, match="did not finish within 0.5 s, at check_it.py line 1$"):
        list_functions(file(source="while True: pass"), seconds=0.5)
    with pytest.raises(BadFile, match="defines no gradient function: .*; it defines helper, Net$"):
        list_functions(file(source="from os import path\ndef helper(): ...\nclass Net: ...\nx = 3\n"))


def test_no_secrets_and_another_folder(file, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "secret")
    line = "print(os.environ.get('API_TOKEN'), os.getcwd(), tempfile.gettempdir())"
    token, folder, temporary = check_isolated(file(line), "f").output.splitlines()[0].split()
    assert token == "None" and folder == temporary != os.getcwd() and not os.path.exists(folder)


def test_a_report_that_cannot_be_read_is_none(file, monkeypatch):
    monkeypatch.setattr("oracle.child.to_data", lambda report: {"type": "Popen", "args": "ls"})
    checked = check_isolated(file(), "f")
    assert checked.report is None and "this is no report" in checked.not_checked


LAYER = """
import os, time
import numpy as np
from oracle import gradient_function

@gradient_function(W="output input", b="output")
def layer(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    y = np.tanh(x @ p.W.T + p.b)
    d = y * (1 - y**2)
    return 0.5 * np.sum(y**2), dict(W=d.T @ x, b=d.sum(0))
"""
WRONG_LAYER = LAYER.replace("1 - y**2", "1 + y**2")


def test_diagnosed(tmp_path):
    path = tmp_path / "check_layer.py"
    path.write_text(WRONG_LAYER)
    numbers = []
    checked = diagnose_isolated(check_isolated(path, "layer"), 20, told=numbers.append)
    assert checked.report.outcome == WRONG and checked.not_diagnosed == ""
    assert checked.diagnosis.wrong == ("W", "b") and checked.diagnosis.where.line == 10
    ((name, text),) = checked.diagnosis.repair.patched.items()
    assert name == str(path) and ast.dump(ast.parse(text)) == ast.dump(ast.parse(LAYER))
    assert numbers and max(numbers) <= checked.diagnosis.tried
    assert path.read_text() == WRONG_LAYER


def test_what_is_right_or_was_not_checked_is_left_as_it_is(file, monkeypatch):
    results = [check_isolated(file(line), "f") for line in ("pass", "return 1")]
    monkeypatch.setattr("oracle.child.isolated", None)  # not even asked
    for before in results:
        assert diagnose_isolated(before, 20) is before


def test_the_modules_of_a_diagnosis_are_not_imported_by_a_check(file):
    code = (
        "import sys; from pathlib import Path; from oracle.child import check_isolated, diagnose_isolated\n"
        f"checked = diagnose_isolated(check_isolated(Path({str(file())!r}), 'f'), 20)\n"
        "print(checked.report.outcome, [n for n in sys.modules if n.startswith(('oracle.repair', 'oracle.hypo'))])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert printed == "agrees []\n"


@pytest.mark.parametrize(
    "broken, reason",
    [
        ("raise KeyError('W')", "for a mistake in this tool, please report it: KeyError: 'W' (child.py:"),
        ("os._exit(3)", "ended by itself with exit status 3 (os._exit, or exit in C code)"),
        ("os.abort()", "crashed: aborted"),
        ("time.sleep(60)", "did not finish within 1 s"),
        ("bytearray(1 << 40)", "needed more than 1 GiB of memory"),
        ("return 3", "something else came back than a diagnosis: 3"),
    ],
)
def test_what_breaks_the_diagnosis_costs_the_diagnosis_only(tmp_path, monkeypatch, broken, reason):
    path = tmp_path / "check_layer.py"
    path.write_text(WRONG_LAYER)
    checked = check_isolated(path, "layer")
    names = {}
    exec(f"import os, time\ndef diagnosis(*args, **kwargs):\n    {broken}", names)
    monkeypatch.setattr("oracle.diagnosis.diagnosis", names["diagnosis"])
    after = diagnose_isolated(checked, 0.5, seconds=0.5, memory=1 << 30)
    assert after.not_diagnosed.startswith(reason) and after.diagnosis is None
    assert after.report is checked.report


def test_the_budget_is_beside_the_time_for_the_rest(tmp_path, monkeypatch):
    path = tmp_path / "check_layer.py"
    path.write_text(WRONG_LAYER)
    checked = check_isolated(path, "layer")
    asked = []
    monkeypatch.setattr("oracle.child.isolated", lambda task, **limits: asked.append(limits) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        diagnose_isolated(checked, 7, seconds=5, memory=None)
    assert asked == [{"seconds": 12, "memory": None, "told": None}]


def test_a_file_that_is_gone_since(tmp_path):
    path = tmp_path / "check_layer.py"
    path.write_text(WRONG_LAYER)
    checked = check_isolated(path, "layer")
    path.write_text(WRONG_LAYER.replace("def layer", "def another"))
    said = "check_layer.py defines no gradient function 'layer'; it defines another"
    assert diagnose_isolated(checked, 1).not_diagnosed == said
