"""The second mirror: torch.nn.RNN, LSTM and GRU, wherever they can express the network, with torch's own losses.

The recurrence and the losses are torch's own. With the first mirror it shares the conversion of a problem to tensors;
with the hand-written code, the options of the network and the conversion to torch's state dicts.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from oracle.mirror.tensors import Tensors
from oracle.problem import Problem
from rnn_manual import Network, from_state_dict, to_state_dict
from rnn_manual.state_dict import why_not_in_torch


def why_not(problem: Problem) -> str | None:
    """Why torch's modules cannot express the problem, or None where they can."""
    network = problem.network
    if reason := why_not_in_torch(network):
        return reason
    if network.truncation and problem.lengths is not None:
        return "pack_padded_sequence has no windows in which a sample has already ended"
    return None


def recurrent_modules(problem: Problem, device: str) -> list[tuple[Network, torch.nn.RNNBase]]:
    """One module with all layers, or one for each layer where dropout masks are given, with the problem's weights."""
    network = problem.network.without_readout()
    parts = [network]
    if problem.dropout_masks is not None:
        width = network.directions * network.state_size
        parts = [
            replace(network, layers=1, input_size=width if index else network.input_size)
            for index in range(network.layers)
        ]
    modules = []
    for index, part in enumerate(parts):
        options: dict[str, object] = {"proj_size": part.projection_size or 0} if part.cell == "lstm" else {}
        if part.cell == "elman":
            options["nonlinearity"] = part.activation
        kind = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[part.cell]
        module = kind(
            part.input_size, part.hidden_size, part.layers, bias=part.bias, bidirectional=part.bidirectional, **options
        ).to(torch.float64)
        weights = {name: problem.parameters[_in_stack(name, index, len(parts))] for name in part.parameter_axes()}
        state = to_state_dict(part, {name: array.astype(np.float64) for name, array in weights.items()})
        module.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
        modules.append((part, module.to(device)))
    return modules


def module_gradients(modules: list[tuple[Network, torch.nn.RNNBase]]) -> dict[str, np.ndarray]:
    """The gradients that backward left in the modules, under our names."""
    gradients = {}
    for index, (part, module) in enumerate(modules):
        state = {name: parameter.grad.cpu().numpy() for name, parameter in module.named_parameters()}
        for name, gradient in from_state_dict(part, state).items():
            gradients[_in_stack(name, index, len(modules))] = gradient
    return gradients


def loss(problem: Problem, tensors: Tensors, modules: list[tuple[Network, torch.nn.RNNBase]]) -> torch.Tensor:
    """The loss as a scalar tensor; the recurrent parameters' gradients appear in the modules."""
    network = problem.network
    x = tensors.leaves["x"]
    x = x.transpose(0, 1) if network.batch_first else x
    steps = len(x)
    state = tuple(tensors.leaves[name] for name in ("h_0", "c_0") if name in tensors.leaves)
    if network.truncation is None:
        outputs, final = _run(network, tensors, modules, x, state, 0)
        return _loss(network, tensors, outputs, final, range(steps), last=True)
    k1, k2 = network.truncation
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for chunk in range(0, steps, k1):
        stop = min(chunk + k1, steps)
        start = max(0, stop - k2)
        before = state
        if start > 0:
            with torch.no_grad():
                _, before = _run(network, tensors, modules, x[:start], state, 0)
        outputs, final = _run(network, tensors, modules, x[start:stop], before, start)
        padded = torch.cat([outputs.new_zeros(start, *outputs.shape[1:]), outputs])
        total = total + _loss(network, tensors, padded, final, range(chunk, stop), last=stop == steps)
    return total


def _run(
    network: Network,
    tensors: Tensors,
    modules: list[tuple[Network, torch.nn.RNNBase]],
    x: torch.Tensor,
    state: tuple[torch.Tensor, ...],
    start: int,
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Outputs and final states of the stack over x, which begins at step `start`."""
    lengths, masks = tensors.constants["lengths"], tensors.constants["dropout_masks"]
    finals = []
    per_module = network.layers * network.directions // len(modules)
    for index, (_, module) in enumerate(modules):
        rows = slice(index * per_module, (index + 1) * per_module)
        initial = tuple(part[rows].contiguous() for part in state)
        sequence = x if lengths is None else pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
        outputs, final = module(sequence, initial if network.cell == "lstm" else initial[0])
        if lengths is not None:
            outputs, _ = pad_packed_sequence(outputs, total_length=len(x))
        x = outputs if masks is None or index == len(modules) - 1 else outputs * masks[index, start : start + len(x)]
        finals.append(final if network.cell == "lstm" else (final,))
    return x, tuple(torch.cat(parts) for parts in zip(*finals))


def _loss(
    network: Network,
    tensors: Tensors,
    outputs: torch.Tensor,
    final: tuple[torch.Tensor, ...],
    steps: range,
    last: bool,
) -> torch.Tensor:
    """The loss of `steps`, with torch's own loss functions; `last` says whether the sequence ends with them."""
    constants = tensors.constants
    inside = slice(steps.start, steps.stop)
    if network.output_size is None:
        total = torch.vdot(outputs[inside].reshape(-1), constants["d_outputs"][inside].reshape(-1))
        if last:
            for state, upstream in zip(final, (constants["d_h_n"], constants["d_c_n"])):
                total = total + torch.vdot(state.reshape(-1), upstream.reshape(-1))
        return total
    batch = outputs.shape[1]
    targets, weights = constants["targets"], constants["weights"]
    lengths = constants["lengths"]
    if network.readout == "last":
        if not last:
            return outputs.new_zeros(())
        # final states of the top layer, forward then reverse, side by side
        h = torch.cat(tuple(final[0][-network.directions :]), dim=-1)
        weights = torch.ones(batch, dtype=torch.float64, device=h.device) if weights is None else weights
        whole = weights.sum()
    else:
        if weights is None:
            weights = torch.ones(targets.shape[:2], dtype=torch.float64, device=outputs.device)
        h, targets = outputs[inside], targets[inside]
        if lengths is not None:
            weights = weights * (torch.arange(len(weights), device=h.device)[:, None] < lengths)
        whole, weights = weights.sum(), weights[inside]
    bias = tensors.leaves["bias_ho"] if network.bias else None
    y = functional.linear(_activation(network.state_activation, h), tensors.leaves["weight_ho"].T, bias)
    y = _activation(network.output_activation, y)
    if network.loss == "half_squared_error":
        terms = functional.mse_loss(y, targets, reduction="none").sum(dim=-1) / 2
    elif network.loss == "binary_cross_entropy":
        terms = functional.binary_cross_entropy_with_logits(y, targets, reduction="none").sum(dim=-1)
    else:
        rows = targets.reshape(-1) if targets.dtype == torch.int64 else targets.reshape(-1, network.output_size)
        terms = functional.cross_entropy(y.reshape(-1, network.output_size), rows, reduction="none").reshape(
            weights.shape
        )
    divisor = {"sum": 1, "batch_mean": batch, "mean": whole}[network.reduction]
    if network.reduction == "mean" and network.loss != "softmax_cross_entropy":
        divisor = divisor * network.output_size
    return (weights * terms).sum() / divisor


def _activation(name: str, a: torch.Tensor) -> torch.Tensor:
    modules = {
        "tanh": torch.nn.Tanh(),
        "relu": torch.nn.ReLU(),
        "sigmoid": torch.nn.Sigmoid(),
        "identity": torch.nn.Identity(),
    }
    return (modules | {"softmax": torch.nn.Softmax(dim=-1)})[name](a)


def _in_stack(name: str, index: int, parts: int) -> str:
    """A parameter of the index-th single-layer module under its name in the whole stack."""
    if parts == 1 or index == 0:
        return name
    bare, reverse = (name.removesuffix("_reverse"), "_reverse") if name.endswith("_reverse") else (name, "")
    return f"{bare}_l{index}{reverse}"
