"""Hypotheses about the derivative of an activation: dL/da = dL/dy ∘ s'(a), where y = s(a)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from oracle.hypotheses.activations import ACTIVATIONS, Activated, Activation
from oracle.hypotheses.backward import Backward, Change
from oracle.hypotheses.reading import Flow, Mistake
from oracle.hypotheses.series import Series, shifted
from oracle.hypotheses.tape import Edge, Site
from oracle.hypotheses.words import at, line_of, listed
from oracle.kinds import DERIVATIVE

Variant = tuple[str, str, str, np.ndarray]  # key, what the code does, its slope in algebra, the slope over the steps


def slopes(backward: Backward, series: list[Series]) -> Iterator[Flow]:
    """Each activation line by line, and all of one kind together."""
    sites = {site: [backward.activations[op] for op in site.ops] for site in _sites(backward)}
    together: dict[tuple[Activation, str], list[tuple[Site, Variant]]] = defaultdict(list)
    for site, steps in sites.items():
        kind = steps[0].kind
        where = at(site.ops[-1], steps[-1])
        for variant in [*_of_itself(steps), *_recomputed(backward, steps), *_at_others(site, steps, series)]:
            key, does, algebra, slope = variant
            if key[0] == "itself":
                together[kind, key].append((site, variant))
            change = Change({edge: _with(slope[k]) for k, one in enumerate(steps) for edge in one.entries[:1]})
            yield Flow(("slope", site.number, key), _mistake(kind, where, does, algebra, site), change)
        for key, does, algebra, function in _of_the_gradient(kind):
            change = Change({one.entries[0]: _through(function) for one in steps})
            yield Flow(("slope", site.number, key), _mistake(kind, where, does, algebra, site), change)
    for (kind, key), ones in together.items():
        if len(ones) > 1:
            change = Change()
            for site, (_, _, _, slope) in ones:
                rules = {one.entries[0]: _with(slope[k]) for k, one in enumerate(sites[site])}
                change = change.together(Change(rules))
            _, does, algebra, _ = ones[0][1]
            lines = sorted({line_of(site.ops[-1], sites[site][-1])[1] for site, _ in ones})
            where = f"every {kind.name} (line{'s' * (len(lines) > 1)} {listed(map(str, lines))})"
            yield Flow(("slope", kind.name, key), _mistake(kind, where, does, algebra, ones[0][0]), change)


def _sites(backward: Backward) -> list[Site]:
    return [site for site in backward.tape.core if site.first in backward.activations]


def _mistake(kind: Activation, where: str, does: str, algebra: str, site: Site) -> Mistake:
    right = kind.algebra.format("y")
    return Mistake(
        DERIVATIVE,
        f"the derivative of {kind.name} at {where}: {does}; it should be {right}, with y the value of that {kind.name}",
        f"δ = dy ∘ ({right}), with y = {kind.name}(a); the code computes δ = {algebra}",
        f"y, dy and δ are all {tuple(site.first.out.shape)}",
    )


def _with(slope: np.ndarray):
    return lambda flow, g, found: g * slope


def _through(function):
    return lambda flow, g, found: function(g)


def _of_itself(steps: list[Activated]) -> Iterator[Variant]:
    """What is put for the slope, made of the activation's own x and y."""
    kind = steps[0].kind
    x, y = np.stack([one.x for one in steps]), np.stack([one.y for one in steps])
    slope = kind.slope(y)
    algebra = kind.algebra
    yield ("itself", "missing"), "it is left out", "dy", np.ones_like(y)
    at_x = algebra.format("a")
    yield ("itself", "x"), f"it is taken of the pre-activation, {at_x}", f"dy ∘ ({at_x})", kind.slope(x)
    again = f"{kind.name}'(y)"
    yield (
        ("itself", "activated"),
        f"{kind.name}'(a) is taken at the already activated value, as {again}: the activation is applied twice",
        f"dy ∘ {again}",
        kind.slope(kind.function(y)),
    )
    yield (
        ("itself", "of -a"),
        f"it is {kind.name}'(−a): a has the wrong sign",
        f"dy ∘ {kind.name}'(−a)",
        kind.slope(kind.function(-x)),
    )
    yield from _of_one_unit(kind, y)
    yield ("itself", "twice"), "it is applied twice", f"dy ∘ ({algebra.format('y')})²", slope**2
    yield ("itself", "function"), f"{kind.name} itself stands where its derivative belongs", "dy ∘ y", y
    yield ("itself", "a"), "the pre-activation stands where the derivative belongs", "dy ∘ a", x
    yield ("itself", "(1-y)^2"), "it is the square of the difference, (1 − y)²", "dy ∘ (1 − y)²", (1 - y) ** 2
    yield ("itself", "1-y"), "it is 1 − y", "dy ∘ (1 − y)", 1 - y
    yield ("itself", "minus"), "its sign is wrong", f"−dy ∘ ({algebra.format('y')})", -slope
    yield ("itself", "y*y"), "it is y²", "dy ∘ y²", y * y
    yield ("itself", "1+y*y"), "it is 1 + y²", "dy ∘ (1 + y²)", 1 + y * y
    yield ("itself", "y*(1+y)"), "it is y (1 + y)", "dy ∘ y (1 + y)", y * (1 + y)
    yield (
        ("itself", "inverse"),
        "it is divided by, not multiplied",
        f"dy / ({algebra.format('y')})",
        1 / np.where(slope, slope, 1),
    )
    for other in ACTIVATIONS:
        if other is not kind:
            words = other.algebra.format("y")
            yield ("itself", other.name), f"it is that of {other.name}, {words}", f"dy ∘ ({words})", other.slope(y)
            yield (
                ("itself", other.name, "of a"),
                f"it is that of {other.name} at the pre-activation, {other.name}'(a)",
                f"dy ∘ {other.name}'(a)",
                other.slope(other.function(x)),
            )
            words = other.algebra.format("a")
            yield (
                ("itself", other.name, "x"),
                f"it is that of {other.name}, of the pre-activation: {words}",
                f"dy ∘ ({words})",
                other.slope(x),
            )


def _of_one_unit(kind: Activation, y: np.ndarray) -> Iterator[Variant]:
    """The derivative of the first unit for all: the diagonal of a matrix of one row, np.diag of (1, H)."""
    if y.shape[-1] < 2:
        return
    again = f"{kind.name}'(y)"
    for key, words, algebra, slope in (
        ("first unit", "", kind.algebra.format("y"), kind.slope(y)),
        ("activated, first unit", f", and it is taken at the already activated value, as {again}", again,
         kind.slope(kind.function(y))),
    ):  # fmt: skip
        one = np.broadcast_to(slope[..., :1], slope.shape)
        sentence = f"that of the first unit stands for all (the np.diag of a matrix of one row has one element){words}"
        yield ("itself", key), sentence, f"dy ∘ ({algebra})₁", one


def _recomputed(backward: Backward, steps: list[Activated]) -> Iterator[Variant]:
    """The derivative at a pre-activation that is computed anew, with another bias, or a term of another step."""
    kind, x = steps[0].kind, np.stack([one.x for one in steps])
    terms = [_terms(one.entries[0]) for one in steps]
    if len({len(one) for one in terms}) != 1:
        return
    for k, of_steps in enumerate(zip(*terms)):
        values = np.stack([np.broadcast_to(value, one.x.shape) for (value, _), one in zip(of_steps, steps)])
        again = f"it is taken at a pre-activation that is computed anew, {{}}: {kind.name}'(a)"
        names = {name for _, name in of_steps}
        if "" not in names and len(names) == 1:
            (own,) = names
            for other, leaf in backward.tape.leaves.items():
                if other != own and leaf.shape == backward.tape.leaves[own].shape:
                    x_other = x - values + leaf.detach().numpy()
                    words = f"with {other} in the place of its own bias"
                    yield (
                        ("itself", "with", other),
                        again.format(words),
                        f"dy ∘ {kind.name}'(a), a with {other}",
                        (kind.slope(kind.function(x_other))),
                    )
        yield (
            ("term", "gone", k),
            again.format(f"without its {_ordinal(k)} term"),
            f"dy ∘ {kind.name}'(a − …)",
            (kind.slope(kind.function(x - values))),
        )
        for key, words, moved in shifted(values):
            if key not in ("last", "first", "next", "previous"):
                continue
            said = again.format(f"with its {_ordinal(k)} term {words}")
            yield (
                ("term", key, k),
                said,
                f"dy ∘ {kind.name}'(a), a mixed of two steps",
                (kind.slope(kind.function(x - values + moved))),
            )


def _ordinal(k: int) -> str:
    return ("first", "second", "third", "fourth", "fifth")[k] if k < 5 else f"{k + 1}th"


def _terms(edge: Edge) -> list[tuple[np.ndarray, str]]:
    """The terms of a sum that is an operand: the value of each, and its name where it is a parameter."""
    op = edge.made_by
    if op is None or op.name != "add":
        return [(edge.tensor.detach().numpy(), edge.parameter)]
    found = []
    for position in sorted(op.operands):
        inner = op.edge(position)
        found += _terms(inner) if inner is not None else [(op.operands[position].numpy(), "")]
    return found


def _at_others(site: Site, steps: list[Activated], series: list[Series]) -> Iterator[Variant]:
    """The slope of another value of the forward pass, or of the same at another step."""
    kind = steps[0].kind
    y = np.stack([one.y for one in steps])
    for key, words, arrays in shifted(y):
        yield (
            ("step", key),
            f"it is taken of the y {words}",
            f"dy_t ∘ ({kind.algebra.format('y_s')})",
            kind.slope(arrays),
        )
    for one in series:
        if one.arrays.shape != y.shape or np.array_equal(one.arrays, y):
            continue
        algebra = kind.algebra.format("v")
        said = f"it is taken of another array, {one.words}: {algebra}"
        yield ("other", one.key), said, f"dy ∘ ({algebra})", kind.slope(one.arrays)
        yield (
            ("other, activated", one.key),
            f"it is taken at another array, {one.words}: {kind.name}'(v)",
            f"dy ∘ {kind.name}'(v)",
            kind.slope(kind.function(one.arrays)),
        )
        earlier = np.concatenate(
            [one.arrays[1:], y[-1:] if np.array_equal(one.arrays[1:], y[:-1]) else one.arrays[-1:]]
        )
        if not np.array_equal(earlier, y):
            yield ("other, next", one.key), f"{said} of the next step", f"dy ∘ ({algebra})", kind.slope(earlier)


def _of_the_gradient(kind: Activation):
    yield ("dy", "function"), f"the gradient is sent through {kind.name}", f"{kind.name}(dy)", kind.function
    words = kind.algebra.format("dy")
    yield ("dy", "slope"), f"it is taken of the gradient, {words}", f"dy ∘ ({words})", lambda g: g * kind.slope(g)
