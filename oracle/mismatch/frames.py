"""Which frames are the user's."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType, TracebackType

from oracle.frames import LIBRARIES, OURS

NOT_THE_USERS = (OURS, *LIBRARIES, "<__array_function__")


def is_users(filename: str) -> bool:
    return not filename.startswith(NOT_THE_USERS)


def user_frame() -> FrameType | None:
    """The innermost running frame that is the user's."""
    frame = sys._getframe(1)
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def around(frame: FrameType) -> list[FrameType]:
    """A frame, and of a comprehension's or a lambda's those that it runs in, up to a function with a name.

    A lambda that a library calls, np.vectorize say, runs in none of the user's.
    """
    found = [frame]
    while (code := found[-1].f_code).co_name.startswith("<") and code.co_name != "<module>":
        back = found[-1].f_back
        if back is None or not is_users(back.f_code.co_filename):
            break
        found.append(back)
    return found


def place_of(filename: str, line: int, function: str) -> str:
    """'rnn.py:88 in backward'."""
    inside = "" if function == "<module>" else f" in {function}"
    return f"{Path(filename).name}:{line}{inside}"


def raising(error: BaseException) -> TracebackType | None:
    """The user's innermost frame in the traceback of an exception, with nothing but a library's below it."""
    found, traceback = None, error.__traceback__
    while traceback is not None:
        if is_users(traceback.tb_frame.f_code.co_filename):
            found = traceback
        traceback = traceback.tb_next
    return found
