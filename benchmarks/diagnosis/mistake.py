"""A planted mistake: changes of the text of a right program's backward pass, its kind, and the lines that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
CHANGED = "the lines that the edits changed"


class Misplaced(ValueError):
    """A change that cannot be made: its text is not there exactly once, or two changes meet in one line."""


@dataclass(frozen=True)
class Mistake:
    """One mistake in one program.

    program   the stem of the program's file
    name      unique within the program, says what is wrong
    kind      the cause, one of KINDS
    edits     (old, new) texts; each old one occurs exactly once in the program
    lines     texts, each of which occurs in exactly one line of the wrong program: any of these lines is right as the
              first wrong one. Empty: the lines that the edits changed; CHANGED among them stands for these. Others
              count where a change of them undoes the mistake as well, or where the wrong value first shows because
              the changed line has no value of its own, such as the head of a loop. What a wrong argument does to the
              lines of the function called does not count: they are right
    or_kinds  kinds that name the cause as well as `kind` does
    """

    program: str
    name: str
    kind: str
    edits: tuple[tuple[str, str], ...]
    lines: tuple[str, ...] = ()
    or_kinds: tuple[str, ...] = ()

    @property
    def kinds(self) -> frozenset[str]:
        """All the kinds that name its cause."""
        return frozenset({self.kind, *self.or_kinds})

    def __str__(self) -> str:
        return f"{self.program}: {self.name}"


@dataclass(frozen=True)
class Planted:
    """A program with mistakes in it: its source, and for each mistake the line numbers that count as wrong."""

    source: str
    lines: tuple[frozenset[int], ...]


def planter(program: str) -> Callable[..., Mistake]:
    """plant(name, kind, (old, new), ..., lines=(text, ...), or_kinds=(kind, ...)) -> a Mistake in that program."""

    def plant(
        name: str, kind: str, *edits: tuple[str, str], lines: Sequence[str] = (), or_kinds: Sequence[str] = ()
    ) -> Mistake:
        return Mistake(program, name, kind, edits, tuple(lines), tuple(or_kinds))

    return plant


@cache
def source_of(program: str) -> str:
    """The right program."""
    return (PROGRAMS / f"{program}.py").read_text()


def plant(mistakes: Sequence[Mistake]) -> Planted:
    """The program with all these mistakes of one program in it.

    Raises Misplaced where a text to be changed is not there exactly once, where two changes touch the same line, and
    where a line that is to count as wrong cannot be found.
    """
    (program,) = {mistake.program for mistake in mistakes}
    right = source_of(program).splitlines()
    changes = sorted(
        (begin, end, lines, number)
        for number, mistake in enumerate(mistakes)
        for begin, end, lines in _changes(mistake)
    )
    for (begin, end, _, number), (next_begin, _, _, next_number) in pairwise(changes):
        if next_begin < end or (next_begin == begin and number != next_number):
            raise Misplaced(f"{' and '.join(map(str, mistakes))}: two changes meet in line {next_begin + 1}")
    wrong: list[str] = []
    done = 0
    changed: list[set[int]] = [set() for _ in mistakes]
    for begin, end, lines, number in changes:
        wrong += right[done:begin]
        changed[number] |= set(range(len(wrong) + 1, len(wrong) + 1 + len(lines)))
        wrong += lines
        done = end
    source = "\n".join([*wrong, *right[done:], ""])
    return Planted(source, tuple(_wrong_lines(source, one, numbers) for one, numbers in zip(mistakes, changed)))


@cache
def _changes(mistake: Mistake) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
    """The lines [begin, end) of the program that the mistake replaces, and by which."""
    right = source_of(mistake.program)
    spans = []
    for old, new in mistake.edits:
        if (count := right.count(old)) != 1:
            raise Misplaced(f"{mistake}: {old!r} occurs {count} times, but should occur once")
        spans.append((right.index(old), right.index(old) + len(old), new))
    spans.sort()
    wrong = right
    for start, stop, new in reversed(spans):
        wrong = wrong[:start] + new + wrong[stop:]
    if any(start < stop for (_, stop, _), (start, _, _) in pairwise(spans)):
        raise Misplaced(f"{mistake}: its own changes overlap")
    before, after = right.splitlines(), wrong.splitlines()
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return tuple((i, j, tuple(after[k:m])) for tag, i, j, k, m in blocks if tag != "equal")


def _wrong_lines(source: str, mistake: Mistake, changed: set[int]) -> frozenset[int]:
    """The lines of the wrong source that count as its first wrong one."""
    if not mistake.lines and not changed:
        raise Misplaced(f"{mistake}: whole lines are removed, so lines= must say which are wrong")
    numbers = changed if not mistake.lines or CHANGED in mistake.lines else set()
    return frozenset(numbers | {_line_with(source, text, mistake) for text in mistake.lines if text != CHANGED})


def _line_with(source: str, text: str, mistake: Mistake) -> int:
    numbers = [number for number, line in enumerate(source.splitlines(), 1) if text in line]
    if len(numbers) != 1:
        raise Misplaced(f"{mistake}: {text!r} is in {len(numbers)} lines, but should be in one")
    return numbers[0]
