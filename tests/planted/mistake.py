"""A planted mistake: a small named change to the source of a textbook pass."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Mistake:
    """One mistake in one pass.

    cell             "elman", "lstm" or "gru": the pass it is planted in
    name             short, unique within the cell
    kind             the kind of mistake it is an example of, from the list of its cell
    what             what the wrong code computes
    touches          the gradients that may come out wrong; every other one stays right
    changes          (old, new) texts; each old one occurs exactly once in the source of the pass
    malformed        no wrong values: a gradient of another shape, or the caller's arrays changed
    raises           the error it ends in, where it is not silent
    same_algebra_as  the name of another mistake that computes the same gradients
    """

    cell: str
    name: str
    kind: str
    what: str
    touches: frozenset[str]
    changes: tuple[tuple[str, str], ...]
    malformed: bool = False
    raises: type[Exception] | None = None
    same_algebra_as: str | None = None

    def __str__(self) -> str:
        return f"{self.cell}-{self.name}"

    def source(self) -> str:
        """The source with the mistake in it. Raises ValueError if a text to be changed is not there exactly once."""
        source = source_of(self.cell)
        for old, new in self.changes:
            if (count := source.count(old)) != 1:
                raise ValueError(f"{self}: {old!r} occurs {count} times in {self.cell}.py, but should occur once")
            source = source.replace(old, new)
        return source

    def implementation(self) -> ModuleType:
        """The pass with the mistake in it, a new module every time: nothing is left over from an earlier use of it."""
        module = ModuleType(f"{self.cell} with {self.name}")
        exec(compile(self.source(), f"<{self}>", "exec"), vars(module))
        return module


def source_of(cell: str) -> str:
    return (HERE / f"{cell}.py").read_text()
