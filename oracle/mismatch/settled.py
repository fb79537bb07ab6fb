"""Which of the products that balance is right: each is put in place of what failed, and the gradients are checked.

Shapes cannot tell W_hh from its transpose. The values can: the user's function runs with the one and with the other,
as if the line were mended in the file, and every gradient is held against autograd's. His file is not touched.
"""

from __future__ import annotations

import ast
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from oracle.mismatch.choices import Choice
from oracle.mismatch.proposal import VALUES
from oracle.returned import place, same_random_numbers, total_loss
from oracle.rewriting import Definition, compiled, copied, definitions_run, exchanged
from oracle.subject import Subject, run
from oracle.verdict import AGREES, CANNOT_TELL

if TYPE_CHECKING:
    from oracle.mismatch.explanation import Explanation

SECONDS = 2.0  # for all products together


@dataclass(frozen=True)
class Outcome:
    """What comes of a product in the place of what failed.

    raised    where the code raises then; empty where it does not
    refused   why there is no verdict although it runs
    agreeing, wrong, missing, untold   the parameters by the verdicts on their gradients
    """

    raised: str = ""
    refused: str = ""
    agreeing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        return bool(self.agreeing) and not (self.wrong or self.missing or self.untold)

    @property
    def checked(self) -> bool:
        return not (self.raised or self.refused)


class ForwardPass(Exception):
    """The loss depends on what failed: whatever is put there, autograd differentiates that."""


def settled(explanation: Explanation, subject: Subject) -> Explanation:
    """The same with what the values say of its products, the right one first.

    Never raises: what goes wrong here costs what it would have added. So does what takes too long.
    """
    outcomes: dict[Choice, Outcome] = {}
    try:
        if not explanation.choices:
            return explanation
        with _quietly_within(SECONDS), same_random_numbers():
            for choice, outcome in _tried(explanation.choices, subject):
                outcomes[choice] = outcome
        return _told(explanation, outcomes)
    except Exception:
        return explanation


@contextmanager
def _quietly_within(seconds: float) -> Iterator[None]:
    """What is inside prints nothing and ends after so many seconds; a clock that was set before goes on."""
    from oracle.rewriting import TookTooLong, quiet, within

    left, interval = signal.getitimer(signal.ITIMER_REAL)
    start = time.monotonic()
    try:
        with quiet(), within(seconds):
            yield
    except TookTooLong:
        pass
    finally:
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - start), 1e-3), interval)


def _tried(choices: Sequence[Choice], subject: Subject) -> Iterator[tuple[Choice, Outcome]]:
    from oracle.examination import examine

    definition = _definition(choices[0], subject)
    if definition is None:
        return
    subject = replace(subject, explain=lambda error: place(error.__cause__))
    seen = False
    for choice in choices:
        with exchanged([definition], compiled(_with(definition, choice))):
            finding = examine(subject)
        if finding.not_checked:
            raised = finding.explanation
            yield choice, Outcome(raised=raised, refused="" if raised else finding.not_checked.splitlines()[0])
            continue
        if not seen and _reaches_the_loss(finding.loss, definition, choice, subject):
            raise ForwardPass
        seen = True
        named = {verdict.name: verdict for verdict in finding.verdicts}
        groups: dict[str, list[str]] = {}
        for name in subject.parameters:
            if name in named:
                groups.setdefault(_group(named[name]), []).append(name)
        yield choice, Outcome(**{group: tuple(names) for group, names in groups.items()})


def _group(verdict: object) -> str:
    if verdict.outcome == AGREES:
        return "agreeing"
    if verdict.outcome == CANNOT_TELL:
        return "untold"
    return "missing" if verdict.gradient is None else "wrong"


def _definition(choice: Choice, subject: Subject) -> Definition | None:
    """The definition in which the failing expression stands."""

    def until_it_raises() -> None:
        try:
            run(subject, subject.parameters)
        except Exception:
            pass  # as it did before

    for definition in definitions_run(until_it_raises):
        if definition.filename == choice.where.filename and choice.where.found_in(definition.statement) is not None:
            return definition
    return None


def _with(definition: Definition, choice: Choice, times: float | None = None) -> Definition:
    """The definition with the product in the place of what failed, or a multiple of it."""
    statement = copied(definition.statement)
    old = choice.where.found_in(statement)
    new = ast.parse(choice.text if times is None else f"({choice.text}) * {times}", mode="eval").body
    for node in ast.walk(new):
        if isinstance(node, ast.expr):
            ast.copy_location(node, old)  # so that a traceback names the line
    return replace(definition, statement=_Exchange(old, new).visit(statement))


class _Exchange(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def _reaches_the_loss(loss: float, definition: Definition, choice: Choice, subject: Subject) -> bool:
    """Whether twice the product makes another loss: then it belongs to the forward pass."""
    try:
        with exchanged([definition], compiled(_with(definition, choice, 2.0))), same_random_numbers():
            result = run(subject, subject.parameters)
        return float(total_loss(result[0], subject.window is not None)) != loss
    except Exception:
        return True


def _told(explanation: Explanation, outcomes: Mapping[Choice, Outcome]) -> Explanation:
    if not any(one.right for one in outcomes.values()) and len(outcomes) < len(explanation.choices):
        return explanation
    if not any(one.checked for one in outcomes.values()):
        if explanation.departed:
            return explanation  # an earlier line is to be mended first, and no product here does that
        if not all(one.gradient for one in outcomes):
            return explanation  # it may be the forward pass that raises
    if len(outcomes) == 1:  # where there was no time for the others, it is right
        ((choice, outcome),) = outcomes.items()
        it = "it" if len(explanation.choices) == 1 else choice.text
        kept = (line for line in explanation.advice if line != VALUES)
        return replace(explanation, advice=(*kept, f"with {it} {_says(outcome, explanation)}"))
    best = _best(outcomes)
    if best is None:
        return replace(explanation, advice=(*_undecided(explanation.advice, outcomes), _each(outcomes, explanation)))
    others = [one for one in outcomes if one is not best]
    kept = [line for line in explanation.advice if line != VALUES]
    if best.text != explanation.products[0][0] or len(explanation.products) > 1:
        kept = [line for line in kept if not line.startswith(("by size ", "both have "))]
        kept.insert(0, f"by size {_listed([one.text for one in others])} fit{'s' * (len(others) == 1)} as well")
    said = [f"with {best.text} {_says(outcomes[best], explanation)}"]
    said += [f"with {one.text} {_less(outcomes[one], outcomes[best], explanation)}" for one in others]
    kept.append(f"shapes cannot tell them apart, the values can: {', '.join(said)}")
    return replace(explanation, products=((best.text, _axes(best, explanation)),), advice=tuple(kept))


def _axes(choice: Choice, explanation: Explanation) -> str:
    return dict(explanation.products).get(choice.text, choice.axes)


def _best(outcomes: Mapping[Choice, Outcome]) -> Choice | None:
    """The product with which all agrees that agrees with any other, and more; None where there is no such one."""
    right = [one for one, outcome in outcomes.items() if outcome.right]
    if right:
        return right[0] if len(right) == 1 else None
    for one, outcome in outcomes.items():
        rest = [other for choice, other in outcomes.items() if choice is not one]
        if outcome.checked and all(other.checked and set(other.agreeing) < set(outcome.agreeing) for other in rest):
            return one
    return None


def _undecided(advice: Sequence[str], outcomes: Mapping[Choice, Outcome]) -> list[str]:
    """The lines without the advice to look at the values, where these have been looked at in vain."""
    return [line for line in advice if line != VALUES or not all(one.right for one in outcomes.values())]


def _each(outcomes: Mapping[Choice, Outcome], explanation: Explanation) -> str:
    """What comes of each; once where it is the same."""
    said = {choice: _says(outcome, explanation) for choice, outcome in outcomes.items()}
    if len(set(said.values())) > 1:
        return ", ".join(f"with {choice.text} {words}" for choice, words in said.items())
    words = next(iter(said.values()))
    line = f"with {' or '.join(choice.text for choice in said)} {words}"
    checked = next(iter(outcomes.values()))
    if checked.right:
        return f"{line}: the values do not tell them apart here"
    if checked.checked and len(explanation.products) > 1:
        return f"{line}: either none of them is right, or something else is wrong as well"
    if checked.checked:
        return f"{line}: something else is wrong as well, and hides which of them is right"
    return line


def _says(outcome: Outcome, explanation: Explanation) -> str:
    if outcome.raised:
        if outcome.raised.partition(" in ")[0] == explanation.place.partition(" in ")[0]:
            return "the code raises in the same line again"
        return f"the code raises further on: {outcome.raised}"
    if outcome.refused:
        return f"the code runs, but is not checked: {outcome.refused}"
    if outcome.right and len(outcome.agreeing) > 1:
        return "every gradient agrees"
    return _groups(outcome, ("agreeing", "wrong", "missing", "untold"), "the gradient")


def _less(outcome: Outcome, best: Outcome, explanation: Explanation) -> str:
    """What is said of a product after a better one."""
    if not outcome.checked:
        return _says(outcome, explanation)
    if best.right:
        return _groups(outcome, ("wrong", "missing", "untold"))
    return f"only {_groups(outcome, ('agreeing',))}" if outcome.agreeing else "none does"


def _groups(outcome: Outcome, which: Sequence[str], first: str = "") -> str:
    """'the gradients of V and c agree, that of b is wrong'."""
    verbs = {
        "agreeing": ("agrees", "agree"), "wrong": ("is wrong", "are wrong"), "missing": ("is missing", "are missing"),
        "untold": ("cannot be told", "cannot be told"),
    }  # fmt: skip
    said = []
    for group in which:
        if names := getattr(outcome, group):
            many = len(names) > 1
            subject = first + "s" * many if first and not said else "those" if many else "that"
            said.append(f"{subject} of {_listed(names)} {verbs[group][many]}")
    return ", ".join(said)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
