"""The verdicts on one gradient function: a parameter a row, a case a column; and what else is known of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from oracle.child import Checked
from oracle.finding import Finding, in_words
from oracle.gradient_check import FunctionReport
from oracle.presentation.table import STYLES, Signs, escaped
from oracle.verdict import AGREES, WRONG, Verdict, multiples

MOST_OUTPUT_LINES = 10
LONGEST_OUTPUT_LINE = 200
GAP = 3  # between two columns of the table
EDGES = 2  # columns that rich leaves out when it measures a table without edges
NAME_WIDTH = 20  # columns that a name has in any terminal; a longer one goes on in the next line
VERBATIM = ("not checked: ", "it printed:")  # what follows such a line is a traceback, or the function's own
DEEPEST = 4  # blanks before a sentence; what is set in deeper is source, or in columns


def heading(checked: Checked) -> str:
    """'char_rnn at check_char_rnn.py:4'."""
    if checked.report is None:
        return checked.name
    return f"{checked.name} at {Path(checked.report.filename).name}:{checked.report.line}"


def verdict_table(report: FunctionReport, signs: Signs, width: int) -> Table:
    """Relative errors where they agree, multiples of the rounding noise where they do not."""
    told = [finding for finding in report.findings if not finding.not_checked]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    columns = [[cell(finding[name], signs) for name in report.parameters] for finding in told]
    # headings and names may wrap, numbers may not
    headings = [escaped(sizes_in_words(finding), signs) for finding in told]
    least = [max(map(len, [*cells, *heading.split()])) for heading, cells in zip(headings, columns)]
    room = max(NAME_WIDTH, width - EDGES - sum(GAP + one for one in least))
    table.add_column("gradient", max_width=room, overflow="fold")
    for heading, narrowest in zip(headings, least):
        table.add_column(heading, justify="right", min_width=narrowest)
    for name, *cells in zip(report.parameters, *columns):
        table.add_row(escaped(name, signs), *cells)
    return table


def sizes_in_words(finding: Finding) -> str:
    short = {"time": "T", "batch": "B"}
    return " ".join(f"{short.get(name, name)}={size}" for name, size in finding.sizes.items()) or "as given"


def cell(verdict: Verdict, signs: Signs) -> Text:
    if verdict.outcome == AGREES:
        text = f"{verdict.relative_error:.0e} {signs.agrees}"
    elif verdict.reason:
        text = f"{verdict.outcome} {signs.mark(verdict.outcome)}"
    else:
        text = f"{multiples(verdict.ratio)} {signs.times} noise {signs.wrong}"
    return Text(text, STYLES[verdict.outcome])


def paragraphs(checked: Checked) -> Iterator[str]:
    """What follows the table, one text a paragraph."""
    if checked.report is None:
        yield f"not checked: {checked.not_checked}"
    else:
        yield "\n".join([*in_words(checked.report.worst), *elsewhere(checked.report)])
        if checked.report.shrunk is not None:
            yield "\n".join(smallest_in_words(checked.report))
    if checked.output.strip() and (checked.report is None or checked.not_checked):
        lines = checked.output.rstrip().splitlines()[-MOST_OUTPUT_LINES:]
        yield "\n".join(["it printed:", *(f"    {shorten(line)}" for line in lines)])


def wrapped(paragraph: str, width: int) -> str:
    """A paragraph with its sentences in lines of that width; source and what the function printed stay as they are."""
    lines = paragraph.splitlines()
    sentences = 1 if paragraph.startswith(VERBATIM) else len(lines)
    return "\n".join([*(_wrapped(line, width) for line in lines[:sentences]), *lines[sentences:]])


def _wrapped(line: str, width: int) -> str:
    indent = len(line) - len(line.lstrip())
    if indent > DEEPEST:
        return line
    further = " " * (indent + 2)
    return textwrap.fill(line, width, subsequent_indent=further, break_long_words=False, break_on_hyphens=False)


def shorten(line: str) -> str:
    return line if len(line) <= LONGEST_OUTPUT_LINE else line[:LONGEST_OUTPUT_LINE] + " ..."


def elsewhere(report: FunctionReport) -> list[str]:
    """Gradients that are wrong only at other sizes than those shown at length."""
    told = set(report.worst.wrong)
    lines = []
    for finding in report.findings:
        for verdict in finding.verdicts:
            if verdict.outcome == WRONG and verdict.name not in told:
                told.add(verdict.name)
                known = finding.recognised.get(verdict.name)
                lines.append(f"    at {sizes_in_words(finding)}: {verdict}{f': {known}' if known else ''}")
    return ["only at other sizes:", *lines] if lines else []


def smallest_in_words(report: FunctionReport) -> list[str]:
    """The smallest sizes, and what follows from them."""
    sizes = ", ".join(f"{name}={size}" for name, size in report.shrunk.sizes.items())
    return [
        f"smallest sizes at which {report.shrunk.parameter} is wrong: {sizes}",
        *(f"    {line}" for line in report.shrunk.says),
    ]
