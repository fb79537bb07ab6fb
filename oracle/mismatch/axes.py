"""Names for axes by their sizes.

The sizes of a case are all different, so that a size names its axis. Where one does not, because a program has sizes of
its own, the program is run at other sizes, and the name is the one that holds at both.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from oracle.shapes import Shape
from oracle.sizes import ALWAYS, Sizes, asked_for

MULTIPLES = (2, 3, 4)  # gates that are stacked


@dataclass(frozen=True)
class Names:
    """What the sizes of the explained run, and perhaps of a second one, are called.

    shapes   of the parameters, as declared
    sizes    of each run by name
    """

    shapes: Mapping[str, Shape]
    sizes: tuple[Mapping[str, int], ...]

    def of_size(self, *sizes: int) -> tuple[str, ...]:
        """The names of an axis, the likeliest first; several only where the sizes leave several. sizes: in each run."""
        for level in self._levels:
            fitting = [
                text for text, values in level.items() if all(a == b for a, b in zip(values, sizes, strict=False))
            ]
            if fitting:
                return tuple(fitting)
        return (str(sizes[0]),)

    def of_shape(self, *shapes: tuple[int, ...]) -> tuple[str, ...]:
        """A name an axis; "time or hidden" where it is open. shapes: of the same array in each run."""
        same = [shape for shape in shapes if len(shape) == len(shapes[0])]
        return tuple(" or ".join(self.of_size(*sizes)) for sizes in zip(*same))

    def declared(self, name: str) -> tuple[str, ...]:
        return self.shapes[name].axes

    @cached_property
    def known(self) -> tuple[str, ...]:
        """The plain names."""
        declared = [name for shape in self.shapes.values() for name in shape.names]
        every = dict.fromkeys([*declared, *self.sizes[0]]) if self.sizes else {}
        return tuple(name for name in every if all(name in sizes for sizes in self.sizes))

    @cached_property
    def _levels(self) -> list[dict[str, tuple[int, ...]]]:
        """Text -> its size in each run, the likeliest first."""
        if not self.sizes:
            return []
        plain = {name: tuple(sizes[name] for sizes in self.sizes) for name in self.known}
        compound = {}
        for axis in dict.fromkeys(axis for shape in self.shapes.values() for axis in shape.axes):
            if axis not in plain and not axis.isdecimal():
                compound[axis] = tuple(Shape((axis,), ()).at(sizes)[0] for sizes in self.sizes)
        features = {name: size for name, size in plain.items() if name not in ALWAYS}
        derived: dict[str, tuple[int, ...]] = {}
        for name, size in plain.items():
            derived[f"{name}+1"] = tuple(one + 1 for one in size)
        if "time" in plain:
            derived["time-1"] = tuple(one - 1 for one in plain["time"])
        for first, second in itertools.product(ALWAYS, plain):
            if first in plain and first != second and (second, first) != ALWAYS:
                derived[f"{first}*{second}"] = tuple(a * b for a, b in zip(plain[first], plain[second]))
        for first, second in itertools.combinations(features, 2):
            derived[f"{first}+{second}"] = tuple(a + b for a, b in zip(features[first], features[second]))
        for first, second in itertools.combinations_with_replacement(features, 2):
            derived[f"{first}*{second}"] = tuple(a * b for a, b in zip(features[first], features[second]))
        for by, name in itertools.product(MULTIPLES, features):
            derived[f"{by}*{name}"] = tuple(by * one for one in features[name])
        one = {"1": (1,) * len(self.sizes)}
        plain_or_one = plain if any(1 in size for size in plain.values()) else plain | one
        return [plain_or_one, compound, derived, one]


def sizes_asked_for(sizes: Mapping[str, int], shapes: Mapping[str, Shape]) -> dict[str, int]:
    """The sizes that the function asks for or declares; all where that is not known."""
    return asked_for(sizes, shapes) if isinstance(sizes, Sizes) else dict(sizes)


def shown(axes: Sequence[str], shape: Sequence[int]) -> str:
    """'batch=1, input=2'; a name that is its own size says it once."""
    return ", ".join(axis if axis == str(size) else f"{axis}={size}" for axis, size in zip(axes, shape))


def in_brackets(axes: Sequence[str]) -> str:
    return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
