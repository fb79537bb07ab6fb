"""Options of the suite: which part of the grid to run. `pytest --help` lists them under "gradient grid"."""

from __future__ import annotations

import argparse
import random
import shlex
from functools import lru_cache

import pytest
import torch

from oracle import grid
from oracle.network_check import Report, check
from oracle.presentation import arrays
from oracle.presentation.text import failure
from oracle.sizes import whole_numbers
from rnn_manual.network import did_you_mean

MOST_SEEDS = 1000

torch.set_num_threads(1)  # the arrays are small, and pytest-xdist has the cores


def different_sizes(text: str) -> list[int]:
    """'1,2,7' -> [1, 2, 7]."""
    try:
        return list(dict.fromkeys(whole_numbers(text)))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def choices(known: tuple[str, ...]):
    """A parser of 'a,b' that knows which names there are."""

    def parse(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        for name in names:
            if name not in known:
                raise pytest.UsageError(f"{name!r} is unknown; known are {', '.join(known)}{did_you_mean(name, known)}")
        return list(dict.fromkeys(names))

    return parse


def seed_numbers(text: str) -> list[int]:
    """'3' -> [3], '0-4' -> [0, 1, 2, 3, 4], 'any' -> one number, drawn when the run begins."""
    first, _, last = text.partition("-")
    if not first.isdecimal() or (last and not last.isdecimal()) or text.endswith("-"):
        raise pytest.UsageError(f"--seed is {text!r}, but should be a number, a range such as 0-4, or any")
    if int(last or first) < int(first):
        raise pytest.UsageError(f"--seed is {text!r}, but its first number should be at most its last")
    if int(last or first) - int(first) >= MOST_SEEDS:
        raise pytest.UsageError(f"--seed is {text!r}, but should be at most {MOST_SEEDS} seeds, each a grid of its own")
    return list(range(int(first), int(last or first) + 1))


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradient grid")
    group.addoption("--grid", choices=grid.GRIDS, default="standard", help="how much of the grid (default: standard)")
    group.addoption("--sequence-lengths", metavar="T,T", type=different_sizes, help="only these sequence lengths")
    group.addoption("--hidden-sizes", metavar="H,H", type=different_sizes, help="only these hidden sizes")
    group.addoption("--cells", metavar="C,C", type=choices(grid.CELL_NAMES), help="only these of elman,lstm,gru")
    group.addoption("--dtypes", metavar="D,D", type=choices(grid.DTYPES), help="only these of float64,float32")
    group.addoption("--seed", default="0", help="a number, a range such as 0-4, or any (default: 0)")
    group.addoption("--device", default="cpu", help="the torch device the oracle computes on (default: cpu)")


def pytest_configure(config: pytest.Config) -> None:
    # drawn here, once, before pytest-xdist hands the options to its workers: all of them must collect the same cases
    if config.option.seed == "any":
        config.option.seed = str(random.SystemRandom().randrange(2**16))
    seed_numbers(config.option.seed)
    try:
        torch.ones(1, device=config.option.device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts, torch with CUDA raises RuntimeError
        reason = str(error).splitlines()[0]
        raise pytest.UsageError(f"--device is {config.option.device!r}, but torch cannot use it: {reason}") from None


def pytest_report_header(config: pytest.Config) -> str:
    return (
        f"gradient grid: {config.option.grid}, seed {config.option.seed} (repeat it with --seed {config.option.seed})"
    )


def grid_cases(config: pytest.Config) -> list[grid.Case]:
    """The cases the options ask for."""
    option = config.option
    return list(
        grid.cases(
            option.grid,
            option.sequence_lengths,
            option.hidden_sizes,
            option.cells,
            option.dtypes,
            seed_numbers(option.seed),
        )
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    seeds = seed_numbers(metafunc.config.option.seed)

    def label(text: str, case: grid.Case) -> str:
        return text if len(seeds) == 1 else f"{text}-seed{case.seed}"

    if "case" not in metafunc.fixturenames:
        return
    cases = grid_cases(metafunc.config)
    if "gradient_name" in metafunc.fixturenames:
        pairs = [(case, name) for case in cases for name in ("loss", *grid.names(case))]
        metafunc.parametrize("case, gradient_name", pairs, ids=[label(case.label(name), case) for case, name in pairs])
    else:
        metafunc.parametrize("case", cases, ids=[label(str(case), case) for case in cases])


@pytest.fixture(scope="session")
def report_of(pytestconfig: pytest.Config):
    """case -> Report. The tests of one case stand side by side, so remembering the last few is enough."""

    @lru_cache(maxsize=8)
    def report(case: grid.Case) -> Report:
        return check(grid.problem(case), device=pytestconfig.option.device)

    return report


@pytest.fixture(scope="session")
def keep_failure(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory):
    """(report, gradient name, node id) -> message. The arrays stay for pytest's next three runs."""

    def keep(report: Report, name: str, nodeid: str) -> str:
        path = tmp_path_factory.mktemp("gradients") / "arrays.npz"
        arrays.save(path, report)
        return failure(report, name, reproducing_command(pytestconfig.option, nodeid), str(path))

    return keep


def reproducing_command(option: argparse.Namespace, nodeid: str) -> str:
    """The command that runs one test again: its id, and the options without which it would not be collected."""
    flags = [f"--grid {option.grid}", f"--seed {option.seed}"]
    for flag in ("sequence_lengths", "hidden_sizes", "cells", "dtypes"):
        if values := getattr(option, flag):
            flags.append(f"--{flag.replace('_', '-')} {','.join(map(str, values))}")
    if option.device != "cpu":
        flags.append(f"--device {option.device}")
    return f"pytest {shlex.quote(nodeid)} {' '.join(flags)}"
