"""What is said of wrong gradients: mistakes that, taken together, reproduce them to the last digits."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from oracle.hypotheses.backward import NOTHING, Adjoints, Backward, Change
from oracle.returned import our_mistake

T = TypeVar("T")


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    kind      one of `oracle.kinds`
    sentence  what the code does, and what it should do
    algebra   the equation as it should be and as the code computes it; may be empty
    shapes    of the arrays concerned, where they matter; may be empty
    """

    kind: str
    sentence: str
    algebra: str = ""
    shapes: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}"


@dataclass(frozen=True)
class Reading:
    """Mistakes that together give the code's gradients.

    parameters   those whose wrong gradients it explains
    residual     how far its prediction is from the code's gradients, relative to the largest entry of each; the worst
    apart        of a tie, what would tell its readings apart; else empty
    """

    mistakes: tuple[Mistake, ...]
    parameters: tuple[str, ...]
    residual: float
    apart: str = ""


@dataclass(frozen=True, eq=False)
class Flow:
    """A hypothesis about what flows: another backward pass.

    key      says which it is at any sizes
    run      from (backward, another change) to the adjoints under both, where `change` does not say it all
    implied  hypotheses about one parameter alone, by the first of their keys, that belong to the same mistake
    """

    key: Hashable
    mistake: Mistake
    change: Change = NOTHING
    run: Callable[[Backward, Change], Adjoints] | None = None
    implied: frozenset[str] = frozenset()

    def adjoints(self, backward: Backward) -> Adjoints:
        return backward.adjoints(self.change) if self.run is None else self.run(backward, NOTHING)

    def together(self, other: Flow) -> Flow | None:
        """Both at once; None where they meet in one place."""
        change = self.change.together(other.change)
        if change is None or (self.run is not None and other.run is not None):
            return None
        run = self.run or other.run
        both = None if run is None else lambda backward, more: run(backward, change)
        return Flow((self.key, other.key), self.mistake, change, both)


def unbroken(family: Iterator[T], broken: list[str]) -> Iterator[T]:
    """The hypotheses of a family up to one that cannot be made for this program, which `broken` then has in words.

    Programs differ in more ways than are known here: one family that does not fit must not cost the others.
    """
    while True:
        try:
            one = next(family)
        except StopIteration:
            return
        except Exception as error:
            broken.append(our_mistake(error))
            return
        yield one
