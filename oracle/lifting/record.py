"""What a lifted run notices: values that left the graph, narrow numbers, calls that cannot be followed."""

from __future__ import annotations

import dis
import os
import sys
from dataclasses import dataclass, field

import numpy as np

from oracle.frames import LIBRARIES

HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
NARROW = frozenset("efF")  # float16, float32, complex64
REMAINDER = tuple(number for number, (_, symbol) in enumerate(dis._nb_ops) if symbol in ("%", "%="))


@dataclass(frozen=True)
class Leak:
    """A value that depends on a parameter became a plain number there, so autograd knows nothing of what follows."""

    filename: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.filename}, line {self.line}: {self.what}"


class NotLifted(Exception):
    """A call that cannot be followed: `call` in `filename`, `line`, and `why`."""

    def __init__(self, call: str, why: str, filename: str | None = None, line: int | None = None):
        if filename is None:
            filename, line = user_position()
        self.call, self.why, self.filename, self.line = call, why, filename, line
        super().__init__(f"{filename}, line {line}: {call} cannot be lifted: {why}")


def user_frame():
    """The innermost frame that is neither ours nor a library's; the innermost of all where there is none."""
    frame = innermost = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if not filename.startswith(HERE) and not filename.startswith(LIBRARIES):
            return frame
        frame = frame.f_back
    return innermost


def user_position() -> tuple[str, int]:
    """File name and line of the innermost line of user code."""
    frame = user_frame()
    return frame.f_code.co_filename, frame.f_lineno


def only_printing() -> bool:
    """True where the user's line is executing `"..." % value`: the number is printed, not computed with."""
    frame = user_frame()
    code = frame.f_code.co_code
    return dis.opname[code[frame.f_lasti]] == "BINARY_OP" and code[frame.f_lasti + 1] in REMAINDER


@dataclass(eq=False)
class Record:
    """What one lifted run keeps: the storages by the identity of the memory's owner, and what was seen."""

    storages: dict[int, object] = field(default_factory=dict)
    leaks: list[Leak] = field(default_factory=list)
    unfaithful: list[Leak] = field(default_factory=list)
    narrow: bool = False

    def leak(self, what: str) -> None:
        self._note(self.leaks, what)

    def doubt(self, what: str) -> None:
        self._note(self.unfaithful, what)

    @staticmethod
    def _note(notes: list[Leak], what: str) -> None:
        note = Leak(*user_position(), what)
        if note not in notes[-20:]:  # a loop says the same thing a thousand times
            notes.append(note)

    def see(self, dtype: np.dtype) -> None:
        if dtype.char in NARROW:
            self.narrow = True


class Active:
    """The record of the lifted run that is going on; None outside."""

    record: Record | None = None
