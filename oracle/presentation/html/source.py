"""Source and diffs for the page, line by line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from oracle.annotation import Listed
from oracle.presentation.html.text import visible

KINDS = (("+++ ", "file"), ("--- ", "file"), ("@@", "hunk"), ("+", "added"), ("-", "removed"))


@dataclass(frozen=True)
class Row:
    """One line of the annotated source.

    html     what it holds, highlighted
    mark     what it is marked as, in words; empty where it is not
    gap      whether lines before it are left out
    """

    line: int
    html: Markup
    remark: str
    mark: str
    gap: bool


@dataclass(frozen=True)
class Block:
    """The lines of one function."""

    file: str
    function: str
    rows: tuple[Row, ...]


def blocks(listing: Sequence[Listed], changed: Collection[tuple[str, int]]) -> Iterator[Block]:
    """The annotated source, function by function.

    changed   the (file name, line) of what the fix changes: these are marked, and without a fix the first wrong line
    """

    def mark(one: Listed) -> str:
        if one.first and (not changed or (one.filename, one.line) in changed):
            return "first wrong line: "
        return "changed by the fix: " if (one.filename, one.line) in changed else ""

    for (filename, function), group in groupby(listing, key=lambda one: (one.filename, one.function)):
        lines = list(group)
        indent = min((len(one.source) - len(one.source.lstrip()) for one in lines if one.source.strip()), default=0)
        html = highlighted([one.source[indent:] for one in lines])
        before = [one.line for one in lines[:1]] + [one.line + 1 for one in lines]
        rows = [
            Row(one.line, text, one.remark, mark(one), one.line > expected)
            for one, text, expected in zip(lines, html, before)
        ]
        yield Block(Path(filename).name, function, tuple(rows))


def highlighted(lines: Sequence[str]) -> list[Markup]:
    """Each line as HTML; a string that goes over several is one in all of them."""
    # a line feed in a line would shift all that follow; nothing of the user's is one here, but it costs nothing
    text = "\n".join(visible(line).replace("\n", "\\n") for line in lines)
    html = highlight(text, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).split("\n")
    return [Markup(one) for one in html[: len(lines)]]


def diff_lines(diff: str) -> list[tuple[str, str]]:
    """(kind, line), the kind of a line that stays empty."""
    return [
        (next((kind for start, kind in KINDS if line.startswith(start)), ""), line)
        for line in diff.rstrip().split("\n")
    ]
