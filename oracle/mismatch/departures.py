"""Where a shape left the expected one, in words."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence

from oracle.frames import place_of
from oracle.mismatch.axes import Names, in_brackets
from oracle.mismatch.record import Departure
from oracle.mismatch.scene import Operand

SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}
NO_FEATURES = ("batch", "time", "time+1", "time*batch", "1")

Named = Callable[[str, tuple[int, ...]], tuple[str, ...]]
"""The axes of an array in scope, from its text and shape."""


def of_operand(operand: Operand, named: Named, names: Names, line: int) -> tuple[tuple[str, ...] | None, str]:
    """The axes that an operand should have by its name, or None; and where it left them, empty for `line` itself."""
    found = operand.departure
    if found is None:
        return None, ""
    left = "" if found.line == line else f"left it at line {found.line}"
    text, transposed = operand.text.removesuffix(".T"), operand.text.endswith(".T")
    expected = None
    if found.kind == "expected" and found.about[0] == text:
        expected = _expected(found, named, names)
    elif found.kind == "changed" and found.about[0] == text:
        expected = names.of_shape(found.shapes[0])
    if expected is not None:
        return (expected[::-1] if transposed else expected), left
    return None, "" if found.line == line else f"its shape is odd since line {found.line}"


def made_of_sizes(operands: Sequence[Operand], line: int) -> list[str]:
    """Where the one operand that np.zeros made got its sizes, in words; empty where none or several were."""
    made = [one for one in operands if getattr(one.array, "made", None) is not None]
    if len(made) != 1 or made[0].array.made[1] == line:
        return []
    filename, line, function = made[0].array.made
    source = linecache.getline(filename, line).strip()
    said = f"{made[0].text} has its sizes from {place_of(filename, line, function)}"
    return [said, *([f"    {source}"] if source else [])]


def _expected(found: Departure, named: Named, names: Names) -> tuple[str, ...] | None:
    if found.shapes:
        return named(found.about[1], found.shapes[0])
    have = names.of_shape(found.result)
    features = [k for k, axis in enumerate(have) if axis not in NO_FEATURES]
    if len(features) != 1:
        return None
    return tuple(found.about[1] if k == features[0] else axis for k, axis in enumerate(have))


def in_words(found: Departure, twin: Departure | None, named: Named, names: Names) -> list[str]:
    """The place, its line of the source, and what happened there; `twin` is the same in the run at other sizes."""
    if twin is None or (twin.kind, twin.line, len(twin.shapes)) != (found.kind, found.line, len(found.shapes)):
        twin = None
    runs = [found] if twin is None else [found, twin]
    shapes = [in_brackets(names.of_shape(*same)) for same in zip(*(one.shapes for one in runs))]
    result = in_brackets(names.of_shape(*(one.result for one in runs)))
    if found.kind == "broadcast":
        sign = SIGNS.get(found.operation, found.operation)
        said = f"{f' {sign} '.join(shapes)} made {result}, which neither of them is"
    elif found.kind == "stretched":
        said = f"{' * '.join(shapes)} is {result}: * lays one over the other, @ sums over an axis"
    elif found.kind == "flattened":
        said = f"np.outer laid {' and '.join(shapes)} flat and made {result}"
    elif found.kind == "changed":
        said = f"{found.about[0]} was {shapes[0]} since line {found.since}, and became {result}"
    elif shapes:
        of = found.about[1]
        expected = in_brackets(named(of, found.shapes[0]))
        said = f"{found.about[0]} became {result}; by its name it is the gradient of {of}, which is {expected}"
    else:
        said = f"{found.about[0]} became {result}; by its name it has an axis {found.about[1]}"
    line = linecache.getline(found.filename, found.line).strip()
    place = place_of(found.filename, found.line, found.function)
    return [
        f"the first line at which a shape is odd: {place}",
        *([f"    {line}"] if line else []),
        f"    {said}",
        "    mend it first: what comes after follows from it",
    ]
