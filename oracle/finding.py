"""What is found about a gradient function at one set of arrays, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from oracle.differences import Witness
from oracle.verdict import AGREES, CANNOT_TELL, LIMIT, RELATIVE_ERROR, STRICT, WRONG, Verdict, worst_outcome

SMALL = 1e-6


@dataclass(frozen=True)
class Finding:
    """What is found about a gradient function at one set of arrays.

    verdicts     on each parameter's gradient, the worst first
    oracle       which oracle spoke, in words
    precision    what the code computes in, by which it is judged
    witness      what the loss itself says where a gradient is wrong
    faults       what is wrong beside the gradients: another result at a second call, another forward pass than that of
                 the cell it is held against (`oracle.forward`)
    complaints   what is amiss, and makes nothing wrong
    notes        what there is to know about how it was checked
    recognised   for a wrong gradient that is the right one deviated in a known way, that way
    not_checked  why there is no verdict; else empty
    explanation  of an exception that arrays raised whose shapes do not fit; else empty
    misaligned   operations that line up axes of different meaning, several lines each; the verdicts do not rest on them
    """

    sizes: Mapping[str, int]
    verdicts: tuple[Verdict, ...] = ()
    loss: float = np.nan
    oracle: str = ""
    precision: str = "float64"
    witness: Witness | None = None
    faults: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    recognised: Mapping[str, str] = field(default_factory=dict)
    not_checked: str = ""
    explanation: str = ""
    misaligned: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """The worst of the verdicts, and wrong where there are faults; "cannot tell" where there is no verdict."""
        if self.not_checked:
            return CANNOT_TELL
        return WRONG if self.faults else worst_outcome(verdict.outcome for verdict in self.verdicts)

    def __getitem__(self, name: str) -> Verdict:
        return next(verdict for verdict in self.verdicts if verdict.name == name)

    @property
    def wrong(self) -> tuple[str, ...]:
        return tuple(verdict.name for verdict in self.verdicts if verdict.outcome == WRONG)

    @property
    def sharpness(self) -> float:
        """The smallest relative error in a gradient's largest element that would have been called wrong here."""
        return max(
            (
                float(verdict.tolerance.max() / np.abs(verdict.oracle).max())
                for verdict in self.verdicts
                if verdict.comparable and np.any(verdict.oracle)
            ),
            default=np.inf,
        )

    def __str__(self) -> str:
        return "\n".join(in_words(self))


def in_words(finding: Finding, name: str | None = None) -> list[str]:
    """The first line alone tells all, of the gradient of that name or else of the worst; then what it rests on."""
    if finding.not_checked:
        explained = ["", *finding.explanation.splitlines()] if finding.explanation else []
        return [f"not checked: {finding.not_checked}", *explained, *_beside(finding)]
    if finding.faults and name is None:
        told = in_words(replace(finding, faults=()))
        return [*finding.faults, "the gradients of the first call:", *(f"    {line}" for line in told)]
    if worst_outcome(verdict.outcome for verdict in finding.verdicts) == AGREES:
        number = len(finding.verdicts)
        first = f"{'the gradient agrees' if number == 1 else f'all {number} gradients agree'}"
        if np.isfinite(finding.sharpness):
            first += f"; an error of {finding.sharpness:.1g} of the largest element would show"
        else:
            first += ": the loss depends on no parameter, and every gradient is zero"
        return [first, *_beside(finding)]
    worst = finding.verdicts[0] if name is None else finding[name]
    lines = [str(worst)]
    if worst.name in finding.recognised:
        lines[0] += f": {finding.recognised[worst.name]}"
    if worst.outcome == WRONG and worst.comparable:
        index = worst.worst
        lines += [
            f"    at {list(index)}: {worst.gradient[index]:.17g}, but should be {worst.oracle[index]:.17g}",
            f"    numpy.allclose(gradient, oracle, rtol=0, atol={worst.tolerance.max():.3g}) is False: "
            f"the tolerance is the larger of {LIMIT} × the rounding noise measured here "
            f"and {STRICT} roundings of the largest element",
            f"    relative error {worst.relative_error:.2g} ({RELATIVE_ERROR})",
        ]
        if worst.relative_error < SMALL:
            lines.append("    so small an error is often an epsilon that either the loss or the gradient leaves out")
    if len(finding.verdicts) > 1:
        lines.append("all gradients, the worst first:")
        for verdict in finding.verdicts:
            known = finding.recognised.get(verdict.name)
            lines.append(f"    {verdict}{f': {known}' if known else ''}")
    return [*lines, *_beside(finding)]


def _beside(finding: Finding) -> list[str]:
    """What is known beside the verdicts."""
    lines = [f"also: {complaint}" for complaint in finding.complaints]
    if finding.misaligned:
        lines.append("axes of different meaning are lined up:")
        lines += [f"    {line}" for one in finding.misaligned for line in one.splitlines()]
    if finding.oracle:
        lines.append(f"oracle: {finding.oracle}")
    if finding.witness is not None and not finding.not_checked:
        lines.append(_testimony(finding.witness))
    return [*lines, *(f"note: {note}" for note in finding.notes)]


def _testimony(witness: Witness) -> str:
    if witness.sides_with == "oracle":
        return f"confirmed by the loss itself: {witness}"
    return f"too small a difference for the loss itself to confirm: {witness}"
