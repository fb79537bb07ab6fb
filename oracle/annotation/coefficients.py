"""How often each part of a gradient is in it: least squares on what steps, losses and samples contribute.

A fit counts where it leaves nothing but rounding and its parts are independent. Of several that do, the one with the
fewest counts that are not as they should be says it best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from oracle.annotation.grids import Picture, losses_in_words, states_in_words
from oracle.annotation.losses import contributions_by_loss
from oracle.annotation.truths import CONTRIBUTION, NODE, Pair, Truth, Truths
from oracle.lifting import NotLifted
from oracle.oracles import Mistrusted

EXACT = 1e-8  # of the gradient's norm: what the fit may leave
STEPS, LOSSES, STATES, SAMPLES = "steps", "losses", "states", "samples"


@dataclass(frozen=True)
class Coefficients:
    """gradient = sum over the parts of counts times what each contributes, exactly.

    counts   of steps or samples one number each; of losses [s][t], how often the loss of step s is in what step t
             contributes; of states [t][s], how often the adjoint of step t is paired with what the parameter is
             multiplied with at step s. None where there can be nothing
    kind     which parts
    """

    parameter: str
    counts: tuple
    kind: str = STEPS

    def __str__(self) -> str:
        """'W_hh: step 3 is counted twice, step 2 is missing'; of two axes also the picture, below."""
        said = ", ".join(self.words()) or "every step is counted once"
        return f"{self.parameter}: {said}" + (f"\n{self.picture()}" if self.kind in (LOSSES, STATES) else "")

    def words(self) -> list[str]:
        if self.kind == LOSSES:
            return [losses_in_words(self.counts)]
        if self.kind == STATES:
            return [states_in_words(self.counts)]
        one = "sample" if self.kind == SAMPLES else "step"
        found = []
        for count in sorted(set(self.counts) - {1.0}):
            which = [str(t) for t, each in enumerate(self.counts) if each == count]
            verb = "are" if len(which) > 1 else "is"
            found.append(f"{one}{'s' if len(which) > 1 else ''} {_listed(which)} {verb} {_times(count)}")
        return found

    def picture(self) -> str:
        """'W_hh  t=0 1  t=1 1  t=2 ·  t=3 2', a dot for a step that is missing; of two axes a grid."""
        if self.kind == LOSSES:
            return str(Picture("loss of step", "reaches t =", self.counts))
        if self.kind == STATES:
            return str(Picture("adjoint of step", "with that of t =", self.counts))
        axis = "b" if self.kind == SAMPLES else "t"
        cells = [f"{axis}={t} {'·' if count == 0 else f'{count:g}'}" for t, count in enumerate(self.counts)]
        return "  ".join([self.parameter, *cells])

    @property
    def deviations(self) -> int:
        """How many counts are not as they should be."""
        if self.kind == STATES:
            right = np.eye(len(self.counts), len(self.counts[0]))
            return int(np.sum(np.array(self.counts) != right))
        return sum(one not in (1.0, None) for one in np.ravel(np.array(self.counts, object)))


def coefficients(parameter: str, gradient: np.ndarray, truths: Truths) -> Coefficients | None:
    """The counts of one parameter's gradient, in the order of the forward pass; None where it is no such sum.

    gradient   as the user's code returned it, in the shape of the parameter
    """
    if np.shape(gradient) != np.shape(truths.gradients.get(parameter)) or not np.all(np.isfinite(gradient)):
        return None
    found = []
    for fit in (_of_steps, _of_samples, _of_states, _of_losses):
        one = fit(parameter, np.asarray(gradient, np.float64), truths)
        if one is not None and one.deviations <= 1:
            return one
        found += [one] if one is not None else []
    return min(found, key=lambda one: one.deviations, default=None)


def _fit(gradient: np.ndarray, parts: Sequence[np.ndarray]) -> np.ndarray | None:
    """The counts of these parts; None where they do not make up the gradient, or several counts would."""
    if len(parts) < 2 or len(parts) >= gradient.size:  # any gradient would fit
        return None
    columns = np.stack([np.ravel(part) for part in parts], axis=1)  # (elements, parts)
    flat = gradient.ravel()
    norms = np.linalg.norm(columns, axis=0)
    if not np.all(norms > 0):
        return None
    found, _, rank, _ = np.linalg.lstsq(columns / norms, flat, rcond=1e-10)
    misfit = float(np.linalg.norm((columns / norms) @ found - flat))
    if rank < len(parts) or misfit > EXACT * max(float(np.linalg.norm(flat)), float(np.linalg.norm(columns))):
        return None
    return np.round(found / norms, 6) + 0.0


def _of_steps(parameter: str, gradient: np.ndarray, truths: Truths) -> Coefficients | None:
    found = _fit(gradient, [part.adjoint for part in _contributions(parameter, truths.every)])
    return None if found is None else Coefficients(parameter, _plain(found))


def _of_samples(parameter: str, gradient: np.ndarray, truths: Truths) -> Coefficients | None:
    """One common count is no matter of samples."""
    samples = [one.samples() for one in _pairs(parameter, truths)]
    if not samples or len({len(one) for one in samples}) != 1 or samples[0][0].shape != gradient.shape:
        return None
    found = _fit(gradient, [sum(parts) for parts in zip(*samples)])
    return None if found is None or np.ptp(found) == 0 else Coefficients(parameter, _plain(found), SAMPLES)


def _of_states(parameter: str, gradient: np.ndarray, truths: Truths) -> Coefficients | None:
    pairs = _pairs(parameter, truths)
    operands = [one.operand for one in pairs]
    if len(pairs) < 2 or len({one.shape for one in operands}) != 1:
        return None
    last = _after(operands, truths.every)
    operands += [last] if last is not None else []
    parts = [[pair.contribution(operand) for operand in operands] for pair in pairs]
    if parts[0][0].shape != gradient.shape:
        return None
    found = _fit(gradient, [part for row in parts for part in row])
    if found is not None:
        return Coefficients(parameter, _plain(found.reshape(len(pairs), -1)), STATES)
    for partner in _partners(len(pairs), len(operands)):  # too small a gradient for so many counts
        total = sum(parts[t][s] for t, s in enumerate(partner) if s is not None)
        if np.linalg.norm(total - gradient) <= EXACT * np.linalg.norm(gradient):
            rows = [[float(s == one) for s in range(len(operands))] for one in partner]
            return Coefficients(parameter, tuple(map(tuple, rows)), STATES)
    return None


def _partners(steps: int, operands: int) -> Iterator[list[int | None]]:
    """With which step's value each step's adjoint may be paired: shifted, wrapping or not, always one, reversed."""
    for shift in sorted(range(1 - steps, steps), key=abs):
        shifted = [t + shift for t in range(steps)]
        yield [s if 0 <= s < operands else None for s in shifted]
        yield [s % operands for s in shifted]
        yield [s % steps for s in shifted]
    for one in range(operands):
        yield [one] * steps
    yield [steps - 1 - t for t in range(steps)]
    yield [operands - 1 - t for t in range(steps)]


def _of_losses(parameter: str, gradient: np.ndarray, truths: Truths) -> Coefficients | None:
    steps = len(_contributions(parameter, truths.every))
    by_loss = _by_loss(truths, steps) if steps > 1 else None
    if by_loss is None:
        return None
    grid = [[part.adjoint for part in _contributions(parameter, every)] for every in by_loss]  # [s][t]
    if {len(row) for row in grid} != {steps}:
        return None
    reach = [(s, t) for s, row in enumerate(grid) for t, part in enumerate(row) if part.any()]
    found = _fit(gradient, [grid[s][t] for s, t in reach])
    if found is not None:
        counts = dict(zip(reach, _plain(found)))
    else:  # too small a gradient for so many counts, perhaps
        counts = None
        for pattern in _patterns(steps):
            total = sum(grid[s][t] for s, t in reach if pattern(s, t))
            if np.linalg.norm(total - gradient) <= EXACT * np.linalg.norm(gradient):
                counts = {(s, t): float(pattern(s, t)) for s, t in reach}
                break
    if counts is None:
        return None
    return Coefficients(parameter, tuple(tuple(counts.get((s, t)) for t in range(steps)) for s in range(steps)), LOSSES)


# of the last run, by the number of steps: several parameters ask the same
_KEPT: list[tuple[Truths, dict[int, list[list[Truth]] | None]]] = []


def _patterns(steps: int) -> Iterator[Callable[[int, int], bool]]:
    """Whether the loss of step s reaches step t: all, in a window, within blocks, only the loss of one step."""
    yield lambda s, t: True
    for size in range(1, steps):
        yield lambda s, t, size=size: abs(s - t) < size
    for size in range(2, steps):
        yield lambda s, t, size=size: s // size == t // size
    for one in reversed(range(steps)):
        yield lambda s, t, one=one: s == one


def _by_loss(truths: Truths, steps: int) -> list[list[Truth]] | None:
    if truths.subject is None:
        return None
    if not _KEPT or _KEPT[0][0] is not truths:
        _KEPT[:] = [(truths, {})]
    known = _KEPT[0][1]
    if steps not in known:
        try:
            known[steps] = contributions_by_loss(truths.subject, steps)
        except (NotLifted, Mistrusted):
            known[steps] = None
    return known[steps]


def _contributions(parameter: str, every: Sequence[Truth]) -> list[Truth]:
    """Of its uses; where there is one only, of the steps in it."""
    mine = [one for one in every if one.kind == CONTRIBUTION and one.parameter == parameter]
    uses = sorted((one for one in mine if one.index is None), key=lambda one: one.order)
    if len(uses) != 1:
        return uses if len({(one.filename, one.line, one.instruction, one.caller) for one in uses}) == 1 else []
    return [one for one in mine if one.index is not None and one.index[0] == 0]


def _pairs(parameter: str, truths: Truths) -> list[Pair]:
    return sorted((one for one in truths.pairs if one.parameter == parameter), key=lambda one: one.order)


def _after(operands: list[np.ndarray], every: Sequence[Truth]) -> np.ndarray | None:
    """What the parameter would be multiplied with at the step after the last: the last state."""
    places: dict[tuple, list[Truth]] = {}
    for one in every:
        if one.kind == NODE and one.value.shape == operands[-1].shape:
            at = one.filename, one.line, one.instruction, one.operation, one.caller
            places.setdefault(at, []).append(one)
    for same in places.values():
        same = sorted(same, key=lambda one: one.order)
        if len(same) == len(operands) and all(np.array_equal(a.value, b) for a, b in zip(same, operands[1:])):
            return same[-1].value
    return None


def _plain(found: np.ndarray) -> tuple:
    return tuple(map(_plain, found)) if found.ndim > 1 else tuple(float(one) for one in found)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _times(count: float) -> str:
    return {0.0: "missing", 2.0: "counted twice", -1.0: "subtracted"}.get(count, f"counted {count:g} times")
