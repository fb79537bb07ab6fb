"""What the named run costs: a gradient function once more, a name for every axis, beside one plain call of it.

    python benchmarks/alignment.py [--repeats 15] [--markdown docs/checking.md] [FILE ...]

Measured is what a check adds to a function whose gradients agree: the run itself and what it says, at the first case.
Of each function and each of the two the quickest of the repeats counts, in processor time: what else runs is left out.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from machine import description, one_thread, write_section

one_thread()

import click  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import track  # noqa: E402
from rich.table import Table  # noqa: E402

from oracle.alignment import aligned  # noqa: E402
from oracle.gradient_check import functions_in, subject_at  # noqa: E402
from oracle.sizes import points  # noqa: E402
from oracle.subject import Subject, run  # noqa: E402

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = [EXAMPLES / name for name in ("check_right.py", "check_beyond_rnn.py", "check_deviating.py")]
COLUMNS = ("gradient function", "plain call, ms", "named run, ms", "ratio")


def quickest(call: Callable[[], object], repeats: int) -> float:
    """Milliseconds of processor time of the quickest of several calls, after one that is not counted."""
    taken = []
    for _ in range(repeats + 1):
        begin = time.process_time()
        call()
        taken.append(1000 * (time.process_time() - begin))
    return min(taken[1:])


def cost(subject: Subject, shapes: object, sizes: object, repeats: int) -> tuple[float, float]:
    """Milliseconds of a plain call and of a named run."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = quickest(lambda: run(subject, subject.parameters), repeats)
        named = quickest(lambda: aligned(subject, shapes, sizes), repeats)
    return plain, named


def in_words(costs: list[tuple[float, float]]) -> str:
    """The figures in a sentence."""
    named = [one for _, one in costs]
    ratios = [one / plain for plain, one in costs]
    return (
        f"{len(costs)} functions: a named run takes {statistics.median(named):.0f} ms of processor time in the median "
        f"and {max(named):.0f} ms at most, {statistics.median(ratios):.0f} times one plain call in the median and "
        f"{max(ratios):.0f} times at most."
    )


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--repeats", default=15, show_default=True, help="Of which the quickest counts.")
@click.option("--markdown", "path", type=click.Path(dir_okay=False, path_type=Path), help="File for the figures.")
def main(files: tuple[Path, ...], repeats: int, path: Path | None) -> None:
    """Measure what the named run costs beside one plain call."""
    console = Console()
    functions = [
        (file.name, function) for file in files or FILES for function in functions_in(str(file)).values()
    ]  # fmt: skip
    table, costs = Table(*COLUMNS), []
    for file, function in track(
        functions, "measuring", console=console, transient=True, disable=not sys.stdout.isatty()
    ):
        subject, sizes = subject_at(function, points(function.shapes)[0])
        plain, named = cost(subject, function.shapes, sizes, repeats)
        costs.append((plain, named))
        table.add_row(f"{file}::{function.name}", f"{plain:.2f}", f"{named:.1f}", f"{named / plain:.0f}")
    console.print(description(), highlight=False)
    console.print(table)
    console.print(in_words(costs), highlight=False)
    if path is not None:
        write_section(path, "alignment", [f"`python benchmarks/alignment.py`, {in_words(costs)}", f"({description()})"])


if __name__ == "__main__":
    main()
