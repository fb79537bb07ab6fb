"""The command `bptt-oracle check`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click
import torch
from rich.console import Console
from rich.measure import Measurement

from oracle.child import BadFile, Checked, check_isolated, diagnose_isolated, list_functions
from oracle.data import to_json
from oracle.gradient_check import no_such_function
from oracle.isolation import MEMORY, SECONDS
from oracle.presentation import table
from oracle.presentation.diagnosis_text import diagnosis_in_words
from oracle.presentation.exit_status import EXIT_CODES, INTERRUPTED
from oracle.presentation.function_table import EDGES, heading, paragraphs, verdict_table, wrapped
from oracle.presentation.patching import NotPatched, applied, fixed_files, written
from oracle.presentation.printable import printable
from oracle.presentation.progress import progress
from oracle.presentation.report_files import NewFile, write_reports
from oracle.presentation.shapes_text import shapes_in_words
from oracle.presentation.table import shown
from oracle.sizes import whole_numbers
from oracle.verdict import CANNOT_TELL, worst_outcome

GIBIBYTE = 1 << 30
BUDGET = 20.0  # seconds
LARGEST = 1e6  # seconds, GiB: more than that no operating system takes as a limit
LABEL = 20  # characters of a name beside the progress bar, which a longer one would push out
WIDEST = 10_000  # columns: as wide as a table may want to be


class Numbers(click.ParamType):
    """'1,2,7' -> (1, 2, 7)."""

    name = "N,N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(whole_numbers(str(value)))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Amount(click.FloatRange):
    """A range without NaN, which is in every one."""

    name = "float"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail("nan is no number", param, ctx)
        return number


@click.command()
@click.argument("target", metavar="FILE[::NAME]", nargs=-1, required=True)
@click.option("--sequence-lengths", type=Numbers(), help="Check at these lengths instead of our own.")
@click.option("--hidden-sizes", type=Numbers(), help="Check at these hidden sizes instead of our own.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Draws the numbers.")
@click.option(
    "--seconds", type=Amount(min=0, min_open=True, max=LARGEST), default=SECONDS, show_default=True,
    help="How long one function may take.",
)  # fmt: skip
@click.option(
    "--memory", type=Amount(min=0, min_open=True, max=LARGEST), default=MEMORY / GIBIBYTE, show_default=True,
    help="How much memory one function may need, in GiB.",
)  # fmt: skip
@click.option("--shapes", is_flag=True, help="Print the shapes of every assignment, by the names of the axes.")
@click.option(
    "--budget", type=Amount(min=0, max=LARGEST), default=BUDGET, show_default=True,
    help="Seconds for the search for a fix of one function that is wrong; 0 for none.",
)  # fmt: skip
@click.option(
    "--patch", type=click.Path(dir_okay=False, path_type=Path),
    help="Write the fixes that are found there as a unified diff.",
)  # fmt: skip
@click.option("--apply", is_flag=True, help="Change your files by the fixes, and keep them as they were as NAME.orig.")
@click.option("--sarif", type=NewFile(), help="Write what is found there as SARIF 2.1.0, for a code review.")
@click.option("--summary", type=NewFile(), help="Append what is found there as Markdown, for the summary of a CI job.")
@click.option("--html", type=NewFile(), help="Write what is found there as a web page that loads nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
def check(
    target: tuple[str, ...],
    sequence_lengths: tuple[int, ...] | None,
    hidden_sizes: tuple[int, ...] | None,
    seed: int,
    seconds: float,
    memory: float,
    shapes: bool,
    budget: float,
    patch: Path | None,
    apply: bool,
    sarif: Path | None,
    summary: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Check the gradient functions in a file, whatever they compute.

    FILE holds functions decorated with @gradient_function, which name the shapes of the parameters and return
    (loss, gradients). Each is run in NumPy as it stands, in a child process, and its gradients are compared with
    autograd of its own forward pass at several sizes. Where one is wrong it is said where, why, and what fixes it;
    your files stay as they are unless you say --apply.

    \b
    Examples:
      bptt-oracle check check_char_rnn.py
      bptt-oracle check check_char_rnn.py::char_rnn --sequence-lengths 1,2,7 --hidden-sizes 3,16
      bptt-oracle check check_char_rnn.py --shapes
      bptt-oracle check check_char_rnn.py --budget 60 --patch fix.patch
      bptt-oracle check check_*.py --json > report.json
      bptt-oracle check check_*.py --html report.html

    \b
    Exit status:
      0  every gradient agrees
      1  a gradient is wrong
      2  the command line is wrong, or a file cannot be read
      3  something could not be checked or told, which is no pass
    """
    if not budget and (patch or apply):
        raise click.UsageError(f"{'--patch' if patch else '--apply'} needs a fix, and --budget 0 looks for none")
    if html:
        web_page_ready()
    torch.set_num_threads(1)
    limits = {"seconds": seconds, "memory": max(1, int(memory * GIBIBYTE))}
    wanted = [(path, name) for one in target for path, name in functions_of(one, limits)]
    options = {"sequence_lengths": sequence_lengths, "hidden_sizes": hidden_sizes, "seed": seed, "shapes": shapes}
    console = Console(markup=False, highlight=False, emoji=False)
    results: list[Checked] = []
    interrupted = False
    try:
        with progress() as bar:
            task = bar.add_task("", total=len(wanted))
            for path, name in wanted:
                label = name if len(name) <= LABEL else f"{name[: LABEL - 3]}..."
                bar.update(task, description=label)
                results.append(check_isolated(path, name, **options, **limits))
                results[-1] = diagnose_isolated(
                    results[-1],
                    budget,
                    **limits,
                    told=lambda tried, label=label: bar.update(task, description=f"{label}: {tried:,} fixes tried"),
                )
                if html:
                    results[-1] = with_norms(results[-1], limits)
                bar.advance(task)
    except KeyboardInterrupt:
        interrupted = True
        click.echo("interrupted: " + ("checked until then:" if results else "nothing is checked"), err=True)
    if interrupted and not results:
        raise click.exceptions.Exit(INTERRUPTED)
    if as_json:
        click.echo(json.dumps([data_of(checked) for checked in results], indent=2, allow_nan=False))
    else:
        show(results, budget, console)
    if interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    write_reports(results, sarif, summary, html)
    if patch or apply:
        keep(results, patch, apply, lambda line: click.echo(printable(line), err=as_json))
    raise click.exceptions.Exit(EXIT_CODES[worst_outcome(outcome_of(checked) for checked in results)])


def web_page_ready() -> None:
    from oracle.presentation.html import NotInstalled, ready  # only who asks for a page needs what makes it

    try:
        ready()
    except NotInstalled as error:
        raise click.UsageError(str(error)) from None


def with_norms(checked: Checked, limits: dict[str, float]) -> Checked:
    """The same with its norms by time step, which nothing but the page shows."""
    from oracle.norms import norms_isolated

    return replace(checked, norms=norms_isolated(checked, **limits))


def functions_of(target: str, limits: dict[str, float]) -> list[tuple[Path, str]]:
    """'check_rnn.py::char_rnn' or 'check_rnn.py' -> the files and names of functions."""
    filename, _, name = target.partition("::")
    path = Path(filename).absolute()
    try:
        names = list_functions(path, **limits)
    except BadFile as error:
        raise click.UsageError(str(error)) from None
    if name and name not in names:
        raise click.UsageError(no_such_function(names, name, path.name))
    return [(path, one) for one in ([name] if name else names)]


def outcome_of(checked: Checked) -> str:
    return CANNOT_TELL if checked.report is None else checked.report.outcome


def data_of(checked: Checked) -> dict[str, object]:
    if checked.report is not None:
        return to_json(checked.report, checked.diagnosis) | {"not_diagnosed": checked.not_diagnosed}
    return {
        "function": checked.name,
        "file": str(checked.path),
        "outcome": CANNOT_TELL,
        "not_checked": checked.not_checked,
    }


def keep(results: Sequence[Checked], patch: Path | None, apply: bool, say: Callable[[str], None]) -> None:
    """Write the fixes into a patch, or into the user's files."""
    more = ""
    try:
        files, left_out = fixed_files(results)
        for line in left_out:
            say(line)
        if not files:
            say("nothing is written: there is no fix")
            return
        if patch:
            say(written(files, patch))
            more = " more"
        if apply:
            for line in applied(files):
                say(line)
                more = " more"
            say("run the check again")
    except NotPatched as reason:
        say(f"nothing{more} is written: {reason}")


def show(results: list[Checked], budget: float, console: Console) -> None:
    """Every function with its table and what there is to say of it."""
    signs = table.ASCII if console.options.ascii_only else table.UNICODE
    width = console.width
    for checked in results:
        outcome = outcome_of(checked)
        title = shown(f"{signs.mark(outcome)} {heading(checked)}", signs)
        console.print(title, style=table.STYLES[outcome], soft_wrap=True)
        if checked.report is not None and not checked.report.worst.not_checked:
            verdicts = verdict_table(checked.report, signs, width)
            # in a narrow terminal whole lines wrap; squeezed numbers would lie
            least = Measurement.get(console, console.options.update(width=WIDEST), verdicts).minimum
            console.width = max(console.width, least + EDGES)
            console.print(verdicts)
        for paragraph in paragraphs(checked):
            text = shown(paragraph, signs)
            # whoever searches a file or a pipe has each sentence in one line
            console.print(wrapped(text, width) if console.is_terminal else text, soft_wrap=True)
        for line in diagnosis_in_words(checked, budget, signs, width):
            console.print(line, soft_wrap=True)
        for line in shapes_in_words(checked.shapes):
            console.print(shown(line, signs), soft_wrap=True)
        console.print()
    if len(results) > 1:
        counts = {outcome: sum(outcome_of(one) == outcome for one in results) for outcome in EXIT_CODES}
        console.print(", ".join(f"{count} {words}" for words, count in counts.items() if count))
