"""Hypotheses about the first step: a term that the forward pass has from the second step on, counted there as well.

    forward    v_t = … + p ∘ s_t     for t > 0
    backward   ds_t = … + dv_t ∘ p,  dp = Σ_t dv_t ∘ s_t     for t ≥ 0

The two passes have to begin with the same step.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from oracle.hypotheses.backward import Adjoints, Backward, Change
from oracle.hypotheses.flows import Place
from oracle.hypotheses.parts import summed_to
from oracle.hypotheses.reading import Flow, Mistake
from oracle.hypotheses.tape import Edge, Op
from oracle.hypotheses.words import at
from oracle.kinds import TIME_INDEX


def at_the_first_step(backward: Backward, every: list[Place]) -> Iterator[Flow]:
    """Each product of a value of the same step and a parameter that only the steps after the first have."""
    steps = backward.tape.steps
    for place in every:
        if place.site.name != "mul" or len(place.site.ops) != steps - 1 or not place.parameters or steps < 2:
            continue
        op, (value,) = place.site.first, place.edges[:1]
        weight = next((edge for edge in backward.entries[op] if edge.position != place.position), None)
        state, result = _state_at_first(backward, value), _result_at_first(backward, op)
        if weight is None or state is None or result is None:
            continue
        made_by, array = state
        if array.shape != tuple(op.out.shape):
            continue
        sentence = (
            f"the product at {at(op)} counts at the first step as well, where the forward pass has none: both have to "
            "begin with the same step"
        )
        algebra = "ds_t = … + dv_t ∘ p and dp = Σ_t dv_t ∘ s_t for t > 0; the code computes them for t ≥ 0"
        rule = _counted(backward, value, weight, array, result)
        yield Flow(("at first", place.key), Mistake(TIME_INDEX, sentence, algebra), Change(nodes={made_by: rule}))


def _counted(backward: Backward, value: Edge, weight: Edge, state: np.ndarray, result: Edge):
    def rule(g: np.ndarray, found: Adjoints) -> np.ndarray:
        delta = backward.local(result)(found[backward.op_of(result)])
        right = backward.local(weight)(found[weight.op])
        found[weight] = right + summed_to(delta * state, right.shape)
        return g + backward.local(value)(delta)

    return rule


def _state_at_first(backward: Backward, value: Edge) -> tuple[Op, np.ndarray] | None:
    """What makes, at the first step, the value that the product has at the second, and that value itself.

    It is found by another use of the value, which every step has.
    """
    for source in value.sources:
        for user in backward.users.get(source, []):
            op = backward.op_of(user)
            if len(op.site.ops) == backward.tape.steps and op.step == 1:
                first = next((one for one in backward.entries[op.site.first] if one.position == user.position), None)
                made_by = [one for one in first.sources if isinstance(one, Op)] if first is not None else []
                if len(made_by) == 1 and made_by[0] in backward.entries:
                    return made_by[0], first.tensor.detach().numpy()
    return None


def _result_at_first(backward: Backward, op: Op) -> Edge | None:
    """The operand that is, at the first step, the sum to which the product is added at the second."""
    users = backward.users.get(op, [])
    while len(users) == 1:
        (user,) = users
        after = backward.op_of(user)
        if len(after.site.ops) == backward.tape.steps:
            return next((one for one in backward.entries[after.site.first] if one.position == user.position), None)
        if after.name != "add":
            return None
        users = backward.users.get(after, [])
    return None
