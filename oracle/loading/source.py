"""Other people's files as syntax trees: Python 3, Python 2 and notebooks, with the line numbers of the file."""

from __future__ import annotations
import __future__

import ast
import os
import tokenize
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from oracle.loading.dialect import parsed, speaks_python2
from oracle.loading.notebook import code_cells, without_magics

FUTURE_FLAGS = {name: getattr(__future__, name).compiler_flag for name in __future__.all_feature_names}


@dataclass(frozen=True)
class Unit:
    """What is compiled in one piece: a file, or a cell of a notebook.

    filename    what tracebacks say
    tree        its syntax tree, empty if it does not parse
    text        of a cell, which is in no file of its own
    error       why a cell does not parse
    """

    filename: str
    tree: ast.Module
    text: str | None = None
    error: SyntaxError | None = None


@dataclass(frozen=True)
class Source:
    """A file that has been read.

    python2     it is Python 2 and has been translated
    notes       what the translation may have changed
    """

    path: Path
    units: tuple[Unit, ...]
    python2: bool = False
    notes: tuple[str, ...] = ()


def position(filename: str, line: int) -> str:
    """A place in words: "rnn.py line 3", "rnn.ipynb, cell 5, line 3"."""
    name = Path(filename).name
    return f"{name}, line {line}" if ", cell " in name else f"{name} line {line}"


def read(path: Path) -> Source:
    """The syntax trees of a .py or .ipynb file, read again only when the file has changed.

    Raises SyntaxError of the user's file as it is.
    """
    stat = os.stat(path)
    return (_notebook if path.suffix == ".ipynb" else _file)(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _file(path: Path, mtime_ns: int, size: int) -> Source:
    text = decoded(path)
    tree, python2, notes = _tree(text, str(path), path.name)
    return Source(path, (Unit(str(path), tree),), python2, notes)


@lru_cache(maxsize=64)
def _notebook(path: Path, mtime_ns: int, size: int) -> Source:
    """Its code cells are counted from 1."""
    cells, python2 = code_cells(path)
    units, notes = [], []
    for number, text in enumerate(cells, 1):
        filename = f"{path}, cell {number}"
        try:
            tree, translated, more = _tree(without_magics(text), filename, Path(filename).name)
        except SyntaxError as error:
            units.append(Unit(filename, ast.Module([], []), text, error))
            continue
        units.append(Unit(filename, tree, text))
        notes += more
        python2 |= translated
    return Source(path, tuple(units), python2, tuple(notes))


def _tree(text: str, filename: str, name: str) -> tuple[ast.Module, bool, tuple[str, ...]]:
    """The tree, whether it has been translated from Python 2, and notes on that."""
    error = None
    try:
        tree = parsed(text, filename)
    except SyntaxError as python3_error:
        error = python3_error
    else:
        if not speaks_python2(tree):
            return tree, False, ()
    from oracle.loading.python2 import translated  # fissix takes a tenth of a second

    translation = translated(text, filename, name, error)
    return translation.tree, translation.python2, translation.notes


def decoded(path: Path) -> str:
    """The text of a file in the encoding its first lines declare, else UTF-8, with line ends as \\n."""
    with open(path, "rb") as file:
        encoding, _ = tokenize.detect_encoding(file.readline)
        file.seek(0)
        content = file.read()
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = f"the file is not in the encoding {encoding}; declare its own in the first line"
        raise SyntaxError(message, (str(path), line, None, None)) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def compiled(unit: Unit, body: list[ast.stmt], flags: int):
    """Code of some statements of a unit, under the __future__ features in `flags`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.Module(body, type_ignores=[])
        return compile(tree, unit.filename, "exec", flags=flags, dont_inherit=True)


def future_flags(tree: ast.Module) -> int:
    """The __future__ features a unit asks for; in a notebook they hold for the cells that follow, too."""
    flags = 0
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for alias in statement.names:
                flags |= FUTURE_FLAGS.get(alias.name, 0)
    return flags
