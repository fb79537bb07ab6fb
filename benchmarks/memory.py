"""How much memory: the peak of the process while the loss and all gradients are computed, ours against torch.nn.

    python benchmarks/memory.py [--markdown docs/speed.md]

Each number comes from a process of its own. It imports everything, computes a tiny problem once so that the libraries
have what they allocate for themselves, makes the arrays, forgets its peak so far, and computes; the growth of its
resident memory from there to the new peak is what counts. Linux only: no other system can forget the peak.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from machine import description, one_thread, write_section

one_thread()

import click  # noqa: E402
import numpy as np  # noqa: E402
from contenders import CELLS, CONTENDERS, make_problem  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import track  # noqa: E402
from rich.table import Table  # noqa: E402

SIZES = [(50, 32, 64, 128), (100, 64, 64, 256), (100, 64, 128, 512)]
DTYPES = ("float64", "float32")
COLUMNS = ("cell", "dtype", "T, B, I, H", "ours, MiB", "torch.nn, MiB", "ours / torch.nn")


def growth(contender: str, cell: str, dtype: str, size: tuple[int, int, int, int]) -> float:
    """MiB by which this process grows at its peak."""
    kind = np.dtype(dtype).type
    CONTENDERS[contender](make_problem(cell, (3, 2, 4, 5), kind)).run()
    run = CONTENDERS[contender](make_problem(cell, size, kind)).run
    Path("/proc/self/clear_refs").write_text("5")  # the peak becomes what is resident now
    before = resident("VmRSS")
    result = run()  # noqa: F841  kept until the peak is read
    return (resident("VmHWM") - before) / 1024


def resident(field: str) -> int:
    """A field of this process's status, in KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {field}")


def in_child(contender: str, cell: str, dtype: str, size: tuple[int, int, int, int]) -> float:
    """`growth`, measured in a process of its own."""
    command = [sys.executable, __file__, "--child", contender, cell, dtype, *map(str, size)]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(child.stdout)


@click.command()
@click.option("--markdown", "path", type=click.Path(dir_okay=False, path_type=Path), help="File for the table.")
def main(path: Path | None) -> None:
    """Measure the peak memory of the loss and all gradients, ours against torch.nn."""
    console = Console()
    rows = []
    cases = [(cell, dtype, size) for cell in CELLS for dtype in DTYPES for size in SIZES]
    for cell, dtype, size in track(
        cases, "measuring", console=console, transient=True, disable=not sys.stdout.isatty()
    ):
        ours, torch = (in_child(name, cell, dtype, size) for name in ("ours", "torch.nn"))
        ratio = f"{ours / torch:.2f}"
        shown = f"**{ratio}**" if ours > torch else ratio
        rows.append([cell, dtype, ", ".join(map(str, size)), f"{ours:.1f}", f"{torch:.1f}", shown])
    table = Table()
    for column in COLUMNS:
        table.add_column(column, no_wrap=column == "T, B, I, H")
    for row in rows:
        table.add_row(*[text.replace("**", "!", 1).replace("**", "") for text in row])
    console.print(description(), highlight=False)
    console.print(table)
    if path is not None:
        lines = [f"Measured on: {description()}.", "", f"| {' | '.join(COLUMNS)} |", "|---|---|" + "---:|" * 4]
        write_section(path, "memory", lines + [f"| {' | '.join(row)} |" for row in rows])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        contender, cell, dtype, *size = sys.argv[2:]
        print(growth(contender, cell, dtype, tuple(map(int, size))))
    else:
        main()
