"""Write docs/mistakes/: every kind of mistake with its wrong and its right line, and what the check says of it.

    python -m docs_tools.mistakes                  # all pages: minutes
    python -m docs_tools.mistakes carry sign       # those of some kinds, and the list of all
    python -m docs_tools.mistakes --check          # write nothing, and fail where a page is not what would be written

Each form of a mistake is planted in a right program of benchmarks/diagnosis, and the program diagnosed as
`bptt-oracle check` does it. What is printed is abridged by rule, see `abridged`, never by hand.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from myst_parser.slugs import github_slugify
from rich.progress import track

from benchmarks.diagnosis.gradients import function_in, is_right
from benchmarks.diagnosis.mistake import Mistake, plant, source_of
from benchmarks.diagnosis.mistakes import MISTAKES
from docs_tools.catalogue import KINDS, Form, Kind
from oracle.child import Checked
from oracle.diagnosis import Diagnosis, diagnose
from oracle.presentation.diagnosis_text import diagnosis_in_words
from oracle.presentation.table import UNICODE
from oracle.verdict import WRONG

FOLDER = Path(__file__).parents[1] / "docs" / "mistakes"
WIDTH = 100  # columns of what is printed
PROSE = 130  # columns of what is written here
BUDGET = 120.0  # seconds for the fix and for the cause: more than the command's, so that a busy machine writes the same
FRESH = 2000  # the seed at which a fix is held against the right program
NUMBERED = re.compile(r" *(\d+)  ")
COUNTS = re.compile(r" *[\d,]+ candidates tried, found in [\d.]+ s")

HEAD = """<!-- Written by python -m docs_tools.mistakes; change docs_tools/catalogue.py instead. -->

"""

INDEX = """# Every mistake

What people get wrong in a backward pass, by kind, in the words that `bptt-oracle check` uses for the cause. Each form
stands there with its wrong line, its right line, and what the check says of it. The pages are written by the tool
itself (`python -m docs_tools.mistakes`) from the programs of [the diagnosis benchmark](../diagnosis.md), and no word of
the output is edited.

Rows are samples: a_t = x_t W_ih + h_{{t−1}} W_hh + b, h_t = tanh a_t, y_t = h_t W_ho + b_o. ∘ is the product element by
element.

| kind | forms shown |
|---|---|
{rows}

## How to read an entry

The lines that differ come first, `-` wrong and `+` right. Then what `bptt-oracle check` prints from its **where** on,
abridged by four rules: of the annotated source only the first wrong line is kept, of the diff only the lines that
change; the pictures of steps are left out, and so is what depends on the machine: the time, the number of candidates
tried, and further fixes. `--budget` is two minutes here, so that a busy machine writes the same pages; without, it is
20 s.

At the head of each page stands what was found of each form:

- **line**: the first wrong line named is one that was changed, or one whose change undoes the mistake as well;
- **cause**: the kind named is that of the page, or one that describes the same change as well;
- **fix**: one was found, and with it every gradient is that of the right program, at sizes and numbers that the search
  has not seen.

## What is not found

- **A wrong forward pass.** The gradient is compared with the derivative of your own loss. A loss that is not the one
  you mean has a right gradient; `forward_like` ([checking.md](../checking.md#what-is-meant-so)) compares the states
  with a known cell.
- **A check of your own that is wrong**: differences of a loss that starts from another first state, or too coarse a
  step. Here the loss is evaluated with the same stream of random numbers each time. One that differs between two calls
  with the same arguments is reported, and so are arrays of the caller that the backward pass writes to.
- **An error that is smaller than the rounding noise**, or than 32 roundings of the largest element:
  [tolerance.md](../tolerance.md).
- **Which of two mistakes it is**, where both give the same numbers. They are shown as a tie, or the line decides.

Several mistakes at once are called wrong as surely as one; their causes and fixes are found less often:
[diagnosis.md](../diagnosis.md). Where ✗ stands on a page, that part was not found.

```{{toctree}}
:hidden:

{pages}
```
"""


def planted(form: Form) -> Mistake:
    """Raises ValueError where the benchmark has no such mistake."""
    found = [one for one in MISTAKES[form.program] if one.name == form.mistake]
    if len(found) != 1:
        raise ValueError(f"{form.program} has {len(found)} mistakes {form.mistake!r}, but should have one")
    return found[0]


def index() -> str:
    """The list of kinds; it needs no diagnosis."""
    rows = "\n".join(
        f"| [{kind.name}]({kind.stem}.md) | {'; '.join(one.says for one in kind.forms)} |" for kind in KINDS
    )
    return HEAD + INDEX.format(rows=rows, pages="\n".join(kind.stem for kind in KINDS))


def page(kind: Kind, entries: Sequence[Entry]) -> str:
    """The page of a kind, its forms having been diagnosed."""
    lines = [*head(kind), "| form | line | cause | fix |", "|---|---|---|---|"]
    for one in entries:
        marks = " | ".join("✓" if found else "✗" for found in (one.line, one.cause, one.fix))
        lines.append(f"| [{one.form.says}](#{github_slugify(one.form.says)}) | {marks} |")
    lines += ["", "What the columns mean: [how to read an entry](index.md#how-to-read-an-entry)."]
    return "\n".join([*lines, *(line for one in entries for line in one.lines()), ""])


def head(kind: Kind) -> list[str]:
    """What the catalogue says of a kind."""
    lines = [HEAD + f"# {kind.name[0].upper()}{kind.name[1:]}", "", _filled(kind.what), ""]
    lines += [*_indented(kind.algebra.splitlines()), ""]
    return [*lines, _filled(kind.more), ""] if kind.more else lines


def _filled(text: str) -> str:
    return textwrap.fill(text, PROSE, break_long_words=False, break_on_hyphens=False)


def _indented(lines: Sequence[str]) -> Iterator[str]:
    return (f"    {line}".rstrip() for line in lines)


class Entry:
    """One form, diagnosed."""

    def __init__(self, form: Form) -> None:
        self.form = form
        mistake = planted(form)
        made = plant([mistake])
        self.source = made.source
        self.name = function_in(self.source, form.program).name
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{form.program}.py"
            path.write_text(self.source, encoding="utf-8")
            self.diagnosis = diagnose(str(path), self.name, BUDGET)
        found = self.diagnosis
        if found.outcome != WRONG:
            raise ValueError(f"{mistake}: called {found.outcome!r}, but it is wrong")
        if "not everything known was tried" in found.unread:
            raise TimeoutError(f"{mistake}: this machine is too slow or too busy to write the page: {found.unread}")
        self.line = found.first_wrong in made.lines[0]
        self.cause = bool(set(found.causes) & mistake.kinds)
        self.fix = bool(found.repair) and is_right(form.program, *found.repair.patched.values(), FRESH)

    def lines(self) -> Iterator[str]:
        """As Markdown."""
        yield from ("", f"## {self.form.says[0].upper()}{self.form.says[1:]}", "")
        program = self.form.program
        yield f"In [{program}.py](../../benchmarks/diagnosis/programs/{program}.py): {_docstring(self.source)}."
        yield from ("", "```diff", *_difference(self.source, source_of(program)), "```")
        yield from ("", "`bptt-oracle check` says", "")
        yield from _indented(abridged(self.diagnosis, self.name))


def _docstring(source: str) -> str:
    """The first line of what the program says of itself."""
    return re.search(r'"""(.*?)(?:\n|""")', source)[1].rstrip(".")


def _difference(wrong: str, right: str) -> Iterator[str]:
    """The lines that differ, `-` for the wrong ones and `+` for the right ones."""
    for line in difflib.unified_diff(wrong.splitlines(), right.splitlines(), n=0, lineterm=""):
        if line.startswith("@@"):
            continue
        if not line.startswith(("--- ", "+++ ")):
            yield line


def abridged(found: Diagnosis, name: str) -> list[str]:
    """What the command prints from "where" on, by the rules that the list of mistakes gives."""
    where = replace(
        found.where,
        said=tuple(line for line in found.where.said if "  " not in line),
        source=tuple(_first_wrong(found.where.source, found.where.line)),
    )
    fix = found.repair
    if fix is not None:
        kept = [line for line in fix.diff.splitlines() if line[:1] in "+-" and line[:4] not in ("+++ ", "--- ")]
        fix = replace(fix, diff="\n".join(kept))
    checked = Checked(Path(), name, None, "", "", diagnosis=replace(found, where=where, repair=fix, alternatives=()))
    lines = [line.plain for line in diagnosis_in_words(checked, BUDGET, UNICODE, WIDTH)]
    if fix is None:
        return [*lines[: lines.index("fix") + 1], "    no fix was found"]
    return [line for line in lines if not COUNTS.fullmatch(line)]


def _first_wrong(source: Sequence[str], number: int | None) -> Iterator[str]:
    """The annotated line of that number, with its remark, which may stand in lines below it."""
    inside = False
    for line in source:
        if match := NUMBERED.match(line):
            inside = int(match[1]) == number
        if inside:
            yield line


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [kind.stem for kind in KINDS]
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(known)}; all without")
    parser.add_argument("--check", action="store_true", help="compare with what is there, and write nothing")
    options = parser.parse_args(arguments)
    if unknown := set(options.kinds) - set(known):
        parser.error(f"there is no kind {sorted(unknown)[0]!r}; there are {', '.join(known)}")
    torch.set_num_threads(1)
    wanted = [kind for kind in KINDS if kind.stem in (options.kinds or known)]
    stale = _written("index.md", index(), options.check)
    for kind in track(wanted, "kinds", transient=True, disable=not sys.stdout.isatty()):
        try:
            stale += _written(f"{kind.stem}.md", page(kind, [Entry(form) for form in kind.forms]), options.check)
        except TimeoutError as reason:
            stale.append(str(reason))
    if not options.kinds:
        for path in sorted(FOLDER.glob("*.md")):
            if path.stem not in [*known, "index"]:
                stale.append(f"{path.name} is of no kind")
    for line in stale:
        print(line, file=sys.stderr)
    return 1 if stale else 0


def _written(name: str, text: str, check: bool) -> list[str]:
    """Writes the page, or says how it differs from what is there."""
    path = FOLDER / name
    if not check:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return []
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if before == text:
        return []
    changes = difflib.unified_diff(
        before.splitlines(), text.splitlines(), name, "what would be written", n=1, lineterm=""
    )
    return [*changes, f"{name} is not what would be written: run python -m docs_tools.mistakes"]


if __name__ == "__main__":
    sys.exit(main())
