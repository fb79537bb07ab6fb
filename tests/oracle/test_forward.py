"""Whether a forward pass is that of the cell it is meant to be, however its arrays are laid out."""

import numpy as np
import pytest

from oracle.forward import FOUND, GATES, forward_like
from rnn_manual import Network, forward, initial_parameters

T, B, INPUT, H = 5, 3, 4, 6


def drawn(cell, **options):
    rng = np.random.default_rng(0)
    network = Network(cell=cell, input_size=INPUT, hidden_size=H, **options)
    p = initial_parameters(network, rng)
    x, h_0, c_0 = rng.normal(size=(T, B, INPUT)), rng.normal(size=(1, B, H)), rng.normal(size=(1, B, H))
    states = {"h_0": h_0} | ({"c_0": c_0} if cell == "lstm" else {})
    outputs = forward(network, p, x, **states).outputs
    return p, x, outputs, {name: state[0] for name, state in states.items()}


@pytest.mark.parametrize("cell", GATES)
def test_ours_is_ours(cell):
    p, x, outputs, states = drawn(cell)
    assert forward_like(cell, outputs, x, **p, **states) == ""


@pytest.mark.parametrize("cell, gates", [("lstm", "ifog"), ("lstm", "gofi"), ("gru", "znr")])
def test_other_orders_other_layouts(cell, gates):
    p, x, outputs, states = drawn(cell)
    stacked = {
        name: np.concatenate([np.split(array, len(gates), -1)[GATES[cell].index(g)] for g in gates], -1)
        for name, array in p.items()
    }
    turned = {name: array.T for name, array in stacked.items()}
    columns = {name: turned[name][:, None] for name in ("bias_ih", "bias_hh")}
    lists = {name: np.split(array, len(gates), -1) for name, array in stacked.items()}
    for arrays in (stacked, turned | columns, lists):
        assert forward_like(cell, outputs, x, **arrays, **states, gates=gates) == ""
    batch_first = forward_like(
        cell, outputs.swapaxes(0, 1), x.swapaxes(0, 1), **stacked, **states, gates=gates, layout="batch time features"
    )
    columns_of_steps = forward_like(
        cell, [h.T for h in outputs], [step.T for step in x], **stacked,
        **{name: state.T for name, state in states.items()}, gates=gates, layout="time features batch",
    )  # fmt: skip
    assert batch_first == columns_of_steps == ""


def test_without_a_batch():
    p, x, _, _ = drawn("gru")
    outputs = forward(Network(cell="gru", input_size=INPUT, hidden_size=H), p, x[:, :1]).outputs
    assert forward_like("gru", outputs[:, 0], x[:, 0], **p, layout="time features") == ""


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda p, h: h.__setitem__(2, h[2] + 1e-3), "differs from step t=2 on, by 0.001 of the largest there"),
        (lambda p, h: p.update(bias_ih=p["bias_ih"] + 0.1), "differs from step t=0 on"),
    ],
)
def test_what_differs(change, says):
    p, x, outputs, states = drawn("lstm")
    scale = np.abs(outputs).max()
    changed = outputs / scale
    change(p, changed)
    words = forward_like("lstm", changed * scale, x, **p, **states)
    assert words.startswith("the forward pass is not that of this LSTM: ") and says in words


@pytest.mark.parametrize(
    "cell, options, hint",
    [
        ("lstm", {}, "it is one with the gates in another order (o where g should be, g where o should be)"),
        ("gru", {"reset": "before"}, "it is a GRU with the reset gate before the recurrent product: reset='before'"),
    ],
)
def test_the_likely_reason(cell, options, hint):
    p, x, outputs, states = drawn(cell, **options)
    if cell == "lstm":
        p = {name: np.concatenate([np.split(array, 4, -1)[k] for k in (0, 1, 3, 2)], -1) for name, array in p.items()}
    assert forward_like(cell, outputs, x, **p, **states).endswith(hint)


def test_a_check_that_runs_collects_it():
    p, x, outputs, states = drawn("elman")
    token = FOUND.set([])
    try:
        said = forward_like("elman", outputs + 1, x, **p, **states)
        assert FOUND.get() == [said]
    finally:
        FOUND.reset(token)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"cell": "ltsm"}, "cell is 'ltsm', but should be one of elman, lstm, gru; did you mean 'lstm'?"),
        ({"cell": []}, r"cell is \[\], but should be one of elman, lstm, gru"),
        ({"gates": 5}, "gates is 5, but should hold each of i, f, g, o once"),
        ({"layout": 5}, "layout is 5, but should order time, batch, features"),
        ({"outputs": []}, "outputs holds no step, but should hold the arrays of all steps"),
        ({"weight_ih": 5}, "weight_ih is 5, but should be a matrix"),
        ({"weight_ih": np.ones(3)}, r"weight_ih is an array of shape \(3,\), but should be a matrix"),
        ({"gates": "ifgz"}, "gates is 'ifgz', but should hold each of i, f, g, o once"),
        ({"layout": "time batch feature"}, "layout is 'time batch feature', .*; did you mean 'features'?"),
        (
            {"layout": "time features"},
            r"outputs has shape \(5, 3, 6\), but layout is 'time f.* has 2 axes",
        ),
        ({"weight_hh": np.ones((6, 5))}, r"weight_hh comes to \(6, 5\), but should come to 4 matrices of \(6, 6\)"),
        ({"bias_ih": np.ones(7)}, r"bias_ih has 7 elements, but should have 4\*hidden = 24"),
        ({"h_0": np.ones((2, 6))}, r"h_0 has shape \(2, 6\), but should be \(batch, hidden\) = \(3, 6\)"),
    ],
)
def test_bad_input(change, message):
    p, x, outputs, states = drawn("lstm")
    with pytest.raises(ValueError, match=message):
        forward_like(**({"cell": "lstm", "outputs": outputs, "x": x, **p, **states} | change))
