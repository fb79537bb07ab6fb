"""One candidate tried: its gradients held against the oracle's, the values on its way against the adjoints."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from oracle.annotation.matching import Matcher
from oracle.annotation.recording import PART, Site, nothing_left_over, recording
from oracle.repair.edit import Edit, applied
from oracle.returned import NotChecked, read
from oracle.rewriting import Definition, TookTooLong, exchanged, quiet, within
from oracle.subject import Subject, run

PATIENCE = 20.0  # times what the program takes as it stands
LEAST_PATIENCE = 0.05  # seconds
SAME_LOSS = 1e-12
FADING = 0.8  # what a value is worth after one more that is wrong


@dataclass(frozen=True)
class Score:
    """How right a candidate is.

    agreeing   the parameters whose gradients are right
    matched    how many of the values on its way are adjoints, those before the first mistake above all
    ratios     of each other gradient that is a multiple of what it should be, how many times that
    """

    agreeing: frozenset[str]
    matched: float
    ratios: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> tuple[int, float]:
        return len(self.agreeing), self.matched


class Trial:
    """How candidates are tried at one set of arrays, with the definitions as their trees now are.

    loss, gradients   what is right
    tolerance         how far from a gradient is still right, by name
    sites             whose values are recorded and matched
    weights           how much a match with each adjoint counts
    values            of the forward pass: computed again, they are no mistake
    """

    def __init__(
        self,
        subject: Subject,
        definitions: Sequence[Definition],
        loss: float,
        gradients: Mapping[str, np.ndarray],
        tolerance: Mapping[str, float],
        matcher: Matcher,
        sites: Sequence[Site],
        weights: Sequence[float] = (),
        values: Matcher | None = None,
    ) -> None:
        self.values = values
        self.subject, self.definitions, self.loss, self.gradients = subject, definitions, loss, gradients
        self.tolerance, self.matcher = tolerance, matcher
        # the parts of an expression together weigh about as much as the whole
        self.weight = {site.number: 0.25 if site.kind == PART else 1.0 for site in sites}
        self.returned: dict[str, tuple[float, bool]] = {}  # the number of each gradient, and whether it is right
        self.log: list[tuple[int, int, float]] = []
        self.sites = {one: [site for site in sites if site.definition is one] for one in definitions}
        self.codes = {one: recording(one, self.sites[one], self._seen) for one in definitions}
        self.weights = weights
        self.seconds = patience(subject)
        self.usual: dict[int, int] = {}  # how often each site is seen without any edits

    def _seen(self, number: int, value: object) -> object:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
            self.log.append((number, value.size, self.matcher.weights.number_of(value)))
        return value

    def baseline(self) -> Score | None:
        """The score of the program as it stands, against which candidates are held."""
        self.score()
        for number, _, value in self.log:
            if value:
                self.usual[number] = self.usual.get(number, 0) + 1
        return self.score()

    def score(self, edits: Sequence[Edit] = ()) -> Score | None:
        """None where the program raises, takes too long or computes another loss."""
        self.log.clear()
        changed = {edit.definition for edit in edits}
        codes: dict = {}
        try:
            with applied(edits):
                for one in self.definitions:
                    codes |= recording(one, self.sites[one], self._seen) if one in changed else self.codes[one]
            with within(self.seconds), nothing_left_over(), exchanged(self.definitions, codes), quiet():
                result = run(self.subject, self.subject.parameters)
                returned = read(result, self.subject.parameters, "", self.subject.window is not None)
        except (Exception, TookTooLong):
            return None
        if not abs(returned.loss - self.loss) <= SAME_LOSS * max(abs(self.loss), 1e-300):
            return None
        agreeing = frozenset(
            name
            for name, right in self.gradients.items()
            if name in returned.gradients and _same(returned.gradients[name], right, self.tolerance[name])
        )
        self.returned = {
            name: (self.matcher.weights.number_of(gradient), name in agreeing)
            for name, gradient in returned.gradients.items()
        }
        ratios = {
            name: ratio
            for name, right in self.gradients.items()
            if name not in agreeing and name in returned.gradients
            if (ratio := _ratio(returned.gradients[name], right, self.tolerance[name]))
        }
        return Score(agreeing, self._matched(), ratios)

    def shares(self, matcher: Matcher | None = None) -> dict[int, float]:
        """Of each site, by its number, the share of the values of the last run that are adjoints, or that match."""
        find = (matcher or self.matcher).find
        weights = self.weights if matcher is None else ()
        counts: dict[int, list[float]] = {}
        for number, size, value in self.log:
            if not value:
                continue
            count = counts.setdefault(number, [0, 0])
            found = find(size, value)
            if found is not None:
                count[0] += weights[found] if weights else 1
            count[1] += 1
        return {number: hit / every for number, (hit, every) in counts.items()}

    def _matched(self) -> float:
        """The adjoints among the values of the last run, each worth less for every wrong value before it.

        What is right before the first mistake stays right; what is right by chance after it shall not count for much.
        """
        found, worth = 0.0, 1.0
        times: dict[int, int] = {}
        known: set[int] = set()  # to take one adjoint for many is no progress
        for number, size, value in self.log:
            if not value:
                worth *= FADING if self.usual.get(number) else 1.0  # it became zero
                continue
            times[number] = times.get(number, 0) + 1
            if self.usual and times[number] > self.usual.get(number, 0):
                continue  # steps that are done twice are not twice as right
            match = self.matcher.find(size, value)
            if match is not None:
                if match not in known:
                    found += worth * self.weight[number] * (self.weights[match] if self.weights else 1.0)
                known.add(match)
            elif self.weight[number] == 1.0 and not (self.values and self.values.find(size, value) is not None):
                worth *= FADING
        return found


def _same(gradient: np.ndarray, right: np.ndarray, tolerance: float) -> bool:
    if gradient.shape != right.shape:
        return False
    return bool(np.abs(gradient - right).max(initial=0) <= tolerance)


def _ratio(gradient: np.ndarray, right: np.ndarray, tolerance: float) -> float:
    """How many times the right one it is; 0 where it is no multiple of it, or zero."""
    if gradient.shape != right.shape or right.size < 2:
        return 0.0
    ratio = float(np.vdot(gradient, right) / max(np.vdot(right, right), 1e-300))
    close = np.abs(gradient - ratio * right).max() <= tolerance * abs(ratio)
    return ratio if close else 0.0


def patience(subject: Subject) -> float:
    """How long a candidate may take: many times what the program takes as it stands."""
    start = time.perf_counter()
    with quiet():
        with contextlib.suppress(Exception, NotChecked):
            run(subject, subject.parameters)
    return max(LEAST_PATIENCE, PATIENCE * (time.perf_counter() - start))


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
