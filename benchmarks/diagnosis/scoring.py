"""What was right about an answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.diagnosis.cases import Case
from benchmarks.diagnosis.patches import changed_lines
from benchmarks.diagnosis.running import Answer

AGREES, WRONG = "agrees", "wrong"


@dataclass(frozen=True)
class Score:
    """One case, its answer, and what was right about it.

    verdict      "wrong" of a wrong program, "agrees" of a right one
    parameters   exactly the wrong parameters are called wrong
    planted      the first wrong line is a planted one; of several mistakes any of them
    line         it is that, or one whose change is equivalent: a right repair changes it, and does without the planted
    cause        the cause is among those named; of several mistakes all of them
    fix          a repair was found under which the gradients are the right program's, at sizes not seen before

    Of a right program there is only the verdict to be right, and the rest is None.
    """

    case: Case
    answer: Answer
    verdict: bool
    parameters: bool | None = None
    planted: bool | None = None
    line: bool | None = None
    cause: bool | None = None
    fix: bool | None = None

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(name for name in ("verdict", "parameters", "line", "cause", "fix") if getattr(self, name) is False)


def score(case: Case, answer: Answer) -> Score:
    """Judge an answer."""
    if not case.mistakes:
        return Score(case, answer, answer.outcome == AGREES)
    in_file = Path(answer.first_wrong_file).name in ("", f"{case.program}.py")
    planted = answer.first_wrong in case.lines and in_file
    equivalent = bool(answer.fixed) and in_file and answer.first_wrong in changed_lines(answer.diff)
    return Score(
        case,
        answer,
        verdict=answer.outcome == WRONG,
        parameters=frozenset(answer.wrong) == case.wrong,
        planted=planted,
        line=planted or equivalent,
        cause=all(mistake.kinds & set(answer.causes) for mistake in case.mistakes),
        fix=bool(answer.fixed),
    )
