"""The verdicts as text, for the person who has been stuck for two hours: what, where, how to see it again."""

from __future__ import annotations

from oracle.network_check import Report
from oracle.verdict import AGREES, LIMIT, RELATIVE_ERROR, STRICT, WRONG, Verdict
from oracle.where import where_wrong


def first_line(verdict: Verdict, where: str = "") -> str:
    """'weight_hh wrong: 3.1e9 × rounding noise, worst at [4, 2], delta first wrong at step t=2 going backward'."""
    return f"{verdict}, {where}" if where else str(verdict)


def describe(report: Report, name: str | None = None) -> str:
    """Every verdict of a report, that on `name` first and at length; without a name the worst one."""
    verdicts = {"loss": report.loss} | {verdict.name: verdict for verdict in report.gradients}
    if name is None and report.outcome == AGREES:
        return str(report)
    verdict = verdicts[name or report.gradients[0].name]
    where = where_wrong(report)
    lines = [first_line(verdict, where.get(verdict.name, ""))]
    if verdict.comparable and verdict.outcome == WRONG:
        worst = verdict.worst
        lines += [
            f"    at {list(worst)}: {verdict.gradient[worst]:.17g}, but should be {verdict.oracle[worst]:.17g}",
            f"    numpy.allclose(gradient, oracle, rtol=0, atol={verdict.tolerance.max():.3g}) is False: "
            f"the tolerance is the larger of {LIMIT} × the rounding noise measured here "
            f"and {STRICT} roundings of the largest element",
            f"    relative error {verdict.relative_error:.2g} ({RELATIVE_ERROR})",
        ]
    if report.loss.outcome == WRONG and verdict is not report.loss:
        lines.append(f"    the loss itself differs, so look at the forward pass first: {report.loss}")
    lines.append("all gradients of this case, the worst first:")
    lines += [f"    {first_line(other, where.get(other.name, ''))}" for other in report.gradients]
    right = [other.name for other in report.gradients if other.outcome == AGREES]
    if 0 < len(right) < len(report.gradients):
        lines.append(f"right: {', '.join(right)}")
    return "\n".join(lines)


def failure(report: Report, name: str, reproduce: str, arrays: str) -> str:
    """The message of a failing test.

    reproduce   a command that runs this case alone
    arrays      where the arrays have been kept
    """
    return "\n".join([describe(report, name), f"reproduce: {reproduce}", f"arrays: {arrays}"])
