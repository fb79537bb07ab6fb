"""Sizes and numbers that cannot hide a mistake.

All sizes differ, so that a transposed or misplaced axis raises or shows; three steps and more, so that something is
carried over more than one step; two samples and more, so that a sum over the batch is one; parameters, biases among
them, of the order that keeps units neither idle nor stuck. T = 1 alone hides a third of the usual mistakes, B = 1 every
mistaken sum over the batch, equal sizes every transpose.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from oracle.shapes import Shape
from rnn_manual.network import did_you_mean

ALWAYS = ("time", "batch")
HIDDEN = ("hidden", "hidden_size", "n_hidden", "num_hidden", "hidden_dim", "units", "H", "n_h", "n_a", "h")
LARGEST = 2**59  # elements of 8 bytes that a memory of 64 bits can address

REGIMES = {"ordinary": 1.0, "large": 2.5}
"""What the parameters of a case are multiplied by: order one; half saturated. Small ones would hide mistakes."""

POINTS = (
    ("ordinary", 5, 3, (6, 4, 7, 9, 10, 11, 8)),
    ("ordinary", 9, 2, (5, 7, 4, 8, 6, 10, 11)),
    ("large", 3, 4, (8, 5, 6, 7, 9, 10, 11)),
)
"""(regime, time, batch, the sizes of the other names in their order) of the cases that every function is checked at."""


class Sizes(Mapping[str, int]):
    """The sizes of one case as attributes, and as a mapping; remembers which were asked for.

    A name that no shape has, such as the number of outputs of a layer that is not checked, gets a size of its own when
    it is asked for, unless it looks like a slip of the pen.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes, self._used = dict(sizes), set()

    def __getattr__(self, name: str) -> int:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __getitem__(self, name: str) -> int:
        if name not in self._sizes:
            if hint := did_you_mean(name, self._sizes):
                raise KeyError(f"sizes has no {name!r}, only {', '.join(self._sizes)}{hint}")
            self._sizes[name] = next(size for size in range(4, 1000) if size not in self._sizes.values())
        self._used.add(name)
        return self._sizes[name]

    def __iter__(self):
        return iter(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)

    def __repr__(self) -> str:
        return f"Sizes({', '.join(f'{name}={size}' for name, size in self._sizes.items())})"

    @property
    def used(self) -> frozenset[str]:
        return frozenset(self._used)


@dataclass(frozen=True)
class Point:
    """One case: the size of every name, a regime, a seed."""

    sizes: tuple[tuple[str, int], ...]
    regime: str = "ordinary"
    seed: int = 0

    def __str__(self) -> str:
        return " ".join([*(f"{name}={size}" for name, size in self.sizes), self.regime])

    def with_sizes(self, **sizes: int) -> Point:
        """The same with some sizes changed."""
        return replace(self, sizes=tuple({**dict(self.sizes), **sizes}.items()))


class Parameters(dict):
    """The parameters of a gradient function by name; p["W"] is p.W too, and a copy copies the arrays."""

    def copy(self) -> Parameters:
        return Parameters({name: array.copy() for name, array in self.items()})

    def __missing__(self, name: str) -> object:
        raise KeyError(f"there is no parameter {name!r}, only {', '.join(self)}{did_you_mean(name, self)}")

    def __getattr__(self, name: str) -> object:
        if name not in self:
            raise AttributeError(f"there is no parameter {name!r}, only {', '.join(self)}{did_you_mean(name, self)}")
        return self[name]


def whole_numbers(text: str) -> list[int]:
    """'1,2,7' -> [1, 2, 7]: sizes as they are given to a command. Raises ValueError for anything else."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"{text!r} should be whole numbers with commas between them, such as 1,2,7") from None
    if min(numbers) < 1:
        raise ValueError(f"{text!r} holds {min(numbers)}, but a size should be at least 1")
    return numbers


def names_of(shapes: Mapping[str, Shape]) -> list[str]:
    """The names in the shapes, in order of appearance, without time and batch."""
    return [
        name for name in dict.fromkeys(name for shape in shapes.values() for name in shape.names) if name not in ALWAYS
    ]


def points(
    shapes: Mapping[str, Shape],
    sequence_lengths: Sequence[int] | None = None,
    hidden_sizes: Sequence[int] | None = None,
    seed: int = 0,
) -> list[Point]:
    """The cases a function is checked at: ours, or each of the lengths and hidden sizes asked for.

    Raises ValueError where hidden sizes are asked for and no axis is called hidden.
    """
    names = names_of(shapes)
    cases = [
        Point((("time", time), ("batch", batch), *zip(names, _distinct(order, len(names)))), regime, seed)
        for regime, time, batch, order in POINTS
    ]
    if not sequence_lengths and not hidden_sizes:
        return cases
    hidden = next((name for name in HIDDEN if name in names), None)
    if hidden_sizes and hidden is None:
        raise ValueError(
            f"hidden sizes are asked for, but no axis is called hidden; the shapes have {', '.join(names)}"
        )
    base = cases[0]
    return [
        base.with_sizes(**apart(dict(base.sizes), {"time": time} | ({hidden: size} if size else {})))
        for time in sequence_lengths or [dict(base.sizes)["time"]]
        for size in hidden_sizes or [None]
    ]


def draw(shapes: Mapping[str, Shape], point: Point) -> dict[str, np.ndarray]:
    """The parameters of a case: the same case gives the same numbers, and so does the same name at the same shape."""
    arrays = {}
    for name, shape in shapes.items():
        size = shape.at(dict(point.sizes))
        if math.prod(size) > LARGEST:
            raise ValueError(f"{name} {shape} is {size} at {dict(point.sizes)}, and no array is as large as that")
        rng = np.random.default_rng([point.seed, zlib.crc32(name.encode())])
        broad = [axis for axis in size if axis > 1]
        scale = 1 / np.sqrt(max(broad)) if len(broad) > 1 else 0.5
        arrays[name] = REGIMES[point.regime] * scale * rng.normal(size=size)
    return arrays


def asked_for(sizes: Sizes, shapes: Mapping[str, Shape]) -> dict[str, int]:
    """The sizes that matter: those that a shape has, and those that the function asked for."""
    names = sizes.used | {name for shape in shapes.values() for name in shape.names}
    return {name: sizes[name] for name in sizes if name in names}


def _distinct(order: Sequence[int], count: int) -> list[int]:
    """`count` sizes, those of `order` first."""
    return [*order, *range(12, 12 + count)][:count]


def apart(sizes: dict[str, int], asked: dict[str, int]) -> dict[str, int]:
    """The sizes asked for, and another size for each name that would be equal to one of them."""
    changed, taken = dict(asked), {*asked.values(), *(size for name, size in sizes.items() if name not in asked)}
    for name, size in sizes.items():
        if name not in asked and size in asked.values():
            changed[name] = next(free for free in range(4, 100) if free not in taken)
            taken.add(changed[name])
    return changed
