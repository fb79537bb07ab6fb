"""All inputs written by hand."""

from __future__ import annotations

from benchmarks.robustness import calls, commands, declarations, files, functions, plugin
from benchmarks.robustness.case import Case


def groups() -> dict[str, list[Case]]:
    """Where they come in -> the cases."""
    return {
        "files that cannot be read": [*files.unreadable(), *files.strange_names()],
        "files that misbehave when they are imported": [*files.importing()],
        "declarations that cannot be meant": [*declarations.declaring()],
        "functions that misbehave": [*functions.running()],
        "something else is returned": [*functions.returning()],
        "command lines and surroundings": commands.every(),
        "calls from Python": calls.every(),
        "pytest and snapshots": plugin.every(),
    }
