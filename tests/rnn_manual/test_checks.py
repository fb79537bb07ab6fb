"""Bad input: every message as text, said before anything is computed. Good input in every memory layout: it just works.

T=5, B=3, I=4, H=6, O=7 throughout, all different, so that a message shows which axis it speaks of.
"""

import types
import warnings
from dataclasses import replace

import numpy as np
import pytest

import rnn_manual.gradients
from oracle import grid
from oracle.problem import Problem, hand_written
from rnn_manual import Network, backward, checks, dropout_masks, forward, initial_parameters, loss_and_gradients


def problem(name: str, dtype: str = "float64") -> Problem:
    return grid.problem(grid.Case(name, time=5, batch=3, hidden=6, dtype=dtype, regime="ordinary"))


def with_change(p: Problem, argument: str, change) -> Problem:
    """The problem with one argument, or one parameter, replaced by `change` of it."""
    if hasattr(p, argument):
        return replace(p, **{argument: change(getattr(p, argument))})
    return replace(p, parameters=dict(p.parameters) | {argument: change(p.parameters[argument])})


def call(p: Problem) -> None:
    """The front door that the problem belongs to."""
    states = {"h_0": p.h_0, "c_0": p.c_0, "lengths": p.lengths, "dropout_masks": p.dropout_masks}
    if p.network.output_size is not None:
        loss_and_gradients(p.network, p.parameters, p.x, p.targets, **states, weights=p.weights)
    else:
        backward(forward(p.network, p.parameters, p.x, **states), p.d_outputs, p.d_h_n, p.d_c_n)


def put(value: float, *where: int):
    """A change: a copy with `value` at `where`."""

    def change(array):
        array = array.copy()
        array[where] = value
        return array

    return change


def to(dtype: object):
    """A change: the same in another dtype."""
    return lambda array: array.astype(dtype)


def given(value: object):
    """A change: `value`, whatever was there."""
    return lambda _: value


def without(name: str):
    return lambda parameters: {key: value for key, value in parameters.items() if key != name}


def renamed(old: str, new: str):
    return lambda parameters: {new if key == old else key: value for key, value in parameters.items()}


LAYOUT = "(time, batch, input) = (time, batch, 4)"
FLOATS = "but should be float64 or float32"
PLAIN = "but should be a plain numpy array with axes"
NO_CELL = "is given, but should be None: cell='gru' has no cell state"
SOFTMAX = (
    "but should be class numbers (whole numbers) with axes (batch,) = (3,), "
    "or probabilities (float64) with axes (batch, output) = (3, 7)"
)
SWAPPED = "which is not in this machine's byte order; use"
FOREIGN = np.dtype(np.float64).newbyteorder("S")
FOREIGN_INT = np.dtype(np.int64).newbyteorder("S")

# network, argument, what is done to it, message
WRONG_TYPES = [
    # no plain array
    ("lstm", "x", lambda x: x.tolist(), f"x is a list, {PLAIN} {LAYOUT}"),
    ("lstm", "x", given(None), f"x is a NoneType, {PLAIN} {LAYOUT}"),
    ("lstm", "x", given(np.float64(1)), f"x is a numpy.float64, {PLAIN} {LAYOUT}"),
    (
        "lstm",
        "x",
        np.ma.masked_array,
        f"x is a numpy.ma.MaskedArray, {PLAIN} {LAYOUT}; "
        "use x.filled(...), and give what is masked as weights or lengths",
    ),
    (
        "lstm",
        "weight_hh",
        lambda w: w.view(np.matrix),
        f"weight_hh is a numpy.matrix, {PLAIN} (hidden, 4*hidden) = (6, 24); use np.asarray(weight_hh)",
    ),
    ("lstm", "h_0", given(0), f"h_0 is an int, {PLAIN} (layers*directions, batch, hidden) = (1, 3, 6)"),
    ("lstm", "d_outputs", given(None), f"d_outputs is a NoneType, {PLAIN} (time, batch, features) = (5, 3, 6)"),
    ("lstm_lengths", "lengths", given([5, 2, 1]), f"lengths is a list, {PLAIN} (batch,) = (3,)"),
    ("lstm_classes_last", "targets", given([0, 1, 2]), f"targets is a list, {PLAIN} (batch,) = (3,)"),
    # dtypes
    ("lstm", "x", to(int), f"x has dtype int64, {FLOATS}"),
    ("lstm", "x", to(bool), f"x has dtype bool, {FLOATS}"),
    ("lstm", "x", to(complex), f"x has dtype complex128, {FLOATS}"),
    ("lstm", "x", to(np.float16), f"x has dtype float16, {FLOATS}"),
    ("lstm", "x", to(np.longdouble), f"x has dtype {np.dtype(np.longdouble)}, {FLOATS}"),
    ("lstm", "x", to(object), f"x has dtype object, {FLOATS}"),
    ("lstm", "x", to(str), f"x has dtype {np.dtype('<U32')}, {FLOATS}"),
    ("lstm", "x", to(FOREIGN), f"x has dtype {FOREIGN.str!r}, {SWAPPED} x.astype(x.dtype.newbyteorder('='))"),
    (
        "lstm",
        "weight_hh",
        to(np.float32),
        "weight_hh has dtype float32, but x has float64; all floats should share one dtype",
    ),
    ("lstm", "x", to(np.float32), "weight_ih has dtype float64, but x has float32; all floats should share one dtype"),
    ("lstm", "h_0", to(np.float32), "h_0 has dtype float32, but x has float64; all floats should share one dtype"),
    ("lstm", "h_0", to(int), f"h_0 has dtype int64, {FLOATS}"),
    (
        "lstm",
        "d_outputs",
        to(np.float32),
        "d_outputs has dtype float32, but x has float64; all floats should share one dtype",
    ),
    ("lstm_dropout", "dropout_masks", to(bool), f"dropout_masks has dtype bool, {FLOATS}"),
    (
        "lstm_squared_every",
        "targets",
        to(np.float32),
        "targets has dtype float32, but x has float64; all floats should share one dtype",
    ),
    ("lstm_bce_every", "targets", to(int), f"targets has dtype int64, {FLOATS}"),
    ("lstm_classes_last", "weights", to(bool), f"weights has dtype bool, {FLOATS}"),
    ("lstm_lengths", "lengths", to(float), "lengths has dtype float64, but should be whole numbers"),
    ("lstm_lengths", "lengths", to(bool), "lengths has dtype bool, but should be whole numbers"),
    (
        "lstm_lengths",
        "lengths",
        to(FOREIGN_INT),
        f"lengths has dtype {FOREIGN_INT.str!r}, {SWAPPED} lengths.astype(lengths.dtype.newbyteorder('='))",
    ),
    # parameters
    ("lstm", "parameters", given(None), "parameters is a NoneType, but should be a dict of arrays by name"),
    ("lstm", "parameters", lambda p: list(p.values()), "parameters is a list, but should be a dict of arrays by name"),
    ("lstm", "weight_ih", lambda w: w.tolist(), f"weight_ih is a list, {PLAIN} (input, 4*hidden) = (4, 24)"),
    # targets
    (
        "lstm_classes_last",
        "targets",
        lambda y: np.eye(7, dtype=np.float32)[y],
        "targets has dtype float32, but x has float64; all floats should share one dtype",
    ),
    ("lstm_squared_every", "targets", given(None), f"targets is a NoneType, {PLAIN} (time, batch, output) = (5, 3, 7)"),
]

# network, argument, what is done to it, message
WRONG_VALUES = [
    # number of axes, sizes
    ("lstm", "x", lambda x: x[0], f"x has 2 axes, shape (3, 4), but should have 3: {LAYOUT}"),
    ("lstm", "x", lambda x: x[0, 0], f"x has 1 axis, shape (4,), but should have 3: {LAYOUT}"),
    ("lstm", "x", given(np.array(1.0)), f"x has 0 axes, shape (), but should have 3: {LAYOUT}"),
    (
        "lstm",
        "x",
        lambda x: x[..., :3],
        f"x has shape (5, 3, 3), but should be {LAYOUT}: axis 2 (input) is 3 and should be 4",
    ),
    ("lstm", "x", lambda x: x[:0], "x has shape (0, 3, 4): axis 0 (time) is 0 and should be at least 1"),
    ("lstm", "x", lambda x: x[:, :0], "x has shape (5, 0, 4): axis 1 (batch) is 0 and should be at least 1"),
    ("gru_batch_first", "x", lambda x: x[:0], "x has shape (0, 5, 4): axis 0 (batch) is 0 and should be at least 1"),
    (
        "lstm",
        "weight_hh",
        lambda w: w.T,
        "weight_hh has shape (24, 6), but should be (hidden, 4*hidden) = (6, 24): "
        "axis 0 (hidden) is 24 and should be 6",
    ),
    (
        "lstm_projection",
        "weight_hr",
        lambda w: w.T,
        "weight_hr has shape (3, 6), but should be (hidden, projection) = (6, 3): axis 0 (hidden) is 3 and should be 6",
    ),
    (
        "lstm_peephole",
        "weight_peephole",
        lambda w: w[0],
        "weight_peephole has 1 axis, shape (6,), but should have 2: (i f o, hidden) = (3, 6)",
    ),
    ("lstm", "bias_ih", lambda b: b[None], "bias_ih has 2 axes, shape (1, 24), but should have 1: (4*hidden,) = (24,)"),
    (
        "lstm",
        "h_0",
        lambda h: h[0],
        "h_0 has 2 axes, shape (3, 6), but should have 3: (layers*directions, batch, hidden) = (1, 3, 6)",
    ),
    (
        "gru_bidirectional",
        "h_0",
        lambda h: h[:1],
        "h_0 has shape (1, 3, 6), but should be (layers*directions, batch, hidden) = (2, 3, 6): "
        "axis 0 (layers*directions) is 1 and should be 2",
    ),
    (
        "lstm",
        "c_0",
        lambda c: c[:, :2],
        "c_0 has shape (1, 2, 6), but should be (layers*directions, batch, hidden) = (1, 3, 6): "
        "axis 1 (batch) is 2 and should be 3",
    ),
    (
        "lstm",
        "d_outputs",
        lambda d: d[:4],
        "d_outputs has shape (4, 3, 6), but should be (time, batch, features) = (5, 3, 6): "
        "axis 0 (time) is 4 and should be 5",
    ),
    (
        "gru_batch_first",
        "d_outputs",
        lambda d: d.swapaxes(0, 1),
        "d_outputs has shape (5, 3, 6), but should be (batch, time, features) = (3, 5, 6): "
        "axis 0 (batch) is 5 and should be 3",
    ),
    (
        "lstm",
        "d_h_n",
        lambda d: d[0],
        "d_h_n has 2 axes, shape (3, 6), but should have 3: (layers*directions, batch, hidden) = (1, 3, 6)",
    ),
    (
        "lstm",
        "d_c_n",
        lambda d: d[..., 1:],
        "d_c_n has shape (1, 3, 5), but should be (layers*directions, batch, hidden) = (1, 3, 6): "
        "axis 2 (hidden) is 5 and should be 6",
    ),
    (
        "elman_dropout",
        "dropout_masks",
        lambda m: m[0],
        "dropout_masks has 3 axes, shape (5, 3, 6), "
        "but should have 4: (layers-1, time, batch, features) = (1, 5, 3, 6)",
    ),
    (
        "elman_everything",
        "dropout_masks",
        lambda m: m.swapaxes(1, 2),
        "dropout_masks has shape (1, 5, 3, 12), but should be (layers-1, batch, time, features) = (1, 3, 5, 12): "
        "axis 1 (batch) is 5 and should be 3",
    ),
    (
        "lstm_squared_every",
        "targets",
        lambda y: y[..., 0],
        "targets has 2 axes, shape (5, 3), but should have 3: (time, batch, output) = (5, 3, 7)",
    ),
    (
        "lstm_squared_last",
        "targets",
        lambda y: y[:2],
        "targets has shape (2, 7), but should be (batch, output) = (3, 7): axis 0 (batch) is 2 and should be 3",
    ),
    (
        "lstm_classes_last",
        "weights",
        lambda w: w[:2],
        "weights has shape (2,), but should be (batch,) = (3,): axis 0 (batch) is 2 and should be 3",
    ),
    # NaN and inf, and where
    ("lstm", "x", put(np.nan, 1, 2, 0), "x holds nan at [1, 2, 0] (time, batch, input), but should be finite"),
    ("lstm", "x", put(-np.inf, 4, 0, 3), "x holds -inf at [4, 0, 3] (time, batch, input), but should be finite"),
    (
        "lstm",
        "x",
        lambda x: put(np.inf, 4, 0, 3)(x)[::-1],
        "x holds inf at [0, 0, 3] (time, batch, input), but should be finite",
    ),
    ("lstm", "bias_hh", put(np.nan, 7), "bias_hh holds nan at [7] (4*hidden,), but should be finite"),
    (
        "lstm",
        "h_0",
        put(np.inf, 0, 1, 2),
        "h_0 holds inf at [0, 1, 2] (layers*directions, batch, hidden), but should be finite",
    ),
    (
        "lstm",
        "d_c_n",
        put(np.nan, 0, 1, 2),
        "d_c_n holds nan at [0, 1, 2] (layers*directions, batch, hidden), but should be finite",
    ),
    (
        "lstm_squared_every",
        "targets",
        put(np.nan, 0, 1, 2),
        "targets holds nan at [0, 1, 2] (time, batch, output), but should be finite",
    ),
    ("lstm_classes_last", "weights", put(np.nan, 2), "weights holds nan at [2] (batch,), but should be finite"),
    # parameters
    ("lstm", "parameters", without("bias_hh"), "parameters lacks 'bias_hh'; it should be (4*hidden,) = (24,)"),
    (
        "lstm",
        "parameters",
        renamed("weight_hh", "W_hh"),
        "parameters holds 'W_hh', which this network does not have; did you mean 'weight_hh'?",
    ),
    (
        "lstm_stacked",
        "parameters",
        renamed("weight_ih", "weight_ih_l0"),
        "parameters holds 'weight_ih_l0', which this network does not have; did you mean 'weight_ih'?",
    ),
    (
        "lstm",
        "parameters",
        lambda p: dict(p) | {"bias_ho": 0},
        "parameters holds 'bias_ho', which this network does not have",
    ),
    (
        "lstm_no_bias",
        "parameters",
        lambda p: dict(p) | {"bias_ih": 0},
        "parameters holds 'bias_ih', which this network does not have",
    ),
    ("lstm", "parameters", lambda p: dict(p) | {0: 0}, "parameters holds 0, which this network does not have"),
    # what does not belong to the network
    ("gru", "c_0", given(np.zeros((1, 3, 6))), f"c_0 {NO_CELL}"),
    ("gru", "d_c_n", given(np.zeros((1, 3, 6))), f"d_c_n {NO_CELL}"),
    (
        "gru",
        "dropout_masks",
        given(np.ones((0, 5, 3, 6))),
        "dropout_masks is given, but should be None: they act between layers, and layers is 1",
    ),
    # lengths
    ("lstm_lengths", "lengths", given(np.array([5, 0, 2])), "lengths holds 0 at [1], but should be from 1 to 5"),
    ("lstm_lengths", "lengths", given(np.array([5, 2, 6])), "lengths holds 6 at [2], but should be from 1 to 5"),
    ("lstm_lengths", "lengths", given(np.array([5, -1, 2])), "lengths holds -1 at [1], but should be from 1 to 5"),
    (
        "lstm_lengths",
        "lengths",
        given(np.array([5, 2])),
        "lengths has shape (2,), but should be (batch,) = (3,): axis 0 (batch) is 2 and should be 3",
    ),
    (
        "lstm_lengths",
        "lengths",
        given(np.array([[5, 2, 1]])),
        "lengths has 2 axes, shape (1, 3), but should have 1: (batch,) = (3,)",
    ),
    # targets
    ("lstm_classes_last", "targets", put(7, 1), "targets holds 7 at [1], but should be from 0 to 6"),
    ("lstm_classes_last", "targets", put(-1, 2), "targets holds -1 at [2], but should be from 0 to 6"),
    ("lstm_classes_last", "targets", to(float), f"targets has dtype float64 and shape (3,), {SOFTMAX}"),
    (
        "lstm_classes_last",
        "targets",
        lambda y: np.eye(7, dtype=int)[y],
        f"targets has dtype int64 and shape (3, 7), {SOFTMAX}",
    ),
    (
        "lstm_one_hot_every",
        "targets",
        lambda y: 2 * y,
        "targets has a row that sums to 2.0 at [0, 0], but each should sum to 1",
    ),
    (
        "lstm_one_hot_every",
        "targets",
        given(np.tile(np.float64([-1, 2, 0, 0, 0, 0, 0]), (5, 3, 1))),
        "targets holds -1.0 at [0, 0, 0], but a probability should not be negative",
    ),
    ("lstm_bce_every", "targets", put(1.5, 3, 0, 6), "targets holds 1.5 at [3, 0, 6], but should lie between 0 and 1"),
    (
        "lstm_bce_every",
        "targets",
        put(-0.5, 3, 0, 6),
        "targets holds -0.5 at [3, 0, 6], but should lie between 0 and 1",
    ),
    # weights
    (
        "lstm_classes_last",
        "weights",
        np.zeros_like,
        "weights sums to 0, but should not: reduction='mean' divides by the sum",
    ),
]


@pytest.mark.parametrize("name, argument, change, message", WRONG_TYPES)
def test_a_wrong_type_is_named(monkeypatch, name, argument, change, message):
    refused(monkeypatch, name, argument, change, TypeError, message)


@pytest.mark.parametrize("name, argument, change, message", WRONG_VALUES)
def test_a_wrong_value_is_named(monkeypatch, name, argument, change, message):
    refused(monkeypatch, name, argument, change, ValueError, message)


def refused(monkeypatch, name, argument, change, error, message):
    """The front door says so, and has computed nothing: not a step forward, or where `backward` refuses, backward."""

    def computing(*_, **__):
        pytest.fail("something was computed before the error")

    p = with_change(problem(name), argument, change)
    for direction in ("backward",) if argument.startswith("d_") else ("forward", "backward"):
        monkeypatch.setattr(rnn_manual.gradients.recurrent, direction, computing)
    with pytest.raises(error) as caught:
        call(p)
    assert str(caught.value) == message


def test_right_input_is_computed(monkeypatch):
    """The pair of the two tests above: the tripwire they rely on does trip."""
    monkeypatch.setattr(rnn_manual.gradients.recurrent, "forward", lambda *_, **__: pytest.fail("computed"))
    with pytest.raises(pytest.fail.Exception, match="computed"):
        call(problem("lstm"))


def test_no_readout():
    p = problem("lstm")
    with pytest.raises(ValueError) as caught:
        loss_and_gradients(p.network, p.parameters, p.x, p.d_outputs)
    assert str(caught.value) == (
        "network has no readout: output_size is None. Use forward and backward, or give it an output_size"
    )


def test_the_readout_is_no_part_of_the_bare_stack_but_of_its_parameters():
    p = problem("lstm_squared_every")
    with pytest.raises(ValueError, match="parameters lacks 'weight_ho'; it should be .hidden, output. = .6, 7."):
        forward(p.network, without("weight_ho")(p.parameters), p.x)


@pytest.mark.parametrize("front_door", [forward, loss_and_gradients])
def test_network_is_checked_before_it_is_asked(front_door):
    p = problem("lstm_squared_every")
    with pytest.raises(TypeError) as caught:
        front_door({"cell": "lstm"}, p.parameters, p.x, p.targets)
    assert str(caught.value) == "network is a dict, but should be a Network"


def test_backward_wants_a_run():
    with pytest.raises(TypeError, match="run is a numpy.ndarray, but should be what `forward` returned"):
        backward(np.ones((5, 3, 6)), np.ones((5, 3, 6)))


def test_weights_past_the_lengths_do_not_count():
    p = problem("lstm_bce_every")
    past = (np.arange(5)[:, None] >= p.lengths).astype(float)  # ones only where no sample is
    with pytest.raises(ValueError) as caught:
        call(replace(p, weights=past))
    assert str(caught.value) == (
        "weights sums to 0 within the lengths, but should not: reduction='mean' divides by the sum"
    )


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_every_whole_dtype_does_for_lengths_and_classes(dtype):
    p = problem("lstm_everything")
    changed = with_change(with_change(p, "lengths", to(dtype)), "targets", to(dtype))
    same(hand_written(changed), hand_written(p))
    _, _, _, lengths, _ = checks.check_inputs(p.network, p.parameters, p.x, p.h_0, p.c_0, changed.lengths, None)
    assert lengths.dtype == np.intp  # 1 - lengths would wrap in an unsigned dtype


def test_weights_may_all_be_zero_where_nothing_divides_by_them():
    p = problem("lstm_classes_last")
    loss, gradients = hand_written(replace(p, network=replace(p.network, reduction="sum"), weights=np.zeros(3)))
    assert loss == 0 and not any(gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_a_range_beyond_the_dtype_is_no_obstacle(dtype):
    """300 fits in neither; the comparison must not wrap."""
    network = Network(cell="elman", input_size=1, hidden_size=1, output_size=300, loss="softmax_cross_entropy")
    rng = np.random.default_rng(0)
    loss_and_gradients(network, initial_parameters(network, rng), np.ones((1, 2, 1)), np.zeros((1, 2), dtype))


def test_axes_are_described_by_name_and_size():
    assert checks.describe((("batch", 3), ("hidden", 6))) == "(batch, hidden) = (3, 6)"
    assert checks.describe((("time", -1), ("batch", -1), ("input", 4))) == "(time, batch, input) = (time, batch, 4)"
    assert checks.describe((("time", -1), ("batch", -1))) == "(time, batch)"
    assert checks.describe((("hidden", 6),)) == "(hidden,) = (6,)"


# input that is right


def strided(array):
    """Every other element of a larger array, along every axis."""
    larger = np.full([2 * size for size in array.shape], np.nan if array.dtype.kind == "f" else -1, array.dtype)
    view = larger[(slice(None, None, 2),) * array.ndim]
    view[...] = array
    return view


def fortran(array):
    return np.asfortranarray(array)


def reversed_axes(array):
    """Negative strides along every axis."""
    backwards = (slice(None, None, -1),) * array.ndim
    return array[backwards].copy()[backwards]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def unaligned(array):
    """At an odd address."""
    raw = np.empty(array.nbytes + 1, np.uint8)[1:]
    view = raw.view(array.dtype).reshape(array.shape) if array.size else array
    view[...] = array
    return view


def each_array(p: Problem, change) -> Problem:
    arrays = {name: change(value) for name, value in vars(p).items() if isinstance(value, np.ndarray)}
    return replace(p, parameters={name: change(value) for name, value in p.parameters.items()}, **arrays)


def same(found, expected, rounding=1e-13):
    """Loss and gradients agree, to rounding: another layout may take another path through the matrix product."""
    (loss, gradients), (expected_loss, expected_gradients) = found, expected
    np.testing.assert_allclose(loss, expected_loss, rtol=rounding, atol=rounding)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in expected_gradients.items():
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(gradients[name], gradient, rtol=0, atol=rounding * scale, err_msg=name, strict=True)


# every cell, and every other argument: lengths, masks, targets of each kind, weights; batch first
VARIED = [
    *grid.CELLS, "elman_everything", "lstm_everything", "gru_everything", "elman_truncated", "lstm_squared_last",
    "gru_bce_every", "elman_one_hot_every", "lstm_classes_last",
]  # fmt: skip


@pytest.mark.parametrize("layout", [strided, fortran, reversed_axes, read_only, unaligned], ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", VARIED)
@pytest.mark.parametrize("dtype, rounding", [("float64", 1e-13), ("float32", 1e-5)])
def test_any_memory_layout(name, layout, dtype, rounding):
    p = problem(name, dtype)
    same(hand_written(each_array(p, layout)), hand_written(p), rounding)


@pytest.mark.parametrize("name", VARIED)
def test_zero_strides(name):
    """numpy.broadcast_to repeats one value without storing it; here along the first axis of every floating array."""

    def repeated(array):
        return np.broadcast_to(array[:1], array.shape) if array.dtype.kind == "f" else array

    p = each_array(problem(name), repeated)
    assert p.x.strides[0] == 0
    same(hand_written(p), hand_written(each_array(p, np.ascontiguousarray)))


@pytest.mark.parametrize("name", grid.NETWORKS)
def test_nothing_given_is_modified(name):
    p = problem(name)
    before = each_array(p, np.copy)
    hand_written(p)
    for field, value in vars(before).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(p, field), value, err_msg=field, strict=True)
    for parameter, value in before.parameters.items():
        np.testing.assert_array_equal(p.parameters[parameter], value, err_msg=parameter, strict=True)


def test_parameters_may_be_any_mapping():
    p = problem("lstm_squared_every")
    same(hand_written(replace(p, parameters=types.MappingProxyType(dict(p.parameters)))), hand_written(p))


# values that overflow inside


OVERFLOWING = [
    *((name, argument) for name in ("elman", "elman_relu", "elman_identity", "lstm", "lstm_peephole", "gru")
      for argument in ("x", "parameters", "h_0", "d_outputs")),
    *((name, argument) for name in ("lstm_bce_every", "gru_classes_last", "lstm_squared_softmax", "gru_one_hot_every")
      for argument in ("x", "parameters")),
    ("elman_squared_every", "targets"),
    ("lstm_squared_softmax", "targets"),
]  # fmt: skip


@pytest.mark.parametrize("dtype, huge", [("float64", 1e308), ("float32", 1e38)])
@pytest.mark.parametrize("name, argument", OVERFLOWING)
def test_what_overflows_is_no_error_and_does_not_pass_in_silence(name, argument, dtype, huge):
    """inf and NaN come out where they must, and then NumPy has warned."""

    def enlarge(array):
        return np.sign(array) * np.dtype(dtype).type(huge)

    p = problem(name, dtype)
    if argument == "parameters":
        p = replace(p, parameters={key: enlarge(value) for key, value in p.parameters.items()})
    else:
        p = with_change(p, argument, enlarge)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loss, gradients = hand_written(p)
    assert all(issubclass(warning.category, RuntimeWarning) for warning in caught)
    finite = np.isfinite(loss) and all(np.isfinite(gradient).all() for gradient in gradients.values())
    assert finite or caught


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_saturated_gates_are_right_and_silent(cell):
    """exp overflows inside a gate at pre-activations beyond 709; the gate is then 0, exactly right. No warning."""
    p = problem(cell)
    loss, gradients = hand_written(with_change(p, "x", lambda x: 1e4 * x))
    assert np.isfinite(loss) and all(np.isfinite(gradient).all() for gradient in gradients.values())


# the arguments of the two functions that draw numbers


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"network": None}, TypeError, "network is a NoneType, but should be a Network"),
        (
            {"rng": 0},
            TypeError,
            "rng is an int, but should be a numpy.random.Generator, as numpy.random.default_rng makes",
        ),
        ({"dtype": int}, TypeError, "dtype is int64, but should be float64 or float32"),
        ({"dtype": np.float16}, TypeError, "dtype is float16, but should be float64 or float32"),
    ],
)
@pytest.mark.parametrize("function", [initial_parameters, dropout_masks])
def test_arguments_of_what_draws(function, arguments, error, message):
    right = {"network": Network(cell="gru", input_size=4, hidden_size=6, layers=2), "rng": np.random.default_rng(0)}
    if function is dropout_masks:
        right |= {"time": 5, "batch": 3, "probability": 0.5}
    with pytest.raises(error) as caught:
        function(**right | arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"time": 0}, "time is 0, but should be a whole number of at least 1"),
        ({"batch": 3.0}, "batch is 3.0, but should be a whole number of at least 1"),
        ({"probability": 1}, "probability is 1, but should be a number from 0 to less than 1"),
        ({"probability": -0.1}, "probability is -0.1, but should be a number from 0 to less than 1"),
        ({"probability": np.nan}, "probability is nan, but should be a number from 0 to less than 1"),
        ({"probability": "0.5"}, "probability is '0.5', but should be a number from 0 to less than 1"),
        (
            {"network": Network(cell="gru", input_size=4, hidden_size=6)},
            "network has no place for dropout masks: they act between layers, and layers is 1",
        ),
    ],
)
def test_arguments_of_dropout_masks(arguments, message):
    network = Network(cell="gru", input_size=4, hidden_size=6, layers=2)
    right = {"network": network, "time": 5, "batch": 3, "probability": 0.5, "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError) as caught:
        dropout_masks(**right | arguments)
    assert str(caught.value) == message
