"""The activations, in the forward pass and by name.

    tanh      y = tanh(x)            y' = 1 - y²
    sigmoid   y = 1 / (1 + exp(-x))  y' = y (1 - y)
    relu      y = max(x, 0)          y' = [y > 0]
    softplus  y = log(1 + exp(x))    y' = 1 - exp(-y)

One that is spelt out, as 1/(1 + exp(-x)) is, is found by its values: y = s(x) for an x that y was computed from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from oracle.hypotheses.tape import Op

ELEMENTWISE = frozenset(
    "tanh sigmoid relu exp neg add sub rsub mul div truediv rdiv reciprocal pow maximum clamp where log1p abs "
    "expm1 rtruediv sinh cosh softplus clip minimum fmax rpow square sqrt".split()
)
LONGEST = 9  # operations in an activation that is spelt out


@dataclass(frozen=True)
class Activation:
    """name; y = function(x); y' = slope(y), as it is written with y; and in algebra, {} standing for y."""

    name: str
    function: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    algebra: str


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


TANH = Activation("tanh", np.tanh, lambda y: 1 - y * y, "1 − {}²")
SIGMOID = Activation("sigmoid", sigmoid, lambda y: y * (1 - y), "{0} (1 − {0})")
RELU = Activation("relu", lambda x: np.maximum(x, 0), lambda y: (y > 0).astype(float), "[{} > 0]")
SOFTPLUS = Activation("softplus", lambda x: np.logaddexp(0, x), lambda y: 1 - np.exp(-y), "1 − exp(−{})")
ACTIVATIONS = (TANH, SIGMOID, RELU, SOFTPLUS)


@dataclass(eq=False)
class Activated:
    """One activation at one step: `op` gives out y, x comes in by the edges `entries`, `inner` lies between."""

    kind: Activation
    op: Op
    x: np.ndarray
    y: np.ndarray
    entries: list
    inner: frozenset[Op]


def activated(op: Op, users: Mapping[Op, set[Op]]) -> Activated | None:
    """The activation whose value this operation is, or None. What lies between is used for nothing else."""
    if op.name not in ELEMENTWISE:
        return None
    y = op.value.numpy()
    inner, entries = {op}, list(op.edges)
    while len(inner) <= LONGEST and entries:
        inputs = {edge.made_by if not edge.parameter else edge.parameter for edge in entries}
        if len(inputs) == 1 and entries[0].tensor.shape == op.out.shape:
            x = entries[0].tensor.detach().numpy()
            for kind in ACTIVATIONS:
                same = kind.name != op.name and np.array_equal(x, y)  # no activation, or one that does nothing here
                if np.allclose(kind.function(x), y, rtol=1e-12, atol=1e-13) and not same:
                    return Activated(kind, op, x, y, entries, frozenset(inner))
        latest = max((one for one in inputs if isinstance(one, Op)), key=lambda one: one.order, default=None)
        if latest is None or latest.name not in ELEMENTWISE or not users[latest] <= inner:
            return None
        inner.add(latest)
        entries = [edge for edge in entries if edge.made_by is not latest] + latest.edges
    return None
