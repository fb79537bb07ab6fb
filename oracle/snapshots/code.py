"""Code whose gradients are kept: a user's gradient function, or a built-in network. Measured with NumPy alone."""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from oracle.gradient_function import GradientFunction
from oracle.grid import Case, network, problem
from oracle.isolation import MEMORY, SECONDS, isolated
from oracle.problem import arrays_of, hand_written
from oracle.returned import NotChecked, Returned, called, read
from oracle.sizes import Parameters, Point, Sizes, asked_for, draw, points
from oracle.snapshots.measured import DigestingGenerator, Measured, NotMeasured, digest


class Code(Protocol):
    """What can be recorded and compared."""

    @property
    def name(self) -> str: ...

    @property
    def declared(self) -> dict[str, object]:
        """What is known before it runs, as JSON gives it back: where it differs a snapshot is stale."""

    @property
    def source(self) -> str:
        """A digest of its own lines."""

    @property
    def check(self) -> str:
        """The command that asks the oracle."""

    def measure(self) -> list[Measured]:
        """What it gives today, case by case. Raises NotMeasured with the reason where it gives nothing to compare."""


@dataclass(frozen=True)
class FunctionCode:
    """A declared gradient function, at the cases that every check has, seed 0.

    name   by which its file knows it
    """

    function: GradientFunction
    name: str

    @property
    def path(self) -> Path:
        return Path(self.function.filename)

    @property
    def declared(self) -> dict[str, object]:
        function = self.function
        return _plain(
            {
                "name": self.name,
                "shapes": {name: str(shape) for name, shape in function.shapes.items()},
                "dtype": function.dtype,
                "deviations": [str(deviation) for deviation in function.deviations],
                "cases": [{"sizes": dict(p.sizes), "regime": p.regime, "seed": p.seed} for p in self.points],
            }
        )

    @property
    def points(self) -> list[Point]:
        return points(self.function.shapes)

    @property
    def source(self) -> str:
        try:
            lines = inspect.getsource(inspect.unwrap(self.function.function)).splitlines()
        except (OSError, TypeError):  # a file that is no longer there
            return ""
        return hashlib.sha256("\n".join(line.rstrip() for line in lines if line.strip()).encode()).hexdigest()

    @property
    def check(self) -> str:
        return f"bptt-oracle check {self.path.name}::{self.name}"

    def measure(self) -> list[Measured]:
        """In a child process, as `bptt-oracle check` runs it."""

        def task() -> object:
            try:
                return {"cases": [asdict(self._at(point)) for point in self.points]}
            except NotChecked as reason:
                return {"reason": str(reason)}

        outcome = isolated(task, seconds=SECONDS, memory=MEMORY)
        if outcome.failure:
            raise NotMeasured(f"{self.name} {outcome.failure}{f', at {outcome.where}' if outcome.where else ''}")
        if "reason" in outcome.value:
            raise NotMeasured(outcome.value["reason"])
        return [Measured(**case) for case in outcome.value["cases"]]

    def _at(self, point: Point) -> Measured:
        arrays = {name: array.astype(self.function.dtype) for name, array in draw(self.function.shapes, point).items()}
        sizes, rng = Sizes(dict(point.sizes)), DigestingGenerator(point.seed)
        returned = self._call(arrays, sizes, rng)
        used = asked_for(sizes, self.function.shapes)
        calls, draws = rng.digests()
        return Measured(
            str(point), used, digest(arrays), calls, draws, returned.loss, returned.gradients, returned.rounding
        )

    def _call(self, arrays: dict[str, np.ndarray], sizes: Sizes, rng: np.random.Generator) -> Returned:
        given = Parameters(arrays).copy()
        result = called(lambda: self.function(given, sizes, rng), self.name, show_warnings=True)
        return read(result, given, self.name, self.function.window is not None)


@dataclass(frozen=True)
class NetworkCode:
    """A built-in network at some cases of the grid."""

    name: str
    cases: Sequence[Case]

    @property
    def declared(self) -> dict[str, object]:
        cases = [{**asdict(case), "options": asdict(network(case))} for case in self.cases]
        return _plain({"name": self.name, "cases": cases})

    @property
    def source(self) -> str:
        return ""  # it has none but what is under test

    @property
    def check(self) -> str:
        return "bptt-oracle verify"

    def measure(self) -> list[Measured]:
        return [self._at(case) for case in self.cases]

    def _at(self, case: Case) -> Measured:
        posed = problem(case)
        given = digest(arrays_of(posed))
        loss, gradients = hand_written(copy.deepcopy(posed))
        sizes = {"time": case.time, "batch": case.batch, "hidden": case.hidden}
        return Measured(str(case), sizes, given, "", "", float(loss), gradients, {})


def _plain(value: object) -> object:
    """As it comes back from a file: tuples are lists there."""
    return json.loads(json.dumps(value))
