"""The front door: one call for the loss and every gradient, and the pair forward / backward for the bare stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from rnn_manual import readout, recurrent
from rnn_manual.checks import (
    a_type,
    check_dtype,
    check_generator,
    check_inputs,
    check_network,
    check_targets,
    check_upstream,
)
from rnn_manual.losses import reduced_loss
from rnn_manual.network import Network, whole

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class Run:
    """What `forward` returns.

    outputs   (time, batch, directions*state), or batch first where the network is; read-only, as `backward` needs it
    h_n       (layers*directions, batch, state): the state after each sample's last step; in reverse, after its first
    c_n       (layers*directions, batch, hidden), None unless the cell is an LSTM
    """

    outputs: Float[np.ndarray, "_ _ features"]
    h_n: Float[np.ndarray, "layers batch state"]
    c_n: Float[np.ndarray, "layers batch hidden"] | None
    stack: recurrent.Forward


def forward(
    network: Network,
    parameters: Mapping[str, np.ndarray],
    x: np.ndarray,
    h_0: np.ndarray | None = None,
    c_0: np.ndarray | None = None,
    lengths: np.ndarray | None = None,
    dropout_masks: np.ndarray | None = None,
) -> Run:
    """Run the recurrent stack, without readout.

    network         its options
    parameters      by name, shapes as `network.parameter_axes()` says
    x               (time, batch, input), or (batch, time, input) with batch_first
    h_0             (layers*directions, batch, state); None for zeros
    c_0             (layers*directions, batch, hidden), LSTM only; None for zeros
    lengths         (batch,) whole numbers from 1 to time: steps of each sample; None for all of them
    dropout_masks   (layers-1, time, batch, directions*state), or (layers-1, batch, time, ...) with batch_first: the
                    outputs of every layer but the last are multiplied by it; already scaled, as `dropout_masks` makes
                    them. None for no dropout

    All floating arrays share one dtype, float64 or float32, in any memory layout. None of them is modified. The run
    refers to x and the parameters instead of copying them, so change them in place only after `backward`.

    Raises TypeError for a wrong type or dtype, ValueError for a wrong shape or value; the message names the argument,
    and nothing has been computed yet.

    >>> rng = np.random.default_rng(0)
    >>> network = Network(cell="lstm", input_size=4, hidden_size=6, bidirectional=True)
    >>> parameters, x = initial_parameters(network, rng), rng.normal(size=(5, 3, 4))
    >>> run = forward(network, parameters, x)
    >>> run.outputs.shape, run.h_n.shape, run.c_n.shape
    ((5, 3, 12), (2, 3, 6), (2, 3, 6))
    >>> gradients = backward(run, d_outputs=np.ones_like(run.outputs))
    >>> gradients["weight_hh_reverse"].shape
    (6, 24)
    """
    x, h_0, c_0, lengths, dropout_masks = check_inputs(network, parameters, x, h_0, c_0, lengths, dropout_masks)
    run = recurrent.forward(network, parameters, x, h_0, c_0, lengths, dropout_masks)
    outputs = time_first(network, run.outputs).view()
    outputs.flags.writeable = False  # it shares its memory with the states that `backward` reads
    return Run(outputs, run.h_n, run.c_n, run)


def backward(
    run: Run, d_outputs: np.ndarray, d_h_n: np.ndarray | None = None, d_c_n: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """The gradient of every parameter of the stack, of x, h_0 and c_0, from those of outputs, h_n and c_n.

    d_outputs, d_h_n, d_c_n have the shapes of run.outputs, run.h_n, run.c_n; None for the last two means zeros.
    `d_outputs` past the end of a sample is ignored: the outputs there are constant. Nothing is modified.

    Raises TypeError and ValueError as `forward` does.
    """
    if not isinstance(run, Run):
        raise TypeError(f"run is {a_type(run)}, but should be what `forward` returned")
    network = run.stack.network
    d_outputs, d_h_n, d_c_n = check_upstream(network, run.outputs, d_outputs, d_h_n, d_c_n)
    gradients = recurrent.backward(run.stack, time_first(network, d_outputs), d_h_n, d_c_n)
    gradients["x"] = time_first(network, gradients["x"])
    return gradients


def loss_and_gradients(
    network: Network,
    parameters: Mapping[str, np.ndarray],
    x: np.ndarray,
    targets: np.ndarray,
    h_0: np.ndarray | None = None,
    c_0: np.ndarray | None = None,
    lengths: np.ndarray | None = None,
    dropout_masks: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> tuple[np.floating, dict[str, np.ndarray]]:
    """The loss, and its gradient with respect to every parameter, x, h_0 and (LSTM) c_0.

    targets   (time, batch, output) or, for readout="last", (batch, output), of the dtype of x; for
              softmax_cross_entropy rows that sum to 1, or whole numbers 0 .. output-1 of shape (time, batch) or
              (batch,); for binary_cross_entropy between 0 and 1. Batch first where the network is
    weights   (time, batch) or, for readout="last", (batch,): each step's term is multiplied by it; a mask of zeros and
              ones is one. None for ones. Steps past a sample's length always weigh zero

    The other arguments, and the errors, are those of `forward`. With truncation the loss is the whole one and the
    gradient the truncated one, which is the gradient of no loss.

    Finite arrays so large that the network overflows are no error: inf or NaN come out. NumPy's RuntimeWarnings stand,
    except where exp overflows inside a gate or a readout and the answer is right.

    >>> rng = np.random.default_rng(0)
    >>> network = Network(cell="gru", input_size=4, hidden_size=6, output_size=2)
    >>> parameters = initial_parameters(network, rng)
    >>> x, targets = rng.normal(size=(5, 3, 4)), rng.normal(size=(5, 3, 2))
    >>> loss, gradients = loss_and_gradients(network, parameters, x, targets)
    >>> gradients["weight_hh"].shape
    (6, 18)
    """
    check_network(network)
    if network.output_size is None:
        raise ValueError(
            "network has no readout: output_size is None. Use forward and backward, or give it an output_size"
        )
    x, h_0, c_0, lengths, dropout_masks = check_inputs(network, parameters, x, h_0, c_0, lengths, dropout_masks)
    targets, weights = check_targets(network, x, targets, weights, lengths)

    run = recurrent.forward(network, parameters, x, h_0, c_0, lengths, dropout_masks)
    if network.readout == "last":
        states = _last_states(network, run.outputs, lengths)  # (B, D)
    else:
        states = run.outputs  # (T, B, D)
    y, cache = readout.forward(states, parameters, network.state_activation, network.output_activation)
    loss, d_y = reduced_loss(network.loss, network.reduction, y, targets, weights)

    d_states, gradients = readout.backward(cache, d_y)
    if network.readout == "last":
        d_outputs = np.zeros_like(run.outputs)
        _add_to_last(network, d_outputs, d_states, lengths)
    else:
        d_outputs = d_states
    d_c_n = None if run.c_n is None else np.zeros_like(run.c_n)
    gradients |= recurrent.backward(run, d_outputs, np.zeros_like(run.h_n), d_c_n)
    gradients["x"] = time_first(network, gradients["x"])
    return loss, {name: gradients[name] for name in (*network.parameter_axes(), *network.state_axes(0), "x")}


def initial_parameters(
    network: Network, rng: np.random.Generator, dtype: type = np.float64
) -> dict[str, np.ndarray]:
    """Every parameter uniform in +-1/sqrt(hidden_size), as torch initialises its recurrent modules.

    dtype   np.float64 or np.float32; the same generator gives the same numbers in both, rounded

    Raises TypeError for another dtype, or an `rng` that is no generator.
    """
    check_network(network)
    check_generator(rng)
    check_dtype(dtype)
    bound = network.hidden_size**-0.5
    return {
        name: rng.uniform(-bound, bound, [size for _, size in axes]).astype(dtype)
        for name, axes in network.parameter_axes().items()
    }


def dropout_masks(
    network: Network, time: int, batch: int, probability: float, rng: np.random.Generator, dtype: type = np.float64
) -> np.ndarray:
    """Masks of 0 and 1/(1-probability), drawn anew for every step as torch does; shaped as `forward` takes them.

    Raises ValueError unless 0 <= probability < 1 and the network has layers to put masks between, TypeError for a dtype
    other than float64 or float32, or an `rng` that is no generator.
    """
    check_network(network)
    check_generator(rng)
    check_dtype(dtype)
    if network.layers == 1:
        raise ValueError("network has no place for dropout masks: they act between layers, and layers is 1")
    time, batch = whole("time", time), whole("batch", batch)
    if not isinstance(probability, Real) or not 0 <= probability < 1:
        raise ValueError(f"probability is {probability!r}, but should be a number from 0 to less than 1")
    steps = (batch, time) if network.batch_first else (time, batch)
    shape = (network.layers - 1, *steps, network.directions * network.state_size)
    return ((rng.random(shape) >= probability) / (1 - probability)).astype(dtype)


def time_first(network: Network, array: np.ndarray) -> np.ndarray:
    """Exchange time and batch if the network is batch first; its own inverse."""
    return array.swapaxes(0, 1) if network.batch_first else array


def _last_states(network: Network, outputs: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    """(B, D): each direction's output at the last step it reads: a sample's last, and in reverse its first."""
    last = _last_step(outputs, lengths)
    size = network.state_size
    return np.concatenate([outputs[*last, :size], outputs[0, :, size:]], axis=-1)


def _add_to_last(network: Network, d_outputs: np.ndarray, d_states: np.ndarray, lengths: np.ndarray | None) -> None:
    """The backward of `_last_states`, in place."""
    last = _last_step(d_outputs, lengths)
    size = network.state_size
    d_outputs[*last, :size] += d_states[:, :size]
    d_outputs[0, :, size:] += d_states[:, size:]


def _last_step(outputs: np.ndarray, lengths: np.ndarray | None) -> tuple[np.ndarray | int, np.ndarray]:
    batch = np.arange(outputs.shape[1])
    return (len(outputs) - 1 if lengths is None else lengths - 1), batch
