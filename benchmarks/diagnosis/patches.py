"""Unified diffs applied to a text: the `patch` command is not everywhere."""

from __future__ import annotations

import re

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")


class BadPatch(ValueError):
    """A diff that does not fit the text."""


def apply(text: str, diff: str) -> str:
    """The text after a unified diff of this one file. Raises BadPatch where the diff does not fit, line for line."""
    old, new = text.splitlines(), []
    done, left = 0, 0  # lines of the old text that are dealt with, and that the hunk still covers
    hunks = 0
    for line in diff.splitlines():
        if match := HUNK.match(line):
            hunks += 1
            left = int(match[2] or 1)
            start = int(match[1]) - (left > 0)  # a hunk of no old lines names the line before it
            if not done <= start <= len(old):
                raise BadPatch(f"{line} is out of order, or beyond the {len(old)} lines of the text")
            new += old[done:start]
            done = start
        elif not hunks or line.startswith("\\"):
            continue  # headers; "\ No newline at end of file"
        elif line.startswith("+"):
            new.append(line[1:])
        elif left and (line[:1] in (" ", "-") or not line):
            if done >= len(old) or old[done] != line[1:]:
                there = old[done] if done < len(old) else "nothing"
                raise BadPatch(f"line {done + 1} is {there!r}, but the diff has {line[1:]!r}")
            if not line.startswith("-"):
                new.append(old[done])
            done, left = done + 1, left - 1
    if not hunks:
        raise BadPatch("the diff has no @@ line")
    return "\n".join([*new, *old[done:], ""])


def changed_lines(diff: str) -> set[int]:
    """The lines of the file as it was that a unified diff takes away, and those beside what it puts in."""
    found: set[int] = set()
    number, before = 0, " "
    for line in diff.splitlines():
        if hunk := HUNK.match(line):
            number = int(hunk[1])
        elif number and line.startswith("-"):
            found.add(number)
            number += 1
        elif number and line.startswith("+"):
            found |= {number - 1, number} if before == " " else set()
        elif number:
            number += 1
        before = line[:1] if line[:1] in ("+", "-") else " "
    return found
