"""Backpropagation through time written by hand in NumPy. NumPy is all it imports."""

from rnn_manual.gradients import Run, backward, dropout_masks, forward, initial_parameters, loss_and_gradients
from rnn_manual.network import Network
from rnn_manual.state_dict import from_state_dict, to_state_dict

__all__ = [
    "Network",
    "Run",
    "backward",
    "dropout_masks",
    "forward",
    "from_state_dict",
    "initial_parameters",
    "loss_and_gradients",
    "to_state_dict",
]
