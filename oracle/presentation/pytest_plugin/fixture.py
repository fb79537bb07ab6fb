"""The fixture `check_gradients`: one check in the midst of an ordinary test."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from oracle.deviations import Deviation
    from oracle.finding import Finding
    from oracle.sizes import Sizes


@pytest.fixture
def check_gradients(record_property: Callable[[str, object], None]) -> Callable[..., tuple[Finding, ...]]:
    """check_gradients(f, parameters, *, deviation=(), reference=None): fail unless every gradient of f agrees.

    f            returns (loss, gradients by name)
    parameters   shapes by name, as text: f is called as f(p, sizes, rng) at each of our cases. Or arrays by name: f is
                 called as f(p) with these, once
    deviation, reference   as for gradient_function

    Runs in this process, so that f may be any function, and use what the test has made. Returns what was found at each
    case. Raises GradientError where a gradient is wrong or could not be checked, and skips where none is wrong and one
    cannot be told; TypeError and ValueError as `oracle.check_gradients` and `gradient_function` do.
    """
    return functools.partial(_checked, record_property)


def _checked(
    record_property: Callable[[str, object], None],
    f: Callable,
    parameters: Mapping[str, str] | Mapping[str, np.ndarray],
    *,
    deviation: Deviation | Sequence[Deviation] = (),
    reference: Callable | None = None,
) -> tuple[Finding, ...]:
    __tracebackhide__ = True
    from oracle.gradient_check import GradientError
    from oracle.presentation.pytest_plugin.failing import told
    from oracle.verdict import AGREES, CANNOT_TELL, WRONG

    findings = _findings(f, parameters, deviation, reference)
    _record(findings, record_property)
    for finding in findings:
        if finding.outcome == WRONG or finding.not_checked:
            raise GradientError("\n".join([*finding.faults, *told(finding, None)]), finding)
    for finding in findings:
        if finding.outcome == CANNOT_TELL:
            pytest.skip(told(finding, None)[0])
    assert all(finding.outcome == AGREES for finding in findings)
    return findings


def _record(findings: Sequence[Finding], record_property: Callable[[str, object], None]) -> None:
    """The worst gradient of all cases as properties of the test."""
    from oracle.presentation.pytest_plugin.collecting import properties
    from oracle.verdict import badness

    compared = [(finding, verdict) for finding in findings for verdict in finding.verdicts]
    if compared:
        finding, verdict = max(compared, key=lambda pair: badness(pair[1]))
        for name, value in [("gradient", verdict.name), *properties(finding, verdict)]:
            record_property(name, value)


def _findings(
    f: Callable, parameters: object, deviation: Deviation | Sequence[Deviation], reference: Callable | None
) -> tuple[Finding, ...]:
    from dataclasses import replace

    from oracle.gradient_check import check_gradients
    from oracle.gradient_function import gradient_function
    from oracle.sizes import Sizes, asked_for, draw, points

    if not isinstance(parameters, Mapping) or not any(isinstance(value, str) for value in parameters.values()):
        return (check_gradients(f, parameters, deviation=deviation, reference=reference),)
    shapes = gradient_function(dict(parameters), deviation=deviation, reference=reference)(f).shapes
    findings = []
    for point in points(shapes):
        sizes = Sizes(dict(point.sizes))
        finding = check_gradients(
            AtCase(f, sizes, point.seed),
            draw(shapes, point),
            deviation=deviation,
            reference=None if reference is None else AtCase(reference, sizes, point.seed),
        )
        findings.append(replace(finding, sizes=asked_for(sizes, shapes)))
        if finding.not_checked:
            break  # what cannot be checked at one size cannot at another, and says the same again
    return tuple(findings)


class AtCase(functools.partial):
    """A function of (p, sizes, rng) as a function of p, with the same random numbers at every call.

    A partial, because lifting looks for the user's function, its module and its closure, behind that.
    """

    def __new__(cls, f: Callable, sizes: Sizes, seed: int) -> AtCase:
        made = super().__new__(cls, f)
        made.sizes, made.seed, made.__name__ = sizes, seed, getattr(f, "__name__", type(f).__name__)
        return made

    def __call__(self, p: object) -> object:
        return self.func(*self.args, p, self.sizes, np.random.default_rng(self.seed), **self.keywords)
