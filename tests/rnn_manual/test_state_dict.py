"""Conversion to and from torch's state dicts: exact both ways, against the real modules; errors in words."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from rnn_manual import Network, forward, from_state_dict, initial_parameters, to_state_dict
from rnn_manual.state_dict import why_not_in_torch

KINDS = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
CELLS = [
    {"cell": "elman"},
    {"cell": "elman", "activation": "relu"},
    {"cell": "lstm"},
    {"cell": "lstm", "projection_size": 5},
    {"cell": "gru"},
]
EXPRESSIBLE = [
    Network(**cell, input_size=4, hidden_size=6, layers=layers, bidirectional=bidirectional, bias=bias)
    for cell, layers, bidirectional, bias in itertools.product(CELLS, (1, 3), (False, True), (True, False))
]


def name(network: Network) -> str:
    """The options that differ from their defaults."""
    words = [network.cell, network.activation if network.cell == "elman" else "", f"{network.layers}_layers"]
    words += ["projection" * bool(network.projection_size), "bidirectional" * network.bidirectional]
    return "-".join(word for word in [*words, "" if network.bias else "no_bias"] if word)


def module(network: Network, dtype: torch.dtype) -> torch.nn.RNNBase:
    options = {"nonlinearity": network.activation} if network.cell == "elman" else {}
    if network.projection_size:
        options["proj_size"] = network.projection_size
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return KINDS[network.cell](
            network.input_size, network.hidden_size, network.layers, bias=network.bias,
            bidirectional=network.bidirectional, dtype=dtype, **options,
        )  # fmt: skip


def bits(array: object) -> bytes:
    return np.ascontiguousarray(array).tobytes()


def drawn(network: Network, dtype: type = np.float64) -> dict[str, np.ndarray]:
    """Random parameters, with values among them that a detour through another type or an addition would change."""
    parameters = initial_parameters(network, np.random.default_rng(0), dtype)
    for array in parameters.values():
        array.flat[:3] = -0.0, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max
    return parameters


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("network", EXPRESSIBLE, ids=name)
def test_to_torch_and_back(network, dtype):
    """A torch module loads it strictly, and gives it back bit for bit."""
    parameters = drawn(network, np.dtype(dtype).type)
    target = module(network, getattr(torch, dtype))
    state = to_state_dict(network, parameters)
    assert list(state) == sorted(state, key=list(target.state_dict()).index)
    assert {key: value.shape for key, value in state.items()} == {
        key: tuple(value.shape) for key, value in target.state_dict().items()
    }
    target.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()}, strict=True)
    back = from_state_dict(network, target.state_dict())
    assert list(back) == list(parameters)
    for key, value in parameters.items():
        assert (back[key].dtype, back[key].shape, bits(back[key])) == (value.dtype, value.shape, bits(value)), key


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("network", EXPRESSIBLE, ids=name)
def test_from_torch_and_back(network, dtype):
    """What torch initialised arrives under our names and shapes, and torch gets the same bits again."""
    state = module(network, getattr(torch, dtype)).state_dict()
    parameters = from_state_dict(network, state)
    assert {key: value.shape for key, value in parameters.items()} == {
        key: tuple(size for _, size in axes) for key, axes in network.parameter_axes().items()
    }
    back = to_state_dict(network, parameters)
    assert back.keys() == state.keys()
    for key, value in state.items():
        assert (str(back[key].dtype), bits(back[key])) == (dtype, bits(value.numpy())), key


@pytest.mark.parametrize("network", EXPRESSIBLE, ids=name)
def test_both_compute_the_same_with_them(network):
    """Names and shapes alone would let two gates, or the two biases of a GRU, change places."""
    judge = module(network, torch.float64)
    x = np.random.default_rng(0).normal(size=(5, 3, 4))
    run = forward(network, from_state_dict(network, judge.state_dict()), x)
    with torch.no_grad():
        outputs, final = judge(torch.from_numpy(x))
    h_n, c_n = final if network.cell == "lstm" else (final, None)
    np.testing.assert_allclose(run.outputs, outputs.numpy(), rtol=0, atol=1e-14)
    np.testing.assert_allclose(run.h_n, h_n.numpy(), rtol=0, atol=1e-14)
    if c_n is not None:
        np.testing.assert_allclose(run.c_n, c_n.numpy(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("convert", [to_state_dict, lambda net, own: from_state_dict(net, to_state_dict(net, own))])
def test_copies_in_plain_memory_order(convert):
    network = EXPRESSIBLE[-1]
    parameters = drawn(network)
    converted = convert(network, parameters)
    for array in converted.values():
        assert array.flags.c_contiguous and array.flags.writeable
        assert not any(np.shares_memory(array, value) for value in parameters.values())


def test_a_readout_and_gradients_of_inputs_are_left_out():
    network = Network(cell="gru", input_size=4, hidden_size=6, output_size=7)
    parameters = drawn(network)
    state = to_state_dict(network, parameters | {"x": np.zeros((5, 3, 4)), "h_0": np.zeros((1, 3, 6))})
    assert list(state) == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    assert list(from_state_dict(network, state)) == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"cell": "elman", "activation": "sigmoid"}, "torch.nn.RNN has no activation 'sigmoid'"),
        ({"cell": "elman", "activation": "identity"}, "torch.nn.RNN has no activation 'identity'"),
        ({"cell": "lstm", "peephole": True}, "torch.nn.LSTM has no peepholes"),
        ({"cell": "gru", "reset": "before"}, "torch.nn.GRU applies the reset gate after the recurrent product"),
    ],
)
def test_what_torch_has_not(options, reason):
    network = Network(input_size=4, hidden_size=6, **options)
    assert why_not_in_torch(network) == reason
    for convert in (to_state_dict, from_state_dict):
        with pytest.raises(ValueError) as caught:
            convert(network, initial_parameters(network, np.random.default_rng(0)))
        assert str(caught.value) == f"network cannot be expressed in torch.nn: {reason}"


def without(key):
    return lambda state: {name: value for name, value in state.items() if name != key}


def renamed(old, new):
    return lambda state: {new if name == old else name: value for name, value in state.items()}


def replaced(key, change):
    return lambda state: dict(state) | {key: change(state[key])}


PLAIN = "but should be a plain numpy array with axes"


@pytest.mark.parametrize(
    "change, error, message",
    [
        (without("bias_hh"), ValueError, "parameters lacks 'bias_hh'; it should be (3*hidden,) = (18,)"),
        (
            replaced("weight_hh", np.transpose),
            ValueError,
            "weight_hh has shape (18, 6), but should be (hidden, 3*hidden) = (6, 18): "
            "axis 0 (hidden) is 18 and should be 6",
        ),
        (
            replaced("weight_ih_reverse", lambda w: w.astype(np.float32)),
            TypeError,
            "weight_ih_reverse has dtype float32, but weight_ih has float64; all floats should share one dtype",
        ),
        (replaced("bias_ih", list), TypeError, f"bias_ih is a list, {PLAIN} (3*hidden,) = (18,)"),
        (lambda state: None, TypeError, "parameters is a NoneType, but should be a dict of arrays by name"),
    ],
)
def test_wrong_parameters_are_named(change, error, message):
    network = Network(cell="gru", input_size=4, hidden_size=6, bidirectional=True)
    with pytest.raises(error) as caught:
        to_state_dict(network, change(initial_parameters(network, np.random.default_rng(0))))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "change, error, message",
    [
        (without("bias_hh_l0"), ValueError, "state lacks 'bias_hh_l0'; it should be (3*hidden,) = (18,)"),
        (
            renamed("weight_hh_l0", "weight_hh"),
            ValueError,
            "state holds 'weight_hh', which this network does not have; did you mean 'weight_hh_l0'?",
        ),
        (
            renamed("weight_hh_l0_reverse", "rnn.weight_hh_l0_reverse"),
            ValueError,
            "state holds 'rnn.weight_hh_l0_reverse', which this network does not have; "
            "did you mean 'weight_hh_l0_reverse'?",
        ),
        (
            lambda state: dict(state) | {"weight_ih_l1": state["weight_ih_l0"]},
            ValueError,
            "state holds 'weight_ih_l1', which this network does not have",
        ),
        (
            replaced("weight_ih_l0", lambda w: w.T),
            ValueError,
            "weight_ih_l0 has shape (4, 18), but should be (3*hidden, input) = (18, 4): "
            "axis 0 (3*hidden) is 4 and should be 18",
        ),
        (
            replaced("bias_ih_l0", lambda b: b.float()),
            TypeError,
            "bias_ih_l0 has dtype float32, but weight_ih_l0 has float64; all floats should share one dtype",
        ),
        (
            replaced("bias_ih_l0", lambda b: b.half()),
            TypeError,
            "bias_ih_l0 has dtype float16, but should be float64 or float32",
        ),
        (replaced("bias_ih_l0", lambda b: b.tolist()), TypeError, f"bias_ih_l0 is a list, {PLAIN} (3*hidden,) = (18,)"),
        (
            replaced("bias_ih_l0", lambda b: b / 0),
            ValueError,
            "bias_ih_l0 holds -inf at [0] (3*hidden,), but should be finite",
        ),
        (lambda state: list(state), TypeError, "state is a list, but should be a dict of arrays by name"),
    ],
)
def test_a_wrong_state_is_named(change, error, message):
    network = Network(cell="gru", input_size=4, hidden_size=6, bidirectional=True)
    state = module(network, torch.float64).state_dict()
    state["bias_ih_l0"][0] = -1
    with pytest.raises(error) as caught:
        from_state_dict(network, change(state))
    assert str(caught.value) == message


@pytest.mark.parametrize("convert", [to_state_dict, from_state_dict])
def test_the_network_is_checked(convert):
    with pytest.raises(TypeError, match="network is a dict, but should be a Network"):
        convert({"cell": "gru"}, {})


def test_batch_first_concerns_no_parameter():
    network = EXPRESSIBLE[0]
    parameters = drawn(network)
    found = to_state_dict(replace(network, batch_first=True), parameters)
    assert {key: bits(value) for key, value in found.items()} == {
        key: bits(value) for key, value in to_state_dict(network, parameters).items()
    }
