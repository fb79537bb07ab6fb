"""How large the right gradient is at each time step: where it vanishes, and where it explodes.

One lifted run at the longest of the sequences that were checked. Autograd gives dL/dh_t of every state, which is a
value that the next step reads, and what each step contributes to the gradient of each parameter. That is a property of
the forward pass and of its weights: a wrong backward pass does not change it.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from oracle.annotation.truths import Following, Made, parts_of_products
from oracle.autograd import judging
from oracle.child import Checked
from oracle.data import from_data, to_data
from oracle.gradient_check import FunctionReport, functions_in, subject_at
from oracle.gradient_function import GradientFunction
from oracle.isolation import MEMORY, SECONDS, isolated
from oracle.lifting import NotLifted, lifting
from oracle.oracles import AUTOGRAD, Mistrusted, lifted_loss
from oracle.returned import NotChecked, called
from oracle.sizes import points
from oracle.subject import Subject

Place = tuple[str, int, int, str, int]
MOVING = frozenset(
    ("reshape", "view", "cat", "stack", "__getitem__", "__get__", "contiguous", "as_strided", "clone", "permute")
)
"""Operations that compute nothing: what they make is no state of its own."""


@dataclass(frozen=True)
class Series:
    """The Frobenius norms of one gradient at the steps, in the order of the forward pass.

    parameter   of whose gradient they are the contributions; empty where it is dL/dh_t of a state
    filename, line, source   of the operation that used the parameter, or made the state
    norms       one for each step; 0 where the loss does not depend on it
    """

    parameter: str
    filename: str
    line: int
    source: str
    norms: tuple[float, ...]


@dataclass(frozen=True)
class Norms:
    """The norms of a function by time step.

    sizes    of the case they were measured at
    series   the states first; empty where nothing happens step by step
    reason   why there are none, in words; else empty
    """

    sizes: Mapping[str, int]
    series: tuple[Series, ...] = ()
    reason: str = ""


def norms_isolated(checked: Checked, *, seconds: float = SECONDS, memory: int | None = MEMORY) -> Norms:
    """The norms of a function that was checked, measured in a child process: whatever it does, the verdict stays."""
    if checked.report is None or checked.report.worst.not_checked:
        return Norms({}, reason="it could not be checked")

    def task() -> object:
        try:
            functions = called(lambda: functions_in(str(checked.path)), checked.path.name)
            if checked.name not in functions:
                return {"reason": f"{checked.path.name} no longer has a function {checked.name}"}
            return {"norms": to_data(norms(functions[checked.name], checked.report))}
        except (NotLifted, Mistrusted, NotChecked) as reason:
            return {"reason": f"autograd could not follow it: {reason}"}

    outcome = isolated(task, seconds=seconds, memory=memory)
    if outcome.failure:
        return Norms({}, reason=outcome.failure)
    if "reason" in outcome.value:
        return Norms({}, reason=outcome.value["reason"])
    try:
        found = from_data(outcome.value["norms"])
    except (ValueError, TypeError) as error:
        return Norms({}, reason=f"something else came back: {error}")
    return found if isinstance(found, Norms) else Norms({}, reason=f"something else came back: {found!r:.80}")


def norms(function: GradientFunction, report: FunctionReport) -> Norms:
    """The norms at the longest of the cases that were checked.

    Raises NotLifted, Mistrusted or NotChecked where autograd cannot follow the function.
    """
    findings = [(place, one) for place, one in enumerate(report.findings) if not one.not_checked]
    place, finding = max(findings, key=lambda one: one[1].sizes.get("time", 0))
    if finding.oracle != AUTOGRAD:
        return Norms(finding.sizes, reason=f"that takes autograd of its own forward pass, not {finding.oracle}")
    every = points(function.shapes)
    point = every[min(place, len(every) - 1)].with_sizes(**finding.sizes)
    subject, _ = subject_at(function, point)
    found = tuple(_series(subject, finding.sizes.get("time")))
    return Norms(finding.sizes, found, "" if found else "nothing in it happens step by step")


def _series(subject: Subject, time: int | None) -> Iterator[Series]:
    """time   the number of steps; None where the function does not ask for it"""
    with judging(), lifting(subject.parameters) as lifted:
        following = Following(lifted)
        with following:
            loss = lifted_loss(subject, lifted)
        made = [*following.nodes, *following.edges]
        tensors = [one.tensor for one in made]
        found = torch.autograd.grad(loss, tensors, allow_unused=True) if loss.requires_grad else [None] * len(tensors)
    adjoints = {id(one.tensor): adjoint for one, adjoint in zip(made, found) if adjoint is not None}

    def norm(*same: Made) -> float:
        """Of what one operation gives: it may use a parameter several times, w * w."""
        found = [adjoints[id(one.tensor)] for one in same if id(one.tensor) in adjoints]
        return float(torch.linalg.vector_norm(sum(found).double())) if found else 0.0

    def is_steps(count: int) -> bool:
        return count > 1 and time in (None, count)

    counted = {_place(one) for one in made if id(one.tensor) in adjoints}  # a backward pass computes as well
    nodes, edges = ([one for one in some if _place(one) in counted] for some in (following.nodes, following.edges))
    for place, states in _states(nodes, edges).items():
        if is_steps(len(states)) and any(map(norm, states)):
            yield _made("", place, [norm(one) for one in states])
    uses: dict[tuple[str, Place], dict[int, list[Made]]] = {}
    for one in following.edges:
        if one.parameter:
            uses.setdefault((one.parameter, _place(one)), {}).setdefault(one.place.order, []).append(one)
    for (parameter, place), orders in uses.items():
        parts = [norm(*same) for same in orders.values()]
        if len(parts) == 1:  # one product for all steps
            parts = _parts(following, parameter, place, adjoints, time)
        if is_steps(len(parts)) and any(parts):
            yield _made(parameter, place, parts)


def _states(made: list[Made], uses: list[Made]) -> Mapping[Place, list[Made]]:
    """The values that are carried from step to step: what an operation of the next step reads.

    That operation had run before any of them was made, with the first state. Where it only joins or reshapes, that run
    is not seen, for it depends on no parameter: then it reads all of them but the last.
    """
    nodes = {place: same for place, same in _by_place(made).items() if place[3] not in MOVING}
    readers = _by_place([one for one in uses if not one.parameter and one.tensor.ndim])
    origins: dict[tuple, tuple[Place, int]] = {}  # of equal values the one that was made first: the others are copies
    for place, same in nodes.items():
        for step, one in enumerate(same):
            origins.setdefault(_value(one), (place, step))
    carried: set[Place] = set()
    for same in readers.values():
        read: dict[Place, set[int]] = {}
        for one in same:
            if (origin := origins.get(_value(one))) is not None:
                read.setdefault(origin[0], set()).add(origin[1])
        for place, steps in read.items():
            before = same[0].place.order < nodes[place][0].place.order
            if before or steps == set(range(len(nodes[place]) - 1)):
                carried.add(place)
    return {place: same for place, same in nodes.items() if place in carried}


def _value(one: Made) -> tuple:
    value = one.tensor.detach().numpy()
    return value.shape, value.tobytes()


def _by_place(made: list[Made]) -> dict[Place, list[Made]]:
    found: dict[Place, list[Made]] = {}
    for one in made:
        found.setdefault(_place(one), []).append(one)
    return found


def _place(one: Made) -> Place:
    at = one.place
    return at.filename, at.line, at.instruction, at.operation, at.caller


def _parts(
    following: Following, parameter: str, place: Place, adjoints: Mapping[int, torch.Tensor], time: int | None
) -> list[float]:
    """The norms of what the steps of one product contribute; the axis of time is the one of that size."""
    mine = [one for one in following.products if one[1].parameter == parameter and _place(one[1])[:3] == place[:3]]
    axes: dict[int, list[float]] = {}
    for part in parts_of_products(mine, adjoints, zeros=True):
        axes.setdefault(part.index[0], []).append(float(np.linalg.norm(part.adjoint)))
    return next((parts for parts in axes.values() if time is None or len(parts) == time), [])


def _made(parameter: str, place: Place, found: list[float]) -> Series:
    filename, line = place[:2]
    return Series(parameter, filename, line, linecache.getline(filename, line).strip(), tuple(found))


def described(one: Series) -> str:
    """'R in line 14 of rnn.py' or 'the state of line 15 of rnn.py'."""
    where = f"line {one.line} of {Path(one.filename).name}"
    return f"{one.parameter} in {where}" if one.parameter else f"the state of {where}"
