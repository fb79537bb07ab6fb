"""The recurrent stack: layers on layers, both directions, lengths, dropout masks, truncation. No readout, no loss.

Forward, for each layer: run the cell forward (and, if bidirectional, on the reversed sequence), put the outputs side by
side, multiply by the dropout mask, hand on to the next layer. Backward: the same list from its end.

A sample shorter than the batch has its state held once it has ended, and outputs zero there: the final state is that of
its own last step, and the reverse direction starts at its own last step. Held and not masked at the end, the state lets
one loop serve every length.

Truncated BPTT with (k1, k2): for each chunk of k1 steps, the gradient of the losses in it flows back through the last
k2 steps that end with the chunk, and is dropped beyond. A gradient given for the final states belongs to the last
chunk.
Source: R. Williams, J. Peng, "An efficient gradient-based algorithm for on-line training of recurrent network
trajectories", Neural Computation 2 (1990), BPTT(h; h') with h = k2, h' = k1; I. Sutskever, thesis (2013), section
2.8.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnn_manual.network import CELLS, Layer, Network

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer


@dataclass(frozen=True)
class Forward:
    """The result of `forward`; outputs (time, batch, directions*state), h_n and c_n as h_0 and c_0."""

    outputs: Float[np.ndarray, "time batch features"]
    h_n: Float[np.ndarray, "layers batch state"]
    c_n: Float[np.ndarray, "layers batch hidden"] | None
    network: Network
    caches: tuple[object, ...]  # one for each layer and direction
    valid: Bool[np.ndarray, "time batch 1"] | None
    dropout_masks: Float[np.ndarray, "_ time batch features"] | None


def forward(
    network: Network,
    parameters: Mapping[str, np.ndarray],
    x: Float[np.ndarray, "time batch input"],
    h_0: Float[np.ndarray, "layers batch state"],
    c_0: Float[np.ndarray, "layers batch hidden"] | None = None,
    lengths: Integer[np.ndarray, " batch"] | None = None,
    dropout_masks: Float[np.ndarray, "_ time batch features"] | None = None,
) -> Forward:
    """Run the stack. Arrays are time first and already checked: `rnn_manual.forward` is the front door."""
    cell = CELLS[network.cell]
    options = {"activation": network.activation} if network.cell == "elman" else {}
    if network.cell == "gru":
        options["reset"] = network.reset
    valid = None
    if lengths is not None:
        valid = (np.arange(len(x))[:, None] < lengths)[..., None]  # (T, B, 1)

    caches, h_n, c_n = [], [], []
    features, outputs = x, []
    for position, layer in enumerate(network.stack()):
        initial = (h_0[position],) if c_0 is None else (h_0[position], c_0[position])
        read = _reverse if layer.reverse else _forward
        layer_outputs, final, cache = cell.forward(
            read(features), *initial, layer_parameters(network, parameters, layer), valid=read(valid), **options
        )
        if valid is not None:
            layer_outputs = layer_outputs * read(valid)  # a copy: the states themselves stay held
        caches.append(cache)
        outputs.append(read(layer_outputs))
        h_n.append(final[0])
        c_n.extend(final[1:])
        if len(outputs) == network.directions:
            features = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=-1)
            outputs = []
            if dropout_masks is not None and layer.index < network.layers - 1:
                features = features * dropout_masks[layer.index]
    return Forward(
        features, np.stack(h_n), np.stack(c_n) if c_n else None, network, tuple(caches), valid, dropout_masks
    )


def backward(
    run: Forward,
    d_outputs: Float[np.ndarray, "time batch features"],
    d_h_n: Float[np.ndarray, "layers batch state"],
    d_c_n: Float[np.ndarray, "layers batch hidden"] | None = None,
) -> dict[str, np.ndarray]:
    """The gradient of every parameter of the stack, of x, h_0 and, for an LSTM, c_0. Time first."""
    network, steps = run.network, len(d_outputs)
    if network.truncation is None:
        return _backward_window(run, 0, steps, d_outputs, d_h_n, d_c_n)
    k1, k2 = network.truncation
    total: dict[str, np.ndarray] | None = None
    for chunk in range(0, steps, k1):
        stop = min(chunk + k1, steps)
        start = max(0, stop - k2)
        d_window = d_outputs[start:stop].copy()
        d_window[: chunk - start] = 0  # these losses had their turn with an earlier chunk
        last = stop == steps
        window = _backward_window(
            run,
            start,
            stop,
            d_window,
            d_h_n if last else np.zeros_like(d_h_n),
            d_c_n if last or d_c_n is None else np.zeros_like(d_c_n),
        )
        d_x = np.zeros((steps, *window["x"].shape[1:]), d_outputs.dtype)
        d_x[start:stop] = window["x"]
        window["x"] = d_x
        for state in ("h_0", "c_0"):
            if start > 0 and state in window:  # cut off from the initial state
                window[state] = np.zeros_like(window[state])
        total = window if total is None else {name: total[name] + window[name] for name in total}
    return total


def _backward_window(
    run: Forward, start: int, stop: int, d_outputs: np.ndarray, d_h_n: np.ndarray, d_c_n: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Backward through the steps start .. stop-1 of every layer."""
    network = run.network
    cell, size = CELLS[network.cell], network.state_size
    valid = None if run.valid is None else run.valid[start:stop]
    whole = stop - start == len(run.outputs)
    layers = list(enumerate(network.stack()))
    d_h_0, d_c_0 = [None] * len(layers), [None] * len(layers)
    gradients: dict[str, np.ndarray] = {}
    d_features, from_directions = d_outputs, []
    for position, layer in reversed(layers):
        d_layer = d_features[..., size:] if layer.reverse else d_features[..., :size]
        if valid is not None:
            d_layer = d_layer * valid
        read = _reverse if layer.reverse else _forward
        cache = run.caches[position] if whole else run.caches[position].window(start, stop)
        d_final = (d_h_n[position],) if d_c_n is None else (d_h_n[position], d_c_n[position])
        d_x, d_initial, d_parameters = cell.backward(cache, read(d_layer), d_final)
        for name in network.layer_axes(layer):
            gradients[name + layer.suffix] = d_parameters[name]
        d_h_0[position] = d_initial[0]
        if d_c_n is not None:
            d_c_0[position] = d_initial[1]
        from_directions.append(read(d_x))
        if len(from_directions) == network.directions:  # both directions read the same features
            d_features = sum(from_directions[1:], start=from_directions[0])
            from_directions = []
            if run.dropout_masks is not None and layer.index > 0:
                d_features = d_features * run.dropout_masks[layer.index - 1, start:stop]
    gradients |= {"x": d_features, "h_0": np.stack(d_h_0)}
    if d_c_n is not None:
        gradients["c_0"] = np.stack(d_c_0)
    return gradients


def layer_parameters(network: Network, parameters: Mapping[str, np.ndarray], layer: Layer) -> dict[str, np.ndarray]:
    """The parameters of one layer and direction under their bare names."""
    return {name: parameters[name + layer.suffix] for name in network.layer_axes(layer)}


def _forward(steps: np.ndarray | None) -> np.ndarray | None:
    return steps


def _reverse(steps: np.ndarray | None) -> np.ndarray | None:
    return None if steps is None else steps[::-1]
