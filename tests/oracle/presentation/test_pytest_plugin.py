"""Gradient functions as tests, as pytest itself runs them."""

import subprocess
import sys

import pytest
import torch

import oracle.child  # noqa: F401, before pytester remembers which modules there are, and forgets the others

pytest_plugins = "pytester"

RIGHT = """
import numpy as np
from oracle import gradient_function

@gradient_function(W="hidden input", b="hidden")
def layer(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    y = np.tanh(x @ p.W.T + p.b)
    d = y * (1 - y**2)
    return 0.5 * np.sum(y**2), dict(W=d.T @ x, b=d.sum(0))
"""
WRONG = RIGHT.replace("def layer", "def wrong").replace("b=d.sum(0)", "b=2 * d.sum(0)")
UNTOLD = """
from oracle import gradient_function

@gradient_function(x="")
def chaotic(p, sizes, rng):
    x, slope = 0.3 + 0.001 * p.x, 0.001
    for _ in range(45):
        slope = slope * 3.99 * (1 - 2 * x)
        x = 3.99 * x * (1 - x)
    return x, dict(x=slope * (1 + 1e-3))
"""

TWO = "--gradient-sequence-lengths=2"  # a test for each parameter, no more


def run(pytester, *arguments):
    return pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments)


def test_a_test_for_each_parameter_at_each_case(pytester):
    pytester.makepyfile(check_layer=RIGHT)
    result = run(pytester, "check_layer.py", "--collect-only")
    names = [line.removeprefix("check_layer.py::layer::") for line in result.outlines if "::" in line]
    assert names[:2] == ["W-time5-batch3-hidden6-input4-ordinary", "b-time5-batch3-hidden6-input4-ordinary"]
    assert [name[0] for name in names] == ["W", "b"] * 3 and len(set(names)) == 6
    run(pytester, "check_layer.py", "-W", "error").assert_outcomes(passed=6)


def test_a_wrong_gradient_fails_and_the_right_one_beside_it_passes(pytester):
    pytester.makepyfile(check_layer=WRONG)
    result = run(pytester, "check_layer.py")
    result.assert_outcomes(passed=3, failed=3)
    first = next(line for line in result.outlines if line.startswith("b wrong: "))
    sizes = "at time=5, batch=3, hidden=6, input=4"  # those that matter: time is none of them
    assert "rounding noise, worst at [" in first
    assert first.endswith(f", {sizes.replace('time=5, ', '')}: exactly 2 times the right one")
    reproduce = result.outlines.index("reproduce: bptt-oracle check check_layer.py::wrong")
    assert result.outlines[reproduce + 1] == "it also says where, why, and what fixes it"
    text = result.stdout.str()
    assert "confirmed by the loss itself" in text or "smallest sizes that show it" in text
    assert "pytest_plugin.py" not in text and "W wrong" not in text


def test_one_of_them_alone(pytester):
    pytester.makepyfile(check_layer=WRONG)
    run(pytester, "check_layer.py", "-k", "W-time3").assert_outcomes(passed=1, deselected=5)


def test_the_users_own_sizes(pytester):
    pytester.makepyfile(check_layer=WRONG)
    sizes = "--gradient-sequence-lengths=1,2", "--gradient-hidden-sizes=3,16"
    result = run(pytester, "check_layer.py", *sizes)
    result.assert_outcomes(passed=4, failed=4)
    assert "reproduce: bptt-oracle check check_layer.py::wrong --sequence-lengths 1,2 --hidden-sizes 3,16" in (
        result.outlines
    )
    collected = [line for line in run(pytester, "check_layer.py", "--collect-only", *sizes).outlines if "::W-" in line]
    assert [(line.split("-")[1], line.split("-")[3]) for line in collected] == [
        ("time1", "hidden3"), ("time1", "hidden16"), ("time2", "hidden3"), ("time2", "hidden16")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "option, message",
    [
        ("--gradient-sequence-lengths=1,x", "'1,x' should be whole numbers with commas between them, such as 1,2,7"),
        ("--gradient-hidden-sizes=0", "'0' holds 0, but a size should be at least 1"),
    ],
)
def test_sizes_that_are_none(pytester, option, message):
    result = pytester.runpytest_subprocess(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR and message in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


def test_no_axis_is_called_hidden(pytester):
    pytester.makepyfile(check_layer=RIGHT.replace("hidden", "output"))
    result = run(pytester, "check_layer.py", "--gradient-hidden-sizes=3")
    result.assert_outcomes(errors=1)
    assert "hidden sizes are asked for, but no axis is called hidden; the shapes have output, input" in result.outlines
    assert "Traceback" not in result.stdout.str()


def test_what_cannot_be_told_is_skipped_and_not_passed(pytester):
    pytester.makepyfile(check_chaotic=UNTOLD)
    result = run(pytester, "check_chaotic.py", "-rs")
    assert result.parseoutcomes().get("passed", 0) == 0 and result.parseoutcomes()["skipped"] == 3
    assert "rounding noise alone moves the oracle by" in result.stdout.str()


@pytest.mark.parametrize(
    "body, message",
    [
        ("return 1, 2", "layer was not checked: layer returned an int for the gradients, but should return"),
        ("raise KeyError('dWhh')", "layer was not checked: layer raised KeyError: 'dWhh'"),
        ("raise SystemExit(3)", "layer was not checked: layer called sys.exit(3), "),
        ("import os; os._exit(3)", "layer was not checked: layer ended by itself with exit status 3"),
        ("import ctypes; ctypes.string_at(0)", "layer was not checked: layer crashed: segmentation fault in"),
    ],
)
def test_what_cannot_be_checked_fails(pytester, body, message):
    pytester.makepyfile(check_layer=RIGHT[: RIGHT.index("    x = ")] + f"    {body}\n")
    result = run(pytester, "check_layer.py")
    result.assert_outcomes(failed=6)
    assert sum(line.startswith(message) for line in result.outlines) == 6
    assert "pytest_plugin.py" not in result.stdout.str()


def test_a_fault_fails_though_every_gradient_agrees(pytester):
    kept = RIGHT.replace("\n@", "\ncalls = []\n\n@").replace("    d = y", "    calls.append(1)\n    d = y")
    pytester.makepyfile(check_layer=kept.replace("0.5 * np.sum(y**2),", "0.5 * np.sum(y**2) + len(calls),"))
    result = run(pytester, "check_layer.py")
    result.assert_outcomes(failed=6)
    assert any(line.startswith("called twice with the same arrays it gives two losses") for line in result.outlines)


def test_imported_ones_are_tests_of_their_own_file_only(pytester):
    pytester.makepyfile(check_layer=RIGHT, test_other="from check_layer import layer\ndef test_ordinary(): pass\n")
    pytester.syspathinsert()
    run(pytester, "check_layer.py", "test_other.py").assert_outcomes(passed=7)
    run(pytester, "test_other.py").assert_outcomes(passed=1)


def test_beside_ordinary_tests(pytester):
    pytester.makepyfile(test_all=RIGHT + "\nclass TestIt:\n    def test_ordinary(self): pass\ndef test_other(): pass\n")
    run(pytester).assert_outcomes(passed=8)  # collected without being named: the file is called test_


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_import_modes(pytester, mode):
    pytester.makepyfile(check_layer=WRONG)
    run(pytester, "check_layer.py", f"--import-mode={mode}", TWO).assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize("way", ["load", "loadscope"])
def test_with_xdist(pytester, way):
    pytester.makepyfile(check_layer=WRONG)
    strict = "-W", "error", "--strict-markers", "--strict-config"
    result = pytester.runpytest_subprocess("-q", "-n", "2", "--dist", way, *strict, "check_layer.py")
    result.assert_outcomes(passed=3, failed=3)
    assert any(line.startswith("b wrong: ") for line in result.outlines)


def test_maxfail_and_last_failed(pytester):
    pytester.makepyfile(check_layer=WRONG)
    run(pytester, "check_layer.py", "--maxfail", "2").assert_outcomes(passed=2, failed=2)
    pytester.runpytest_inprocess("-q", "check_layer.py").assert_outcomes(passed=3, failed=3)
    pytester.runpytest_inprocess("-q", "check_layer.py", "--lf").assert_outcomes(failed=3)


def test_without_the_plugin(pytester):
    pytester.makepyfile(test_layer=RIGHT + "\ndef test_ordinary(): pass\n")
    result = pytester.runpytest_subprocess("-q", "-p", "no:bptt_oracle", "-p", "no:cacheprovider", "-W", "error")
    result.assert_outcomes(passed=1)


def test_in_a_conftest(pytester):
    """As tests there are: collected where the file is named."""
    pytester.makeconftest(WRONG)
    pytester.makepyfile(test_it="from conftest import wrong\ndef test_ordinary(): pass\n")
    run(pytester, "test_it.py").assert_outcomes(passed=1)
    run(pytester, "conftest.py", TWO).assert_outcomes(passed=1, failed=1)


def test_in_a_class(pytester):
    inside = "class TestIt:\n" + "".join(f"    {line}\n" for line in RIGHT.splitlines())
    pytester.makepyfile(test_layer=inside)
    result = run(pytester)
    result.assert_outcomes(errors=1)
    assert (
        "the gradient function 'layer' is declared in the class TestIt, but should be at the top level of its file, "
        "where it can be run alone" in result.outlines
    )


def test_two_names_are_one_function(pytester):
    named = RIGHT.replace("def layer", "def made") + "\nalias = again = made\n"
    pytester.makepyfile(check_layer=named)
    result = run(pytester, "check_layer.py", "--collect-only", TWO)
    assert [line.split("::")[1] for line in result.outlines if "::" in line] == ["made", "made"]


def test_a_function_is_known_by_the_name_that_its_file_gives_it(pytester):
    given = RIGHT.replace("\n@gradient_function", "\ndeclare = gradient_function").replace("def layer", "def inner")
    pytester.makepyfile(check_layer=given + "\nouter = declare(inner)\ndel inner\n")
    run(pytester, "check_layer.py", TWO).assert_outcomes(passed=2)


def test_marks_are_pytests(pytester):
    marked = WRONG.replace("def wrong", "@pytest.mark.slow\n@pytest.mark.xfail(reason='known')\ndef wrong")
    pytester.makeini("[pytest]\nmarkers = slow")
    pytester.makepyfile(check_layer="import pytest\n" + marked)
    result = run(pytester, "check_layer.py", TWO, "-m", "slow", "--strict-markers")
    assert result.parseoutcomes() == {"xfailed": 1, "xpassed": 1}
    assert run(pytester, "check_layer.py", TWO, "-m", "not slow").parseoutcomes() == {"deselected": 2}


def test_the_command_is_for_where_pytest_was_started(pytester):
    folder = pytester.mkdir("a folder")
    (folder / "check_layer.py").write_text(WRONG)
    result = run(pytester, "a folder/check_layer.py", TWO)
    command = "reproduce: bptt-oracle check 'a folder/check_layer.py::wrong' --sequence-lengths 2"
    assert command in result.outlines


def test_torch_is_not_imported_without_need(pytester):
    pytester.makepyfile(
        test_ordinary="import sys\ndef test_it(): assert 'torch' not in sys.modules\n",
        check_layer=RIGHT,
    )
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "test_ordinary.py").assert_outcomes(passed=1)
    code = (
        "import pytest, sys; assert not pytest.main(['-q', '--collect-only', 'check_layer.py']);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_the_other_tests_keep_their_threads(pytester):
    pytester.makepyfile(
        check_layer="import torch\ntorch.set_num_threads(2)\n"
        + RIGHT
        + "\ndef test_after(): assert torch.get_num_threads() == 2\n"
    )
    before = torch.get_num_threads()
    try:
        run(pytester, "check_layer.py").assert_outcomes(passed=7)
    finally:
        torch.set_num_threads(before)


def test_nothing_is_written_beside_the_file(pytester):
    path = pytester.makepyfile(
        check_layer=RIGHT.replace("    d = y", "    open('left.txt', 'w').write('x')\n    d = y")
    )
    run(pytester, "check_layer.py", "-p", "no:cacheprovider").assert_outcomes(passed=6)
    assert not (path.parent / "left.txt").exists()
