"""Frames around a frame, and the user's in a traceback."""

from __future__ import annotations

from types import FrameType, TracebackType

from oracle.frames import is_users


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


def raising(error: BaseException) -> TracebackType | None:
    """The user's innermost frame in the traceback of an exception, with nothing but a library's below it."""
    found, traceback = None, error.__traceback__
    while traceback is not None:
        if is_users(traceback.tb_frame.f_code.co_filename):
            found = traceback
        traceback = traceback.tb_next
    return found
