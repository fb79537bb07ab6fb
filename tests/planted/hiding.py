"""What a single choice of sizes or values would hide: the planted mistakes again, on problems with that choice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from oracle import grid
from oracle.problem import Problem
from oracle.verdict import Verdict
from tests.planted.catching import Judged, supported, wrong
from tests.planted.lists import MISTAKES
from tests.planted.mistake import Mistake

LOOSE = 1e-2
STATES = ("x", "h_0", "c_0")


def last_step_only(problem: Problem) -> Problem:
    """The same problem with a loss of the last step's output alone."""
    if problem.network.output_size is None:
        d_outputs = problem.d_outputs.copy()
        d_outputs[:-1] = 0
        d_c_n = None if problem.d_c_n is None else np.zeros_like(problem.d_c_n)
        return replace(problem, d_outputs=d_outputs, d_h_n=np.zeros_like(problem.d_h_n), d_c_n=d_c_n)
    if problem.network.readout == "last":
        return problem
    weights = None if problem.weights is None else problem.weights[-1]
    network = replace(problem.network, readout="last")
    return replace(problem, network=network, targets=problem.targets[-1], weights=weights)


CHOICES: dict[str, Callable[[grid.Case], Problem]] = {
    "none: T=5 B=3 I=4 H=6 O=7": grid.problem,
    "T=1": lambda case: grid.problem(replace(case, time=1)),
    "T=2, and h_0=0": lambda case: grid.problem(replace(case, time=2, regime="zero_state")),
    "B=1": lambda case: grid.problem(replace(case, batch=1)),
    "H=1": lambda case: grid.problem(replace(case, hidden=1)),
    "h_0=0": lambda case: grid.problem(replace(case, regime="zero_state")),
    "loss at the last step only": lambda case: last_step_only(grid.problem(case)),
    "weights and biases × 0.01": lambda case: grid.problem(replace(case, regime="tiny_weights")),
}
"""h_0=0 is c_0=0 as well."""


@dataclass(frozen=True)
class Hidden:
    """The mistakes that go unseen.

    altogether      no gradient is wrong in any network
    in_parameters   no parameter's gradient is, nor the loss: only those of x, h_0 and c_0
    within_loose    what is wrong is so by less than LOOSE of the gradient's largest element
    """

    altogether: list[Mistake]
    in_parameters: list[Mistake]
    within_loose: list[Mistake]


def hidden_by(choice: str) -> Hidden:
    hidden = Hidden([], [], [])
    for cell, mistakes in MISTAKES.items():
        problems = [Judged(CHOICES[choice](case)) for case in _defaults(cell)]
        for mistake in _silent(mistakes):
            found = _found(mistake, problems)
            if not found:
                hidden.altogether.append(mistake)
            if not any(verdict.name not in STATES for verdict in found):
                hidden.in_parameters.append(mistake)
            if not any(verdict.relative_error >= LOOSE for verdict in found):
                hidden.within_loose.append(mistake)
    return hidden


def _found(mistake: Mistake, problems: list[Judged]) -> list[Verdict]:
    """Wrong verdicts on the problems, up to the first that leaves no question open."""
    implementation = mistake.implementation()
    found: list[Verdict] = []
    for problem in problems:
        for _ in range(2):  # the second time shows what was left over from the first
            found += wrong(problem.verdicts(implementation))
            if any(verdict.name not in STATES and verdict.relative_error >= LOOSE for verdict in found):
                return found
    return found


def _silent(mistakes: Iterable[Mistake]) -> list[Mistake]:
    return [mistake for mistake in mistakes if mistake.raises is None]


def _defaults(cell: str) -> list[grid.Case]:
    """Every network that the cell's pass can run, at sizes and values that are meant to hide nothing."""
    return [grid.Case(name, 5, 3, 6, "float64", "ordinary") for name in grid.NETWORKS if supported(name, cell)]


def report() -> str:
    """docs/planted.md"""
    cells = {cell: len(_silent(mistakes)) for cell, mistakes in MISTAKES.items()}
    planted = sum(cells.values())
    heads = [
        "choice",
        *(f"{cell}, of {count}" for cell, count in cells.items()),
        f"all, of {planted}",
        "if only parameters are compared",
        f"within {LOOSE:.0%}",
        "kinds most often hidden",
    ]
    lines = [
        "# What a single choice hides",
        "",
        f"{planted} mistakes are planted in right backward passes (tests/planted), and the smoke grid catches every "
        "one; the table says how many would have gone unseen, had all problems shared one choice.",
        "",
        "The problems are every network that the passes can run, in float64, with nothing else changed from the first "
        "row. A mistake counts as hidden if no gradient of any network is called wrong by the measured tolerance; in "
        "the next column, if none of a parameter is, those of x, h_0 and c_0 being left out; and in the last column of "
        f"numbers, if a fixed tolerance of {LOOSE:.0%} of each gradient's largest element would have let it pass.",
        "",
        f"| {' | '.join(heads)} |",
        "|---|" + "---:|" * (len(heads) - 2) + "---|",
    ]
    for choice in CHOICES:
        hidden = hidden_by(choice)
        by_cell, by_kind = (Counter(getattr(m, field) for m in hidden.altogether) for field in ("cell", "kind"))
        row = [
            choice,
            *(by_cell[cell] for cell in cells),
            len(hidden.altogether),
            len(hidden.in_parameters),
            len(hidden.within_loose),
            ", ".join(f"{kind} {count}" for kind, count in by_kind.most_common(4)),
        ]
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join([*lines, "", "Written by `python -m tests.planted`.", ""])
