"""Norms by time step as a line chart with a logarithmic axis, in numbers for the page to draw as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from oracle.norms import Series, described

WIDTH, HEIGHT = 460, 240  # pixels, as are all numbers here
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 34
MOST = 8  # lines of a chart: as many as can be told apart
MOST_TICKS = 7


@dataclass(frozen=True)
class Line:
    """One series: what it is, its points joined as SVG points where they can be, and those that a log axis lacks."""

    label: str
    source: str
    style: int
    runs: tuple[str, ...]
    marks: tuple[tuple[float, float], ...]
    off: tuple[tuple[float, str], ...]
    numbers: tuple[str, ...]
    trend: str


@dataclass(frozen=True)
class Chart:
    """ticks   (y, text) of the axis of norms, and (x, text) of the steps; left_out series are in the table only"""

    title: str
    lines: tuple[Line, ...]
    left_out: tuple[Line, ...]
    down: tuple[tuple[float, str], ...]
    across: tuple[tuple[float, str], ...]
    steps: int

    @property
    def all_lines(self) -> tuple[Line, ...]:
        return (*self.lines, *self.left_out)


def chart(title: str, series: Sequence[Series]) -> Chart | None:
    """None where there is nothing to draw."""
    if not series:
        return None
    steps = max(len(one.norms) for one in series)
    positive = [math.log10(norm) for one in series for norm in one.norms if 0 < norm < math.inf]
    low, high = math.floor(min(positive, default=0)), math.ceil(max(positive, default=1))
    high = max(high, low + 1)
    every = math.ceil((high - low) / MOST_TICKS)
    low = high - math.ceil((high - low) / every) * every

    def x(step: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * step / max(steps - 1, 1), 1)

    def y(norm: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (high - math.log10(norm)) / (high - low), 1)

    lines = [_line(one, number, x, y) for number, one in enumerate(series)]
    down = [(y(10.0**power), _power(power)) for power in range(low, high + 1, every)]
    if high - low == 1:  # one decade has room for more
        down += [(y(part * 10.0**low), f"{part * 10.0**low:g}".replace("-", "−")) for part in (2, 5)]
    apart = max(1, math.ceil(steps / 12))
    across = tuple((x(step), str(step)) for step in range(0, steps, apart))
    return Chart(title, tuple(lines[:MOST]), tuple(lines[MOST:]), tuple(down), across, steps)


def _power(power: int) -> str:
    return {-1: "0.1", 0: "1", 1: "10", 2: "100"}.get(power, f"1e{power}".replace("-", "−"))


def _line(one: Series, number: int, x, y) -> Line:
    runs: list[list[str]] = [[]]
    marks, off = [], []
    for step, norm in enumerate(one.norms):
        if 0 < norm < math.inf:
            marks.append((x(step), y(norm)))
            runs[-1].append(f"{x(step)},{y(norm)}")
        else:
            off.append((x(step), "0" if norm == 0 else "NaN" if math.isnan(norm) else "∞"))
            runs.append([])
    joined = tuple(" ".join(run) for run in runs if len(run) > 1)
    numbers = tuple(f"{norm:.3g}" for norm in one.norms)
    return Line(described(one), one.source, number % MOST, joined, tuple(marks), tuple(off), numbers, trend(one.norms))


def trend(norms: Sequence[float]) -> str:
    """From the last step back to the first, as the gradient flows: 'shrinks to 3.1e-05 of it in 39 steps'."""
    first, last, steps = norms[0], norms[-1], len(norms) - 1
    if not all(math.isfinite(one) for one in norms):
        return "it is not finite"
    if last == 0:
        return "the last step gets nothing"
    if first == 0:
        return "nothing of it reaches step 0"
    share = first / last
    if 0.1 <= share <= 10:
        return f"steady: at step 0 it is {share:.2g} times that of step {steps}"
    verb = "vanishes" if share < 1 else "explodes"
    return (
        f"{verb} going back: at step 0 it is {share:.1e} times that of step {steps}, {share ** (1 / steps):.2g} a step"
    )
