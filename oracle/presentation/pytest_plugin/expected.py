"""Gradients that are known to be wrong, by name and with a reason: pytest's own xfail, from the ini file."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from oracle.presentation.pytest_plugin.collecting import GradientItem

HELP = (
    "gradients that are expected to be wrong, one a line: FILE::FUNCTION[PARAMETER]: reason. Each part may be a glob "
    "pattern, FILE is relative to the rootdir, and without [PARAMETER] all of them are meant"
)
FORM = "FILE::FUNCTION[PARAMETER]: reason"
LINE = re.compile(r"(?P<file>.+?)::(?P<function>.+?)(?:\[(?P<parameter>.*?)\])?:\s+(?P<reason>\S.*)")
PROPERTY = "gradient_xfail"


class GradientXfailWarning(pytest.PytestWarning):
    """An expected failure in `gradient_xfail` that passes, or that nothing is called by."""


@dataclass
class Line:
    """One expected failure, and what became of it."""

    text: str
    file: str
    function: str
    parameter: str | None
    reason: str
    matched: bool = False
    seen: bool = False  # a file was collected that its pattern for files fits
    outcomes: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.text.removesuffix(self.reason).rstrip().removesuffix(":")

    def fits_file(self, path: str) -> bool:
        return _fits(path, self.file)

    def fits(self, path: str, function: str, *names: str) -> bool:
        return (
            self.fits_file(path)
            and _fits(function, self.function)
            and (self.parameter is None or any(_fits(name, self.parameter) for name in names))
        )


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def parse(text: str) -> Line:
    """Raises UsageError for what is no such line."""
    match = LINE.fullmatch(text)
    if match is None:
        raise pytest.UsageError(f"gradient_xfail holds {text!r}, but should hold lines such as {FORM}")
    return Line(text, **match.groupdict())


KEY = pytest.StashKey["ExpectedFailures"]()


def configure(config: pytest.Config) -> None:
    lines = [parse(text) for text in config.getini("gradient_xfail")]
    if lines:
        config.stash[KEY] = ExpectedFailures(config, lines)
        config.pluginmanager.register(config.stash[KEY], "bptt_oracle_xfail")


def seen(collector: pytest.Module | pytest.Class) -> None:
    """Take note of a file whose definitions are collected."""
    found = collector.config.stash.get(KEY, None)
    if found is not None and isinstance(collector, pytest.Module) and collector.nodeid not in found.files:
        found.files.add(collector.nodeid)
        for line in found.lines:
            line.seen = line.seen or line.fits_file(collector.nodeid)


def mark(item: GradientItem) -> None:
    """Mark a test that is expected to fail; the first line that names it gives the reason."""
    found = item.config.stash.get(KEY, None)
    if found is None:
        return
    module = item.getparent(pytest.Module).nodeid
    fitting = [line for line in found.lines if line.fits(module, item.parent.name, item.parameter, item.name)]
    for line in fitting:
        line.matched = True
    if fitting:
        item.add_marker(pytest.mark.xfail(reason=fitting[0].reason))
        item.user_properties.append((PROPERTY, fitting[0].text))


class ExpectedFailures:
    """What becomes of the expected failures in one session; pytest-xdist's workers tell the one that reports."""

    def __init__(self, config: pytest.Config, lines: list[Line]) -> None:
        self.config, self.lines = config, lines
        self.files: set[str] = set()
        self.refused: list[str] = []
        self.workers = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        text = dict(report.user_properties).get(PROPERTY)
        if text is None or report.when != "call":
            return
        outcome = "passed" if report.passed or "[XPASS(strict)]" in str(report.longrepr) else "failed"
        for line in self.lines:
            if line.text == text:
                line.outcomes.add(outcome)
                if report.failed:
                    line.outcomes.add("told")  # strict: the failing test says that it passes

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self.workers = True
        told = getattr(node, "workeroutput", {}).get(PROPERTY, ())
        for line, (matched, seen) in zip(self.lines, told):
            line.matched, line.seen = line.matched or matched, line.seen or seen

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput[PROPERTY] = [[line.matched, line.seen] for line in self.lines]
            return
        for text in self._complaints():
            try:
                self.config.issue_config_time_warning(GradientXfailWarning(text), stacklevel=2)
            except GradientXfailWarning:  # -W error: there is no test that could fail for it, so the run does
                self.refused.append(text)
        if self.refused and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _complaints(self) -> list[str]:
        lines = []
        for line in self.lines:
            if "passed" in line.outcomes and not line.outcomes & {"failed", "told"}:
                lines.append(f"gradient_xfail: {line.name} is expected to fail ({line.reason}), but passes")
            elif not line.matched and (line.seen or not self._is_there(line)):
                lines.append(f"gradient_xfail: {line.name} is expected to fail, but no gradient is called that")
        return lines

    def _is_there(self, line: Line) -> bool:
        """Whether a file of that name exists that this run merely has not collected."""
        if (self.config.rootpath / line.file).exists():
            return True
        pattern = line.file.replace("*", "**/*", 1) if line.file.startswith("*") else line.file
        return next(glob.iglob(pattern, root_dir=self.config.rootpath, recursive=True), None) is not None

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for text in self.refused:
            terminalreporter.write_line(f"ERROR {GradientXfailWarning.__name__}: {text}", red=True)
