"""What a failing gradient says, in the terminal and in files: notes, JUnit XML, HTML, a diagnosis."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import oracle.diagnosis  # noqa: F401, before pytester remembers which modules there are, and forgets the others
from oracle.child import check_isolated
from oracle.presentation import html
from oracle.presentation.pytest_plugin.results import packed, unpacked

pytest_plugins = "pytester"

ELMAN = """
import numpy as np
from oracle import gradient_function

@gradient_function(W="input hidden", R="hidden hidden")
def elman(p, sizes, rng):
    x, d = rng.normal(size=(sizes.time, sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.hidden))
    h = [np.zeros((sizes.batch, sizes.hidden))]
    for x_t in x:
        h.append(np.tanh(x_t @ p.W + h[-1] @ p.R))
    dW, dR, carry = np.zeros_like(p.W), np.zeros_like(p.R), d
    for t in reversed(range(sizes.time)):
        delta = carry * (1 - h[t + 1] ** 2)
        dW += x[t].T @ delta
        dR += h[t].T @ delta
        carry = delta @ p.R
    return np.sum(h[-1] * d), dict(W=dW, R=dR)
"""
LENGTH = "--gradient-sequence-lengths=3"


def run(pytester, *arguments):
    return pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", LENGTH, *arguments)


def test_where_why_and_fix_once_for_each_function(pytester, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    pytester.makepyfile(check_elman=ELMAN)
    result = run(pytester, "check_elman.py", "--gradient-budget", "20", "--junitxml", "report.xml")
    result.assert_outcomes(failed=2)
    first = [line for line in result.outlines if re.match("[WR] wrong: ", line)]
    line = next(number for number, text in enumerate(ELMAN.splitlines(), 1) if "delta @ p.R" in text)
    told = r"[WR] wrong: \S+ × rounding noise, worst at \[\d, \d\], at time=3, .*, first wrong line check_elman.py:"
    assert len(first) == 2 and all(re.match(f"{told}{line - 1}", one) for one in first)
    for word in ("where", "why", "fix"):
        assert result.outlines.count(word) == 1
    assert any("carry = delta @ p.R.T" in one for one in result.outlines)
    assert "bptt-oracle check check_elman.py::elman" in result.stdout.str()
    assert "it also says" not in result.stdout.str()
    seen = [
        one for one in result.outlines if one.startswith("where, why, and what fixes it: see check_elman.py::elman")
    ]
    assert len(seen) == 1
    short = [one for one in result.outlines if one.startswith("FAILED")]
    assert len(short) == 2 and all(re.search(" - [WR] wrong: .* first wrong line", one) for one in short)

    cases = list(ElementTree.parse(pytester.path / "report.xml").iter("testcase"))
    for case in cases:
        told = {one.get("name"): one.get("value") for one in case.iter("property")}
        assert told["oracle"].startswith("PyTorch autograd")
        assert re.fullmatch(r"time=3 batch=\d+ input=\d+ hidden=\d+", told["sizes"])
        assert float(told["error"]) > 1e-3 and float(told["relative_error"]) > 1e-3
        assert float(told["times_rounding_noise"]) > 1e9
        assert re.match("[WR] wrong: ", case.find("failure").get("message"))
        assert "reproduce: bptt-oracle check" in case.find("failure").text
    assert len(cases) == 2


def test_of_a_right_one_the_noise_may_not_have_been_measured(pytester):
    pytester.makepyfile(check_elman=ELMAN.replace("delta @ p.R", "delta @ p.R.T"))
    run(pytester, "check_elman.py", "--junitxml", "report.xml").assert_outcomes(passed=2)
    for case in ElementTree.parse(pytester.path / "report.xml").iter("testcase"):
        told = {one.get("name"): one.get("value") for one in case.iter("property")}
        assert float(told["relative_error"]) < 1e-13
        noise = told["times_rounding_noise"]
        assert noise == "not measured: within the strict bound" or float(noise) <= 4


@pytest.mark.parametrize("value", ["-1", "x", "inf", "nan"])
def test_a_budget_that_is_none(pytester, value):
    result = pytester.runpytest_inprocess(f"--gradient-budget={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"--gradient-budget is {value!r}, but should be a number of seconds, 0 or more" in result.stderr.str()


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one", "xdist"])
def test_html_has_every_function_of_the_session_once(pytester, monkeypatch, workers):
    """The page is another's; here it counts what it is given."""
    given = []
    real = html.write_html
    monkeypatch.setattr(html, "write_html", lambda results, path: given.extend(results) or real(results, path))
    pytester.makepyfile(check_a=ELMAN, check_b=ELMAN.replace("elman", "right").replace("delta @ p.R", "delta @ p.R.T"))
    result = run(pytester, "check_a.py", "check_b.py", "--gradient-html", "out/report.html", *workers)
    result.assert_outcomes(passed=2, failed=2)
    assert [(one.name, one.report.outcome, one.path.name) for one in given] == [
        ("elman", "wrong", "check_a.py"),
        ("right", "agrees", "check_b.py"),
    ]
    assert all(one.norms.series and one.asked.sequence_lengths == (3,) for one in given)
    written = pytester.path / "out" / "report.html"
    assert "elman" in written.read_text(encoding="utf-8") and "right" in written.read_text(encoding="utf-8")
    assert f"gradient functions: {written}" in result.outlines


def test_html_needs_what_makes_it(pytester, monkeypatch):
    def missing():
        raise html.NotInstalled("jinja2 is not installed")

    monkeypatch.setattr(html, "ready", missing)
    result = run(pytester, "--gradient-html", "report.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--gradient-html: jinja2 is not installed" in result.stderr.str()


def test_html_of_nothing_is_not_written(pytester):
    pytester.makepyfile("def test_it(): pass")
    result = run(pytester, "--gradient-html", "report.html")
    assert result.ret == 0 and not (pytester.path / "report.html").exists()
    assert f"{pytester.path / 'report.html'} is not written: no gradient function was checked" in result.outlines


def test_html_into_a_folder(pytester):
    result = run(pytester, "--gradient-html", ".")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "a folder, but should be a file" in result.stderr.str()


def test_what_goes_from_process_to_process_comes_back(tmp_path):
    execnet = pytest.importorskip("execnet")
    path = tmp_path / "check_elman.py"
    path.write_text(ELMAN)
    checked = check_isolated(path, "elman", sequence_lengths=[3])
    again = unpacked(execnet.loads(execnet.dumps(packed(checked))))
    assert (again.path, again.name, again.asked) == (path, "elman", checked.asked)
    assert str(again.report.worst) == str(checked.report.worst)
    for one, other in zip(again.report.worst.verdicts, checked.report.worst.verdicts):
        assert np.array_equal(one.gradient, other.gradient) and np.array_equal(one.oracle, other.oracle)


def test_a_fixture_for_one_check(pytester):
    layer = """
import numpy as np
from oracle import assert_gradients

def layer(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    y = np.tanh(x @ p.W.T + p.b)
    d = y * (1 - y**2)
    return 0.5 * np.sum(y**2), dict(W=d.T @ x, b=FACTOR * d.sum(0))

SHAPES = dict(W="hidden input", b="hidden")

def test_shapes(check_gradients):
    assert len(check_gradients(layer, SHAPES)) == 3

def test_closure(check_gradients):
    x = np.random.default_rng(0).normal(size=(4, 3))
    def square(p):
        y = np.tanh(x @ p["w"])
        return 0.5 * y @ y, dict(w=FACTOR * x.T @ (y * (1 - y**2)))
    check_gradients(square, dict(w=np.array([0.5, -0.2, 0.3])))

def test_function():
    x = np.ones((2, 3))
    assert_gradients(lambda p: (0.5 * np.sum(p["w"] ** 2), dict(w=FACTOR * p["w"])), dict(w=np.ones(3)))

def test_raises(check_gradients):
    def broken(p, sizes, rng):
        raise KeyError("dWhh")
    if FACTOR == 2:
        check_gradients(broken, SHAPES)
"""
    pytester.makepyfile(test_right=layer.replace("FACTOR", "1"), test_wrong=layer.replace("FACTOR", "2"))
    run(pytester, "test_right.py", "-W", "error").assert_outcomes(passed=4)
    result = run(pytester, "test_wrong.py")
    result.assert_outcomes(failed=4)
    text = result.stdout.str()
    first = (
        r"b wrong: \S+ × rounding noise, worst at \[\d\], at time=5, batch=3, hidden=6, input=4: exactly 2 times the"
    )
    assert re.search(first.replace("time=5, ", ""), text), text
    for name in ("shapes", "closure", "function", "raises"):
        assert f"reproduce: pytest test_wrong.py::test_{name}" in text
    assert "not checked: broken raised KeyError: 'dWhh'" in text
    assert "pytest_plugin" not in text


def test_what_the_fixture_tells_of_its_worst_gradient(pytester):
    pytester.makepyfile(
        test_it="""
import numpy as np

def layer(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    y = x @ p.W.T + p.b
    return 0.5 * np.sum(y**2), dict(W=y.T @ x, b=2 * y.sum(0))

def test_shapes(check_gradients):
    check_gradients(layer, dict(W="hidden input", b="hidden"))

def test_raises(check_gradients):
    check_gradients(lambda p: 1 / 0, dict(w=np.ones(3)))
"""
    )
    run(pytester, "--junitxml", "junit.xml", "-o", "junit_family=xunit1").assert_outcomes(failed=2)
    shapes, raises = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    told = {one.get("name"): one.get("value") for one in shapes.iter("property")}
    assert told["gradient"] == "b" and told["oracle"].startswith("PyTorch autograd") and "hidden=" in told["sizes"]
    assert float(told["relative_error"]) == 1.0 and float(told["times_rounding_noise"]) > 1e12
    assert list(raises.iter("property")) == []


def test_a_note_is_added_once(pytester):
    pytester.makepyfile(
        test_it="""
import unittest
import numpy as np
from oracle import assert_gradients

class TestIt(unittest.TestCase):
    def test_it(self):
        assert_gradients(lambda p: (0.5 * np.sum(p["w"] ** 2), dict(w=2 * p["w"])), dict(w=np.ones(3)))
"""
    )
    text = run(pytester).stdout.str()
    assert text.count("reproduce: pytest test_it.py::TestIt::test_it") == 1
