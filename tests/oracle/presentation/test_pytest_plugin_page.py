"""docs/pytest.md says what is true: its code runs, its options and names are those that there are."""

import re
from pathlib import Path

import numpy as np
import pytest

import oracle.child  # noqa: F401, before pytester remembers which modules there are, and forgets the others
from oracle.presentation.pytest_plugin.collecting import properties
from oracle.presentation.pytest_plugin.expected import parse

pytest_plugins = "pytester"

PAGE = (Path(__file__).parents[3] / "docs" / "pytest.md").read_text(encoding="utf-8")
CHAR_RNN = """
import numpy as np
from oracle import gradient_function

@gradient_function(Whh="hidden hidden", Wxh="hidden vocab")
def char_rnn(p, sizes, rng): ...
"""


def test_its_python_runs(pytester):
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    pytester.makepyfile(test_page=source)
    pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "error").assert_outcomes(passed=2)


def test_its_expected_failures_can_be_read():
    (ini,) = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
    lines = [parse(line.strip()) for line in ini.splitlines()[2:]]
    assert [line.parameter for line in lines] == ["Whh", None]
    assert lines[0].fits("check_char_rnn.py", "char_rnn", "Whh") and lines[1].fits("legacy/check_a.py", "any", "W")


@pytest.mark.parametrize("command", re.findall(r"^    pytest (.*?)(?: {2,}#.*)?$", PAGE, re.MULTILINE))
def test_its_commands_select_something(pytester, command):
    pytester.makepyfile(check_char_rnn=CHAR_RNN)
    arguments = [one.strip('"') for one in re.findall(r'"[^"]*"|\S+', command) if one not in ("-n", "auto")]
    result = pytester.runpytest_inprocess(*arguments, "--collect-only", "-q", "-p", "no:cacheprovider")
    assert any(line.startswith("check_char_rnn.py::char_rnn::Whh-") for line in result.outlines)


def test_the_name_it_shows(pytester):
    shown = re.search(r"called `(\S+)`", PAGE)[1]
    pytester.makepyfile(check_char_rnn=CHAR_RNN)
    assert shown in pytester.runpytest_inprocess("check_char_rnn.py", "--collect-only", "-q").outlines


def test_its_properties(pytester):
    from oracle.gradient_check import check_gradients

    finding = check_gradients(lambda p: (0.5 * np.sum(p["w"] ** 2), dict(w=p["w"])), dict(w=np.ones(3)))
    table = PAGE[PAGE.index("| property") : PAGE.index("`--gradient-html FILE`")]
    assert re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))) == [
        name for name, _ in properties(finding, finding["w"])
    ]
