"""What an implementation offers that is to be checked: the one interface, which `rnn_manual` has as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from rnn_manual import Network

Array = Any
"""A NumPy array, or anything that NumPy reads by `__array__` or DLPack: of jax, torch, cupy and others."""


class Run(Protocol):
    """What `forward` returns: an object with these, and whatever `backward` needs beside them.

    T steps, B samples, D directions, L layers, H units, S features of the state: H, or the projection size. All in the
    dtype of x.

    outputs   (T, B, D*S), (B, T, D*S) with batch_first: the states of the last layer; zero past the end of a sample
    h_n       (L*D, B, S): the state after each sample's last step; in the reverse direction after its first
    c_n       (L*D, B, H), for an LSTM only
    """

    outputs: Array
    h_n: Array
    c_n: Array


class Implementation(Protocol):
    """A module, or any object, with `forward` and `backward`, or `loss_and_gradients`, or all three.

    forward and backward are for networks without a readout (network.output_size is None), loss_and_gradients is for
    those with one. The functions get NumPy arrays of their own, float64 or float32, all of one dtype, and a
    `rnn_manual.Network`, whose docstring explains every option; parameters are named and shaped as
    `network.parameter_axes()` says: weight_ih (input, gates*H), weight_hh (S, gates*H), bias_ih and bias_hh (gates*H,),
    and for layer k and the reverse direction the same with `_lk` and `_reverse`. Weights are used as x @ weight; the
    gates stand in torch's order: i f g o for an LSTM, r z n for a GRU.

    What is not implemented is declared: raise NotImplementedError, with a reason, for every option that is not
    understood. Such cases are skipped and counted. An option that is ignored is a wrong gradient.
    """

    def forward(
        self,
        network: Network,
        parameters: Mapping[str, np.ndarray],
        x: np.ndarray,
        h_0: np.ndarray,
        c_0: np.ndarray | None,
        lengths: np.ndarray | None,
        dropout_masks: np.ndarray | None,
    ) -> Run:
        """Run the recurrent layers; the arguments after x come by keyword.

        x               (T, B, I), or (B, T, I) with batch_first
        h_0             (L*D, B, S)
        c_0             (L*D, B, H), for an LSTM only, else None
        lengths         (B,) whole numbers from 1 to T: the steps of each sample; None for all of them
        dropout_masks   (L-1, T, B, D*S), or (L-1, B, T, D*S): the outputs of every layer but the last are multiplied by
                        it; None for no dropout
        """

    def backward(
        self, run: Run, d_outputs: np.ndarray, d_h_n: np.ndarray, d_c_n: np.ndarray | None
    ) -> Mapping[str, Array]:
        """The gradient of sum(outputs * d_outputs) + sum(h_n * d_h_n) + sum(c_n * d_c_n).

        run                        what forward returned
        d_outputs, d_h_n, d_c_n    shaped as run.outputs, run.h_n, run.c_n; d_c_n for an LSTM only, else None

        Returns the gradient of every parameter by its name, and those of "x", "h_0" and for an LSTM "c_0", each of the
        shape and dtype of what it belongs to.
        """

    def loss_and_gradients(
        self,
        network: Network,
        parameters: Mapping[str, np.ndarray],
        x: np.ndarray,
        targets: np.ndarray,
        h_0: np.ndarray,
        c_0: np.ndarray | None,
        lengths: np.ndarray | None,
        dropout_masks: np.ndarray | None,
        weights: np.ndarray | None,
    ) -> tuple[Array, Mapping[str, Array]]:
        """The loss of a network with a readout, a number, and the gradients, those of weight_ho and bias_ho among them.

        targets   (T, B, O), or (B, O) with readout="last"; or class numbers without the last axis. Batch first where
                  the network is
        weights   (T, B) or (B,): the weight of each term of the loss; None for ones

        The other arguments are those of forward; all after targets come by keyword.
        """
