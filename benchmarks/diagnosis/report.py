"""The figures as tables: by part, by kind, by program, and the cases that failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

import numpy as np
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from benchmarks.diagnosis.cases import PARTS
from benchmarks.diagnosis.scoring import Score
from oracle.kinds import KINDS

COLUMNS = (
    "cases",
    "verdict",
    "parameters",
    "line",
    "planted",
    "cause",
    "causes named",
    "fix",
    "tried",
    "within 100",
    "seconds",
    "90 %",
)
MEANING = (
    "verdict: wrong programs called wrong, right ones right. parameters: exactly those that are wrong. line: the first "
    "wrong line is a planted one, or one whose change is equivalent: a right repair changes it; planted: only the "
    "former. Where several mistakes are planted, any of their lines, whichever runs first. cause: the kind of the "
    "mistake is among the causes named, all kinds where there are several; how many causes are named stands beside it, "
    "on average. fix: a repair under which every gradient is the right program's to 1e-9, at sizes and numbers that "
    "the diagnosis has not seen. tried: candidates until the repair, median, and the share of all cases with a right "
    "repair within 100. seconds: the whole diagnosis, median and 90 % of the cases."
)
WIDTH = 120  # of the tables: a cell that is cut says nothing
Row = tuple[str, ...]


def figures(scores: Sequence[Score]) -> Row:
    """One row of a table, without its name."""
    wrong = [score for score in scores if score.case.mistakes]
    fixed = [score.answer.tried for score in wrong if score.fix and score.answer.tried is not None]
    seconds = [score.answer.seconds for score in scores]
    return (
        str(len(scores)),
        _share([score.verdict for score in scores]),
        _share([score.parameters for score in wrong]),
        _share([score.line for score in wrong]),
        _share([score.planted for score in wrong]),
        _share([score.cause for score in wrong]),
        f"{np.mean([len(set(score.answer.causes)) for score in wrong]):.1f}" if wrong else "",
        _share([score.fix for score in wrong]),
        f"{median(fixed):g}" if fixed else "",
        _share([bool(score.fix) and (score.answer.tried or 0) <= 100 for score in wrong]),
        f"{median(seconds):.1f}",
        f"{np.quantile(seconds, 0.9):.1f}",
    )


def sections(scores: Sequence[Score]) -> list[tuple[str, list[Row]]]:
    """(title, rows) of each table; the first cell of a row is its name."""
    singles = [score for score in scores if score.case.part == "singles"]
    wrong = [score for score in scores if score.case.mistakes]
    return [
        ("part", _rows(scores, PARTS, lambda score: score.case.part)),
        ("kind, singles", _rows(singles, KINDS, lambda score: score.case.mistakes[0].kind)),
        ("program, all its mistakes", _rows(wrong, sorted({s.case.program for s in wrong}), lambda s: s.case.program)),
    ]


def failures(scores: Iterable[Score]) -> list[str]:
    """A line for each case of which something was not right."""
    lines = []
    for score in scores:
        if score.failed:
            answer = score.answer
            lines.append(f"{score.case.part} {score.case}")
            lines.append(f"    not right: {', '.join(score.failed)}")
            if answer.error:
                lines.append(f"    no answer: {answer.error}")
                continue
            lines.append(f"    outcome {answer.outcome}, wrong {', '.join(answer.wrong) or 'nothing'}")
            if score.case.mistakes:
                kinds = ", ".join(mistake.kind for mistake in score.case.mistakes)
                lines.append(f"    should be wrong: {', '.join(sorted(score.case.wrong))}; cause: {kinds}")
                lines.append(f"    line {answer.first_wrong}, should be one of {sorted(score.case.lines)}")
                lines.append(f"    causes named: {', '.join(answer.causes) or 'none'}")
            if answer.claimed and not answer.fixed:
                lines.append("    a repair was called verified, and is not right:")
                lines += [f"        {line}" for line in answer.diff.splitlines()]
    return lines


def false_claims(scores: Iterable[Score]) -> int:
    """Repairs that were called verified and are not right at other sizes and numbers."""
    return sum(score.answer.claimed and score.answer.fixed is False for score in scores)


def show(console: Console, scores: Sequence[Score]) -> None:
    """Print the tables, wider than the console if they must be."""
    parts = []
    for title, rows in sections(scores):
        if rows:
            table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
            table.add_column("", no_wrap=True)
            for column in COLUMNS:
                table.add_column(column, justify="right", no_wrap=True)
            for row in rows:
                table.add_row(*row)
            parts += [table, Text()]
    if console.width < WIDTH:
        console.width = WIDTH
    console.print(Group(*parts))
    console.print(MEANING, style="dim")
    if errors := sum(bool(score.answer.error) for score in scores):
        console.print(f"no answer: {errors} cases")
    if claims := false_claims(scores):
        console.print(f"repairs called verified that are not right: {claims}")


def markdown(scores: Sequence[Score]) -> list[str]:
    """The tables in Markdown, line by line."""
    lines = [""]
    for title, rows in sections(scores):
        if rows:
            lines.append(f"| {' | '.join([title, *COLUMNS])} |")
            lines.append(f"|---|{'---:|' * len(COLUMNS)}")
            lines += [f"| {' | '.join(row)} |" for row in rows]
            lines.append("")
    lines.append(MEANING)
    lines.append(
        f"No answer: {sum(bool(score.answer.error) for score in scores)} cases. "
        f"Repairs called verified that are not right: {false_claims(scores)}."
    )
    return [*lines, ""]


def _rows(scores: Sequence[Score], names: Iterable[str], name_of: Callable[[Score], str]) -> list[Row]:
    groups = [(name, [score for score in scores if name_of(score) == name]) for name in names]
    return [(name, *figures(group)) for name, group in groups if group]


def _share(hits: Sequence[bool | None]) -> str:
    return f"{100 * sum(map(bool, hits)) / len(hits):.0f} %" if hits else ""
