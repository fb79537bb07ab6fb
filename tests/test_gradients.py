"""Every gradient of every built-in network against autograd, over the grid: one test for each gradient of each case."""

import pytest

from oracle.conformance.test_conformance import test_gradient  # noqa: F401, one suite for ours and for yours
from oracle.grid import problem
from oracle.mirror.modules import why_not
from oracle.network_check import check_mirrors
from oracle.verdict import AGREES, CANNOT_TELL


def test_mirrors_agree(case):
    """One writes the recurrence out, the other leaves it to torch: that they agree says something about both."""
    posed = problem(case)
    if reason := why_not(posed):
        pytest.skip(reason)
    report = check_mirrors(posed)
    if report.outcome == CANNOT_TELL:
        pytest.skip(str(report.gradients[0]))
    assert report.outcome == AGREES, [str(verdict) for verdict in (report.loss, *report.gradients)]
