"""The fixes of a check in the user's files: as a patch, or in the files themselves with a copy of what they were.

The lines that stay are those of the file byte for byte: its encoding, its line ends, whatever it holds.
"""

from __future__ import annotations

import codecs
import difflib
import os
import re
import stat
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from oracle.child import Checked
from oracle.loading.source import decoded

if TYPE_CHECKING:
    from oracle.repair import Repair

LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH  # root may write where none of them is set, and should not here
CELL = re.compile(r"(.*\.ipynb), cell \d+")


class NotPatched(ValueError):
    """Why no file is changed, in words."""


@dataclass(frozen=True)
class Edit:
    """Lines start .. end - 1 of a file, counted from 0, that give way to others; where they are none, an insertion.

    function   whose fix it belongs to
    """

    start: int
    end: int
    lines: tuple[bytes, ...]
    function: str

    def touches(self, other: Edit) -> bool:
        return self.start == other.start or (self.start < other.end and other.start < self.end)

    def is_same(self, other: Edit) -> bool:
        return (self.start, self.end, self.lines) == (other.start, other.end, other.lines)


@dataclass(frozen=True)
class Fixed:
    """A file as it is, and with the fixes.

    numbers   of the lines that change, counted from 1
    """

    path: Path
    before: bytes
    after: bytes
    numbers: tuple[int, ...]


def fixed_files(results: Sequence[Checked]) -> tuple[list[Fixed], list[str]]:
    """The files with the first fix of each function in them; and what is left out, in words: cells of notebooks.

    Raises NotPatched where a file is not the one that was checked, or where two fixes change the same lines.
    """
    edits: dict[Path, list[Edit]] = {}
    contents: dict[Path, bytes] = {}
    left_out: list[str] = []
    for checked in results:
        repair = checked.diagnosis.repair if checked.diagnosis else None
        if repair is None:
            continue
        if cells := [name for name in repair.patched if CELL.fullmatch(name)]:
            left_out.append(f"{Path(cells[0]).name} is a cell of a notebook: change it there, as the diff above shows")
            continue
        for path, content in _unchanged(repair).items():
            contents[path] = content
            edits.setdefault(path, []).extend(_edits(path, content, repair.patched[str(path)], checked.name))
    return [_fixed(path, contents[path], found) for path, found in edits.items()], left_out


def _unchanged(repair: Repair) -> Mapping[Path, bytes]:
    """The files of a repair as they are, if they are those that it was made for."""
    from oracle.repair.patch import diff_of  # where there is a fix it has been imported

    contents: dict[Path, bytes] = {}
    for name in repair.patched:
        try:
            contents[Path(name)] = Path(name).read_bytes()
        except OSError as error:
            raise NotPatched(f"{_spoken(Path(name))} cannot be read: {error.strerror}") from None
    try:
        texts = {str(path): decoded(path) for path in contents}
    except SyntaxError:  # then it could not have been checked
        texts = {}
    if not texts or diff_of(texts, repair.patched) != repair.diff:  # these tell what it was made from
        names = " and ".join(_spoken(path) for path in contents)
        raise NotPatched(f"{names} changed since the check: check again")
    return contents


def _edits(path: Path, content: bytes, patched: str, function: str) -> Iterator[Edit]:
    raw = LINE.findall(content)
    end = next((line[len(line.rstrip(b"\r\n")) :] for line in raw), b"\n") or b"\n"
    encoding, _ = tokenize.detect_encoding(iter([*raw, b""]).__next__)
    encoding = encoding.removesuffix("-sig")  # which would put a BOM before each line
    old, new = (text.removesuffix("\n").split("\n") if text else [] for text in (decoded(path), patched))
    for kind, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            try:
                lines = tuple(line.encode(encoding) + end for line in new[k:m])
            except UnicodeEncodeError as error:
                raise NotPatched(
                    f"{_spoken(path)} is in {encoding}, which has no {error.object[error.start]}: change it by hand, "
                    "as the diff above shows"
                ) from None
            yield Edit(i, j, lines, function)


def _fixed(path: Path, content: bytes, edits: Sequence[Edit]) -> Fixed:
    chosen: list[Edit] = []
    for edit in edits:  # two functions may share what is wrong, and its fix
        if not any(edit.is_same(other) for other in chosen):
            chosen.append(edit)
    for one, other in combinations(chosen, 2):
        if one.touches(other):
            raise NotPatched(
                f"the fixes of {one.function} and {other.function} both change {_spoken(path)}:{one.start + 1}; "
                "give one of them, as FILE::NAME, and check again"
            )
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""  # stays first
    lines = LINE.findall(content.removeprefix(mark))
    for edit in sorted(chosen, key=lambda one: (one.start, one.end), reverse=True):
        if edit.start and edit.start == len(lines) and not lines[-1].endswith((b"\r", b"\n")):
            lines[-1] += b"\n"
        lines[edit.start : edit.end] = edit.lines
    numbers = sorted({number + 1 for edit in chosen for number in range(edit.start, max(edit.end, edit.start + 1))})
    return Fixed(path, content, mark + b"".join(lines), tuple(numbers))


def written(files: Sequence[Fixed], patch: Path) -> str:
    """Write the patch; how to apply it, in words. Raises NotPatched where it cannot be written."""
    here = Path.cwd()
    below = all(one.path.is_relative_to(here) for one in files)
    root = here if below else Path(os.path.commonpath([one.path.parent for one in files]))
    try:
        patch.write_bytes(b"".join(_diff(one, root) for one in files))
    except OSError as error:
        raise NotPatched(f"{patch}: {error.strerror}") from None
    if below:
        return f"the patch is in {patch}: patch -p1 < {patch}, or git apply {patch}"
    return f"the patch is in {patch}: in {root}, patch -p1 < {patch.absolute()}"


def _diff(one: Fixed, root: Path) -> bytes:
    name = os.fsencode(one.path.relative_to(root).as_posix())
    name += b"\t" if b" " in name else b""  # else a name ends at its first blank
    before, after = (LINE.findall(content) for content in (one.before, one.after))
    lines = difflib.diff_bytes(difflib.unified_diff, before, after, b"a/" + name, b"b/" + name)
    return b"".join(line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in lines)


def applied(files: Sequence[Fixed]) -> Iterator[str]:
    """Change the files, each after a copy of it is made; what was done, in words.

    Raises NotPatched before anything is changed where a file cannot be written.
    """
    for one in files:
        if not os.access(one.path, os.W_OK) or not one.path.stat().st_mode & WRITABLE:
            raise NotPatched(f"{_spoken(one.path)} is read-only")
    for one in files:
        try:
            backup = _backup(one)
            one.path.write_bytes(one.after)
        except OSError as error:
            raise NotPatched(f"{_spoken(one.path)}: {error.strerror}") from None
        lines = f"line{'s' if len(one.numbers) > 1 else ''} {', '.join(map(str, one.numbers))}"
        yield f"changed {_spoken(one.path)}, {lines}; as it was it is in {_spoken(backup)}"


def _backup(one: Fixed) -> Path:
    """A copy beside it that overwrites nothing: name.py.orig, else name.py.orig.1 and so on."""
    number = 0
    while True:
        path = one.path.with_name(f"{one.path.name}.orig{f'.{number}' if number else ''}")
        try:
            with open(path, "xb") as file:
                file.write(one.before)
            return path
        except FileExistsError:
            number += 1


def _spoken(path: Path) -> str:
    """Relative to the current directory where it is below that."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
