"""One hostile or broken input: what is run, and what should come of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STATUSES = (0, 1, 2, 3, 130)  # docs/ci.md
OWN_TRACEBACK = re.compile(
    r"Traceback \(most recent call last\)|INTERNALERROR|a mistake (in|of) this tool"
    r"|File \"[^\"]*/oracle/|/oracle/[\w/]+\.py:\d+"
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x9b]")  # but tabs and line ends: the terminal takes them for orders
MOST_SHOWN = 120  # characters of a message in the page


@dataclass(frozen=True)
class Case:
    """One input.

    name       what it is, in words
    arguments  of the program, run in an empty folder with `files` in it
    status     with which it should end
    says       a regular expression that is in what it prints, blanks and line ends being one blank
    program    bptt-oracle, python or pytest
    files      name -> content; of a folder None
    prepare    called with the folder, for what is no plain file
    output     where standard output goes, if that is no pipe
    variables  of the environment, beside those that there are
    """

    name: str
    arguments: tuple[str, ...]
    status: int
    says: str
    program: str = "bptt-oracle"
    files: Mapping[str, str | bytes | None] = field(default_factory=dict)
    prepare: Callable[[Path], None] | None = None
    output: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What came of it.

    status      with which it ended; negative for the signal that did
    late        whether it had to be ended
    megabytes   the most memory that it or a process of its own held
    left        processes that were still there afterwards
    """

    case: Case
    status: int
    output: str
    seconds: float
    megabytes: float
    late: bool = False
    left: int = 0

    @property
    def said(self) -> re.Match[str] | None:
        return re.search(self.case.says, " ".join(self.output.split()))

    @property
    def failures(self) -> list[str]:
        """What is not as it should be, in words."""
        found = []
        if self.late:
            found.append(f"it did not end within {self.seconds:.0f} s")
        elif self.status != self.case.status:
            found.append(f"it ended with {self.status}, but should with {self.case.status}")
        if own := OWN_TRACEBACK.search(self.output):
            found.append(f"it shows a mistake of its own: {own[0]}")
        if control := CONTROL.search(self.output):
            found.append(f"it hands on the control character {control[0]!r}")
        if self.left:
            found.append(f"it leaves {self.left} processes behind")
        if not self.said:
            found.append(f"it does not say {self.case.says!r}")
        return found

    @property
    def message(self) -> str:
        """The part of its output that says what is wrong."""
        if not self.said:
            return ""
        text = " ".join(self.output.split())[self.said.start() :]
        return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
