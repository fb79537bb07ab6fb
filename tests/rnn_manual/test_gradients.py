"""What must hold between gradients, whatever their values: laws of the loss, of time and of the batch. No torch.

Each is a second witness beside autograd: a mistake shared by both implementations would have to keep the law as well.
"""

from dataclasses import fields, replace

import numpy as np
import pytest

from oracle import grid
from oracle.problem import Problem, hand_written
from rnn_manual import Network, backward, dropout_masks, forward, initial_parameters, loss_and_gradients

CELLS = ("elman", "lstm", "gru")
EVERY_CELL = tuple(grid.CELLS)


def problem(name: str, dtype: str = "float64") -> Problem:
    return grid.problem(grid.Case(name, time=5, batch=3, hidden=6, dtype=dtype, regime="ordinary"))


def with_options(p: Problem, **options) -> Problem:
    return replace(p, network=replace(p.network, **options))


def same(found, expected, rounding=1e-13):
    """Loss and gradients agree to rounding, each in units of its largest entry."""
    (loss, gradients), (expected_loss, expected_gradients) = found, expected
    np.testing.assert_allclose(loss, expected_loss, rtol=rounding, atol=rounding)
    same_gradients(gradients, expected_gradients, rounding)


def same_gradients(found, expected, rounding=1e-13):
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        atol = rounding * np.abs(gradient).max()
        np.testing.assert_allclose(found[name], gradient, rtol=0, atol=atol, err_msg=name, strict=True)


def scaled(result, factor):
    loss, gradients = result
    return factor * loss, {name: factor * gradient for name, gradient in gradients.items()}


# what is returned


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", grid.NETWORKS)
def test_names_shapes_and_dtypes(name, dtype):
    p = problem(name, dtype)
    loss, gradients = hand_written(p)
    assert np.ndim(loss) == 0 and loss.dtype == dtype
    assert gradients.keys() == p.differentiable.keys()
    for key, value in p.differentiable.items():
        assert (gradients[key].shape, gradients[key].dtype) == (value.shape, value.dtype), key


@pytest.mark.parametrize("name", grid.NETWORKS)
def test_gradients_share_memory_with_nothing(name):
    """Else scaling one gradient in place would change another, a parameter, or the next backward pass."""
    p = problem(name)
    others = {field: value for field, value in vars(p).items() if isinstance(value, np.ndarray)} | dict(p.parameters)
    if p.network.output_size is None:
        run = forward(p.network, p.parameters, p.x, p.h_0, p.c_0, p.lengths, p.dropout_masks)
        others |= {"outputs": run.outputs, "h_n": run.h_n} | ({} if run.c_n is None else {"c_n": run.c_n})
        others |= dict(_arrays("run", run.stack))
        gradients = backward(run, p.d_outputs, p.d_h_n, p.d_c_n)
    else:
        _, gradients = hand_written(p)
    names = list(gradients)
    for k, one in enumerate(names):
        assert gradients[one].flags.writeable
        for other in names[k + 1 :]:
            assert not np.shares_memory(gradients[one], gradients[other]), (one, other)
        for other, array in others.items():
            assert not np.shares_memory(gradients[one], array), (one, other)


def _arrays(path, value):
    """Every array within a run: its own, and those of its caches."""
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _arrays(f"{path}[{key!r}]", part)
    elif isinstance(value, tuple):
        for k, part in enumerate(value):
            yield from _arrays(f"{path}[{k}]", part)
    elif hasattr(value, "__dataclass_fields__"):
        for field in fields(value):
            yield from _arrays(f"{path}.{field.name}", getattr(value, field.name))


@pytest.mark.parametrize("name", [*EVERY_CELL, *(f"{cell}_truncated" for cell in CELLS), "gru_lengths", "lstm_dropout"])
def test_backward_can_be_called_again(name):
    """Nothing that `backward` reads is spent by it."""
    p = problem(name)
    run = forward(p.network, p.parameters, p.x, p.h_0, p.c_0, p.lengths, p.dropout_masks)
    first = backward(run, p.d_outputs, p.d_h_n, p.d_c_n)
    backward(run, 2 * p.d_outputs)
    again = backward(run, p.d_outputs, p.d_h_n, p.d_c_n)
    for key in first:
        np.testing.assert_array_equal(again[key], first[key], err_msg=key, strict=True)


@pytest.mark.parametrize("name", ["elman", "lstm", "gru_batch_first", "gru_bidirectional"])
def test_outputs_cannot_be_overwritten_before_backward_reads_them(name):
    p = problem(name)
    run = forward(p.network, p.parameters, p.x)
    with pytest.raises(ValueError, match="read-only"):
        run.outputs *= 2


# what is left out stands for its neutral value


@pytest.mark.parametrize("name", ["elman", "lstm", "lstm_projection", "gru", "gru_bidirectional"])
def test_states_left_out_are_zeros(name):
    p = problem(name)
    states = {key: np.zeros_like(getattr(p, key)) for key in p.network.state_axes(3)}
    run, expected = forward(p.network, p.parameters, p.x), forward(p.network, p.parameters, p.x, **states)
    np.testing.assert_array_equal(run.outputs, expected.outputs)
    upstream = {f"d_{key[0]}_n": np.zeros_like(state) for key, state in states.items()}
    same_gradients(backward(run, p.d_outputs), backward(expected, p.d_outputs, **upstream), rounding=0)


@pytest.mark.parametrize(
    "name", [*EVERY_CELL, "elman_stacked", "lstm_bce_every", "gru_bidirectional", "gru_squared_last"]
)
def test_full_lengths_are_no_lengths(name):
    p = replace(problem(name), lengths=None)
    same(hand_written(replace(p, lengths=np.full(3, 5))), hand_written(p))


@pytest.mark.parametrize("cell", CELLS)
def test_masks_of_ones_are_no_masks(cell):
    p = problem(f"{cell}_dropout")
    ones = np.ones_like(p.dropout_masks)
    same(hand_written(replace(p, dropout_masks=ones)), hand_written(replace(p, dropout_masks=None)))


@pytest.mark.parametrize("rest", ["squared_every", "squared_last", "bce_every", "classes_last", "one_hot_every"])
@pytest.mark.parametrize("cell", CELLS)
def test_weights(cell, rest):
    """Ones weigh as nothing given; twos double the loss, but not a mean; a zero drops its term."""
    p = replace(problem(f"{cell}_{rest}"), weights=None)
    ones = np.ones((5, 3) if p.network.readout == "every" else 3)
    expected = hand_written(p)
    same(hand_written(replace(p, weights=ones)), expected)
    doubled = 1 if p.network.reduction == "mean" else 2
    same(hand_written(replace(p, weights=2 * ones)), scaled(expected, doubled))


@pytest.mark.parametrize("name", ["elman_squared_every", "lstm_bce_every", "gru_classes_last"])
def test_a_sample_that_weighs_nothing_is_not_there(name):
    p = with_options(problem(name), reduction="sum")
    weights = np.ones((5, 3) if p.network.readout == "every" else 3)
    weights[..., 1] = 0
    loss, gradients = hand_written(replace(p, weights=weights))
    rest_loss, rest = hand_written(samples(replace(p, weights=None), [0, 2]))
    np.testing.assert_allclose(loss, rest_loss, rtol=1e-13)
    same_gradients(
        {name: gradients[name] for name in p.parameters}, {name: rest[name] for name in p.parameters}
    )  # fmt: skip
    assert not gradients["x"][:, 1].any() and not gradients["h_0"][:, 1].any()


# the reductions differ by their divisors


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("lengths", [None, np.array([2, 5, 4])])
@pytest.mark.parametrize("rest, elementwise", [("squared_every", 7), ("bce_every", 7), ("one_hot_every", 1)])
def test_reductions_differ_by_their_divisors(rest, elementwise, lengths, weighted):
    weights = np.random.default_rng(0).uniform(0.5, 2, (5, 3)) if weighted else None
    p = replace(problem(f"gru_{rest}"), lengths=lengths, weights=weights)
    total = hand_written(with_options(p, reduction="sum"))
    steps = np.arange(5)[:, None] < (5 if lengths is None else lengths)  # (T, B)
    mean_divisor = elementwise * (np.broadcast_to(steps, (5, 3)) * (1 if weights is None else weights)).sum()
    same(hand_written(with_options(p, reduction="batch_mean")), scaled(total, 1 / 3))
    same(hand_written(with_options(p, reduction="mean")), scaled(total, 1 / mean_divisor))


@pytest.mark.parametrize("rest", ["classes_last", "truncated_every"])
@pytest.mark.parametrize("cell", CELLS)
def test_class_numbers_are_one_hot_rows(cell, rest):
    p = problem(f"{cell}_{rest}")
    same(hand_written(replace(p, targets=np.eye(p.network.output_size)[p.targets])), hand_written(p))


# the batch


def samples(p: Problem, which: list[int]) -> Problem:
    """The problem of some samples alone. Time first, or a readout at the last step."""
    last = p.network.output_size is not None and p.network.readout == "last"
    batch_axis = {"x": 1, "h_0": 1, "c_0": 1, "lengths": 0, "dropout_masks": 2, "d_outputs": 1, "d_h_n": 1, "d_c_n": 1}
    batch_axis |= {"targets": 0 if last else 1, "weights": 0 if last else 1}
    chosen = {
        name: np.take(getattr(p, name), which, axis)
        for name, axis in batch_axis.items()
        if getattr(p, name) is not None
    }  # fmt: skip
    return replace(p, **chosen)


def shortened(p: Problem) -> Problem:
    """The problem of one sample with lengths, cut to its length."""
    (length,) = p.lengths
    time_axis = {"x": 0, "dropout_masks": 1, "d_outputs": 0}
    if p.network.readout == "every":
        time_axis |= {"targets": 0, "weights": 0}
    cut = {
        name: np.take(getattr(p, name), range(length), axis)
        for name, axis in time_axis.items()
        if getattr(p, name) is not None
    }  # fmt: skip
    return replace(p, lengths=None, **cut)


@pytest.mark.parametrize("lengths", [[5, 5, 5], [2, 5, 4], [1, 3, 1]])
@pytest.mark.parametrize(
    "name",
    [
        *EVERY_CELL,
        *(f"{cell}_{rest}" for cell in CELLS for rest in ("stacked", "bidirectional", "dropout", "squared_every")),
        *(f"{cell}_{rest}" for cell in CELLS for rest in ("squared_last", "bce_every", "classes_last")),
    ],
)
def test_a_batch_is_its_samples_run_alone(name, lengths):
    """Losses and gradients of parameters add up; those of x and the states stand side by side, zero past the length."""
    p = replace(with_options(problem(name), reduction="sum"), lengths=np.array(lengths))
    loss, gradients = hand_written(p)
    alone = [hand_written(shortened(samples(p, [b]))) for b in range(3)]
    np.testing.assert_allclose(loss, sum(each for each, _ in alone), rtol=1e-12)
    expected = {key: sum(each[key] for _, each in alone) for key in p.parameters}
    for key in p.network.state_axes(3):
        expected[key] = np.concatenate([each[key] for _, each in alone], axis=1)
    expected["x"] = np.zeros_like(p.x)
    for b, (_, each) in enumerate(alone):
        expected["x"][: lengths[b], b] = each["x"][:, 0]
    same_gradients(gradients, expected, rounding=1e-12)


@pytest.mark.parametrize("name", ["elman_stacked", "lstm_peephole", "gru", "lstm_dropout", "elman_squared_every"])
def test_batch_first_is_the_transpose(name):
    p = problem(name)
    time_axis = {"x": 0, "targets": 0, "weights": 0, "d_outputs": 0, "dropout_masks": 1}
    swapped = {
        field: getattr(p, field).swapaxes(axis, axis + 1)
        for field, axis in time_axis.items()
        if getattr(p, field) is not None
    }  # fmt: skip
    loss, gradients = hand_written(replace(with_options(p, batch_first=True), **swapped))
    gradients["x"] = gradients["x"].swapaxes(0, 1)
    same((loss, gradients), hand_written(p))


# directions and layers


@pytest.mark.parametrize("lengths", [None, np.array([2, 5, 4])])
@pytest.mark.parametrize("cell", CELLS)
def test_bidirectional_is_two_directions(cell, lengths):
    """One runs on the sequence, one on the sequence reversed; of samples with lengths, each within its own length."""
    p = replace(problem(f"{cell}_bidirectional"), lengths=lengths)
    one_way = replace(p.network, bidirectional=False)
    found = hand_written(p)[1]
    run = forward(p.network, p.parameters, p.x, p.h_0, p.c_0, lengths)
    back = reversal(5, 3, lengths)
    total = {"x": 0}
    for direction, (suffix, turn) in enumerate([("", lambda a: a), ("_reverse", lambda a: a[back, np.arange(3)])]):
        own = slice(direction, direction + 1)
        parameters = {
            name.removesuffix("_reverse"): value
            for name, value in p.parameters.items()
            if name.endswith("_reverse") == bool(suffix)
        }  # fmt: skip
        c_0, d_c_n = (None, None) if p.c_0 is None else (p.c_0[own], p.d_c_n[own])
        part = forward(one_way, parameters, turn(p.x), p.h_0[own], c_0, lengths)
        features = slice(6 * direction, 6 * (direction + 1))
        np.testing.assert_allclose(run.outputs[..., features], turn(part.outputs), rtol=0, atol=1e-14)
        np.testing.assert_allclose(run.h_n[own], part.h_n, rtol=0, atol=1e-14)
        gradients = backward(part, turn(p.d_outputs[..., features]), p.d_h_n[own], d_c_n)
        total["x"] = total["x"] + turn(gradients.pop("x"))
        for name in p.network.state_axes(3):
            total[name] = np.concatenate([*([total[name]] if name in total else []), gradients.pop(name)])
        total |= {name + suffix: gradient for name, gradient in gradients.items()}
    same_gradients(found, {name: total[name] for name in found})


def reversal(time, batch, lengths):
    """(T, B): where step t of the reversed sequence stands; what lies past a sample's length stays. Its own inverse."""
    steps = np.tile(np.arange(time)[:, None], batch)
    lengths = np.full(batch, time) if lengths is None else lengths
    return np.where(steps < lengths, lengths - 1 - steps, steps)


@pytest.mark.parametrize("cell", CELLS)
def test_a_stack_is_its_layers_one_after_the_other(cell):
    """With dropout masks: the output of the first, multiplied by its mask, is the input of the second."""
    p = problem(f"{cell}_dropout")
    lower = replace(p.network, layers=1)
    upper = replace(lower, input_size=6)
    below = {name: value for name, value in p.parameters.items() if not name.endswith("_l1")}
    above = {name.removesuffix("_l1"): value for name, value in p.parameters.items() if name.endswith("_l1")}

    def layer(k):
        return {name: value[k : k + 1] for name in ("h_0", "c_0") if (value := getattr(p, name)) is not None}

    def upstream(k):
        return {name: value[k : k + 1] for name in ("d_h_n", "d_c_n") if (value := getattr(p, name)) is not None}

    first = forward(lower, below, p.x, **layer(0))
    second = forward(upper, above, first.outputs * p.dropout_masks[0], **layer(1))
    d_above = backward(second, p.d_outputs, **upstream(1))
    d_below = backward(first, d_above["x"] * p.dropout_masks[0], **upstream(0))
    expected = {name: d_below[name] for name in (*below, "x")} | {f"{name}_l1": d_above[name] for name in above}
    for name in p.network.state_axes(3):
        expected[name] = np.concatenate([d_below[name], d_above[name]])
    same_gradients(hand_written(p)[1], {name: expected[name] for name in hand_written(p)[1]})


@pytest.mark.parametrize("lengths", [None, np.array([2, 5, 4])])
@pytest.mark.parametrize("structure", ["", "_stacked", "_bidirectional"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_last_readout_reads_the_final_states(cell, structure, lengths):
    """Of the top layer, both directions side by side: its gradient is the stack's with dL/dh_n = (y - target) W_ho^T.

    In reverse the final state belongs to the first step, and of a sample with a length it has read that sample alone.
    """
    p = problem(f"{cell}{structure}")
    directions = p.network.directions
    rng = np.random.default_rng(0)
    weight_ho, bias_ho, targets = rng.normal(size=(directions * 6, 7)), rng.normal(size=7), rng.normal(size=(3, 7))
    found = loss_and_gradients(
        replace(p.network, output_size=7, readout="last"),
        p.parameters | {"weight_ho": weight_ho, "bias_ho": bias_ho},
        p.x, targets, p.h_0, p.c_0, lengths,
    )  # fmt: skip

    run = forward(p.network, p.parameters, p.x, p.h_0, p.c_0, lengths)
    h = np.concatenate(run.h_n[-directions:], axis=-1)  # (B, D)
    error = h @ weight_ho + bias_ho - targets  # (B, O)
    d_h_n = np.zeros_like(run.h_n)
    d_h_n[-directions:] = np.split(error @ weight_ho.T, directions, axis=-1)
    expected = backward(run, np.zeros_like(run.outputs), d_h_n)
    expected |= {"weight_ho": h.T @ error, "bias_ho": error.sum(axis=0)}
    same(found, (0.5 * (error**2).sum(), expected))


# backward is linear in the upstream gradient


@pytest.mark.parametrize("name", [name for name, kind in grid.NETWORKS.items() if not kind.readout])
def test_backward_is_linear(name):
    """2 u - 3 v gives 2 g(u) - 3 g(v), and the steps and final states sent back one at a time add up to the whole."""
    p = problem(name)
    rng = np.random.default_rng(0)
    run = forward(p.network, p.parameters, p.x, p.h_0, p.c_0, p.lengths, p.dropout_masks)
    u = [part for part in (p.d_outputs, p.d_h_n, p.d_c_n) if part is not None]
    v = [rng.normal(size=part.shape) for part in u]
    at_u, at_v = backward(run, *u), backward(run, *v)
    both = backward(run, *(2 * a - 3 * b for a, b in zip(u, v)))
    same_gradients(both, {name: 2 * at_u[name] - 3 * at_v[name] for name in at_u}, rounding=1e-12)

    alone = [backward(run, np.zeros_like(u[0]), *u[1:])]
    time_axis = 1 if p.network.batch_first else 0
    for t in range(5):
        only = np.zeros_like(u[0])
        step = (slice(None),) * time_axis + (t,)
        only[step] = u[0][step]
        alone.append(backward(run, only))
    same_gradients(at_u, {name: sum(part[name] for part in alone) for name in at_u}, rounding=1e-12)


@pytest.mark.parametrize("name", ["elman_lengths", "lstm_lengths", "gru_lengths", "gru_batch_first"])
def test_upstream_past_the_end_of_a_sample_is_ignored(name):
    p = problem(name)
    past = np.arange(5)[:, None] >= p.lengths  # (T, B)
    assert past.any()
    past = (past.T if p.network.batch_first else past)[..., None]
    run = forward(p.network, p.parameters, p.x, lengths=p.lengths)
    assert not run.outputs[np.broadcast_to(past, run.outputs.shape)].any()
    same_gradients(backward(run, np.where(past, 1e3, p.d_outputs)), backward(run, p.d_outputs), rounding=0)


@pytest.mark.parametrize("name", ["elman_lengths", "lstm_lengths", "gru_lengths", "gru_squared_last", "lstm_bce_every"])
def test_what_stands_past_the_end_of_a_sample_does_not_matter(name):
    p = problem(name)
    past = (np.arange(5)[:, None] >= p.lengths)[..., None]  # (T, B, 1)
    same(hand_written(replace(p, x=np.where(past, 1e3, p.x))), hand_written(p), rounding=0)


# truncation


@pytest.mark.parametrize("truncation", [(5, 5), (7, 9), (1, 5), (2, 6), (3, 5)], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_a_window_that_reaches_back_to_the_start_truncates_nothing(cell, truncation):
    p = problem(f"{cell}_truncated")
    found, expected = (hand_written(with_options(p, truncation=pair)) for pair in (truncation, None))
    same(found, expected, rounding=1e-12)


@pytest.mark.parametrize("truncation", [(1, 1), (1, 2), (2, 2), (2, 3), (2, 4), (3, 3), (4, 4)], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_truncated_is_the_sum_over_windows_run_by_themselves(cell, truncation):
    """As one trains in practice: start from the state that the sequence has reached, and let nothing flow before it."""
    k1, k2 = truncation
    p = problem(f"{cell}_truncated")
    full = replace(p.network, truncation=None)
    expected = {name: np.zeros_like(value) for name, value in p.differentiable.items()}
    for chunk in range(0, 5, k1):
        stop = min(chunk + k1, 5)
        start = max(0, stop - k2)
        h, c = p.h_0, p.c_0
        if start > 0:
            reached = forward(full, p.parameters, p.x[:start], h, c)
            h, c = reached.h_n, reached.c_n
        d_window = p.d_outputs[start:stop].copy()
        d_window[: chunk - start] = 0
        last = (p.d_h_n, p.d_c_n) if stop == 5 else (None, None)
        window = backward(forward(full, p.parameters, p.x[start:stop], h, c), d_window, *last)
        expected["x"][start:stop] += window.pop("x")
        initial = {name: window.pop(name) for name in p.network.state_axes(3)}
        for name, gradient in (window | (initial if start == 0 else {})).items():
            expected[name] += gradient
    found = hand_written(with_options(p, truncation=truncation))[1]
    same_gradients(found, {name: expected[name] for name in found}, rounding=1e-12)
    untruncated = hand_written(with_options(p, truncation=None))[1]
    assert np.abs(found["weight_hh"] - untruncated["weight_hh"]).max() > 1e-6  # the test can tell them apart


# central differences


@pytest.mark.parametrize("name", [name for name, kind in grid.NETWORKS.items() if "truncation" not in kind.options])
def test_directional_derivative(name):
    """dL along a random direction of everything at once, by the five-point rule, whose error falls with step^4."""
    p = problem(name)
    rng = np.random.default_rng(0)
    direction = {key: 0.1 * rng.normal(size=value.shape) for key, value in p.differentiable.items()}
    step = 1e-3

    def loss(distance):
        moved = {key: value + distance * direction[key] for key, value in p.differentiable.items()}
        arrays = {key: moved.pop(key) for key in ("h_0", "c_0", "x") if key in moved}
        return hand_written(replace(p, parameters=moved, **arrays))[0]

    difference = (8 * (loss(step) - loss(-step)) - (loss(2 * step) - loss(-2 * step))) / (12 * step)
    gradients = hand_written(p)[1]
    terms = [np.vdot(gradients[key], direction[key]) for key in direction]
    np.testing.assert_allclose(difference, sum(terms), rtol=0, atol=1e-9 * np.linalg.norm(terms))


# what draws numbers


def test_initial_parameters():
    network = Network(cell="lstm", input_size=4, hidden_size=9, output_size=7, projection_size=2, peephole=True)
    drawn = initial_parameters(network, np.random.default_rng(0))
    assert {name: value.shape for name, value in drawn.items()} == {
        name: tuple(size for _, size in axes) for name, axes in network.parameter_axes().items()
    }
    everything = np.concatenate([value.ravel() for value in drawn.values()])
    assert np.abs(everything).max() <= 1 / 3  # 1/sqrt(hidden_size)
    assert 0.32 < everything.max() and everything.min() < -0.32
    single = initial_parameters(network, np.random.default_rng(0), np.float32)
    for name, value in drawn.items():
        np.testing.assert_array_equal(single[name], value.astype(np.float32), strict=True)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch_first", [False, True])
def test_dropout_masks_fit_the_network_they_are_for(batch_first, dtype):
    """Zeros and 1/(1-p), in the axis order of the network: they go straight into the call."""
    network = Network(cell="gru", input_size=4, hidden_size=6, layers=3, bidirectional=True, batch_first=batch_first)
    rng = np.random.default_rng(0)
    masks = dropout_masks(network, 40, 3, 0.2, rng, dtype)
    assert masks.shape == ((2, 3, 40, 12) if batch_first else (2, 40, 3, 12))
    assert masks.dtype == dtype
    np.testing.assert_array_equal(np.unique(masks), np.array([0, 1.25], dtype))
    assert 0.15 < (masks == 0).mean() < 0.25
    x = rng.normal(size=(3, 40, 4) if batch_first else (40, 3, 4)).astype(dtype)
    forward(network, initial_parameters(network, rng, dtype), x, dropout_masks=masks)


def test_no_dropout_is_ones():
    network = Network(cell="elman", input_size=4, hidden_size=6, layers=2)
    assert (dropout_masks(network, 5, 3, 0, np.random.default_rng(0)) == 1).all()


def test_the_gradient_descends():
    """A hundred steps of plain descent on a small task: what the gradient is for."""
    rng = np.random.default_rng(0)
    loss = {"loss": "softmax_cross_entropy", "reduction": "mean"}
    network = Network(cell="lstm", input_size=2, hidden_size=8, output_size=2, **loss)
    parameters = initial_parameters(network, rng)
    x = rng.normal(size=(6, 16, 2))
    targets = (x.cumsum(axis=0)[..., 0] > 0).astype(int)  # the sign of the running sum
    losses = []
    for _ in range(100):
        loss, gradients = loss_and_gradients(network, parameters, x, targets)
        parameters = {name: value - 2 * gradients[name] for name, value in parameters.items()}
        losses.append(loss)
    assert losses[0] > 0.6 and losses[-1] < 0.25
