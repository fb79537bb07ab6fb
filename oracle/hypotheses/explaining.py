"""From wrong gradients to readings; where there is none, the facts that narrow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from oracle.hypotheses.blocks import whole_blocks
from oracle.hypotheses.reading import Reading
from oracle.hypotheses.search import SECONDS, TIED, Case, as_reading, found_in, holds
from oracle.hypotheses.words import listed
from oracle.kinds import ACCUMULATION, BIAS_SUM, BRANCH, CARRY, FACTOR, INJECTION, TIME_INDEX, UPDATE
from oracle.subject import Subject

Given = Mapping[str, np.ndarray]
Tolerance = Mapping[str, float]


def readings(
    subject: Subject,
    given: Given,
    tolerance: Tolerance,
    elsewhere: Callable[[], tuple[Subject, Given, Tolerance]] | None = None,
    seconds: float = SECONDS,
) -> tuple[Reading, ...]:
    """The readings with the fewest mistakes that reproduce all gradients, the likelier first; more than one is a tie.

    given       the code's gradients, float64, by name
    tolerance   how far two equal gradients may be apart, by name
    elsewhere   the same function at other sizes or numbers: what is read here has to hold there
    seconds     after which the search stops; what was found until then is still said

    Nothing is said where a gradient has NaN or inf in it.
    Raises NotLifted or Mistrusted where the forward pass cannot be followed.
    """
    case = Case(subject, given, tolerance, seconds)
    found = found_in(case)
    if elsewhere is not None and found:
        other = Case(*elsewhere(), seconds)
        if not other.unknown:
            found = [one for one in found if holds(other, one)]
    said: dict[tuple, Reading] = {}
    for one in found:
        reading = as_reading(case, one)
        said.setdefault(reading.mistakes, reading)
    shown = list(said.values())[:TIED]
    return tuple(replace(one, apart=_apart(case, shown)) for one in shown) if len(shown) > 1 else tuple(shown)


def _apart(case: Case, tied: list[Reading]) -> str:
    """What would tell readings apart that give the same gradients."""
    if not any(case.given[name].any() for name in case.wrong):
        return "all of these give zeros; print what flows back in the loop: where it is zero first, the mistake is"
    kinds = {mistake.kind for one in tied for mistake in one.mistakes}
    by = []
    if FACTOR in kinds or BIAS_SUM in kinds:
        by.append("another batch size")
    if kinds & {TIME_INDEX, CARRY, ACCUMULATION, INJECTION, BRANCH, UPDATE}:
        by.append("more time steps, with a loss at every step")
    return f"these give the same gradients here; {listed(by or ['other numbers and sizes'])} would tell them apart"


def facts(subject: Subject, given: Given, tolerance: Tolerance) -> tuple[str, ...]:
    """What narrows wrong gradients down that no hypothesis explains; never a guess.

    Raises NotLifted or Mistrusted where the forward pass cannot be followed.
    """
    case = Case(subject, given, tolerance)
    if not case.wrong:
        return ()
    right = [name for name in case.names if name not in case.wrong]
    said = [f"wrong: {listed(case.wrong)}; right: {listed(right) if right else 'none'}"]
    for name in case.wrong:
        blocks = whole_blocks(case.backward.parts_for(name), case.base)
        if len(blocks) != 1 or len(blocks[0].deltas) < 2:
            continue
        each = blocks[0].contributions().reshape(len(blocks[0].deltas), -1)
        target = blocks[0].taken(case.given[name]).ravel()
        if each.shape[1] < 2 * len(each):  # so few numbers can be fitted by anything
            continue
        coefficients, *_ = np.linalg.lstsq(each.T, target, rcond=None)
        left = np.abs(coefficients @ each - target).max() / max(np.abs(target).max(), 1e-300)
        listed_ = ", ".join(f"{c:.3g}" for c in coefficients)
        said.append(f"d{name} as a sum over the steps fits best with the coefficients {listed_}; {left:.2g} is left")
    return tuple(said)
