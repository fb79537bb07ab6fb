"""What a failing test says: the first line alone tells all, the last is the command that shows it again."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from oracle.child import Checked
    from oracle.finding import Finding

WIDTH = 100  # columns to which a diagnosis is wrapped: the log of a CI has no terminal to ask


class GradientFailure(AssertionError):
    """A gradient that is wrong, or could not be checked."""


def message(checked: Checked, finding: Finding, parameter: str, budget: float, diagnosis_in: str) -> str:
    """Of a gradient that is wrong, or of a function with faults.

    budget         seconds that a diagnosis was given; 0 for none
    diagnosis_in   the test whose message has the diagnosis of this function already; empty for none
    """
    from oracle.presentation.function_table import smallest_in_words

    lines = [*finding.faults, *told(finding, parameter, _first_wrong_line(checked))]
    if checked.report.shrunk is not None:
        lines += smallest_in_words(checked.report)
    if budget and diagnosis_in:
        lines.append(f"where, why, and what fixes it: see {diagnosis_in}")
    elif budget:
        from oracle.presentation import table
        from oracle.presentation.diagnosis_text import diagnosis_in_words

        diagnosis = diagnosis_in_words(checked, budget, table.UNICODE, WIDTH)
        lines += [line.plain.replace("; --budget ", "; --gradient-budget ") for line in diagnosis]
    return "\n".join(lines)


def told(finding: Finding, parameter: str | None, place: str = "") -> list[str]:
    """As `in_words`, with the sizes and the first wrong line in the first line too."""
    from oracle.finding import in_words
    from oracle.verdict import AGREES

    lines = in_words(replace(finding, faults=()), parameter)
    if not finding.verdicts or finding.not_checked:
        return lines
    verdict = finding.verdicts[0] if parameter is None else finding[parameter]
    sizes = ", ".join(f"{name}={size}" for name, size in finding.sizes.items())
    where = "".join([f", at {sizes}" if sizes else "", f", {place}" if place else ""])
    if verdict.outcome != AGREES and lines[0].startswith(str(verdict)):
        lines[0] = f"{verdict}{where}{lines[0].removeprefix(str(verdict))}"
    return lines


def _first_wrong_line(checked: Checked) -> str:
    """'first wrong line rnn.py:33', where a diagnosis was made and found one."""
    found = checked.diagnosis
    if found is None or found.first_wrong is None:
        return ""
    return f"first wrong line {Path(found.first_wrong_file).name}:{found.first_wrong}"


def reproduce(config: pytest.Config, filename: str, name: str) -> str:
    """The command that checks a function of a file again, from where pytest was started."""
    path = os.path.relpath(filename, config.invocation_params.dir)
    options = [
        f" --{option.replace('_', '-')} {','.join(map(str, sizes))}"
        for option in ("sequence_lengths", "hidden_sizes")
        if (sizes := config.getoption(f"gradient_{option}"))
    ]
    return f"reproduce: bptt-oracle check {shlex.quote(f'{path}::{name}')}{''.join(options)}"


def representation(failure: GradientFailure) -> object:
    """The text without a traceback through this plugin; its first line is the test's in the short summary."""
    text = "\n".join([str(failure), *getattr(failure, "__notes__", ())])
    shown = GradientFailure(text).with_traceback(failure.__traceback__)
    made = pytest.ExceptionInfo.from_exception(shown).getrepr(style="value")
    if made.reprcrash is not None:
        made.reprcrash.message = text
    return made


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> None:
    """How to see a GradientError again, which `assert_gradients` or the fixture raised in an ordinary test."""
    checking = sys.modules.get("oracle.gradient_check")
    if call.excinfo is None or checking is None or not isinstance(call.excinfo.value, checking.GradientError):
        return
    note = f"reproduce: pytest {shlex.quote(item.nodeid)}"
    if note not in getattr(call.excinfo.value, "__notes__", ()):
        call.excinfo.value.add_note(note)
