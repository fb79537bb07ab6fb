"""Hypotheses about a state's adjoint as a whole: dh_t = (what the step itself gives) + (what is carried from t + 1)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from oracle.hypotheses.backward import Adjoints, Backward, Change
from oracle.hypotheses.flows import CLIPS, Place
from oracle.hypotheses.reading import Flow, Mistake
from oracle.hypotheses.series import shifted
from oracle.hypotheses.tape import Edge, Op, Site
from oracle.hypotheses.words import at
from oracle.kinds import ACCUMULATION, BRANCH, CARRY, DERIVATIVE, INJECTION, LAYOUT, SIGN, STATE

SKIPPED = {"zero at first": "first", "zero at last": "last"}
SPLIT = "dh_t = (from the loss at t) + (from step t + 1); the code computes "


def states(backward: Backward, every: list[Place]) -> Iterator[Flow]:
    """The carry into each state as one, and the step's own part as one."""
    carried = [place for place in every if place.carried]
    sites = {one.site for place in carried for one in place.sources if len(one.site.ops) == backward.tape.steps}
    for site in sorted(sites, key=lambda one: one.number):
        users = [place for place in carried if any(one.site is site for one in place.sources)]
        yield from _of_one(backward, site, users)
    if carried:
        yield from _rewired(backward, carried)
    yield from _gate_orders(backward)


def _of_one(backward: Backward, site: Site, users: list[Place]) -> Iterator[Flow]:
    where = at(site.ops[-1])
    into = f"what is carried into the state of {where}"

    def flow(key, kind: str, sentence: str, algebra: str, make: Callable) -> Flow:
        return Flow(
            ("state", site.number, key), Mistake(kind, sentence, algebra), _node_rules(backward, site, users, make)
        )

    if len(users) > 1:
        edges = [edge for place in users for edge in place.edges]
        missing = Mistake(CARRY, f"{into} from step t + 1 is missing", SPLIT + "only the first")
        zero = {edge: lambda flow, g, found: np.zeros_like(flow) for edge in edges}
        yield Flow(("state", site.number, "no carry"), missing, Change(zero))
        minus = {edge: lambda flow, g, found: -flow for edge in edges}
        wrong = Mistake(SIGN, f"{into} from step t + 1 has the wrong sign", SPLIT + "their difference")
        yield Flow(("state", site.number, "minus"), wrong, Change(minus))
    own = f"what the step itself gives the state of {where}"
    yield flow(
        "running sum", CARRY, f"{into} is summed up over the steps, `+=` for `=`: it holds those of later steps too",
        "carry_t = δ_{t+1} Wᵀ; the code computes carry_t = carry_{t+1} + δ_{t+1} Wᵀ", _Running,
    )  # fmt: skip
    yield flow(
        "never assigned", CARRY, f"{into} is never computed: the adjoint of step t + 1 is passed on as it is",
        "dh_t = … + δ_{t+1} Wᵀ; the code computes … + dh_{t+1}", lambda: _Kept(0.0),
    )  # fmt: skip
    yield flow(
        "all added", CARRY, f"{into} is added to the adjoint of step t + 1 (`+=`), which belongs to that step alone",
        "dh_t = … + δ_{t+1} Wᵀ; the code computes … + dh_{t+1} + δ_{t+1} Wᵀ", lambda: _Kept(1.0),
    )  # fmt: skip
    yield from _slope_of_a_part(backward, site, users)
    for bound in CLIPS:
        clip = lambda local, carry, step, bound=bound: local + np.clip(carry, -bound, bound)  # noqa: E731
        sentence = f"{into} is clipped to ±{bound:g} inside the loop: what is clipped is no gradient"
        yield flow(("clip", bound), STATE, sentence, "", lambda clip=clip: clip)
        both = lambda local, carry, step, bound=bound: np.clip(local + carry, -bound, bound)  # noqa: E731
        sentence = f"the adjoint of the state of {where} is clipped to ±{bound:g} inside the loop"
        yield flow(("clip all", bound), STATE, sentence, "", lambda both=both: both)
    sentence = f"{own} is missing but at the last step: the carry replaces it, `=` for `+=`"
    last = len(site.ops) - 1
    yield flow(
        "only at the last", BRANCH, sentence, SPLIT + "only the second",
        lambda: lambda local, carry, step: local if step == last else carry,
    )  # fmt: skip
    yield flow(
        "only at the first", BRANCH, f"{own} is missing but at the first step", SPLIT + "only the second",
        lambda: lambda local, carry, step: local + carry if step == 0 else carry,
    )  # fmt: skip
    yield flow(
        "carry only", BRANCH, f"{own} is missing: the carry replaces it, `=` for `+=`", SPLIT + "only the second",
        lambda: lambda local, carry, step: carry,
    )  # fmt: skip
    locals_ = _locals(backward, site, users)
    if len({one.shape for one in locals_}) == 1:
        for key, words, moved in shifted(np.stack(locals_)):
            sentence = f"the loss is put in at the wrong steps: {own} is that {words}"
            kind = INJECTION
            if key in SKIPPED:
                kind, sentence = ACCUMULATION, f"the {SKIPPED[key]} step is skipped: {own} is missing there"
            made = lambda local, carry, step, moved=moved: moved[step] + carry  # noqa: E731
            yield flow(("local", key), kind, sentence, "dy_t for dy_s, s ≠ t", lambda made=made: made)


def _carried_part(backward: Backward, op: Op, users: list[Place], found: Adjoints) -> np.ndarray:
    mine = [edge for place in users for edge in place.edges if op in edge.sources]
    return sum((backward.flow_into(edge, op, found) for edge in mine), np.zeros(tuple(op.out.shape)))


def _locals(backward: Backward, site: Site, users: list[Place]) -> list[np.ndarray]:
    found = backward.adjoints()
    return [found[op] - _carried_part(backward, op, users, found) for op in site.ops]


def _node_rules(backward: Backward, site: Site, users: list[Place], make: Callable) -> Change:
    """Adjoints put together anew, by (own part, carried part, step) -> adjoint; `make` is called for every run."""
    current = {}

    def rule(op: Op):
        def put(g: np.ndarray, found: Adjoints) -> np.ndarray:
            if op.step == len(site.ops) - 1 or "function" not in current:
                current["function"] = make()
            carry = _carried_part(backward, op, users, found)
            return current["function"](g - carry, carry, op.step)

        return put

    return Change(nodes={op: rule(op) for op in site.ops})


class _Running:
    """The carry added up over the steps."""

    def __init__(self) -> None:
        self.sum = 0.0

    def __call__(self, local: np.ndarray, carry: np.ndarray, step: int) -> np.ndarray:
        self.sum = self.sum + carry
        return local + self.sum


class _Kept:
    """The adjoint of the step after, in the place of what is carried from there, or added to it."""

    def __init__(self, by: float) -> None:
        self.by, self.adjoint = by, 0.0

    def __call__(self, local: np.ndarray, carry: np.ndarray, step: int) -> np.ndarray:
        self.adjoint = local + self.adjoint + self.by * carry
        return self.adjoint


def _slope_of_a_part(backward: Backward, site: Site, users: list[Place]) -> Iterator[Flow]:
    """The derivative of the state's activation applied to one of the two parts of its adjoint."""
    if site.first not in backward.activations:
        return
    steps = [backward.activations[op] for op in site.ops]
    kind, where = steps[0].kind, at(site.ops[-1], steps[-1])
    for key, words in (("local", "to what the step itself gives"), ("carried", "to what is carried from step t + 1")):

        def rule(op: Op, slope: np.ndarray, of_carry: bool):
            def put(flow: np.ndarray, g: np.ndarray, found: Adjoints) -> np.ndarray:
                carry = _carried_part(backward, op, users, found)
                return (g - carry) + carry * slope if of_carry else (g - carry) * slope + carry

            return put

        rules = {one.entries[0]: rule(one.op, kind.slope(one.y), key == "carried") for one in steps}
        sentence = f"the derivative of {kind.name} at {where} is applied only {words}: put the sum in brackets"
        algebra = f"δ = (dy + carry) ∘ {kind.name}'; the code leaves one of the two without it"
        yield Flow(("slope of", site.number, key), Mistake(DERIVATIVE, sentence, algebra), Change(rules))


def _rewired(backward: Backward, carried: list[Place]) -> Iterator[Flow]:
    """The carry taken from another step than the next one."""
    last = backward.tape.steps - 1
    forward = [(t, t + 1) for t in range(last)]
    sentence = (
        "the backward loop runs forward, from the first step to the last: what is carried comes from step t − 1, but "
        "should come from step t + 1; is reversed() missing?"
    )
    right = "dh_t = … + δ_{t+1} Wᵀ; the code computes … + "
    yield _carry_between("forward loop", Mistake(CARRY, sentence, right + "δ_{t−1} Wᵀ"), carried, forward)
    if last < 2:
        return
    sentence = (
        "what is carried comes from step t − 1, which the loop has not come to yet: there is nothing, and at the first "
        "step index −1 is the last step; it should come from step t + 1"
    )
    mistake = Mistake(CARRY, sentence, right + "δ_{t−1} Wᵀ")
    yield _carry_between("step before", mistake, carried, [(last, 0)])
    sentence = "what is carried comes from the last step, at every step: it should come from step t + 1"
    pairs = [(last, t) for t in reversed(range(last))]
    yield _carry_between("last step", Mistake(CARRY, sentence, right + "δ_T Wᵀ"), carried, pairs)
    sentence = "what is carried comes from step t + 2: it should come from step t + 1"
    pairs = [(t + 2, t) for t in reversed(range(last - 1))]
    yield _carry_between("two steps on", Mistake(CARRY, sentence, right + "δ_{t+2} Wᵀ"), carried, pairs)


def _carry_between(key: str, mistake: Mistake, carried: list[Place], pairs: list[tuple[int, int]]) -> Flow:
    """What is carried from step to step, in this order; an initial state gets what comes from where the loop ends."""

    def run(backward: Backward, more: Change) -> Adjoints:
        cut = Change({edge: _nothing for place in carried for edge in place.edges}).together(more) or more
        total = backward.adjoints(cut)
        for t, into_step in pairs:
            seeds: dict[Op, np.ndarray] = {}
            for place in carried:
                if len(place.site.ops) != backward.tape.steps:
                    continue
                model = place.edges[-1]
                flow = _flow_at(backward, place.site.ops[t], place.position, model, total)
                for source in model.sources:
                    if isinstance(source, Op) and len(source.site.ops) == backward.tape.steps:
                        part = backward.moved_to(model, source, flow)
                        into = source.site.ops[into_step]
                        seeds[into] = seeds[into] + part if into in seeds else part
            for op, adjoint in backward.adjoints(cut, seeds).items():
                total[op] = total[op] + adjoint if op in total else adjoint
        for place in carried:
            first = place.edges[0]
            if first in backward.inert:  # an initial state gets what the loop carries at its end
                ends = place.site.ops[pairs[-1][1]]
                total[first] = _flow_at(backward, ends, place.position, place.edges[-1], total)
        return total

    return Flow(key, mistake, run=run)


def _nothing(flow: np.ndarray, g: np.ndarray, found: Adjoints) -> np.ndarray:
    return np.zeros_like(flow)


def _flow_at(backward: Backward, op: Op, position: int, model: Edge, found: Adjoints) -> np.ndarray:
    """What flows into an operand that may be a constant at this step, as it would into `model` at another."""
    edge = next((one for one in backward.entries[op] if one.position == position), None)
    if edge is not None:
        return backward.local(edge)(found[op])
    other = op.operands.get(1 - position)
    if op.name == "matmul":
        return found[op] @ other.numpy().T if position == 0 else other.numpy().T @ found[op]
    if op.name == "mul":
        return found[op] * other.numpy()
    return backward.local(model)(found[op])


def _gate_orders(backward: Backward) -> Iterator[Flow]:
    """The gates of a stacked delta in another order, for all that is made from it."""
    sizes = {int(size) for op in backward.activations for size in tuple(op.out.shape) if size > 1}
    for site in backward.tape.core:
        if site.first not in backward.entries or site.name != "add" or len(site.ops) < 2:
            continue
        shape = tuple(site.first.out.shape)
        if not shape:
            continue
        axis = int(np.argmax(shape))
        for size in sizes:
            if shape[axis] == size or shape[axis] % size or shape[axis] // size > 4:
                continue
            gates = shape[axis] // size
            for order in list(itertools.permutations(range(gates)))[1:]:
                said = ", ".join(map(str, order))
                mistake = Mistake(
                    LAYOUT,
                    f"the deltas of the gates of {at(site.ops[-1])} are put together in another order than in the "
                    f"forward pass: where it has gates 0 to {gates - 1}, the code has {said}",
                    "δ = [δ_0, δ_1, …] in the order of the forward pass; the code computes another order",
                )
                rules = {op: _reordered(gates, order, axis) for op in site.ops}
                yield Flow(("gates", site.number, order), mistake, Change(nodes=rules))


def _reordered(gates: int, order: tuple[int, ...], axis: int):
    def put(g: np.ndarray, found: Adjoints) -> np.ndarray:
        pieces = np.split(g, gates, axis=axis)
        return np.concatenate([pieces[k] for k in order], axis=axis)

    return put
