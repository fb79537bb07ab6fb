"""All results of a check as one page.

The page is a file that loads nothing: style, script and data are in it, and its content security policy forbids the
browser all else. What is the user's (names, source, messages, output) goes through Jinja's escaping and through
`visible`; the script gets numbers and indices only.
"""

from __future__ import annotations

import base64
import hashlib
import platform
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from oracle.child import Checked
from oracle.finding import Finding
from oracle.presentation.function_table import cell, heading, paragraphs, sizes_in_words
from oracle.presentation.html.maps import LEVELS, Picture, pictures
from oracle.presentation.html.text import shape_in_words, short, visible
from oracle.presentation.table import UNICODE
from oracle.verdict import AGREES, CANNOT_TELL, WRONG, Verdict

if TYPE_CHECKING:
    from jinja2 import Environment

    from oracle.annotation import Coefficients
    from oracle.presentation.html.chart import Chart
    from oracle.presentation.html.source import Block

NEEDED = ("jinja2", "pygments")
PALETTES = {  # from zero to the largest, for the light theme and for the dark one
    "p": (("#f3f4f6", "#f4a582", "#b2182b"), ("#262b33", "#8f3b33", "#ff8f7a")),
    "n": (("#f3f4f6", "#92c5de", "#2166ac"), ("#262b33", "#2f5f8f", "#86c8ff")),
}
CLASSES = {AGREES: "agrees", WRONG: "wrong", CANNOT_TELL: "unsure"}
LONGEST_VALUE = 400  # characters of what is no array


class NotInstalled(ImportError):
    """What the page is made with is not there; the message says how to get it."""


@dataclass(frozen=True)
class Row:
    """A parameter of the table: its name, the id of its tab or nothing, and (text, outcome) for each case."""

    name: str
    tab: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Tab:
    """A wrong gradient.

    said     the verdict in words
    where    at which case
    shape    of the right gradient, in words
    value    the gradient where it is no array of numbers, as text
    """

    id: str
    name: str
    said: str
    where: str
    shape: str
    value: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Counts:
    """A table of counts: its rows begin with a heading, and a cell is (text, whether it is as it should be)."""

    title: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, bool], ...]], ...]


@dataclass(frozen=True)
class Function:
    """One function as the page shows it."""

    id: str
    checked: Checked
    outcome: str
    mark: str
    heading: str
    cases: tuple[str, ...]
    rows: tuple[Row, ...]
    tabs: tuple[Tab, ...]
    counts: tuple[Counts, ...]
    charts: tuple[Chart, ...]
    no_charts: str
    blocks: tuple[Block, ...]
    paragraphs: tuple[str, ...]
    command: str


def ready() -> None:
    """Raises NotInstalled where write_html would: to be asked before a long check."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        are = "is" if len(missing) == 1 else "are"
        raise NotInstalled(
            f"the page needs {' and '.join(missing)}, which {are} not installed: pip install 'bptt-oracle[html]'"
        )


def write_html(results: Sequence[Checked], path: Path) -> None:
    """Write a page on these results, in their order. The same results give the same bytes.

    Raises NotInstalled where jinja2 or pygments is missing, and OSError where the file cannot be written.
    """
    text = page(results)
    Path(path).write_bytes(text.encode())


def page(results: Sequence[Checked]) -> str:
    """The page itself. Raises NotInstalled where jinja2 or pygments is missing."""
    ready()
    functions = [_function(checked, f"f{number}") for number, checked in enumerate(results, 1)]
    style, script = _style(), _read("page.js")
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            functions=functions,
            number={outcome: sum(one.outcome == outcome for one in functions) for outcome in CLASSES},
            classes=CLASSES,
            style=_markup(style),
            script=_markup(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
            versions=_versions(),
        )
    )


@lru_cache
def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@lru_cache
def _environment() -> Environment:
    from jinja2 import DictLoader, Environment, StrictUndefined

    def finalize(value: object) -> object:
        # markup is a str, made of what was escaped already
        return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

    environment = Environment(
        loader=DictLoader({"page.html.jinja": _read("page.html.jinja")}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    from oracle.presentation.html.source import diff_lines

    environment.globals |= {"diff_lines": diff_lines, "filename": lambda name: Path(name).name}
    environment.filters |= {"short": short, "visible": visible}
    return environment


def _markup(text: str) -> str:
    from markupsafe import Markup

    return Markup(text)  # ours, and no user's


def _hash(text: str) -> str:
    """As a content security policy names what it allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@lru_cache
def _style() -> str:
    """The style sheet with the colours of the heat maps, a class for each level."""
    rules = [
        f".{sign}{level}{{fill:light-dark({_mixed(light, level)},{_mixed(dark, level)})}}"
        for sign, (light, dark) in PALETTES.items()
        for level in range(LEVELS + 1)
    ]
    return _read("page.css") + "\n".join(rules) + "\n"


def _mixed(colours: Sequence[str], level: int) -> str:
    """Between three colours, at a level from 0 to LEVELS."""
    place = 2 * level / LEVELS
    first = min(int(place), 1)
    one, other = ([int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in colours[first : first + 2])
    return "#" + "".join(f"{round(a + (b - a) * (place - first)):02x}" for a, b in zip(one, other))


def _versions() -> str:
    names = ("bptt-oracle", "numpy", "torch")
    return ", ".join([*(f"{name} {version(name)}" for name in names), f"Python {platform.python_version()}"])


def _function(checked: Checked, id: str) -> Function:
    from oracle.presentation.html.chart import chart
    from oracle.presentation.html.source import blocks

    report, found, norms = checked.report, checked.diagnosis, checked.norms
    outcome = CANNOT_TELL if report is None else report.outcome
    told = [finding for finding in report.findings if not finding.not_checked] if report else []
    tabs = tuple(_tabs(told, id))
    rows = [
        Row(
            name,
            next((tab.id for tab in tabs if tab.name == name), ""),
            tuple((cell(finding[name], UNICODE).plain, finding[name].outcome) for finding in told),
        )
        for name in (report.parameters if told else ())
    ]
    charts: list[Chart | None] = []
    if norms is not None:
        charts.append(chart("The gradient of each state, dL/dh_t", [one for one in norms.series if not one.parameter]))
        charts.append(chart("What each step adds to each parameter", [one for one in norms.series if one.parameter]))
    listing = found.where.listing if found else ()
    changed = [(one.filename, one.line) for one in found.made.changes] if found and found.made else ()
    return Function(
        id,
        checked,
        outcome,
        UNICODE.mark(outcome),
        heading(checked),
        tuple(map(sizes_in_words, told)),
        tuple(rows),
        tabs,
        tuple(map(_counts, found.where.counts)) if found else (),
        tuple(one for one in charts if one is not None),
        norms.reason if norms is not None and told else "",
        tuple(blocks(listing, changed)),
        tuple(paragraphs(checked)),
        _command(checked),
    )


def _tabs(findings: Sequence[Finding], id: str) -> Iterator[Tab]:
    """Each gradient that does not agree, at the first case where it does not; what is wrong first."""
    seen: dict[str, tuple[Verdict, Finding]] = {}
    for outcome in (WRONG, CANNOT_TELL):
        for finding in findings:
            for verdict in finding.verdicts:
                if verdict.outcome == outcome:
                    seen.setdefault(verdict.name, (verdict, finding))
    for number, (name, (verdict, finding)) in enumerate(seen.items(), 1):
        made = tuple(pictures(verdict))
        known = finding.recognised.get(name)
        # one picture of one map: the gradient is nothing to draw
        is_text = len(made) == 1 and bool(made[0].sheets) and len(made[0].sheets[0].maps) == 1
        value = repr(verdict.gradient) if is_text else ""
        yield Tab(
            f"{id}-g{number}",
            name,
            f"{verdict}{f': {known}' if known else ''}",
            sizes_in_words(finding),
            shape_in_words(verdict.oracle.shape, dict(finding.sizes)),
            value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + " …",
            made,
        )


def _counts(found: Coefficients) -> Counts:
    from oracle.annotation.coefficients import LOSSES, SAMPLES, STATES, STEPS

    is_grid = isinstance(found.counts[0], tuple)
    numbers = found.counts if is_grid else (found.counts,)
    name, down = found.parameter, "loss" if found.kind == LOSSES else "δ"
    title = {
        STEPS: f"how often {name} has the contribution of each step",
        SAMPLES: f"how often {name} has the contribution of each sample",
        LOSSES: f"{name}: how often the loss of a step (down) is in what a step (across) contributes",
        STATES: f"{name}: how often the adjoint of a step (down) is paired with the operand of a step (across)",
    }[found.kind]
    rows = []
    for row, line in enumerate(numbers):
        right = [float(row == column) if found.kind == STATES else 1.0 for column in range(len(line))]
        rows.append((f"{down} {row}" if is_grid else name, tuple(map(_count, line, right))))
    columns = tuple(f"{'b' if found.kind == SAMPLES else 't'}={column}" for column in range(len(numbers[0])))
    return Counts(title, "" if is_grid else "gradient", columns, tuple(rows))


def _count(value: float | None, right: float) -> tuple[str, bool]:
    return ("", True) if value is None else (f"{value:.3g}".replace("-", "−"), value == right)


def _command(checked: Checked) -> str:
    """What repeats this check alone."""
    here, asked = Path.cwd(), checked.asked
    path = checked.path.relative_to(here) if checked.path.is_relative_to(here) else checked.path
    words = ["bptt-oracle", "check", f"{path}::{checked.name}"]
    for option, values in (("--sequence-lengths", asked.sequence_lengths), ("--hidden-sizes", asked.hidden_sizes)):
        if values:
            words += [option, ",".join(map(str, values))]
    if asked.seed:
        words += ["--seed", str(asked.seed)]
    return shlex.join(words)
