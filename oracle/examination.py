"""A gradient function, as it stands, from its own run to a verdict on each gradient.

1. It is called twice in plain NumPy, and what it gave back is held against what it should be (`oracle.returned`).
2. The oracle: autograd of its own forward pass, lifted onto torch tensors; a loss in torch where the user gives one;
   else derivatives of its own loss, by complex step or by central differences (`oracle.differences`).
3. Whether that oracle may be trusted: the lifted run must reproduce the loss to rounding noise, and its gradient the
   derivatives of the plain loss along two directions. If not, the next oracle takes its place, and the report says so.
4. The verdict, by the same rules as for the built-in networks (`oracle.verdict`).
5. A "wrong" is confirmed by the loss itself, along the direction in which the two gradients differ. If it sides with
   the code against autograd, the next oracle decides; against that one too, it is reported as this tool's mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from oracle import forward as forward_pass
from oracle.deviations import applied, clipped_norm, recognised
from oracle.differences import coarseness, witness
from oracle.finding import Finding
from oracle.lifting import NotLifted
from oracle.noise import Noise
from oracle.oracles import (
    AUTOGRAD,
    DIFFERENCES,
    REFERENCE,
    Mistrusted,
    Oracle,
    by_lifting,
    by_reference,
    by_the_loss,
    find_oracle,
)
from oracle.returned import NotChecked, Returned, first_not_finite
from oracle.subject import Subject, call, plain_loss, run
from oracle.verdict import AGREES, WRONG, Verdict, judge

COARSE = 2.0**10
NOTHING, PLAIN = 2.0**-50, 1e-4  # of the largest element: errors below and above are called so without a measurement


def examine(subject: Subject) -> Finding:
    """Everything above, for one set of arrays; what keeps it from a verdict stands in the finding."""
    try:
        called = _called_twice(subject)
    except NotChecked as reason:
        raised = reason.__cause__ is not None and subject.explain is not None
        return Finding(subject.sizes, not_checked=str(reason), explanation=subject.explain(reason) if raised else "")
    try:
        return _examine(subject, *called)
    except NotChecked as reason:
        return Finding(subject.sizes, not_checked=str(reason))


def verdicts_of(subject: Subject, oracle_words: str) -> list[Verdict]:
    """The verdicts by the same kind of oracle, without asking the loss: for the search for the smallest sizes.

    The rounding noise, which takes most of the time, is measured only where an error might be that.

    Raises NotChecked where there is no verdict.
    """
    returned, _, _ = call(subject, subject.parameters)
    dtype = _dtype(subject, returned)
    precisions: tuple[np.dtype, ...] = (dtype,)
    try:
        if oracle_words == AUTOGRAD:
            oracle, lifted = by_lifting(subject)
            precisions = dtype, lifted.precision
        elif oracle_words == REFERENCE:
            oracle = by_reference(subject, returned, dtype)
        else:
            oracle, precisions = by_the_loss(subject, returned, dtype, [])
    except (NotLifted, Mistrusted) as error:
        raise NotChecked(str(error)) from error
    truth = applied(subject.deviations, oracle.intended, subject.parameters)
    if _are_plain(returned, truth):
        least = {name: max(np.spacing(float(np.abs(right).max(initial=0))), 1e-300) for name, right in truth.items()}
        oracle = replace(oracle, measure=lambda runs, precision: Noise(least))
    return _judged(subject, returned, oracle, precisions)[0]


def _are_plain(returned: Returned, truth: Mapping[str, np.ndarray]) -> bool:
    """Whether no error is so small that it may be rounding, and not nothing either."""
    for name, right in truth.items():
        gradient, scale = returned.gradients.get(name), float(np.abs(right).max(initial=0))
        if gradient is None or gradient.dtype != np.float64 or gradient.shape != right.shape:
            return False
        error = float(np.abs(gradient - right).max(initial=0))
        if not (error <= NOTHING * scale or error > PLAIN * scale):
            return False
    return True


def _examine(
    subject: Subject, returned: Returned, faults: list[str], complaints: list[str], notes: list[str]
) -> Finding:
    beside = {"faults": tuple(faults), "complaints": tuple(complaints)}
    dtype = _dtype(subject, returned)
    oracle, precisions = find_oracle(subject, returned, dtype, notes)
    finding = _found(subject, returned, oracle, precisions, notes, beside)
    if finding.not_checked and oracle.what == AUTOGRAD:
        # the loss sides with the code: so autograd has lost something, and what needs only the loss decides
        notes.append(f"autograd was not trusted: {finding.witness}")
        oracle, precisions = by_the_loss(subject, returned, dtype, notes)
        finding = _found(subject, returned, oracle, precisions, notes, beside)
    return finding


def _found(
    subject: Subject,
    returned: Returned,
    oracle: Oracle,
    precisions: tuple[np.dtype, ...],
    notes: list[str],
    beside: Mapping[str, tuple[str, ...]],
) -> Finding:
    """The finding by one oracle, confirmed by the loss where a gradient is wrong."""
    verdicts, precision = _judged(subject, returned, oracle, precisions)
    declared = [f"judged after what is declared: {deviation}" for deviation in subject.deviations]
    if precision != precisions[0]:
        declared.append("the code computes in float32 in places, and is judged by the rounding of float32")
    finding = Finding(
        subject.sizes,
        tuple(verdicts),
        returned.loss,
        oracle.what,
        str(precision),
        notes=(*notes, *declared),
        **beside,
    )
    if not finding.wrong:
        return finding
    steps = coarseness(plain_loss(subject), subject.parameters)
    if steps > COARSE * np.finfo(precision).eps * abs(returned.loss):
        raise NotChecked(
            f"the loss moves in steps of about {steps:.1g}: it is rounded on the way, by round() or an integer, say, "
            "and has no derivative there; return it as it is before it is rounded, or give a reference"
        )
    return _confirmed(_explained(finding, subject, oracle), subject, oracle, precision)


def _called_twice(subject: Subject) -> tuple[Returned, list[str], list[str], list[str]]:
    """What the first call gave back; what is wrong beside the gradients, what is amiss, and what there is to know."""
    token = forward_pass.FOUND.set([])
    try:
        first, rng, parameters = call(subject, subject.parameters)
        faults = list(forward_pass.FOUND.get())
    finally:
        forward_pass.FOUND.reset(token)
    complaints, notes = list(first.shared), []
    changed = [name for name, array in subject.parameters.items() if not np.array_equal(array, parameters[name])]
    if changed and not first.rounding:  # what is recovered from an update has been updated
        notes.append(f"it writes to the parameters it is given: {', '.join(changed)}")
    if written := rng.changed():
        complaints.append(f"arrays drawn from rng are written to: {', '.join(written)}")
    if not np.isfinite(first.loss):
        where = first_not_finite(lambda: run(subject, subject.parameters))
        raise NotChecked(f"the loss is {first.loss}{where}")
    again, _, _ = call(subject, subject.parameters)
    if not np.isclose(again.loss, first.loss, rtol=1e-14, atol=0):
        faults.append(
            f"called twice with the same arrays it gives two losses, {first.loss!r} and {again.loss!r}: "
            "something is kept from one call to the next, or it draws random numbers of its own"
        )
    kept = [
        name
        for name, gradient in first.gradients.items()
        if name not in again.gradients or not _same(gradient, again.gradients[name])
    ]
    if kept:
        faults.append(
            f"called twice with the same arrays it gives two gradients of {', '.join(kept)}: are they set to zero "
            "before they are added to?"
        )
    return first, faults, complaints, notes


def _same(first: np.ndarray, second: np.ndarray) -> bool:
    if first.shape != second.shape:
        return False
    scale = np.abs(first[np.isfinite(first)]).max(initial=0)
    return bool(np.allclose(first, second, rtol=0, atol=1e-14 * scale, equal_nan=True))


def _dtype(subject: Subject, returned: Returned) -> np.dtype:
    """float32 where the code is given float32 or gives it back."""
    arrays = [*subject.parameters.values(), *returned.gradients.values()]
    narrow = any(array.dtype.kind == "f" and array.dtype.itemsize <= 4 for array in arrays)
    return np.dtype(np.float32 if narrow else np.float64)


def _judged(
    subject: Subject, returned: Returned, oracle: Oracle, precisions: tuple[np.dtype, ...]
) -> tuple[list[Verdict], np.dtype]:
    """The verdicts by the first precision at which all agrees, else by the last, and that precision.

    A float32 buffer need not be on the way to the gradients: only where float64 says wrong does float32 get its say.
    A gradient recovered from an update carries the rounding of the weights it was taken from.
    """
    truth = applied(subject.deviations, oracle.intended, subject.parameters)
    for precision in precisions:

        def measure(runs: int, precision: np.dtype = precision) -> Noise:
            magnitudes = oracle.measure(runs, precision).magnitudes
            return Noise({name: noise + returned.rounding.get(name, 0.0) for name, noise in magnitudes.items()})

        given = {name: np.asarray(gradient, precision) for name, gradient in returned.gradients.items()}
        verdicts = judge(given, truth, precision, measure)
        if all(verdict.outcome == AGREES for verdict in verdicts):
            break
    return verdicts, precision


def _explained(finding: Finding, subject: Subject, oracle: Oracle) -> Finding:
    """The same, with the known deviations among the wrong gradients named, and what is odd in their shape or values."""
    wrong = [verdict for verdict in finding.verdicts if verdict.outcome == WRONG]
    given = {v.name: np.asarray(v.gradient, np.float64) for v in wrong if v.comparable}
    truth = {verdict.name: verdict.oracle for verdict in finding.verdicts}
    tolerance = {verdict.name: float(verdict.tolerance.max()) for verdict in wrong if verdict.comparable}
    known = recognised(given, truth, subject.parameters, tolerance, subject.sizes)
    if len(given) == len(truth) and (norm := clipped_norm(given, truth, max(tolerance.values()))):
        known = {name: f"{words}: as all are, to a joint norm of {norm:.3g}" for name, words in known.items()}
    notes = []
    if subject.deviations and all(
        np.abs(given[name] - oracle.gradients[name]).max(initial=0) <= tolerance[name] for name in given
    ):
        names = ", ".join(given)
        known = {name: "it is the gradient as it is, without what is declared" for name in given}
        notes.append(f"the gradient of {names} is right without what is declared: is that done anywhere?")
    for verdict in wrong:
        if verdict.comparable or verdict.gradient is None:
            continue
        values = verdict.gradient
        if not np.all(np.isfinite(values)):
            where = first_not_finite(lambda: run(subject, subject.parameters))
            notes.append(f"the gradient of {verdict.name} is not finite{where}")
        elif values.shape != verdict.oracle.shape and values.size == verdict.oracle.size:
            if np.allclose(values.reshape(verdict.oracle.shape), verdict.oracle, rtol=1e-9, atol=1e-12):
                notes.append(f"the numbers in the gradient of {verdict.name} are right, its shape is not")
    return replace(finding, recognised=known, notes=(*finding.notes, *notes))


def _confirmed(finding: Finding, subject: Subject, oracle: Oracle, precision: np.dtype) -> Finding:
    """The same, once the loss itself has been asked; without a verdict if it sides with the code."""
    disputed = [verdict for verdict in finding.verdicts if verdict.outcome == WRONG and verdict.comparable]
    if not disputed or oracle.what == DIFFERENCES:
        return finding
    plain = {verdict.name: oracle.gradients[verdict.name] for verdict in disputed}
    # under a declared deviation the code's gradient is no derivative: its distance from what it should be still is one
    claimed = {v.name: plain[v.name] + np.asarray(v.gradient, np.float64) - v.oracle for v in disputed}
    asked = witness(plain_loss(subject), subject.parameters, claimed, plain, precision)
    if subject.deviations:
        asked = replace(asked, by_code=np.nan)
    if asked.sides_with in ("oracle", "nobody"):
        return replace(finding, witness=asked)
    said = f"{oracle.what} says that {', '.join(plain)} {'is' if len(plain) == 1 else 'are'} wrong, but {asked}"
    if oracle.what == REFERENCE:
        said = f"the reference is no judge here: {said}; is a part of it detached?"
    else:
        said = f"this tool contradicts itself, and does not blame the code: {said}. Please report it"
    return replace(finding, verdicts=(), witness=asked, not_checked=said)
