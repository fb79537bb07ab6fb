"""A check as Markdown, for the summary that a CI system shows of a job."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oracle.child import Checked
from oracle.finding import in_words
from oracle.presentation.function_table import heading
from oracle.presentation.table import UNICODE
from oracle.verdict import AGREES, CANNOT_TELL, WRONG

LIMIT = 1 << 20  # bytes: GitHub shows nothing of a step's summary that is larger
RESERVE = 1 << 10  # for what is said of what was left out
ORDER = {WRONG: 0, CANNOT_TELL: 1, AGREES: 2}
SPECIAL = re.compile(r"[\x00-\x1f!#$&)*+.:<>@\[\\\]^_`{|}~-]|(?<![^ ]) ")
"""What Markdown or HTML may read as more than itself; the first blank and further ones too, for an indent is code."""


@dataclass(frozen=True)
class Section:
    """What is told of one function, at length and, where there is no room for that, in short."""

    name: str
    long: str
    short: str


def append(results: Sequence[Checked], path: Path, limit: int = LIMIT) -> None:
    """Append the summary to a file, which may be new and has room for `limit` bytes in all.

    Raises OSError where that cannot be done.
    """
    with open(path, "ab") as file:
        taken = file.tell()
        file.write(("\n" * bool(taken) + summary(results, limit - taken - 1)).encode())


def summary(results: Sequence[Checked], limit: int = LIMIT) -> str:
    """A table of the functions, the wrong ones first, then each wrong one with its cause and its fix.

    limit   in bytes of UTF-8, of at least a few hundred; what has no room is counted in the last line
    """
    ordered = sorted(results, key=lambda one: ORDER[_outcome(one)])
    counts = {outcome: sum(_outcome(one) == outcome for one in results) for outcome in ORDER}
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    text = _Limited(f"## Gradients: {told}\n\n| | function | verdict |\n|---|---|---|\n", limit - RESERVE)
    rows = sum(not text.add(_row(one)) for one in ordered)
    shortened, omitted = [], []
    for section in [_section(one) for one in ordered if _outcome(one) == WRONG]:
        if not text.add(section.long):
            (shortened if text.add(section.short) else omitted).append(section.name)
    left_out = [f"{rows} row{'s' * (rows > 1)} of the table"] if rows else []
    left_out += [f"the details of {_names(omitted)}"] if omitted else []
    left_out += [f"the diff of {_names(shortened)}"] if shortened else []
    if left_out:
        text.last(f"\nLeft out, for all of it is more than fits here: {'; '.join(left_out)}.\n")
    return text.text


class _Limited:
    """Text that takes no more than has room; once rows of a table are left out, all that follow are."""

    def __init__(self, text: str, limit: int) -> None:
        self.text, self.room = text, limit - len(text.encode())

    def add(self, text: str) -> bool:
        size = len(text.encode())
        if size > self.room:
            return False
        self.text, self.room = self.text + text, self.room - size
        return True

    def last(self, text: str) -> None:
        self.text += text


def _names(names: Sequence[str]) -> str:
    """Three of them at most, so that this itself has room."""
    shown = ", ".join(code(name[:60]) for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _outcome(checked: Checked) -> str:
    return CANNOT_TELL if checked.report is None else checked.report.outcome


def _row(checked: Checked) -> str:
    outcome = _outcome(checked)
    if checked.report is None:
        said = f"not checked: {checked.not_checked}"
    else:
        said = in_words(checked.report.worst)[0]
    first = said.strip().splitlines()[0] if said.strip() else ""
    return f"| {UNICODE.mark(outcome)} | {code(heading(checked))} | {escaped(_cut(first))} |\n"


def _cut(text: str, most: int = 300) -> str:
    return text if len(text) <= most else text[:most] + " ..."


def _section(checked: Checked) -> Section:
    found = checked.diagnosis
    lines = ["", f"### {UNICODE.wrong} {code(heading(checked))}", ""]
    if checked.not_diagnosed:
        lines += [f"It could not be diagnosed: {escaped(checked.not_diagnosed)}", ""]
    lines += [f"- {escaped(fault)}" for fault in checked.report.worst.faults]
    diff: list[str] = []
    if found is not None and found.wrong:
        lines += list(_where_and_why(checked))
        if found.repair is None:
            lines.append("- No fix was found." if found.part is None else "- No whole fix was found.")
        if made := found.made:
            what = "Fix" if found.repair else "A part of it"
            lines += [f"- {what}: {_at(one.filename, one.line)} {escaped(one.sentence)}" for one in made.changes]
            agreeing = (
                "every gradient agrees"
                if found.repair
                else f"{', '.join(found.mended)} agree{'s' * (len(found.mended) == 1)}"
            )
            diff = ["", f"<details><summary>The change, with which {escaped(agreeing)}</summary>", ""]
            diff += [*fenced(made.diff), ""]
            diff += [f"Verified at {escaped('; at '.join(made.verified))}.", "", "</details>"]
        for number, reading in enumerate(found.rest):
            said = "; ".join(one.sentence for one in reading.mistakes)
            lines.append(f"- {'Or' if number else 'With that done, the rest'}: {escaped(said)}")
    short = "\n".join(lines) + "\n"
    return Section(checked.name, short + "".join(f"{line}\n" for line in diff), short)


def _where_and_why(checked: Checked) -> Iterator[str]:
    found = checked.diagnosis
    yield f"- Wrong: {', '.join(map(code, found.wrong))}"
    where = found.where if found.where.line is not None else None
    file, line = (where.filename, where.line) if where else (found.first_wrong_file, found.first_wrong)
    if line is not None:
        yield f"- First wrong line: {_at(file, line)}"
    if len(found.readings) > 1:
        yield f"- {len(found.readings)} mistakes would give exactly this:"
    for reading in found.readings:
        for mistake in reading.mistakes:
            more = "; ".join(part for part in (mistake.algebra, mistake.shapes) if part)
            said = f"{mistake.sentence} ({more})" if more else mistake.sentence
            yield f"- Cause, {escaped(mistake.kind)}: {escaped(said)}"
    if not found.readings:
        yield from (f"- {escaped(fact)}" for fact in found.facts)


def _at(filename: str, line: int) -> str:
    """'rnn.py:3', 'rnn.ipynb, cell 5, line 3'."""
    name = Path(filename).name
    return code(f"{name}, line {line}" if ", cell " in name else f"{name}:{line}")


def code(text: str) -> str:
    """In the font of code; a table and HTML may stand around it."""
    return f"<code>{escaped(text)}</code>"


def escaped(text: str) -> str:
    """Text that stays what it is: all that Markdown or HTML could read as more is written as a number."""
    text = text.encode("utf-8", "backslashreplace").decode()  # no lone surrogates, which file names may have
    return SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text)


def fenced(diff: str) -> list[str]:
    """A block of code that ends where the diff does, whatever that holds."""
    fence = "`" * (max((len(run) for run in re.findall("`+", diff)), default=0) + 1)
    fence = max(fence, "```", key=len)
    text = diff.encode("utf-8", "backslashreplace").decode().removesuffix("\n")
    return [f"{fence}diff", *text.split("\n"), fence]
