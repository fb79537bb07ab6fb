"""A diagnosis as text: where a backward pass goes wrong, why, and what fixes it."""

from __future__ import annotations

import linecache
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from oracle.child import Checked
from oracle.presentation.table import Signs, escaped, shown

if TYPE_CHECKING:
    from oracle.annotation import Listed
    from oracle.diagnosis import Diagnosis
    from oracle.hypotheses import Reading
    from oracle.repair import Repair

INDENT = "    "
NARROWEST = 40  # columns: in a narrower terminal whole lines wrap
SHORTEST = 20  # columns of a remark, also where the source stands far in
HUNK = re.compile(r"@@ -(\d+)")
DEFINES = re.compile(r"\s*(?:def |class |async def |@)")
NEAR = 20  # lines
ARROW = "<-- "
HERE = f"{ARROW}here, by the fix below"
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

    def verbatim(self, line: str) -> Text:
        return Text((INDENT + escaped(line, self.signs)).rstrip())

    def source(self, lines: Sequence[Listed]) -> Iterator[Text]:
        """Lines of one function, their remarks beside them, or below where the terminal is too narrow for both."""
        indent = min(len(one.source) - len(one.source.lstrip()) for one in lines)
        texts = [escaped(one.source[indent:], self.signs) for one in lines]
        digits, longest = len(str(lines[-1].line)), max(map(len, texts))
        before = lines[0].line - 1
        for one, text in zip(lines, texts):
            if any(linecache.getline(one.filename, k).strip() for k in range(before + 1, one.line)):
                yield Text(INDENT + " " * (digits + 2) + "...")
            before = one.line
            code = f"{INDENT}{one.line:{digits}d}  {text}".rstrip()
            remark = escaped(one.remark, self.signs)
            beside = len(INDENT) + digits + 2 + longest + 2
            if not remark:
                yield Text(code)
            elif beside + len(remark) <= self.width:
                yield _marked(f"{code:{beside}}{remark}", beside)
            else:
                blank = " " * (len(INDENT) + digits + 2 + len(text) - len(text.lstrip()) + len(INDENT))
                room = max(self.width, len(blank) + SHORTEST)
                wrapped = textwrap.wrap(
                    remark, room, initial_indent=blank, subsequent_indent=blank + "  ",
                    break_long_words=False, break_on_hyphens=False,
                )  # fmt: skip
                yield Text(code)
                yield from (_marked(line, len(blank)) for line in wrapped)

    def diff(self, line: str) -> Text:
        style = next((style for start, style in DIFF_STYLES.items() if line.startswith(start)), "")
        return Text((INDENT + escaped(line, self.signs)).rstrip(), style)


def _marked(line: str, at: int) -> Text:
    made = Text(line)
    if line.startswith(ARROW, at):
        made.stylize("bold red", at)
    return made


def _where(found: Diagnosis, words: _Words) -> Iterator[Text]:
    yield Text("where", "bold")
    for line in found.where.said:  # a picture stays in columns
        yield from [words.verbatim(line)] if "  " in line else words.prose(line, INDENT)
    if found.first_wrong is not None:
        name = Path(found.first_wrong_file).name
        yield from words.prose(f"first wrong line: {name}:{found.first_wrong}", INDENT)
    elif not found.where.said:
        yield from words.prose("no line can be named", INDENT)
    if found.unfollowed and found.repair is None:
        yield from words.prose(f"{_unfollowed(found)}: the mistake may stand there", INDENT)
    blocks = groupby(_listing(found), key=lambda one: (one.filename, one.function))
    for number, ((filename, function), lines) in enumerate(blocks):
        if number:
            yield Text()
        yield words.verbatim(", ".join(filter(None, (Path(filename).name, function))))
        yield from words.source(list(lines))


def _unfollowed(found: Diagnosis) -> str:
    names = " and ".join(Path(one).name for one in found.unfollowed)
    return f"the code at the top level of {names} is not followed, only what stands in functions"


def _listing(found: Diagnosis) -> list[Listed]:
    """The annotated source with the lines that are marked: those that the fix changes, else the first wrong one."""
    changed = [(one.filename, one.line) for one in found.made.changes] if found.made else []
    shown = []
    for one in found.where.listing:
        remark = one.remark
        if one.first and (not changed or (one.filename, one.line) == changed[0]):
            remark = ARROW + remark
        elif (one.filename, one.line) in changed:
            remark = HERE
        shown.append(replace(one, remark=remark))
    if changed and shown and changed[0] not in {(one.filename, one.line) for one in shown}:
        filename, line = changed[0]
        source = _line_in(found.made.diff, filename, line)
        if source.strip():
            made = replace(shown[0], filename=filename, function="", line=line, source=source, remark=HERE)
            near = next((one for one in shown if _in_one_function(one, filename, line)), None)
            if near is None:
                return [made, *shown]
            shown.append(replace(made, function=near.function))
            order = {(one.filename, one.function): k for k, one in reversed(list(enumerate(shown)))}
            shown.sort(key=lambda one: (order[one.filename, one.function], one.line))
    return shown


def _in_one_function(one: Listed, filename: str, line: int) -> bool:
    """Whether a line stands near another and no function begins between them."""
    first, last = sorted((one.line, line))
    between = [linecache.getline(filename, number) for number in range(first, last + 1)]
    return one.filename == filename and last - first <= NEAR and not any(DEFINES.match(text) for text in between)


def _line_in(diff: str, filename: str, line: int) -> str:
    """A line of a file as it was, from a diff; empty where that does not show it."""
    name, number = "", 0
    for one in diff.splitlines():
        if one.startswith("--- a/"):
            name = one.removeprefix("--- a/").rstrip()
        elif hunk := HUNK.match(one):
            number = int(hunk[1])
        elif one[:1] in ("-", " "):
            if number == line and name == Path(filename).name:
                return one[1:].expandtabs(4)
            number += 1
    return ""


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
        yield from words.prose(f"a tie: each of these {len(found.readings)} would give exactly this:", INDENT)
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
        if found.part is not None:
            yield from _part(found, found.part, words)
        return
    yield from _shown(found.repair, "every gradient agrees", words)
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


def _part(found: Diagnosis, part: Repair, words: _Words) -> Iterator[Text]:
    """A fix of some of the gradients, and what is known of the others once it is made."""
    yield from words.prose("but a part of it:", INDENT)
    agree = f"{', '.join(found.mended)} agree{'s' if len(found.mended) == 1 else ''}"
    yield from _shown(part, f"{agree}, {', '.join(part.left)} not yet,", words)
    if found.rest:
        yield from words.prose("with that done, the rest would be explained by", INDENT)
        for number, reading in enumerate(found.rest, 1):
            yield from _reading(reading, part.left, words, f"{number}. " if len(found.rest) > 1 else "")
        yield from words.prose(found.rest[0].apart, INDENT)


def _shown(repair: Repair, verified: str, words: _Words) -> Iterator[Text]:
    yield from _sentences(repair, words)
    for line in repair.diff.splitlines():
        yield words.diff(line)
    yield from words.prose(f"verified: {verified} at sizes that the search had not seen:", INDENT)
    for sizes in repair.verified:
        yield from words.prose(sizes, INDENT + INDENT)


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
    if found.seconds < budget and found.unfollowed:
        return f"{said}: {_unfollowed(found)}"
    if found.seconds < budget:
        return f"{said}: that is all that is known here, so it takes a change of another kind"
    return f"{said}; --budget {3 * budget:g} looks longer"
