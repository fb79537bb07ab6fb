"""Factors as they are written: "x: batch input", "W_hh: hidden(t-1) hidden(t)", "lr:" for a scalar.

An axis is what `oracle.shapes` understands (a number, a name, an expression of them), and a name may carry a mark that
tells it from others of the same size: hidden(t-1) and hidden(t), or hidden and hidden'.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from oracle import shapes
from rnn_manual.network import did_you_mean

MOST_FACTORS = 6
MOST_AXES = 6  # of one factor
DIGITS = 12  # of a size
NAME = r"[^\W\d]\w*"
MARKED = re.compile(rf"({NAME})(\([^()]*\)|'+)")
VARIABLE = re.compile(rf"{NAME}(\.{NAME})*(\[[^\[\]]*\])*")
WRITTEN = "a factor is written 'x: batch input', a scalar 'rate:'"


@dataclass(frozen=True)
class Axis:
    """One axis.

    base    what has a size: a number, a name or an expression
    mark    what tells it from others of that size: "(t-1)", "'", or nothing
    """

    base: str
    mark: str = ""

    def __str__(self) -> str:
        return self.base + self.mark

    @property
    def is_one(self) -> bool:
        return self.base == "1"

    @property
    def is_number(self) -> bool:
        return self.base.isdecimal()


@dataclass(frozen=True)
class Factor:
    """An array and its axes; `name` is an expression such as x, self.W or h[t-1]."""

    name: str
    axes: tuple[Axis, ...]

    def __str__(self) -> str:
        return f"{self.name} {in_parentheses(self.axes)}"


def in_parentheses(axes: tuple[object, ...]) -> str:
    """(batch, input), (hidden,), ()."""
    return f"({', '.join(map(str, axes))}{',' if len(axes) == 1 else ''})"


def parse_factor(text: object) -> Factor:
    """'x: batch input' -> the factor. Raises TypeError for what is no string, ValueError for what cannot be read."""
    if not isinstance(text, str):
        raise TypeError(f"a factor is {text!r}, but should be a string such as 'x: batch input'")
    if not text.strip():
        raise ValueError(f"a factor is empty: {text!r}; {WRITTEN}")
    place = _colon(text)
    if place < 0:
        raise ValueError(f"the factor {text!r:.80} has no name with a colon; {WRITTEN}")
    name = text[:place].strip()
    numpy = bool(re.match(r"np\b", name))
    if numpy or not VARIABLE.fullmatch(name) or not _is_expression(name):
        reason = "names NumPy itself" if numpy else "is no name of an array, such as x, self.W or h[t-1]"
        raise ValueError(
            f"the factor {text!r:.80} cannot be read: {name!r:.80} {reason}\n{shapes.pointed(text, name or ':')}"
        )
    return Factor(name, parse_axes(name, text, place + 1))


def _colon(text: str) -> int:
    """Where the first colon outside brackets is, or -1."""
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign in "[(") - (sign in "])")
        if sign == ":" and depth <= 0:
            return place
    return -1


def _is_expression(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def parse_axes(name: str, text: str, start: int = 0) -> tuple[Axis, ...]:
    """The axes in `text[start:]`; `name` is whose they are, for the message.

    Raises ValueError with a caret under what cannot be read, and for an axis with the same mark twice.
    """
    axes: list[Axis] = []
    places = _words(text, start)
    for first, word in places:
        axis = _axis(word)
        reason = axis if isinstance(axis, str) else ""
        if not reason and axis.mark and axis in axes:
            reason = f"{axis} is there twice, and two axes of one array that are the same make a diagonal, no product"
        if not reason and len(axes) == MOST_AXES:
            reason = f"there are {len(places)} axes, but should be at most {MOST_AXES}"
        if reason:
            raise ValueError(
                f"the axes of {name} cannot be read at {word!r:.80}: {reason}\n{shapes.pointed(text, word, first)}\n"
                "an axis is a number, a name such as hidden, hidden(t-1) or hidden', or an expression such as 4*hidden"
            )
        axes.append(axis)
    return tuple(axes)


def _words(text: str, start: int) -> list[tuple[int, str]]:
    """The axes and their places: apart by blanks or commas outside parentheses."""
    words, depth, first = [], 0, None
    for place, sign in enumerate(text):
        if place < start:
            continue
        apart = depth == 0 and (sign.isspace() or sign == ",")
        if apart and first is not None:
            words.append((first, text[first:place]))
            first = None
        elif not apart and first is None:
            first = place
        depth = max(0, depth + (sign == "(") - (sign == ")"))
    if first is not None:
        words.append((first, text[first:].rstrip()))
    return words


def _axis(word: str) -> Axis | str:
    """The axis, or why it is none."""
    if len(word) > shapes.LONGEST:
        return shapes.why_not(word, [])
    word = re.sub(r"[’′]", "'", word)
    marked = MARKED.fullmatch(word)
    if marked:
        mark = re.sub(r"\s", "", marked[2])
        return Axis(marked[1], mark) if mark != "()" else "the mark in parentheses is empty"
    word, primes = word.rstrip("'"), "'" * (len(word) - len(word.rstrip("'")))
    if word.count("(") > word.count(")"):
        return "a parenthesis is not closed"
    names: list[str] = []
    reason = shapes.why_not(word, names)
    if reason:
        return reason
    if not names and primes:
        return "a number has no mark"
    if not names:
        return _number(word)
    return Axis(ast.unparse(ast.parse(word, mode="eval")).replace(" ", ""), primes)


def _number(word: str) -> Axis | str:
    """The axis of an expression without names, such as 4*16, or why it is none."""
    try:
        (size,) = shapes.Shape((word,), ()).at({})
    except ValueError:
        return f"{word} is no size of at least 1"
    return Axis(str(size)) if size < 10**DIGITS else f"no array is as large as that; a size has at most {DIGITS} digits"


def names_of(axis: Axis) -> tuple[str, ...]:
    """The names that an axis needs sizes for."""
    return shapes.parse("the axis", axis.base).names


def size_of(axis: Axis, sizes: Mapping[str, int]) -> int:
    """The size of an axis. Raises ValueError where it comes out below 1, or divides by zero."""
    return shapes.Shape((axis.base,), ()).at(sizes)[0]


def parse_sizes(text: str) -> dict[str, int]:
    """'batch=1 hidden=16' -> sizes by name. Raises ValueError for what cannot be read, and for contradictions."""
    sizes: dict[str, int] = {}
    for first, word in _words(text, 0):
        name, _, number = word.partition("=")
        reason = ""
        if not re.fullmatch(NAME, name):
            marked = MARKED.fullmatch(name)
            reason = f"{marked[1]} has one size whatever its mark" if marked else f"{name!r} is no name"
        elif not number.isdecimal() or int(number) < 1:
            reason = f"{number!r} is no size, which should be a whole number of at least 1"
        elif len(number) > DIGITS:
            reason = f"no array is as large as that; a size has at most {DIGITS} digits"
        elif sizes.get(name, int(number)) != int(number):
            reason = f"{name} is {sizes[name]} already: the sizes contradict each other"
        if reason:
            raise ValueError(
                f"the sizes cannot be read at {word!r:.80}: {reason}\n{shapes.pointed(text, word, first)}\n"
                "sizes are written 'batch=1 hidden=16'"
            )
        sizes[name] = int(number)
    return sizes


def check_sizes(sizes: Mapping[str, int], everything: tuple[Axis, ...]) -> None:
    """Raises TypeError for what is no dict.

    And ValueError unless `sizes` has exactly the names of the axes, and every axis a size of at least 1.
    """
    if not isinstance(sizes, Mapping):
        raise TypeError(f"sizes is {sizes!r}, but should be a dict of whole numbers by name, such as dict(batch=1)")
    names = tuple(dict.fromkeys(name for axis in everything for name in names_of(axis)))
    for name, size in sizes.items():
        if type(size) is not int or size < 1:
            raise ValueError(f"the size of {name} is {size!r}, but should be a whole number of at least 1")
        if name not in names:
            known = f"the axes have {', '.join(names)}" if names else "the axes are numbers"
            raise ValueError(f"sizes has {name!r}, which is no axis; {known}{did_you_mean(name, names)}")
    missing = [name for name in names if name not in sizes]
    if missing:
        raise ValueError(f"sizes has no {', '.join(missing)}, but should have every name: {', '.join(names)}")
    for axis in everything:
        size_of(axis, sizes)
