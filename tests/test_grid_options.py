"""The suite as its user meets it: options, header, ids, and the failure message line by line."""

import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]

BROKEN = '''
"""rnn_manual with a carry that is cut three steps before the end."""
import numpy as np
import rnn_manual

original = rnn_manual.backward


def backward(run, d_outputs, d_h_n=None, d_c_n=None):
    first = len(d_outputs) - 3
    inside = np.where(np.arange(len(d_outputs))[:, None, None] >= first, d_outputs, 0).astype(d_outputs.dtype)
    gradients = original(run, inside, d_h_n, d_c_n)
    gradients["x"][: max(first, 0)] = 0
    return gradients


rnn_manual.backward = backward
'''


ONE = ["--cells", "elman", "--sequence-lengths", "5", "--hidden-sizes", "6", "--dtypes", "float64"]
PLAIN = ["-k", "elman- and not loss and not mirrors", *ONE]
QUIET = ["-p", "no:logging", "-p", "no:cacheprovider"]


def copy_suite(folder):
    shutil.copy(ROOT / "conftest.py", folder)
    shutil.copy(ROOT / "tests" / "test_gradients.py", folder)


@pytest.fixture
def suite(pytester):
    """A copy of the suite's conftest and of its grid, run in this process: torch takes seconds to import."""
    copy_suite(pytester.path)

    def run(*arguments):
        return pytester.runpytest_inprocess(*QUIET, "--grid", "smoke", *arguments)

    return run


@pytest.fixture(scope="module")
def broken_run(tmp_path_factory):
    """(output of the suite on a broken rnn_manual, a function that runs more of it in the same folder)."""
    folder = tmp_path_factory.mktemp("suite")
    copy_suite(folder)
    (folder / "broken.py").write_text(BROKEN)

    runs = itertools.count()

    def run(*arguments):
        command = [sys.executable, "-m", "pytest", "--basetemp", folder / f"kept{next(runs)}", *QUIET, *arguments]
        return subprocess.run(
            command, cwd=folder, env=os.environ | {"COLUMNS": "250"}, capture_output=True, text=True
        ).stdout

    return run("-p", "broken", "--grid", "smoke", *PLAIN), run


def test_ids_are_readable_and_selectable(suite):
    result = suite("--collect-only", "-q", "-k", "lstm and weight_hh and T5 and not mirrors")
    ids = [line for line in result.outlines if "::" in line]
    pattern = r"test_gradients.py::test_gradient\[lstm\w*-weight_hh(_l\d)?(_reverse)?-T5-B\d-H\d+-float(32|64)-\w+\]"
    assert ids and all(re.fullmatch(pattern, line) for line in ids)


def test_a_run_that_passes_shows_grid_and_seed(suite):
    result = suite(*PLAIN)
    assert result.parseoutcomes()["passed"] == 6
    result.stdout.fnmatch_lines(["gradient grid: smoke, seed 0 (repeat it with --seed 0)"])


def test_a_failure_line_by_line(broken_run):
    text, _ = broken_run
    summary = [line for line in text.splitlines() if line.startswith("FAILED")]
    assert len(summary) == 6, "the four parameters, h_0 and x"
    block = text[text.index("AssertionError: weight_hh wrong") :].splitlines()
    case = r"elman-weight_hh-T5-B\d-H6-float64-\w+"
    expected = [
        r"AssertionError: weight_hh wrong: \d\.\de\d+ × rounding noise, worst at \[\d, \d\], "
        r"delta first wrong at step t=1 going backward",
        r"(?:E  )? +at \[\d, \d\]: -?\d\S+, but should be -?\d\S+",
        r"(?:E  )? +numpy\.allclose\(gradient, oracle, rtol=0, atol=\S+\) is False: "
        r"the tolerance is the larger of 4 × the rounding noise measured here and 32 roundings of the largest element",
        r"(?:E  )? +relative error \S+ \(max \|gradient - oracle\| / max \|oracle\|\)",
        r"(?:E  )? +all gradients of this case, the worst first:",
        *[r"(?:E  )? +\w+ wrong: \S+ × rounding noise, worst at \[.*"] * 6,
        r"(?:E  )? +reproduce: pytest 'test_gradients\.py::test_gradient\[" + case + r"\]' --grid smoke --seed 0 "
        r"--sequence-lengths 5 --hidden-sizes 6 --cells elman --dtypes float64",
        r"(?:E  )? +arrays: \S+arrays\.npz",
    ]
    assert len(block) >= len(expected)
    for pattern, line in zip(expected, block):
        assert re.fullmatch(pattern, line), (pattern, line)
    assert any(re.match(r"FAILED \S+weight_hh\S+ - AssertionError: weight_hh wrong: \d", line) for line in summary)


def test_the_command_in_the_message_runs_that_case_alone(broken_run):
    text, run = broken_run
    command = re.search(r"reproduce: pytest '(\S+)' (.*)", text)
    assert re.search(r"^=+ 1 failed in ", run("-p", "broken", command[1], *command[2].split()), re.MULTILINE)


def test_the_arrays_are_kept_without_pickle(broken_run):
    path = re.search(r"weight_hh-T5(?:.|\n)*?arrays: (\S+)", broken_run[0])[1]
    with np.load(path, allow_pickle=False) as kept:
        gradient, oracle, tolerance = (kept[f"{kind}.weight_hh"] for kind in ("gradient", "oracle", "tolerance"))
        assert gradient.shape == oracle.shape == tolerance.shape
        assert not np.allclose(gradient, oracle, rtol=0, atol=tolerance)
        assert {"x", "h_0", "d_outputs", "d_h_n", "parameter.weight_ih", "oracle.loss"} <= set(kept)


def test_several_workers_run_the_same_tests(suite):
    assert suite(*PLAIN, "--seed", "any", "-n", "2").parseoutcomes()["passed"] == 6


def test_a_range_of_seeds_runs_each(suite):
    result = suite(*PLAIN, "--seed", "3-5", "-v")
    assert result.parseoutcomes()["passed"] == 18
    result.stdout.fnmatch_lines(["*seed 3-5*", "*::test_gradient[[]*-seed3[]]*", "*-seed5[]]*"])


def test_any_draws_a_seed_and_shows_it(suite):
    result = suite("--collect-only", "--seed", "any")
    assert re.search(r"seed (\d+) \(repeat it with --seed \1\)", result.stdout.str())


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--seed", "x"], "--seed is 'x', but should be a number, a range such as 0-4, or any"),
        (["--seed", "4-"], "--seed is '4-', but should be a number, a range such as 0-4, or any"),
        (["--seed", "4-2"], "--seed is '4-2', but its first number should be at most its last"),
        (
            ["--seed", "0-99999999"],
            "--seed is '0-99999999', but should be at most 1000 seeds, each a grid of its own",
        ),
        (["--sequence-lengths", "1,two"], "'1,two' should be whole numbers with commas between them, such as 1,2,7"),
        (["--hidden-sizes", "0"], "'0' holds 0, but a size should be at least 1"),
        (["--cells", "lsmt"], "'lsmt' is unknown; known are elman, lstm, gru"),
        (["--dtypes", "float16"], "'float16' is unknown; known are float64, float32"),
        (["--device", "cuda:77"], "--device is 'cuda:77', but torch cannot use it: "),
    ],
)
def test_options_that_make_no_sense(suite, arguments, message):
    result = suite(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
