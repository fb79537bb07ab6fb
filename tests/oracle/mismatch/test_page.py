"""docs/balancing.md on 16×16 against 1×2: its program prints what it shows, and is right without the line."""

import re
import textwrap
from pathlib import Path

from oracle.gradient_check import check_function, functions_in
from oracle.verdict import AGREES, CANNOT_TELL

PAGE = (Path(__file__).parents[3] / "docs" / "balancing.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## 16×16 against 1×2\n")[2].partition("\n## ")[0]
LINE = "        delta = delta @ p.W_in.T\n"


def checked(tmp_path, program):
    path = tmp_path / "adder.py"
    path.write_text(program)
    (function,) = functions_in(str(path)).values()
    return check_function(function)


def test_the_example_prints_what_is_shown(tmp_path):
    (program,) = re.findall(r"```py\n(.*?)```", SECTION, re.DOTALL)
    report = checked(tmp_path, program)
    said = str(report.findings[0].explanation)
    assert report.outcome == CANNOT_TELL
    assert f"\n\n{textwrap.indent(said, '    ')}\n\n" in SECTION
    assert program.count(LINE) == 1
    assert checked(tmp_path, program.replace(LINE, "")).outcome == AGREES
