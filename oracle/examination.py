"""A gradient function, as it stands, from its own run to a verdict on each gradient.

1. It is called twice in plain NumPy, and what it gave back is held against what it should be (`oracle.returned`).
2. The oracle: autograd of its own forward pass, lifted onto torch tensors; a loss in torch where the user gives one;
   else derivatives of its own loss, by complex step or by central differences (`oracle.differences`).
3. Whether that oracle may be trusted: the lifted run must reproduce the loss to rounding noise, and its gradient the
   derivatives of the plain loss along two directions. If not, the next oracle takes its place, and the report says so.
4. The verdict, by the same rules as for the built-in networks (`oracle.verdict`).
5. A "wrong" is confirmed by the loss itself, along the direction in which the two gradients differ. If it sides with
   the code, that is this tool's mistake, and is reported as such.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from oracle import forward as forward_pass
from oracle.autograd import judging
from oracle.deviations import Deviation, applied, clipped_norm, recognised
from oracle.differences import Derivative, NotAnalytic, along, central, complex_step, witness
from oracle.finding import Finding
from oracle.lifting import Leak, Lifted, NotLifted, lifting
from oracle.noise import Noise, rounding_noise
from oracle.returned import (
    NotChecked,
    RecordingGenerator,
    Returned,
    called,
    first_not_finite,
    place,
    read,
    scalar_loss,
)
from oracle.sizes import Parameters
from oracle.verdict import LIMIT, STRICT, UNIT_ROUNDOFF, WRONG, Verdict, judge

Arrays = dict[str, np.ndarray]

AUTOGRAD = "PyTorch autograd of the code's own forward pass"
REFERENCE = "PyTorch autograd of the given reference"
COMPLEX = "the complex step on the code's own loss"
DIFFERENCES = "central differences of the code's own loss"

DIRECTIONS = 2
SEED = 0
TRUSTED = 1e-6  # of the size of what adds up to a directional derivative


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
    """

    name: str
    parameters: Arrays
    plain: Callable[[Parameters, np.random.Generator], object]
    lifted: Callable[[Lifted], object]
    reference: Callable[[Parameters, np.random.Generator], torch.Tensor] | None = None
    deviations: tuple[Deviation, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Oracle:
    """A gradient held to be true.

    what        which oracle it is, in words
    sharpness   the smallest relative error it can notice, by name
    measure     its noise
    """

    what: str
    loss: float
    gradients: Arrays
    measure: Callable[[int], Noise]


class _Mistrusted(Exception):
    """Why an oracle is not to be trusted."""


def examine(subject: Subject) -> Finding:
    """Everything above, for one set of arrays; what keeps it from a verdict stands in the finding."""
    try:
        return _examine(subject)
    except NotChecked as reason:
        return Finding(subject.sizes, not_checked=str(reason))


def verdicts_of(subject: Subject) -> list[Verdict]:
    """The verdicts by autograd alone, without asking the loss: for the search for the smallest sizes.

    Raises NotChecked where there is no verdict.
    """
    returned, _, _ = _call(subject, subject.parameters)
    dtype = _dtype(subject, returned)
    try:
        if subject.reference is not None:
            oracle = _by_reference(subject, returned, dtype)
        else:
            oracle, lifted = _by_lifting(subject, dtype)
            dtype = min(dtype, lifted.precision, key=lambda one: one.itemsize)
    except (NotLifted, _Mistrusted):
        oracle = _by_differences(subject, returned, dtype)
    truth = applied(subject.deviations, oracle.gradients, subject.parameters)
    given = {name: np.asarray(gradient, dtype) for name, gradient in returned.gradients.items()}
    return _judged(given, truth, dtype, oracle.measure, returned.rounding)


def _examine(subject: Subject) -> Finding:
    returned, complaints, forward = _called_twice(subject)
    dtype = _dtype(subject, returned)
    notes: list[str] = []
    oracle, precision = _oracle(subject, returned, dtype, notes)
    truth = applied(subject.deviations, oracle.gradients, subject.parameters)
    given = {name: np.asarray(gradient, precision) for name, gradient in returned.gradients.items()}
    verdicts = _judged(given, truth, precision, oracle.measure, returned.rounding)
    finding = Finding(
        subject.sizes,
        tuple(verdicts),
        returned.loss,
        oracle.what,
        str(precision),
        forward=tuple(forward),
        complaints=tuple(complaints),
        notes=(*notes, *(f"judged after what is declared: {deviation}" for deviation in subject.deviations)),
    )
    if not finding.wrong:
        return finding
    return _confirmed(_explained(finding, subject, given, truth), subject, given, truth, oracle, precision)


def _called_twice(subject: Subject) -> tuple[Returned, list[str], list[str]]:
    """What the first call gave back, what is amiss (state that is kept, arrays that are written to), and where its
    forward pass is not what it is meant to be."""
    token = forward_pass.FOUND.set([])
    try:
        first, rng, parameters = _call(subject, subject.parameters)
        forward = forward_pass.FOUND.get()
    finally:
        forward_pass.FOUND.reset(token)
    complaints = list(first.shared)
    recovered = set(first.rounding)
    changed = [
        name
        for name, array in subject.parameters.items()
        if name not in recovered and not np.array_equal(array, parameters[name])
    ]
    if changed:
        complaints.append(f"it writes to the parameters it is given: {', '.join(changed)}")
    if written := rng.changed():
        complaints.append(f"it writes to the inputs it is given: what {', '.join(written)} drew")
    if not np.isfinite(first.loss):
        where = first_not_finite(lambda: _run(subject, subject.parameters))
        raise NotChecked(f"the loss is {first.loss}{where}")
    again, _, _ = _call(subject, subject.parameters)
    if again.loss != first.loss and not (np.isclose(again.loss, first.loss, rtol=1e-14, atol=0)):
        complaints.append(
            f"called twice with the same arrays it gives two losses, {first.loss!r} and {again.loss!r}: "
            "something is kept from one call to the next, or it draws random numbers of its own"
        )
    kept = [
        name
        for name, gradient in first.gradients.items()
        if name not in again.gradients or not _same(gradient, again.gradients[name])
    ]
    if kept:
        complaints.append(
            f"called twice with the same arrays it gives two gradients of {', '.join(kept)}: are they set to zero "
            "before they are added to?"
        )
    return first, complaints, forward


def _same(first: np.ndarray, second: np.ndarray) -> bool:
    if first.shape != second.shape:
        return False
    scale = np.abs(first).max(initial=0)
    return bool(np.allclose(first, second, rtol=0, atol=1e-14 * scale, equal_nan=True))


def _call(subject: Subject, arrays: Arrays) -> tuple[Returned, RecordingGenerator, Parameters]:
    """One plain call with arrays of its own; also the generator and the arrays it was given, to see what it did."""
    rng, parameters = (
        RecordingGenerator(subject.seed),
        Parameters({name: array.copy() for name, array in arrays.items()}),
    )
    result = called(lambda: subject.plain(parameters, rng), subject.name)
    return read(result, parameters, subject.name), rng, parameters


def _run(subject: Subject, arrays: Arrays) -> object:
    return subject.plain(
        Parameters({name: array.copy() for name, array in arrays.items()}), RecordingGenerator(subject.seed)
    )


def _loss(subject: Subject) -> Callable[[Arrays], float]:
    """The plain loss as a function of the arrays."""

    def loss(arrays: Arrays) -> float:
        result = called(lambda: _run(subject, arrays), subject.name)
        return scalar_loss(result[0])[()]

    return loss


def _dtype(subject: Subject, returned: Returned) -> np.dtype:
    """float32 where the code is given float32 or gives it back."""
    arrays = [*subject.parameters.values(), *returned.gradients.values()]
    narrow = any(array.dtype.kind == "f" and array.dtype.itemsize <= 4 for array in arrays)
    return np.dtype(np.float32 if narrow else np.float64)


def _oracle(subject: Subject, returned: Returned, dtype: np.dtype, notes: list[str]) -> tuple[Oracle, np.dtype]:
    """The first oracle that can be trusted, and the precision to judge by; the others' failings go to the notes."""
    if subject.reference is not None:
        return _by_reference(subject, returned, dtype), dtype
    leaks: Sequence[Leak] = ()
    try:
        oracle, lifted = _by_lifting(subject, dtype)
        leaks = lifted.leaks
        if lifted.precision.itemsize < dtype.itemsize:
            dtype = lifted.precision
            notes.append("the code computes in float32 in places, and is judged by the rounding of float32")
        if lifted.unfaithful:
            raise _Mistrusted(f"torch computes something else than NumPy at {_places(lifted.unfaithful)}")
        if mistrust := _mistrusted(subject, returned, oracle, dtype):
            left = f"; values leave the graph at {_places(leaks)}" if leaks else ""
            raise _Mistrusted(mistrust + left)
        return oracle, dtype
    except (NotLifted, _Mistrusted) as reason:
        notes.append(f"autograd could not follow the code: {reason}")
    try:
        oracle = _by_complex_step(subject, returned, dtype)
        if mistrust := _mistrusted(subject, returned, oracle, dtype):
            raise NotAnalytic(mistrust)
        return oracle, dtype
    except (NotAnalytic, NotChecked) as reason:
        notes.append(f"nor could the complex step: {str(reason).splitlines()[0]}")
    return _by_differences(subject, returned, dtype), dtype


def _places(leaks: Sequence[Leak]) -> str:
    """'rnn.py:12 (float), rnn.py:14 (item)': the first three."""
    places = dict.fromkeys(f"{Path(leak.filename).name}:{leak.line} ({leak.what})" for leak in leaks)
    return ", ".join(list(places)[:3])


def _by_lifting(subject: Subject, dtype: np.dtype) -> tuple[Oracle, Lifted]:
    """Autograd of the lifted run. Raises NotLifted where it cannot be run so."""
    last: list[Lifted] = []

    def gradients() -> tuple[float, Arrays]:
        with judging(), lifting(subject.parameters) as lifted, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the plain run has given them
            last[:] = [lifted]
            try:
                result = called(lambda: subject.lifted(lifted), subject.name)
            except NotChecked as error:
                cause = error.__cause__
                if isinstance(cause, NotLifted):
                    raise cause from None
                raise _Mistrusted(f"lifted, it raises {type(cause).__name__}: {cause}, {place(cause)}") from cause
            loss = _scalar_tensor(lifted.tensor(_pair(result, subject.name)[0]))
            return float(loss.detach()), _autograd(loss, lifted.leaves)

    loss, found = gradients()
    return _with_noise(AUTOGRAD, loss, found, gradients, dtype, last), last[0]


def _pair(result: object, name: str) -> tuple[object, object]:
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise NotLifted(name, "lifted, it returns something else than in NumPy")
    return tuple(result)


def _scalar_tensor(loss: torch.Tensor) -> torch.Tensor:
    if loss.numel() != 1:
        raise NotLifted("the loss", f"lifted, it has shape {tuple(loss.shape)}")
    return loss.reshape(())


def _by_reference(subject: Subject, returned: Returned, dtype: np.dtype) -> Oracle:
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
    oracle = _with_noise(REFERENCE, loss, found, gradients, dtype, [])
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


def _with_noise(
    what: str,
    loss: float,
    found: Arrays,
    gradients: Callable[[], tuple[float, Arrays]],
    dtype: np.dtype,
    last: list[Lifted],
) -> Oracle:
    every = {"loss": np.asarray(loss), **found}

    def measure(runs: int) -> Noise:
        narrowest = min([dtype, *(lifted.precision for lifted in last)], key=lambda one: one.itemsize)
        return rounding_noise(gradients, every, narrowest, runs)

    return Oracle(what, loss, found, measure)


def _same_loss(loss: float, oracle: Oracle, dtype: np.dtype) -> bool:
    error = abs(loss - oracle.loss)
    if error <= STRICT * UNIT_ROUNDOFF[dtype] * abs(oracle.loss):
        return True
    return error <= LIMIT * oracle.measure(4).magnitudes["loss"]


def _mistrusted(subject: Subject, returned: Returned, oracle: Oracle, dtype: np.dtype) -> str:
    """Why this oracle is not to be trusted: empty if its loss and its gradient are those of the plain run."""
    if not _same_loss(returned.loss, oracle, dtype):
        return f"its loss became {oracle.loss!r} instead of {returned.loss!r}"
    rng = np.random.default_rng(SEED)
    loss = _loss(subject)
    for _ in range(DIRECTIONS):
        direction = {
            name: rng.choice([-1.0, 1.0], size=array.shape) * (float(np.abs(array).max(initial=0)) or 1.0)
            for name, array in subject.parameters.items()
        }
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


def _by_complex_step(subject: Subject, returned: Returned, dtype: np.dtype) -> Oracle:
    loss = _loss(subject)
    gradients = complex_step(loss, subject.parameters, returned.loss)

    def measure(runs: int) -> Noise:
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


def _by_differences(subject: Subject, returned: Returned, dtype: np.dtype) -> Oracle:
    gradients, errors = central(_loss(subject), subject.parameters, dtype)
    magnitudes = {name: float(error.max(initial=0)) for name, error in errors.items()}
    return Oracle(DIFFERENCES, returned.loss, gradients, lambda runs: Noise(magnitudes))


def _judged(
    given: Arrays,
    truth: Arrays,
    precision: np.dtype,
    measure: Callable[[int], Noise],
    rounding: Mapping[str, float],
) -> list[Verdict]:
    """The verdicts; a gradient recovered from an update carries the rounding of the weights it was taken from."""

    def with_rounding(runs: int) -> Noise:
        magnitudes = measure(runs).magnitudes
        return Noise({name: magnitude + rounding.get(name, 0.0) for name, magnitude in magnitudes.items()})

    return judge(given, truth, precision, with_rounding)


def _explained(finding: Finding, subject: Subject, given: Arrays, truth: Arrays) -> Finding:
    """The same, with the known deviations among the wrong gradients named."""
    tolerance = {v.name: float(v.tolerance.max()) for v in finding.verdicts if v.comparable and v.outcome == WRONG}
    wrong = {name: np.asarray(given[name], np.float64) for name in tolerance}
    known = recognised(wrong, truth, subject.parameters, tolerance, subject.sizes)
    if len(wrong) == len(truth) and (norm := clipped_norm(wrong, truth, max(tolerance.values()))):
        known = {name: f"{words}: as all are, to a joint norm of {norm:.3g}" for name, words in known.items()}
    shapes = []
    for verdict in finding.verdicts:
        if verdict.outcome == WRONG and not verdict.comparable and verdict.name in given:
            values = given[verdict.name]
            if not np.all(np.isfinite(values)) and (
                where := first_not_finite(lambda: _run(subject, subject.parameters))
            ):
                shapes.append(f"the gradient of {verdict.name} is not finite{where}")
            if values.size == truth[verdict.name].size and values.shape != truth[verdict.name].shape:
                reshaped = values.reshape(truth[verdict.name].shape)
                if np.allclose(reshaped, truth[verdict.name], rtol=1e-9, atol=1e-12):
                    shapes.append(f"the numbers in the gradient of {verdict.name} are right, its shape is not")
    return replace(finding, recognised=known, notes=(*finding.notes, *shapes))


def _confirmed(
    finding: Finding, subject: Subject, given: Arrays, truth: Arrays, oracle: Oracle, precision: np.dtype
) -> Finding:
    """The same, once the loss itself has been asked; without a verdict if it sides with the code."""
    disputed = [verdict.name for verdict in finding.verdicts if verdict.outcome == WRONG and verdict.comparable]
    if not disputed or oracle.what == DIFFERENCES:
        return finding
    # under a declared deviation the code's gradient is no derivative: its distance from what it should be still is one
    claimed = {name: oracle.gradients[name] + np.asarray(given[name], np.float64) - truth[name] for name in disputed}
    asked = witness(
        _loss(subject), subject.parameters, claimed, {name: oracle.gradients[name] for name in disputed}, precision
    )
    if asked.sides_with in ("oracle", "nobody"):
        return replace(finding, witness=asked)
    return replace(
        finding,
        verdicts=(),
        witness=asked,
        not_checked=f"this tool contradicts itself, and does not blame the code: {oracle.what} says that "
        f"{', '.join(disputed)} {'is' if len(disputed) == 1 else 'are'} wrong, but {asked}. Please report it",
    )
