"""Counts, and docs/mutants.md: every survivor with the reason why no test can tell it from the original."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import TestOutcome, WorkResult
from rich.console import Console
from rich.table import Table

from mutants.operators import OPERATORS, ArrayOperator
from mutants.sources import Mutant

TIMEOUT_OUTPUT = "timeout"  # what cosmic-ray writes for a test that did not end

HEADING = """\
# Mutants

Written by `make mutants`; the docstring of the package `mutants` says how. A mutant is `rnn_manual` with one small
mistake in it. It is killed if PyTorch's recorded gradients or a NumPy test notices it. Changes of annotations,
docstrings and the arguments of exceptions are not counted, nor is a mutant that is the same program as another one.

**{mutants} mutants, {killed} killed; {survivors} survive, each with a reason why it is equivalent to the original.**
"""


def report(work: WorkDB, found: list[Mutant], reasons_file: Path, page: Path) -> int:
    """Print the counts, write the page, and return the exit status: 1 unless survivors and reasons match one to one."""
    results = dict(work.results)
    fates = {mutant.key: fate(results[mutant.key]) for mutant in found}
    survivors = {mutant.key: mutant for mutant in found if fates[mutant.key] == "survived"}
    reasons = tomllib.loads(reasons_file.read_text())["equivalent"]
    explained = [key for entry in reasons for key in entry["mutants"]]

    Console(width=120).print(terminal_table(found, fates))
    unexplained = [key for key in survivors if key not in explained]
    outdated = [key for key in explained if key not in survivors]
    for key in unexplained:
        print(f"survived without a reason: {key}")
    for key in outdated:
        print(f"a reason for what did not survive: {key}")
    if unexplained or outdated:
        print(f"Kill them with a better test, or say in {reasons_file.name} why no test can tell them apart.")
        return 1
    heading = HEADING.format(mutants=len(found), killed=len(found) - len(survivors), survivors=len(survivors))
    page.write_text(f"{heading}\n{counts(found, fates)}\n{survivors_in_words(survivors, reasons)}")
    print(f"{len(found)} mutants, {len(survivors)} survive, each with a reason in {page.name}")
    return 0


def fate(result: WorkResult) -> str:
    """survived; or what killed it: import, gradients, tests, timeout."""
    if result.test_outcome is TestOutcome.SURVIVED:
        return "survived"
    if result.output == TIMEOUT_OUTPUT:
        return "timeout"
    told = result.output.split(":")[0]
    return told if told in ("import", "gradients", "tests") else "crash"


FATES = ("gradients", "tests", "import", "timeout", "crash", "survived")


def table(found: Iterable[Mutant], fates: dict[str, str]) -> list[tuple[str, ...]]:
    """Operator, number of mutants, number with each fate; then the sum."""
    by_operator: dict[str, Counter[str]] = {}
    for mutant in found:
        by_operator.setdefault(mutant.operator, Counter())[fates[mutant.key]] += 1
    total = sum(by_operator.values(), Counter())
    rows = [(name, *numbers(by_operator[name])) for name in OPERATORS if name in by_operator]
    return [*rows, ("all", *numbers(total))]


def numbers(counter: Counter[str]) -> tuple[str, ...]:
    return str(counter.total()), *(str(counter[fate]) for fate in FATES)


def terminal_table(found: list[Mutant], fates: dict[str, str]) -> Table:
    shown = Table("operator", "mutants", *FATES)
    for row in table(found, fates):
        shown.add_row(*row, end_section=row[0] == "all")
    return shown


def counts(found: list[Mutant], fates: dict[str, str]) -> str:
    lines = [
        "## Counts",
        "",
        "Killed by the recorded gradients, by the NumPy tests, on import, by never ending, by a crash; or survived.",
        "",
        "| operator | what it does | mutants | " + " | ".join(FATES) + " |",
        "|---|---|" + "---:|" * (len(FATES) + 1),
    ]
    for name, *row in table(found, fates):
        lines.append(f"| {name} | {meaning(name)} | {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def meaning(name: str) -> str:
    """An operator's own description, with what would break a table escaped."""
    if name == "all":
        return ""
    operator = OPERATORS[name]
    text = operator.alternatives.__doc__ if isinstance(operator, ArrayOperator) else "cosmic-ray's own"
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def survivors_in_words(survivors: dict[str, Mutant], reasons: list[dict]) -> str:
    lines = ["## Survivors", "", "Each group is equivalent to the original for the reason above it."]
    for entry in reasons:
        lines += ["", entry["reason"].strip(), "", "```diff"]
        for key in entry["mutants"]:
            mutant = survivors[key]
            lines.append(f"@@ {mutant.module}.{mutant.function} ({mutant.operator})")
            lines += [f"- {mutant.before}", f"+ {mutant.after}"]
        lines.append("```")
    return "\n".join(lines) + "\n"
