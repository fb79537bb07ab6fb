"""Jupyter notebooks as source: their code cells in order, without what only IPython understands."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

MAGIC = re.compile(r"^\s*([%!]|\?{1,2}[\w%])|^\s*[\w.%]+\?{1,2}\s*$|^\s*[\w, ]+=\s*(!|%[a-zA-Z])")
CELL_MAGIC = re.compile(r"^\s*%%(\w+)")
PYTHON_MAGICS = frozenset(("time", "timeit", "capture", "prun", "python", "python3", "pypy", "python2"))
TOKENS = re.compile(r"""\"\"\"|\'\'\'|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|#.*|[(\[{]|[)\]}]|\\$""")


def code_cells(path: Path) -> tuple[list[str], bool]:
    """The text of the code cells of a notebook, and whether it says that it is Python 2."""
    import nbformat  # takes a tenth of a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # missing cell ids and the like
        try:
            book = nbformat.read(path, as_version=4)
        except Exception as error:  # nbformat raises whatever the JSON in it leads to
            reason = str(error).partition("\n")[0]
            raise ValueError(f"{path.name} is no notebook that nbformat can read: {reason:.120}") from None
    info = book.metadata.get("language_info", {})
    language = info.get("name") or book.metadata.get("kernelspec", {}).get("language") or "python"
    if str(language).lower() not in ("python", "ipython"):
        raise ValueError(f"{path.name} is a notebook in {language}, but should be one in Python")
    cells = [cell.source for cell in book.cells if cell.cell_type == "code"]
    return cells, str(info.get("version", "")).startswith("2")


def without_magics(text: str) -> str:
    """The cell with its magics, shell lines and help lines replaced by `pass`, other lines where they were."""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is not None and (magic := CELL_MAGIC.match(lines[first])):
        if magic[1] not in PYTHON_MAGICS:
            return "\n" * (len(lines) - 1)
        lines[first] = ""
    depth, quote = 0, None  # open brackets, open triple quote
    continued = False
    for number, line in enumerate(lines):
        if not depth and not quote and not continued and MAGIC.match(line):
            indent = line[: len(line) - len(line.lstrip())]
            lines[number] = f"{indent}pass"
            continue
        continued = False
        for token in TOKENS.finditer(line):
            if quote:
                quote = None if token[0] == quote else quote
            elif token[0] in ('"""', "'''"):
                quote = token[0]
            elif token[0] in "([{":
                depth += 1
            elif token[0] in ")]}":
                depth = max(depth - 1, 0)
            elif token[0] == "\\":
                continued = True
    return "\n".join(lines)
