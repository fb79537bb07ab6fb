"""What a network is made of: its options, its parameters, their names and shapes. Plain data, nothing is computed here.

Parameter names: layer 0 read forward has the bare names (weight_ih, weight_hh, ...); layer k >= 1 adds `_lk`, the
reverse direction adds `_reverse`: weight_hh_l1_reverse. The readout is weight_ho, bias_ho.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from numbers import Integral
from typing import NamedTuple

import numpy as np

from rnn_manual import elman, gru, lstm
from rnn_manual.activations import ACTIVATIONS
from rnn_manual.losses import LOSSES, REDUCTIONS
from rnn_manual.readout import OUTPUT_ACTIVATIONS

CELLS = {"elman": elman, "lstm": lstm, "gru": gru}
READOUTS = ("every", "last")
READOUT_DEFAULTS = {
    "readout": "every",
    "state_activation": "identity",
    "output_activation": "identity",
    "loss": "half_squared_error",
    "reduction": "sum",
}
RESETS = ("after", "before")

Axes = tuple[tuple[str, int], ...]
"""The axes of an array in order, each with its name and its size: (("batch", 3), ("hidden", 6))."""


class Layer(NamedTuple):
    """One layer read in one direction."""

    index: int
    reverse: bool
    input_size: int

    @property
    def suffix(self) -> str:
        return (f"_l{self.index}" if self.index else "") + ("_reverse" if self.reverse else "")


@dataclass(frozen=True, kw_only=True)
class Network:
    """A recurrent network: a stack of layers, and unless `output_size` is None a readout and a loss on top.

    cell                "elman", "lstm" or "gru"
    input_size          features of x
    hidden_size         units (cells, for an LSTM) of each layer and direction
    output_size         features of the readout; None for the bare recurrent stack
    layers              number of stacked layers
    bidirectional       read every layer in both directions and put the outputs side by side
    bias                with biases, in the layers and in the readout
    batch_first         arrays are (batch, time, features) instead of (time, batch, features)
    activation          Elman only: "tanh", "relu", "sigmoid" or "identity"
    peephole            LSTM only: the gates also look at the cell
    projection_size     LSTM only: h_t is projected to so many features; None for no projection
    reset               GRU only: the reset gate acts "after" (as in torch) or "before" the recurrent product
    readout             "every": an output at every step; "last": one output from the last state of each direction
    state_activation    elementwise function of the hidden state before the readout
    output_activation   function of the readout; "softmax" is the joint one over the features
    loss                "half_squared_error", "binary_cross_entropy" or "softmax_cross_entropy", both from logits
    reduction           "sum", "batch_mean" or "mean", see `rnn_manual.losses`
    truncation          None for full BPTT, or (k1, k2) with k1 <= k2: after every k1 steps, the loss of those k1
                        steps is propagated back through the last k2 steps

    NumPy's integers and booleans are taken too, and stored as int and bool.

    Raises TypeError for an unknown or missing option, ValueError for a value that an option cannot take.

    >>> network = Network(cell="gru", input_size=4, hidden_size=6, output_size=7)
    >>> for name, axes in network.parameter_axes().items():
    ...     print(name, axes)
    weight_ih (('input', 4), ('3*hidden', 18))
    weight_hh (('hidden', 6), ('3*hidden', 18))
    bias_ih (('3*hidden', 18),)
    bias_hh (('3*hidden', 18),)
    weight_ho (('hidden', 6), ('output', 7))
    bias_ho (('output', 7),)
    """

    cell: str
    input_size: int
    hidden_size: int
    output_size: int | None = None
    layers: int = 1
    bidirectional: bool = False
    bias: bool = True
    batch_first: bool = False
    activation: str = "tanh"
    peephole: bool = False
    projection_size: int | None = None
    reset: str = "after"
    readout: str = READOUT_DEFAULTS["readout"]
    state_activation: str = READOUT_DEFAULTS["state_activation"]
    output_activation: str = READOUT_DEFAULTS["output_activation"]
    loss: str = READOUT_DEFAULTS["loss"]
    reduction: str = READOUT_DEFAULTS["reduction"]
    truncation: tuple[int, int] | None = None

    def __new__(cls, **options: object) -> Network:
        # dataclasses say only "unexpected keyword argument"; the nearest right name is what the reader needs
        names = [field.name for field in fields(cls)]
        for name in options:
            if name not in names:
                hint = did_you_mean(name, names)
                raise TypeError(f"Network has no option {name!r}{hint}; its options are {', '.join(names)}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        _check_choice("cell", self.cell, CELLS)
        _check_choice("activation", self.activation, ACTIVATIONS)
        _check_choice("reset", self.reset, RESETS)
        _check_choice("readout", self.readout, READOUTS)
        _check_choice("state_activation", self.state_activation, ACTIVATIONS)
        _check_choice("output_activation", self.output_activation, OUTPUT_ACTIVATIONS)
        _check_choice("loss", self.loss, LOSSES)
        _check_choice("reduction", self.reduction, REDUCTIONS)
        for name in ("input_size", "hidden_size", "layers"):
            self._store(name, whole(name, getattr(self, name)))
        for name in ("output_size", "projection_size"):
            if getattr(self, name) is not None:
                self._store(name, whole(name, getattr(self, name), ", or None"))
        for name in ("bidirectional", "bias", "batch_first", "peephole"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise ValueError(f"{name} is {getattr(self, name)!r}, but should be True or False")
            self._store(name, bool(getattr(self, name)))
        for name, default, cell in (
            ("activation", "tanh", "elman"),
            ("peephole", False, "lstm"),
            ("projection_size", None, "lstm"),
            ("reset", "after", "gru"),
        ):
            if self.cell != cell and getattr(self, name) != default:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, but is an option of cell={cell!r}; here cell={self.cell!r}"
                )
        for name, default in READOUT_DEFAULTS.items():
            if self.output_size is None and getattr(self, name) != default:
                raise ValueError(f"{name} is {getattr(self, name)!r}, but there is no readout: output_size is None")
        if self.projection_size is not None and self.projection_size >= self.hidden_size:
            raise ValueError(
                f"projection_size is {self.projection_size}, but should be smaller than hidden_size, "
                f"which is {self.hidden_size}"
            )
        if LOSSES[self.loss].from_logits and self.output_activation != "identity":
            raise ValueError(
                f"output_activation is {self.output_activation!r}, but should be 'identity': "
                f"loss={self.loss!r} is computed from logits and applies its own"
            )
        if self.truncation is not None:
            self._check_truncation()

    def without_readout(self) -> Network:
        """The bare recurrent stack."""
        return replace(self, output_size=None, **READOUT_DEFAULTS)

    def _check_truncation(self) -> None:
        if not (isinstance(self.truncation, tuple) and len(self.truncation) == 2):
            raise ValueError(f"truncation is {self.truncation!r}, but should be None or a pair (k1, k2)")
        k1, k2 = (whole(f"truncation's {name}", k) for name, k in zip(("k1", "k2"), self.truncation))
        self._store("truncation", (k1, k2))
        if k1 > k2:
            raise ValueError(
                f"truncation is (k1, k2) = {self.truncation}, but k1 should be at most k2: "
                "a loss would be dropped before it reached its own step"
            )
        if self.bidirectional:
            raise ValueError(
                "truncation is given for a bidirectional network, but should be None: the reverse direction "
                "runs from the end, so nothing can be cut off the past of a step without its future"
            )

    def _store(self, name: str, value: object) -> None:
        """Set a field of this frozen instance, while it is being made."""
        object.__setattr__(self, name, value)

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def state_size(self) -> int:
        """Features of h_t in one direction: the projection's, else the hidden size."""
        return self.projection_size or self.hidden_size

    @property
    def gates(self) -> int:
        return CELLS[self.cell].GATES

    def stack(self) -> Iterator[Layer]:
        """Every layer in every direction, in the order of the first axis of h_0."""
        for index in range(self.layers):
            input_size = self.input_size if index == 0 else self.directions * self.state_size
            for reverse in range(self.directions):
                yield Layer(index, bool(reverse), input_size)

    def layer_axes(self, layer: Layer) -> dict[str, Axes]:
        """Bare parameter names of one layer, each with its axes."""
        gates = ("hidden" if self.gates == 1 else f"{self.gates}*hidden", self.gates * self.hidden_size)
        state = ("projection" if self.projection_size else "hidden", self.state_size)
        axes: dict[str, Axes] = {"weight_ih": (("input", layer.input_size), gates), "weight_hh": (state, gates)}
        if self.bias:
            axes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        if self.peephole:
            axes["weight_peephole"] = (("i f o", 3), ("hidden", self.hidden_size))
        if self.projection_size:
            axes["weight_hr"] = (("hidden", self.hidden_size), state)
        return axes

    def parameter_axes(self) -> dict[str, Axes]:
        """Every parameter's name with its axes, in the order of the forward pass."""
        return self._parameter_axes.copy()

    @cached_property  # every call of the front door asks for them
    def _parameter_axes(self) -> dict[str, Axes]:
        axes = {name + layer.suffix: ax for layer in self.stack() for name, ax in self.layer_axes(layer).items()}
        if self.output_size is not None:
            output = ("output", self.output_size)
            axes["weight_ho"] = (("hidden", self.directions * self.state_size), output)
            if self.bias:
                axes["bias_ho"] = (output,)
        return axes

    def state_axes(self, batch: int) -> dict[str, Axes]:
        """The initial states' names with their axes: h_0, and for an LSTM c_0."""
        layers = ("layers*directions", self.layers * self.directions)
        axes: dict[str, Axes] = {"h_0": (layers, ("batch", batch), ("hidden", self.state_size))}
        if self.cell == "lstm":
            axes["c_0"] = (layers, ("batch", batch), ("hidden", self.hidden_size))
        return axes


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """'; did you mean ...?' with the nearest of `names`, all in lower case, or nothing where none is near."""
    nearest = difflib.get_close_matches(str(name).lower(), names, n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def _check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    if not isinstance(value, str) or value not in choices:
        right = ", ".join(map(repr, choices))
        raise ValueError(f"{name} is {value!r}, but should be one of {right}{did_you_mean(value, choices)}")


def whole(name: str, value: object, otherwise: str = "") -> int:
    """The value as an int. Raises ValueError unless it is a whole number of at least 1; True is none."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} is {value!r}, but should be a whole number of at least 1{otherwise}")
    return int(value)
