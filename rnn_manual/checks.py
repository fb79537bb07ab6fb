"""Bad input is named before anything is computed: which argument, what it is, what it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

import numpy as np

from rnn_manual.network import Axes, Network, did_you_mean

if TYPE_CHECKING:
    from rnn_manual.gradients import Run

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


def describe(axes: Axes) -> str:
    """'(batch, hidden) = (3, 6)'; a size of -1 is free and stands as its name."""
    names = ", ".join(name for name, _ in axes) + ("," if len(axes) == 1 else "")
    sizes = ", ".join(name if size < 0 else str(size) for name, size in axes) + ("," if len(axes) == 1 else "")
    return f"({names})" if all(size < 0 for _, size in axes) else f"({names}) = ({sizes})"


def check_array(name: str, array: object, axes: Axes, dtype: np.dtype | None = None) -> np.ndarray:
    """The array itself, once it has these axes, a floating dtype (`dtype` if given) and only finite values.

    Raises TypeError for what is no array or has another dtype, ValueError for a wrong shape, NaN or inf.
    """
    check_shape(name, array, axes)
    if array.dtype not in FLOATS:
        raise TypeError(f"{name} has dtype {_dtype_name(array)}, but should be float64 or float32")
    check_byte_order(name, array)
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name} has dtype {array.dtype}, but x has {dtype}; all floating arrays should share one dtype")
    # min and max allocate nothing, and a NaN or an inf anywhere shows in one of them
    if not (np.isfinite(array.min()) and np.isfinite(array.max())):
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(
            f"{name} holds {array[where]} at {list(where)} ({', '.join(axis for axis, _ in axes)}), but should be finite"
        )
    return array


def check_shape(name: str, array: object, axes: Axes) -> None:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is a {type(array).__name__}, but should be a numpy array with axes {describe(axes)}")
    if type(array) is not np.ndarray:  # a matrix multiplies where an array is elementwise, a masked array drops values
        raise TypeError(f"{name} is a {type(array).__module__}.{type(array).__name__}, but should be a plain numpy array")
    if array.ndim != len(axes):
        raise ValueError(f"{name} has {array.ndim} axes, shape {array.shape}, but should have {len(axes)}: {describe(axes)}")
    for k, (axis, size) in enumerate(axes):
        if size >= 0 and array.shape[k] != size:
            raise ValueError(
                f"{name} has shape {array.shape}, but should be {describe(axes)}: axis {k} ({axis}) is {array.shape[k]} "
                f"and should be {size}"
            )
        if size < 0 and array.shape[k] == 0:
            raise ValueError(f"{name} has shape {array.shape}: axis {k} ({axis}) is 0 and should be at least 1")


def check_byte_order(name: str, array: np.ndarray) -> None:
    if not array.dtype.isnative:
        raise TypeError(
            f"{name} has dtype {array.dtype.str!r}, which is not in this machine's byte order; "
            f"use {name}.astype({name}.dtype.newbyteorder('='))"
        )


def check_whole_numbers(name: str, array: object, axes: Axes, low: int, high: int) -> np.ndarray:
    """The array itself, once it has these axes and whole numbers from `low` to `high`."""
    check_shape(name, array, axes)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {_dtype_name(array)}, but should be whole numbers")
    check_byte_order(name, array)
    wrong = np.argwhere((array < low) | (array > high))
    if len(wrong):
        where = tuple(int(k) for k in wrong[0])
        raise ValueError(f"{name} holds {array[where]} at {list(where)}, but should be from {low} to {high}")
    return array


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
    if not isinstance(network, Network):
        raise TypeError(f"network is a {type(network).__name__}, but should be a Network")
    if not isinstance(parameters, Mapping):
        raise TypeError(f"parameters is a {type(parameters).__name__}, but should be a dict of arrays by name")
    steps: Axes = (("time", -1), ("batch", -1))
    check_array("x", x, (*_order(network, steps), ("input", network.input_size)))
    dtype = x.dtype
    axes = network.parameter_axes()
    for name in parameters:
        if name not in axes:
            raise ValueError(f"parameters holds {name!r}, which this network does not have{did_you_mean(name, axes)}")
    for name in axes:
        if name not in parameters:
            raise ValueError(f"parameters lacks {name!r}; it should be {describe(axes[name])}")
        check_array(name, parameters[name], axes[name], dtype)

    x = x.swapaxes(0, 1) if network.batch_first else x
    time, batch, _ = x.shape
    state_axes = network.state_axes(batch)
    states = {"h_0": h_0, "c_0": c_0}
    for name, state in states.items():
        if name not in state_axes:
            if state is not None:
                raise ValueError(f"{name} is given, but should be None: cell={network.cell!r} has no cell state")
        elif state is None:
            states[name] = np.zeros([size for _, size in state_axes[name]], dtype)
        else:
            check_array(name, state, state_axes[name], dtype)
    if lengths is not None:
        check_whole_numbers("lengths", lengths, (("batch", batch),), 1, time)
        lengths = lengths.astype(np.intp)  # unsigned lengths minus one must not wrap
    if dropout_masks is not None:
        if network.layers == 1:
            raise ValueError("dropout_masks is given, but should be None: they act between layers, and layers is 1")
        width = network.directions * network.state_size
        mask_axes = (("layers-1", network.layers - 1), *_order(network, (("time", time), ("batch", batch))), ("features", width))
        check_array("dropout_masks", dropout_masks, mask_axes, dtype)
        if network.batch_first:
            dropout_masks = dropout_masks.swapaxes(1, 2)
    return x, states["h_0"], states["c_0"], lengths, dropout_masks


def check_targets(
    network: Network, x: np.ndarray, targets: object, weights: object, lengths: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Targets and weights, time first; the weights are zero past each sample's length."""
    time, batch, _ = x.shape
    steps: Axes = (("batch", batch),)
    if network.readout == "every":
        steps = _order(network, (("time", time), ("batch", batch)))
    classes = network.loss == "softmax_cross_entropy" and isinstance(targets, np.ndarray) and targets.dtype.kind in "iu"
    if classes:
        check_whole_numbers("targets", targets, steps, 0, network.output_size - 1)
    else:
        check_array("targets", targets, (*steps, ("output", network.output_size)), x.dtype)
        if network.loss == "binary_cross_entropy" and (targets.min() < 0 or targets.max() > 1):
            raise ValueError(f"targets runs from {targets.min()} to {targets.max()}, but should lie between 0 and 1")
        if network.loss == "softmax_cross_entropy":
            sums = targets.sum(axis=-1)
            if targets.min() < 0 or np.abs(sums - 1).max() > len(targets.T) * 8 * np.finfo(x.dtype).eps:
                raise ValueError(
                    "targets has rows that are no probabilities, but each should be non-negative and sum to 1; "
                    "give class numbers as whole numbers"
                )
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
        raise ValueError("weights sums to 0, but should not: reduction='mean' divides by it")
    return targets, weights


def check_upstream(
    run: Run, d_outputs: object, d_h_n: object, d_c_n: object
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The upstream gradients, with zeros for those not given."""
    network, dtype = run.stack.network, run.outputs.dtype
    time, batch, features = run.stack.outputs.shape
    axes = (*_order(network, (("time", time), ("batch", batch))), ("features", features))
    check_array("d_outputs", d_outputs, axes, dtype)
    state_axes = network.state_axes(batch)
    upstream = {"h": d_h_n, "c": d_c_n}
    for state, gradient in upstream.items():
        if f"{state}_0" not in state_axes:
            if gradient is not None:
                raise ValueError(f"d_{state}_n is given, but should be None: cell={network.cell!r} has no cell state")
        elif gradient is None:
            upstream[state] = np.zeros([size for _, size in state_axes[f"{state}_0"]], dtype)
        else:
            check_array(f"d_{state}_n", gradient, state_axes[f"{state}_0"], dtype)
    return d_outputs, upstream["h"], upstream["c"]


def _order(network: Network, steps: Axes) -> Axes:
    """(time, batch), or (batch, time) where the network is batch first."""
    return steps[::-1] if network.batch_first else steps


def _dtype_name(array: np.ndarray) -> str:
    return array.dtype.name
