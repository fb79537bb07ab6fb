"""Gradient functions as tests: one collector for each function, one item for each parameter at each case."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from oracle.presentation.printable import printable
from oracle.presentation.pytest_plugin import expected, results
from oracle.presentation.pytest_plugin.failing import GradientFailure, message, representation, reproduce

if TYPE_CHECKING:
    from oracle.child import Checked
    from oracle.finding import Finding
    from oracle.gradient_function import GradientFunction
    from oracle.verdict import Verdict

WITHIN = "not measured: within the strict bound"


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object):
    expected.seen(collector)
    if not is_gradient_function(obj):
        return None
    if not is_test_here(collector, name, obj):
        return []
    return GradientFunctionCollector.from_parent(collector, name=name, function=obj)


def is_gradient_function(obj: object) -> bool:
    """Without importing what declares them: where nothing has, there is none."""
    declaring = sys.modules.get("oracle.gradient_function")
    return declaring is not None and isinstance(obj, declaring.GradientFunction)


def is_test_here(collector: pytest.Module | pytest.Class, name: str, function: GradientFunction) -> bool:
    """Whether it is a test of this file: not imported from another, and no second name of one that is a test."""
    if Path(function.filename).resolve() != Path(collector.path).resolve():
        return False
    return name == next((first for first, value in vars(collector.obj).items() if value is function), name)


class GradientFunctionCollector(pytest.Collector):
    """One gradient function; it is run when the first of its tests is."""

    def __init__(self, *, function: GradientFunction, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.function = function
        self.diagnosis_in: str | None = None  # the test whose message has it
        marks = getattr(function.function, "pytestmark", [])
        for mark in marks if isinstance(marks, list) else [marks]:
            self.own_markers.append(getattr(mark, "mark", mark))
            self.keywords[self.own_markers[-1].name] = self.own_markers[-1]

    def collect(self) -> Iterator[GradientItem]:
        from oracle.sizes import points

        if isinstance(self.parent, pytest.Class):
            raise self.CollectError(
                f"the gradient function {self.name!r} is declared in the class {self.parent.name}, "
                "but should be at the top level of its file, where it can be run alone"
            )
        option = self.config.option
        lengths, widths = option.gradient_sequence_lengths, option.gradient_hidden_sizes
        try:
            cases = points(self.function.shapes, lengths, widths)
        except ValueError as error:
            raise self.CollectError(str(error)) from None
        for number, case in enumerate(cases):
            for parameter in self.function.shapes:
                label = "-".join(f"{name}{size}" for name, size in case.sizes)
                item = GradientItem.from_parent(
                    self, name=f"{parameter}-{label}-{case.regime}", parameter=parameter, case=number
                )
                expected.mark(item)
                yield item

    @cached_property
    def checked(self) -> Checked:
        import torch

        from oracle.child import check_isolated, diagnose_isolated

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the child is a fork, and a fork has one thread
        try:
            checked = check_isolated(
                Path(self.function.filename),
                self.name,
                sequence_lengths=self.config.option.gradient_sequence_lengths,
                hidden_sizes=self.config.option.gradient_hidden_sizes,
            )
            if budget := self.config.option.gradient_budget:
                checked = diagnose_isolated(checked, budget)
            results.keep(self.config, checked)
        finally:
            torch.set_num_threads(threads)
        return checked


class GradientItem(pytest.Item):
    """One parameter's gradient at one case."""

    def __init__(self, *, parameter: str, case: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.parameter, self.case = parameter, case

    def runtest(self) -> None:
        from oracle.verdict import CANNOT_TELL, WRONG

        checked: Checked = self.parent.checked
        if checked.report is None:
            self._fail(f"{checked.name} was not checked: {checked.not_checked}")
        finding = checked.report.findings[min(self.case, len(checked.report.findings) - 1)]
        if finding.not_checked:
            self._fail(f"{checked.name} was not checked: {finding.not_checked}\n{finding.explanation}".strip())
        verdict = finding[self.parameter]
        told = properties(finding, verdict)
        self.user_properties[:] = [pair for pair in self.user_properties if pair[0] not in dict(told)] + told
        if finding.faults or verdict.outcome == WRONG:
            first_of_function = self.parent.diagnosis_in in (None, self.nodeid)
            elsewhere = "" if first_of_function else self.parent.diagnosis_in
            # pytest shows no message of a failure that is expected: it is not the place to look it up
            if self.config.option.runxfail or self.get_closest_marker("xfail") is None:
                self.parent.diagnosis_in = self.parent.diagnosis_in or self.nodeid
            text = message(checked, finding, self.parameter, self.config.option.gradient_budget, elsewhere)
            self._fail(text, diagnosed=verdict.outcome != WRONG or bool(self.config.option.gradient_budget))
        if verdict.outcome == CANNOT_TELL:
            pytest.skip(str(verdict))

    def _fail(self, text: str, diagnosed: bool = True) -> None:
        failure = GradientFailure(printable(text))
        failure.add_note(reproduce(self.config, self.parent.function.filename, self.parent.name))
        if not diagnosed:
            # even without a search a diagnosis takes about a second for each function: not in every run of a suite
            failure.add_note("it also says where, why, and what fixes it")
        raise failure

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> object:
        if isinstance(excinfo.value, GradientFailure):
            return representation(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        function = self.parent.function
        return Path(function.filename), function.line - 1, f"{self.parent.name}[{self.name}]"


def properties(finding: Finding, verdict: Verdict) -> list[tuple[str, object]]:
    """What JUnit XML says of a gradient beside passed and failed: plain numbers and texts."""
    ratio = verdict.ratio
    return [
        ("oracle", finding.oracle),
        ("sizes", " ".join(f"{name}={size}" for name, size in finding.sizes.items())),
        ("error", float(verdict.error)),
        ("relative_error", float(verdict.relative_error)),
        ("times_rounding_noise", WITHIN if ratio is None else float(ratio)),
    ]
