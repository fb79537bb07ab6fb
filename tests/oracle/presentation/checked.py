"""Results of checks as the presentation gets them, made by hand."""

from pathlib import Path

import numpy as np

from oracle.child import Checked
from oracle.diagnosis import Diagnosis, Where
from oracle.finding import Finding
from oracle.gradient_check import FunctionReport
from oracle.hypotheses import Mistake, Reading
from oracle.loading.source import decoded
from oracle.repair import Change, Repair
from oracle.repair.patch import diff_of
from oracle.verdict import AGREES, CANNOT_TELL, WRONG, Verdict

ZEROS = np.zeros(2)


def verdict(outcome: str, name: str = "W") -> Verdict:
    reason = {AGREES: "", CANNOT_TELL: "noise as large as the gradient", WRONG: "it has the shape (3,)"}[outcome]
    tolerance = ZEROS if outcome == AGREES else None
    return Verdict(name, outcome, ZEROS, ZEROS, tolerance, None, reason)


def checked(path: Path, outcome: str, name: str = "f", line: int = 1, **found) -> Checked:
    """found: what a Diagnosis holds."""
    finding = Finding({"time": 3}, (verdict(outcome),))
    report = FunctionReport(name, str(path), line, ("W",), (finding,))
    diagnosis = Diagnosis(WRONG, ("W",), **found) if found else None
    return Checked(path, name, report, "", "", (), diagnosis)


def not_checked(path: Path, reason: str = "f raised ValueError", name: str = "f") -> Checked:
    return Checked(path, name, None, reason, "")


def repair_of(path: Path, *pairs: tuple[str, str], changes: tuple[Change, ...] = ()) -> Repair:
    """That makes b of each a."""
    before = after = decoded(path)
    for a, b in pairs:
        assert after.count(a) == 1
        after = after.replace(a, b)
    diff = diff_of({str(path): before}, {str(path): after})
    line = next((n for n, (x, y) in enumerate(zip(before.split("\n"), after.split("\n")), 1) if x != y), 1)
    changes = changes or (Change(str(path), line, "sign", "said"),)
    return Repair(changes, diff, {str(path): after}, 1, 0.1, ("time=5, batch=3",))


def reading(*mistakes: Mistake) -> Reading:
    return Reading(mistakes, ("W",), 0.0)


def where(path: Path, line: int, reason: str = "the first wrong value") -> Where:
    return Where(filename=str(path), line=line, reason=reason)
