"""What one explanation run notices: the operation that NumPy refuses, and where shapes began to be odd."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType

from oracle.frames import user_frame


@dataclass(frozen=True)
class Departure:
    """The place at which a shape left what was to be expected.

    order       of all departures of a run, the first first
    kind        "broadcast": two arrays made a shape that neither has; "stretched": a vector over a weight;
                "flattened": np.outer did away with axes;
                "changed": a variable had another shape before; "expected": it is not what its name says
    operation   the operator or function, where there is one
    shapes      of the operands, or of the variable before and the array that its name speaks of
    result      the shape it came to
    about       the variable; for "expected" also the array that its name speaks of
    since       for "changed", the line at which it had the other shape
    """

    order: int
    kind: str
    filename: str
    line: int
    function: str
    operation: str
    shapes: tuple[tuple[int, ...], ...]
    result: tuple[int, ...]
    about: tuple[str, ...] = ()
    since: int = 0


@dataclass(frozen=True)
class Failure:
    """An operation that raised, with what it was given.

    operation   NumPy's name of it, "matmul", "concatenate", "__getitem__"
    kind        "ufunc", "function", "method"
    in_place    whether the first operand is to hold the result
    """

    error: Exception
    operation: str
    kind: str
    args: tuple[object, ...]
    kwargs: dict[str, object]
    in_place: bool
    frame: FrameType | None


@dataclass(eq=False)
class Record:
    """What one run leaves behind.

    lines    how many of the user's it ran, as far as they were followed
    shapes   of the variables of a frame, by its id: each shape that one had in a row, and the line it had it since
    """

    failures: list[Failure] = field(default_factory=list)
    departures: int = 0
    shapes: dict[int, dict[str, list[tuple[tuple[int, ...], int]]]] = field(default_factory=dict)
    lines: int = 0

    def failed(
        self, error: Exception, operation: str, kind: str, args: tuple, kwargs: dict, in_place: bool = False
    ) -> None:
        """Keep it, unless it is known from an operation within this one."""
        if self.of(error) is None:
            self.failures.append(Failure(error, operation, kind, args, kwargs, in_place, user_frame()))

    def of(self, error: BaseException) -> Failure | None:
        return next((failure for failure in reversed(self.failures) if failure.error is error), None)

    def departed(self, kind: str, operation: str, shapes: tuple, result: tuple, frame: FrameType | None) -> Departure:
        self.departures += 1
        where = ("", 0, "") if frame is None else (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        return Departure(self.departures, kind, *where, operation, shapes, result)


CURRENT: ContextVar[Record | None] = ContextVar("CURRENT", default=None)
