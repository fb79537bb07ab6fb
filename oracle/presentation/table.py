"""The verdicts on many networks as one table of 79 columns: a network a row, a kind of gradient a column.

A cell is the error in multiples of the rounding noise and a mark for the outcome: colour alone says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from oracle.presentation.printable import printable
from oracle.verdict import AGREES, CANNOT_TELL, WRONG, Verdict, badness

COLUMNS = {
    "weight_ih": "W_ih",
    "weight_hh": "W_hh",
    "bias_ih": "b_ih",
    "bias_hh": "b_hh",
    "weight_ho": "W_ho",
    "bias_ho": "b_ho",
    "weight_peephole": "peep",
    "weight_hr": "W_hr",
    "h_0": "h_0",
    "c_0": "c_0",
    "x": "x",
}
"""Kinds of gradients in the order of the columns, each with its heading of at most four characters."""

NAME_WIDTH, CELL_WIDTH = 24, 4  # 24 + 11 * (1 + 4) = 79
STYLES = {AGREES: "green", CANNOT_TELL: "bold yellow", WRONG: "bold red"}


@dataclass(frozen=True)
class Signs:
    """The few characters that ASCII lacks."""

    agrees: str
    wrong: str
    cannot_tell: str
    absent: str
    times: str

    def mark(self, outcome: str) -> str:
        return {AGREES: self.agrees, WRONG: self.wrong, CANNOT_TELL: self.cannot_tell}[outcome]

    def spell(self, text: str) -> str:
        """Text of ours in these characters."""
        return text.replace("×", self.times)


PLAIN = {
    "±": "+-", "…": "...", "−": "-", "δ": "delta", "Σ": "sum", "ᵀ": "^T", "²": "^2", "·": "*", "∘": "*", "≠": "!=",
    "≥": ">=", "₁": "_1",
}  # fmt: skip
"""What stands for other characters of ours where there is nothing but ASCII."""

UNICODE = Signs("✓", "✗", "?", "·", "×")
ASCII = Signs("+", "!", "?", ".", "x")


def shown(text: str, signs: Signs) -> str:
    """Text of ours with the user's own words and names in it, such as the console can print."""
    text = signs.spell(text)
    if signs is ASCII:
        for character, plain in PLAIN.items():
            text = text.replace(character, plain)
    return escaped(text, signs)


def escaped(text: str, signs: Signs) -> str:
    """The user's own text, such as the console can print."""
    return printable(text, "ascii" if signs is ASCII else "utf-8")


def kind(name: str) -> str:
    """The name without its layer and direction: weight_hh_l1_reverse -> weight_hh."""
    return re.sub(r"(_l\d+)?(_reverse)?$", "", name)


def worst_of_each_kind(verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    """The worst verdict of each kind of gradient."""
    worst: dict[str, Verdict] = {}
    for verdict in sorted(verdicts, key=badness):
        worst[kind(verdict.name)] = verdict
    return worst


def in_three_characters(ratio: float | None) -> str:
    """'0.5', '12', '999', from a thousand on the power of ten 'e14'; '' where nothing was compared."""
    if ratio is None:
        return ""
    if ratio < 9.95:
        return f"{ratio:.1f}"
    if ratio < 999.5:
        return f"{ratio:.0f}"
    if ratio == float("inf"):
        return "inf"
    return f"e{int(f'{ratio:.0e}'.split('e')[1])}"


def gradient_table(networks: Mapping[str, Mapping[str, Verdict]], families: Mapping[str, str], signs: Signs) -> Table:
    """networks: name -> kind of gradient -> verdict; families: name -> cell, a gap stands where it changes."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0, pad_edge=False)
    table.add_column("network", min_width=NAME_WIDTH, no_wrap=True)
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right", min_width=CELL_WIDTH, no_wrap=True)
    before = None
    for name, verdicts in networks.items():
        if before is not None and families[name] != before:
            table.add_section()
        before = families[name]
        table.add_row(name, *(cell(verdicts.get(column), signs) for column in COLUMNS))
    return table


def cell(verdict: Verdict | None, signs: Signs) -> Text:
    """'0.5✓' in the colour of its outcome."""
    if verdict is None:
        return Text(signs.absent, style="dim")
    return Text(in_three_characters(verdict.ratio) + signs.mark(verdict.outcome), style=STYLES[verdict.outcome])


def legend(signs: Signs) -> Text:
    """What the marks and the numbers in the cells say."""
    return Text.assemble(
        (signs.agrees, STYLES[AGREES]),
        " agrees   ",
        (signs.wrong, STYLES[WRONG]),
        " wrong   ",
        (signs.cannot_tell, STYLES[CANNOT_TELL]),
        " cannot tell, which is no pass   ",
        (signs.absent, "dim"),
        " no such gradient\n",
        f"0.5 is 0.5 {signs.times} rounding noise, e14 is 10^14 {signs.times} rounding noise",
    )
