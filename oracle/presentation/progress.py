"""A progress bar on stderr that leaves nothing behind; silent where that is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

WIDTH = 20  # columns of the bar: beside it 80 have room for what is said of the task


@contextmanager
def progress() -> Iterator[Progress]:
    silent = not sys.stderr.isatty()  # rich takes FORCE_COLOR, common in CI, for a terminal
    columns = TextColumn("{task.description:24}"), BarColumn(WIDTH), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=silent) as bar:
        yield bar
