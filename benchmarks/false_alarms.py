"""How often is a correct gradient called wrong? Random cases of every built-in network in every regime, T up to 200.

    python benchmarks/false_alarms.py --cases 20000 --seed 0 --workers 2 --markdown docs/false_alarms.md

The networks are right (the grid and the planted mistakes say so), so every "wrong" is a false alarm. The figures also
hold the measured tolerance to account: how large the error became in multiples of the noise, where it was measured.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from machine import description
from rich.progress import track

from oracle.grid import DTYPES, NETWORKS, REGIMES, Case, problem
from oracle.network_check import check
from oracle.verdict import CANNOT_TELL, LIMIT, WRONG

LONGEST, WIDEST, LARGEST_BATCH = 200, 64, 4


TEXT = f"""# False alarms

`python benchmarks/false_alarms.py --cases {{cases}} --seed {{seed}}` draws random cases of the {{networks}} built-in
networks in all {len(REGIMES)} regimes, T from 1 to {LONGEST}, B to {LARGEST_BATCH}, H to {WIDEST}, float64 and float32.
The hand-written gradients are right, so every "wrong" would be a false alarm.

| regime | cases | gradients | wrong | cannot tell | noise measured | largest error / tolerance |
|---|---|---|---|---|---|---|
{{rows}}

Where the noise was measured ({{measured}} cases) the largest error of a case was {{median:.2f}} of the tolerance, which
is {LIMIT} times the noise or the strict bound, in the median, and below {{high:.2f}} in 99 % of the cases; wrong begins
at 1. In the other cases every gradient met the strict bound and nothing was measured.

{{workers}} processes, {{minutes:.1f}} minutes. {{machine}}
"""


@dataclass(frozen=True)
class Outcome:
    """What came of one case."""

    case: Case
    gradients: int
    wrong: tuple[str, ...]
    cannot_tell: int
    measured: bool
    ratio: float


def random_case(number: int, seed: int) -> Case:
    """Sizes uniform on a logarithmic scale, everything else uniform."""
    rng = np.random.default_rng([seed, number])
    name = str(rng.choice(list(NETWORKS)))
    smallest = 2 if NETWORKS[name].options.get("projection_size") else 1

    def size(low: int, high: int) -> int:
        return int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))

    return Case(
        name,
        size(1, LONGEST),
        int(rng.integers(1, LARGEST_BATCH + 1)),
        size(smallest, WIDEST),
        str(rng.choice(DTYPES)),
        str(rng.choice(REGIMES)),
        seed=int(rng.integers(2**31)),
    )


def try_case(case: Case) -> Outcome:
    """Check one case; overflow in a regime that grows is the case's business, not a message's."""
    torch.set_num_threads(1)
    with np.errstate(over="ignore", invalid="ignore"):
        report = check(problem(case))
    verdicts = (report.loss, *report.gradients)
    told = [verdict for verdict in verdicts if verdict.outcome != CANNOT_TELL and verdict.noise and verdict.comparable]
    return Outcome(
        case,
        len(verdicts),
        tuple(str(verdict) for verdict in verdicts if verdict.outcome == WRONG),
        sum(verdict.outcome == CANNOT_TELL for verdict in verdicts),
        any(verdict.noise is not None for verdict in verdicts),
        max((verdict.error / verdict.tolerance.max() for verdict in told if verdict.error), default=0.0),
    )


def row(regime: str, outcomes: list[Outcome]) -> str:
    """One line of the table."""
    figures = (
        len(outcomes),
        sum(outcome.gradients for outcome in outcomes),
        sum(len(outcome.wrong) for outcome in outcomes),
        sum(outcome.cannot_tell for outcome in outcomes),
        sum(outcome.measured for outcome in outcomes),
        f"{max((outcome.ratio for outcome in outcomes), default=0):.2f}",
    )
    return "| " + " | ".join(map(str, (regime, *figures))) + " |"


def table(outcomes: list[Outcome], seconds: float, arguments: argparse.Namespace) -> str:
    """The figures as Markdown."""
    ratios = np.array([outcome.ratio for outcome in outcomes if outcome.measured])
    rows = [row(regime, [outcome for outcome in outcomes if outcome.case.regime == regime]) for regime in REGIMES]
    return TEXT.format(
        cases=arguments.cases,
        seed=arguments.seed,
        networks=len(NETWORKS),
        rows="\n".join([*rows, row("all", outcomes)]),
        measured=len(ratios),
        median=np.median(ratios),
        high=np.quantile(ratios, 0.99),
        workers=arguments.workers,
        minutes=seconds / 60,
        machine=description(),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--markdown", type=Path, help="also write the figures there")
    arguments = parser.parse_args()
    cases = [random_case(number, arguments.seed) for number in range(arguments.cases)]
    begin = time.perf_counter()
    with ProcessPoolExecutor(arguments.workers) as pool:
        results = pool.map(try_case, cases, chunksize=16)
        outcomes = list(track(results, "random cases", total=len(cases), disable=not sys.stderr.isatty()))
    text = table(outcomes, time.perf_counter() - begin, arguments)
    print(text)
    for outcome in outcomes:
        for verdict in outcome.wrong:
            print(f"{outcome.case} seed {outcome.case.seed}: {verdict}")
    if arguments.markdown:
        arguments.markdown.write_text(text)
    return 1 if any(outcome.wrong for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
