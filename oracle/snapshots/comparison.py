"""What differs between a snapshot and what the code gives today, in words; and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from oracle.snapshots.code import Code
from oracle.snapshots.measured import Measured
from oracle.snapshots.snapshot import RecordedCase, RecordedGradient, Snapshot

ANOTHER_STREAM = (
    "NumPy draws other random numbers from the same seed than it did when this was recorded",
    "so nothing is said of the gradients",
)


def differences(code: Code, today: Sequence[Measured], recorded: Snapshot, update: str) -> list[str]:
    """Lines, the first of which alone tells all; none where everything agrees.

    update   the command that records anew
    """
    if lines := _declared(code.declared, recorded.declared):
        return [
            f"the snapshot of {code.name} is stale: it was recorded of something else",
            *lines,
            f"if that is meant, record it anew, which needs torch: {update}",
        ]
    if len(today) != len(recorded.cases):
        return [
            f"the snapshot of {code.name} is stale: it holds {len(recorded.cases)} cases, but there are {len(today)}",
            f"if that is meant, record it anew, which needs torch: {update}",
        ]
    found = []
    for now, then in zip(today, recorded.cases, strict=True):
        if lines := _of_the_random_numbers(code, now, then, recorded, update):
            return lines
        found += [(now, line) for line in _of_the_numbers(now, then)]
    if not found:
        return []
    lines = [found[0][1][0]]
    for now, (first, *rest) in found:
        lines += [f"at {now.case}: {first}", *(f"    {line}" for line in rest)]
    if all(abs(now.loss - then.loss) <= then.loss_tolerance for now, then in zip(today, recorded.cases)):
        lines.append("every loss is what it was: what changed is the backward pass")
    lines.append(f"recorded with {_versions(recorded.versions)}, run with numpy {np.__version__}")
    if code.source != recorded.source:
        lines.append(
            f"the snapshot may be stale: the lines of {code.name} in the adapter are not those that were recorded"
        )
    return [
        *lines,
        f"whether it is wrong, and where: {code.check}",
        f"if it is right and meant to differ, record it anew, which needs torch: {update}",
    ]


def _declared(now: Mapping[str, object], then: Mapping[str, object]) -> list[str]:
    """What was declared otherwise, a line each."""
    lines = []
    for key in dict.fromkeys([*then, *now]):
        if now.get(key) == then.get(key):
            continue
        if isinstance(now.get(key), dict) and isinstance(then.get(key), dict):
            lines += [f"    {key}: {line.strip()}" for line in _declared(now[key], then[key])]
        elif isinstance(now.get(key), list) and isinstance(then.get(key), list):
            pairs = zip(now[key], then[key])
            at = next((k for k, (one, other) in enumerate(pairs) if one != other), None)
            if at is None:
                lines.append(f"    {key}: {len(then[key])} were recorded, {len(now[key])} there are")
            elif isinstance(now[key][at], dict) and isinstance(then[key][at], dict):
                lines += [f"    {key}[{at}]: {line.strip()}" for line in _declared(now[key][at], then[key][at])]
            else:
                lines.append(f"    {key}[{at}]: {then[key][at]!r} was recorded, {now[key][at]!r} it is")
        else:
            was = repr(then[key]) if key in then else "nothing"
            lines.append(f"    {key}: {was} was recorded, {repr(now[key]) if key in now else 'nothing'} it is")
    return lines


def _of_the_random_numbers(code: Code, now: Measured, then: RecordedCase, recorded: Snapshot, update: str) -> list[str]:
    """Why the two runs were not given the same numbers; empty if they were."""
    anew = f"record it anew, which needs torch: {update}"
    if now.parameters != then.parameters or (now.calls == then.calls and now.draws != then.draws):
        what = "its parameters" if now.parameters != then.parameters else "what it draws from rng"
        return [
            f"{code.name} was given other numbers: {ANOTHER_STREAM[0]}, {ANOTHER_STREAM[1]}",
            f"    at {now.case}: {what} differ",
            f"    recorded with {_versions(recorded.versions)}, run with numpy {np.__version__}",
            anew,
        ]
    if dict(now.sizes) != dict(then.sizes):
        lines = _declared({"sizes": dict(now.sizes)}, {"sizes": dict(then.sizes)})
        return [
            f"the snapshot of {code.name} is stale: it asks for other sizes than when it was recorded",
            *lines,
            anew,
        ]
    if now.calls != then.calls:
        return [
            f"the snapshot of {code.name} is stale: it asks rng for other numbers than when it was recorded",
            f"    at {now.case}",
            anew,
        ]
    return []


def _of_the_numbers(now: Measured, then: RecordedCase) -> list[list[str]]:
    """What differs at one case: the gradients, the worst first, then the loss; each a line and what goes with it."""
    found = [_changed(name, now.gradients.get(name), one) for name, one in then.gradients.items()]
    found += [
        (0.0, [f"{name} is new: it has a gradient that was not recorded"])
        for name in now.gradients
        if name not in then.gradients
    ]
    lines = [lines for _, lines in sorted(found, key=lambda one: -one[0]) if lines]
    if not abs(now.loss - then.loss) <= then.loss_tolerance:
        lines.append(
            [
                f"the loss changed: {now.loss!r}, but was {then.loss!r} when it was verified",
                f"tolerance {then.loss_tolerance:.3g}; the forward pass computes something else, or draws random "
                "numbers from a generator of its own",
            ]
        )
    return lines


def _changed(name: str, gradient: np.ndarray | None, recorded: RecordedGradient) -> tuple[float, list[str]]:
    """By how many rounding noises it has changed, inf where there is nothing to compare, and that in words."""
    right = recorded.gradient
    if gradient is None:
        return np.inf, [f"{name} changed: there is no gradient of it any more"]
    if gradient.shape != right.shape:
        return np.inf, [f"{name} changed: shape {gradient.shape}, but was {right.shape}"]
    if gradient.dtype != right.dtype:
        return np.inf, [f"{name} changed: dtype {gradient.dtype}, but was {right.dtype}"]
    if not np.all(np.isfinite(gradient)):
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(gradient))[0])
        return np.inf, [f"{name} changed: {gradient[where]} at {list(where)}"]
    error = np.abs(gradient.astype(np.float64) - right.astype(np.float64))
    if np.all(error <= recorded.tolerance):
        return 0.0, []
    worst = tuple(int(k) for k in np.unravel_index(np.argmax(error), error.shape))
    ratio, at = float(error[worst]) / recorded.noise, list(worst)
    return ratio, [
        f"{name} changed: by {ratio:.2g} × rounding noise, worst at {at}",
        f"at {at}: {gradient[worst]:.17g}, but was {right[worst]:.17g} when it was verified",
        f"tolerance {recorded.tolerance:.3g}, from the noise measured then, {recorded.noise:.3g}",
    ]


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))


def installed(package: str) -> str:
    """The version of an installed package, "unknown" where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
