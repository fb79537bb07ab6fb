"""Exit statuses that hold for every command, whatever happens in it: 1 is a verdict, and nothing else may look so."""

from __future__ import annotations

import errno
import traceback

import click

from oracle.presentation.printable import printable
from oracle.verdict import AGREES, CANNOT_TELL, WRONG

EXIT_CODES = {AGREES: 0, WRONG: 1, CANNOT_TELL: 3}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended


class Commands(click.Group):
    """Commands of which none ends in 1 because it was interrupted or broke: click and Python would both make it so."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except click.ClickException as error:
            error.message = printable(error.message)
            raise
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # nobody reads on: click ends quietly
            if isinstance(error, OSError) and error.errno in FULL:
                click.echo(f"nothing more could be written: {error.strerror}", err=True)
                raise click.exceptions.Exit(EXIT_CODES[CANNOT_TELL]) from None
            click.echo(traceback.format_exc(), err=True, nl=False)
            click.echo("a mistake in this tool, please report it", err=True)
            raise click.exceptions.Exit(EXIT_CODES[CANNOT_TELL]) from None
