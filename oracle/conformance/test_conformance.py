"""Every gradient of every built-in network against autograd, over the grid: one test for each gradient of each case."""

import numpy as np
import pytest

from oracle.conformance.adapting import NotOffered
from oracle.verdict import AGREES, CANNOT_TELL, WRONG


def test_gradient(case, gradient_name, report_of, keep_failure, told, request):
    __tracebackhide__ = True
    try:
        report = report_of(case)
    except NotOffered as reason:
        told(case, "not implemented", str(reason))
        pytest.skip(f"not implemented: {reason}")
    changed = [one.name for one in report.gradients if one.name.startswith("argument ")]
    if changed and gradient_name == "loss":  # its gradients may be right: said once for each case
        told(case, WRONG)
        raise AssertionError(keep_failure(report, changed[0], request.node))
    verdict = report.loss if gradient_name == "loss" else report[gradient_name]
    agrees = verdict.outcome == AGREES and np.allclose(verdict.gradient, verdict.oracle, rtol=0, atol=verdict.tolerance)
    told(case, verdict.outcome)
    if verdict.outcome == CANNOT_TELL:
        pytest.skip(str(verdict))
    if not agrees:
        raise AssertionError(keep_failure(report, gradient_name, request.node))
