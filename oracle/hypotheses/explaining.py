"""From wrong gradients to readings; where there is none, the facts that narrow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from oracle.hypotheses.blocks import whole_blocks
from oracle.hypotheses.reading import Reading
from oracle.hypotheses.search import PAIRED, SECONDS, TIED, Case, Elsewhere, as_reading, found_in, holds
from oracle.hypotheses.words import listed
from oracle.kinds import ACCUMULATION, BIAS_SUM, BRANCH, CARRY, FACTOR, INJECTION, TIME_INDEX, UPDATE
from oracle.lifting import NotLifted
from oracle.oracles import Mistrusted
from oracle.returned import NotChecked
from oracle.subject import Subject

NEARLY = 0.02  # of the largest entry: less left over than this, a fit says something

Given = Mapping[str, np.ndarray]
Tolerance = Mapping[str, float]


@dataclass(frozen=True)
class Explanation:
    """Why gradients are wrong.

    readings   with the fewest mistakes that reproduce all gradients, the likelier first; more than one is a tie
    facts      what narrows it where there is none; never a guess
    stopped    whether time ran out before everything known was tried
    """

    readings: tuple[Reading, ...] = ()
    facts: tuple[str, ...] = ()
    stopped: bool = False


def explained(
    subject: Subject,
    given: Given,
    tolerance: Tolerance,
    elsewhere: Elsewhere | None = None,
    seconds: float = SECONDS,
) -> Explanation:
    """What reproduces the code's gradients; where nothing does, what narrows it.

    given       the code's gradients, float64, by name
    tolerance   how far two equal gradients may be apart, by name
    elsewhere   the same function at other sizes and numbers, or with the sizes it is given, as (subject, given,
                tolerance); of the readings of a tie those that hold there too are kept
    seconds     after which the search stops; what was found until then is still said

    There is no reading where a gradient has NaN or inf in it.
    Raises NotLifted or Mistrusted where the forward pass cannot be followed.
    """
    case = Case(subject, given, tolerance, seconds, elsewhere)
    found = found_in(case)
    if not found:
        return Explanation((), _facts(case), case.late(PAIRED))
    other = _other(elsewhere, seconds) if elsewhere is not None and len(found) > 1 else None
    kept = []
    if other is not None:
        kept = [one for one in found if holds(other, one)]
        if other.late():  # of those that do not hold some may not have been tried
            other = None
        else:
            found = kept if kept and other.wrong else found
    said: dict[tuple, Reading] = {}
    for one in found:
        reading = as_reading(case, one)
        said.setdefault(reading.mistakes, reading)
    shown = list(said.values())[:TIED]
    if len(shown) > 1:
        shown = [replace(one, apart=_apart(case, other, bool(kept), shown)) for one in shown]
    return Explanation(tuple(shown))


def _other(elsewhere: Elsewhere, seconds: float) -> Case | None:
    """Another case to try readings on; None where there is none."""
    try:
        other = Case(*elsewhere(), seconds)
    except (NotLifted, Mistrusted, NotChecked):
        return None
    return None if other.unknown else other


def _apart(case: Case, other: Case | None, held: bool, tied: list[Reading]) -> str:
    """What would tell readings apart that give the same gradients.

    other   another case that all of them were tried on; None where there is none
    held    whether they hold there too; else none of them does
    """
    if not any(case.given[name].any() for name in case.wrong):
        return "all of these give zeros; print what flows back in the loop: where it is zero first, the mistake is"
    if other is not None:
        sizes = ", ".join(f"{name}={size}" for name, size in other.subject.sizes.items())
        if not other.wrong:
            return f"these give the same gradients here; at {sizes} the gradients are right"
        if not held:
            return f"these give the same gradients here; none of them holds at {sizes}"
        return f"these give the same gradients here and at {sizes}: they may be one mistake in other words"
    kinds = {mistake.kind for one in tied for mistake in one.mistakes}
    by = []
    if FACTOR in kinds or BIAS_SUM in kinds:
        by.append("another batch size")
    if kinds & {TIME_INDEX, CARRY, ACCUMULATION, INJECTION, BRANCH, UPDATE}:
        by.append("more time steps, with a loss at every step")
    return f"these give the same gradients here; {listed(by or ['other numbers and sizes'])} would tell them apart"


def _facts(case: Case) -> tuple[str, ...]:
    """What narrows wrong gradients down that no hypothesis explains."""
    if not case.wrong:
        return ()
    right = [name for name in case.names if name not in case.wrong]
    said = [f"wrong: {listed(case.wrong)}; right: {listed(right) if right else 'none'}"]
    no_sum = []
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
        if left > NEARLY:
            no_sum.append(f"d{name}")
            continue
        factors = ", ".join(f"{c:.3g}" for c in coefficients)
        said.append(
            f"d{name} is nearly a sum of the right contributions of the steps, t = 0 first, times {factors}; "
            f"{left:.2g} of its largest entry is left"
        )
    if no_sum:
        said.append(f"no sum of the right contributions of the steps, whatever the factors, gives {_or(no_sum)}")
    if case.broken:
        count = len(case.broken)
        some = "one hypothesis" if count == 1 else f"{count} hypotheses"
        said.append(f"{some} could not be tried on this program ({case.broken[0]}); please report it")
    return tuple(said)


def _or(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
