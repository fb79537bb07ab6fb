"""Exact conversion to and from the state dicts of torch.nn.RNN, LSTM and GRU, as NumPy arrays.

torch keeps weights (out, in) and uses them as x @ weight.T; ours are (in, out). Names: torch's weight_ih_l0 is our
weight_ih, its weight_ih_l0_reverse our weight_ih_reverse; from layer 1 on they are the same. The gate orders are the
same. A transpose changes no bit, so both directions are exact, in float64 and float32.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from rnn_manual.checks import a_type, check_array, check_network, describe
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

    What `parameters` holds beyond them (the readout, gradients of x and h_0) is left out.

    Raises ValueError where no torch module has them, or one is missing or misshapen, TypeError for a wrong type or
    dtype.

    >>> network = Network(cell="gru", input_size=4, hidden_size=6, bias=False)
    >>> state = to_state_dict(network, {"weight_ih": np.ones((4, 18)), "weight_hh": np.ones((6, 18))})
    >>> {name: array.shape for name, array in state.items()}
    {'weight_ih_l0': (18, 4), 'weight_hh_l0': (18, 6)}
    """
    _check_expressible(network)
    _check_mapping("parameters", parameters)
    axes = network.parameter_axes()
    names = _recurrent_names(network)
    for name in names:
        if name not in parameters:
            raise ValueError(f"parameters lacks {name!r}; it should be {describe(axes[name])}")
        check_array(name, parameters[name], axes[name])
    _check_one_dtype({name: parameters[name] for name in names})
    return {_torch_name(name): parameters[name].T.copy() for name in names}


def from_state_dict(network: Network, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters of the recurrent stack, from torch's names and (out, in) shapes; copies.

    `state` holds NumPy arrays, or what says itself how to become one (`__array__`), as torch's tensors do.

    Raises ValueError where no torch module has them, or a name is missing, unknown or misshapen, TypeError for a wrong
    type or dtype.
    """
    _check_expressible(network)
    _check_mapping("state", state)
    axes = network.parameter_axes()
    names = {_torch_name(name): name for name in _recurrent_names(network)}
    for torch_name in state:
        if torch_name not in names:
            missing = [right for right in names if right not in state]
            hint = did_you_mean(torch_name, missing)
            raise ValueError(f"state holds {torch_name!r}, which this network does not have{hint}")
    arrays = {}
    for torch_name, name in names.items():
        torch_axes = axes[name][::-1]
        if torch_name not in state:
            raise ValueError(f"state lacks {torch_name!r}; it should be {describe(torch_axes)}")
        array = state[torch_name]
        if not isinstance(array, np.ndarray) and hasattr(array, "__array__"):
            array = np.asarray(array)
        arrays[torch_name] = check_array(torch_name, array, torch_axes)
    _check_one_dtype(arrays)
    return {name: arrays[torch_name].T.copy() for torch_name, name in names.items()}


def _check_expressible(network: Network) -> None:
    check_network(network)
    reason = why_not_in_torch(network)
    if reason:
        raise ValueError(f"network cannot be expressed in torch.nn: {reason}")


def _check_mapping(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is {a_type(value)}, but should be a dict of arrays by name")


def _check_one_dtype(arrays: Mapping[str, np.ndarray]) -> None:
    """Raises TypeError unless all have the dtype of the first."""
    first, *others = arrays
    for name in others:
        if arrays[name].dtype != arrays[first].dtype:
            raise TypeError(
                f"{name} has dtype {arrays[name].dtype}, but {first} has {arrays[first].dtype}; "
                "all floats should share one dtype"
            )


def _recurrent_names(network: Network) -> list[str]:
    return [name + layer.suffix for layer in network.stack() for name in network.layer_axes(layer)]


def _torch_name(name: str) -> str:
    """weight_ih -> weight_ih_l0, weight_ih_reverse -> weight_ih_l0_reverse, weight_ih_l1 -> weight_ih_l1."""
    return name if re.search(r"_l\d+(_reverse)?$", name) else re.sub(r"(_reverse)?$", r"_l0\1", name, count=1)
