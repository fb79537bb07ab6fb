"""The oracles, from the sharpest to the last resort, and whether one may be trusted.

Autograd of the code's own forward pass, lifted onto arrays that carry a graph; autograd of a loss in torch, where the
user gives one; the complex step on the plain loss; central differences of it.

An oracle is trusted if it has the loss of the plain run, to rounding, and if its gradient agrees with differences of
the plain loss along two directions: a path that the graph has lost changes no loss, but it changes these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from oracle.autograd import judging
from oracle.differences import (
    Derivative,
    NotAnalytic,
    along,
    central,
    coarseness,
    complex_step,
    random_direction,
)
from oracle.lifting import Leak, Lifted, NotLifted, lifting
from oracle.noise import Noise, rounding_noise
from oracle.returned import NotChecked, RecordingGenerator, Returned, called, place
from oracle.sizes import Parameters
from oracle.subject import Arrays, Subject, plain_loss
from oracle.uses import EachUse, truncated_gradients
from oracle.verdict import LIMIT, STRICT, UNIT_ROUNDOFF

AUTOGRAD = "PyTorch autograd of the code's own forward pass"
REFERENCE = "PyTorch autograd of the given reference"
COMPLEX = "the complex step on the code's own loss"
DIFFERENCES = "central differences of the code's own loss"

NARROW = 2.0**-36  # a loss that moves in larger steps than this part of it was computed in float32
DIRECTIONS = 2
SEED = 0
TRUSTED = 1e-10  # of the size of what adds up to a directional derivative


@dataclass(frozen=True)
class Oracle:
    """A gradient held to be true.

    what        which oracle it is, in words
    measure     the noise of `intended` over so many runs, for code that computes in a dtype
    truncated   the gradients of truncated BPTT, where that is declared; else None
    """

    what: str
    loss: float
    gradients: Arrays
    measure: Callable[[int, np.dtype], Noise]
    truncated: Arrays | None = None

    @property
    def intended(self) -> Arrays:
        """What the code means to compute, less the deviations that can be applied to it afterwards."""
        return self.gradients if self.truncated is None else self.truncated


class Mistrusted(Exception):
    """Why an oracle is not to be trusted."""


def find_oracle(
    subject: Subject, returned: Returned, dtype: np.dtype, notes: list[str]
) -> tuple[Oracle, tuple[np.dtype, ...]]:
    """The first oracle that can be trusted, and the precisions to judge by, the sharper first.

    The others' failings go to the notes.
    """
    if subject.reference is not None:
        return by_reference(subject, returned, dtype), (dtype,)
    try:
        oracle, lifted = by_lifting(subject)
        narrow = min(dtype, lifted.precision, key=lambda one: one.itemsize)
        left = f"; values leave the graph at {_places(lifted.leaks)}" if lifted.leaks else ""
        if lifted.unfaithful:
            raise Mistrusted(f"torch computes something else than NumPy at {_places(lifted.unfaithful)}")
        if mistrust := _mistrusted(subject, returned, oracle, narrow):
            raise Mistrusted(mistrust + left)
        if left:
            notes.append(f"autograd was trusted after two differences of the loss{left}")
        return oracle, tuple(dict.fromkeys((dtype, narrow)))
    except (NotLifted, Mistrusted) as reason:
        notes.append(f"autograd could not follow the code: {reason}")
    return by_the_loss(subject, returned, dtype, notes)


def by_the_loss(
    subject: Subject, returned: Returned, dtype: np.dtype, notes: list[str]
) -> tuple[Oracle, tuple[np.dtype, ...]]:
    """The complex step if it can be trusted, else central differences; both need the plain loss and nothing else."""
    try:
        oracle = by_complex_step(subject, returned)
        if mistrust := _mistrusted(subject, returned, oracle, dtype):
            raise NotAnalytic(mistrust)
        return oracle, (dtype,)
    except (NotAnalytic, NotChecked) as reason:
        notes.append(f"nor could the complex step: {str(reason).splitlines()[0]}")
    steps = coarseness(plain_loss(subject), subject.parameters)
    if steps > NARROW * abs(returned.loss):
        dtype = np.dtype(np.float32)
    return by_differences(subject, returned, dtype, steps), (dtype,)


def _places(leaks: Sequence[Leak]) -> str:
    """'rnn.py:12 (float), rnn.py:14 (item)': the first three."""
    places = dict.fromkeys(f"{Path(leak.filename).name}:{leak.line} ({leak.what})" for leak in leaks)
    return ", ".join(list(places)[:3])


def by_lifting(subject: Subject) -> tuple[Oracle, Lifted]:
    """Autograd of the lifted run. Raises NotLifted where it cannot be run so."""
    last: list[Lifted] = []

    def gradients(window: int | None = None) -> tuple[float, Arrays]:
        with judging(), lifting(subject.parameters) as lifted:
            last[:] = [lifted]
            uses = EachUse(lifted.leaves)
            with nullcontext() if window is None else uses:
                loss, _ = _pair(_lifted_result(subject, lifted), subject.name)
            losses = [loss] if subject.window is None else loss
            steps = [_scalar_tensor(_tensor_of(one, lifted)) for one in losses]
            total = torch.stack(steps).sum()
            found = _autograd(total, lifted.leaves) if window is None else truncated_gradients(steps, uses, window)
            return float(total.detach()), found

    loss, found = gradients()
    oracle = _with_noise(AUTOGRAD, loss, found, gradients)
    if subject.window is not None:
        _, cut = gradients(subject.window)
        noisy = _with_noise(AUTOGRAD, loss, cut, lambda: gradients(subject.window))
        oracle = replace(oracle, truncated=cut, measure=noisy.measure)
    return oracle, last[0]


def lifted_loss(subject: Subject, lifted: Lifted) -> torch.Tensor:
    """The loss of a lifted run, of all steps together. Raises NotLifted and Mistrusted where it cannot be run so."""
    loss, _ = _pair(_lifted_result(subject, lifted), subject.name)
    losses = [loss] if subject.window is None else loss
    return torch.stack([_scalar_tensor(_tensor_of(one, lifted)) for one in losses]).sum()


def _lifted_result(subject: Subject, lifted: Lifted) -> object:
    try:
        return called(lambda: subject.lifted(lifted), subject.name)
    except NotChecked as error:
        cause = error.__cause__
        if isinstance(cause, NotLifted):
            raise cause from None
        raise Mistrusted(f"lifted, it raises {type(cause).__name__}: {cause}, {place(cause)}") from cause


def _pair(result: object, name: str) -> tuple[object, object]:
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise NotLifted(name, "lifted, it returns something else than in NumPy")
    return tuple(result)


def _tensor_of(loss: object, lifted: Lifted) -> torch.Tensor:
    """The tensor of a loss; a plain number where it depends on no parameter."""
    try:
        return lifted.tensor(loss)
    except NotLifted:
        if isinstance(loss, (int, float, np.ndarray, np.number)):
            return torch.as_tensor(np.asarray(loss, np.float64))
        raise


def _scalar_tensor(loss: torch.Tensor) -> torch.Tensor:
    if loss.numel() != 1:
        raise NotLifted("the loss", f"lifted, it has shape {tuple(loss.shape)}")
    return loss.reshape(())


def by_reference(subject: Subject, returned: Returned, dtype: np.dtype) -> Oracle:
    """Autograd of the user's reference. Raises NotChecked where it is no loss, or another one than the code's."""

    def gradients() -> tuple[float, Arrays]:
        with judging():
            leaves = {
                name: torch.tensor(np.asarray(array, np.float64), requires_grad=True)
                for name, array in subject.parameters.items()
            }
            loss = called(lambda: subject.reference(Parameters(leaves), RecordingGenerator(subject.seed)), "reference")
            if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
                raise NotChecked(f"reference returned {loss!r}, but should return a loss computed from p with torch")
            loss = loss.reshape(())
            return float(loss.detach()), _autograd(loss, leaves)

    loss, found = gradients()
    oracle = _with_noise(REFERENCE, loss, found, gradients)
    if not _same_loss(returned.loss, oracle, dtype):
        raise NotChecked(f"the reference is another function: its loss is {loss!r}, that of the code {returned.loss!r}")
    return oracle


def _autograd(loss: torch.Tensor, leaves: Mapping[str, torch.Tensor]) -> Arrays:
    if not loss.requires_grad:
        return {name: np.zeros(leaf.shape) for name, leaf in leaves.items()}
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {
        name: np.zeros(leaf.shape) if gradient is None else gradient.detach().cpu().numpy().astype(np.float64)
        for (name, leaf), gradient in zip(leaves.items(), found)
    }


def _with_noise(what: str, loss: float, found: Arrays, gradients: Callable[[], tuple[float, Arrays]]) -> Oracle:
    every = {"loss": np.asarray(loss), **found}
    return Oracle(what, loss, found, lambda runs, dtype: rounding_noise(gradients, every, dtype, runs))


def _same_loss(loss: float, oracle: Oracle, dtype: np.dtype) -> bool:
    error = abs(loss - oracle.loss)
    if error <= STRICT * UNIT_ROUNDOFF[dtype] * abs(oracle.loss):
        return True
    return error <= LIMIT * oracle.measure(4, dtype).magnitudes["loss"]


def _mistrusted(subject: Subject, returned: Returned, oracle: Oracle, dtype: np.dtype) -> str:
    """Why this oracle is not to be trusted: empty if its loss and its gradient are those of the plain run."""
    if not _same_loss(returned.loss, oracle, dtype):
        return f"its loss became {oracle.loss!r} instead of {returned.loss!r}"
    rng = np.random.default_rng(SEED)
    loss = plain_loss(subject)
    for _ in range(DIRECTIONS):
        direction = random_direction(rng, subject.parameters)
        measured = along(loss, subject.parameters, direction, dtype)
        parts = [float(np.sum(oracle.gradients[name] * d)) for name, d in direction.items()]
        size = sum(float(np.sum(np.abs(oracle.gradients[name] * d))) for name, d in direction.items())
        allowed = Derivative(measured.value, measured.error + TRUSTED * size)
        if not allowed.agrees_with(sum(parts)):
            return (
                f"along a random direction the plain loss changes by {measured.value:.6g} (± {measured.error:.1g}), "
                f"by this oracle it should by {sum(parts):.6g}"
            )
    return ""


def by_complex_step(subject: Subject, returned: Returned) -> Oracle:
    """The complex step. Raises NotAnalytic where the code is not."""
    loss = plain_loss(subject)
    gradients = complex_step(loss, subject.parameters, returned.loss)

    def measure(runs: int, dtype: np.dtype) -> Noise:
        """How far the gradients move when the parameters are rounded differently."""
        unit = UNIT_ROUNDOFF[dtype]
        magnitudes = {name: 4 * unit * float(np.abs(g).max(initial=0)) for name, g in gradients.items()}
        rng = np.random.default_rng(SEED)
        for _ in range(min(runs, 3)):
            moved = {
                name: array * (1 + 4 * unit * rng.uniform(-1, 1, array.shape))
                for name, array in subject.parameters.items()
            }
            for name, g in complex_step(loss, moved, float(np.real(loss(moved)))).items():
                magnitudes[name] = max(magnitudes[name], float(np.abs(g - gradients[name]).max(initial=0)))
        return Noise({**magnitudes, "loss": unit * abs(returned.loss)})

    return Oracle(COMPLEX, returned.loss, gradients, measure)


def by_differences(subject: Subject, returned: Returned, dtype: np.dtype, steps: float) -> Oracle:
    """Central differences, with their own estimates of the error for noise."""
    gradients, errors = central(plain_loss(subject), subject.parameters, dtype, steps)
    magnitudes = {name: float(error.max(initial=0)) for name, error in errors.items()}
    return Oracle(DIFFERENCES, returned.loss, gradients, lambda runs, dtype: Noise(magnitudes))
