"""Hypotheses about one parameter's gradient, given the deltas: what is paired with what, and how it is summed.

dW = Σ_t a_tᵀ δ_t,  db = Σ_t 1ᵀ δ_t
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping

import numpy as np

from oracle.deviations import common_factor, factor_names, named_factor
from oracle.hypotheses.backward import Adjoints, Backward
from oracle.hypotheses.blocks import Block
from oracle.hypotheses.flows import CLIPS
from oracle.hypotheses.parts import BIAS, COLUMNS, OTHER, ROWS
from oracle.hypotheses.reading import Mistake, unbroken
from oracle.hypotheses.series import SHIFTS, Series, shifted
from oracle.hypotheses.words import at, value_of
from oracle.kinds import ACCUMULATION, BIAS_SUM, BRANCH, FACTOR, LAYOUT, OPERAND, SIGN, STATE, TIME_INDEX

Found = tuple[Hashable, Mistake, np.ndarray]


class Deltas:
    """The adjoints that may stand in a delta's place: of every value, and of every pre-activation, over the steps."""

    def __init__(self, backward: Backward, adjoints: Adjoints) -> None:
        steps = backward.tape.steps
        self.every: list[tuple[Hashable, str, np.ndarray]] = []
        kept = set(backward.ops)
        for site in backward.tape.core:
            if site.first not in kept or len(site.ops) != steps:
                continue
            last = site.ops[-1]
            where = at(last, backward.activations.get(last))
            value = value_of(last, backward.activations.get(last))
            if len({adjoints[op].shape for op in site.ops}) > 1:  # a first state (H,), the others (1, H)
                continue
            self.every.append((("out", site.number), f"dL/d({value})", _stack(site.ops, adjoints.get)))
            for position in sorted({edge.position for edge in backward.entries[last]}):
                edges = [one for op in site.ops for one in backward.entries[op] if one.position == position]
                if len(edges) == steps and not edges[0].parameters:
                    flows = [backward.local(edge)(adjoints[op]) for op, edge in zip(site.ops, edges)]
                    if len({one.shape for one in flows}) > 1:
                        continue
                    said = f"what flows back into the operand of {where}"
                    if last in backward.activations:
                        said = f"the delta before the {backward.activations[last].kind.name} of {where}"
                    self.every.append((("in", site.number, position), said, np.stack(flows)))

    def oriented(self, block: Block) -> Iterator[tuple[Hashable, str, np.ndarray]]:
        for key, words, arrays in self.every:
            turned = np.stack([block.part.oriented(one) for one in arrays])
            if turned.shape == block.deltas.shape:
                yield key, words, turned


def _stack(ops, of) -> np.ndarray:
    return np.stack([of(op) for op in ops])


def matching(
    block: Block,
    given: np.ndarray,
    tolerance: float,
    parameter: np.ndarray,
    sizes: Mapping[str, int],
    series: list[Series],
    deltas: Deltas,
    broken: list[str],
    bound: float = np.inf,
) -> list[tuple[Hashable, Mistake]]:
    """Every hypothesis under which the block's gradient is the given one.

    given, parameter   of the block's shape
    broken             gets those that do not fit the program, in words
    bound              to which all gradients are clipped
    """
    name = f"{block.part.parameter}{block.name}"
    right = block.gradient()
    found: list[tuple[Hashable, Mistake]] = []
    seen: set[Hashable] = set()
    scale = float(np.abs(right).max(initial=0)) or np.inf
    every = _every(block, name, right, series, deltas, given, parameter, sizes, tolerance)
    for key, mistake, predicted in itertools.chain(*(unbroken(family, broken) for family in every)):
        allowed = tolerance * max(1.0, float(np.abs(predicted).max(initial=0)) / scale)
        if predicted.shape != given.shape or np.array_equal(predicted, right):
            continue
        if np.abs(np.clip(predicted, -bound, bound) - given).max(initial=0) <= allowed and key not in seen:
            seen.add(key)
            found.append((key, mistake))
    return found


def _every(
    block: Block,
    name: str,
    right: np.ndarray,
    series: list[Series],
    deltas: Deltas,
    given: np.ndarray,
    parameter: np.ndarray,
    sizes: Mapping[str, int],
    tolerance: float,
) -> Iterator[Iterator[Found]]:
    yield _scaled(block, name, right, given, parameter, sizes, tolerance)
    yield _steps(block, name)
    if block.part.form in (ROWS, COLUMNS):
        yield _layouts(block, name, right)
        yield _inputs(block, name, series)
    if block.part.form == BIAS:
        yield _sums(block, name, right)
    if block.part.lookups:
        yield _lookups(block, name)
    if block.part.form != OTHER:
        yield _gates(block, name)
        yield _deltas(block, name, deltas, series)
    yield _clipped(block, name, right)


def _scaled(block, name, right, given, parameter, sizes, tolerance) -> Iterator[Found]:
    """All zeros, a factor, weight decay."""
    sentence = f"d{name} is all zeros: is it ever written?"
    if not given.any():  # to the last digit: a sum that cancels is nearly zero only
        yield "zeros", Mistake(ACCUMULATION, sentence), np.zeros_like(right)
    by = common_factor(given, right, tolerance)
    if by is not None and abs(by - 1) > 1e-9:
        said = named_factor(by, sizes)
        key = ("factor", next(iter(factor_names(by, sizes)), f"{by:.6g}"))
        if np.isclose(by, -1, rtol=1e-9):
            mistake = Mistake(SIGN, f"d{name} has the wrong sign", f"d{name} = G; the code computes −G")
        elif block.part.form == BIAS and (over := _averaged(1 / by, sizes)):
            mistake = Mistake(
                BIAS_SUM,
                f"d{name} is the mean over the {over}, {said} times the sum it should be",
                f"d{name} = Σ_t Σ_b δ_tb; the code computes a mean over the {over}",
            )
        else:
            mistake = Mistake(FACTOR, f"d{name} is exactly {said} times the right one", f"d{name} = G; the code: c G")
        yield key, mistake, by * right
    if block.part.form in (ROWS, COLUMNS, BIAS) and len(block.deltas) > 1 and parameter.size > 2 and parameter.any():
        rate = float(np.sum((given - right) * parameter) / np.sum(parameter**2))
        mistake = Mistake(
            FACTOR,
            f"d{name} is the right one plus {rate:.6g} times {name}: weight decay that is not in the loss",
            f"d{name} = G; the code computes G + {rate:.6g} {name}",
        )
        if abs(rate) > 1e-9:
            yield ("decay", f"{rate:.6g}"), mistake, right + rate * parameter


def _averaged(by: float, sizes: Mapping[str, int]) -> str:
    """What a sum that is so many times too small was averaged over: 'samples', 'steps', or both; else empty."""
    batch, time = sizes.get("batch", 1), sizes.get("time", 1)
    over = {batch: "samples", time: "steps", batch * time: "samples and the steps"}
    return next((words for size, words in over.items() if size > 1 and np.isclose(by, size, rtol=1e-9)), "")


def _steps(block: Block, name: str) -> Iterator[Found]:
    """One coefficient a step, one a sample."""
    each = block.contributions()
    n = len(each)
    if n < 2:
        return
    total = each.sum(axis=0)

    def said(key: Hashable, sentence: str, algebra: str, gradient: np.ndarray) -> Found:
        return key, Mistake(ACCUMULATION, sentence, f"d{name} = Σ_t (contribution of step t); {algebra}"), gradient

    yield said(
        "only the first step",
        f"d{name} holds the contribution of the first step alone, the last that the backward loop comes to: `=` for "
        "`+=`, so each step overwrites the one before",
        "the code keeps t = 0 only",
        each[0],
    )
    yield said(
        "only the last step",
        f"d{name} holds the contribution of the last step alone",
        "the code keeps t = T only",
        each[-1],
    )
    for step in range(n):
        label = {0: "first", n - 1: "last"}.get(step, step)
        word = f"the {label} step" if isinstance(label, str) else f"step {step} (of 0 to {n - 1})"
        algebra = f"the code leaves out t = {step}"
        yield said(("without", label), f"d{name} lacks the contribution of {word}", algebra, total - each[step])
        algebra = f"the code adds t = {step} twice"
        yield said(("twice", label), f"d{name} has the contribution of {word} twice", algebra, total + each[step])
        if 0 < step < n - 1:
            word = f"d{name} holds the contribution of {word} alone"
            yield said(("only", label), word, f"the code keeps t = {step} only", each[step])
    weights = np.arange(n)
    sums = "partial sums are summed up: a contribution counts once for every step that follows it in the loop"
    for key, c in (("running", weights + 1), ("running forward", n - weights)):
        yield said(key, f"d{name}: {sums}", "the code computes Σ_t c_t (…)", np.tensordot(c, each, 1))
    if block.part.form not in (ROWS, COLUMNS) or block.a.shape[1] < 2:
        return
    for sample, label in ((0, "first"), (-1, "last")):
        gradient = block.gradient(block.deltas[:, [sample]], block.a[:, [sample]])
        sentence = f"d{name} holds the contribution of the {label} sample alone"
        yield said(("sample", label), sentence, "the code keeps one sample", gradient)


def _lookups(block: Block, name: str) -> Iterator[Found]:
    """Rows that are looked up: what comes back written to them in another way, or to the rows of another step."""
    uses = block.part.looked_up(block.deltas)
    size = int(np.prod(block.shape))
    written, buffered, one_sample = np.zeros(size), np.zeros(size), np.zeros(size)
    for moved, gradient in uses[::-1]:
        labels, each = moved.from_places(gradient.size), gradient.ravel()
        once = np.zeros(size + 1)
        once[labels] = each  # of an element that occurs twice the last
        written = np.where(np.isin(np.arange(1, size + 1), labels), once[1:], written)
        buffered += once[1:]
        first = slice(0, int(np.prod(gradient.shape[-1:])))  # a row; of a vector one number
        np.add.at(one_sample, labels[first] - 1, each[first])
    right = f"d{name}[word] = Σ of what comes back to each of its occurrences; the code "
    sentence = f"a row of d{name} holds only the last of what comes back to its occurrences: `=` for `+=`"
    yield "written", Mistake(ACCUMULATION, sentence, right + "keeps one"), written.reshape(block.shape)
    sentence = f"a row of d{name} that occurs twice in one step counts once: `+=` with an index array; use np.add.at"
    yield "buffered", Mistake(ACCUMULATION, sentence, right + "keeps one a step"), buffered.reshape(block.shape)
    sentence = f"d{name} gets what comes back from the first sample alone"
    yield "one sample", Mistake(BRANCH, sentence, right + "keeps one sample"), one_sample.reshape(block.shape)
    for key, (words, shift) in SHIFTS.items():
        if "zero" in key:
            continue
        order = shift(np.arange(len(uses)))
        gradient = sum(uses[k][0].back(one) for k, (_, one) in zip(order, uses))
        mistake = Mistake(TIME_INDEX, f"what comes back to d{name} goes to the rows {words}", right + "takes others")
        yield ("rows", key), mistake, gradient


def _layouts(block: Block, name: str, right: np.ndarray) -> Iterator[Found]:
    """Operands in the wrong order, reshaped for transposed, elementwise for a product."""
    product = "aᵀ δ" if block.part.form == ROWS else "δ aᵀ"
    shapes = f"a {block.a.shape[1:]}, δ {block.deltas.shape[1:]}, d{name} {right.shape}"

    def said(key: Hashable, sentence: str, algebra: str, gradient: np.ndarray) -> Found:
        return key, Mistake(LAYOUT, sentence, f"d{name} = Σ_t {product}; the code computes {algebra}", shapes), gradient

    if right.shape[0] == right.shape[1]:
        sentence = f"d{name} is the transpose of the right one: the operands of its product are in the wrong order"
        yield said("transposed", sentence, "its transpose; both have the same shape", right.T)
    reshaped = right.T.reshape(right.shape)
    yield said("turned", f"d{name} is the transpose of the right one, reshaped", "its transpose, reshaped", reshaped)
    fortran = right.ravel().reshape(right.shape, order="F")
    yield said("order F", f"d{name} has the right numbers in another order", "it reshaped in the order F", fortran)
    a, d = block.a, block.deltas
    turned_d = np.stack([_reshaped(one) for one in d])
    sentence = f"d{name}: the input is reshaped where it should be transposed"
    for key, turn in (("a reshaped", _reshaped), ("a column reshaped", lambda one: one.T.reshape(one.shape))):
        yield said(key, sentence, "reshape(a) δ", block.gradient(a=np.stack([turn(one) for one in a])))
    sentence = f"d{name}: the delta is reshaped where it should be transposed"
    yield said("δ reshaped", sentence, "reshape(δ)", block.gradient(turned_d))
    sums = a.sum(axis=1, keepdims=True), d.sum(axis=1, keepdims=True)
    sentence = f"d{name} pairs every sample with every other: the product of two sums over the samples"
    yield said("sums", sentence, "(Σ_b a_b)(Σ_b δ_b)", block.gradient(sums[1], sums[0]))
    sentence = f"d{name} pairs every step with every other: the product of two sums over the steps"
    yield said(
        "sums over time", sentence, "(Σ_t a_t)(Σ_t δ_t)", block.gradient(d.sum(axis=0)[None], a.sum(axis=0)[None])
    )
    for k in range(1, a.shape[-1]):
        sentence = f"d{name}: the joint input is put together in another order than in the forward pass"
        yield said(("order of the input", k), sentence, "[x, h]ᵀ δ for [h, x]ᵀ δ", block.gradient(a=np.roll(a, k, -1)))
    if a.shape[-1] == d.shape[-1]:
        row = (a * d).sum(axis=(0, 1))
        for key, gradient in (("rows", row + 0 * right), ("columns", row[:, None] + 0 * right)):
            sentence = f"d{name}: a and δ are multiplied elementwise, and broadcast"
            yield said(("elementwise", key), sentence, "Σ a ∘ δ", gradient)


def _reshaped(array: np.ndarray) -> np.ndarray:
    """What takes the array's place where it is reshaped to the shape of its transpose."""
    return array.reshape(array.shape[::-1]).T


def _inputs(block: Block, name: str, series: list[Series]) -> Iterator[Found]:
    """Another array paired with the deltas, or the right one of another step."""
    product = "a_tᵀ δ_t" if block.part.form == ROWS else "δ_t a_tᵀ"
    for key, words, arrays in shifted(block.a):
        mistake = Mistake(
            TIME_INDEX,
            f"d{name} pairs each δ_t with its input {words}",
            f"d{name} = Σ_t {product}; the code takes a_s, s ≠ t",
        )
        yield ("input at", key), mistake, block.gradient(a=arrays)
    yield from _of_one_step(block, name, series)
    for key, words, arrays in _extended(block, series):
        mistake = Mistake(
            TIME_INDEX,
            f"d{name} pairs each δ_t with the state {words}",
            f"d{name} = Σ_t {product}; the code takes a_s, s ≠ t",
        )
        yield ("input in the list", key), mistake, block.gradient(a=arrays)
    for one in series:
        turned = np.stack([block.part.oriented(array) for array in one.arrays])
        if turned.shape != block.a.shape or np.array_equal(turned, block.a):
            continue
        if _is_shift(block.a, turned):
            late = np.array_equal(block.a[1:], turned[:-1])
            right, taken = ("h_{t-1}", "h_t") if late else ("h_t", "h_{t-1}")
            mistake = Mistake(
                TIME_INDEX,
                f"d{name} pairs δ_t with the state of the wrong step, {taken} for {right}: {one.words}",
                f"d{name} = Σ_t {right}ᵀ δ_t; the code takes {taken}",
            )
        else:
            mistake = Mistake(
                OPERAND,
                f"d{name} is made with {one.words} where the input of its own product belongs",
                f"d{name} = Σ_t {product}; the code takes another array for a_t",
            )
        yield ("input", one.key), mistake, block.gradient(a=turned)
        for key, words, arrays in shifted(turned):
            mistake = Mistake(TIME_INDEX, f"d{name} pairs δ_t with {one.words}, {words}")
            yield ("input", one.key, key), mistake, block.gradient(a=arrays)


def _of_one_step(block: Block, name: str, series: list[Series]) -> Iterator[Found]:
    """The input of a product that is used once, after the last step: the same value at another step."""
    if len(block.a) != 1:
        return
    for one in series:
        turned = [block.part.oriented(array) for array in one.arrays]
        if turned[0].shape == block.a[0].shape and any(np.array_equal(array, block.a[0]) for array in turned):
            for step, array in enumerate(turned):
                mistake = Mistake(
                    TIME_INDEX,
                    f"d{name} is made with {one.words} of step {step} (of 0 to {len(turned) - 1})",
                    f"d{name} = h_sᵀ δ with s another step",
                )
                yield ("input of step", one.key, step - len(turned)), mistake, block.gradient(a=array[None])


def _extended(block: Block, series: list[Series]) -> Iterator[tuple[Hashable, str, np.ndarray]]:
    """The inputs a with the value after the last in one list, read at another index: [h_0, h_1, ..., h_T]."""
    for one in series:
        turned = np.stack([block.part.oriented(array) for array in one.arrays])
        if turned.shape == block.a.shape and len(turned) > 1 and np.array_equal(turned[:-1], block.a[1:]):
            every = np.concatenate([block.a, turned[-1:]])
            steps = np.arange(len(block.a))
            for back in (1, 2):
                yield ("back", back), f"{back} too early in the list, −1 being its last", every[steps - back]
            yield "reversed", "in the reverse order", every[::-1][:-1]
            yield "reversed, next", "in the reverse order", every[::-1][1:]
            yield "all last", "that is the last state, at every step", np.broadcast_to(every[-1:], block.a.shape)


def _is_shift(a: np.ndarray, b: np.ndarray) -> bool:
    return len(a) > 1 and (np.array_equal(a[1:], b[:-1]) or np.array_equal(a[:-1], b[1:]))


def _sums(block: Block, name: str, right: np.ndarray) -> Iterator[Found]:
    """A bias that is not summed as it should be."""
    algebra = f"d{name} = Σ_t Σ_b δ_tb; the code computes "
    total = np.full_like(right, right.sum())
    sentence = f"d{name} is one number everywhere, the sum over the units as well: sum over the samples only"
    yield "one number", Mistake(BIAS_SUM, sentence, algebra + "Σ_t Σ_b Σ_j δ_tbj"), total
    yield (
        "one mean",
        Mistake(BIAS_SUM, f"d{name} is one number everywhere, a mean", algebra + "a mean"),
        total / right.size,
    )
    summed = [axis for axis in range(1, block.deltas.ndim) if block.deltas.shape[axis] != right.size]
    for axis in summed:
        size = block.deltas.shape[axis]
        for sample, label in ((0, "first"), (size - 1, "last")):
            gradient = np.take(block.deltas, sample, axis).sum(axis=0)
            if gradient.size == right.size:
                sentence = f"d{name} holds the {label} sample alone: the delta is not summed over the samples"
                yield (
                    ("sample", label),
                    Mistake(BIAS_SUM, sentence, algebra + f"Σ_t δ_t{sample}"),
                    (gradient.reshape(right.shape)),
                )
    if right.size > 1:
        folded = np.stack([one.ravel()[: right.size] for one in block.deltas]).sum(axis=0)
        yield "not summed", Mistake(BIAS_SUM, f"d{name} is not summed over the samples"), folded.reshape(right.shape)


def _gates(block: Block, name: str) -> Iterator[Found]:
    """The gates of a stacked delta in another order."""
    size = block.deltas.shape[-1] if block.part.form != BIAS or len(block.part.shape) == 1 else 0
    for gates in (2, 3, 4):
        if size % gates or size // gates < 2:
            continue
        pieces = np.split(block.deltas, gates, axis=-1)
        for order in list(itertools.permutations(range(gates)))[1:]:
            said = ", ".join(str(k) for k in order)
            mistake = Mistake(
                LAYOUT,
                f"the gates of d{name} are stacked in another order than in the forward pass: where it has gates 0 to "
                f"{gates - 1}, the code has {said}",
                "δ = [δ_0, δ_1, …]; the code computes another order",
            )
            yield ("gates", order), mistake, block.gradient(np.concatenate([pieces[k] for k in order], axis=-1))


def _deltas(block: Block, name: str, deltas: Deltas, series: list[Series]) -> Iterator[Found]:
    """Another delta in the sum, or the right one of another step."""
    for key, words, arrays in shifted(block.deltas):
        mistake = Mistake(
            TIME_INDEX, f"d{name} is made with the δ {words}", f"d{name} = Σ_t a_tᵀ δ_t; the code takes δ_s, s ≠ t"
        )
        yield ("delta at", key), mistake, block.gradient(arrays)
    for key, words, arrays in deltas.oriented(block):
        if np.array_equal(arrays, block.deltas):
            continue
        mistake = Mistake(
            OPERAND,
            f"d{name} is made with {words} where its own delta belongs",
            f"d{name} = Σ_t a_tᵀ δ_t; the code takes another adjoint for δ_t",
        )
        yield ("delta", key), mistake, block.gradient(arrays)
    if block.a is not None:
        for one in series:
            turned = np.stack([block.part.oriented(array) for array in one.arrays])
            if turned.shape == block.deltas.shape:
                mistake = Mistake(OPERAND, f"d{name}: its delta is multiplied by {one.words} once more")
                yield ("delta times", one.key), mistake, block.gradient(block.deltas * turned)


def _clipped(block: Block, name: str, right: np.ndarray) -> Iterator[Found]:
    each = block.contributions()
    for bound in CLIPS:
        sentence = f"d{name} is clipped to ±{bound:g}"
        yield (
            ("clip", bound),
            Mistake(STATE, sentence, f"clip(G, −{bound:g}, {bound:g})"),
            np.clip(right, -bound, bound),
        )
        sentence = f"the contribution of each step to d{name} is clipped to ±{bound:g} inside the loop"
        yield ("clip each", bound), Mistake(STATE, sentence), np.clip(each, -bound, bound).sum(axis=0)
        running = np.zeros_like(right)
        for one in each[::-1]:
            running = np.clip(running + one, -bound, bound)
        sentence = f"d{name} is clipped to ±{bound:g} at every step, inside the loop"
        yield ("clip sum", bound), Mistake(STATE, sentence), running
