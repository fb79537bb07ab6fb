"""The command `bptt-oracle`."""

from __future__ import annotations

import platform
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version

import click
import numpy as np
import torch
from rich.console import Console

from oracle import binary_addition, builtin
from oracle.builtin import Adder, Networks
from oracle.grid import CELL_NAMES, DTYPES, NETWORKS
from oracle.network_check import Report
from oracle.noise import AMPLITUDE
from oracle.presentation import table
from oracle.presentation.balance_command import balance_products
from oracle.presentation.check_command import check
from oracle.presentation.exit_status import EXIT_CODES, INTERRUPTED, Commands
from oracle.presentation.progress import progress
from oracle.presentation.text import first_line
from oracle.verdict import AGREES, CANNOT_TELL, LIMIT, RELATIVE_ERROR, STRICT, WRONG, worst_outcome
from oracle.where import where_wrong
from rnn_manual.network import did_you_mean

SHOWN = 5  # networks whose gradients are listed one by one where they do not agree


class CouldNotBeChecked(click.ClickException):
    """Nothing is known: neither that the gradients are right nor that they are wrong."""

    exit_code = EXIT_CODES[CANNOT_TELL]


class CellNames(click.ParamType):
    """'elman,gru' -> ('elman', 'gru')."""

    name = "C,C"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = tuple(str(value).split(","))
        for name in names:
            if name not in CELL_NAMES:
                hint = did_you_mean(name, CELL_NAMES)
                self.fail(f"{name!r} is unknown; known are {', '.join(CELL_NAMES)}{hint}", param, ctx)
        return names


class DeviceName(click.ParamType):
    """A name as torch.device takes it; whether there is such a device is found out by `probe`."""

    name = "device"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return str(torch.device(str(value)))
        except RuntimeError:
            self.fail(f"{value!r} is no device as torch names them, such as cpu, cuda or cuda:1", param, ctx)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bptt-oracle")
def main() -> None:
    """Verify hand-written backpropagation through time against PyTorch autograd."""


main.add_command(check)
main.add_command(balance_products)


@main.command()
@click.option("--device", type=DeviceName(), default="cpu", show_default=True, help="Where the oracle computes.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Draws the numbers; the sizes stay."
)
@click.option(
    "--cells",
    type=CellNames(),
    default=",".join(CELL_NAMES),
    show_default=True,
    help="Only the networks made of these cells, with commas between them.",
)
def verify(device: str, seed: int, cells: tuple[str, ...]) -> None:
    """Check every gradient of every built-in network.

    Prints a table: a row for each network, a column for each kind of gradient, in each cell the error in multiples of
    the rounding noise, and whether the gradient agrees with PyTorch autograd, is wrong, or nothing can be told. Then a
    network learns to add binary numbers on gradients written by hand, which are checked before and after.

    \b
    Examples:
      bptt-oracle verify                   everything, in about half a minute
      bptt-oracle verify --cells gru       only the GRUs (and the adder)
      bptt-oracle verify --seed 7          other numbers
      bptt-oracle verify --device cuda     the oracle on a GPU
      bptt-oracle verify > report.txt      plain text, without colours

    \b
    Exit status:
      0  every gradient agrees, and the adder adds
      1  something is wrong
      2  the command line is wrong
      3  a gradient could not be checked or told, which is no pass
    """
    probe(device)
    torch.set_num_threads(1)  # the arrays are small: more threads only wait for each other
    began = time.perf_counter()
    try:
        networks, adder = run(device, seed, cells)
    except KeyboardInterrupt:
        click.echo("interrupted: nothing is verified", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    seconds = time.perf_counter() - began

    console = Console(markup=False, highlight=False, emoji=False)
    console.width = max(console.width, 80)  # in a narrower terminal whole lines wrap; squeezed numbers would lie
    signs = table.ASCII if console.options.ascii_only else table.UNICODE
    show_table(networks, signs, console)
    show_disagreements(networks, adder, signs, console)
    last = {"binary adder": adder_in_words(adder), "versions": versions(device), "time": f"{seconds:.0f} s"}
    show_facts(explained(networks, seed) | counted(networks) | last, signs, console)
    outcome = worst_outcome([*networks.outcomes, *adder.outcomes])
    say(f"{signs.mark(outcome)} {conclusion(networks, adder)}", console, table.STYLES[outcome])
    raise click.exceptions.Exit(EXIT_CODES[outcome])


def probe(device: str) -> None:
    """Raises CouldNotBeChecked unless a float64 product can be computed on `device` and read back."""
    try:
        ones = torch.ones(2, 2, dtype=torch.float64, device=device)
        (ones @ ones).tolist()
    except (RuntimeError, AssertionError, TypeError) as error:  # torch raises any of them, by device and build
        raise CouldNotBeChecked(
            f"nothing was checked: device {device!r} cannot compute in float64 here.\n"
            f"torch says: {str(error).strip().splitlines()[0]}\n"
            "--device cpu works everywhere."
        ) from None


def run(device: str, seed: int, cells: Sequence[str]) -> tuple[Networks, Adder]:
    """Check the networks, then the adder, behind a progress bar."""
    cases = builtin.cases(cells, seed)
    with progress() as bar:
        task = bar.add_task("", total=len(cases))
        checked = iter(range(len(cases)))
        networks = builtin.verify_networks(
            cases, device, lambda case: bar.update(task, completed=next(checked), description=case.network)
        )
        bar.update(task, completed=len(cases), description="networks")
        task = bar.add_task("binary adder", total=binary_addition.LIMIT)
        adder = builtin.verify_adder(
            seed, device, lambda steps, loss: bar.update(task, completed=steps, description=f"adder, loss {loss:.3f}")
        )
    return networks, adder


def show_table(networks: Networks, signs: table.Signs, console: Console) -> None:
    """The table and its legend."""
    worst = {name: table.worst_of_each_kind(verdicts) for name, verdicts in networks.verdicts.items()}
    cells = {name: NETWORKS[name].options["cell"] for name in worst}
    console.print(table.gradient_table(worst, cells, signs))
    console.print()
    console.print(table.legend(signs))
    console.print()


def show_disagreements(networks: Networks, adder: Adder, signs: table.Signs, console: Console) -> None:
    """Gradient by gradient what does not agree, for the first few networks."""
    reports = list(networks.disagreeing.values())
    for when, report in (("before", adder.before), ("after", adder.after)):
        if report.outcome != AGREES:
            reports.append((f"binary adder, {when} training", report))
    for title, report in reports[:SHOWN]:
        where = where_wrong(report)
        console.print(f"{title}:")
        for verdict in (report.loss, *report.gradients):
            if verdict.outcome != AGREES:
                line = f"  {signs.mark(verdict.outcome)} {first_line(verdict, where.get(verdict.name, ''))}"
                say(signs.spell(line), console, table.STYLES[verdict.outcome])
    for line in list(networks.raised.values())[:SHOWN]:
        say(f"{signs.cannot_tell} {line}", console, table.STYLES[CANNOT_TELL])
    more = max(0, len(reports) - SHOWN) + max(0, len(networks.raised) - SHOWN)
    if more:
        console.print(f"and {more} more like these")
    if reports or networks.raised:
        console.print()


def say(text: str, console: Console, style: str) -> None:
    """Print the text with its further lines indented, and without rich's trailing blanks."""
    console.print(textwrap.fill(text, console.width, subsequent_indent=" " * 6), style=style)


def show_facts(facts: dict[str, str], signs: table.Signs, console: Console) -> None:
    """Labels and texts side by side, without the trailing blanks that a rich table would put into a file."""
    margin = max(map(len, facts)) + 2
    for label, text in facts.items():
        lines = textwrap.wrap(signs.spell(text), min(console.width, 100) - margin)
        console.print(textwrap.indent("\n".join(lines), " " * margin).replace(" " * margin, f"{label:{margin}}", 1))
    console.print()


def explained(networks: Networks, seed: int) -> dict[str, str]:
    """What was compared with what, on what, and what the words mean."""
    points = "; ".join(f"T{time} B{batch} H{hidden} {regime}" for time, batch, hidden, regime in builtin.POINTS)
    return {
        "error": "max |gradient - oracle|; the oracle is PyTorch autograd of the same loss, in float64. "
        "The table shows the worst over layers, directions and cases",
        "rounding noise": "how far the oracle moves when every floating-point result is rounded differently "
        f"(by up to {AMPLITUDE} u, sums by more), measured for each gradient of each case",
        "agrees": f"error at most {LIMIT} × rounding noise or {STRICT} u max |oracle|; "
        "u = 2^-53 in float64, 2^-24 in float32",
        "relative error": f"{RELATIVE_ERROR}: {relative_errors(networks)}",
        "cases": f"{points}; each in {' and '.join(DTYPES)}; seed {seed}",
    }


def counted(networks: Networks) -> dict[str, str]:
    """How many agree: gradients, losses, and the two mirrors with each other."""
    left_out = ", ".join(sorted(networks.inexpressible))
    return {
        "gradients": in_numbers(verdict.outcome for verdict in networks.gradients),
        "losses": in_numbers(verdict.outcome for verdict in networks.losses),
        "torch.nn": f"its modules against the step-by-step oracle: {in_numbers(networks.mirrors.elements())}"
        + (f"; it cannot express {left_out}" if left_out else ""),
    }


def in_numbers(outcomes: Iterable[str]) -> str:
    """'3,306 of 3,312 agree, 4 wrong, 2 cannot tell'."""
    counts = Counter(outcomes)
    others = [f"{counts[outcome]:,} {outcome}" for outcome in (WRONG, CANNOT_TELL) if counts[outcome]]
    return ", ".join([f"{counts[AGREES]:,} of {counts.total():,} agree", *others])


def relative_errors(networks: Networks) -> str:
    """'at most 3e-15 in float64, 1e-06 in float32'."""
    largest: dict[str, float] = {}
    for verdict in networks.gradients:
        if verdict.comparable:
            dtype = str(verdict.gradient.dtype)
            largest[dtype] = max(largest.get(dtype, 0.0), verdict.relative_error)
    return "at most " + ", ".join(f"{error:.1e} in {dtype}" for dtype, error in largest.items())


def adder_in_words(adder: Adder) -> str:
    how = f"after {adder.steps:,} steps all" if adder.learned else f"after {adder.steps:,} steps not all"
    return (
        f"trained on gradients written by hand, {how} 65,536 sums of 8 bits are right. "
        f"Of 64 bits: {adder.random_sums:,} of {builtin.SUMS:,} random sums, {adder.chains} of 64 carry chains. "
        f"Gradients before training: {worst_in_words(adder.before)}; after: {worst_in_words(adder.after)}"
    )


def worst_in_words(report: Report) -> str:
    """'agree, at most 1.2 × rounding noise', or how many do not."""
    if report.outcome == AGREES:
        return f"agree, at most {max(verdict.ratio for verdict in report.gradients):.1f} × rounding noise"
    return in_numbers(verdict.outcome for verdict in report.gradients)


def versions(device: str) -> str:
    return (
        f"bptt-oracle {version('bptt-oracle')}, NumPy {np.__version__}, PyTorch {torch.__version__}, "
        f"Python {platform.python_version()}; oracle on {device}"
    )


def conclusion(networks: Networks, adder: Adder) -> str:
    """The last line: everything in one sentence."""
    outcome = worst_outcome([*networks.outcomes, *adder.outcomes])
    if outcome == AGREES:
        return f"all {len(networks.gradients):,} gradients of {len(networks.verdicts)} networks agree with autograd"
    parts = []
    if outcome in {*networks.outcomes, adder.before.outcome, adder.after.outcome}:
        names = [name for name, (_, report) in networks.disagreeing.items() if report.outcome == outcome]
        if outcome == CANNOT_TELL:
            names += networks.raised
        if outcome in (adder.before.outcome, adder.after.outcome):
            names.append("the binary adder")
        others = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
        parts.append(f"{outcome}: {', '.join([*names[:SHOWN], *others])}")
    if not adder.learned:
        parts.append(f"{WRONG}: the binary adder did not learn to add")
    if outcome == CANNOT_TELL:
        parts.append("that is no pass")
    return "; ".join(parts)
