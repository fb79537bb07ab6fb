"""Every built-in network checked on a few cases, and one of them trained: what `bptt-oracle verify` reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from oracle import binary_addition
from oracle.grid import CELL_NAMES, DTYPES, NETWORKS, Case, names, problem
from oracle.mirror.modules import why_not
from oracle.network_check import Report, check, check_mirrors
from oracle.verdict import AGREES, CANNOT_TELL, WRONG, Verdict
from rnn_manual import initial_parameters

POINTS = ((5, 3, 6, "ordinary"), (5, 3, 6, "saturated"), (21, 3, 17, "ordinary"))
"""(T, B, H, regime) of the cases each network is checked on, in every dtype."""

SUMS = 1000  # random pairs of 64-bit numbers for the binary adder


def cases(cells: Iterable[str], seed: int) -> list[Case]:
    """The cases of every network made of one of these cells; the networks of one cell stand together."""
    wanted = [cell for cell in CELL_NAMES if cell in cells]
    chosen = [name for cell in wanted for name in NETWORKS if NETWORKS[name].options["cell"] == cell]
    return [
        Case(name, time, batch, hidden, dtype, regime, seed)
        for name in chosen
        for time, batch, hidden, regime in POINTS
        for dtype in DTYPES
    ]


@dataclass
class Networks:
    """What was found about the built-in networks.

    verdicts        network -> the verdicts on all gradients of all its cases
    losses          the verdicts on the losses
    mirrors         how often each outcome came of the two mirrors against each other
    inexpressible   networks that torch.nn cannot express
    disagreeing     network -> the first of its cases in which not all agrees: what was compared, and the report
    raised          network -> the first of its cases in which an exception was raised, and which
    """

    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)
    losses: list[Verdict] = field(default_factory=list)
    mirrors: Counter[str] = field(default_factory=Counter)
    inexpressible: set[str] = field(default_factory=set)
    disagreeing: dict[str, tuple[str, Report]] = field(default_factory=dict)
    raised: dict[str, str] = field(default_factory=dict)

    @property
    def gradients(self) -> list[Verdict]:
        return [verdict for verdicts in self.verdicts.values() for verdict in verdicts]

    @property
    def outcomes(self) -> list[str]:
        wrong_losses = [verdict.outcome for verdict in self.losses if verdict.outcome == WRONG]
        return [*(verdict.outcome for verdict in self.gradients), *wrong_losses, *self.mirrors]


def verify_networks(
    cases: Iterable[Case], device: str = "cpu", begin: Callable[[Case], None] | None = None
) -> Networks:
    """Check the cases one after the other, by hand against the oracle and mirror against mirror.

    `begin` is called with each case before it is checked.
    """
    found = Networks()
    for case in cases:
        if begin:
            begin(case)
        try:
            _verify(case, device, found)
        except Exception as error:  # whatever it is, the other networks are still worth checking
            reason = f"{type(error).__name__}: {error}"
            unknown = [Verdict(name, CANNOT_TELL, None, np.empty(0), reason=reason) for name in names(case)]
            found.verdicts.setdefault(case.network, []).extend(unknown)
            found.raised.setdefault(case.network, f"{case} raised {reason}")
    return found


def _verify(case: Case, device: str, found: Networks) -> None:
    """Add to `found` what one case says."""
    posed = problem(case)
    report = check(posed, device=device, always_measure=True)
    between_mirrors = None if why_not(posed) else check_mirrors(posed, device)
    found.verdicts.setdefault(case.network, []).extend(report.gradients)
    found.losses.append(report.loss)
    if report.outcome != AGREES:
        found.disagreeing.setdefault(case.network, (str(case), report))
    if between_mirrors is None:
        found.inexpressible.add(case.network)
        return
    found.mirrors[between_mirrors.outcome] += 1
    if between_mirrors.outcome != AGREES:
        title = f"{case}, torch.nn against the step-by-step oracle"
        found.disagreeing.setdefault(case.network, (title, between_mirrors))


@dataclass(frozen=True)
class Adder:
    """How the binary adder fared; see `oracle.binary_addition`.

    before, after   its gradients before and after the training
    steps           training steps taken
    learned         all sums of two 8-bit numbers are right
    random_sums     how many of `SUMS` random sums of 64 bits are right
    chains          how many of the 64 carry chains of 64 bits are
    """

    before: Report
    after: Report
    steps: int
    learned: bool
    random_sums: int
    chains: int

    @property
    def outcomes(self) -> list[str]:
        return [self.before.outcome, self.after.outcome, AGREES if self.learned else WRONG]


def verify_adder(seed: int, device: str = "cpu", done: Callable[[int, float], None] | None = None) -> Adder:
    """Train the binary adder, with its gradients checked before and after.

    `done` is called with the number of steps taken and the loss, after each.
    """
    rng = np.random.default_rng(seed)
    parameters = initial_parameters(binary_addition.NETWORK, rng)
    before = binary_addition.check_gradients(parameters, rng, device)
    steps = 0
    for steps, loss in enumerate(binary_addition.train(parameters, rng), start=1):
        if done:
            done(steps, loss)

    def right(numbers: np.ndarray) -> int:
        return int(binary_addition.right_bits(parameters, numbers).all(axis=0).sum())

    return Adder(
        before,
        binary_addition.check_gradients(parameters, rng, device),
        steps,
        binary_addition.learned(parameters),
        right(binary_addition.random_pairs(64, SUMS, rng)),
        right(binary_addition.carry_chains(64)),
    )
