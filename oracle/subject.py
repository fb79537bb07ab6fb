"""What is examined: a gradient function at one set of arrays, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from oracle.deviations import Deviation, Truncation
from oracle.lifting import Lifted
from oracle.returned import RecordingGenerator, Returned, called, read, same_random_numbers, total_loss
from oracle.sizes import Parameters

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Subject:
    """What is examined: one gradient function at one set of arrays.

    parameters   the arrays it is called with
    plain        calls it in NumPy: from (parameters, generator) to what it returns
    lifted       calls it in a lifted run, likewise
    reference    from (torch leaves, generator) to a loss in torch, or None
    deviations   what it does to the gradient on purpose
    sizes        by which factors are named
    seed         of the generator
    explain      why the plain run raised, in words; empty where the shapes of arrays are not the reason
    """

    name: str
    parameters: Arrays
    plain: Callable[[Parameters, np.random.Generator], object]
    lifted: Callable[[Lifted], object]
    reference: Callable[[Parameters, np.random.Generator], torch.Tensor] | None = None
    deviations: tuple[Deviation, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    explain: Callable[[Exception], str] | None = None

    @property
    def window(self) -> int | None:
        """Over how many steps truncated BPTT reaches, if that is declared: then the loss comes step by step."""
        return next((one.window for one in self.deviations if isinstance(one, Truncation)), None)


def call(subject: Subject, arrays: Arrays) -> tuple[Returned, RecordingGenerator, Parameters]:
    """One plain call with arrays of its own; also the generator and the arrays it was given, to see what it did."""
    rng, parameters = RecordingGenerator(subject.seed), Parameters(arrays).copy()
    result = called(lambda: subject.plain(parameters, rng), subject.name, show_warnings=True)
    return read(result, parameters, subject.name, subject.window is not None), rng, parameters


def run(subject: Subject, arrays: Arrays) -> object:
    """One plain call, with the same random numbers every time, and what it returns as it is."""
    with same_random_numbers():
        return subject.plain(Parameters(arrays).copy(), RecordingGenerator(subject.seed))


def plain_loss(subject: Subject) -> Callable[[Arrays], float]:
    """The plain loss as a function of the arrays."""

    def loss(arrays: Arrays) -> float:
        result = called(lambda: run(subject, arrays), subject.name)
        return total_loss(result[0], subject.window is not None)[()]

    return loss
