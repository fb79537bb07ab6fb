"""What one named run leaves behind: its operations in order, each with what it lined up."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import CodeType

import numpy as np

from oracle.alignment.labels import Labels
from oracle.frames import is_users

MOST_EVENTS = 40_000
EVENTS_A_LOOK = 50  # at the clock
NOWHERE = -1  # the event of what no operation made
Tag = tuple[int, int]  # an event that is a product, and which of its operands an axis comes from
WEIGHTS = np.random.default_rng(0).normal(size=4096)
_USERS: dict[CodeType, bool] = {}


class Abandoned(BaseException):
    """The named run takes too long."""


@dataclass(slots=True)
class Event:
    """One operation.

    kind        NumPy's name of it, "matmul", "add", "sum", "setitem"
    code, at    where in the user's code: the code object and the offset of the instruction
    makers      the event that made each operand, -1 where none did
    inputs      the events that it depends on
    labels      of the axes of every operand
    shapes      of every operand
    of          whose view every operand is: a parameter's name, or None
    result      the labels of the result
    shape       of the result
    lined       pairs of (operand, axis), lined up element by element or summed over together
    contracted  which of these pairs are summed over
    reduced     axes of the first operand that are summed over
    moves       it computes nothing: an index, a transpose, a copy
    prints      one number for every operand and one for the result, by which equal arrays are known
    """

    serial: int
    kind: str
    code: CodeType | None
    at: int
    line: int
    makers: tuple[int, ...]
    inputs: tuple[int, ...]
    labels: tuple[tuple[int, ...], ...]
    shapes: tuple[tuple[int, ...], ...]
    of: tuple[str | None, ...]
    result: tuple[int, ...]
    shape: tuple[int, ...]
    lined: list[tuple[int, int, int, int]] = field(default_factory=list)
    contracted: list[tuple[int, int, int, int]] = field(default_factory=list)
    reduced: tuple[int, ...] = ()
    moves: bool = False
    prints: tuple[float, ...] = ()


class Record:
    def __init__(self, seconds: float) -> None:
        self.labels = Labels()
        self.events: list[Event] = []
        self.floats: list[int] = []  # events whose results became plain numbers
        self.steps: list[tuple[int, int, int]] = []  # (label, at which whole number its axis was indexed, next event)
        self.blind: dict[str, None] = {}
        self.deadline = time.monotonic() + seconds
        self._plain: dict[int, tuple[np.ndarray, tuple[int, ...]]] = {}

    def fresh(self, shape: Sequence[int], **what: object) -> tuple[int, ...]:
        """Labels of an array that is made here."""
        place = self._where()
        at = None if place[0] is None else (place[0].co_filename, place[2])
        return tuple(self.labels.new(size, place=at, **what) for size in shape)

    def of_plain(self, array: np.ndarray) -> tuple[int, ...]:
        """Labels of an array that came from elsewhere, the same whenever it comes again."""
        if id(array) not in self._plain:
            self._plain[id(array)] = array, self.fresh(array.shape)
        return self._plain[id(array)][1]

    def add(self, kind: str, **what: object) -> Event:
        if len(self.events) >= MOST_EVENTS:
            raise Abandoned
        if len(self.events) % EVENTS_A_LOOK == 0 and time.monotonic() > self.deadline:
            raise Abandoned
        event = Event(len(self.events), kind, *self._where(), **what)
        self.events.append(event)
        return event

    def step(self, label: int, at: int) -> None:
        self.steps.append((label, at, len(self.events)))

    def lost(self, name: str) -> None:
        code, _, line = self._where()
        where = "" if code is None else f"{code.co_filename}:{line}"
        self.blind.setdefault(f"{where} ({name})")

    @staticmethod
    def _where() -> tuple[CodeType | None, int, int]:
        frame = sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            if code not in _USERS:
                _USERS[code] = is_users(code.co_filename)
            if _USERS[code]:
                return code, frame.f_lasti, frame.f_lineno
            frame = frame.f_back
        return None, 0, 0


def fingerprint(array: object) -> float:
    """A number that tells arrays of one shape apart; 0 for what is zero, no float or very large."""
    if not isinstance(array, (np.ndarray, np.floating)) or array.dtype.kind != "f":
        return 0.0
    if not 0 < array.size <= len(WEIGHTS):
        return 0.0
    if isinstance(array, np.matrix):
        array = array.view(np.ndarray)  # a matrix has two axes whatever its shape is to be
    return float(WEIGHTS[: array.size] @ array.astype(np.float64).reshape(-1))


CURRENT: ContextVar[Record | None] = ContextVar("CURRENT", default=None)
