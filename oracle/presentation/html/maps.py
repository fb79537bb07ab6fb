"""A gradient as a heat map: cells of a grid that a page draws as SVG, coloured by level.

An array of any dimension is a list of sheets, one for each index of its leading axes. What is larger than a sheet has
room for is pooled: a cell stands for a block of elements and shows the worst of them, and the page says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from oracle.presentation.html.text import number, short
from oracle.verdict import Verdict

LEVELS = 16  # of colour on either side of zero
LEAST = 4  # the level of the smallest error that is one: to be told from none at a glance
MOST_CELLS = 64  # rows, and columns, of a sheet
MOST_SHEETS = 12
ROOM = 336  # pixels that a sheet fills, axes aside
SMALLEST, LARGEST = 5, 44  # pixels of a cell
LEFT, TOP = 30, 16  # pixels that the indices need
LEGIBLE = 30  # pixels of a cell that a number fits in
CHARACTER = 6  # pixels
STRONG = 10  # from this level on the number is light on dark


@dataclass(frozen=True)
class Cell:
    """x, y in pixels; level from -LEVELS to LEVELS, or "nan", "inf", "-inf"; text where there is room for it."""

    x: int
    y: int
    level: int | str
    text: str


@dataclass(frozen=True)
class Map:
    """One picture of a sheet: its title, the cells by level as SVG paths, and the numbers in them."""

    title: str
    kind: str
    paths: tuple[tuple[str, str], ...]
    texts: tuple[tuple[int, int, str, str], ...]


@dataclass(frozen=True)
class Sheet:
    """Maps of the same elements side by side.

    label      the leading indices in words; empty where there is one sheet only
    width, height, cell_width, cell_height   in pixels, indices included in the first two
    columns, rows   of cells
    across, down    (position in pixels, index) of what is written along the axes
    pooled     the rows and columns of elements in a cell; (1, 1) where each has its own
    data       for the page's script: the index and the numbers of every cell
    worst      the cell that it shows first
    """

    label: str
    width: int
    height: int
    cell_width: int
    cell_height: int
    columns: int
    rows: int
    across: tuple[tuple[int, int], ...]
    down: tuple[tuple[int, int], ...]
    pooled: tuple[int, int]
    maps: tuple[Map, ...]
    data: dict = field(repr=False)
    worst: int = 0


@dataclass(frozen=True)
class Picture:
    """All there is to see of a gradient: sheets, and how many more there are."""

    sheets: tuple[Sheet, ...]
    left_out: int
    scale: float
    wrong_scale: float


def pictures(verdict: Verdict) -> list[Picture]:
    """The right gradient, the wrong one and the error; apart, and without the error, where their shapes differ."""
    right, wrong = as_numbers(verdict.oracle), as_numbers(verdict.gradient)
    if wrong is None:
        return [_picture([("right", "should be", right)])]
    if wrong.shape != right.shape:
        return [_picture([("right", "should be", right)]), _picture([("wrong", "is", wrong)])]
    with np.errstate(all="ignore"):
        error = wrong - right
    tolerance = float(np.max(verdict.tolerance, initial=0)) if verdict.comparable else 0.0
    return [_picture([("error", "error", error), ("right", "should be", right), ("wrong", "is", wrong)], tolerance)]


def as_numbers(value: object) -> np.ndarray | None:
    """As an array of real numbers, of complex ones the real part; None for what is no such array."""
    if not isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, (int, float)):
        return None
    array = np.asarray(value)
    if array.dtype.kind == "c":
        array = array.real
    if array.dtype.kind not in "biuf":
        return None
    with np.errstate(all="ignore"):
        return array.astype(np.float64)


def _picture(arrays: Sequence[tuple[str, str, np.ndarray]], tolerance: float = 0.0) -> Picture:
    """arrays   (kind, title, numbers), of one shape; the first decides which element of a block is shown"""
    shape = arrays[0][2].shape
    rows, columns = ((1, *shape) if len(shape) < 2 else shape)[-2:] if shape else (1, 1)
    leading = shape[:-2]
    folded = [array.reshape(-1, rows, columns) for _, _, array in arrays] if arrays[0][2].size else []
    scales = {
        "error": _largest([array for kind, _, array in arrays if kind == "error"]),
        "value": _largest([array for kind, _, array in arrays if kind != "error"]),
    }
    if not folded:
        return Picture((), 0, scales["value"], scales["error"])
    count = len(folded[0])
    first = _magnitude(folded[0]).reshape(count, -1).max(axis=1)
    shown = sorted(np.argsort(-first, kind="stable")[:MOST_SHEETS].tolist())
    sheets = []
    for place in shown:
        at = tuple(int(k) for k in np.unravel_index(place, leading)) if leading else ()
        some = [(kind, title, array[place]) for (kind, title, _), array in zip(arrays, folded)]
        sheets.append(_sheet(some, at, len(shape), scales, tolerance))
    return Picture(tuple(sheets), count - len(shown), scales["value"], scales["error"])


def _largest(arrays: Sequence[np.ndarray]) -> float:
    return max((float(np.abs(one[np.isfinite(one)]).max(initial=0)) for one in arrays), default=0.0)


def _magnitude(array: np.ndarray) -> np.ndarray:
    """What is not finite is worst."""
    return np.where(np.isfinite(array), np.abs(array), np.inf)


def _sheet(
    arrays: Sequence[tuple[str, str, np.ndarray]],
    leading: tuple[int, ...],
    dimensions: int,
    scales: dict[str, float],
    tolerance: float,
) -> Sheet:
    rows, columns = arrays[0][2].shape
    block = math.ceil(rows / MOST_CELLS), math.ceil(columns / MOST_CELLS)
    chosen = list(_chosen(_magnitude(arrays[0][2]), block))
    down, across = math.ceil(rows / block[0]), math.ceil(columns / block[1])
    wide, high = (min(max(ROOM // count, SMALLEST), LARGEST) for count in (across, down))
    high = min(high, 28) if down > 1 else high
    maps = []
    for kind, title, array in arrays:
        scale = scales["error" if kind == "error" else "value"]
        cells = [
            _cell(float(array[index]), kind, scale, tolerance, k % across, k // across, wide, high)
            for k, index in enumerate(chosen)
        ]
        maps.append(Map(title, kind, tuple(_paths(cells, wide, high)), tuple(_texts(cells, wide, high))))
    data = {
        "index": [_index((*leading, *index)[-dimensions:] if dimensions else ()) for index in chosen],
        "values": [[number(array[index]) for index in chosen] for _, _, array in arrays],
        "titles": [title for _, title, _ in arrays],
    }
    worst = max(range(len(chosen)), key=lambda k: (_magnitude(arrays[0][2][chosen[k]]), -k))
    label = f"[{', '.join(map(str, leading))}, :, :]" if leading else ""
    return Sheet(
        label,
        LEFT + across * wide + 1,
        TOP + down * high + 1,
        wide,
        high,
        across,
        down,
        tuple(_ticks(across, wide, LEFT, block[1], 26)),
        tuple(_ticks(down, high, TOP, block[0], 12)) if dimensions > 1 else (),
        block,
        tuple(maps),
        data,
        worst,
    )


def _chosen(magnitude: np.ndarray, block: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Of every block the index of its largest element, row by row."""
    rows, columns = magnitude.shape
    for y in range(0, rows, block[0]):
        for x in range(0, columns, block[1]):
            part = magnitude[y : y + block[0], x : x + block[1]]
            j, i = np.unravel_index(int(np.argmax(part)), part.shape)
            yield y + int(j), x + int(i)


def _cell(value: float, kind: str, scale: float, tolerance: float, x: int, y: int, wide: int, high: int) -> Cell:
    at = LEFT + x * wide, TOP + y * high
    if not math.isfinite(value):
        level = "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        return Cell(*at, level, {"nan": "NaN", "inf": "∞", "-inf": "−∞"}[level])
    least = 0
    if kind == "error":
        if abs(value) <= tolerance or value == 0:
            return Cell(*at, 0, _text(value, wide, high) if value == 0 else "≈0" if wide >= LEGIBLE else "")
        least = LEAST
    share = abs(value) / scale if scale else 0.0
    level = least + round(share * (LEVELS - least))
    return Cell(*at, -level if value < 0 else level, _text(value, wide, high))


def _text(value: float, wide: int, high: int) -> str:
    text = short(value) if wide >= LEGIBLE and high >= 14 else ""
    return text if len(text) * CHARACTER < wide else ""


def _paths(cells: Sequence[Cell], wide: int, high: int) -> Iterator[tuple[str, str]]:
    """(class, path) of each level, so that a page holds a path for each colour and not a rectangle for each cell."""
    paths: dict[str, list[str]] = {}
    for cell in cells:
        paths.setdefault(_class(cell.level), []).append(f"M{cell.x} {cell.y}h{wide}v{high}h-{wide}z")
    for name in sorted(paths):
        yield name, "".join(paths[name])


def _class(level: int | str) -> str:
    if isinstance(level, str):
        return "odd"
    return f"p{level}" if level >= 0 else f"n{-level}"


def _texts(cells: Sequence[Cell], wide: int, high: int) -> Iterator[tuple[int, int, str, str]]:
    for cell in cells:
        if cell.text and wide >= LEGIBLE:
            kind = "on-odd" if isinstance(cell.level, str) else "strong" if abs(cell.level) >= STRONG else ""
            yield cell.x + wide // 2, cell.y + high // 2, cell.text, kind


def _ticks(count: int, size: int, start: int, block: int, room: int) -> Iterator[tuple[int, int]]:
    """As many indices as there is room for."""
    every = max(1, math.ceil(room / size))
    for k in range(0, count, every):
        yield start + k * size + size // 2, k * block


def _index(index: Sequence[int]) -> str:
    return f"[{', '.join(map(str, index))}]"
