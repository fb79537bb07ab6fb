"""Hypotheses about what the loss gives the network: the output delta, its sign, and the steps it is put in at.

The output v_t is what the network hands to the loss. With p = softmax(v) or sigmoid(v) and cross entropy, and with
p = v and half the squared error, dL/dv is the same, c (p − target); where it is, the target is p − dL/dv / c.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np

from oracle.hypotheses.activations import ACTIVATIONS, sigmoid
from oracle.hypotheses.backward import Backward, Change
from oracle.hypotheses.reading import Flow, Mistake
from oracle.hypotheses.series import shifted
from oracle.hypotheses.tape import Op
from oracle.hypotheses.words import at
from oracle.kinds import ACCUMULATION, BRANCH, FACTOR, INJECTION, OUTPUT_DELTA, SIGN

Seeds = dict[Op, np.ndarray]


def output_deltas(backward: Backward, sizes: Mapping[str, int]) -> Iterator[Flow]:
    """Another delta at the output, or the right one at other steps."""
    seeds = backward.seeds
    if not seeds:
        return
    last = max(seeds, key=lambda op: op.order)
    where = f"the output of {at(last)}"
    shapes = f"dy {tuple(last.out.shape)}"
    minus = Mistake(SIGN, f"the gradient of the loss at {where} has the wrong sign, target − prediction")
    yield Flow("minus the output delta", minus, Change(seeds={op: -seed for op, seed in seeds.items()}))
    for key, sentence, algebra, made in _deltas(seeds):
        kind = INJECTION if key[1] == "target" else OUTPUT_DELTA
        mistake = Mistake(kind, f"the gradient of the loss at {where}: {sentence}", algebra, shapes)
        yield Flow(("output", key), mistake, Change(seeds=made))
    yield from _at_other_steps(backward, where)
    for by, words in _factors(sizes):
        sentence = f"the gradient of the loss at {where} is {words} times the right one"
        mistake = Mistake(FACTOR, sentence, "dy; the code computes c dy")
        yield Flow(("all times", words), mistake, Change(seeds={op: by * seed for op, seed in seeds.items()}))


def _factors(sizes: Mapping[str, int]) -> Iterator[tuple[float, str]]:
    """What a loss is multiplied by, or divided, where its gradient is not: 2, a size, a product of two sizes."""
    named = [("2", 2), *sizes.items()]
    named += [(f"{one}*{other}", m * n) for (one, m), (other, n) in itertools.combinations(sizes.items(), 2)]
    for name, size in named:
        yield float(size), name
        yield 1 / size, f"1/({name})" if "*" in name else f"1/{name}"


def _deltas(seeds: Seeds) -> Iterator[tuple[object, str, str, Seeds]]:
    """(key, what the code does, in algebra, seeds)"""
    values = {op: op.value.numpy() for op in seeds}
    for kind in ACTIVATIONS:
        words = kind.algebra.format("y")
        extra = {op: seed * kind.slope(values[op]) for op, seed in seeds.items()}
        right = "the code computes dy = dL/dy ∘ "
        yield (
            (kind.name, "v"),
            f"it is multiplied by {words}, the derivative of a {kind.name} there is not",
            (right + f"({words})"),
            extra,
        )
        p = {op: kind.function(value) for op, value in values.items()}
        extra = {op: seed * kind.slope(p[op]) for op, seed in seeds.items()}
        yield (
            (kind.name, "p"),
            (
                f"it is multiplied by the derivative of {kind.name} once more, which the derivative of the loss with "
                "respect to the output holds already"
            ),
            right + f"{kind.name}'(v)",
            extra,
        )
        if kind.name != "relu":
            gone = {op: seed / np.where(kind.slope(p[op]), kind.slope(p[op]), 1) for op, seed in seeds.items()}
            yield (
                (kind.name, "gone"),
                f"the derivative of {kind.name} at the output is missing",
                (f"the code computes dy = dL/dp, right is dL/dp ∘ {kind.name}'(v)"),
                gone,
            )
    for name, p in _predictions(values):
        for c in _scales(seeds, p):
            yield from _with_targets(name, p, c, values, seeds)


def _predictions(values: Seeds) -> Iterator[tuple[str, Seeds]]:
    yield "v", values
    yield "sigmoid(v)", {op: sigmoid(value) for op, value in values.items()}
    for axis in (-1, 0):
        if all(value.ndim > 1 or axis == -1 for value in values.values()):
            yield f"softmax(v) along axis {axis}", {op: softmax(value, axis) for op, value in values.items()}


def softmax(v: np.ndarray, axis: int) -> np.ndarray:
    """exp(v) over its sum along an axis."""
    e = np.exp(v - v.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _scales(seeds: Seeds, p: Seeds) -> list[float]:
    """Each c for which the targets p − dL/dv / c look like targets: 1, or such that all are 0 and 1."""
    values = np.concatenate([seed.ravel() for seed in seeds.values()])
    ps = np.concatenate([one.ravel() for one in p.values()])
    positive = values > 0  # where the target is 0, c = dL/dv / p
    ratios = values[positive] / ps[positive] if positive.any() else np.array([])
    if ratios.size and np.ptp(ratios) <= 1e-9 * abs(ratios).max():
        return [float(ratios[0])]
    return [1.0]


def _with_targets(name: str, p: Seeds, c: float, values: Seeds, seeds: Seeds) -> Iterator[tuple]:
    target = {op: p[op] - seed / c for op, seed in seeds.items()}
    right = f"dy = p − target, with p = {name}; the code computes dy = "

    def made(function) -> Seeds:
        return {op: np.broadcast_to(c * function(op), seed.shape) + 0.0 for op, seed in seeds.items()}

    if name != "v":
        yield (
            (name, "logits"),
            f"the scores v stand where p = {name} belongs",
            right + "v − target",
            (made(lambda op: values[op] - target[op])),
        )
    yield (name, "no target"), "the target is not subtracted", right + "p", made(lambda op: p[op])
    yield (name, "only target"), "the prediction is missing in it", right + "−target", made(lambda op: -target[op])
    yield (
        (name, "diagonal"),
        "only the diagonal of the softmax Jacobian is taken, p (1 − p)",
        (right + "−(target / p) ∘ p (1 − p)"),
        made(lambda op: -target[op] * (1 - p[op])),
    )
    yield (
        (name, "times slope"),
        "it is multiplied by p (1 − p) once more",
        right + "(p − target) ∘ p (1 − p)",
        (made(lambda op: (p[op] - target[op]) * p[op] * (1 - p[op]))),
    )
    yield (
        (name, "by p"),
        "the derivative of the loss with respect to p stands where that to v belongs",
        (right + "−target / p"),
        made(lambda op: -target[op] / np.where(p[op], p[op], 1)),
    )
    yield (
        (name, "plus"),
        "the target is added, not subtracted",
        right + "p + target",
        made(lambda op: p[op] + target[op]),
    )
    yield (
        (name, "p twice"),
        "softmax is applied twice",
        right + "softmax(p) − target",
        (made(lambda op: softmax(p[op], -1) - target[op])),
    )
    ops = sorted(seeds, key=lambda op: op.order)
    if len(ops) > 1 and len({target[op].shape for op in ops}) == 1:
        for key, words, moved in shifted(np.stack([target[op] for op in ops])):
            of = dict(zip(ops, moved))
            yield (
                (name, "target", key),
                f"the target is that {words}",
                right + "p_t − target_s, s ≠ t",
                (made(lambda op, of=of: p[op] - of[op])),
            )
    for words, function in (("sign(p − target)", np.sign), ("(p − target)²", np.square), ("|p − target|", np.abs)):
        yield (name, words), f"it is {words}", right + words, made(lambda op, f=function: f(p[op] - target[op]))


def _at_other_steps(backward: Backward, where: str) -> Iterator[Flow]:
    """The loss put in at the wrong steps."""
    steps = backward.seeds_by_step()
    if steps is None or not all(steps):
        return
    ends = {
        "last skipped": (
            -1,
            "last",
            "the backward loop starts one step early, so that the loss of the last step is lost",
        ),
        "first skipped": (
            0,
            "first",
            "the backward loop stops one step early, so that the loss of the first step is lost",
        ),
    }
    for key, (step, name, words) in ends.items():
        rest = _sum([one for one in steps if one is not steps[step]])
        yield Flow(key, Mistake(ACCUMULATION, f"the {name} step is skipped: {words}"), Change(seeds=rest))
    whole = _stacked(backward)
    if whole is None:
        return
    ops, arrays, back = whole
    n = len(arrays)
    for key, words, moved in shifted(arrays):
        if key in ("zero at first", "zero at last"):  # those are steps skipped
            continue
        kind = INJECTION
        sentence = f"the loss is put in at the wrong steps: the gradient at {where} is that {words}"
        yield Flow(("injected", key), Mistake(kind, sentence, "dy_t for dy_s, s ≠ t"), Change(seeds=back(moved)))
    for step, name in ((n - 1, "last"), (0, "first")):
        alone = np.zeros_like(arrays)
        alone[step] = arrays[step]
        mistake = Mistake(
            BRANCH, f"only the loss of the {name} step is put in at {where}; that of every other is missing",
            "dh_t = (from the loss at t) + (from step t + 1); the code leaves out the first",
        )  # fmt: skip
        yield Flow(("only", name), mistake, Change(seeds=back(alone)))
    sums = np.cumsum(arrays[::-1], axis=0)[::-1]
    mistake = Mistake(INJECTION, f"the gradient at {where} is summed up over the steps, `+=` for `=`")
    yield Flow(("injected", "summed"), mistake, Change(seeds=back(sums)))
    mean = Mistake(INJECTION, f"the gradient at {where} is the sum over all steps, at every step")
    yield Flow(("injected", "all"), mean, Change(seeds=back(np.broadcast_to(arrays.sum(axis=0), arrays.shape) + 0.0)))


def _sum(steps: list[Seeds]) -> Seeds:
    total: Seeds = {}
    for one in steps:
        for op, seed in one.items():
            total[op] = total[op] + seed if op in total else seed
    return total


def _stacked(backward: Backward):
    """(operations, their seeds with the steps first, and the way back), where there is one output a step."""
    seeds, steps = backward.seeds, backward.tape.steps
    ops = sorted(seeds, key=lambda op: op.order)
    if len({op.site for op in ops}) != 1:
        return None
    if len(ops) == steps:
        return ops, np.stack([seeds[op] for op in ops]), lambda arrays: dict(zip(ops, arrays))
    axis = next((axis for axis, size in enumerate(seeds[ops[0]].shape) if size == steps), None)
    if len(ops) > 1 or axis is None:
        return None
    return ops, np.moveaxis(seeds[ops[0]], axis, 0), lambda arrays: {ops[0]: np.moveaxis(arrays, 0, axis)}
