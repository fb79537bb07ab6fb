"""Gradients that are expected to be wrong: pytest's own xfail, and a warning where an expectation no longer holds."""

import pytest

import oracle.child  # noqa: F401, before pytester remembers which modules there are, and forgets the others
from oracle.presentation.pytest_plugin.expected import parse

pytest_plugins = "pytester"

WRONG = """
import numpy as np
from oracle import gradient_function

@gradient_function(W="hidden input", b="hidden")
def layer(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    y = np.tanh(x @ p.W.T + p.b)
    d = y * (1 - y**2)
    return 0.5 * np.sum(y**2), dict(W=d.T @ x, b=2 * d.sum(0))
"""
ONE = "--gradient-sequence-lengths=2"


@pytest.fixture
def expecting(pytester):
    """(lines of gradient_xfail, arguments) -> the run."""

    def run(lines, *arguments, source=WRONG):
        pytester.makeini("[pytest]\ngradient_xfail =\n" + "".join(f"    {line}\n" for line in lines))
        pytester.makepyfile(check_layer=source)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rxX", ONE, *(arguments or ("check_layer.py",)))

    return run


def complaints(result):
    return [line.strip() for line in result.outlines if "GradientXfailWarning: gradient_xfail" in line]


@pytest.mark.parametrize(
    "line, function, parameter, reason",
    [
        ("check_layer.py::layer[b]: known", "layer", "b", "known"),
        ("check_layer.py::lay*[b]: known", "layer", "b", "known"),
        ("check_*::layer[?]: known", "layer", "b", "known"),
        ("check_layer.py::layer[b-time2-*]: known", "layer", "b", "known"),
        ("check_layer.py::layer: known", "layer", "W", "known"),
        ("*layer.py::*[b]: a reason: with [a] colon", "layer", "b", "a reason: with [a] colon"),
        ("check_layer.py::layer[W[0]]: known", "layer", "W[0]", "known"),
    ],
)  # fmt: skip
def test_names_and_patterns(line, function, parameter, reason):
    parsed = parse(line)
    assert parsed.fits("check_layer.py", function, parameter, f"{parameter}-time2-batch3")
    assert parsed.reason == reason and parsed.name == line.removesuffix(f": {reason}")
    assert not parsed.fits("other.py", function, parameter)
    assert not parsed.fits("check_layer.py", "other" if "lay" in parsed.function else function, "other")


def test_an_expected_failure_is_an_xfail(expecting):
    result = expecting(["check_layer.py::layer[b]: known: since 2.0"])
    assert result.parseoutcomes() == {"xfailed": 1, "passed": 1} and result.ret == 0
    shown = next(one for one in result.outlines if one.startswith("XFAIL check_layer.py::layer::b-"))
    assert shown.endswith(" - known: since 2.0")
    assert not complaints(result)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one", "xdist"])
def test_one_that_passes_or_that_nothing_is_called_by_is_told_once(expecting, workers):
    wrong = "check_layer.py::layer[b]: known"  # of which nothing is to be said
    names = ["check_layer.py::layer[w]", "check_layer.py::leyer", "gone.py::layer", "gone_*.py::layer"]
    result = expecting(
        [wrong, "check_layer.py::layer[W]: known", *(f"{name}: x" for name in names)], "check_layer.py", *workers
    )
    assert [one.partition("Warning: gradient_xfail: ")[2] for one in complaints(result)] == [
        "check_layer.py::layer[W] is expected to fail (known), but passes",
        *(f"{name} is expected to fail, but no gradient is called that" for name in names),
    ]
    assert result.parseoutcomes().get("xpassed") == 1


def test_of_a_file_that_is_not_run_nothing_is_said(expecting, pytester):
    pytester.makepyfile(check_other="")
    assert not complaints(expecting(["check_other.py::layer[b]: known", "check_oth*.py::layer[b]: known"]))


def test_one_that_fails_somewhere_has_not_passed(expecting):
    somewhere = WRONG.replace("b=2 * d.sum(0)", "b=(1 + (sizes.time == 3)) * d.sum(0)")
    result = expecting(["check_layer.py::layer[b]: known"], "check_layer.py", "--gradient-sequence-lengths=2,3",
                       source=somewhere)  # fmt: skip
    assert result.parseoutcomes() == {"passed": 2, "xfailed": 1, "xpassed": 1}
    assert not complaints(result)


def test_the_diagnosis_is_in_a_message_that_is_shown(expecting):
    source = WRONG.replace("W=d.T @ x", "W=2 * d.T @ x")
    given = "--gradient-budget=0.5", "check_layer.py"
    result = expecting(["check_layer.py::layer[W]: known"], *given, source=source)
    result.assert_outcomes(xfailed=1, failed=1)
    assert result.outlines.count("why") == 1 and "where, why, and what fixes it: see" not in result.stdout.str()
    result = expecting(["check_layer.py::layer[W]: known"], "--runxfail", *given, source=source)
    result.assert_outcomes(failed=2)
    assert result.outlines.count("why") == 1 and "what fixes it: see check_layer.py::layer::W" in result.stdout.str()


def test_strict(expecting, pytester):
    result = expecting(["check_layer.py::layer[W]: known"], "check_layer.py", "-o", "xfail_strict=true")
    assert result.parseoutcomes() == {"failed": 2}
    assert "[XPASS(strict)] known" in result.stdout.str() and not complaints(result)


def test_runxfail(expecting):
    result = expecting(["check_layer.py::layer[b]: known"], "check_layer.py", "--runxfail")
    assert result.parseoutcomes() == {"failed": 1, "passed": 1} and not complaints(result)


def test_warnings_as_errors_fail_the_run(expecting):
    result = expecting(["check_layer.py::layer[W]: known"], "check_layer.py", "-k", "W-", "-W", "error")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = "gradient_xfail: check_layer.py::layer[W] is expected to fail (known), but passes"
    assert f"ERROR GradientXfailWarning: {said}" in result.outlines
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_the_warning_can_be_silenced(expecting):
    kind = "oracle.presentation.pytest_plugin.GradientXfailWarning"
    assert not complaints(expecting(["check_layer.py::x: y"], "check_layer.py", "-W", f"ignore::{kind}"))


@pytest.mark.parametrize("line", ["check_layer.py::layer[b]", "layer[b]: known", "check_layer.py: known", "a::b:"])
def test_lines_that_are_none(line):
    with pytest.raises(pytest.UsageError) as caught:
        parse(line)
    assert str(caught.value) == (
        f"gradient_xfail holds {line!r}, but should hold lines such as FILE::FUNCTION[PARAMETER]: reason"
    )


def test_a_line_that_is_none_is_a_usage_error(expecting):
    result = expecting(["nonsense"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR and "Traceback" not in result.stderr.str()
