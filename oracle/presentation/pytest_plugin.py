"""The pytest plugin: gradient functions in a test file are tests, one for each parameter at each case.

    pytest check_char_rnn.py
    pytest check_char_rnn.py --gradient-sequence-lengths 1,2,7 --gradient-hidden-sizes 3,16

Loaded with every pytest run of the environment, so nothing that needs torch is imported before there is something to
check.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from oracle.sizes import whole_numbers

if TYPE_CHECKING:
    from oracle.child import Checked
    from oracle.finding import Finding
    from oracle.gradient_function import GradientFunction


def _numbers(text: str) -> list[int]:
    """'1,2,7' -> [1, 2, 7]."""
    try:
        return whole_numbers(text)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradient functions")
    group.addoption(
        "--gradient-sequence-lengths", metavar="T,T", type=_numbers, help="check gradient functions at these lengths"
    )
    group.addoption(
        "--gradient-hidden-sizes", metavar="H,H", type=_numbers, help="check gradient functions at these hidden sizes"
    )


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object):
    declaring = sys.modules.get("oracle.gradient_function")
    if declaring is None or not isinstance(obj, declaring.GradientFunction):
        return None
    if Path(obj.filename) != Path(collector.path):
        return []  # imported from another file, and a test there
    return GradientFunctionCollector.from_parent(collector, name=name, function=obj)


class GradientFunctionCollector(pytest.Collector):
    """One gradient function; it is run when the first of its tests is."""

    def __init__(self, *, function: GradientFunction, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.function = function

    def collect(self) -> Iterator[GradientItem]:
        from oracle.sizes import points

        option = self.config.option
        lengths, widths = option.gradient_sequence_lengths, option.gradient_hidden_sizes
        try:
            cases = points(self.function.shapes, lengths, widths)
        except ValueError as error:
            raise self.CollectError(str(error)) from None
        for number, case in enumerate(cases):
            for parameter in self.function.shapes:
                label = "-".join(f"{name}{size}" for name, size in case.sizes)
                yield GradientItem.from_parent(
                    self, name=f"{parameter}-{label}-{case.regime}", parameter=parameter, case=number
                )

    @cached_property
    def checked(self) -> Checked:
        import torch

        from oracle.child import check_isolated

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the child is a fork, and a fork has one thread
        try:
            return check_isolated(
                Path(self.function.filename),
                self.function.name,
                sequence_lengths=self.config.option.gradient_sequence_lengths,
                hidden_sizes=self.config.option.gradient_hidden_sizes,
            )
        finally:
            torch.set_num_threads(threads)


class GradientItem(pytest.Item):
    """One parameter's gradient at one case."""

    def __init__(self, *, parameter: str, case: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.parameter, self.case = parameter, case

    def runtest(self) -> None:
        from oracle.verdict import CANNOT_TELL, WRONG

        checked: Checked = self.parent.checked
        if checked.report is None:
            raise GradientFailure(f"{checked.name} was not checked: {checked.not_checked}")
        finding = checked.report.findings[min(self.case, len(checked.report.findings) - 1)]
        if finding.not_checked:
            raise GradientFailure(f"{checked.name} was not checked: {finding.not_checked}")
        verdict = finding[self.parameter]
        self.user_properties += [("oracle", finding.oracle), ("relative_error", verdict.relative_error)]
        if finding.faults or verdict.outcome == WRONG:
            raise GradientFailure(self._message(finding, checked))
        if verdict.outcome == CANNOT_TELL:
            pytest.skip(str(verdict))

    def _message(self, finding: Finding, checked: Checked) -> str:
        from oracle.finding import in_words
        from oracle.presentation.function_table import smallest_in_words
        from oracle.verdict import WRONG

        lines = [*finding.faults, *in_words(replace(finding, faults=()), self.parameter)]
        if checked.report.shrunk is not None:
            lines += smallest_in_words(checked.report)
        path = Path(self.parent.function.filename)
        options = [
            f" --{name.replace('_', '-')} {','.join(map(str, sizes))}"
            for name in ("sequence_lengths", "hidden_sizes")
            if (sizes := self.config.getoption(f"gradient_{name}"))
        ]
        lines.append(f"reproduce: bptt-oracle check {path.name}::{checked.name}{''.join(options)}")
        if finding[self.parameter].outcome == WRONG:
            # even without a search a diagnosis takes about a second for each function: not in every run of a suite
            lines.append("it also says where, why, and what fixes it")
        return "\n".join(lines)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> object:
        if isinstance(excinfo.value, GradientFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        function = self.parent.function
        return Path(function.filename), function.line - 1, f"{function.name}[{self.name}]"


class GradientFailure(AssertionError):
    """A gradient that is wrong, or could not be checked."""
