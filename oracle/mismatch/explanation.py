"""A shape error explained: which expression, what its operands are, what clashes, what was wanted, what balances.

The gradient function that raised is run once more with arrays that remember what NumPy refused (`watched`), and with a
tracer that follows the shapes of variables (`trace`). Nothing of the user's is called a second time within that run,
and his exception stays what it is.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from oracle.frames import place_of
from oracle.mismatch import departures
from oracle.mismatch.axes import Names, in_brackets, shown, sizes_asked_for
from oracle.mismatch.choices import Choice, choices
from oracle.mismatch.clash import clash
from oracle.mismatch.earlier import left_at
from oracle.mismatch.frames import raising
from oracle.mismatch.joined import joined_along_another
from oracle.mismatch.proposal import Goal, proposal
from oracle.mismatch.record import CURRENT, Record
from oracle.mismatch.scene import Operand, Scene, in_scope, scene_of
from oracle.mismatch.settled import settled
from oracle.mismatch.source import marked
from oracle.mismatch.trace import Abandoned, following, same_name
from oracle.mismatch.wanted import Wanted, is_delta, name_in, wanted
from oracle.mismatch.watched import WatchingGenerator, made_watched, watch
from oracle.returned import NotChecked, same_random_numbers
from oracle.shapes import Shape
from oracle.sizes import Parameters
from oracle.subject import Subject

SECONDS = 2.0
FEW_LINES = 5_000  # of a run that is cheap enough for another, to be sure of the names


@dataclass(frozen=True)
class Told:
    """An operand as it is told of.

    text       in the source
    shape      in numbers, None where it cannot be told
    axes       by name
    expected   the axes that it should have by its name, or None
    left       the place at which its shape left the expected one, in words
    """

    text: str
    shape: tuple[int, ...] | None
    axes: tuple[str, ...]
    expected: tuple[str, ...] | None = None
    left: str = ""


@dataclass(frozen=True)
class Explanation:
    """Why an operation on arrays raised.

    place      "my_rnn.py:88 in backward"
    line       the number of the line
    source     the lines of the source, the failing expression marked
    failing    its text
    operands   what it was given
    clash      what does not go together, in words
    wanted     what should have come out, in words; empty where nothing tells
    products   what balances: (NumPy, the axes of the factors), the likeliest first
    advice     what else there is to say of them
    departed   where a shape left the expected one first, in words; empty where that is here
    choices    the products, and others of the same shape, each with the expression in whose place it would stand
    """

    place: str
    line: int
    source: tuple[str, ...]
    failing: str
    operands: tuple[Told, ...]
    clash: tuple[str, ...]
    wanted: str = ""
    products: tuple[tuple[str, str], ...] = ()
    advice: tuple[str, ...] = ()
    departed: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        lines = [self.place, *(f"    {line}" for line in self.source)]
        width = max((len(one.text) for one in self.operands), default=0)
        shapes = [_numbers(one.shape) for one in self.operands]
        shape_width = max(map(len, shapes), default=0)
        names = [shown(one.axes, one.shape or ()) for one in self.operands]
        name_width = max(map(len, names), default=0)
        for one, shape, name in zip(self.operands, shapes, names):
            line = f"        {one.text:{width}}  {shape:{shape_width}}  {name:{name_width}}"
            notes = [f"expected {in_brackets(one.expected)}"] if one.expected is not None else []
            notes += [one.left] if one.left else []
            lines.append(f"{line}  <- {', '.join(notes)}" if notes else line.rstrip())
        lines += [f"    {line}" for line in self.clash]
        if self.wanted:
            lines.append(f"    wanted: {self.wanted}")
        if len(self.products) == 1:
            text, axes = self.products[0]
            lines.append(f"    the product that balances: {text}   {axes}")
        elif self.products:
            lines.append("    products that balance:")
            wide = max(len(text) for text, _ in self.products)
            lines += [f"        {text:{wide}}   {axes}" for text, axes in self.products]
        lines += [f"    {line}" for line in self.advice]
        return lines + [f"    {line}" for line in self.departed]


def _numbers(shape: tuple[int, ...] | None) -> str:
    return "not known" if shape is None else str(shape) if shape else "a number"


@dataclass(frozen=True)
class _Seen:
    """One explanation run."""

    scene: Scene
    scope: Mapping[str, np.ndarray]
    parameters: Mapping[str, np.ndarray]
    lines: int = 0


def explain(
    subject: Subject,
    error: BaseException,
    shapes: Mapping[str, Shape] = MappingProxyType({}),
    sizes: Mapping[str, int] | None = None,
    elsewhere: Callable[[], tuple[Subject, Mapping[str, int]]] | None = None,
) -> Explanation | None:
    """Why the plain run of a subject raised, if arrays that do not fit one another are the reason; else None.

    Each product that balances is put in place of what failed, and the gradients are checked: the values tell which of
    them is right where shapes cannot (`settled`).

    error       what it raised, or the NotChecked that tells of it
    shapes      of the parameters as declared, which name the axes
    sizes       by name, the subject's own where none are given
    elsewhere   gives the same function at other sizes, with these: two sizes that are one here are told apart by it

    Never raises: what goes wrong here costs the explanation.
    """
    try:
        found = explanation_of(subject, error, shapes, sizes, elsewhere)
        return found and settled(found, subject)
    except Exception:
        return None


def explanation_of(
    subject: Subject,
    error: BaseException,
    shapes: Mapping[str, Shape] = MappingProxyType({}),
    sizes: Mapping[str, int] | None = None,
    elsewhere: Callable[[], tuple[Subject, Mapping[str, int]]] | None = None,
) -> Explanation | None:
    """As `explain`, from shapes and names alone, and what goes wrong here raises."""
    raised = error.__cause__ if isinstance(error, NotChecked) else error
    if not any(isinstance(one, (ValueError, IndexError, TypeError)) for one in _chain(raised)):
        return None
    own = subject.sizes if sizes is None else sizes
    seen = _run(subject, raised, sizes_asked_for(own, shapes)) or _from_traceback(subject, raised)
    if seen is None:
        return None
    names = Names(shapes, (sizes_asked_for(own, shapes),))
    told = _told(seen, None, names)
    if told is None or elsewhere is None or (seen.lines > FEW_LINES and " or " not in str(told)):
        return told
    other, other_sizes = elsewhere()
    again = _run(other, raised, sizes_asked_for(other_sizes, shapes))
    if again is None or len(again.scene.operands) != len(seen.scene.operands):
        return told
    both = Names(shapes, (sizes_asked_for(own, shapes), sizes_asked_for(other_sizes, shapes)))
    return _told(seen, again, both)


def _run(subject: Subject, raised: BaseException, sizes: Mapping[str, int]) -> _Seen | None:
    """The explanation run; None where it does not end as the plain run did."""
    record = Record()
    parameters = Parameters()
    for name, array in subject.parameters.items():
        parameters[name] = watch(array.copy())
        parameters[name].like = name
        parameters[name].weight = sum(size > 1 for size in array.shape) > 1
    token = CURRENT.set(record)
    try:
        with (
            same_random_numbers(), warnings.catch_warnings(), made_watched(),
            contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()),
        ):  # fmt: skip
            warnings.simplefilter("ignore")
            try:
                with following(record, SECONDS, sizes, {name: one.shape for name, one in subject.parameters.items()}):
                    subject.plain(parameters, WatchingGenerator(subject.seed))
                return None
            except (Exception, Abandoned) as again:
                if type(again) is not type(raised) or _where(again) != _where(raised):
                    return None
                found = _scene(again, record)
    finally:
        CURRENT.reset(token)
    return found and _Seen(found, in_scope(found), subject.parameters, record.lines)


def _from_traceback(subject: Subject, raised: BaseException) -> _Seen | None:
    """What the plain run's own frames tell without another run."""
    found = _scene(raised, Record())
    return found and _Seen(found, in_scope(found), subject.parameters)


def _where(error: BaseException) -> tuple[str, int]:
    found = raising(error)
    return ("", 0) if found is None else (found.tb_frame.f_code.co_filename, found.tb_lineno)


def _scene(error: BaseException, record: Record) -> Scene | None:
    """The scene of the exception, or else of the one that it was raised from."""
    for one in _chain(error):
        traceback = raising(one)
        if traceback is not None and (found := scene_of(one, traceback, record)):
            return found
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those that it was raised from."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__


def _told(seen: _Seen, again: _Seen | None, names: Names) -> Explanation | None:
    """The explanation of a run; `again` is one at other sizes."""
    scene, expression = seen.scene, seen.scene.expression

    def named(text: str, shape: tuple[int, ...]) -> tuple[str, ...]:
        """The axes of an array in scope."""
        for name, declared in names.shapes.items():
            if name in seen.parameters and same_name(name_in(text), name):
                if seen.parameters[name].shape == shape:
                    return declared.axes
        there = again is not None and again.scope.get(text)
        return names.of_shape(shape, *([there.shape] if isinstance(there, np.ndarray) else []))

    def axes_of(k: int, operand: Operand) -> tuple[str, ...]:
        base = operand.text.removesuffix(".T")
        if base in seen.scope and seen.scope[base].ndim == len(operand.shape):
            axes = named(base, seen.scope[base].shape)
            return axes if operand.text == base else axes[::-1]
        return names.of_shape(operand.shape, *([again.scene.operands[k].shape] if again else []))

    axes = tuple(axes_of(k, operand) for k, operand in enumerate(scene.operands))
    said = clash(scene, axes)
    if not said:
        return None
    nowhere = scene.operation == "__setitem__" and isinstance(scene.error, IndexError)  # there is no such slot
    goal = None if nowhere else _goal(wanted(scene, seen.parameters, seen.scope), names, named, seen)
    operands = tuple(
        Told(
            operand.text,
            None if operand.array is None else operand.shape,
            one,
            *departures.of_operand(operand, named, names, expression.line),
        )
        for operand, one in zip(scene.operands, axes)
    )
    expected = {one.text: one.expected for one in operands if one.expected is not None}
    expected |= {text.removesuffix(".T"): one[::-1] for text, one in expected.items() if text.endswith(".T")}
    found, advice = proposal(scene, axes, expected, seen.scope, seen.parameters, names, named, goal)
    left = None
    if not any(one.departure is not None for one in scene.operands):

        def propose(before: Mapping[str, tuple[str, ...]]) -> tuple[list, list[str]]:
            turned = {f"{text}.T": one[::-1] for text, one in before.items()} | before
            there = tuple(turned.get(operand.text, one) for operand, one in zip(scene.operands, axes))
            return proposal(scene, there, before, seen.scope, seen.parameters, names, named, goal)

        def is_gradient(text: str) -> bool:
            return is_delta(text, lambda base: any(same_name(base, name_in(one)) for one in seen.scope))

        target = "" if goal is None else goal.wanted.target
        left = left_at(scene, again and again.scene, seen.scope, found, target, names, propose, is_gradient)
    if left is not None:
        since, later, before, (found, advice) = left
        (text,) = since.about
        note = {text: before, f"{text}.T": before[::-1]}
        operands = tuple(
            replace(one, expected=note[one.text], left=f"left it at line {since.line}") if one.text in note else one
            for one in operands
        )
        if found:
            advice = [*advice, f"there with the {text} of line {since.since}, {in_brackets(before)}"]
    odd = [one for one in scene.operands if one.departure is not None]
    first = min(odd, key=lambda one: one.departure.order, default=None)
    departed: list[str] = []
    if first is not None and (first.departure.filename, first.departure.line) != (scene.filename, expression.line):
        twin = again and again.scene.operands[scene.operands.index(first)].departure
        departed = departures.in_words(first.departure, twin, named, names)
    if left is not None:
        departed = departures.in_words(since, later, named, names)
    departed = departed or joined_along_another(scene, names)
    if all(one.text == operand.text for one in found for operand in scene.operands[1:]):  # no other product is meant
        departed = departed or departures.made_of_sizes(scene.operands, expression.line)
    open_axes = dict.fromkeys(
        (axis, size) for one in operands for axis, size in zip(one.axes, one.shape or ()) if " or " in axis
    )
    advice = [*advice, *(f"{size} may be {axis}: these have one size here" for axis, size in open_axes)]
    return Explanation(
        place_of(scene.filename, expression.line, scene.function),
        expression.line,
        tuple(marked(expression)),
        _failing(scene),
        operands,
        tuple(said),
        "" if goal is None else _in_words(goal),
        tuple((one.text, one.axes) for one in found),
        tuple(advice),
        tuple(departed),
        tuple(choices(scene, found, goal, seen.scope)),
    )


def _failing(scene: Scene) -> str:
    if scene.operation == "unpack":  # what raises is no expression but the assignment
        return scene.expression.text(scene.expression.statement)
    return "" if scene.expression.node is None else scene.expression.text(scene.expression.node)


def _goal(found: Wanted | None, names: Names, named: departures.Named, seen: _Seen) -> Goal | None:
    """What is wanted, its axes named as declared where it is a parameter's gradient."""
    if found is None:
        return None
    if found.parameter in names.shapes:
        declared = names.declared(found.parameter)
        return Goal(found, declared[len(declared) - len(found.shape) :])
    of = seen.scope.get(found.of)
    shape = found.shape if of is None else of.shape
    axes = named(found.of, shape)
    return Goal(found, axes[len(shape) - len(found.shape) :])


def _in_words(goal: Goal) -> str:
    target, of = goal.wanted.target, goal.wanted.of
    if of == target:
        return f"{target} {in_brackets(goal.axes)}, the shape that it has"
    return f"{target} {in_brackets(goal.axes)}, the shape of {of}"
