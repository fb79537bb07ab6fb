"""Run by test_shapes.py in a process of its own: rnn_manual with every signature checked, shapes included.

    python under_jaxtyping.py FOLDER PROBLEMS [CALL ...]

imports rnn_manual from FOLDER and prints a JSON object: what became of each call, and which functions ran. PROBLEMS is
a pickle of the front door's arguments by name; it spares this process the import of torch. Without names, all the calls
are made.
"""

import json
import pickle
import sys
import types
import typing

import beartype  # noqa: F401  before TYPE_CHECKING is set: they have blocks of their own under it
import jaxtyping
import numpy as np

sys.path.insert(0, sys.argv[1])
typing.TYPE_CHECKING = True  # so that rnn_manual imports the names in its annotations
with jaxtyping.install_import_hook("rnn_manual", "beartype.beartype"):
    import rnn_manual
typing.TYPE_CHECKING = False

from rnn_manual import activations, checks, elman, gru, losses, lstm, readout, recurrent, state_dict, time_axis

A = np.ones

with open(sys.argv[2], "rb") as file:
    PROBLEMS = pickle.load(file)


def front_door(options, arguments, upstream):
    network = rnn_manual.Network(**options)
    if upstream is None:
        return rnn_manual.loss_and_gradients(network, **arguments)
    return rnn_manual.backward(rnn_manual.forward(network, **arguments), **upstream)


def elman_parameters(**changes):
    return {"weight_ih": A((4, 6)), "weight_hh": A((6, 6)), "bias_ih": A(6), "bias_hh": A(6)} | changes


def gated_parameters(gates, **changes):
    return elman_parameters(
        weight_ih=A((4, gates * 6)), weight_hh=A((6, gates * 6)), bias_ih=A(gates * 6), bias_hh=A(gates * 6), **changes
    )


def elman_backward(d_outputs=(5, 3, 6), d_h_n=(3, 6)):
    return elman.backward(elman.forward(A((5, 3, 4)), A((3, 6)), elman_parameters())[2], A(d_outputs), (A(d_h_n),))


def gru_backward(d_outputs=(5, 3, 6), d_h_n=(3, 6)):
    return gru.backward(gru.forward(A((5, 3, 4)), A((3, 6)), gated_parameters(3))[2], A(d_outputs), (A(d_h_n),))


def lstm_backward(d_outputs=(5, 3, 6), d_h_n=(3, 6), d_c_n=(3, 6)):
    _, _, cache = lstm.forward(A((5, 3, 4)), A((3, 6)), A((3, 6)), gated_parameters(4))
    return lstm.backward(cache, A(d_outputs), (A(d_h_n), A(d_c_n)))


def readout_backward(d_y=(5, 3, 7)):
    _, cache = readout.forward(A((5, 3, 6)), {"weight_ho": A((6, 7)), "bias_ho": A(7)}, output_activation="softmax")
    return readout.backward(cache, A(d_y))


def stack_backward(d_outputs=(5, 3, 6), d_h_n=(1, 3, 6)):
    network = rnn_manual.Network(cell="elman", input_size=4, hidden_size=6)
    return recurrent.backward(
        recurrent.forward(network, elman_parameters(), A((5, 3, 4)), A((1, 3, 6))), A(d_outputs), A(d_h_n)
    )


def bad_input():
    """Through the functions that word the messages: each is refused in our words, not by an annotation."""
    network = rnn_manual.Network(cell="lstm", input_size=4, hidden_size=6)
    right, x = gated_parameters(4), A((5, 3, 4))
    for parameters, x in [
        (right, A((5, 4))),
        (right, x.view(np.ma.MaskedArray)),
        (right, x.astype(int)),
        (right, x.astype(np.dtype(float).newbyteorder("S"))),
        (right, x * np.nan),
        (right | {"W_hh": x}, x),
    ]:
        try:
            rnn_manual.forward(network, parameters, x)
        except jaxtyping.TypeCheckError:
            raise
        except (TypeError, ValueError):
            continue
        raise AssertionError("bad input was taken")


RIGHT = {
    "parameters in a read-only mapping": lambda: front_door(
        {"cell": "elman", "input_size": 4, "hidden_size": 6, "output_size": 7},
        {
            "parameters": types.MappingProxyType(elman_parameters(weight_ho=A((6, 7)), bias_ho=A(7))),
            "x": A((5, 3, 4)),
            "targets": A((5, 3, 7)),
        },
        None,
    ),
    "bad input": bad_input,
    **{name: lambda problem=problem: front_door(*problem) for name, problem in PROBLEMS.items()},
    "elman.backward": elman_backward,
    "gru.backward": gru_backward,
    "lstm.backward": lstm_backward,
    "readout.backward": readout_backward,
    "recurrent.backward": stack_backward,
    "dropout_masks": lambda: rnn_manual.dropout_masks(
        rnn_manual.Network(cell="gru", input_size=4, hidden_size=6, layers=2), 5, 3, 0.5, np.random.default_rng(0)
    ),
    "initial_parameters": lambda: rnn_manual.initial_parameters(
        rnn_manual.Network(cell="gru", input_size=4, hidden_size=6), np.random.default_rng(0)
    ),
    "without_readout": lambda: rnn_manual.Network(
        cell="gru", input_size=4, hidden_size=6, output_size=7, loss="softmax_cross_entropy"
    ).without_readout(),
    "state_dict": lambda: state_dict.from_state_dict(
        rnn_manual.Network(cell="gru", input_size=4, hidden_size=6),
        state_dict.to_state_dict(rnn_manual.Network(cell="gru", input_size=4, hidden_size=6), gated_parameters(3)),
    ),
    "identity": lambda: (activations.identity(A(6)), activations.identity(A(6), out=A(6))),
    "identity_slope": lambda: activations.identity_slope(A(6)),
}

# Past the front door, straight to a function that checks nothing itself: only the annotations can object.
WRONG = {
    "elman.forward: x without time": lambda: elman.forward(A((3, 4)), A((3, 6)), elman_parameters()),
    "elman.forward: h_0 of another batch": lambda: elman.forward(A((5, 3, 4)), A((1, 6)), elman_parameters()),
    "elman.forward: whole numbers": lambda: elman.forward(A((5, 3, 4), int), A((3, 6)), elman_parameters()),
    "elman.forward: valid without its axis of one": lambda: elman.forward(
        A((5, 3, 4)), A((3, 6)), elman_parameters(), valid=A((5, 3), bool)
    ),
    "elman.forward: weight_ih transposed into the cache": lambda: elman.Cache(
        A((5, 3, 4)), A((6, 3, 6)), A((6, 4)), A((6, 6)), activations.ACTIVATIONS["tanh"], None
    ),
    "elman.backward: a step short": lambda: elman_backward(d_outputs=(5, 3)),
    "elman.backward: final state of another batch": lambda: elman_backward(d_h_n=(2, 6)),
    "gru.forward: h_0 of another batch": lambda: gru.forward(A((5, 3, 4)), A((1, 6)), gated_parameters(3)),
    "gru.backward: final state of another width": lambda: gru_backward(d_h_n=(3, 5)),
    "lstm.forward: c_0 of another batch": lambda: lstm.forward(A((5, 3, 4)), A((3, 6)), A((1, 6)), gated_parameters(4)),
    "lstm.backward: final cell without batch": lambda: lstm_backward(d_c_n=(6,)),
    "readout.backward: d_y without features": lambda: readout.backward(
        readout.forward(A((5, 3, 6)), {"weight_ho": A((6, 7))})[1], A(())
    ),
    "recurrent.forward: h_0 without layers": lambda: recurrent.forward(
        rnn_manual.Network(cell="elman", input_size=4, hidden_size=6), elman_parameters(), A((5, 3, 4)), A((3, 6))
    ),
    "recurrent.backward: d_h_n of another batch": lambda: stack_backward(d_h_n=(1, 2, 6)),
    "losses: targets of another shape": lambda: losses.half_squared_error(A((5, 3, 7)), A((5, 1, 7))),
    "losses: weights over the features": lambda: losses.reduced_loss(
        "half_squared_error", "sum", A((5, 3, 7)), A((5, 3, 7)), A((5, 3, 7))
    ),
    "time_axis.hold: another batch": lambda: time_axis.hold(A((3, 6)), A((1, 6)), A((3, 1), bool)),
    "checks.describe: no axes": lambda: checks.describe("batch"),
    "forward: parameters as a list": lambda: rnn_manual.forward(
        rnn_manual.Network(cell="elman", input_size=4, hidden_size=6), [A((4, 6))], A((5, 3, 4))
    ),
}


def outcome(call) -> str:
    """Nothing, or the error's class and its message."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__module__}.{type(error).__qualname__}: {error}"
    return ""


ran = set()


def note(frame, event, _):
    module = frame.f_globals.get("__name__", "")
    if event == "call" and module.startswith("rnn_manual."):
        ran.add(f"{module}.{frame.f_code.co_qualname}")


sys.setprofile(note)
outcomes = {name: outcome(RIGHT[name]) for name in sys.argv[3:] or RIGHT}
sys.setprofile(None)
objections = {name: outcome(call) for name, call in WRONG.items()}
print(json.dumps({"right": outcomes, "wrong": objections, "ran": sorted(ran)}))
