"""docs/checking.md on what nothing raises at: its example prints what it shows, its list is the one that is used."""

import re
import textwrap
from pathlib import Path

import numpy as np

from oracle.alignment import aligned
from oracle.alignment.rules.functions import COMPOSED, FUNCTIONS
from oracle.gradient_check import check_function, functions_in
from oracle.subject import Subject
from oracle.verdict import WRONG

PAGE = (Path(__file__).parents[3] / "docs" / "checking.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## When nothing raises but should have\n")[2].partition("\n## ")[0]


def test_the_example_prints_what_is_shown(tmp_path):
    (program,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    (tmp_path / "readout.py").write_text(program)
    (function,) = functions_in(str(tmp_path / "readout.py")).values()
    report = check_function(function)
    (said,) = report.findings[0].misaligned
    said = textwrap.indent(f"axes of different meaning are lined up:\n{textwrap.indent(said, '    ')}", "    ")
    assert report.outcome == WRONG
    assert f"\n\n{said}\n\n" in SECTION
    assert textwrap.dedent(said) in str(report.findings[0])


def test_the_list_is_the_one_that_is_used():
    (listed,) = re.findall(r"<!-- names survive -->\n(.*?)\n<!-- end of names survive -->", SECTION, re.DOTALL)
    assert listed.replace("`", "").split() == sorted(set(FUNCTIONS) | COMPOSED)


def test_what_it_calls_blind_is_told():
    def strange(p):
        h = np.fft.fft(p["W"]).real
        return 0.5 * np.sum(h**2), {"W": h}

    assert "np.fft" in SECTION and "np.matrix" in SECTION
    subject = Subject("strange", {"W": np.ones((3, 4))}, lambda p, rng: strange(p), None)
    assert aligned(subject).blind[0].endswith("(fft)")
