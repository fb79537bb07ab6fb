"""Exact conversion to and from the state dicts of torch.nn.RNN, LSTM and GRU, as NumPy arrays.

torch keeps weights (out, in) and uses them as x @ weight.T; ours are (in, out). Names: torch's weight_ih_l0 is our
weight_ih, its weight_ih_l0_reverse our weight_ih_reverse; from layer 1 on they are the same. The gate orders are the
same. A transpose changes no bit, so both directions are exact, in float64 and float32.
"""

from __future__ import annotations

import re
from typing import Mapping

import numpy as np

from rnn_manual.checks import check_array
from rnn_manual.network import Network, did_you_mean


def why_not_in_torch(network: Network) -> str | None:
    """Why no torch module has these parameters and this forward pass, or None where one has."""
    if network.cell == "elman" and network.activation not in ("tanh", "relu"):
        return f"torch.nn.RNN has no activation {network.activation!r}"
    if network.peephole:
        return "torch.nn.LSTM has no peepholes"
    if network.cell == "gru" and network.reset == "before":
        return "torch.nn.GRU applies the reset gate after the recurrent product"
    return None


def to_state_dict(network: Network, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The recurrent parameters under torch's names and (out, in) shapes; copies. Gradients convert the same way.

    Raises ValueError where no torch module has them, or one is missing or misshapen.
    """
    _check_expressible(network)
    axes = network.parameter_axes()
    state = {}
    for name in _recurrent_names(network):
        if name not in parameters:
            raise ValueError(f"parameters lacks {name!r}")
        state[_torch_name(name)] = check_array(name, parameters[name], axes[name]).T.copy()
    return state


def from_state_dict(network: Network, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters of the recurrent stack, from torch's names and (out, in) shapes as NumPy arrays; copies.

    Raises ValueError where no torch module has them, or a name is missing, unknown or misshapen.
    """
    _check_expressible(network)
    axes = network.parameter_axes()
    names = {_torch_name(name): name for name in _recurrent_names(network)}
    for name in state:
        if name not in names:
            raise ValueError(f"state holds {name!r}, which this network does not have{did_you_mean(name, names)}")
    parameters = {}
    for torch_name, name in names.items():
        if torch_name not in state:
            raise ValueError(f"state lacks {torch_name!r}")
        parameters[name] = check_array(torch_name, np.asarray(state[torch_name]), axes[name][::-1]).T.copy()
    return parameters


def _check_expressible(network: Network) -> None:
    reason = why_not_in_torch(network)
    if reason:
        raise ValueError(f"network cannot be expressed in torch.nn: {reason}")


def _recurrent_names(network: Network) -> list[str]:
    return [name + layer.suffix for layer in network.stack() for name in network.layer_axes(layer)]


def _torch_name(name: str) -> str:
    """weight_ih -> weight_ih_l0, weight_ih_reverse -> weight_ih_l0_reverse, weight_ih_l1 -> weight_ih_l1."""
    return name if re.search(r"_l\d+(_reverse)?$", name) else re.sub(r"(_reverse)?$", r"_l0\1", name, count=1)
