"""The front door: one call for the loss and every gradient, and the pair forward / backward for the bare stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Mapping

import numpy as np

from rnn_manual import readout, recurrent
from rnn_manual.checks import check_inputs, check_targets, check_upstream
from rnn_manual.losses import reduced_loss
from rnn_manual.network import Network

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class Run:
    """What `forward` returns.

    outputs   (time, batch, directions*state), or batch first where the network is
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
    dropout_masks   (layers-1, time, batch, directions*state): the outputs of every layer but the last are multiplied
                    by it; already scaled, see `dropout_masks`. None for no dropout

    All floating arrays share one dtype, float64 or float32. None of them is modified.

    Raises TypeError for a wrong type or dtype, ValueError for a wrong shape or value; the message names the argument.
    """
    x, h_0, c_0, lengths, dropout_masks = check_inputs(network, parameters, x, h_0, c_0, lengths, dropout_masks)
    run = recurrent.forward(network, parameters, x, h_0, c_0, lengths, dropout_masks)
    return Run(time_first(network, run.outputs), run.h_n, run.c_n, run)


def backward(
    run: Run, d_outputs: np.ndarray, d_h_n: np.ndarray | None = None, d_c_n: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """The gradient of every parameter of the stack, of x, h_0 and c_0, from those of outputs, h_n and c_n.

    d_outputs, d_h_n, d_c_n have the shapes of run.outputs, run.h_n, run.c_n; None for the last two means zeros.
    `d_outputs` past the end of a sample is ignored: the outputs there are constant. Nothing is modified.

    Raises TypeError and ValueError as `forward` does.
    """
    network = run.stack.network
    d_outputs, d_h_n, d_c_n = check_upstream(run, d_outputs, d_h_n, d_c_n)
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

    targets   (time, batch, output) or, for readout="last", (batch, output), of the dtype of x; for softmax_cross_entropy
              also whole numbers 0 .. output-1 of shape (time, batch) or (batch,). Batch first where the network is
    weights   (time, batch) or, for readout="last", (batch,): each step's term is multiplied by it; a mask of zeros and
              ones is one. None for ones. Steps past a sample's length always weigh zero

    The other arguments, and the errors, are those of `forward`. With truncation the loss is the whole one and the
    gradient the truncated one, which is the gradient of no loss.

    >>> rng = np.random.default_rng(0)
    >>> network = Network(cell="gru", input_size=4, hidden_size=6, output_size=2)
    >>> parameters = initial_parameters(network, rng)
    >>> x, targets = rng.normal(size=(5, 3, 4)), rng.normal(size=(5, 3, 2))
    >>> loss, gradients = loss_and_gradients(network, parameters, x, targets)
    >>> gradients["weight_hh"].shape
    (6, 18)
    """
    if network.output_size is None:
        raise ValueError("network has no readout: output_size is None. Use forward and backward, or give it an output_size")
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
    """Every parameter uniform in +-1/sqrt(hidden_size), as torch initialises its recurrent modules."""
    bound = network.hidden_size**-0.5
    return {
        name: rng.uniform(-bound, bound, [size for _, size in axes]).astype(dtype)
        for name, axes in network.parameter_axes().items()
    }


def dropout_masks(
    network: Network, time: int, batch: int, probability: float, rng: np.random.Generator, dtype: type = np.float64
) -> np.ndarray:
    """Masks (layers-1, time, batch, directions*state) of 0 and 1/(1-probability), drawn anew for every step as torch does.

    Raises ValueError unless 0 <= probability < 1.
    """
    if not 0 <= probability < 1:
        raise ValueError(f"probability is {probability}, but should be at least 0 and less than 1")
    shape = (network.layers - 1, time, batch, network.directions * network.state_size)
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
