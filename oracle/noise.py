"""Rounding noise: how far the oracle's own gradient moves when every floating-point result is rounded differently.

Two correct implementations add the same numbers in another order and so round differently. How much that changes the
gradient depends on the problem: 1e-15 of it in a calm case, all of it in a chaotic one. So it is measured: the oracle
runs again with every floating-point result, forward and backward, multiplied by 1 + 4 u xi, where u is the unit
roundoff of the judged code's dtype (2**-53 or 2**-24) and xi uniform in +-1. The largest change over a few runs is
the noise.

The factor 4 covers what happens inside one operation, but for sums: adding n numbers one after the other rounds n
times, at partial sums that may be far larger than the result. So a sum or matrix product is moved as well by a part
proportional to the root of the sum of its squared terms, and beyond 64 terms both parts grow with the square root of
their number. The draws are independent, and rounding is not: equal numbers round equally. Where most steps are the
same but for a few (a relu that is dead, targets that are one-hot), each of them rounds the running sum of a gradient
the same way, and the error grows with their number instead of its root. So runs beyond the 16th draw one xi for all
operations that round equally; `oracle.verdict` asks for them before it calls wrong what is a little beyond the noise.
A relu whose argument is zero to rounding has its slope by chance; it is counted in by two more runs, one
with every such slope 0 and one with it 1. How well the prediction holds is measured by benchmarks/false_alarms.py.

The idea is that of stochastic arithmetic: D. S. Parker, "Monte Carlo arithmetic" (1997); J. Vignes, "A stochastic
arithmetic for reliable scientific computation" (1993).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

JUST_ABOVE_ZERO = 1e-300
AMPLITUDE = 4
RUNS = 3
INDEPENDENT_RUNS = 16  # in runs beyond these, equal numbers round equally
ROUNDED_BITS = 4  # numbers that differ in these alone are one number, rounded differently
BINADE, SCATTER = 4099, 0x1E3779B97F4A7C15  # odd, to spread a number and its exponent over the pool
POOL = 100_003  # a prime: no operation meets the same factors step after step

UNIT_ROUNDOFF = {np.dtype(np.float64): 2.0**-53, np.dtype(np.float32): 2.0**-24}


@dataclass(frozen=True)
class Noise:
    """What was measured.

    magnitudes   for each name, the largest change of any element of its gradient
    """

    magnitudes: dict[str, float]


class RoundDifferently(TorchDispatchMode):
    """Multiplies each freshly computed floating-point result by 1 + amplitude * xi, and records the arguments of relu.

    kinks    for each relu in turn, where its result is replaced by `forced`: 0, or just above, which decides its slope
    """

    def __init__(
        self, amplitude: float, seed: int, kinks: Sequence[torch.Tensor] | None = None, forced: float = 0.0
    ) -> None:
        super().__init__()
        self.kinks, self.forced = kinks, forced
        self.offsets = amplitude * _xi(seed)
        self.place = 0
        self.relu_arguments: list[torch.Tensor] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # nothing is compiled here, and the guard against it imports the compiler (a second) and slows every operation
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **kwargs) if kwargs else func(*args)
        kind = _KINDS.get(func) or _kind(func)
        if kind == "rounds":
            return self._perturbed(result, func, args)
        if kind == "sums":
            terms = _terms(func, args, result)
            if terms > 1:
                return self._summed_differently(func, args, kwargs or {}, result, terms)
            return self._perturbed(result, func, args)
        if func is torch.ops.aten.relu.default:
            self.relu_arguments.append(args[0].detach())
            if self.kinks is not None:
                return result.masked_fill(self.kinks[len(self.relu_arguments) - 1], self.forced)
        return result

    def _summed_differently(
        self, func: torch._ops.OpOverload, args: tuple, kwargs: dict, result: torch.Tensor, terms: int
    ) -> torch.Tensor:
        """Moved by a part of the result and by a part of the root of its squared terms' sum."""
        squared = [arg * arg if isinstance(arg, torch.Tensor) else arg for arg in args]
        spread = func(*squared, **kwargs).sqrt_()
        growth = self._growth(func, args, result, terms)
        spread_growth = growth / terms**0.5 if func in MEANS else growth  # each term of a mean is an nth
        by_result, by_spread = self._offsets(result), self._offsets(spread)
        moved = result.addcmul(result, by_result * growth).addcmul_(spread, by_spread * spread_growth)
        return torch.where(moved.isfinite(), moved, result)  # what is infinite is moved nowhere

    def _growth(
        self, func: torch._ops.OpOverload, args: tuple, result: torch.Tensor, terms: int
    ) -> float | torch.Tensor:
        """How much more a sum of so many terms rounds than a short one."""
        return max(1.0, (terms / LONG_SUM) ** 0.5)

    def _perturbed(self, result: object, func: torch._ops.OpOverload, args: tuple) -> object:
        if isinstance(result, (tuple, list)):
            return type(result)(self._perturbed(part, func, args) for part in result)
        if not isinstance(result, torch.Tensor) or result.dtype not in (torch.float64, torch.float32):
            return result
        return result.mul_(self._offsets(result, func, args).add(1))  # not addcmul: -inf - inf * xi may be NaN

    def _offsets(self, like: torch.Tensor, func: torch._ops.OpOverload | None = None, args: tuple = ()) -> torch.Tensor:
        """amplitude * xi for every element of a tensor, which is the result of `func` where that is given."""
        size = like.numel()
        if self.place + size > POOL:
            self.place = 0
            if size > POOL:
                return self.offsets.repeat(-(-size // POOL))[:size].view(like.shape).to(like)
        offsets = self.offsets[self.place : self.place + size].view(like.shape)
        self.place += size
        return offsets if like.device.type == "cpu" and like.dtype == torch.float64 else offsets.to(like)


class RoundAlike(RoundDifferently):
    """The same, but what rounds equally moves by the same xi, which is drawn for a number and not for a place.

    Equal operands round equally. So do two additions of the same number to others of the same binade, for it is that
    number's last bits that are lost: a sum of n equal terms is off by up to n times the rounding of one addition.
    """

    def __init__(self, amplitude: float, seed: int, dtype: np.dtype) -> None:
        super().__init__(amplitude, seed)
        self.dtype = torch.from_numpy(np.empty(0, dtype)).dtype

    def _offsets(self, like: torch.Tensor, func: torch._ops.OpOverload | None = None, args: tuple = ()) -> torch.Tensor:
        numbers = like
        if func is not None and func.overloadpacket in ADDITIONS:
            first, second = (torch.as_tensor(arg, dtype=like.dtype, device=like.device) for arg in args[:2])
            numbers = torch.where(first.abs() < second.abs(), first, second)
        equal = self._equal(numbers)
        keys = equal * BINADE + like.frexp().exponent
        offsets = self.offsets.to(like)[(keys * SCATTER >> 32) % POOL]
        return offsets.masked_fill_(equal == 0, 0.0)  # to add 0, as a dead relu has it added, rounds nothing

    def _growth(
        self, func: torch._ops.OpOverload, args: tuple, result: torch.Tensor, terms: int
    ) -> float | torch.Tensor:
        """By the root of how many pairs of terms are equal, where otherwise it is by that of the number of terms."""
        if terms**2 <= LONG_SUM:
            return 1.0
        name = func.overloadpacket.__name__
        if name in PRODUCTS:
            left, right = args[PRODUCTS[name] :][:2]
            left, right = left.movedim(-1, 0), right.movedim(max(right.ndim - 2, 0), 0)
            pairs = _equal_products(*(self._equal(factor).reshape(len(factor), -1) for factor in (left, right)))
        else:
            axes = args[1] if len(args) > 1 and args[1] else range(args[0].ndim)
            summed = args[0].movedim(tuple(axes), tuple(range(len(axes)))).flatten(0, len(axes) - 1)
            pairs = _equal_pairs(self._equal(summed)).view(result.shape)
        return (pairs.clamp(min=terms) / LONG_SUM).sqrt().clamp(min=1).to(result)

    def _equal(self, numbers: torch.Tensor) -> torch.Tensor:
        """An integer for each number, the same for those that are equal to rounding; 0 for 0."""
        numbers = numbers.to(self.dtype) + 0  # which makes 0 of -0
        bits = numbers.view(torch.int64 if self.dtype == torch.float64 else torch.int32)
        return bits.to(torch.int64) >> ROUNDED_BITS


def _equal_pairs(keys: torch.Tensor) -> torch.Tensor:
    """For each column, how many pairs of rows have the same key there, each with itself among them. Zeros add nothing.

    keys    (terms, ...)
    """
    keys = keys.sort(dim=0).values
    place = torch.arange(len(keys), device=keys.device).view(-1, *[1] * (keys.ndim - 1)).expand(keys.shape)
    begins = torch.ones_like(keys, dtype=torch.bool)
    begins[1:] = keys[1:] != keys[:-1]
    first = torch.where(begins, place, 0).cummax(dim=0).values
    return ((2 * (place - first) + 1) * (keys != 0)).sum(dim=0)  # 1 + 3 + 5 + … is the square of how many are equal


def _equal_products(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The same for a product of matrices, whose terms are equal where a whole column and a whole row are.

    left, right    (terms, ...)
    """
    both = torch.cat((left, right), dim=1)[left.any(dim=1) & right.any(dim=1)]
    if len(both) == 0:
        return torch.zeros((), dtype=torch.int64)
    return both.unique(dim=0, return_counts=True)[1].square().sum()


@lru_cache(maxsize=64)
def _xi(seed: int) -> torch.Tensor:
    """Random numbers in +-1, drawn once and read from a moving place: a draw for each operation would cost more than
    it."""
    return torch.rand(POOL, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


EXACT = frozenset(
    "amax amin arange cat clone constant_pad_nd empty empty_like empty_strided full full_like gather index "
    "index_select neg new_empty new_empty_strided new_full new_ones new_zeros ones ones_like relu repeat "
    "scalar_tensor select_backward slice_backward stack threshold_backward where zeros zeros_like _to_copy".split()
)
"""Operations that only make, move or choose numbers. One that is missing here costs nothing but a little more noise."""

LONG_SUM = 64

PRODUCTS = {"mm": 0, "mv": 0, "dot": 0, "bmm": 0, "addmm": 1}
"""Operations that sum over the last axis of an argument, each with that argument's place."""

SUMS = frozenset(["sum", "mean", *PRODUCTS])
ADDITIONS = frozenset([torch.ops.aten.add, torch.ops.aten.sub])
MEANS = frozenset([torch.ops.aten.mean.default, torch.ops.aten.mean.dim])

_KINDS: dict[object, str] = {}


def _kind(func: torch._ops.OpOverload) -> str:
    """Whether an operation "rounds", "sums" or is "exact".

    Views and in-place operations count as exact: they hand back memory that is not theirs to change.
    """
    name = func.overloadpacket.__name__
    aliases = any(value.alias_info is not None for value in func._schema.returns)
    _KINDS[func] = "exact" if aliases or name in EXACT else "sums" if name in SUMS else "rounds"
    return _KINDS[func]


def _terms(func: torch._ops.OpOverload, args: tuple, result: torch.Tensor) -> int:
    """How many numbers a sum added up for each element of its result; 0 where they are no floating-point numbers."""
    if not result.is_floating_point() or result.numel() == 0:
        return 0
    name = func.overloadpacket.__name__
    if name in PRODUCTS:
        return args[PRODUCTS[name]].shape[-1] + (name == "addmm")  # what is added is a term too
    return args[0].numel() // result.numel()


def rounding_noise(
    gradients: Callable[[], tuple[float, dict[str, np.ndarray]]],
    oracle: Mapping[str, np.ndarray],
    dtype: np.dtype,
    runs: int = RUNS,
    seed: int = 0,
) -> Noise:
    """The noise of the oracle for code that computes in `dtype`, over `runs` runs.

    gradients   computes the oracle's loss and gradients
    oracle      what it computed when every result was rounded as it should be, the loss under the name "loss"

    Every magnitude is at least the rounding of the result itself.
    """
    unit = UNIT_ROUNDOFF[np.dtype(dtype)]
    # below the smallest normal number a dtype loses digits one by one: nothing can be told apart there
    floor = float(np.finfo(dtype).smallest_normal) * 2.0**-10
    magnitudes = {name: max(floor, unit * float(np.max(np.abs(value), initial=0))) for name, value in oracle.items()}

    def run(mode: RoundDifferently) -> list[torch.Tensor]:
        with mode:
            loss, noisy = gradients()
        for name, value in {"loss": np.asarray(loss), **noisy}.items():
            with np.errstate(invalid="ignore", over="ignore"):
                change = float(np.max(np.abs(value - oracle[name]), initial=0))
            magnitudes[name] = max(magnitudes[name], change) if np.isfinite(change) else np.inf
        return mode.relu_arguments

    relu_arguments = [run(RoundDifferently(AMPLITUDE * unit, seed))]
    if relu_arguments[0]:
        runs = max(runs, 2)  # a kink shows in the difference between two runs
    for number in range(1, runs):
        alike = number >= INDEPENDENT_RUNS
        amplitude = AMPLITUDE * unit
        relu_arguments.append(
            run(RoundAlike(amplitude, seed + number, dtype) if alike else RoundDifferently(amplitude, seed + number))
        )
    kinks = [_near_kink(arguments) for arguments in zip(*relu_arguments)]
    if any(near.any() for near in kinks):
        # there the slope is 0 or 1 by chance, and a few runs may all have had the same
        for forced in (0.0, JUST_ABOVE_ZERO):
            run(RoundDifferently(AMPLITUDE * unit, seed, kinks, forced))
    return Noise(magnitudes)


def _near_kink(arguments: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Where one relu's argument comes closer to 0 than the different runs are apart anywhere."""
    first, *others = arguments
    noise = max(((first - other).abs().max() for other in others), default=torch.zeros(()))
    return (first.abs() <= AMPLITUDE * noise) & (noise > 0)
