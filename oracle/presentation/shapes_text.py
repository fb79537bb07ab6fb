"""The table of shapes as text: the user's lines, and beside each what it assigned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oracle.shape_table import Row

WIDEST_SOURCE = 60


def shapes_in_words(rows: Sequence[Row]) -> Iterator[str]:
    """A heading for each function, then its lines."""
    sources = {row: _cut(row.source) for row in rows}
    wide = max((len(source) for source in sources.values()), default=0)
    targets = max((len(target) for row in rows for target, _, _ in row.assigned), default=0)
    numbers = max((len(shape) for row in rows for _, shape, _ in row.assigned), default=0)
    for (file, function), lines in groupby(rows, key=lambda row: (row.file, row.function)):
        yield f"{file}{f' in {function}' if function else ''}"
        for row in lines:
            for k, (target, shape, axes) in enumerate(row.assigned):
                left = f"{row.line:6}  {sources[row]:{wide}}" if k == 0 else " " * (8 + wide)
                yield f"{left}  {target:{targets}}  {shape:{numbers}}  {axes}".rstrip()


def _cut(source: str) -> str:
    return source if len(source) <= WIDEST_SOURCE else source[: WIDEST_SOURCE - 3] + "..."
