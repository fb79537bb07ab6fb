"""The table of verdicts: its cells, its width, and that every gradient of every network has a column."""

import io

import numpy as np
import pytest
from rich.console import Console

from oracle.grid import NETWORKS, Case, names
from oracle.presentation.table import (
    ASCII,
    COLUMNS,
    UNICODE,
    cell,
    gradient_table,
    in_three_characters,
    kind,
    worst_of_each_kind,
)
from oracle.verdict import AGREES, CANNOT_TELL, WRONG, Verdict


def verdict(name="weight_hh", outcome=AGREES, ratio=0.5):
    """A verdict with this error in multiples of the noise; None for a gradient that could not be compared."""
    if ratio is None:
        return Verdict(name, outcome, None, np.zeros(1), reason="there is no such gradient")
    return Verdict(name, outcome, np.array([ratio * 1e-3]), np.zeros(1), tolerance=np.ones(1), noise=1e-3)


def printed(networks, signs=UNICODE):
    console = Console(file=io.StringIO(), width=80)
    console.print(gradient_table(networks, {name: name.partition("_")[0] for name in networks}, signs))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    "ratio, text",
    [
        (0.0, "0.0"),
        (0.54, "0.5"),
        (9.94, "9.9"),
        (9.96, "10"),
        (12.4, "12"),
        (999.4, "999"),
        (999.6, "e3"),
        (3.1e9, "e9"),
        (9.7e13, "e14"),
        (2e120, "e120"),
        (np.inf, "inf"),
        (None, ""),
    ],
)
def test_a_ratio_in_few_characters(ratio, text):
    assert in_three_characters(ratio) == text


@pytest.mark.parametrize(
    "outcome, signs, text",
    [
        (AGREES, UNICODE, "0.5✓"),
        (WRONG, UNICODE, "0.5✗"),
        (CANNOT_TELL, UNICODE, "0.5?"),
        (AGREES, ASCII, "0.5+"),
        (WRONG, ASCII, "0.5!"),
        (CANNOT_TELL, ASCII, "0.5?"),
    ],
)
def test_the_three_outcomes_differ_without_colour(outcome, signs, text):
    assert cell(verdict(outcome=outcome), signs).plain == text


def test_what_could_not_be_compared_has_its_mark_alone():
    assert cell(verdict(outcome=WRONG, ratio=None), UNICODE).plain == "✗"
    assert cell(None, UNICODE).plain == "·"


def test_the_worst_of_layers_and_directions_is_shown():
    verdicts = [
        verdict("weight_hh", AGREES, 3.0),
        verdict("weight_hh_l1_reverse", WRONG, 5.0),
        verdict("weight_hh_l1", CANNOT_TELL, 900.0),
        verdict("weight_ih", AGREES, 0.2),
    ]
    worst = worst_of_each_kind(verdicts)
    assert worst["weight_hh"].name == "weight_hh_l1_reverse"
    assert worst["weight_ih"].ratio == pytest.approx(0.2)


def test_what_could_not_be_compared_is_worse_than_any_number():
    worst = worst_of_each_kind([verdict(outcome=WRONG, ratio=None), verdict(outcome=WRONG, ratio=1e9)])
    assert worst["weight_hh"].ratio is None


@pytest.mark.parametrize("network", NETWORKS)
def test_every_gradient_has_a_column(network):
    assert {kind(name) for name in names(Case(network, 5, 3, 6, "float64", "ordinary"))} <= COLUMNS.keys()


def test_it_fits_80_columns():
    assert all(len(heading) <= 4 for heading in COLUMNS.values())
    networks = {name: {column: verdict(column, WRONG, 2e14) for column in COLUMNS} for name in NETWORKS}
    lines = printed(networks)
    assert lines[0] == "network                  W_ih W_hh b_ih b_hh W_ho b_ho peep W_hr  h_0  c_0    x"
    assert max(map(len, lines)) == 79
    assert "lstm_peephole_projection" + " e14✗" * 11 in lines


def test_a_gap_stands_between_the_cells():
    row = {"x": verdict("x")}
    lines = printed({"elman": row, "elman_relu": row, "lstm": row}, ASCII)
    assert [line.split(" ")[0] for line in lines if "─" not in line] == ["network", "elman", "elman_relu", "", "lstm"]
