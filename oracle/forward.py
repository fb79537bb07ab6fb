"""Is it the cell it is meant to be? An adapter holds its forward pass against one of ours, before gradients matter.

A wrong forward pass with the right gradient of it agrees with autograd, and is still no LSTM.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextvars import ContextVar

import numpy as np

from oracle.substitution import CURRENT
from rnn_manual import Network, forward
from rnn_manual.network import did_you_mean

GATES = {"elman": "a", "lstm": "ifgo", "gru": "rzn"}
"""The gates of our cells, in our order: input, forget, cell (g), output; reset, update (z), new (n)."""

AXES = ("time", "batch", "features")
CLOSE = 1e-6  # of the largest output; float32 code is meant to pass, another equation is not

FOUND: ContextVar[list[str] | None] = ContextVar("FOUND", default=None)
"""Where a check that is running collects what `forward_like` finds."""


def forward_like(
    cell: str,
    outputs: object,
    x: object,
    *,
    weight_ih: object,
    weight_hh: object,
    bias_ih: object = None,
    bias_hh: object = None,
    h_0: object = None,
    c_0: object = None,
    gates: str | None = None,
    layout: str = "time batch features",
    **options: object,
) -> str:
    """Compare hidden states with those of a cell of ours, and say in words where they differ; empty where they do not.

    Called in a gradient function, it becomes a finding of its own: "the forward pass is not that of this LSTM".

    cell                   "elman", "lstm" or "gru"
    outputs, x             the hidden state after every step, and the inputs; arrays or lists of steps
    weight_ih, weight_hh   (in, out) or (out, in), gates stacked along `out`, or a list with one matrix for each gate
    bias_ih, bias_hh       their biases, likewise; a row or a column is fine
    h_0, c_0               the states before the first step; None for zeros
    gates                  the order in which the gates are stacked or listed, such as "ifog" or "zrn": i, f, o and g
                           (the cell candidate) of an LSTM; r, z and n (the candidate) of a GRU. None for ours
    layout                 the order of the axes of x and outputs, such as "batch time features"; a batch left out is 1
    options                activation of an Elman network ("tanh", "relu" ...), reset of a GRU ("after", "before")

    Raises ValueError for an unknown cell, gate or axis, and for sizes that do not fit.
    """
    if CURRENT.get() is not None:  # a lifted run is about gradients
        return ""
    if not isinstance(cell, str) or cell not in GATES:
        hint = did_you_mean(str(cell), GATES)
        raise ValueError(f"cell is {cell!r}, but should be one of {', '.join(GATES)}{hint}")
    ours = GATES[cell]
    order = gates or ours
    if not isinstance(order, (str, list, tuple)) or sorted(map(str, order)) != sorted(ours):
        raise ValueError(f"gates is {gates!r}, but should hold each of {', '.join(ours)} once")
    theirs, inputs = _time_first(outputs, layout, "outputs"), _time_first(x, layout, "x")
    hidden = theirs.shape[2]
    network = Network(cell=cell, input_size=inputs.shape[2], hidden_size=hidden, **options)
    turned = _turned(weight_ih, inputs.shape[2])
    stacks = {
        "weight_ih": _gates_of("weight_ih", weight_ih, inputs.shape[2], hidden, order, turned),
        "weight_hh": _gates_of("weight_hh", weight_hh, hidden, hidden, order, turned),
        "bias_ih": _biases_of("bias_ih", bias_ih, hidden, order),
        "bias_hh": _biases_of("bias_hh", bias_hh, hidden, order),
    }
    states = {"h_0": _state("h_0", h_0, theirs)} | ({"c_0": _state("c_0", c_0, theirs)} if cell == "lstm" else {})

    def difference(using: str, network: Network = network, flip: str = "") -> np.ndarray:
        """(T,): how far our outputs are from theirs, relative to the largest; gates taken in the order `using`."""
        parameters = {
            name: np.concatenate([part[order.index(g)] * (-1 if g in flip else 1) for g in using], axis=-1)
            for name, part in stacks.items()
        }
        run = forward(network, parameters, inputs, **states)
        return np.abs(run.outputs - theirs).max(axis=(1, 2)) / max(np.abs(theirs).max(), 1e-300)

    apart = difference(ours)
    if apart.max() <= CLOSE:
        return ""
    first = int(np.flatnonzero(apart > CLOSE)[0])
    words = (
        f"the forward pass is not that of this {cell.upper() if cell != 'elman' else 'Elman network'}: "
        f"the hidden state differs from step t={first} on, by {apart[first]:.1g} of the largest there"
    )
    for hint, off in _variants(network, ours, difference):
        if off.max() <= CLOSE:
            words += f"; it is {hint}"
            break
    collected = FOUND.get()
    if collected is not None:
        collected.append(words)
    return words


def _variants(network: Network, ours: str, difference):
    """Other readings of the same arrays, each with how far off it is."""
    for using in itertools.permutations(ours):
        if "".join(using) != ours:
            said = ", ".join(f"{theirs} where {mine} should be" for mine, theirs in zip(ours, using) if mine != theirs)
            yield f"one with the gates in another order ({said})", difference("".join(using))
    if network.cell == "gru":
        other = "before" if network.reset == "after" else "after"
        turned = Network(cell="gru", input_size=network.input_size, hidden_size=network.hidden_size, reset=other)
        yield f"a GRU with the reset gate {other} the recurrent product: reset={other!r}", difference(ours, turned)
        yield "a GRU with z and 1-z exchanged", difference(ours, network, "z")
        yield f"a GRU with z and 1-z exchanged, reset={other!r}", difference(ours, turned, "z")


def _time_first(value: object, layout: str, name: str) -> np.ndarray:
    """As (time, batch, features)."""
    if not isinstance(layout, str):
        raise ValueError(f"layout is {layout!r}, but should order {', '.join(AXES)}, such as 'time batch features'")
    axes = layout.replace(",", " ").split()
    for axis in axes:
        if axis not in AXES:
            raise ValueError(f"layout is {layout!r}, but should order {', '.join(AXES)}{did_you_mean(axis, AXES)}")
    if isinstance(value, (list, tuple)) and not value:
        raise ValueError(f"{name} holds no step, but should hold the arrays of all steps")
    array = np.asarray(np.stack([np.asarray(step) for step in value]) if isinstance(value, (list, tuple)) else value)
    if array.ndim != len(axes) or len(set(axes)) != len(axes) or not {"time", "features"} <= set(axes):
        raise ValueError(f"{name} has shape {array.shape}, but layout is {layout!r}, which has {len(axes)} axes")
    array = array.transpose([axes.index(axis) for axis in AXES if axis in axes])
    return np.ascontiguousarray(array if "batch" in axes else array[:, None, :], dtype=np.float64)


def _turned(weight: object, rows: int) -> bool:
    """Whether weight_ih is stored (out, in): then weight_hh is as well."""
    first = np.asarray(weight[0] if isinstance(weight, (list, tuple)) and weight else weight)
    if first.ndim != 2 or first.dtype.kind not in "fiub":
        what = f"an array of shape {first.shape}" if first.ndim else repr(weight)
        raise ValueError(f"weight_ih is {what}, but should be a matrix, or a list with one for each gate")
    return first.shape[0] != rows


def _gates_of(name: str, weight: object, rows: int, hidden: int, order: str, turned: bool) -> Sequence[np.ndarray]:
    """Each gate's (in, hidden) matrix, in the order given."""
    if isinstance(weight, (list, tuple)):
        parts = [np.asarray(part, np.float64) for part in weight]
        parts = [part.T if turned else part for part in parts]
    else:
        whole = np.asarray(weight, np.float64)
        whole = whole.T if turned else whole
        parts = np.split(whole, len(order), axis=1) if whole.ndim == 2 and whole.shape[1] % len(order) == 0 else [whole]
    if len(parts) != len(order) or any(part.shape != (rows, hidden) for part in parts):
        shapes = ", ".join(str(part.shape) for part in parts)
        raise ValueError(
            f"{name} comes to {shapes}, but should come to {len(order)} matrices of ({rows}, {hidden}), (in, hidden)"
        )
    return parts


def _biases_of(name: str, bias: object, hidden: int, order: str) -> Sequence[np.ndarray]:
    if bias is None:
        return [np.zeros(hidden)] * len(order)
    parts = [np.ravel(np.asarray(part, np.float64)) for part in (bias if isinstance(bias, (list, tuple)) else [bias])]
    flat = np.concatenate(parts)
    if flat.size != len(order) * hidden:
        raise ValueError(
            f"{name} has {flat.size} elements, but should have {len(order)}*hidden = {len(order) * hidden}"
        )
    return np.split(flat, len(order))


def _state(name: str, state: object, outputs: np.ndarray) -> np.ndarray:
    """As (1, batch, hidden)."""
    _, batch, hidden = outputs.shape
    if state is None:
        return np.zeros((1, batch, hidden))
    array = np.asarray(state, np.float64)
    for candidate in (array, array.T):
        if candidate.size == batch * hidden and candidate.shape[-1] == hidden:
            return candidate.reshape(1, batch, hidden)
    raise ValueError(f"{name} has shape {array.shape}, but should be (batch, hidden) = ({batch}, {hidden})")
