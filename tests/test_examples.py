"""The examples say what they are there to say."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

from oracle.grid import Case, problem
from oracle.network_check import check

EXAMPLES = Path(__file__).parents[1] / "examples"
UNTRANSPOSED = EXAMPLES / "untransposed_carry.py"


def test_the_untransposed_carry_is_caught_and_placed():
    run = subprocess.run([sys.executable, UNTRANSPOSED], capture_output=True, text=True)
    assert run.returncode == 1 and not run.stderr
    assert re.search(
        r"weight_hh wrong: \S+ × rounding noise, worst at \[.*\], delta first wrong at step t=3 going backward",
        run.stdout,
    )


def test_mended_as_its_comment_says_it_agrees(tmp_path):
    source = UNTRANSPOSED.read_text()
    wrong, mended = (
        'carry = delta @ p["weight_hh"]  # <- should be p["weight_hh"].T',
        'carry = delta @ p["weight_hh"].T',
    )
    assert source.count(wrong) == 1
    (tmp_path / "mended.py").write_text(source.replace(wrong, mended))
    module = runpy.run_path(str(tmp_path / "mended.py"))
    implementation = type(sys)("mended")
    vars(implementation).update(module)
    for regime in ("ordinary", "saturated", "zero_state"):
        report = check(problem(Case("elman", 5, 3, 6, "float64", regime)), implementation)
        assert report.outcome == "agrees", str(report)
