"""Hypotheses about what flows through the operations: products, sums, branches and carries.

elementwise product  v = x ∘ y    dx = dv ∘ y
product              v = x W      dx = dv Wᵀ
a value used twice               dx = the sum of what comes back from both uses
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from oracle.hypotheses.backward import Adjoints, Backward, Change
from oracle.hypotheses.parts import COLUMNS, ROWS
from oracle.hypotheses.reading import Flow, Mistake
from oracle.hypotheses.series import Series, shifted
from oracle.hypotheses.tape import Edge, Op, Site, earlier
from oracle.hypotheses.words import at, listed, value_of
from oracle.kinds import BRANCH, CARRY, FACTOR, LAYOUT, OPERAND, SIGN, STATE, TIME_INDEX, TRANSPOSED, UPDATE

CLIPS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 1.0, 2.0, 5.0)


class Place:
    """The same operand of the operations of one site; `carried` if it comes from the step before."""

    def __init__(self, backward: Backward, site: Site, position: int) -> None:
        self.site, self.position = site, position
        self.edges = [one for op in site.ops for one in backward.entries[op] if one.position == position]
        self.sources = {one for edge in self.edges for one in edge.sources if isinstance(one, Op)}
        later = [edge for edge in self.edges if any(isinstance(one, Op) for one in edge.sources)][
            -max(1, len(site.ops) - 1) :
        ]
        self.carried = (
            bool(later)
            and len(site.ops) > 1
            and all(any(isinstance(one, Op) and earlier(one, edge.op) for one in edge.sources) for edge in later)
        )
        self.recurrent = self.carried
        self.parameters = {
            name
            for op in site.ops
            for edge in backward.entries[op]
            if edge.position != position
            for name in edge.parameters
        }
        self.shared = any(len(backward.users[one]) > 1 or one in backward.seeds for one in self.sources)

    @property
    def key(self) -> tuple[int, int]:
        return self.site.number, self.position

    @property
    def where(self) -> str:
        return at(self.site.ops[-1])

    @property
    def source(self) -> str:
        """'the value of line 12', where there is one source."""
        if not self.sources:
            return self.edges[-1].parameters[0]
        last = max(self.sources, key=lambda op: op.order)
        return at(last)


def places(backward: Backward) -> list[Place]:
    """Every operand that is computed, in the order of the forward pass."""
    kept, inert = set(backward.ops), backward.inert
    looked_up = {edge for part in backward.parts if part.lookups for edge in part.edges if edge.op.name == "matmul"}
    found = []
    for site in backward.tape.core:
        if site.first not in kept:
            continue
        for position in sorted({edge.position for op in site.ops for edge in backward.entries[op]}):
            place = Place(backward, site, position)
            if (place.sources and not all(edge in inert for edge in place.edges)) or place.edges[0] in looked_up:
                found.append(place)
    carried = {place.site for place in found if place.carried}
    for place in found:
        place.recurrent = place.carried or any(one.site in carried for one in place.sources if one.name == "mul")
    return found


def least(backward: Backward) -> int:
    """The operations that a site in the loop has at least; the loop may be over one step."""
    return min(2, backward.tape.steps)


def at_all(place: Place, rule) -> Change:
    return Change({edge: rule for edge in place.edges})


def cuts(backward: Backward, every: list[Place]) -> Iterator[Flow]:
    """A path cut, or taken with the wrong sign; the carry missing altogether, for some steps, or malformed."""
    carried = [place for place in every if place.carried]
    if carried:
        names = ", ".join(sorted({f"line {place.site.line}" for place in carried}))
        cut = Change({edge: _zero for place in carried for edge in place.edges})
        missing = Mistake(
            CARRY,
            "nothing is carried from step t + 1 back to step t: every step is taken by itself; the previous state "
            f"is used at {names}, and what flows back from there is missing",
            "dh_t = (from the loss at t) + (from step t + 1); the code computes only the first",
        )
        yield Flow("no carry", missing, cut)
        inner = {edge: _zero for place in carried for edge in place.edges if edge not in backward.inert}
        if len(inner) < len(cut.edges):  # the gradient of an initial state is right
            yield Flow(("no carry", "inside"), missing, Change(inner))
        yield from _windows(backward, carried)
        for groups, what in ((_products(carried), "the products with weights"), (_others(carried), "the other uses")):
            if 1 < len(groups) < len(carried):
                lines = ", ".join(sorted({f"line {place.site.line}" for place in groups}))
                yield Flow(
                    ("no carry", what),
                    Mistake(CARRY, f"nothing is carried back through {what} of the previous state ({lines})"),
                    Change({edge: _zero for place in groups for edge in place.edges}),
                )
    yield from _alone(carried)
    for place in every:
        yield from _cut(backward, place)


def _alone(carried: list[Place]) -> Iterator[Flow]:
    """Of several products with weights that carry, some: an `=` for a `+=` loses those before it."""
    products = _products(carried)
    if not 3 <= len(products) <= 5:
        return
    for count in range(1, len(products) - 1):
        for kept in itertools.combinations(products, count):
            names = listed(sorted({name for place in kept for name in place.parameters}))
            mistake = Mistake(
                BRANCH,
                f"of the {len(products)} paths through the gates by which the previous state gets its gradient, only "
                f"{names} counts: is a sum overwritten, `=` for `+=`?",
                "dh_{t-1} = Σ_k δ_k W_kᵀ over all gates; the code leaves some out",
            )
            cut = {edge: _zero for place in products if place not in kept for edge in place.edges}
            yield Flow(("gates alone", tuple(place.key for place in kept)), mistake, Change(cut))


def _products(carried: list[Place]) -> list[Place]:
    return [place for place in carried if place.site.name == "matmul"]


def _others(carried: list[Place]) -> list[Place]:
    return [place for place in carried if place.site.name != "matmul"]


def _cut(backward: Backward, place: Place) -> Iterator[Flow]:
    what = "carried from step t + 1" if place.carried else "that comes back"
    said = f"{what} through {place.where}" + (f", into {place.source}," if not place.carried else "")
    kind = CARRY if place.carried else BRANCH
    if place.shared or place.carried:
        missing = Mistake(
            kind,
            f"the part {said} is missing: is it overwritten (`=` for `+=`), or never added?",
            "the adjoint is the sum over all uses of a value; the code leaves this use out",
        )
        yield Flow(("cut", place.key), missing, at_all(place, _zero))
        inner = {edge: _zero for edge in place.edges if edge not in backward.inert}
        if len(inner) < len(place.edges):  # the gradient of an initial state is right
            yield Flow(("cut", place.key, "inside"), missing, Change(inner))
    yield Flow(
        ("minus", place.key),
        Mistake(SIGN, f"the part {said} has the wrong sign", "dv = … + (this part); the code computes dv = … − it"),
        at_all(place, lambda flow, g, found: -flow),
    )
    inner = {edge: _minus for edge in place.edges if edge not in backward.inert}
    if len(inner) < len(place.edges):
        sentence = f"the part {said} has the wrong sign, but for the gradient of the initial state"
        yield Flow(("minus", place.key, "inside"), Mistake(SIGN, sentence), Change(inner))
    for by, words in ((2.0, "twice"), (0.5, "half of")):
        yield Flow(
            ("times", place.key, by),
            Mistake(FACTOR, f"{words} the part {said} is taken", f"dv = …; the code computes {by:g} times it"),
            at_all(place, lambda flow, g, found, by=by: by * flow),
        )
    if not place.carried:
        if place.shared and len(place.edges) > 1:
            mistake = Mistake(
                BRANCH, f"the part {said} is taken at the last step only: at the others the carry replaces it",
                "dh_t = (from the loss at t) + (from step t + 1); the code computes only the second"
            )  # fmt: skip
            yield Flow(("only at the last", place.key), mistake, Change({edge: _zero for edge in place.edges[:-1]}))
        return
    for step, words in ((-1, "last"), (0, "first")):
        yield Flow(
            ("cut at", place.key, step),
            Mistake(CARRY, f"the part {said} is missing at the {words} step at which there is one"),
            Change({place.edges[step]: _zero}),
        )
    yield Flow(
        ("running sum", place.key),
        Mistake(
            CARRY,
            f"the part {said} is summed up over the steps, `+=` for `=`: it holds those of all later steps as well",
            "carry_t = δ_{t+1} Wᵀ; the code computes carry_t = carry_{t+1} + δ_{t+1} Wᵀ",
        ),
        _running(place),
    )


def clips(backward: Backward, every: list[Place]) -> Iterator[Flow]:
    """What is carried, or the delta that it is made from, clipped inside the loop."""
    base = backward.adjoints()
    for place in every:
        if place.carried:
            largest = max(float(np.abs(base[backward.op_of(edge)]).max(initial=0)) for edge in place.edges)
            flows = [backward.local(edge)(base[backward.op_of(edge)]) for edge in place.edges]
            most = max(float(np.abs(flow).max(initial=0)) for flow in flows)
            yield from _clipped(backward, place, [bound for bound in CLIPS if bound < 2 * max(most, largest)])


def _clipped(backward: Backward, place: Place, bounds: list[float]) -> Iterator[Flow]:
    said = f"carried from step t + 1 through {place.where}"
    for bound in bounds:
        yield Flow(
            ("clip", place.key, bound),
            Mistake(STATE, f"what is {said} is clipped to ±{bound:g} inside the loop: what is clipped is no gradient"),
            at_all(place, _clipping(bound)),
        )
        before = f"the delta that what is {said} is made from is clipped to ±{bound:g}"
        rules = {edge: _clipped_before(backward, edge, bound) for edge in place.edges}
        yield Flow(("clip before", place.key, bound), Mistake(STATE, before), Change(rules))


def _zero(flow: np.ndarray, g: np.ndarray, found: Adjoints) -> np.ndarray:
    return np.zeros_like(flow)


def _minus(flow: np.ndarray, g: np.ndarray, found: Adjoints) -> np.ndarray:
    return -flow


def _clipping(bound: float):
    return lambda flow, g, found: np.clip(flow, -bound, bound)


def _clipped_before(backward: Backward, edge: Edge, bound: float):
    return lambda flow, g, found: backward.local(edge)(np.clip(g, -bound, bound))


def _running(place: Place) -> Change:
    total: dict[str, np.ndarray] = {}
    last = place.edges[-1]

    def rule(edge: Edge):
        def add(flow: np.ndarray, g: np.ndarray, found: Adjoints) -> np.ndarray:
            total["sum"] = flow if edge is last else total["sum"] + flow
            return total["sum"]

        return add

    return Change({edge: rule(edge) for edge in place.edges})


def _windows(backward: Backward, carried: list[Place]) -> Iterator[Flow]:
    """Carries that reach back over k steps only, by the step of the loss or in blocks."""
    steps = backward.tape.steps

    def edges_where(chosen) -> dict[Edge, object]:
        return {edge: _zero for place in carried for edge in place.edges if chosen(edge.op.step)}

    seeds = backward.seeds_by_step()
    for k in range(2, steps):
        yield Flow(
            ("blocks", k),
            Mistake(CARRY, f"the carry is cut at every {k}th step: the steps are taken in blocks of {k}"),
            Change(edges_where(lambda t, k=k: t % k == 0)),
        )
        if seeds is None:
            continue

        def run(backward: Backward, more: Change, k: int = k) -> Adjoints:
            total: Adjoints = {}
            for s, seed in enumerate(backward.seeds_by_step()):
                cut = Change(edges_where(lambda t, s=s, k=k: t <= s - k + 1)).together(more) or more
                for op, adjoint in backward.adjoints(cut, seed).items():
                    total[op] = total[op] + adjoint if op in total else adjoint
            return total

        words = f"the loss of each step reaches back over {k} steps only: truncated BPTT, with a window of {k}"
        yield Flow(("window", k), Mistake(CARRY, words), run=run)
    for t in range(1, steps):
        yield Flow(
            ("carry cut", t if t < steps - 1 else -1),
            Mistake(CARRY, f"nothing is carried from step {t} to step {t - 1} (of 0 to {steps - 1})"),
            Change(edges_where(lambda step, t=t: step == t)),
        )


def elementwise(backward: Backward, every: list[Place], series: list[Series]) -> Iterator[Flow]:
    """Another factor in the derivative of an elementwise product."""
    for place in every:
        if place.site.name != "mul" or len(place.site.ops) < least(backward):
            continue
        edges = place.edges
        others = [_other(edge) for edge in edges]
        if any(other is None or other.shape != tuple(edge.op.out.shape) for other, edge in zip(others, edges)):
            continue
        if any(edge.tensor.shape != edge.op.out.shape for edge in edges):  # one that is broadcast is summed
            continue
        right = np.stack(others)
        say = f"where the product at {place.where} is differentiated with respect to its {_side(place)} factor, "
        gone = f"{say}the other factor is missing"
        one = "v = x ∘ y, dx = dv ∘ y; the code computes dx = "
        yield Flow(
            ("factor gone", place.key), Mistake(_kind(place), gone, one + "dv"), at_all(place, lambda f, g, _: g)
        )
        complement = Mistake(OPERAND, f"{say}the other factor y is taken as 1 − y", one + "dv ∘ (1 − y)")
        yield Flow(("complement", place.key), complement, _factors(edges, 1 - right))
        if (overwritten := _own_slopes(backward, edges)) is not None:
            said = f"{say}the other factor has been overwritten by its own derivative: compute that in a new array"
            mistake = Mistake(STATE, said, one + "dv ∘ s'(y)")
            yield Flow(("overwritten", place.key), mistake, _factors(edges, overwritten))
        own = np.stack([edge.op.value.numpy() for edge in edges])
        said = f"{say}dv has been multiplied in place by the first factor before: compute that in a new array"
        yield Flow(("in place", place.key), Mistake(STATE, said, one + "(dv ∘ x) ∘ y"), _factors(edges, own))
        squared = Mistake(OPERAND, f"{say}the other factor is squared", one + "dv ∘ y²")
        yield Flow(("squared", place.key), squared, _factors(edges, right**2))
        for key, words, arrays in shifted(right):
            mistake = Mistake(TIME_INDEX, f"{say}the other factor is that {words}", one + "dv ∘ y_s, s ≠ t")
            yield Flow(("factor at", place.key, key), mistake, _factors(edges, arrays))
        for other in series:
            arrays = other.arrays[-len(edges) :]
            if arrays.shape != right.shape or np.array_equal(arrays, right):
                continue
            shift = np.array_equal(arrays[1:], right[:-1]) or np.array_equal(arrays[:-1], right[1:])
            said = f"{say}the factor is {other.words} instead of the other factor"
            mistake = Mistake(TIME_INDEX if shift else OPERAND, said, one + "dv ∘ z")
            yield Flow(("factor", place.key, other.key), mistake, _factors(edges, arrays))


def _kind(place: Place) -> str:
    return CARRY if place.carried else OPERAND


def _side(place: Place) -> str:
    return "left" if place.position == 0 else "right"


def _other(edge: Edge) -> np.ndarray | None:
    other = edge.op.operands.get(1 - edge.position)
    return None if other is None else other.numpy()


def _own_slopes(backward: Backward, edges: list[Edge]) -> np.ndarray | None:
    """Where the other factors are values of one activation: its derivatives there."""
    found = []
    for edge in edges:
        other = edge.op.edge(1 - edge.position)
        made = [backward.activations[one] for one in other.sources if one in backward.activations] if other else []
        if len(made) != 1 or made[0].y.shape != tuple(edge.op.out.shape):
            return None
        found.append(made[0].kind.slope(made[0].y))
    return np.stack(found)


def _factors(edges: list[Edge], arrays: np.ndarray) -> Change:
    return Change({edge: _times(array) for edge, array in zip(edges, arrays)})


def _times(array: np.ndarray):
    return lambda flow, g, found: g * array


def adjoint_swaps(backward: Backward, every: list[Place]) -> Iterator[Flow]:
    """What flows into an operand made from the adjoint of another operation of the step: dh for δ, another gate's."""
    kept = [site for site in backward.tape.core if site.first in set(backward.ops)]
    for place in every:
        ops = [edge.op for edge in place.edges]
        if len(ops) < least(backward):
            continue
        for site in kept:
            if site is place.site or len(site.ops) < len(ops) or site.first.out.shape != ops[0].out.shape:
                continue
            behind = len(site.ops) - len(place.site.ops)
            pairs = {edge: site.ops[edge.op.step + behind] for edge in place.edges}
            if any(other.order < edge.op.order for edge, other in pairs.items()):
                continue
            activation = site.ops[-1] in backward.activations
            kind = CARRY if place.carried and activation else OPERAND
            name = value_of(site.ops[-1], backward.activations.get(site.ops[-1]))
            if place.carried and activation:
                said = f"what is carried back through {place.where} is made from dL/d({name})"
            else:
                said = f"what flows back through {place.where} is made from dL/d({name}) instead of its own delta"
            mistake = Mistake(kind, said, "dh_{t-1} = … + δ_t Wᵀ; the code takes another adjoint for δ_t")
            rules = {edge: _from(backward, edge, other) for edge, other in pairs.items()}
            yield Flow(("adjoint", place.key, site.number), mistake, Change(rules))
        if any(len(backward.users[op]) + (op in backward.seeds) > 1 for op in ops):
            yield from _parts_of_adjoint(backward, place)


def _from(backward: Backward, edge: Edge, other: Op):
    return lambda flow, g, found: backward.local(edge)(found[other])


def _parts_of_adjoint(backward: Backward, place: Place) -> Iterator[Flow]:
    """What flows on from only the carried, or only the local part of an adjoint."""
    users: set[tuple[int, int]] = {
        (one.op.site.number, one.position) for edge in place.edges for one in backward.users[edge.op]
    }
    for user in sorted(users):
        rules = {edge: _without(backward, edge, user) for edge in place.edges}
        mistake = Mistake(
            BRANCH,
            f"what flows back through {place.where} lacks a part of the adjoint: that from the use in line "
            f"{backward.tape.sites[user[0]].line}",
            "dv is the sum over all uses of v; the code passes on a part of the sum",
        )
        yield Flow(("without", place.key, user), mistake, Change(rules))
        rules = {edge: _without(backward, edge, user, only=True) for edge in place.edges}
        mistake = Mistake(
            BRANCH,
            f"what flows back through {place.where} is made from a part of the adjoint only: that from the use in line "
            f"{backward.tape.sites[user[0]].line}",
            "dv is the sum over all uses of v; the code passes on one of its parts",
        )
        yield Flow(("only", place.key, user), mistake, Change(rules))


def node_parts(backward: Backward) -> Iterator[Flow]:
    """A value's adjoint made from one of its uses only, or from all but one."""
    for site in backward.tape.core:
        if site.first not in backward.entries or len(site.ops) < least(backward):
            continue
        users = {(one.op.site.number, one.position) for op in site.ops for one in backward.users[op]}
        if len(users) < 2 or (len(users) == 2 and not any(op in backward.seeds for op in site.ops)):
            continue  # of two uses, one alone is the other left out, which is a cut
        where = at(site.ops[-1], backward.activations.get(site.ops[-1]))
        for user in sorted(users):
            line = backward.tape.sites[user[0]].line
            mistake = Mistake(
                BRANCH,
                f"the adjoint of the value of {where} is made from one use only, that in line {line}: the others "
                "are overwritten, or never added",
                "dv is the sum over all uses of v; the code takes one of them",
            )
            rules = {op: _only(backward, op, user) for op in site.ops}
            yield Flow(("node", site.number, user), mistake, Change(nodes=rules))


def _only(backward: Backward, op: Op, user: tuple[int, int]):
    users = [one for one in backward.users[op] if (one.op.site.number, one.position) == user]

    def rule(g: np.ndarray, found: Adjoints) -> np.ndarray:
        return sum((backward.flow_into(one, op, found) for one in users), np.zeros_like(g))

    return rule


def _without(backward: Backward, edge: Edge, user: tuple[int, int], only: bool = False):
    users = [one for one in backward.users[edge.op] if (one.op.site.number, one.position) == user]

    def rule(flow: np.ndarray, g: np.ndarray, found: Adjoints) -> np.ndarray:
        part = sum((backward.flow_into(one, edge.op, found) for one in users), np.zeros_like(g))
        return backward.local(edge)(part if only else g - part)

    return rule


def products(backward: Backward, every: list[Place]) -> Iterator[Flow]:
    """Another matrix, or none, in the derivative of a product with a weight."""
    weights = {part.parameter: part for part in backward.parts if part.form in (ROWS, COLUMNS)}
    for place in every:
        if place.site.name != "matmul" or not place.parameters:
            continue
        position = 1 - place.position
        ops = [edge.op for edge in place.edges]
        if position not in ops[0].operands or ops[0].operands[position].ndim != 2:
            continue
        weight = ops[0].operands[position].numpy()
        rows = place.position == 0
        (name,) = list(place.parameters)[:1]
        path = "carried from step t + 1" if place.carried else "that flows back"
        say = f"{name} in what is {path} through {place.where}"
        right = "δ Wᵀ" if rows else "Wᵀ δ"
        for key, kind, sentence, algebra, matrix in _matrices(place, name, weight, say, rows):
            change = at_all(place, _through(matrix, rows))
            shapes = f"{name} {weight.shape}, δ {tuple(ops[0].out.shape)}"
            algebra = f"dh_t = … + {right}; the code computes … + {algebra}"
            yield Flow((key, place.key), Mistake(kind, sentence, algebra, shapes), change)
        for other in weights:
            if other == name:
                continue
            matrix = backward.tape.leaves[other].detach().numpy()
            for turn, array in ((False, matrix), (True, matrix.T)):
                if array.shape == weight.shape:
                    mistake = Mistake(
                        OPERAND,
                        f"{other}{' transposed' if turn else ''} stands where {name} belongs in what is {path} through "
                        f"{place.where}",
                        f"dh_t = … + {right} with W = {name}; the code takes W = {other}",
                    )
                    yield Flow(("weight", place.key, other, turn), mistake, at_all(place, _through(array, rows)))
        yield from _updated(backward, place, name, rows, f"{path} through {place.where}")
        if weight.shape[0] == weight.shape[1]:
            mistake = Mistake(
                CARRY if place.carried else OPERAND,
                f"{name} is missing in what is {path} through {place.where}: δ is passed on as it is",
                f"dh_t = … + {right}; the code computes … + δ",
                f"{name} {weight.shape}: square, so nothing raises",
            )
            yield Flow(("no weight", place.key), mistake, at_all(place, lambda flow, g, found: g))


def none_transposed(backward: Backward, every: list[Place]) -> Iterator[Flow]:
    """All square weights that carry, at once."""
    turned = []
    for place in every:
        if place.site.name != "matmul" or not place.recurrent:
            continue
        for flow in products(backward, [place]):
            if isinstance(flow.key, tuple) and flow.key[0] in ("not transposed", "block top", "block bottom"):
                turned.append((place, flow.change))
    if len(turned) > 1:
        change = Change()
        for _, one in turned:
            change = change.together(one) or change
        names = ", ".join(sorted(name for place, _ in turned for name in place.parameters))
        mistake = Mistake(
            TRANSPOSED,
            f"{names} are not transposed in the carry: each is square, so both orientations fit and nothing raises",
            "dh_t = … + δ_{t+1} Wᵀ; the code computes … + δ_{t+1} W",
        )
        yield Flow("none transposed", mistake, change)


RATES = (0.1, 0.01, 0.001, 0.5, 1.0, 0.05, 0.2)


def _updated(backward: Backward, place: Place, name: str, rows: bool, path: str) -> Iterator[Flow]:
    """The weight's gradient for the weight; the weight updated inside the loop, before it is used again."""
    parts = [part for part in backward.parts_for(name) if place.site is part.ops[0].site]
    whole = int(np.prod(backward.tape.leaves[name].shape))
    if len(parts) != 1 or int(np.prod(parts[0].shape)) != whole or parts[0].split is not None:
        return
    part = parts[0]

    def changed(matrix_of) -> Change:
        """matrix_of(the weight, the sum of the contributions so far, that of all those sums) -> what stands for it."""
        state = {}

        def rule(edge: Edge):
            k = part.ops.index(edge.op)

            def put(flow: np.ndarray, g: np.ndarray, found: Adjoints) -> np.ndarray:
                if edge is place.edges[-1]:
                    state.update(sum=np.zeros(part.shape), sums=np.zeros(part.shape))
                a, delta = part.inputs[k], part.oriented(g)
                state["each"] = a.T @ delta if rows else delta.T @ a
                state["sum"] = state["sum"] + state["each"]
                state["sums"] = state["sums"] + state["sum"]
                matrix = matrix_of(edge.op.operands[1 - edge.position].numpy(), state)
                return g @ matrix.T if rows else matrix.T @ g

            return put

        return Change({edge: rule(edge) for edge in place.edges})

    for key in ("sum", "each"):
        mistake = Mistake(
            OPERAND, f"the gradient d{name} stands where {name} belongs in what is {path}", "δ Wᵀ; the code: δ dWᵀ"
        )
        yield Flow(("gradient for weight", key, place.key), mistake, changed(lambda w, state, key=key: state[key]))
    for rate in RATES:
        for key in ("sums", "sum"):
            mistake = Mistake(
                UPDATE,
                f"{name} is updated inside the backward loop, with a step of {rate:g}, before its use in what is {path}"
                ": update after the loop",
                f"δ Wᵀ; the code computes δ (W − {rate:g} dW)ᵀ",
            )
            change = changed(lambda w, state, key=key, rate=rate: w - rate * state[key])
            yield Flow(("updated", key, rate, place.key), mistake, change)


def _matrices(place: Place, name: str, weight: np.ndarray, say: str, rows: bool) -> Iterator[tuple]:
    square = weight.shape[0] == weight.shape[1]
    turned = TRANSPOSED if place.recurrent else LAYOUT
    fits = "the matrix is square, so both orientations fit and nothing raises"
    if square:
        algebra = "δ W" if rows else "W δ"
        yield "not transposed", turned, f"{say} is not transposed: {fits}", algebra, weight.T
        diagonal = np.diag(np.diag(weight))
        yield "diagonal", LAYOUT, f"{say}: only its diagonal counts, elementwise", "δ ∘ diag(W)", diagonal
        for axis, words in ((0, "column"), (1, "row")):
            sums = np.diag(weight.sum(axis=axis))
            yield f"{words} sums", LAYOUT, f"{say}: its {words} sums are multiplied elementwise", "δ ∘ 1ᵀW", sums
        yield "squared", OPERAND, f"{say} is applied twice", "δ Wᵀ Wᵀ", weight @ weight
    else:
        reshaped = weight.reshape(weight.shape[::-1]).T
        yield "reshaped", LAYOUT, f"{say} is reshaped where it should be transposed", "δ reshape(W)", reshaped
        for key, part, rest in _square_blocks(weight):
            block = weight.copy()
            block[part] = weight[part].T
            yield f"block {key}", turned, f"{say}: its square block is not transposed: {fits}", "δ W_h", block
            block = weight.copy()
            block[part] = weight[rest]
            yield f"wrong end {key}", LAYOUT, f"{say} is split at the wrong end", "δ W_xᵀ for δ W_hᵀ", block
        axis = int(np.argmax(weight.shape))
        if max(weight.shape) % min(weight.shape) == 0:
            gates = np.split(weight, max(weight.shape) // min(weight.shape), axis=axis)
            for k, gate in enumerate(gates):
                block = np.concatenate([one.T if one is gate else one for one in gates], axis=axis)
                gone = np.concatenate([0 * one if one is gate else one for one in gates], axis=axis)
                yield f"without gate {k}", BRANCH, f"{say}: the path through gate {k} is missing", "… − δ_k W_kᵀ", gone
                alone = np.concatenate([one if one is gate else 0 * one for one in gates], axis=axis)
                yield f"only gate {k}", BRANCH, f"{say}: only the path through gate {k} counts", "δ_k W_kᵀ", alone
                yield f"gate {k}", turned, f"{say}: the block of gate {k} is not transposed: {fits}", "δ_k W_k", block
            block = np.concatenate([one.T for one in gates], axis=axis)
            yield (
                "gates",
                turned,
                f"{say}: the blocks of the gates are not transposed: each is square",
                "δ_k W_k",
                block,
            )


def _square_blocks(weight: np.ndarray) -> Iterator[tuple[str, tuple, tuple]]:
    """(which, a square block at one end, the one at the other end) of a matrix that is not square."""
    n, m = weight.shape
    k = min(n, m)
    if n > m:
        top, bottom = (slice(0, k), slice(None)), (slice(n - k, n), slice(None))
    else:
        top, bottom = (slice(None), slice(0, k)), (slice(None), slice(m - k, m))
    yield "top", top, bottom
    yield "bottom", bottom, top


def _through(matrix: np.ndarray, rows: bool):
    """δ Wᵀ for rows, Wᵀ δ for columns."""
    return (lambda flow, g, found: g @ matrix.T) if rows else (lambda flow, g, found: matrix.T @ g)
