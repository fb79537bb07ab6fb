"""The grid of problems that holds the hand-written networks and the oracle together.

A case is (network, T, B, H, dtype, regime, seed); `problem` draws its arrays. The sizes and values are chosen so that
they cannot hide a mistake: all sizes differ where the case leaves them free, states and biases are non-zero and
unequal, random upstream gradients arrive at every step and at the final states, weights are of order one over the
square root of their fan-in so that no activation is idle or stuck. T = 1, B = 1, H = 1 and the regimes that do hide
mistakes are in the grid as well, since code must also be right there.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from oracle.problem import Problem
from rnn_manual import Network, dropout_masks
from rnn_manual.network import did_you_mean

SEQUENCE_LENGTHS = (1, 2, 3, 5, 8, 13, 34, 100)
HIDDEN_SIZES = (1, 2, 3, 5, 8, 16, 17, 64)
BATCH_SIZES = (1, 3)
DTYPES = ("float64", "float32")
REGIMES = ("ordinary", "tiny_weights", "saturated", "chaotic", "zero_state")
CELL_NAMES = ("elman", "lstm", "gru")
GRIDS = ("smoke", "standard", "full")


@dataclass(frozen=True)
class Kind:
    """A built-in network, less its sizes.

    options         of rnn_manual.Network
    lengths         samples of different lengths
    masked          dropout masks between the layers
    weighted        a random weight for every term of the loss
    one_hot         targets of a softmax cross entropy as rows instead of class numbers
    """

    options: dict[str, object]
    lengths: bool = False
    masked: bool = False
    weighted: bool = False
    one_hot: bool = False

    @property
    def readout(self) -> bool:
        return "readout" in self.options


CELLS: dict[str, Kind] = {
    "elman": Kind({"cell": "elman"}),
    "elman_relu": Kind({"cell": "elman", "activation": "relu"}),
    "elman_sigmoid": Kind({"cell": "elman", "activation": "sigmoid"}),
    "elman_identity": Kind({"cell": "elman", "activation": "identity"}),
    "lstm": Kind({"cell": "lstm"}),
    "lstm_peephole": Kind({"cell": "lstm", "peephole": True}),
    "lstm_projection": Kind({"cell": "lstm", "projection_size": "half"}),
    "lstm_peephole_projection": Kind({"cell": "lstm", "peephole": True, "projection_size": "half"}),
    "gru": Kind({"cell": "gru"}),
    "gru_reset_before": Kind({"cell": "gru", "reset": "before"}),
}
"""Every cell by itself: one layer, one direction, random upstream gradients."""

STRUCTURES: dict[str, Kind] = {
    "stacked": Kind({"layers": 3}),
    "bidirectional": Kind({"bidirectional": True}),
    "lengths": Kind({}, lengths=True),
    "dropout": Kind({"layers": 2}, masked=True),
    "no_bias": Kind({"bias": False}),
    "batch_first": Kind({"batch_first": True}, lengths=True),
    "truncated": Kind({"layers": 2, "truncation": (2, 4)}),
    "squared_every": Kind(
        {"readout": "every", "loss": "half_squared_error", "state_activation": "sigmoid", "output_activation": "tanh"}
    ),
    "squared_last": Kind(
        {"readout": "last", "loss": "half_squared_error", "output_activation": "sigmoid", "reduction": "batch_mean"},
        lengths=True,
    ),
    "squared_softmax": Kind(
        {"readout": "every", "loss": "half_squared_error", "output_activation": "softmax", "reduction": "mean"}
    ),
    "bce_every": Kind({"readout": "every", "loss": "binary_cross_entropy", "reduction": "mean"}, lengths=True),
    "classes_last": Kind({"readout": "last", "loss": "softmax_cross_entropy", "reduction": "mean"}, weighted=True),
    "bce_last": Kind(
        {"layers": 2, "bidirectional": True, "readout": "last", "loss": "binary_cross_entropy"},
        lengths=True,
    ),
    "one_hot_every": Kind(
        {"readout": "every", "loss": "softmax_cross_entropy", "state_activation": "relu", "reduction": "batch_mean"},
        one_hot=True,
    ),
    "truncated_every": Kind({"readout": "every", "loss": "softmax_cross_entropy", "truncation": (3, 3)}, weighted=True),
    "everything": Kind(
        {
            "layers": 2,
            "bidirectional": True,
            "batch_first": True,
            "readout": "every",
            "loss": "softmax_cross_entropy",
            "state_activation": "tanh",
            "reduction": "mean",
        },
        lengths=True,
        masked=True,
        weighted=True,
    ),
}
"""What can stand around a cell; each is tried with each of the three cells."""


NETWORKS: dict[str, Kind] = CELLS | {
    f"{cell}_{name}": replace(structure, options={"cell": cell, **structure.options})
    for cell in CELL_NAMES
    for name, structure in STRUCTURES.items()
}


@dataclass(frozen=True)
class Case:
    """One point of the grid."""

    network: str
    time: int
    batch: int
    hidden: int
    dtype: str
    regime: str
    seed: int = 0

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            hint = did_you_mean(self.network, NETWORKS)
            raise ValueError(f"network is {self.network!r}, but should be one of those in oracle.grid.NETWORKS{hint}")
        for name, choices in (("dtype", DTYPES), ("regime", REGIMES)):
            value = getattr(self, name)
            if value not in choices:
                hint = did_you_mean(value, choices)
                raise ValueError(f"{name} is {value!r}, but should be one of {', '.join(choices)}{hint}")
        for name in ("time", "batch", "hidden"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}, but should be a whole number of at least 1")

    def __str__(self) -> str:
        return f"{self.network}-{self.sizes}"

    @property
    def sizes(self) -> str:
        return f"T{self.time}-B{self.batch}-H{self.hidden}-{self.dtype}-{self.regime}"

    def label(self, name: str) -> str:
        """The case with one gradient's name in it: lstm-weight_hh-T5-B3-H16-float64-ordinary."""
        return f"{self.network}-{name}-{self.sizes}"


def network(case: Case) -> Network:
    """The case's network. The input and output sizes differ from each other and from T, B and H."""
    options = dict(NETWORKS[case.network].options)
    if options.get("projection_size") == "half":
        options["projection_size"] = case.hidden // 2
    taken = {case.time, case.batch, case.hidden, options.get("projection_size")}
    free = [size for size in (4, 7, 6, 9, 10, 11, 12) if size not in taken]
    return Network(
        input_size=free[0],
        hidden_size=case.hidden,
        output_size=free[1] if NETWORKS[case.network].readout else None,
        **options,
    )


def names(case: Case) -> list[str]:
    """The gradients that are compared: every parameter, the initial states, x."""
    net = network(case)
    return [*net.parameter_axes(), *net.state_axes(case.batch), "x"]


def problem(case: Case) -> Problem:
    """The arrays of a case: the same case gives the same arrays, whatever else is in the grid."""
    if not isinstance(case, Case):
        raise TypeError(
            f"case is {case!r:.80}, but should be a Case, such as Case('lstm', 5, 3, 4, 'float64', 'ordinary')"
        )
    kind, net = NETWORKS[case.network], network(case)
    rng = np.random.default_rng([case.seed, zlib.crc32(str(case).encode())])
    dtype = np.dtype(case.dtype)
    steps = (case.batch, case.time) if net.batch_first else (case.time, case.batch)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(dtype)

    states = {name: 0.5 * normal(*(size for _, size in axes)) for name, axes in net.state_axes(case.batch).items()}
    if case.regime == "zero_state":
        states = {name: np.zeros_like(state) for name, state in states.items()}
    # a sample of full length, so that T is what it says; the others anywhere from one step on
    lengths = None
    if kind.lengths:
        lengths = rng.integers(1, case.time + 1, size=case.batch)
        lengths[rng.integers(case.batch)] = case.time
    arrays: dict[str, np.ndarray | None] = {}
    if net.output_size is None:
        arrays["d_outputs"] = normal(*steps, net.directions * net.state_size)
        for name, state in states.items():
            arrays[f"d_{name[0]}_n"] = normal(*state.shape)
    else:
        terms = steps if net.readout == "every" else (case.batch,)
        arrays["targets"] = _targets(kind, net, terms, rng, dtype)
        if kind.weighted:
            arrays["weights"] = (0.5 + rng.random(terms)).astype(dtype)
    if kind.masked:
        arrays["dropout_masks"] = dropout_masks(net, case.time, case.batch, 0.3, rng, dtype.type)
    return Problem(
        net,
        _parameters(net, case.regime, rng, dtype),
        normal(*steps, net.input_size),
        **states,
        lengths=lengths,
        **arrays,
    )


def _targets(kind: Kind, net: Network, terms: tuple[int, ...], rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    if net.loss != "softmax_cross_entropy":
        return rng.random((*terms, net.output_size)).astype(dtype)
    classes = rng.integers(net.output_size, size=terms)
    return np.eye(net.output_size, dtype=dtype)[classes] if kind.one_hot else classes


def _parameters(net: Network, regime: str, rng: np.random.Generator, dtype: np.dtype) -> dict[str, np.ndarray]:
    """Weights of order one over the square root of their fan-in, times what the regime asks for.

    tiny_weights    everything times 0.01
    saturated       input weights and biases times 6: most units near the flat ends
    chaotic         recurrent weights times 4: two roundings drift apart
    """
    scale = {"tiny_weights": 0.01, "saturated": 6.0}.get(regime, 1.0)
    unbounded = net.cell == "elman" and net.activation in ("relu", "identity")
    parameters = {}
    for name, axes in net.parameter_axes().items():
        shape = [size for _, size in axes]
        value = rng.normal(size=shape)
        if name.startswith("weight_hh"):
            # nothing holds an unbounded state back, so there the matrix itself must: its norm is 1, or just above
            value /= np.linalg.norm(value, 2) if unbounded else np.sqrt(shape[0])
            value *= {"chaotic": 1.05 if unbounded else 4.0, "tiny_weights": 0.01}.get(regime, 1.0)
        elif name.startswith("weight_peephole"):
            value *= 0.5 * scale
        elif name.startswith("weight"):
            value *= scale / np.sqrt(shape[0])
        else:
            value *= 0.3 * scale
        parameters[name] = value.astype(dtype)
    return parameters


def cases(
    grid: str = "standard",
    sequence_lengths: Sequence[int] | None = None,
    hidden_sizes: Sequence[int] | None = None,
    cells: Sequence[str] | None = None,
    dtypes: Sequence[str] | None = None,
    seeds: Sequence[int] = (0,),
) -> Iterator[Case]:
    """The cases of a grid; every argument but `grid` narrows or widens one axis of it.

    smoke       every network at a handful of sizes, all regimes and dtypes among them
    standard    every cell at every (T, H), every other network at two dozen of them; B, dtype and regime take turns
    full        every cell at every (T, H, B, dtype, regime), every other network at every (T, H)
    """
    for seed, name in itertools.product(seeds, NETWORKS):
        if cells is not None and NETWORKS[name].options["cell"] not in cells:
            continue
        for time, hidden, batch, dtype, regime in _points(grid, name, sequence_lengths, hidden_sizes, dtypes):
            if NETWORKS[name].options.get("projection_size") and hidden < 2:
                continue  # a projection is smaller than what it projects
            yield Case(name, time, batch, hidden, dtype, regime, seed)


def _points(
    grid: str,
    name: str,
    sequence_lengths: Sequence[int] | None,
    hidden_sizes: Sequence[int] | None,
    dtypes: Sequence[str] | None,
) -> Iterator[tuple[int, int, int, str, str]]:
    """(T, H, B, dtype, regime) of one network."""
    dtypes = dtypes or DTYPES
    if grid == "smoke":
        times, widths = sequence_lengths or (1, 3, 5), hidden_sizes or (2, 5)
    else:
        times, widths = sequence_lengths or SEQUENCE_LENGTHS, hidden_sizes or HIDDEN_SIZES
    if grid == "full" and name in CELLS:
        yield from itertools.product(times, widths, BATCH_SIZES, dtypes, REGIMES)
        return
    points = list(itertools.product(times, widths))
    rng = np.random.default_rng(zlib.crc32(name.encode()))  # so that the networks do not all meet the same combinations
    if grid == "standard" and name not in CELLS and not (sequence_lengths or hidden_sizes):
        points = [points[k] for k in sorted(rng.permutation(len(points))[: len(points) * 2 // 5])]
    turns = (_in_turn(values, len(points), rng) for values in (BATCH_SIZES, dtypes, REGIMES))
    for (time, hidden), batch, dtype, regime in zip(points, *turns):
        if grid == "smoke":
            batch = 1 if time == 1 else 3  # few cases, so as few as possible that hide what a batch would show
        yield time, hidden, batch, dtype, regime


def _in_turn(values: Sequence[object], count: int, rng: np.random.Generator) -> list[object]:
    """Every value equally often, in random order."""
    return [values[k % len(values)] for k in rng.permutation(count)]
