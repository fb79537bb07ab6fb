"""Other people's programs as modules, without running what trains, reads files or draws."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from oracle.loading import selection
from oracle.loading.imports import Session, left_out
from oracle.loading.source import Source, position, read

MOST_NAMES = 40  # that a message lists


def load(path: str | os.PathLike[str], /, only: Iterable[str] | None = None, **names: object) -> ModuleType:
    """The module of a Python file or notebook, run anew at every call.

    >>> m = load("min_char_rnn.py", only=["lossFun"], vocab_size=5, Wxh=Wxh)
    >>> m.lossFun(...)

    path    a .py or .ipynb file, Python 3 or 2; relative to the file that calls, else to the working directory
    only    run only imports, definitions and the assignments that bind one of these names, so that no training starts
            and no file is read; without it the whole file runs, except under `if __name__ == "__main__"`
    names   values for the file's own names. They are set before anything runs, and what the file itself binds to these
            names is skipped; how a loop updates them, `W -= rate * dW`, is not

    What the file imports from beside it is loaded in the same way. A package that is not installed is complained of
    when it is used. Nothing is written, and nothing is left of one call in the next.
    """
    __tracebackhide__ = True
    calling = sys._getframe(1).f_globals.get("__file__")
    wanted = _wanted(only)
    file = _found(path, Path(calling).parent if calling else Path.cwd())
    source = read(file)
    _check_cells(source, wanted)
    _check_names(source, (wanted or frozenset()) - names.keys())
    try:
        module = Session(file, wanted).run(names)
    except NameError as error:
        if reason := left_out(error):
            error.add_note(f"{reason}: give {error.name}=..., or name it in only as well")
        raise
    for name in sorted(wanted or ()):
        if not hasattr(module, name):
            raise ValueError(_unknown(source, name))
    return module


def _wanted(only: Iterable[str] | None) -> frozenset[str] | None:
    if only is None:
        return None
    if isinstance(only, str):
        raise TypeError(f"only is the string {only!r}, but should be a list of names: only=[{only!r}]")
    try:
        wanted = list(only)
    except TypeError:
        raise TypeError(f"only is {_described(only)}, but should be a list of names, such as ['lossFun']") from None
    for name in wanted:
        if not isinstance(name, str):
            raise TypeError(f"only holds {_described(name)}, but should hold names, such as 'lossFun'")
    return frozenset(wanted)


def _described(value: object) -> str:
    return f"{value!r:.60} ({type(value).__name__})"


def _found(path: object, folder: Path) -> Path:
    """The file, with an error that helps to find it where it is not there."""
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise TypeError(f"path is {_described(path)}, but should be the name of a .py or .ipynb file")
    if "\0" in os.fspath(path):
        raise ValueError(f"path is {os.fspath(path)!r:.80}, which holds a null byte, and no file's name does")
    file = Path(os.path.abspath(folder / Path(path).expanduser()))
    if file.is_file():
        file = file.resolve()
        if file.suffix not in (".py", ".ipynb"):
            raise ValueError(f"path is {os.fspath(path)!r}, but should be a .py or .ipynb file")
        return file
    near = file if file.is_dir() else file.parent
    there = sorted(p.name for p in near.iterdir() if p.suffix in (".py", ".ipynb")) if near.is_dir() else []
    if file.is_dir():
        what = f"path is {os.fspath(path)!r}, a folder, but should be one file in it"
        kind: type[OSError] = IsADirectoryError
    else:
        what, kind = f"there is no file {os.fspath(path)!r}: looked for {file}", FileNotFoundError
        if not near.is_dir():
            what += f", and there is no folder {near}"
    if close := difflib.get_close_matches(file.name, there, 1):
        what += f"; did you mean {close[0]!r}?"
    if there:
        what += f"\nin {near}: {_listed(there)}"
    raise kind(what)


def _check_names(source: Source, wanted: frozenset[str]) -> None:
    if any(selection.has_star_import(unit.tree) for unit in source.units):
        return  # what it brings is known only when it has run
    known: set[str] = set()
    for unit in source.units:
        known |= selection.reachable(unit.tree)
    for name in sorted(wanted - known):
        raise ValueError(_unknown(source, name))


def _check_cells(source: Source, wanted: frozenset[str] | None) -> None:
    """Raise the error of a cell that does not parse and is needed."""
    for unit in source.units:
        if unit.error is None:
            continue
        names = "|".join(map(re.escape, wanted or ()))
        if wanted is None or re.search(rf"^\s*(?:(?:def|class)\s+)?(?:{names})\b\s*[=(:,]", unit.text or "", re.M):
            raise unit.error.with_traceback(None)


def _unknown(source: Source, name: str) -> str:
    """What to say of a name in `only` that the file does not define."""
    defined: dict[str, str] = {}
    chosen: set[str] = set()
    for unit in source.units:
        chosen |= selection.reachable(unit.tree)
        for bound, line in selection.bindings(unit.tree).items():
            defined.setdefault(bound, position(unit.filename, line))
    if name in chosen:
        return f"only asks for {name!r}, which was not set: the condition above it did not hold ({defined[name]})"
    if name in defined:
        return (
            f"only asks for {name!r}, which is bound in a loop ({defined[name]}), and load(only=...) runs no loops; "
            f"give its value: load(..., {name}=...)"
        )
    close = difflib.get_close_matches(name, defined, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return (
        f"only asks for {name!r}, which {source.path.name} does not define{hint}\nit defines: {_listed(list(defined))}"
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return (", ".join(names[:MOST_NAMES]) or "nothing") + more
