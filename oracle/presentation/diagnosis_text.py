"""A diagnosis as text: where a backward pass goes wrong, why, and what fixes it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from oracle.child import Checked
from oracle.presentation.table import Signs, escaped, shown

if TYPE_CHECKING:
    from oracle.diagnosis import Diagnosis
    from oracle.hypotheses import Reading
    from oracle.repair import Repair

INDENT = "    "
NARROWEST = 40  # columns: in a narrower terminal whole lines wrap
REMARK = re.compile(r"( *\d+  .*\S) {2,}((?:<-- |= |wrong).*|.*: right at t=.*)")
DIFF_STYLES = {"+++": "bold", "---": "bold", "@@": "cyan", "+": "green", "-": "red"}


def diagnosis_in_words(checked: Checked, budget: float, signs: Signs, width: int) -> Iterator[Text]:
    """What follows the verdict, line by line; nothing where there is nothing to diagnose.

    budget   seconds that the search for a fix was given
    width    to which sentences are wrapped; lines of source are never broken
    """
    words = _Words(signs, max(width, NARROWEST))
    if checked.not_diagnosed:
        yield from words.prose(f"{checked.name} could not be diagnosed: {checked.not_diagnosed}")
    found = checked.diagnosis
    if found is None or not found.wrong:
        return
    yield from _where(found, words)
    yield from _why(found, words)
    yield from _fix(found, budget, words)
    for failed in found.failed:
        yield from words.prose(failed, INDENT)


class _Words:
    """How lines are made for one terminal."""

    def __init__(self, signs: Signs, width: int) -> None:
        self.signs, self.width = signs, width

    def prose(self, text: str, indent: str = "", first: str | None = None) -> Iterator[Text]:
        """Wrapped, its further lines at the indent."""
        lines = textwrap.wrap(
            shown(text, self.signs),
            self.width,
            initial_indent=indent if first is None else first,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from map(Text, lines)

    def source(self, line: str) -> Iterator[Text]:
        """A line of the annotated source, its remark below it where the terminal is too narrow for both."""
        text = escaped(line, self.signs)
        match = REMARK.fullmatch(text)
        lines = [text]
        if match and len(INDENT) + len(text) > self.width:
            code, remark = match.groups()
            lines = [code, " " * (len(code) - len(re.sub(r"^ *\d+ *", "", code)) + len(INDENT)) + remark]
        for one in lines:
            made = Text((INDENT + one).rstrip())
            if "<-- " in one:
                made.stylize("bold red", len(INDENT) + one.rindex("<-- "))
            yield made

    def diff(self, line: str) -> Text:
        style = next((style for start, style in DIFF_STYLES.items() if line.startswith(start)), "")
        return Text((INDENT + escaped(line, self.signs)).rstrip(), style)


def _where(found: Diagnosis, words: _Words) -> Iterator[Text]:
    yield Text("where", "bold")
    for line in found.where.said:
        yield from words.source(line) if "  " in line else words.prose(line, INDENT)  # a picture stays in columns
    if found.first_wrong is not None:
        at = found.where if found.where.line is not None else None
        file, line = (at.filename, at.line) if at else (found.first_wrong_file, found.first_wrong)
        yield from words.prose(f"first wrong line: {Path(file).name}:{line}", INDENT)
    elif not found.where.said:
        yield from words.prose("no line can be named", INDENT)
    for line in found.where.source:
        yield from words.source(line)


def _why(found: Diagnosis, words: _Words) -> Iterator[Text]:
    if not found.readings and not found.facts and (found.repair or found.failed):
        return  # the sentences of the fix say it, or it was not looked for to the end
    yield Text("why", "bold")
    if not found.readings:
        these = "this gradient" if len(found.wrong) == 1 else "these gradients"
        yield from words.prose(found.unread or f"nothing known reproduces {these}", INDENT)
        for fact in found.facts:
            yield from words.prose(fact, INDENT + "  ", INDENT + "- ")
    elif len(found.readings) == 1:
        yield from _reading(found.readings[0], found.wrong, words)
    else:
        yield from words.prose(f"{len(found.readings)} mistakes would give exactly this:", INDENT)
        for number, reading in enumerate(found.readings, 1):
            yield from _reading(reading, found.wrong, words, f"{number}. ")
        yield from words.prose(found.readings[0].apart, INDENT)


def _reading(reading: Reading, wrong: Sequence[str], words: _Words, number: str = "") -> Iterator[Text]:
    for mistake in reading.mistakes:
        mark = number or ("- " if len(reading.mistakes) > 1 else "")
        inner = INDENT + " " * len(mark)
        yield from words.prose(mistake.sentence, inner, INDENT + mark)
        for more in (mistake.algebra, mistake.shapes):
            yield from words.prose(more, inner + INDENT)
        number = " " * len(number)
    if rest := [name for name in wrong if name not in reading.parameters]:
        yield from words.prose(f"unexplained: {', '.join(rest)}", INDENT + " " * len(number))


def _fix(found: Diagnosis, budget: float, words: _Words) -> Iterator[Text]:
    yield Text("fix", "bold")
    if found.repair is None:
        yield from words.prose(_no_fix(found, budget), INDENT)
        return
    yield from _sentences(found.repair, words)
    for line in found.repair.diff.splitlines():
        yield words.diff(line)
    yield from words.prose("verified: every gradient agrees at sizes that the search had not seen:", INDENT)
    for sizes in found.repair.verified:
        yield from words.prose(sizes, INDENT + INDENT)
    yield from words.prose(f"{found.tried:,} candidates tried, found in {found.repair.seconds:.1f} s", INDENT)
    told = {found.repair.diff}
    for other in found.alternatives:
        if other.diff not in told:
            told.add(other.diff)
            yield from words.prose("or, verified as well:", INDENT)
            yield from _sentences(other, words)
            for line in other.diff.splitlines():
                if line[:1] in ("+", "-") and line[:4] not in ("+++ ", "--- "):
                    yield words.diff(line)


def _sentences(repair: Repair, words: _Words) -> Iterator[Text]:
    for change in repair.changes:
        said = f"{Path(change.filename).name}:{change.line}: {change.sentence}"
        yield from words.prose(said, INDENT + INDENT, INDENT)


def _no_fix(found: Diagnosis, budget: float) -> str:
    if not budget:
        return "none was looked for (--budget 0)"
    if not found.tried:
        return "no fix was found: there was nothing to try"
    said = f"no fix was found in {min(found.seconds, budget):.0f} s, {found.tried:,} candidates tried"
    if found.seconds < budget:
        return f"{said}: that is all that is known here, so it takes a change of another kind"
    return f"{said}; --budget {3 * budget:g} looks longer"
