"""The conformance run as its user meets it: right and wrong implementations, and those that are none."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import oracle.conformance.options  # noqa: F401, before pytester remembers which modules there are, and forgets the others

pytest_plugins = "pytester"

EXAMPLES = Path(__file__).parents[3] / "examples"
PAGE = EXAMPLES.parent / "docs" / "custom-kernel.md"
OURS = "import numpy as np\nimport rnn_manual\nfrom rnn_manual import backward, forward, loss_and_gradients\n"
ONE = ["--grid", "smoke", "--sequence-lengths", "5", "--hidden-sizes", "6", "--dtypes", "float64"]
ELMAN = [*ONE, "--cells", "elman", "-k", "elman-"]
CALL = "--pyargs", "oracle.conformance", "-p", "no:cacheprovider", "-p", "no:logging", "-W", "error", "--strict-markers"


@pytest.fixture
def conform(pytester, monkeypatch):
    """(source of an implementation, arguments) -> the run, in this process."""

    monkeypatch.setenv("COLUMNS", "250")

    def run(source, *arguments, name="mine"):
        for module in ("mine", "helper"):
            sys.modules.pop(module, None)
        pytester.makepyfile(**{name: source})
        path = sys.path.copy()
        try:
            return pytester.runpytest_inprocess(*CALL, "--implementation", name, *arguments)
        finally:
            sys.path[:] = path

    return run


def summary(result):
    return next(line for line in result.outlines if line.startswith("gradients: "))


def test_a_right_one_passes_and_is_counted(conform):
    result = conform(OURS, *ELMAN)
    result.assert_outcomes(passed=7)
    assert result.ret == 0
    assert summary(result) == "gradients: 7 agree, 0 wrong, 0 cannot be told, 0 not implemented"
    header = next(line for line in result.outlines if line.startswith("implementation: mine ("))
    assert header.endswith("mine.py) with forward, backward, loss_and_gradients")


def test_ids_and_options_are_those_of_the_suite(conform):
    result = conform(OURS, "--collect-only", "-q", *ELMAN, "--seed", "3-4")
    ids = [line.partition("::")[2] for line in result.outlines if "::" in line]
    assert len(ids) == 14
    assert all(re.fullmatch(r"test_gradient\[elman-\w+-T5-B3-H6-float64-\w+-seed[34]\]", one) for one in ids)


def test_a_wrong_one_fails_where_it_is_wrong(conform, pytester):
    wrong = (
        OURS
        + """
def backward(run, *upstream):
    gradients = rnn_manual.backward(run, *upstream)
    return gradients | {"weight_hh": gradients["weight_hh"].T.copy()}
"""
    )
    result = conform(wrong, *ELMAN)
    result.assert_outcomes(passed=6, failed=1)
    assert summary(result) == "gradients: 6 agree, 1 wrong, 0 cannot be told, 0 not implemented"
    failed = next(line for line in result.outlines if line.startswith("FAILED"))
    assert "test_gradient[elman-weight_hh-T5-B3-H6-float64-" in failed
    assert "AssertionError: weight_hh wrong: " in failed
    text = result.stdout.str()
    command = re.search(r"reproduce: pytest '(oracle\.conformance\.test_conformance::\S+)' (.*)", text)
    assert command[2].endswith(" --implementation mine --pyargs")
    again = pytester.runpytest_inprocess(command[1], *command[2].split(), *CALL[2:])
    again.assert_outcomes(failed=1)


def test_several_workers(conform, pytester):
    pytester.makepyfile(mine=OURS + "def loss_and_gradients(*_, **__):\n    raise NotImplementedError('no readout')\n")
    command = [sys.executable, "-m", "pytest", *CALL, "--implementation", "mine", *ONE]
    run = subprocess.run(
        [*command, "--cells", "elman", "-n", "2", "-k", "elman- or elman_bce_every"],
        cwd=pytester.path, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "gradients: 7 agree, 0 wrong, 0 cannot be told, 9 not implemented" in run.stdout
    assert "not implemented: no readout\n    elman_bce_every (9)\n" in run.stdout


def test_what_is_declared_is_skipped_and_counted(conform):
    result = conform(OURS.replace(", loss_and_gradients", ""), *ONE, "--cells", "elman", "-k", "elman- or bce_every")
    result.assert_outcomes(passed=7, skipped=9)
    assert summary(result).endswith("9 not implemented")
    place = result.outlines.index(
        "not implemented: mine offers no loss_and_gradients, which networks with a readout need"
    )
    assert result.outlines[place + 1] == "    elman_bce_every (9)"


def test_a_run_in_which_nothing_was_checked_does_not_pass(conform):
    result = conform("def forward(*_, **__):\n    raise NotImplementedError\nbackward = forward\n", *ELMAN)
    result.assert_outcomes(skipped=7)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "nothing was checked, which is no pass" in result.outlines
    assert "not implemented: mine.forward raised NotImplementedError without a reason" in result.outlines


def test_a_notimplementederror_of_ours_is_no_declaration(conform, monkeypatch):
    """Only what the implementation raises itself declares something."""
    import oracle.network_check

    def broken(*_):
        raise NotImplementedError("in the oracle")

    monkeypatch.setattr(oracle.network_check, "oracle_gradients", broken)
    result = conform(OURS, *ELMAN)
    result.assert_outcomes(failed=7)


def test_what_it_raises_fails_with_the_command(conform):
    result = conform(OURS + "def backward(run, *_):\n    return {}['weight_hx']\n", *ELMAN)
    result.assert_outcomes(failed=7)
    assert "7 raised" in summary(result)
    text = result.stdout.str()
    assert "KeyError: 'weight_hx'" in text and "return {}['weight_hx']" in text
    assert text.count("reproduce: pytest 'oracle.conformance.test_conformance::test_gradient[") == 7


def test_arguments_that_are_written_to_fail_once_a_case(conform):
    result = conform(OURS + """
def backward(run, d_outputs, d_h_n, d_c_n=None):
    gradients = rnn_manual.backward(run, d_outputs, d_h_n)
    d_h_n += 1
    return gradients
""", *ELMAN)  # fmt: skip
    result.assert_outcomes(passed=6, failed=1)
    assert "AssertionError: argument d_h_n wrong: the implementation changed this array" in result.stdout.str()


WRAPPED = (
    OURS
    + """
from types import SimpleNamespace

def forward(network, parameters, x, **states):
    run = rnn_manual.forward(network, parameters, x, **states)
    return SimpleNamespace(run=run, outputs=OUTPUTS, h_n=run.h_n, c_n=None)

def backward(run, *upstream):
    return rnn_manual.backward(run.run, *upstream)
"""
)


@pytest.mark.parametrize(
    "outputs, message",
    [
        ("run.outputs[:-1]", "outputs has shape (4, 3, 6), but should be (time, batch, directions*state) = (5, 3, 6)"),
        ("run.outputs.astype(np.float32)", "outputs has dtype float32, but should be float64, as x is"),
        ("run.outputs.tolist()", "outputs is a list, but should be an array (time, batch, directions*state) = (5, 3"),
        ("np.ma.array(run.outputs)", "outputs is a numpy.ma.MaskedArray, but should be an array (time, batch, dir"),
        ("None", "mine.forward returned a types.SimpleNamespace without outputs, but should return an object with"),
    ],
)
def test_a_forward_pass_that_returns_something_else(conform, outputs, message):
    result = conform(WRAPPED.replace("OUTPUTS", outputs), *ELMAN)
    result.assert_outcomes(failed=7)
    assert f"NotConforming: {message}" in result.stdout.str()


GRADIENT = (
    OURS
    + """
def backward(run, *upstream):
    gradients = rnn_manual.backward(run, *upstream)
    right = gradients["weight_hh"]
    gradients["weight_hh"] = CHANGED
    return gradients
"""
)


@pytest.mark.parametrize(
    "changed, message",
    [
        ("right[1:]", "weight_hh wrong: shape (5, 6), but should be (6, 6)"),
        ("right.astype(np.float32)", "weight_hh wrong: dtype float32, but should be float64"),
        ("right.tolist()", "weight_hh wrong: a list, but should be a numpy array of shape (6, 6)"),
        ("None", "weight_hh wrong: there is no such gradient"),
        ("right * np.nan", "weight_hh wrong: nan at [0, 0], and 36 of 36 elements are not finite"),
    ],
)
def test_gradients_that_are_something_else(conform, changed, message):
    result = conform(GRADIENT.replace("CHANGED", changed), *ELMAN)
    result.assert_outcomes(passed=6, failed=1)
    assert message in result.stdout.str()


@pytest.mark.parametrize(
    "kind, outcome",
    [
        ("def __array__(self, dtype=None, copy=None):\n        return self.value", {"passed": 7}),
        ("__dlpack_device__ = lambda self: (1, 0)\n    def __dlpack__(self, **_): return self.value.__dlpack__()",
         {"passed": 7}),
        ("def __array__(self, dtype=None, copy=None):\n        raise RuntimeError('on the device')", {"failed": 7}),
        ("pass", {"passed": 6, "failed": 1}),
    ],
    ids=["array", "dlpack", "unreadable", "none"],
)  # fmt: skip
def test_arrays_of_another_library(conform, kind, outcome):
    source = f"class Foreign:\n    def __init__(self, value):\n        self.value = value\n    {kind}\n"
    result = conform(GRADIENT.replace("CHANGED", "Foreign(right)") + source, *ELMAN)
    result.assert_outcomes(**outcome)
    text = result.stdout.str()
    if outcome == {"failed": 7}:
        said = "the gradient of weight_hh is a mine.Foreign that NumPy cannot read (RuntimeError: on the device), but"
        assert f"NotConforming: {said} should be a NumPy array" in text
    if "failed" in outcome and outcome["failed"] == 1:
        assert "weight_hh wrong: a Foreign, but should be a numpy array of shape (6, 6)" in text


@pytest.mark.parametrize(
    "returned, message",
    [
        ("3.0", "mine.loss_and_gradients returned a float, but should return (loss, gradients by name)"),
        ("1, 2, 3", "mine.loss_and_gradients returned a tuple of 3, but should return (loss, gradients by name)"),
    ],
)
def test_a_loss_without_gradients(conform, returned, message):
    source = f"def loss_and_gradients(*_, **__):\n    return {returned}\n"
    result = conform(source, *ONE, "--cells", "elman", "-k", "bce_every and loss")
    result.assert_outcomes(failed=1)
    assert message in result.stdout.str()


@pytest.mark.parametrize(
    "source, message",
    [
        ("def forward(): pass", "mine offers forward but no backward; an implementation offers forward and backward"),
        ("def backward(): pass", "mine offers backward but no forward; an implementation offers forward and backward"),
        ("def train(): pass", "mine offers none of forward, backward, loss_and_gradients, only train; an implementat"),
        ("forward = 3", "mine.forward is an int, but should be a function"),
        ("import helper", "importing it raised ModuleNotFoundError: No module named 'helper'"),
        ("1 / 0", "importing it raised ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "importing it raised SystemExit: 3"),
        ("def f(:", "importing it raised SyntaxError: "),
    ],
)
def test_modules_that_are_no_implementation(conform, source, message):
    result = conform(source, *ELMAN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stderr.str()
    assert message in text and "Traceback" not in text
    if source == "1 / 0":
        assert "mine.py:1 in <module>: 1 / 0" in text


@pytest.mark.parametrize(
    "name, message",
    [
        ("mime", "there is no module 'mime' in {cwd} or on sys.path; did you mean 'mine'?"),
        ("mine.inner", "there is no module 'mine.inner' in {cwd} or on sys.path"),
        ("./mime.py", "/mime.py', but there is no such file; did you mean 'mine.py'?"),
    ],
)
def test_names_of_nothing(conform, pytester, name, message):
    result = conform(OURS, *ELMAN, "--implementation", name)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message.format(cwd=pytester.path) in result.stderr.str() and "Traceback" not in result.stderr.str()


def test_the_option_may_not_be_forgotten(pytester):
    result = pytester.runpytest_inprocess(*CALL, *ELMAN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--implementation is missing; it should be the module to check" in result.stderr.str()


@pytest.mark.parametrize("hostile", ["my cell.py", "numpy.py", "a-b.py"])
def test_paths(conform, pytester, hostile):
    """What its file is called is no matter, not even the name of a module that is loaded."""
    folder = pytester.mkdir("a folder")
    (folder / "beside.py").write_text("from rnn_manual import forward, backward\n")
    (folder / hostile).write_text("from beside import forward, backward\n")
    sys.modules.pop("beside", None)
    result = conform("", *ELMAN, "--implementation", f"a folder/{hostile}")
    result.assert_outcomes(passed=7)


def test_others_may_have_options_of_these_names(pytester):
    pytester.makeconftest("""
def pytest_addoption(parser):
    for name in ("--seed", "--grid", "--device", "--cells", "--implementation"):
        parser.addoption(name)
""")
    pytester.makepyfile(test_it="def test_it(request): assert request.config.option.seed == 'x'\n")
    pytester.runpytest_inprocess("--seed", "x", "-p", "no:cacheprovider").assert_outcomes(passed=1)


# not importorskip: pytester forgets what a test imports, and jax cannot be imported twice
needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
JAX = """
import sys, pytest
right = pytest.main([*sys.argv[2:], "--implementation", sys.argv[1]])
small = ["--sequence-lengths", "5", "-k", "elman- and H5"]
wrong = pytest.main([*sys.argv[2:], "--implementation", "wrong_cell.py", *small])
sys.exit(f"{right:d} {wrong:d}")
"""


@needs_jax
def test_the_example_in_jax_agrees_and_with_a_mistake_is_caught(pytester):
    source = (EXAMPLES / "jax_cell.py").read_text(encoding="utf-8")
    right = 'delta @ p["weight_hh"].T, delta'
    assert source.count(right) == 1
    pytester.makepyfile(wrong_cell=source.replace(right, 'delta @ p["weight_hh"], delta'))
    options = "--pyargs", "oracle.conformance", "--cells", "elman", "--grid", "smoke", "-q", "-p", "no:cacheprovider"
    command = [sys.executable, "-c", JAX, EXAMPLES / "jax_cell.py", *options]
    run = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True)
    assert run.stderr.endswith("0 1\n"), run.stdout + run.stderr
    printed = {shape_of(line) for line in run.stdout.splitlines()}
    assert "gradients: 1 agree, 6 wrong, 0 cannot be told, 0 not implemented" in run.stdout
    assert re.search("weight_hh wrong: .* delta first wrong at step t=3 going backward", run.stdout)
    _, _, shown = PAGE.read_text(encoding="utf-8").partition("\nends with\n")
    shown = [line for line in shown.splitlines() if line.startswith("    ")]
    assert len(shown) == 5
    assert all(shape_of(line) in printed for line in shown)
    assert shown[0].strip() in run.stdout  # the counts, to the last digit


def shape_of(line):
    return re.sub(r"\d+(\.\d+)?(e\d+)?", "#", line.strip())


def test_the_page_shows_an_implementation_that_is_right(conform):
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    result = conform(source, "--grid", "smoke", "--cells", "elman", "-k", "elman- or lengths")
    assert summary(result) == "gradients: 42 agree, 0 wrong, 0 cannot be told, 42 not implemented"
    assert "not implemented: one plain layer of tanh units is all there is" in result.outlines


@pytest.mark.parametrize(
    "command", re.findall(r"^    pytest --pyargs .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
)
def test_its_commands_collect_something(conform, pytester, command):
    folder = pytester.mkdir("src"), pytester.mkdir("examples")
    for path in (folder[0] / "fused.py", pytester.path / "my_module.py", folder[1] / "jax_cell.py"):
        path.write_text(OURS)
    for module in ("fused", "my_module", "jax_cell"):
        sys.modules.pop(module, None)
    arguments = command.split()[1:]
    arguments = [one for one in arguments if one not in ("-n", "auto")]
    grid = [] if "--grid" in arguments and "smoke" in arguments else ["--hidden-sizes", "3"]
    result = pytester.runpytest_inprocess(*arguments, *grid, "--collect-only", "-q", "-p", "no:cacheprovider")
    assert any("test_gradient[" in line for line in result.outlines), result.outlines[-5:]
