"""Bad input is named before anything is computed: which argument, what it is, what it should be.

The checks run at every call, so an array that is right passes through a handful of comparisons and one reading of its
values; whatever a message needs is worked out only once something is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from rnn_manual.network import Axes, Network, did_you_mean

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


def describe(axes: Axes) -> str:
    """'(batch, hidden) = (3, 6)'; a size of -1 is free and stands as its name."""
    names = [name for name, _ in axes]
    if all(size < 0 for _, size in axes):
        return _in_brackets(names)
    return f"{_in_brackets(names)} = {_in_brackets([name if size < 0 else str(size) for name, size in axes])}"


def check_array(name: str, array: object, axes: Axes, dtype: np.dtype | None = None) -> np.ndarray:
    """The array itself, once it has these axes, a floating dtype (`dtype` if given) and only finite values.

    Raises TypeError for what is no array or has another dtype, ValueError for a wrong shape, NaN or inf.
    """
    check_shape(name, array, axes)
    if array.dtype not in FLOATS:
        check_byte_order(name, array)
        raise TypeError(f"{name} has dtype {array.dtype}, but should be float64 or float32")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name} has dtype {array.dtype}, but x has {dtype}; all floats should share one dtype")
    if not _is_finite(array):
        where, axis_names = _first(~np.isfinite(array)), _in_brackets([axis for axis, _ in axes])
        raise ValueError(f"{name} holds {array[where]} at {list(where)} {axis_names}, but should be finite")
    return array


def check_shape(name: str, array: object, axes: Axes) -> None:
    """Raises TypeError for what is no plain array, ValueError for a wrong number of axes or a wrong size."""
    if type(array) is not np.ndarray:
        raise TypeError(_why_no_array(name, array, axes))
    if array.ndim != len(axes):
        count = f"{array.ndim} {'axis' if array.ndim == 1 else 'axes'}"
        raise ValueError(f"{name} has {count}, shape {array.shape}, but should have {len(axes)}: {describe(axes)}")
    for k, (found, (axis, size)) in enumerate(zip(array.shape, axes)):
        if found != size and size >= 0:
            raise ValueError(
                f"{name} has shape {array.shape}, but should be {describe(axes)}: "
                f"axis {k} ({axis}) is {found} and should be {size}"
            )
        if found == 0:
            raise ValueError(f"{name} has shape {array.shape}: axis {k} ({axis}) is 0 and should be at least 1")


def check_byte_order(name: str, array: np.ndarray) -> None:
    """Raises TypeError unless the array is in this machine's byte order."""
    if not array.dtype.isnative:
        raise TypeError(
            f"{name} has dtype {array.dtype.str!r}, which is not in this machine's byte order; "
            f"use {name}.astype({name}.dtype.newbyteorder('='))"
        )


def check_whole_numbers(name: str, array: object, axes: Axes, low: int, high: int) -> np.ndarray:
    """The array itself, once it has these axes and whole numbers from `low` to `high`.

    Raises TypeError for what is no array or has another dtype, ValueError for a wrong shape or a number out of range.
    """
    check_shape(name, array, axes)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}, but should be whole numbers")
    check_byte_order(name, array)
    if array.min() < low or array.max() > high:
        where = _first((array < low) | (array > high))
        raise ValueError(f"{name} holds {array[where]} at {list(where)}, but should be from {low} to {high}")
    return array


def a_type(value: object) -> str:
    """'a list', 'an int', 'a numpy.matrix'."""
    kind = type(value)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return f"{'an' if name[0] in 'aeio' else 'a'} {name}"


def check_network(network: object) -> None:
    """Raises TypeError for what is no Network."""
    if not isinstance(network, Network):
        raise TypeError(f"network is {a_type(network)}, but should be a Network")


def check_inputs(
    network: Network,
    parameters: Mapping[str, np.ndarray],
    x: object,
    h_0: object,
    c_0: object,
    lengths: object,
    dropout_masks: object,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """x, h_0, c_0, lengths and masks, time first, with zeros for states not given."""
    check_network(network)
    steps: Axes = (("time", -1), ("batch", -1))
    check_array("x", x, (*_order(network, steps), ("input", network.input_size)))
    dtype = x.dtype
    _check_parameters(network, parameters, dtype)

    x = x.swapaxes(0, 1) if network.batch_first else x
    time, batch, _ = x.shape
    h_0, c_0 = _check_states(network, batch, {"h_0": ("h_0", h_0), "c_0": ("c_0", c_0)}, dtype)
    if lengths is not None:
        check_whole_numbers("lengths", lengths, (("batch", batch),), 1, time)
        lengths = lengths.astype(np.intp)  # signed, so that what is computed from them cannot wrap
    if dropout_masks is not None:
        if network.layers == 1:
            raise ValueError("dropout_masks is given, but should be None: they act between layers, and layers is 1")
        mask_steps = _order(network, (("time", time), ("batch", batch)))
        width = network.directions * network.state_size
        mask_axes = (("layers-1", network.layers - 1), *mask_steps, ("features", width))
        check_array("dropout_masks", dropout_masks, mask_axes, dtype)
        if network.batch_first:
            dropout_masks = dropout_masks.swapaxes(1, 2)
    return x, h_0, c_0, lengths, dropout_masks


def check_targets(
    network: Network, x: np.ndarray, targets: object, weights: object, lengths: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Targets and weights, time first; the weights are zero past each sample's length. `x` is time first."""
    time, batch, _ = x.shape
    steps: Axes = (("batch", batch),)
    if network.readout == "every":
        steps = _order(network, (("time", time), ("batch", batch)))
    rows: Axes = (*steps, ("output", network.output_size))
    if network.loss == "softmax_cross_entropy":
        _check_classes(targets, steps, rows, x.dtype)
    else:
        check_array("targets", targets, rows, x.dtype)
        if network.loss == "binary_cross_entropy" and (targets.min() < 0 or targets.max() > 1):
            where = _first((targets < 0) | (targets > 1))
            raise ValueError(f"targets holds {targets[where]} at {list(where)}, but should lie between 0 and 1")
    if weights is not None:
        check_array("weights", weights, steps, x.dtype)
    if network.readout == "every":
        if network.batch_first:
            targets = targets.swapaxes(0, 1)
            weights = None if weights is None else weights.swapaxes(0, 1)
        if lengths is not None:
            valid = (np.arange(time)[:, None] < lengths).astype(x.dtype)  # (T, B)
            weights = valid if weights is None else weights * valid
    if network.reduction == "mean" and weights is not None and weights.sum() == 0:
        within = " within the lengths" if network.readout == "every" and lengths is not None else ""
        raise ValueError(f"weights sums to 0{within}, but should not: reduction='mean' divides by the sum")
    return targets, weights


def check_upstream(
    network: Network, outputs: np.ndarray, d_outputs: object, d_h_n: object, d_c_n: object
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The upstream gradients, with zeros for the final states not given; `outputs` are those of the user's run."""
    steps: Axes = tuple(zip(_order(network, ("time", "batch")), outputs.shape))
    check_array("d_outputs", d_outputs, (*steps, ("features", outputs.shape[-1])), outputs.dtype)
    batch = dict(steps)["batch"]
    d_h_n, d_c_n = _check_states(network, batch, {"h_0": ("d_h_n", d_h_n), "c_0": ("d_c_n", d_c_n)}, outputs.dtype)
    return d_outputs, d_h_n, d_c_n


def check_dtype(dtype: object) -> None:
    """Raises TypeError unless `dtype` is float64 or float32."""
    if np.dtype(dtype) not in FLOATS:
        raise TypeError(f"dtype is {np.dtype(dtype)}, but should be float64 or float32")


def check_generator(rng: object) -> None:
    """Raises TypeError unless `rng` is a numpy.random.Generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng is {a_type(rng)}, but should be a numpy.random.Generator, as numpy.random.default_rng makes"
        )


def _check_parameters(network: Network, parameters: object, dtype: np.dtype) -> None:
    if not isinstance(parameters, Mapping):
        raise TypeError(f"parameters is {a_type(parameters)}, but should be a dict of arrays by name")
    axes = network.parameter_axes()
    for name in parameters:
        if name not in axes:
            missing = [right for right in axes if right not in parameters]  # nothing else can be meant
            hint = did_you_mean(name, missing)
            raise ValueError(f"parameters holds {name!r}, which this network does not have{hint}")
    for name, parameter_axes in axes.items():
        if name not in parameters:
            raise ValueError(f"parameters lacks {name!r}; it should be {describe(parameter_axes)}")
        check_array(name, parameters[name], parameter_axes, dtype)


def _check_states(
    network: Network, batch: int, given: dict[str, tuple[str, object]], dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray | None]:
    """What is `given` in the shapes of h_0 and c_0, under the names of the arguments; zeros for None."""
    axes = network.state_axes(batch)
    checked = []
    for state, (name, array) in given.items():
        if state not in axes:
            if array is not None:
                raise ValueError(f"{name} is given, but should be None: cell={network.cell!r} has no cell state")
        elif array is None:
            array = np.zeros([size for _, size in axes[state]], dtype)
        else:
            check_array(name, array, axes[state], dtype)
        checked.append(array)
    return tuple(checked)


def _check_classes(targets: object, steps: Axes, rows: Axes, dtype: np.dtype) -> None:
    """Class numbers over the steps, or a row of probabilities for each."""
    if type(targets) is not np.ndarray:
        raise TypeError(_why_no_array("targets", targets, steps))
    classes = targets.dtype.kind in "iu"
    if targets.ndim != len(steps if classes else rows):
        raise ValueError(
            f"targets has dtype {targets.dtype} and shape {targets.shape}, but should be class numbers (whole numbers) "
            f"with axes {describe(steps)}, or probabilities ({dtype}) with axes {describe(rows)}"
        )
    if classes:
        check_whole_numbers("targets", targets, steps, 0, rows[-1][1] - 1)
        return
    check_array("targets", targets, rows, dtype)
    if targets.min() < 0:
        where = _first(targets < 0)
        raise ValueError(f"targets holds {targets[where]} at {list(where)}, but a probability should not be negative")
    sums = targets.sum(axis=-1)
    wrong = np.abs(sums - 1) > 8 * rows[-1][1] * np.finfo(dtype).eps  # as far as rounding takes a row of O quotients
    if wrong.any():
        where = _first(wrong)
        raise ValueError(f"targets has a row that sums to {sums[where]} at {list(where)}, but each should sum to 1")


def _why_no_array(name: str, array: object, axes: Axes) -> str:
    """A matrix multiplies where an array is elementwise, a masked array drops values: subclasses are refused too."""
    message = f"{name} is {a_type(array)}, but should be a plain numpy array with axes {describe(axes)}"
    if isinstance(array, np.ma.MaskedArray):
        return f"{message}; use {name}.filled(...), and give what is masked as weights or lengths"
    if isinstance(array, np.ndarray):
        return f"{message}; use np.asarray({name})"
    return message


def _is_finite(array: np.ndarray) -> bool:
    """Whether every value is finite."""
    # the sum of squares is a single pass and allocates nothing; where it overflows it has said nothing
    if array.flags.c_contiguous and math.isfinite(np.vdot(array, array)):
        return True
    # a NaN or an inf anywhere shows in one of the two
    return math.isfinite(array.min()) and math.isfinite(array.max())


def _first(wrong: np.ndarray) -> tuple[int, ...]:
    """The index of the first True."""
    return tuple(int(k) for k in np.argwhere(wrong)[0])


def _order(network: Network, steps: tuple) -> tuple:
    """(time, batch), or (batch, time) where the network is batch first."""
    return steps[::-1] if network.batch_first else steps


def _in_brackets(words: list[str]) -> str:
    """As a tuple is written, the comma of a single one included."""
    return f"({words[0]},)" if len(words) == 1 else f"({', '.join(words)})"
