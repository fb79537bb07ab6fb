"""A gradient function at several sizes, and the smallest sizes at which a wrong one is wrong.

The doors of the tool: `check_function` for a declared gradient function in a file, `check_gradients` and
`assert_gradients` for a live function and one given set of arrays.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from oracle.deviations import Deviation, common_factor, factor_names, spelled
from oracle.examination import examine, verdicts_of
from oracle.finding import Finding
from oracle.gradient_function import DECLARED, GradientFunction, checked_deviations
from oracle.lifting import Lifted, swapped
from oracle.load import load
from oracle.returned import NotChecked
from oracle.shapes import Shape
from oracle.sizes import HIDDEN, Parameters, Point, Sizes, asked_for, draw, points
from oracle.subject import Subject
from oracle.verdict import AGREES, WRONG, Verdict, worst_outcome
from rnn_manual.network import did_you_mean

TRIES = 60  # sizes tried before the search for smaller ones begins
SHRINK_SECONDS = 10.0
HINTS = {
    "time": ": look at what flows between steps",
    "batch": ": look for a sum or a mean over the batch, or a broadcast",
    "hidden": ": look for a transpose, or the order of two operands",
}


@dataclass(frozen=True)
class Shrunk:
    """The smallest sizes at which a gradient is wrong.

    sizes       those that matter: the ones the function asks for
    parameter   whose gradient it is: the worst of the first case
    says        what follows from it, in words
    """

    sizes: Mapping[str, int]
    parameter: str
    says: tuple[str, ...]


@dataclass(frozen=True)
class FunctionReport:
    """What was found about one gradient function.

    parameters   their names, as declared
    findings     one for each case, in the order checked
    shrunk       for a wrong one; else None
    """

    name: str
    filename: str
    line: int
    parameters: tuple[str, ...]
    findings: tuple[Finding, ...]
    shrunk: Shrunk | None = None

    @property
    def outcome(self) -> str:
        return worst_outcome(finding.outcome for finding in self.findings)

    @property
    def worst(self) -> Finding:
        """The finding to show: the first wrong one, else the first that is no agreement, else the first."""
        for outcome in (WRONG, None):
            for finding in self.findings:
                if finding.outcome == outcome or (outcome is None and finding.outcome != AGREES):
                    return finding
        return self.findings[0]


class GradientError(AssertionError):
    """What assert_gradients raises; `finding` holds everything."""

    def __init__(self, message: str, finding: Finding) -> None:
        super().__init__(message)
        self.finding = finding


def functions_in(path: str) -> dict[str, GradientFunction]:
    """The gradient functions that a file defines, by the names it gives them. What the file raises passes through.

    Raises ValueError for one that is declared and then lost, because another takes its name: it would never be checked.
    """
    token = DECLARED.set([])
    try:
        module = load(Path(path).absolute())
        declared = DECLARED.get()
    finally:
        DECLARED.reset(token)
    found: dict[str, GradientFunction] = {}
    for name, value in vars(module).items():
        if isinstance(value, GradientFunction) and value.filename == module.__file__:
            if not any(value is other for other in found.values()):
                found[name] = value.called(name)
    unwritten = [f"{one.name} ({one.filename})" for one in declared if one.filename.startswith("<")]
    if unwritten and not found:
        raise ValueError(
            f"{Path(path).name} declares gradient functions in code that is in no file, so that it cannot be run "
            f"again: {', '.join(unwritten)}"
        )
    lost = [
        one for one in declared if one.filename == module.__file__ and all(one is not f for f in vars(module).values())
    ]
    if lost:
        lines = ", ".join(f"{one.name} at line {one.line}" for one in lost)
        raise ValueError(
            f"{Path(path).name} declares gradient functions that have no name of their own in it, so that they cannot "
            f"be run: {lines}"
        )
    return found


def subject_at(function: GradientFunction, point: Point) -> tuple[Subject, Sizes]:
    """A declared function at one case; the sizes remember which of them it asked for."""
    sizes = Sizes(dict(point.sizes))
    parameters = {name: array.astype(function.dtype) for name, array in draw(function.shapes, point).items()}

    def lifted(run: Lifted) -> object:
        # the file is loaded anew, and so its functions find lifted NumPy
        again: GradientFunction = getattr(load(function.filename), function.name)
        return again(Parameters(run.parameters), sizes, run.rng(np.random.default_rng(point.seed)))

    def plain(given: Parameters, rng: np.random.Generator) -> object:
        return function(given, sizes, rng)

    reference = None
    if function.reference is not None:

        def reference(leaves: Parameters, rng: np.random.Generator) -> object:
            return function.reference(leaves, sizes, rng)

    def why(error: Exception) -> str:
        from oracle.mismatch import explain  # only what raises needs it

        other = next(one for one in points(function.shapes) if one.sizes != point.sizes)
        return str(explain(subject, error, function.shapes, sizes, lambda: subject_at(function, other)) or "")

    named = dict(point.sizes)
    subject = Subject(function.name, parameters, plain, lifted, reference, function.deviations, named, point.seed, why)
    return subject, sizes


def check_function(
    function: GradientFunction,
    sequence_lengths: Sequence[int] | None = None,
    hidden_sizes: Sequence[int] | None = None,
    seed: int = 0,
    done: Callable[[Point], None] | None = None,
) -> FunctionReport:
    """Check a declared gradient function at every case; where it is wrong find the smallest sizes that show it.

    sequence_lengths, hidden_sizes   the cases; None for ours, see `oracle.sizes`
    done                             called with each case once it is checked

    Raises ValueError for hidden sizes where no axis is called hidden.
    """
    findings, subjects, failed = [], [], None
    for point in points(function.shapes, sequence_lengths, hidden_sizes, seed):
        subject, sizes = subject_at(function, point)
        finding = examine(subject)
        finding = replace(finding, sizes=asked_for(sizes, function.shapes))
        findings.append(finding)
        subjects.append((point, subject, sizes))
        unexplained = [
            verdict.name
            for verdict in finding.verdicts
            if verdict.outcome == WRONG and verdict.name not in finding.recognised and _is_finite(verdict.gradient)
        ]
        if unexplained and failed is None:  # what is wrong on purpose, so it seems, needs no smallest case
            failed = point.with_sizes(**finding.sizes), list(finding.sizes), unexplained[0], finding.oracle
        if done:
            done(point)
        if finding.not_checked and len(findings) == 1:
            break  # what cannot be checked at one size cannot at another, and says the same again
    where = function.name, function.filename, function.line, tuple(function.shapes)
    worst = FunctionReport(*where, tuple(findings)).worst
    shown = next(place for place, finding in enumerate(findings) if finding is worst)
    point, subject, sizes = subjects[shown]
    alike = [one for (one, *_), finding in zip(subjects, findings) if finding.outcome == worst.outcome]
    other = next(one for one in (*alike, *points(function.shapes)) if one.sizes != point.sizes)
    findings[shown] = _with_alignment(worst, subject, function.shapes, sizes, lambda: subject_at(function, other))
    findings = _named_together(findings)
    shrunk = None if failed is None else _shrink(function, *failed)
    return FunctionReport(*where, tuple(findings), shrunk)


def _with_alignment(
    finding: Finding,
    subject: Subject,
    shapes: Mapping[str, Shape] = MappingProxyType({}),
    sizes: Mapping[str, int] | None = None,
    elsewhere: Callable[[], tuple[Subject, Mapping[str, int]]] | None = None,
) -> Finding:
    """The same with what lines up axes of different meaning, and where that cannot be told of what is wrong."""
    if finding.not_checked:
        return finding
    from oracle.alignment import aligned  # only what runs needs it

    found = aligned(subject, shapes, sizes, elsewhere)
    reports = [one for one in found.reports if not (one.forward and finding.outcome == AGREES)]
    finding = replace(finding, misaligned=tuple(map(str, reports)))
    if finding.outcome == WRONG and found.blind and not reports:
        said = f"which axes are lined up was not followed from {found.blind[0]} on"
        finding = replace(finding, notes=(*finding.notes, said))
    return finding


def _named_together(findings: list[Finding]) -> list[Finding]:
    """The same with each factor named so that the name holds at all sizes: 2/time and 1/batch may both be 1/2."""
    factors: dict[str, list[tuple[Finding, float]]] = {}
    for finding in findings:
        for verdict in finding.verdicts:
            if (
                verdict.outcome == WRONG
                and verdict.comparable
                and "times the right one" in finding.recognised.get(verdict.name, "")
            ):
                by = common_factor(verdict.gradient, verdict.oracle, float(verdict.tolerance.max()))
                if by is not None:
                    factors.setdefault(verdict.name, []).append((finding, by))
    renamed = {id(finding): dict(finding.recognised) for finding in findings}
    for name, cases in factors.items():
        shared = [set(factor_names(by, finding.sizes)) for finding, by in cases]
        first = factor_names(cases[0][1], cases[0][0].sizes)
        words = next((word for word in first if all(word in others for others in shared)), "")
        for finding, by in cases:
            _, _, rest = renamed[id(finding)][name].partition(" times the right one")
            renamed[id(finding)][name] = f"exactly {spelled(by, words)} times the right one{rest}"
    return [replace(finding, recognised=renamed[id(finding)]) for finding in findings]


def _is_finite(gradient: object) -> bool:
    """Whether smaller sizes may say something: not where there is no gradient, or NaN in it."""
    return isinstance(gradient, np.ndarray) and bool(np.all(np.isfinite(gradient)))


def _shrink(function: GradientFunction, point: Point, names: list[str], parameter: str, oracle: str) -> Shrunk | None:
    """The smallest sizes at which one parameter's gradient is wrong, found by hypothesis; None where it finds none."""
    import hypothesis  # a quarter of a second, and only what is wrong needs it
    from hypothesis import strategies

    largest, seen = dict(point.sizes), []
    deadline = time.monotonic() + SHRINK_SECONDS

    @functools.cache
    def verdicts_at(sizes: tuple[int, ...]) -> Mapping[str, Verdict]:
        try:
            verdicts = verdicts_of(subject_at(function, point.with_sizes(**dict(zip(names, sizes))))[0], oracle)
        except (NotChecked, ValueError):
            return {}
        return {verdict.name: verdict for verdict in verdicts}

    def wrong_at(sizes: tuple[int, ...]) -> bool:
        if time.monotonic() > deadline:
            return False
        verdicts = verdicts_at(sizes)
        if verdicts and verdicts[parameter].outcome == WRONG:
            seen.append(sizes)
            return True
        return False

    def right_at(sizes: tuple[int, ...]) -> bool:
        """Whether there is something to see at these sizes, and it is right."""
        verdicts = verdicts_at(sizes)
        return bool(verdicts) and verdicts[parameter].outcome == AGREES and bool(np.any(verdicts[parameter].oracle))

    quiet = hypothesis.settings(
        max_examples=TRIES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )
    strategy = strategies.tuples(*(strategies.integers(1, largest[name]) for name in names))
    try:
        smallest = hypothesis.find(strategy, wrong_at, settings=quiet)
    except hypothesis.errors.NoSuchExample:
        return None
    except hypothesis.errors.Flaky:  # the deadline came between a size and the same size again
        smallest = min(seen, key=lambda sizes: (sum(sizes), sizes))
    says = []
    for place, (name, size) in enumerate(zip(names, smallest)):
        smaller = (*smallest[:place], size - 1, *smallest[place + 1 :])
        if size > 1 and right_at(smaller):
            hint = HINTS.get("hidden" if name in HIDDEN else name, "")
            if name == "time" and size > 2 and not function.window:
                hint += f"; if it is meant to reach back over {size - 1} steps only, declare truncation({size - 1})"
            says.append(f"right at {name}={size - 1}, wrong at {name}={size}{hint}")
        elif name == "time" and size == 1 and largest[name] > 1:
            says.append("wrong at time=1 already: look at a single step, not at what flows between steps")
    return Shrunk(dict(zip(names, smallest)), parameter, tuple(says))


def check_gradients(
    f: Callable[[Parameters], object],
    parameters: Mapping[str, np.ndarray],
    *,
    deviation: Deviation | Sequence[Deviation] = (),
    reference: Callable | None = None,
) -> Finding:
    """Check the gradients that a live function returns for one set of arrays.

    f            from a dict of arrays to (loss, gradients by name); its own NumPy is run as it is for the verdict, and
                 on tensors, with the NumPy of its module exchanged meanwhile, for the oracle
    parameters   arrays of floats by name
    deviation    see `gradient_function`
    reference    the loss in torch, as a function of a dict of tensors, where f cannot be lifted

    Raises TypeError for what is no function, no dict of float arrays or no deviation, ValueError for NaN in the arrays
    and for a deviation of a parameter that there is not. What keeps f from a verdict does not raise: it
    stands in the finding, whose outcome is then "cannot tell".

    >>> def square(p):
    ...     return 0.5 * p["w"] @ p["w"], {"w": p["w"]}
    >>> check_gradients(square, {"w": np.array([1.0, 2.0])}).outcome
    'agrees'
    """
    if not callable(f):
        raise TypeError(f"f is {f!r}, but should be a function from a dict of arrays to (loss, gradients)")
    if isinstance(f, GradientFunction):
        raise TypeError(f"{f.name} has shapes of its own: check it with check_function, or give a function of p alone")
    arrays = _float_arrays(parameters)
    deviations = checked_deviations(deviation, arrays)
    if reference is not None and not callable(reference):
        raise TypeError(f"reference is {reference!r}, but should be a function of a dict of tensors")

    def lifted(run: Lifted) -> object:
        with swapped(f, run):
            return f(Parameters(run.parameters))

    def why(error: Exception) -> str:
        from oracle.mismatch import explain  # only what raises needs it

        return str(explain(subject, error) or "")

    subject = Subject(
        getattr(f, "__name__", type(f).__name__),
        arrays,
        lambda given, rng: f(given),
        lifted,
        None if reference is None else lambda leaves, rng: reference(leaves),
        deviations,
        explain=why,
    )
    return _with_alignment(examine(subject), subject)


def assert_gradients(
    f: Callable[[Parameters], object],
    parameters: Mapping[str, np.ndarray],
    *,
    deviation: Deviation | Sequence[Deviation] = (),
    reference: Callable | None = None,
) -> None:
    """Raise GradientError, an AssertionError, unless every gradient agrees; arguments as for `check_gradients`."""
    __tracebackhide__ = True
    finding = check_gradients(f, parameters, deviation=deviation, reference=reference)
    if finding.outcome != AGREES:
        raise GradientError(str(finding), finding)


def _float_arrays(parameters: object) -> dict[str, np.ndarray]:
    if not isinstance(parameters, Mapping) or not parameters:
        raise TypeError(f"parameters is {type(parameters).__name__}, but should be a dict of arrays by name, not empty")
    arrays = {}
    for name, value in parameters.items():
        if not isinstance(name, str):
            raise TypeError(f"parameters holds the name {name!r}, but should hold names that are strings")
        array = np.asarray(value)
        if array.dtype not in (np.float64, np.float32):
            raise TypeError(f"parameters[{name!r}] has dtype {array.dtype}, but should be float64 or float32")
        if not np.all(np.isfinite(array)):
            raise ValueError(f"parameters[{name!r}] holds NaN or inf, but should be finite")
        arrays[name] = array.view(np.ndarray)
    return arrays


def pick(functions: Mapping[str, GradientFunction], name: str, path: str) -> GradientFunction:
    """The function of that name. Raises ValueError that lists what there is."""
    if name not in functions:
        raise ValueError(no_such_function(functions, name, path))
    return functions[name]


def no_such_function(names: Collection[str], name: str, path: str) -> str:
    """What to say of a name that is none of those of a file's gradient functions."""
    known = ", ".join(names) or "none"
    return f"{path} defines no gradient function {name!r}; it defines {known}{did_you_mean(name, names)}"
