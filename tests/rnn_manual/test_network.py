"""The options of a network: what is refused and in which words, what is taken, and what the parameters are called."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from rnn_manual import Network


def network(**options):
    return Network(**{"cell": "lstm", "input_size": 4, "hidden_size": 6} | options)


@pytest.mark.parametrize(
    "option, message",
    [
        ("cel", "Network has no option 'cel'; did you mean 'cell'?; its options are "),
        ("num_layers", "Network has no option 'num_layers'; did you mean 'layers'?; its options are "),
        ("proj_size", "Network has no option 'proj_size'; did you mean 'projection_size'?; its options are "),
        ("Bias", "Network has no option 'Bias'; did you mean 'bias'?; its options are "),
        ("qqq", "Network has no option 'qqq'; its options are "),
    ],
)
def test_an_unknown_option_is_named(option, message):
    with pytest.raises(TypeError) as caught:
        network(**{option: 2})
    assert str(caught.value) == message + (
        "cell, input_size, hidden_size, output_size, layers, bidirectional, bias, batch_first, activation, peephole, "
        "projection_size, reset, readout, state_activation, output_activation, loss, reduction, truncation"
    )


CELLS = "but should be one of 'elman', 'lstm', 'gru'"
ACTIVATIONS = "but should be one of 'tanh', 'relu', 'sigmoid', 'identity'"
LOSSES = "but should be one of 'half_squared_error', 'binary_cross_entropy', 'softmax_cross_entropy'"
WHOLE = "but should be a whole number of at least 1"
PAIR = "but should be None or a pair (k1, k2)"


@pytest.mark.parametrize(
    "options, message",
    [
        # one of several names
        ({"cell": "LSTM"}, f"cell is 'LSTM', {CELLS}; did you mean 'lstm'?"),
        ({"cell": "lsmt"}, f"cell is 'lsmt', {CELLS}; did you mean 'lstm'?"),
        ({"cell": "rnn"}, f"cell is 'rnn', {CELLS}"),
        ({"cell": None}, f"cell is None, {CELLS}"),
        ({"cell": ["lstm"]}, f"cell is ['lstm'], {CELLS}; did you mean 'lstm'?"),
        ({"activation": "relu6"}, f"activation is 'relu6', {ACTIVATIONS}; did you mean 'relu'?"),
        ({"activation": np.tanh}, f"activation is <ufunc 'tanh'>, {ACTIVATIONS}"),
        ({"reset": "befor"}, "reset is 'befor', but should be one of 'after', 'before'; did you mean 'before'?"),
        ({"readout": "all"}, "readout is 'all', but should be one of 'every', 'last'"),
        ({"state_activation": "softmax"}, f"state_activation is 'softmax', {ACTIVATIONS}"),
        (
            {"output_activation": "sotfmax"},
            f"output_activation is 'sotfmax', {ACTIVATIONS}, 'softmax'; did you mean 'softmax'?",
        ),
        ({"loss": "mse"}, f"loss is 'mse', {LOSSES}"),
        ({"loss": "cross-entropy"}, f"loss is 'cross-entropy', {LOSSES}; did you mean 'binary_cross_entropy'?"),
        ({"reduction": "none"}, "reduction is 'none', but should be one of 'sum', 'batch_mean', 'mean'"),
        # sizes
        ({"input_size": 0}, f"input_size is 0, {WHOLE}"),
        ({"hidden_size": 0}, f"hidden_size is 0, {WHOLE}"),
        ({"hidden_size": -6}, f"hidden_size is -6, {WHOLE}"),
        ({"hidden_size": 6.0}, f"hidden_size is 6.0, {WHOLE}"),
        ({"hidden_size": True}, f"hidden_size is True, {WHOLE}"),
        ({"hidden_size": np.True_}, f"hidden_size is np.True_, {WHOLE}"),
        ({"hidden_size": "6"}, f"hidden_size is '6', {WHOLE}"),
        ({"hidden_size": np.array(6)}, f"hidden_size is array(6), {WHOLE}"),
        ({"hidden_size": None}, f"hidden_size is None, {WHOLE}"),
        ({"layers": 0}, f"layers is 0, {WHOLE}"),
        ({"output_size": 0}, f"output_size is 0, {WHOLE}, or None"),
        ({"projection_size": 0}, f"projection_size is 0, {WHOLE}, or None"),
        ({"projection_size": 6}, "projection_size is 6, but should be smaller than hidden_size, which is 6"),
        ({"projection_size": 7}, "projection_size is 7, but should be smaller than hidden_size, which is 6"),
        # yes or no
        ({"bidirectional": 1}, "bidirectional is 1, but should be True or False"),
        ({"bias": "no"}, "bias is 'no', but should be True or False"),
        ({"batch_first": None}, "batch_first is None, but should be True or False"),
        # options of another cell
        ({"activation": "relu"}, "activation is 'relu', but is an option of cell='elman'; here cell='lstm'"),
        ({"reset": "before"}, "reset is 'before', but is an option of cell='gru'; here cell='lstm'"),
        ({"cell": "gru", "peephole": True}, "peephole is True, but is an option of cell='lstm'; here cell='gru'"),
        (
            {"cell": "gru", "projection_size": 3},
            "projection_size is 3, but is an option of cell='lstm'; here cell='gru'",
        ),
        # truncation
        ({"truncation": 4}, f"truncation is 4, {PAIR}"),
        ({"truncation": [2, 4]}, f"truncation is [2, 4], {PAIR}"),
        ({"truncation": (2, 4, 6)}, f"truncation is (2, 4, 6), {PAIR}"),
        ({"truncation": (0, 4)}, f"truncation's k1 is 0, {WHOLE}"),
        ({"truncation": (2, 4.0)}, f"truncation's k2 is 4.0, {WHOLE}"),
        (
            {"truncation": (4, 2)},
            "truncation is (k1, k2) = (4, 2), but k1 should be at most k2: "
            "a loss would be dropped before it reached its own step",
        ),
        (
            {"truncation": (2, 4), "bidirectional": True},
            "truncation is given for a bidirectional network, but should be None: the reverse direction "
            "runs from the end, so nothing can be cut off the past of a step without its future",
        ),
        # options of a readout that is not there
        ({"readout": "last"}, "readout is 'last', but there is no readout: output_size is None"),
        ({"reduction": "mean"}, "reduction is 'mean', but there is no readout: output_size is None"),
        # a loss from logits applies its own activation
        (
            {"output_size": 3, "loss": "softmax_cross_entropy", "output_activation": "softmax"},
            "output_activation is 'softmax', but should be 'identity': "
            "loss='softmax_cross_entropy' is computed from logits and applies its own",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_wrong_value_is_named(options, message):
    with pytest.raises(ValueError) as caught:
        network(**options)
    assert str(caught.value) == message


def test_a_missing_option_is_named():
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'hidden_size'"):
        Network(cell="lstm", input_size=4)


def test_options_are_given_by_name():
    with pytest.raises(TypeError):
        Network("lstm", 4, 6)


def test_numpy_numbers_are_stored_as_pythons():
    found = network(
        input_size=np.int32(4), hidden_size=np.int64(6), output_size=np.uint8(7), layers=np.int16(2), bias=np.False_,
        projection_size=np.int64(3), truncation=(np.int64(2), np.int64(4)),
    )  # fmt: skip
    expected = network(output_size=7, layers=2, bias=False, projection_size=3, truncation=(2, 4))
    assert found == expected and hash(found) == hash(expected)
    sizes = (found.input_size, found.hidden_size, found.output_size, found.layers, found.projection_size)
    assert {type(size) for size in (*sizes, *found.truncation)} == {int}
    assert type(found.bias) is bool


def test_a_network_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        network().hidden_size = 7


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, replace, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_network_can_be_duplicated(duplicate):
    net = network(layers=2, truncation=(2, 4))
    net.parameter_axes()  # whatever it keeps for itself must survive as well
    assert duplicate(net) == net
    assert duplicate(net).parameter_axes() == net.parameter_axes()


def test_replace_checks_again_and_forgets_the_old_shapes():
    net = network()
    net.parameter_axes()
    assert dict(replace(net, hidden_size=5).parameter_axes())["weight_hh"] == (("hidden", 5), ("4*hidden", 20))
    with pytest.raises(ValueError, match="hidden_size is 0"):
        replace(net, hidden_size=0)


def test_what_is_handed_out_can_be_changed_without_harm():
    net = network()
    net.parameter_axes().clear()
    assert "weight_ih" in net.parameter_axes()


def test_names_and_axes_of_a_full_network():
    net = network(output_size=7, layers=2, bidirectional=True, peephole=True, projection_size=3)
    gates, cells, state = ("4*hidden", 24), ("hidden", 6), ("projection", 3)
    layer = {
        "weight_ih": (("input", 4), gates),
        "weight_hh": (state, gates),
        "bias_ih": (gates,),
        "bias_hh": (gates,),
        "weight_peephole": (("i f o", 3), cells),
        "weight_hr": (cells, state),
    }
    above = layer | {"weight_ih": (("input", 6), gates)}  # it reads both directions of the layer below
    expected = [
        *((name, axes) for name, axes in layer.items()),
        *((f"{name}_reverse", axes) for name, axes in layer.items()),
        *((f"{name}_l1", axes) for name, axes in above.items()),
        *((f"{name}_l1_reverse", axes) for name, axes in above.items()),
        ("weight_ho", (("hidden", 6), ("output", 7))),
        ("bias_ho", (("output", 7),)),
    ]
    assert list(net.parameter_axes().items()) == expected
    assert net.state_axes(batch=5) == {
        "h_0": (("layers*directions", 4), ("batch", 5), ("hidden", 3)),
        "c_0": (("layers*directions", 4), ("batch", 5), ("hidden", 6)),
    }


@pytest.mark.parametrize("cell, gates", [("elman", 1), ("lstm", 4), ("gru", 3)])
def test_names_and_axes_of_a_bare_network(cell, gates):
    stacked = ("hidden" if gates == 1 else f"{gates}*hidden", gates * 6)
    net = network(cell=cell, bias=False)
    assert net.parameter_axes() == {"weight_ih": (("input", 4), stacked), "weight_hh": (("hidden", 6), stacked)}
    assert list(net.state_axes(batch=3)) == (["h_0", "c_0"] if cell == "lstm" else ["h_0"])
