"""The plugin's options, and what is set up because of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from oracle.presentation.pytest_plugin import expected, results
from oracle.sizes import whole_numbers

CONFORMANCE = "oracle.conformance"


def numbers(text: str) -> list[int]:
    """'1,2,7' -> [1, 2, 7]."""
    try:
        return whole_numbers(text)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def _seconds(text: str) -> float:
    """'20' -> 20.0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise pytest.UsageError(f"--gradient-budget is {text!r}, but should be a number of seconds, 0 or more")
    return seconds


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradient functions")
    group.addoption(
        "--gradient-sequence-lengths", metavar="T,T", type=numbers, help="check gradient functions at these lengths"
    )
    group.addoption(
        "--gradient-hidden-sizes", metavar="H,H", type=numbers, help="check gradient functions at these hidden sizes"
    )
    group.addoption(
        "--gradient-budget", metavar="SECONDS", type=_seconds, default=0.0,
        help="say of each function that is wrong where, why, and what fixes it, searching so long for a fix "
        "(default: 0, the verdict only)",
    )  # fmt: skip
    group.addoption("--gradient-html", metavar="PATH", help="write what was found about gradient functions as HTML")
    parser.addini("gradient_xfail", type="linelist", default=[], help=expected.HELP)


def pytest_configure(config: pytest.Config) -> None:
    expected.configure(config)
    results.configure(config)


def pytest_load_initial_conftests(early_config: pytest.Config, args: Sequence[str]) -> None:
    """The options of the conformance run are there in a conformance run only: --seed is a name that others use."""
    if any(names_conformance(argument) for argument in args):
        early_config.pluginmanager.import_plugin(f"{CONFORMANCE}.options")


def names_conformance(argument: str) -> bool:
    """Whether an argument of the command line is the conformance package, a test in it, or its folder."""
    target, _, _ = str(argument).partition("::")
    if target == CONFORMANCE or target.startswith(f"{CONFORMANCE}."):
        return True
    folder = Path(__file__).parents[2] / "conformance"
    try:
        return target.endswith(("conformance", "conformance/", ".py")) and Path(target).resolve().is_relative_to(folder)
    except (OSError, ValueError):
        return False
