"""Every gradient of every built-in network against autograd, over the grid: one test for each gradient of each case."""

import numpy as np
import pytest

from oracle.grid import problem
from oracle.mirror.modules import why_not
from oracle.network_check import check_mirrors
from oracle.verdict import AGREES, CANNOT_TELL


def test_gradient(case, gradient_name, report_of, keep_failure, request):
    __tracebackhide__ = True
    report = report_of(case)
    verdict = report.loss if gradient_name == "loss" else report[gradient_name]
    if verdict.outcome == CANNOT_TELL:
        pytest.skip(str(verdict))
    if verdict.outcome != AGREES or not np.allclose(verdict.gradient, verdict.oracle, rtol=0, atol=verdict.tolerance):
        raise AssertionError(keep_failure(report, gradient_name, request.node.nodeid))


def test_mirrors_agree(case):
    """One writes the recurrence out, the other leaves it to torch: that they agree says something about both."""
    posed = problem(case)
    if reason := why_not(posed):
        pytest.skip(reason)
    report = check_mirrors(posed)
    if report.outcome == CANNOT_TELL:
        pytest.skip(str(report.gradients[0]))
    assert report.outcome == AGREES, [str(verdict) for verdict in (report.loss, *report.gradients)]
