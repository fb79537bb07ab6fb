"""The files that a check is asked to write for other programs to read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from oracle.child import Checked
from oracle.presentation import markdown_summary, sarif
from oracle.presentation.printable import printable


class NewFile(click.ParamType):
    """The path of a file that can be written: found out before the check, not after minutes of it."""

    name = "path"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if isinstance(value, Path):
            return value
        path = Path(str(value))
        if not value:
            self.fail("the path is empty: is the variable set that it comes from?", param, ctx)
        if path.is_dir():
            self.fail(f"{str(path)!r} is a folder, but should be a file", param, ctx)
        if not path.parent.is_dir():
            self.fail(f"there is no folder {str(path.parent)!r} for {path.name!r}", param, ctx)
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            self.fail(f"{str(path)!r} cannot be written", param, ctx)
        return path


def write_reports(
    results: Sequence[Checked], sarif_file: Path | None, summary_file: Path | None, page: Path | None
) -> None:
    """Write those that are asked for; what cannot be written is said, and the verdict stays."""
    for path, write in ((sarif_file, sarif.write), (summary_file, markdown_summary.append), (page, _write_page)):
        if path is not None:
            try:
                write(results, path)
            except OSError as error:
                click.echo(printable(f"{path} is not written: {error.strerror}"), err=True)


def _write_page(results: Sequence[Checked], path: Path) -> None:
    from oracle.presentation.html import write_html  # only who asks for a page needs what makes it

    write_html(results, path)
