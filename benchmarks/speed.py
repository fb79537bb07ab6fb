"""How fast: the loss and all gradients by hand, against torch, jax and the bare matrix products.

    python benchmarks/speed.py [--quick] [--markdown docs/speed.md]

Every round times each contender once, one after the other, so that a machine that slows down slows down all alike; a
ratio is the median over the rounds of the ratio within a round. The clock is the processor time of this process, which
on one thread is the time on the wall less what other programs take of the core. Before anything is timed, every
contender's loss and gradients are compared with ours.
"""

from __future__ import annotations

import sys
import time
import timeit
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from machine import description, one_thread, write_section

one_thread()

import click  # noqa: E402
import numpy as np  # noqa: E402
from contenders import CELLS, CONTENDERS, Contender, make_problem  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: E402
from rich.table import Table  # noqa: E402

Size = tuple[int, int, int, int]

SIZES: list[Size] = [
    (2, 1, 8, 16),
    (8, 1, 2, 16),
    (10, 4, 8, 16),
    (10, 32, 32, 64),
    (50, 32, 64, 128),
    (100, 64, 64, 256),
    (100, 64, 128, 512),
]
"""(T, B, I, H): time steps, batch, inputs, hidden units."""
QUICK = SIZES[:5]
DTYPES = ("float64", "float32")
ROUNDS, QUICK_ROUNDS = 9, 3
SECONDS = 0.02  # each timing repeats its call for about so long
AGREEMENT = {"float64": 1e-9, "float32": 1e-3}  # of the largest entry: to catch another computation, not rounding

COLUMNS = ("cell", "T, B, I, H", "ours, ms", "torch.nn / ours", "torch steps / ours", "jax scan / ours", "ours / floor")


@dataclass(frozen=True)
class Point:
    """What was measured at one cell, size and dtype: for each contender the seconds of one call, round by round."""

    cell: str
    size: Size
    dtype: str
    seconds: dict[str, list[float]]

    def ratio(self, slow: str, fast: str) -> float | None:
        """How many times as long `slow` takes; None where one of them could not run."""
        if slow not in self.seconds or fast not in self.seconds:
            return None
        return median(a / b for a, b in zip(self.seconds[slow], self.seconds[fast]))

    @property
    def missed(self) -> list[str]:
        """The columns of what it should reach and does not."""
        over_torch, over_floor = self.ratio("torch.nn", "ours"), self.ratio("ours", "floor")
        least = 1.5 if self.dtype == "float64" else 1.0
        missed = ["torch.nn / ours"] if over_torch < least else []
        return missed + (["ours / floor"] if self.size[3] >= 64 and over_floor > 1.5 else [])

    def cells(self) -> list[str]:
        ratios = [self.ratio(name, "ours") for name in ("torch.nn", "torch steps", "jax scan")]
        ratios.append(self.ratio("ours", "floor"))
        steps, batch, inputs, hidden = self.size
        shown = ["-" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
        for column in self.missed:
            k = COLUMNS.index(column) - 3
            shown[k] = f"**{shown[k]}**"
        return [self.cell, f"{steps}, {batch}, {inputs}, {hidden}", f"{median(self.seconds['ours']) * 1e3:.3g}", *shown]


def points(sizes: list[Size], rounds: int) -> Iterator[Point]:
    for dtype in DTYPES:
        for cell in CELLS:
            for size in sizes:
                problem = make_problem(cell, size, np.dtype(dtype).type)
                contenders = {}
                for name, prepare in CONTENDERS.items():
                    try:
                        contenders[name] = prepare(problem)
                    except ImportError:  # jax may be missing; torch is required
                        continue
                check_agreement(contenders, AGREEMENT[dtype])
                yield Point(cell, size, dtype, interleaved(contenders, rounds))


def interleaved(contenders: dict[str, Contender], rounds: int) -> dict[str, list[float]]:
    """Seconds of one call of each contender, in each of the rounds."""
    timed = partial(timeit.timeit, timer=time.process_time)
    numbers = {}
    for name, contender in contenders.items():
        contender.run()
        numbers[name] = max(1, round(SECONDS / timed(contender.run, number=1)))
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            seconds[name].append(timed(contender.run, number=numbers[name]) / numbers[name])
    return seconds


def check_agreement(contenders: dict[str, Contender], tolerance: float) -> None:
    """Raises AssertionError where a contender's loss or a gradient is not ours."""
    ours = _named(contenders["ours"])
    for name, contender in contenders.items():
        if contender.results is None:
            continue
        theirs = _named(contender)
        assert set(theirs) == set(ours), f"{name} computes {sorted(theirs)}, but should compute {sorted(ours)}"
        for key, value in ours.items():
            error = np.max(np.abs(theirs[key] - value)) / np.max(np.abs(value))
            assert error <= tolerance, f"{name} and ours differ in {key} by {error:.1e} of its largest entry"


def _named(contender: Contender) -> dict[str, np.ndarray]:
    loss, gradients = contender.results(contender.run())
    return {"loss": np.asarray(loss), **gradients}


def table(points: list[Point], dtype: str) -> Table:
    shown = Table(title=dtype)
    for column in COLUMNS:
        shown.add_column(column, justify="left" if column == COLUMNS[0] else "right", no_wrap=column == "T, B, I, H")
    for point in points:
        if point.dtype == dtype:
            shown.add_row(*[text.replace("**", "!", 1).replace("**", "") for text in point.cells()])
    return shown


def markdown(points: list[Point]) -> list[str]:
    lines = [f"Measured on: {description()}.", ""]
    for dtype in DTYPES:
        lines += [f"### {dtype}", "", f"| {' | '.join(COLUMNS)} |", "|---|" + "---:|" * (len(COLUMNS) - 1)]
        lines += [f"| {' | '.join(point.cells())} |" for point in points if point.dtype == dtype]
        lines.append("")
    missed = [point for point in points if point.missed]
    return [*lines, f"{len(points) - len(missed)} of {len(points)} rows reach every goal; what misses one is in bold."]


@click.command()
@click.option("--quick", is_flag=True, help=f"The {len(QUICK)} smallest sizes, {QUICK_ROUNDS} rounds.")
@click.option("--markdown", "path", type=click.Path(dir_okay=False, path_type=Path), help="File for the tables.")
def main(quick: bool, path: Path | None) -> None:
    """Time the loss and all gradients by hand against torch, jax and the bare matrix products."""
    sizes, rounds = (QUICK, QUICK_ROUNDS) if quick else (SIZES, ROUNDS)
    console = Console()
    measured = []
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task("", total=len(DTYPES) * len(CELLS) * len(sizes))
        for point in points(sizes, rounds):
            measured.append(point)
            progress.update(task, advance=1, description=f"{point.cell} {point.dtype} {point.size}")
    console.print(description(), highlight=False)
    for dtype in DTYPES:
        console.print(table(measured, dtype))
    console.print("torch.nn / ours: how many times as long torch takes. ! marks what misses its goal (docs/speed.md).")
    if "jax scan" not in measured[0].seconds:
        console.print("jax is not installed: its column is empty. pip install jax")
    if path is not None:
        write_section(path, "speed", markdown(measured))


if __name__ == "__main__":
    main()
