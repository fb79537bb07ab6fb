"""The options of the grid, for the suite of this project and for the conformance run: which part of it, of what.

A pytest plugin of its own, loaded where the grid is run and nowhere else: others have options called --seed too.
`pytest --help --pyargs oracle.conformance` lists them under "gradient grid".
"""

from __future__ import annotations

import random
import shlex
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest
import torch

import rnn_manual
from oracle import grid
from oracle.conformance import adapting
from oracle.network_check import Report, check
from oracle.presentation import arrays
from oracle.presentation.pytest_plugin.options import CONFORMANCE, names_conformance, numbers
from oracle.presentation.text import failure
from oracle.verdict import AGREES, CANNOT_TELL, WRONG
from rnn_manual.network import did_you_mean

MOST_SEEDS = 1000
OUTCOMES = {AGREES: "agree", WRONG: "wrong", CANNOT_TELL: "cannot be told", "not implemented": "not implemented"}
IMPLEMENTATION = pytest.StashKey[adapting.Adapted | None]()


def different_sizes(text: str) -> list[int]:
    """'1,2,7' -> [1, 2, 7]."""
    return list(dict.fromkeys(numbers(text)))


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
    group.addoption(
        "--implementation", metavar="MODULE",
        help="whose gradients: a dotted name or a path (default: rnn_manual); see oracle.conformance.Implementation",
    )  # fmt: skip
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
    torch.set_num_threads(1)  # the arrays are small, and pytest-xdist has the cores
    config.stash[IMPLEMENTATION] = None
    name = config.option.implementation
    if name is None and any(map(names_conformance, config.args)):
        raise pytest.UsageError(
            "--implementation is missing; it should be the module to check, by its dotted name or path: one that "
            "offers forward and backward, or loss_and_gradients, see oracle.conformance.Implementation"
        )
    if name is not None:
        try:
            module = adapting.find(name, config.invocation_params.dir)
            config.stash[IMPLEMENTATION] = adapting.Adapted(module, module.__name__.rpartition(".")[2])
        except adapting.NotFound as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(Conformance(config), "bptt_oracle_conformance")


def pytest_report_header(config: pytest.Config) -> list[str]:
    seed = config.option.seed
    lines = [f"gradient grid: {config.option.grid}, seed {seed} (repeat it with --seed {seed})"]
    if adapted := config.stash[IMPLEMENTATION]:
        file = getattr(adapted.module, "__file__", None) or "built in"
        lines.append(f"implementation: {adapted.name} ({file}) with {', '.join(adapted.offered)}")
    return lines


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
    implementation = pytestconfig.stash[IMPLEMENTATION] or rnn_manual

    @lru_cache(maxsize=8)
    def found(case: grid.Case) -> Report | Exception:
        try:
            return check(grid.problem(case), implementation, device=pytestconfig.option.device)
        except Exception as error:  # raised anew in each of the case's tests
            return error

    def report(case: grid.Case) -> Report:
        __tracebackhide__ = True
        if isinstance(found(case), Exception):
            raise found(case)
        return found(case)

    return report


@pytest.fixture
def told(request: pytest.FixtureRequest):
    """(case, outcome, reason) -> None. Keeps what the summary of a conformance run counts."""

    def tell(case: grid.Case, outcome: str, reason: str = "") -> None:
        if request.config.stash[IMPLEMENTATION] is not None:
            request.node.user_properties += [("network", case.network), ("outcome", outcome), ("reason", reason)]

    return tell


@pytest.fixture(scope="session")
def keep_failure(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory):
    """(report, gradient name, test) -> message. The arrays stay for pytest's next three runs."""

    def keep(report: Report, name: str, test: pytest.Item) -> str:
        path = tmp_path_factory.mktemp("gradients") / "arrays.npz"
        arrays.save(path, report)
        return failure(report, name, reproducing_command(test), str(path))

    return keep


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function):
    """What an implementation raises comes with the command that shows it again."""
    try:
        return (yield)
    except Exception as error:
        note = f"reproduce: {reproducing_command(pyfuncitem)}"
        if not isinstance(error, AssertionError) and "report_of" in pyfuncitem.fixturenames:
            error.__notes__ = [one for one in getattr(error, "__notes__", ()) if "reproduce: " not in one] + [note]
        raise


def reproducing_command(test: pytest.Item) -> str:
    """The command that runs one test again: its id, and the options without which it would not be collected."""
    option = test.config.option
    flags = [f"--grid {option.grid}", f"--seed {option.seed}"]
    for flag in ("sequence_lengths", "hidden_sizes", "cells", "dtypes"):
        if values := getattr(option, flag):
            flags.append(f"--{flag.replace('_', '-')} {','.join(map(str, values))}")
    if option.device != "cpu":
        flags.append(f"--device {option.device}")
    if option.implementation:
        flags.append(f"--implementation {shlex.quote(option.implementation)}")
    nodeid = test.nodeid
    if Path(test.path) == Path(__file__).with_name("test_conformance.py"):
        nodeid = f"{CONFORMANCE}.test_conformance::{nodeid.partition('::')[2]}"
        flags.append("--pyargs")
    return f"pytest {shlex.quote(nodeid)} {' '.join(flags)}"


class Conformance:
    """What came of the run, counted: what is not implemented is no pass, and a run of nothing else is none either."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.outcomes: Counter[str] = Counter()
        self.missing: dict[str, Counter[str]] = {}  # reason -> networks

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = dict(report.user_properties)
        if report.when != "call" or "outcome" not in told:
            if report.failed:
                self.outcomes["raised"] += 1
            return
        self.outcomes[told["outcome"]] += 1
        if told["outcome"] == "not implemented":
            self.missing.setdefault(told["reason"], Counter())[told["network"]] += 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.told_nothing and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @property
    def told_nothing(self) -> bool:
        return bool(self.outcomes) and not any(self.outcomes[one] for one in (AGREES, WRONG, "raised"))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.outcomes:
            return
        write = terminalreporter.write_line
        terminalreporter.section(f"conformance of {self.config.stash[IMPLEMENTATION].name}")
        counts = [f"{self.outcomes[one]:,} {words}" for one, words in OUTCOMES.items()]
        if self.outcomes["raised"]:
            counts.append(f"{self.outcomes['raised']:,} raised")
        write(f"gradients: {', '.join(counts)}")
        for reason, networks in self.missing.items():
            write(f"not implemented: {reason}")
            write(f"    {', '.join(f'{network} ({count})' for network, count in networks.items())}")
        if self.told_nothing:
            write("nothing was checked, which is no pass", red=True)
