"""Which files and frames are the user's."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

OURS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
LIBRARIES = (
    *(os.path.join(sysconfig.get_path(kind), "") for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
    "<frozen",
)
"""What the file names of the standard library and of installed packages begin with."""
NOT_THE_USERS = (OURS, *LIBRARIES, "<__array_function__")


def is_users(filename: str) -> bool:
    return not filename.startswith(NOT_THE_USERS)


def user_frame() -> FrameType | None:
    """The innermost running frame that is the user's."""
    frame = sys._getframe(1)
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def place_of(filename: str, line: int, function: str) -> str:
    """'rnn.py:88 in backward'."""
    inside = "" if function == "<module>" else f" in {function}"
    return f"{Path(filename).name}:{line}{inside}"


@contextmanager
def tracing(trace: Callable | None) -> Iterator[None]:
    """Inside, this is the trace function of the thread; afterwards the one that was."""
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
