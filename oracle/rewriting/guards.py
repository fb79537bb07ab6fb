"""Running user code that has been changed: it may print, warn, and never end."""

from __future__ import annotations

import contextlib
import io
import signal
import warnings
from collections.abc import Iterator

import numpy as np


class TookTooLong(BaseException):
    """Not an Exception: the user's code shall not catch it."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing printed, nothing warned of."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """TookTooLong is raised inside after so many seconds; in the main thread only."""

    def ring(number: int, frame: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
