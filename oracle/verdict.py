"""The verdict on each gradient: agrees, wrong, or cannot tell.

In this order, and the first that speaks decides:

1. Shape, dtype and finiteness, each with its own message.
2. A strict bound: |gradient - oracle| <= 32 u max|oracle| everywhere, u the unit roundoff of the gradient's dtype.
   Most correct gradients pass it, and nothing need be measured.
3. The measured rounding noise (`oracle.noise`): beyond 4 times it, the gradient is wrong. How far apart two correct
   implementations ever were is in docs/false_alarms.md. More runs only find more noise, so one run suffices to agree;
   but few runs may find little by chance, so an error is called wrong only after 4 runs, up to 1e6 times what they
   found only after 16, and up to 1e3 times only after 24, in the last 8 of which equal numbers round equally.
4. Where 4 times the noise is more than a thousandth of the gradient, agreement says little and disagreement nothing:
   cannot tell, which is never a pass. Only beyond 1e6 times even such noise, of 16 runs, is a gradient wrong. The same
   where a number is beyond what the dtype, or the oracle, can hold.

An error is scaled by the whole tensor, not by the element: sums cancel, and a small element carries the rounding of the
large terms it is the difference of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from oracle.noise import INDEPENDENT_RUNS, RUNS, UNIT_ROUNDOFF, Noise

STRICT = 32
LIMIT = 4
FIRST_RUNS = 1
DOUBTFUL = 1e6
NARROW = 1e3  # n terms that round alike are off by root n times what they are when each rounds by chance
RUNS_IN_DOUBT = {4: np.inf, 16: DOUBTFUL, INDEPENDENT_RUNS + 8: NARROW}
"""After how many runs an error is called wrong, with the multiple of the noise up to which so many are needed."""

BLUNT = 2.5e-4

AGREES = "agrees"
WRONG = "wrong"
CANNOT_TELL = "cannot tell"
RANK = {AGREES: 0, CANNOT_TELL: 1, WRONG: 2}

RELATIVE_ERROR = "max |gradient - oracle| / max |oracle|"


def relative_error(gradient: np.ndarray, oracle: np.ndarray) -> float:
    """The one definition of relative error: max |gradient - oracle| / max |oracle|, over the whole tensor.

    0 where both are zero, inf where only the oracle is.
    """
    error = float(np.max(np.abs(gradient - oracle), initial=0))
    scale = float(np.max(np.abs(oracle), initial=0))
    return error / scale if scale > 0 else (0.0 if error == 0 else np.inf)


@dataclass(frozen=True)
class Verdict:
    """What is said of one gradient.

    outcome     "agrees", "wrong" or "cannot tell"
    gradient    as the code under test gave it
    oracle      float64
    tolerance   of the oracle's shape: numpy.allclose(gradient, oracle, rtol=0, atol=tolerance) is the assertion; None
                where it came to no comparison
    noise       the measured rounding noise, in the units of the gradient; None where the strict bound sufficed
    reason      why it is wrong without a comparison, or why nothing can be told; else empty
    """

    name: str
    outcome: str
    gradient: object
    oracle: np.ndarray
    tolerance: np.ndarray | None = None
    noise: float | None = None
    reason: str = ""

    @property
    def comparable(self) -> bool:
        return self.tolerance is not None

    @property
    def error(self) -> float:
        """Largest absolute difference; inf where there was nothing to compare."""
        return float(np.max(np.abs(self.gradient - self.oracle), initial=0)) if self.comparable else np.inf

    @property
    def relative_error(self) -> float:
        return relative_error(self.gradient, self.oracle) if self.comparable else np.inf

    @property
    def ratio(self) -> float | None:
        """The error in multiples of the rounding noise; None where the noise was not measured."""
        return None if self.noise is None or not self.comparable else self.error / self.noise

    @property
    def worst(self) -> tuple[int, ...]:
        """The index of the largest difference."""
        difference = np.abs(self.gradient - self.oracle)
        return tuple(int(k) for k in np.unravel_index(np.argmax(difference), difference.shape))

    def __str__(self) -> str:
        if self.outcome == AGREES:
            how = f"{self.ratio:.2g} × rounding noise" if self.ratio is not None else "within the strict bound"
            return f"{self.name} agrees: {how}, relative error {self.relative_error:.1e}"
        if self.reason:
            return f"{self.name} {self.outcome}: {self.reason}"
        if not self.oracle.any():
            return f"{self.name} wrong: it should be zero, for the loss does not depend on it, but is {self.error:.2g}"
        return f"{self.name} wrong: {multiples(self.ratio)} × rounding noise, worst at {list(self.worst)}"


def multiples(ratio: float) -> str:
    """'3.1e9', '12', '0.4': a count of rounding noises, to two digits."""
    if not np.isfinite(ratio):
        return str(ratio)
    if ratio >= 1000:
        mantissa, exponent = f"{ratio:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"


def judge(
    gradients: Mapping[str, object],
    oracle: Mapping[str, np.ndarray],
    dtype: np.dtype,
    measure: Callable[[int], Noise],
    always_measure: bool = False,
) -> list[Verdict]:
    """A verdict on every gradient the oracle has, the worst first.

    gradients        what the code under test says, by name
    oracle           what is true, float64, by name
    dtype            the dtype the code under test computes in
    measure          measures the rounding noise over so many runs; called only if a strict bound is exceeded
    always_measure   measure in any case, to report every error in multiples of the noise
    """
    dtype = np.dtype(dtype)
    scales = {name: float(np.max(np.abs(truth), initial=0)) for name, truth in oracle.items()}
    spoken = {
        name: said for name, truth in oracle.items()
        if (said := _before_comparing(gradients.get(name), truth, scales[name], dtype))
    }  # fmt: skip
    errors = {
        name: float(np.max(np.abs(gradients[name] - truth), initial=0))
        for name, truth in oracle.items()
        if name not in spoken
    }
    bounds = {name: STRICT * UNIT_ROUNDOFF[dtype] * scales[name] for name in errors}
    beyond = [name for name, error in errors.items() if error > bounds[name]]

    noise = measure(RUNS) if always_measure else measure(FIRST_RUNS) if beyond else None
    for runs, doubtful in RUNS_IN_DOUBT.items():
        if any(_in_doubt(errors[name], noise.magnitudes[name], scales[name], doubtful) for name in beyond):
            noise = measure(runs)

    verdicts = [
        Verdict(name, outcome, gradients.get(name), oracle[name], reason=reason)
        for name, (outcome, reason) in spoken.items()
    ]
    for name, error in errors.items():
        truth, gradient, strict, scale = oracle[name], gradients[name], bounds[name], scales[name]
        within = name not in beyond
        magnitude = None if noise is None else noise.magnitudes[name]
        tolerance = strict if within else max(strict, LIMIT * magnitude)
        outcome, reason = AGREES if error <= tolerance else WRONG, ""
        if not within and magnitude > BLUNT * scale and error <= DOUBTFUL * magnitude:
            outcome = CANNOT_TELL
            reason = (
                f"rounding noise alone moves the oracle by {_percent(magnitude, scale)} of the gradient; "
                "shorten the sequence or calm the weights"
            )
        verdicts.append(Verdict(name, outcome, gradient, truth, np.full(truth.shape, tolerance), magnitude, reason))
    return sorted(verdicts, key=badness, reverse=True)


def _in_doubt(error: float, noise: float, scale: float, doubtful: float) -> bool:
    """Whether more noise, were more found in more runs, could keep an error from being called wrong.

    doubtful    up to this multiple of the noise it is thought that it could
    """
    if noise > BLUNT * scale:  # too much to tell by: more of it matters only before calling it wrong
        return doubtful >= DOUBTFUL and error > DOUBTFUL * noise
    return LIMIT * noise < error <= doubtful * noise


def badness(verdict: Verdict) -> tuple[int, float]:
    """What sorts verdicts: the outcome first, then the error in multiples of the noise where that was measured."""
    if verdict.ratio is not None:
        return RANK[verdict.outcome], verdict.ratio
    return RANK[verdict.outcome], verdict.relative_error


def worst_outcome(outcomes: Iterable[str]) -> str:
    """Wrong before cannot tell before agrees."""
    return max(outcomes, key=RANK.__getitem__)


def _before_comparing(gradient: object, truth: np.ndarray, scale: float, dtype: np.dtype) -> tuple[str, str] | None:
    """(outcome, reason) where there is nothing to compare, else None."""
    if not np.all(np.isfinite(truth)):
        return CANNOT_TELL, "the oracle itself overflows; shorten the sequence or calm the weights"
    if reason := _malformed(gradient, truth, dtype):
        return WRONG, reason
    if reason := _not_finite(gradient):
        if scale < float(np.finfo(dtype).max) ** 0.5:
            return WRONG, reason
        return CANNOT_TELL, f"{dtype} cannot hold what leads to a gradient of {scale:.0e}; shorten the sequence"
    return None


def _malformed(gradient: object, truth: np.ndarray, dtype: np.dtype) -> str:
    """Shape and dtype: numpy.allclose would let (1, 16) stand for (16,), float32 for float64."""
    if gradient is None:
        return "there is no such gradient"
    if type(gradient) is not np.ndarray and not isinstance(gradient, np.generic):  # a masked array hides what it masks
        return f"a {type(gradient).__name__}, but should be a numpy array of shape {truth.shape}"
    if gradient.shape != truth.shape:
        return f"shape {gradient.shape}, but should be {truth.shape}"
    if gradient.dtype != dtype:
        return f"dtype {gradient.dtype}, but should be {dtype}"
    return ""


def _not_finite(gradient: np.ndarray) -> str:
    """Where the first NaN or inf is, if there is one."""
    finite = np.isfinite(gradient)
    if not np.all(finite):
        where = tuple(int(k) for k in np.argwhere(~finite)[0])
        return f"{gradient[where]} at {list(where)}, and {np.sum(~finite)} of {finite.size} elements are not finite"
    return ""


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2g} %" if part < whole else "more than 100 %"
