"""Counts on two axes: as a picture in text, and in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Grid = Sequence[Sequence[float | None]]


@dataclass(frozen=True)
class Picture:
    """A grid of counts.

    down, across   what its rows and its columns are
    counts         a dot stands for 0, a blank for None
    """

    down: str
    across: str
    counts: Grid

    def __str__(self) -> str:
        cells = [["" if one is None else "." if one == 0 else f"{one:.3g}" for one in row] for row in self.counts]
        heads = [str(number) for number in range(len(cells[0]))]
        wide = max(len(one) for row in (heads, *cells) for one in row)
        left = len(self.down) + 1 + len(str(len(cells) - 1))
        lines = [f"{self.across:>{left}} " + _row(heads, wide)]
        for number, row in enumerate(cells):
            head = self.down if number == 0 else ""
            lines.append(f"{head:{len(self.down)}} {number:>{left - len(self.down) - 1}} " + _row(row, wide))
        return "\n".join(line.rstrip() for line in lines)


def _row(cells: Sequence[str], wide: int) -> str:
    return " ".join(f" {cell:>{wide}}" for cell in cells)


def losses_in_words(counts: Grid) -> str:
    """counts[s][t]: how often the loss of step s is in what step t contributes."""
    here = {(s, t): one for s, row in enumerate(counts) for t, one in enumerate(row) if one is not None}
    steps = len(counts)
    if not set(here.values()) <= {0.0, 1.0}:
        return "the losses of the steps reach back as often as the picture says"
    counted = {at for at, one in here.items() if one}
    rows = [s for s in range(steps) if all(here[at] for at in here if at[0] == s)]
    if counted == {(s, t) for s, t in here if s in rows}:
        if len(rows) == 1:
            return f"only the loss of step {rows[0]} counts"
        if rows:
            missing = [str(s) for s in range(steps) if s not in rows]
            return f"the loss of step{'s' * (len(missing) > 1)} {' and '.join(missing)} does not count"
    for window in range(1, steps):
        if counted == {(s, t) for s, t in here if abs(s - t) < window}:
            if window == 1:
                return "each step gets only its own loss: nothing is carried back"
            return f"the loss of a step reaches back over {window} steps only, itself included: a window"
    cuts = [t for t in range(1, steps) if not any(min(at) < t <= max(at) for at in counted)]
    pieces = np.searchsorted(cuts, range(steps), side="right")
    if cuts and counted == {(s, t) for s, t in here if pieces[s] == pieces[t]}:
        where = " and ".join(f"{t - 1} and {t}" for t in cuts)
        return f"nothing is carried back between steps {where}"
    return "some losses do not reach all the steps before them"


def states_in_words(counts: Grid) -> str:
    """counts[t][s]: how often the adjoint of step t is paired with what the parameter meets at step s."""
    partner = []
    for row in counts:
        found = [s for s, one in enumerate(row) if one]
        if len(found) > 1 or any(row[s] != 1 for s in found):
            return "adjoints are paired with the values of several steps, as the picture says"
        partner.append(found[0] if found else None)
    kept = {t: s for t, s in enumerate(partner) if s is not None}
    steps = len(partner)
    apart = {s - t for t, s in kept.items()}
    left_out = [str(t) for t in range(steps) if t not in kept]
    without = f", and step{'s' * (len(left_out) > 1)} {' and '.join(left_out)} left out" if left_out else ""
    if len(kept) > 1 and len(set(kept.values())) == 1:
        return f"every adjoint is paired with {_value(kept[min(kept)], steps)}{without}"
    if len(apart) == 1:
        return f"the adjoint of each step is paired with the value {_away(apart.pop())}{without}"
    wrapped = {t: s for t, s in kept.items() if abs(s - t) == max(abs(one) for one in apart)}
    rest = {s - t for t, s in kept.items() if t not in wrapped}
    if len(wrapped) == 1 and len(rest) == 1:
        (t, s), shift = next(iter(wrapped.items())), rest.pop()
        others = f"that of each other step with the value {_away(shift)}" if shift else "all others with their own"
        return f"the adjoint of step {t} is paired with {_value(s, steps)}, {others}{without}"
    if sorted(kept.values(), reverse=True) == list(kept.values()):
        return f"the values run the other way than the adjoints{without}"
    return f"adjoints are paired with the values of other steps, as the picture says{without}"


def _value(step: int, steps: int) -> str:
    return f"the value that is used at step {step}" if step < steps else "the last value, which is used at no step"


def _away(shift: int) -> str:
    if not shift:
        return "that is used at it"
    steps = "one step" if abs(shift) == 1 else f"{abs(shift)} steps"
    return f"that is used {steps} {'later' if shift > 0 else 'earlier'}"
