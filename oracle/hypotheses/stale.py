"""Hypotheses about a value of the forward pass that the backward pass reads at the wrong step, wherever it uses it.

A value has several uses in the backward pass: in the derivative of its activation, as the other factor of a product,
as the input of a weight. Where a cache is read at the wrong step, all of them are wrong at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from oracle.hypotheses.backward import Backward, Change
from oracle.hypotheses.reading import Flow, Mistake
from oracle.hypotheses.series import shifted
from oracle.hypotheses.tape import Edge, Site
from oracle.hypotheses.words import at
from oracle.kinds import TIME_INDEX

INPUTS = frozenset(("input", "input at", "input in the list"))  # the local hypotheses that go with it


def stale(backward: Backward) -> Iterator[Flow]:
    """All values of the wrong step, as with one cache for a step; or one value."""
    factors = _factors_by_place(backward)
    sites = [site for site in backward.tape.core if site.first in backward.activations and len(site.ops) > 1]
    every: dict[str, tuple[str, dict]] = {}
    for site in sites:
        for key, words, rules in _slopes(backward, site):
            every.setdefault(key, (words, {}))[1].update(rules)
    for edges in factors.values():
        for key, words, rules in _factors(edges):
            every.setdefault(key, (words, {}))[1].update(rules)
    for key, (words, rules) in every.items():
        mistake = Mistake(
            TIME_INDEX,
            f"all that the backward pass reads of the forward pass is that {words}: is the cache indexed wrongly?",
            "δ_t and dW are made with h_t, x_t, …; the code takes h_s, x_s, …, s ≠ t",
        )
        yield Flow(("cache", key), mistake, Change(rules), implied=INPUTS)
    for site in sites:
        changes: dict[str, tuple[str, dict]] = {key: (words, rules) for key, words, rules in _slopes(backward, site)}
        for edges in factors.values():
            if _made_by(edges, site):
                for key, _, rules in _factors(edges):
                    changes[key][1].update(rules)
        where = at(site.ops[-1], backward.activations[site.ops[-1]])
        for key, (words, rules) in changes.items():
            sentence = f"wherever the backward pass uses the value of {where}, it is that {words}"
            mistake = Mistake(TIME_INDEX, sentence, "y_s for y_t, s ≠ t")
            yield Flow(("stale", site.number, key), mistake, Change(rules), implied=INPUTS)


def _slopes(backward: Backward, site: Site) -> Iterator[tuple[str, str, dict]]:
    steps = [backward.activations[op] for op in site.ops]
    for key, words, moved in shifted(np.stack([one.y for one in steps])):
        slope = steps[0].kind.slope(moved)
        yield key, words, {one.entries[0]: _times(slope[k]) for k, one in enumerate(steps)}


def _factors_by_place(backward: Backward) -> dict[tuple, list[Edge]]:
    """The operands of the elementwise products, by place."""
    found: dict[tuple, list[Edge]] = defaultdict(list)
    for edge in backward.edges:
        other = edge.op.operands.get(1 - edge.position)
        if edge.op.name == "mul" and other is not None and other.shape == edge.op.out.shape == edge.tensor.shape:
            found[edge.op.site, edge.position].append(edge)
    return {key: edges for key, edges in found.items() if len(edges) > 1}


def _factors(edges: list[Edge]) -> Iterator[tuple[str, str, dict]]:
    for key, words, moved in shifted(np.stack([edge.op.operands[1 - edge.position].numpy() for edge in edges])):
        yield key, words, {edge: _times(moved[k]) for k, edge in enumerate(edges)}


def _made_by(edges: list[Edge], site: Site) -> bool:
    other = edges[-1].op.edge(1 - edges[-1].position)
    return other is not None and any(one in site.ops for one in other.sources)


def _times(factor: np.ndarray):
    return lambda flow, g, found: g * factor
