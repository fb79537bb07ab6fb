"""Has the hand-written pass become slower? A few points of the speed table anew, by ratio and not by time.

    python benchmarks/regression.py             # exit status 1 where a ratio is worse than its margin allows
    python benchmarks/regression.py --record    # keeps the ratios of today in benchmarks/ratios.json

A ratio is our time over that of a named peer, both measured in the same process on one thread, one after the other, and
is the median over the rounds of the ratio within a round: another machine that is twice as fast moves both. A run is a
process of its own, for where a process happens to lie in memory moves its ratios more than anything within it. The
margin comes from how far apart the runs are, those that were recorded and those of today.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, variance

import click
from rich.console import Console
from rich.table import Table

RATIOS = Path(__file__).with_name("ratios.json")
POINTS = (
    ("elman", (10, 4, 8, 16), "float64", "torch.nn"),
    ("elman", (50, 32, 64, 128), "float64", "torch.nn"),
    ("lstm", (10, 4, 8, 16), "float64", "torch.nn"),
    ("lstm", (10, 32, 32, 64), "float32", "torch.nn"),
    ("lstm", (50, 32, 64, 128), "float64", "torch.nn"),
    ("gru", (10, 4, 8, 16), "float64", "torch.nn"),
    ("gru", (10, 32, 32, 64), "float32", "torch.nn"),
    ("gru", (50, 32, 64, 128), "float64", "torch.nn"),
)
"""(cell, (T, B, I, H), dtype, the peer). Not against the floor: beside busy cores ours takes up to 1.6 times as long of
it as on an idle machine, for its arrays need the cache and the bare products do not."""
ROUNDS = 15
RECORDED_RUNS, RUNS = 7, 3
DEVIATIONS = 4.0  # standard deviations of one run
SMALLEST = 0.05  # of a ratio: a smaller change is not looked for

SLOWER, FASTER, SAME = "slower", "faster", "same"


@dataclass(frozen=True)
class Compared:
    """One point: the ratios recorded and those of today, one for each run.

    Raises ValueError for fewer than two runs on either side and for ratios that are not positive.
    """

    name: str
    recorded: tuple[float, ...]
    today: tuple[float, ...]

    def __post_init__(self) -> None:
        for what in ("recorded", "today"):
            runs = getattr(self, what)
            if len(runs) < 2 or not all(0 < ratio < math.inf for ratio in runs):
                raise ValueError(f"{what} of {self.name} is {runs!r}, but should be two or more positive ratios")

    @property
    def change(self) -> float:
        """0.2 where we take 20 % more of the peer's time than when it was recorded."""
        return median(self.today) / median(self.recorded) - 1

    @property
    def margin(self) -> float:
        """How large a change may be: so many standard deviations of one run, of both sides pooled."""
        sides = [[math.log(ratio) for ratio in runs] for runs in (self.recorded, self.today)]
        weights = [len(side) - 1 for side in sides]
        pooled = sum(weight * variance(side) for weight, side in zip(weights, sides)) / sum(weights)
        return max(SMALLEST, math.expm1(DEVIATIONS * math.sqrt(pooled)))

    @property
    def outcome(self) -> str:
        if self.change > self.margin:
            return SLOWER
        return FASTER if 1 / (1 + self.change) - 1 > self.margin else SAME


def compared(recorded: Mapping[str, Sequence[float]], today: Mapping[str, Sequence[float]]) -> list[Compared]:
    """Raises ValueError where a point was recorded and is not measured, or the other way round."""
    if recorded.keys() != today.keys():
        differing = ", ".join(sorted(recorded.keys() ^ today.keys()))
        raise ValueError(f"recorded and measured points differ in {differing}: run with --record")
    return [Compared(name, tuple(recorded[name]), tuple(today[name])) for name in today]


def read(path: Path) -> dict[str, object]:
    """{"machine": ..., "ratios": {point: [ratio of each run]}}. Raises ValueError with what to do for anything else."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        ratios = kept["ratios"]
        if not all(isinstance(ratio, float) for runs in ratios.values() for ratio in runs):
            raise TypeError("a ratio is no number")
        return {"machine": str(kept["machine"]), "ratios": ratios}
    except FileNotFoundError:
        raise ValueError(f"there is no {path}: run with --record") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} holds no ratios ({error}): run with --record") from None


def one_run(_: int) -> dict[str, float]:
    """The ratio of every point, in this process."""
    import numpy as np
    from contenders import CONTENDERS, make_problem
    from speed import AGREEMENT, check_agreement, interleaved  # ties the process to one thread

    ratios = {}
    for cell, size, dtype, peer in POINTS:
        problem = make_problem(cell, size, np.dtype(dtype).type)
        contenders = {name: CONTENDERS[name](problem) for name in ("ours", peer)}
        check_agreement(contenders, AGREEMENT[dtype])
        seconds = interleaved(contenders, ROUNDS)
        ratios[label(cell, size, dtype, peer)] = median(a / b for a, b in zip(seconds["ours"], seconds[peer]))
    return ratios


def label(cell: str, size: tuple[int, ...], dtype: str, peer: str) -> str:
    return f"{cell} {', '.join(map(str, size))} {dtype}: ours / {peer}"


def measured(runs: int) -> dict[str, list[float]]:
    """The ratios of so many processes, one after the other."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        every = pool.map(one_run, range(runs), chunksize=1)
    return {name: [run[name] for run in every] for name in every[0]}


def described(_: int = 0) -> str:
    from speed import description  # in a process of its own: it ties itself to one core

    return description()


@click.command()
@click.option("--record", is_flag=True, help=f"Keep the ratios of {RECORDED_RUNS} runs.")
@click.option("--ratios", "path", type=click.Path(dir_okay=False, path_type=Path), default=RATIOS, help="The file.")
def main(record: bool, path: Path) -> None:
    """Compare our time over that of torch with what was recorded."""
    console = Console()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        machine = pool.apply(described)
    if record:
        ratios = {name: [round(ratio, 4) for ratio in runs] for name, runs in measured(RECORDED_RUNS).items()}
        path.write_text(json.dumps({"machine": machine, "ratios": ratios}, indent=2) + "\n", encoding="utf-8")
        console.print(f"recorded {len(ratios)} ratios in {path}", highlight=False)
        return
    try:
        kept = read(path)
        points = compared(kept["ratios"], measured(RUNS))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    shown = Table("point", "recorded", "today", "change", "margin", "")
    for point in points:
        numbers = f"{median(point.recorded):.3f}", f"{median(point.today):.3f}"
        shown.add_row(point.name, *numbers, f"{point.change:+.0%}", f"{point.margin:.0%}", point.outcome)
    console.print(shown)
    if kept["machine"] != machine:
        console.print(f"recorded on: {kept['machine']}\nrun on: {machine}", highlight=False)
        console.print("ratios differ from one kind of processor to another: record them where you compare")
    slower = [point for point in points if point.outcome == SLOWER]
    if slower:
        console.print(f"{len(slower)} of {len(points)} ratios are worse than their margin allows")
    sys.exit(1 if slower else 0)


if __name__ == "__main__":
    main()
