"""A declared gradient function checked in a child process: whatever it does, a report comes of it or a reason.

What is wrong is diagnosed in a second child, so that the verdict stays whatever comes of that.
"""

from __future__ import annotations

import difflib
import stat
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from oracle.data import from_data, to_data
from oracle.gradient_check import FunctionReport, check_function, functions_in, no_such_function, pick
from oracle.gradient_function import GradientFunction
from oracle.isolation import MEMORY, SECONDS, Outcome, isolated
from oracle.load import load
from oracle.loading.placeholder import Placeholder
from oracle.returned import NotChecked, called, our_mistake
from oracle.verdict import WRONG

if TYPE_CHECKING:
    from oracle.diagnosis import Diagnosis
    from oracle.norms import Norms
    from oracle.shape_table import Row


@dataclass(frozen=True)
class Asked:
    """The cases of a check as they were asked for; where nothing was, ours."""

    sequence_lengths: tuple[int, ...] = ()
    hidden_sizes: tuple[int, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Checked:
    """What came of one function.

    report         None where it could not be checked
    not_checked    why, in words; else empty
    output         the end of what the user's code printed
    shapes         the table of shapes, where it was asked for
    diagnosis      where it was asked for and something is wrong
    not_diagnosed  why there is none, in words; else empty
    norms          of the gradients by time step, where they were asked for
    asked          which cases it was checked at
    """

    path: Path
    name: str
    report: FunctionReport | None
    not_checked: str
    output: str
    shapes: tuple[Row, ...] = ()
    diagnosis: Diagnosis | None = None
    not_diagnosed: str = ""
    norms: Norms | None = None
    asked: Asked = Asked()


class BadFile(ValueError):
    """A file that cannot be read for gradient functions: not there, not importable, or without any."""


def list_functions(path: Path, seconds: float = SECONDS, memory: int | None = MEMORY) -> list[str]:
    """The names of the gradient functions in a file, found in a child process.

    Raises BadFile with the reason where the file is not there or does not run, and with what it does define where
    there are none.
    """
    if reason := _why_no_file(path):
        raise BadFile(reason)

    def task() -> object:
        try:
            functions = called(lambda: functions_in(str(path)), path.name)
        except NotChecked as reason:
            return {"reason": str(reason)}
        return {"names": list(functions)} if functions else {"reason": _no_function(path)}

    outcome = isolated(task, seconds=seconds, memory=memory)
    if outcome.failure:
        raise BadFile(f"{path.name} {_failed(outcome)}")
    if "reason" in outcome.value:
        raise BadFile(outcome.value["reason"])
    return outcome.value["names"]


def check_isolated(
    path: Path,
    name: str,
    *,
    sequence_lengths: Sequence[int] | None = None,
    hidden_sizes: Sequence[int] | None = None,
    seed: int = 0,
    shapes: bool = False,
    seconds: float = SECONDS,
    memory: int | None = MEMORY,
) -> Checked:
    """Check one function of a file in a child process; with `shapes` make the table of its shapes as well."""

    def task() -> object:
        try:
            function = pick(called(lambda: functions_in(str(path)), path.name), name, path.name)
            report = to_data(check_function(function, sequence_lengths, hidden_sizes, seed))
            return {"report": report, "shapes": [list(astuple(row)) for row in _shapes_of(function)] if shapes else []}
        except (NotChecked, ValueError) as reason:
            return {"reason": str(reason)}
        except (MemoryError, OSError):
            raise
        except Exception as error:  # what the code under test raises has become a NotChecked
            reason = f"{type(error).__name__}: {error}"
            return {"reason": f"{name} could not be checked for a mistake in this tool, please report it: {reason}"}

    outcome = isolated(task, seconds=seconds, memory=memory)
    asked = Asked(tuple(sequence_lengths or ()), tuple(hidden_sizes or ()), seed)
    if outcome.failure:
        return Checked(path, name, None, f"{name} {_failed(outcome)}", outcome.output, asked=asked)
    if "reason" in outcome.value:
        return Checked(path, name, None, outcome.value["reason"], outcome.output, asked=asked)
    try:
        report = from_data(outcome.value["report"])
    except (ValueError, TypeError) as error:
        reason = f"{name} sent back something else than a report: {error}"
        return Checked(path, name, None, reason, outcome.output, asked=asked)
    rows = _rows(outcome.value["shapes"]) if shapes else ()
    return Checked(path, name, report, report.worst.not_checked, outcome.output, rows, asked=asked)


def diagnose_isolated(
    checked: Checked,
    budget: float,
    *,
    seconds: float = SECONDS,
    memory: int | None = MEMORY,
    told: Callable[[int], None] | None = None,
) -> Checked:
    """The same with its diagnosis, if it is wrong.

    budget   seconds for the search for a repair, beside those that it may take otherwise
    told     called now and then with the number of candidates tried
    """
    if checked.report is None or checked.report.outcome != WRONG:
        return checked

    def task(*tell: Callable[[int], None]) -> object:
        from oracle.diagnosis import diagnosis  # only what is wrong needs it

        try:
            functions = called(lambda: functions_in(str(checked.path)), checked.path.name)
            if checked.name not in functions:
                return {"reason": no_such_function(functions, checked.name, checked.path.name)}
            told = tell[0] if tell else None
            return {"diagnosis": to_data(diagnosis(functions[checked.name], checked.report, budget, told=told))}
        except NotChecked as reason:
            return {"reason": str(reason)}
        except (MemoryError, OSError):
            raise
        except Exception as error:
            return {"reason": f"for a mistake in this tool, please report it: {our_mistake(error)}"}

    outcome = isolated(task, seconds=seconds + budget, memory=memory, told=told)
    if outcome.failure:
        return replace(checked, not_diagnosed=_failed(outcome))
    if "reason" in outcome.value:
        return replace(checked, not_diagnosed=outcome.value["reason"])
    try:
        found = from_data(outcome.value["diagnosis"])
    except (ValueError, TypeError) as error:
        return replace(checked, not_diagnosed=f"something else came back than a diagnosis: {error}")
    if type(found).__name__ != "Diagnosis":
        return replace(checked, not_diagnosed=f"something else came back than a diagnosis: {found!r:.80}")
    return replace(checked, diagnosis=found)


def _rows(data: list[list]) -> tuple[Row, ...]:
    from oracle.shape_table import Row  # only where it is asked for

    return tuple(Row(*row[:-1], tuple(map(tuple, row[-1]))) for row in data)


def _shapes_of(function: GradientFunction) -> list[Row]:
    """Empty where the function raises: the report says that."""
    from oracle.shape_table import shape_table  # only where it is asked for

    try:
        return shape_table(function)
    except NotChecked:
        return []


def _failed(outcome: Outcome) -> str:
    """The failure, and where it was unless it says so itself."""
    line, _, _ = outcome.where.partition(" in ")
    return f"{outcome.failure}, at {outcome.where}" if line and line not in outcome.failure else outcome.failure


def _no_function(path: Path) -> str:
    """What a file without gradient functions defines instead."""
    module = load(str(path))
    defined = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    missing = [repr(value) for value in vars(module).values() if isinstance(value, Placeholder)]
    return "; ".join(
        [
            f"{path.name} defines no gradient function: nothing in it is decorated with @gradient_function",
            f"it defines {', '.join(defined) or 'no function and no class'}",
            *(complaint.strip("<>") for complaint in missing),
        ]
    )


def _why_no_file(path: Path) -> str:
    """Empty where it is one."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return f"there is no file {str(path)!r}" + _near(path)
    except (OSError, ValueError) as error:  # a link to itself, a name too long, a null byte
        return f"{str(path)!r:.200} cannot be read: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISDIR(mode):
        return f"{str(path)!r} is a folder, but should be a file"
    return "" if stat.S_ISREG(mode) else f"{str(path)!r} is no ordinary file, but should be one"


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f", nor a folder {str(path.parent)!r}"
    close = difflib.get_close_matches(path.name, [other.name for other in path.parent.glob("*.py")], 1)
    return f"; did you mean {close[0]!r}?" if close else ""
