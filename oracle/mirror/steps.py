"""The first mirror: our networks written out in torch, one operation after the other, one step after the other.

It shares with `rnn_manual` the options of the network and nothing else. Every network can be expressed, so this is the
mirror from which rounding noise and contributions are taken.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from oracle.mirror.tensors import Tensors
from rnn_manual import Network

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": lambda a: a,
    "softmax": lambda a: torch.softmax(a, dim=-1),
}

State = list[tuple[torch.Tensor, ...]]
"""(h,) or (h, c) of every layer and direction, in the order of h_0."""


def loss(network: Network, tensors: Tensors, per_step: bool = False) -> torch.Tensor:
    """The loss as a scalar tensor, to be differentiated.

    With `per_step`, every parameter leaf has a leading time axis and step t uses its t-th slice: the gradient is then
    one contribution for each step.
    """
    x = tensors.leaves["x"]
    x = x.transpose(0, 1) if network.batch_first else x
    steps, batch = x.shape[:2]
    lengths = tensors.constants["lengths"]
    if lengths is None:
        lengths = torch.full((batch,), steps, device=x.device)

    def parameter(name: str, t: int) -> torch.Tensor:
        return tensors.leaves[name][t] if per_step else tensors.leaves[name]

    def run(start: int, stop: int, state: State) -> tuple[list[torch.Tensor], State, dict[int, State]]:
        return _stack(network, parameter, x, lengths, tensors.constants["dropout_masks"], start, stop, state)

    states = (tensors.leaves["h_0"],) + ((tensors.leaves["c_0"],) if network.cell == "lstm" else ())
    initial: State = list(zip(*states))
    if network.truncation is None:
        outputs, final, _ = run(0, steps, initial)
        return _loss(network, tensors, parameter, outputs, final, 0, steps, 0, steps, lengths)

    k1, k2 = network.truncation
    with torch.no_grad():
        _, _, history = run(0, steps, initial)
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for chunk in range(0, steps, k1):
        stop = min(chunk + k1, steps)
        start = max(0, stop - k2)
        outputs, final, _ = run(start, stop, initial if start == 0 else history[start])
        total = total + _loss(network, tensors, parameter, outputs, final, start, stop, chunk, steps, lengths)
    return total


def _stack(
    network: Network,
    parameter: Callable[[str, int], torch.Tensor],
    x: torch.Tensor,
    lengths: torch.Tensor,
    dropout_masks: torch.Tensor | None,
    start: int,
    stop: int,
    initial: State,
) -> tuple[list[torch.Tensor], State, dict[int, State]]:
    """Outputs of steps start .. stop-1, the final state, and the state before each step (for one direction)."""
    features = [x[t] for t in range(start, stop)]
    final: State = []
    history: dict[int, State] = {t: [] for t in range(start, stop)}
    for index in range(network.layers):
        directions = []
        for reverse in range(network.directions):
            suffix = (f"_l{index}" if index else "") + ("_reverse" if reverse else "")
            state = initial[index * network.directions + reverse]
            outputs: list[torch.Tensor] = [torch.empty(0)] * (stop - start)
            order = range(stop - 1, start - 1, -1) if reverse else range(start, stop)
            for t in order:
                history[t].append(state)
                new = _cell(network, lambda name: parameter(name + suffix, t), features[t - start], state)
                runs = (t < lengths)[:, None]
                state = tuple(torch.where(runs, after, before) for after, before in zip(new, state))
                outputs[t - start] = torch.where(runs, new[0], torch.zeros_like(new[0]))
            final.append(state)
            directions.append(outputs)
        features = [torch.cat(both, dim=-1) for both in zip(*directions)]
        if dropout_masks is not None and index < network.layers - 1:
            features = [feature * dropout_masks[index, start + k] for k, feature in enumerate(features)]
    return features, final, history


def _cell(
    network: Network, p: Callable[[str], torch.Tensor], x: torch.Tensor, state: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor, ...]:
    """One step of one layer: the state after it."""
    h = state[0]
    from_x, from_h = x @ p("weight_ih"), h @ p("weight_hh")
    if network.bias:
        from_x, from_h = from_x + p("bias_ih"), from_h + p("bias_hh")
    if network.cell == "elman":
        return (ACTIVATIONS[network.activation](from_x + from_h),)
    if network.cell == "gru":
        x_r, x_z, x_n = from_x.chunk(3, dim=-1)
        h_r, h_z, h_n = from_h.chunk(3, dim=-1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        if network.reset == "after":
            n = torch.tanh(x_n + r * h_n)
        else:
            h_n = (r * h) @ p("weight_hh").chunk(3, dim=-1)[2]
            if network.bias:
                h_n = h_n + p("bias_hh").chunk(3, dim=-1)[2]
            n = torch.tanh(x_n + h_n)
        return ((1 - z) * n + z * h,)
    c = state[1]
    a_i, a_f, a_g, a_o = (from_x + from_h).chunk(4, dim=-1)
    if network.peephole:
        p_i, p_f, p_o = p("weight_peephole")
        a_i, a_f = a_i + p_i * c, a_f + p_f * c
    c = torch.sigmoid(a_f) * c + torch.sigmoid(a_i) * torch.tanh(a_g)
    if network.peephole:
        a_o = a_o + p_o * c
    h = torch.sigmoid(a_o) * torch.tanh(c)
    return (h @ p("weight_hr") if network.projection_size else h, c)


def _loss(
    network: Network,
    tensors: Tensors,
    parameter: Callable[[str, int], torch.Tensor],
    outputs: list[torch.Tensor],
    final: State,
    start: int,
    stop: int,
    chunk: int,
    steps: int,
    lengths: torch.Tensor,
) -> torch.Tensor:
    """The part of the loss that belongs to steps chunk .. stop-1; `outputs` begins with step `start`."""
    constants = tensors.constants
    total = torch.zeros((), dtype=torch.float64, device=lengths.device)
    if network.output_size is None:
        for t in range(chunk, stop):
            total = total + (outputs[t - start] * constants["d_outputs"][t]).sum()
        if stop == steps:
            for kind, upstream in enumerate(("d_h_n", "d_c_n")):
                if constants[upstream] is not None:
                    total = total + sum((state[kind] * up).sum() for state, up in zip(final, constants[upstream]))
        return total

    weights = constants["weights"]
    batch, size = len(lengths), network.state_size
    if weights is None:
        shape = (steps, batch) if network.readout == "every" else (batch,)
        weights = torch.ones(shape, dtype=torch.float64, device=lengths.device)
    if network.readout == "every":
        weights = weights * (torch.arange(steps, device=lengths.device)[:, None] < lengths)
        for t in range(chunk, stop):
            terms = _terms(network, outputs[t - start], constants["targets"][t], lambda name: parameter(name, t))
            total = total + (weights[t] * terms).sum()
    else:
        for b in range(batch):
            last = int(lengths[b]) - 1
            if chunk <= last < stop:
                h = torch.cat([outputs[last - start][b, :size], outputs[0][b, size:]])
                terms = _terms(network, h, constants["targets"][b], lambda name: parameter(name, last))
                total = total + weights[b] * terms
    divisor = {"sum": 1, "batch_mean": batch, "mean": weights.sum()}[network.reduction]
    if network.reduction == "mean" and network.loss != "softmax_cross_entropy":
        divisor = divisor * network.output_size
    return total / divisor


def _terms(
    network: Network, h: torch.Tensor, target: torch.Tensor, p: Callable[[str], torch.Tensor]
) -> torch.Tensor:
    """The loss of each sample, from its hidden state."""
    v = ACTIVATIONS[network.state_activation](h) @ p("weight_ho")
    if network.bias:
        v = v + p("bias_ho")
    y = ACTIVATIONS[network.output_activation](v)
    if network.loss == "half_squared_error":
        return 0.5 * ((y - target) ** 2).sum(dim=-1)
    if network.loss == "binary_cross_entropy":
        return (torch.nn.functional.softplus(y) - y * target).sum(dim=-1)
    log_probabilities = torch.log_softmax(y, dim=-1)
    if target.dtype == torch.int64:
        return -log_probabilities.gather(-1, target[..., None])[..., 0]
    return -(target * log_probabilities).sum(dim=-1)
