"""The first mirror: our networks written out in torch, one operation after the other, one step after the other.

It shares with `rnn_manual` the options of the network, and no computation. Every network can be expressed, so this is
the mirror from which rounding noise and contributions are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from oracle.mirror.tensors import Tensors
from rnn_manual import Network

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": lambda a: a,
    "softmax": lambda a: _log_softmax(a).exp(),
}

PerStep = dict[str, Sequence[torch.Tensor]]
"""Of each parameter, the tensor that step t uses."""

State = list[tuple[torch.Tensor, ...]]
"""(h,) or (h, c) of every layer and direction, in the order of h_0."""


def loss(network: Network, tensors: Tensors, per_step: bool = False) -> torch.Tensor:
    """The loss as a scalar tensor, to be differentiated.

    With `per_step`, every parameter leaf has a leading time axis and step t uses its t-th slice: the gradient is then
    one contribution for each step.
    """
    x = tensors.leaves["x"]
    x = x.transpose(0, 1) if network.batch_first else x
    steps = len(x)
    parameters = {
        name: leaf.unbind() if per_step else [leaf] * steps
        for name, leaf in tensors.leaves.items()
        if name not in ("x", "h_0", "c_0")
    }
    states = [tensors.leaves[name].unbind() for name in ("h_0", "c_0") if name in tensors.leaves]
    initial: State = list(zip(*states))
    if network.truncation is None:
        outputs, final, _ = _stack(network, parameters, x, tensors, 0, steps, initial)
        return _loss(network, parameters, tensors, outputs, final, range(steps))

    k1, k2 = network.truncation
    with torch.no_grad():
        _, _, history = _stack(network, parameters, x, tensors, 0, steps, initial)
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for chunk in range(0, steps, k1):
        stop = min(chunk + k1, steps)
        start = max(0, stop - k2)
        state = initial if start == 0 else history[start]
        outputs, final, _ = _stack(network, parameters, x, tensors, start, stop, state)
        total = total + _loss(network, parameters, tensors, outputs[chunk - start :], final, range(chunk, stop))
    return total


def _stack(
    network: Network,
    parameters: PerStep,
    x: torch.Tensor,
    tensors: Tensors,
    start: int,
    stop: int,
    initial: State,
) -> tuple[list[torch.Tensor], State, dict[int, State]]:
    """Outputs of steps start .. stop-1, the final state, and the state before each step (for one direction)."""
    lengths, dropout_masks = tensors.constants["lengths"], tensors.constants["dropout_masks"]
    features = list(x[start:stop].unbind())
    final: State = []
    history: dict[int, State] = {t: [] for t in range(start, stop)}
    for index in range(network.layers):
        directions = []
        for reverse in range(network.directions):
            suffix = (f"_l{index}" if index else "") + ("_reverse" if reverse else "")
            own = {name.removesuffix(suffix): uses for name, uses in parameters.items() if name.endswith(suffix)}
            state = initial[index * network.directions + reverse]
            outputs: list[torch.Tensor] = [torch.empty(0)] * (stop - start)
            order = range(stop - 1, start - 1, -1) if reverse else range(start, stop)
            for t in order:
                history[t].append(state)
                new = _cell(network, {name: uses[t] for name, uses in own.items()}, features[t - start], state)
                if lengths is None:
                    state, outputs[t - start] = new, new[0]
                else:
                    runs = (t < lengths)[:, None]
                    state = tuple(torch.where(runs, after, before) for after, before in zip(new, state))
                    outputs[t - start] = torch.where(runs, new[0], 0.0)
            final.append(state)
            directions.append(outputs)
        features = directions[0]
        if network.bidirectional:
            features = [torch.cat(both, dim=-1) for both in zip(*directions)]
        if dropout_masks is not None and index < network.layers - 1:
            features = [feature * dropout_masks[index, start + k] for k, feature in enumerate(features)]
    return features, final, history


def _cell(
    network: Network, p: dict[str, torch.Tensor], x: torch.Tensor, state: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor, ...]:
    """One step of one layer: the state after it."""
    h = state[0]
    if network.bias:
        from_x = torch.addmm(p["bias_ih"], x, p["weight_ih"])
        from_h = torch.addmm(p["bias_hh"], h, p["weight_hh"])
    else:
        from_x, from_h = x @ p["weight_ih"], h @ p["weight_hh"]
    if network.cell == "elman":
        return (ACTIVATIONS[network.activation](from_x + from_h),)
    if network.cell == "gru":
        x_r, x_z, x_n = from_x.chunk(3, dim=-1)
        h_r, h_z, h_n = from_h.chunk(3, dim=-1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        if network.reset == "after":
            n = torch.tanh(x_n + r * h_n)
        else:
            h_n = (r * h) @ p["weight_hh"].chunk(3, dim=-1)[2]
            if network.bias:
                h_n = h_n + p["bias_hh"].chunk(3, dim=-1)[2]
            n = torch.tanh(x_n + h_n)
        return ((1 - z) * n + z * h,)
    c = state[1]
    a_i, a_f, a_g, a_o = (from_x + from_h).chunk(4, dim=-1)
    if network.peephole:
        p_i, p_f, p_o = p["weight_peephole"]
        a_i, a_f = a_i + p_i * c, a_f + p_f * c
    c = torch.sigmoid(a_f) * c + torch.sigmoid(a_i) * torch.tanh(a_g)
    if network.peephole:
        a_o = a_o + p_o * c
    h = torch.sigmoid(a_o) * torch.tanh(c)
    return (h @ p["weight_hr"] if network.projection_size else h, c)


def _loss(
    network: Network,
    parameters: PerStep,
    tensors: Tensors,
    outputs: list[torch.Tensor],
    final: State,
    chunk: range,
) -> torch.Tensor:
    """The part of the loss that belongs to the steps of `chunk`, which are those of `outputs`."""
    constants, inside = tensors.constants, slice(chunk.start, chunk.stop)
    all_outputs = torch.stack(outputs)
    whole = tensors.leaves["x"].shape[1 if network.batch_first else 0]
    if network.output_size is None:
        total = (all_outputs * constants["d_outputs"][inside]).sum()
        if chunk.stop == whole:
            for kind, upstream in enumerate(("d_h_n", "d_c_n")):
                if constants[upstream] is not None:
                    total = total + sum((state[kind] * up).sum() for state, up in zip(final, constants[upstream]))
        return total

    batch, size = all_outputs.shape[1], network.state_size
    lengths, weights, targets = constants["lengths"], constants["weights"], constants["targets"]
    if weights is None:
        weights = all_outputs.new_ones((whole, batch) if network.readout == "every" else (batch,))
    if network.readout == "every":
        if lengths is not None:
            weights = weights * (torch.arange(whole, device=weights.device)[:, None] < lengths)
        total = weights.sum()
        uses = {
            name: torch.stack(list(parameters[name][inside])) for name in ("weight_ho", "bias_ho") if name in parameters
        }
        terms = weights[inside] * _terms(network, all_outputs, targets[inside], uses)
    else:
        total = weights.sum()
        terms = all_outputs.new_zeros(1)
        for b in range(batch):
            last = (whole if lengths is None else int(lengths[b])) - 1
            if last in chunk:
                h = torch.cat([all_outputs[last - chunk.start, b, :size], all_outputs[0, b, size:]])
                uses = {name: parameters[name][last] for name in ("weight_ho", "bias_ho") if name in parameters}
                terms = terms + weights[b] * _terms(network, h[None, None], targets[b][None, None], uses)
    divisor = {"sum": 1, "batch_mean": batch, "mean": total}[network.reduction]
    if network.reduction == "mean" and network.loss != "softmax_cross_entropy":
        divisor = divisor * network.output_size
    return terms.sum() / divisor


def _terms(network: Network, h: torch.Tensor, target: torch.Tensor, uses: dict[str, torch.Tensor]) -> torch.Tensor:
    """(time, batch) losses from (time, batch, features) hidden states; the readout's uses are stacked over time."""
    v = ACTIVATIONS[network.state_activation](h) @ uses["weight_ho"]
    if network.bias:
        v = v + uses["bias_ho"].unsqueeze(-2)
    y = ACTIVATIONS[network.output_activation](v)
    if network.loss == "half_squared_error":
        return 0.5 * ((y - target) ** 2).sum(dim=-1)
    if network.loss == "binary_cross_entropy":
        # log(1 + e^y); torch's softplus drops the 1 beyond y = 20
        return (-torch.nn.functional.logsigmoid(-y) - y * target).sum(dim=-1)
    log_probabilities = _log_softmax(y)
    if target.dtype == torch.int64:
        return -log_probabilities.gather(-1, target[..., None])[..., 0]
    return -(target * log_probabilities).sum(dim=-1)


def _log_softmax(a: torch.Tensor) -> torch.Tensor:
    """Operation by operation: what rounds inside torch's own, the noise could not see."""
    shifted = a - a.detach().amax(dim=-1, keepdim=True)
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()
