"""The problems every mutant must get right. Each two values of two options that can occur together do so in one of
them, and every cell has a few in which most options meet.

Sizes are all different, steps run from 1 to 6 and samples from 1 to 3, states and biases are non-zero but for the
problems that leave the states out, and every step and final state has its own upstream gradient: what is equal or zero
hides mistakes. In the extreme problems one unit's gates are shut (a pre-activation of -1000), or one logit is far off.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from oracle.problem import Problem
from rnn_manual import Network, initial_parameters

INPUT, HIDDEN, PROJECTION, OUTPUT = 7, 10, 9, 8
SEED = 0
DRAWS = 10_000
FAR = 1000

CELLS: dict[str, dict[str, object]] = {
    "elman tanh": {"cell": "elman"},
    "elman relu": {"cell": "elman", "activation": "relu"},
    "elman sigmoid": {"cell": "elman", "activation": "sigmoid"},
    "elman identity": {"cell": "elman", "activation": "identity"},
    "lstm": {"cell": "lstm"},
    "lstm peephole": {"cell": "lstm", "peephole": True},
    "lstm projection": {"cell": "lstm", "projection_size": PROJECTION},
    "lstm both": {"cell": "lstm", "peephole": True, "projection_size": PROJECTION},
    "gru after": {"cell": "gru"},
    "gru before": {"cell": "gru", "reset": "before"},
}

OPTIONS: dict[str, tuple[object, ...]] = {
    "cell": tuple(CELLS),
    "layers": (1, 2, 3),
    "bidirectional": (False, True),
    "bias": (True, False),
    "batch_first": (False, True),
    "truncation": (None, (1, 1), (1, 3), (2, 2), (2, 3), (4, 5)),
    "readout": (None, "every", "last"),
    "state_activation": ("identity", "tanh", "relu", "sigmoid"),
    "output_activation": ("identity", "tanh", "relu", "sigmoid", "softmax"),
    "loss": ("half_squared_error", "binary_cross_entropy", "softmax_cross_entropy", "softmax_cross_entropy of rows"),
    "reduction": ("sum", "batch_mean", "mean"),
    "weights": (False, True),
    "steps": (1, 2, 3, 4, 5, 6),
    "batch": (1, 2, 3),
    "states": ("given", "zero"),
    "lengths": (False, True),
    "dropout": (False, True),
    "dtype": ("float64", "float32"),
    "extreme": (False, True),
}

HARD: tuple[dict[str, object], ...] = (
    {"layers": 2, "truncation": (2, 3), "steps": 6, "batch": 3, "lengths": True, "dropout": True},
    {"layers": 4, "bidirectional": True, "batch_first": True, "steps": 6, "batch": 2, "lengths": True, "dropout": True},
    {"bidirectional": True, "steps": 5, "batch": 3, "readout": "last", "lengths": True},
)

Choice = dict[str, object]


def problems() -> list[Problem]:
    return [problem(choice, seed) for seed, choice in enumerate(choices())]


def choices() -> list[Choice]:
    """The hard choices for every cell; then choices drawn at random, kept where two values meet for the first time."""
    defaults = {name: values[0] for name, values in OPTIONS.items()}
    kept = [possible(defaults | hard | {"cell": cell}) for cell in CELLS for hard in HARD]
    seen = {pair for choice in kept for pair in combinations(choice.items(), 2)}
    rng = np.random.default_rng(SEED)
    for _ in range(DRAWS):
        choice = possible({name: values[rng.integers(len(values))] for name, values in OPTIONS.items()})
        pairs = set(combinations(choice.items(), 2))
        if pairs - seen:
            seen |= pairs
            kept.append(choice)
    return kept


def possible(choice: Choice) -> Choice:
    """The choice without the options that mean nothing beside the others; defaults where two exclude each other."""
    choice = dict(choice)
    if choice["bidirectional"]:
        choice["truncation"] = None
    if choice["layers"] == 1:
        choice["dropout"] = False
    if choice["readout"] is None:
        for name in ("state_activation", "output_activation", "loss", "reduction", "weights"):
            del choice[name]
    elif choice["loss"] != "half_squared_error":
        choice["output_activation"] = "identity"
    if choice["extreme"]:
        choice["bias"] = True
        if choice["cell"] in ("elman relu", "elman identity"):  # nothing shuts there, the numbers only grow
            choice["extreme"] = False
    return choice


def problem(choice: Choice, seed: int) -> Problem:
    """The network and the arrays of one choice."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(choice["dtype"])
    steps, batch = choice["steps"], choice["batch"]
    network = Network(
        **CELLS[choice["cell"]],
        input_size=INPUT,
        hidden_size=HIDDEN,
        output_size=None if choice["readout"] is None else OUTPUT,
        **{name: choice[name] for name in ("layers", "bidirectional", "bias", "batch_first", "truncation")},
        **_readout_options(choice),
    )
    features = network.directions * network.state_size
    sequence = (batch, steps) if network.batch_first else (steps, batch)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(dtype)

    parameters = initial_parameters(network, rng, dtype)
    if choice["extreme"]:
        _shut_one_unit(network, parameters)
    states = {name: normal(*(size for _, size in axes)) for name, axes in network.state_axes(batch).items()}
    upstream = {f"d_{name[0]}_n": normal(*state.shape) for name, state in states.items()}
    if choice["states"] == "zero":
        states = {name: np.zeros_like(state) for name, state in states.items()}
        upstream = {name: np.zeros_like(gradient) for name, gradient in upstream.items()}
    lengths = masks = None
    if choice["lengths"]:
        lengths = rng.integers(1, steps, size=batch, endpoint=True)
        lengths[-1] = steps // 2 or 1  # at least one sample ends early where it can
    if choice["dropout"]:
        shape = (network.layers - 1, *sequence, features)
        masks = (rng.uniform(0.5, 2, shape) * (rng.random(shape) > 0.3)).astype(dtype)
    arrays = {"x": normal(*sequence, INPUT), **states, "lengths": lengths, "dropout_masks": masks}
    if choice["readout"] is None:
        return Problem(network, parameters, **arrays, d_outputs=normal(*sequence, features), **upstream)
    terms = sequence if network.readout == "every" else (batch,)
    weights = None
    if choice["weights"]:
        weights = rng.uniform(0.5, 2, terms).astype(dtype)
        weights.flat[1:2] = 0
    return Problem(network, parameters, **arrays, targets=_targets(choice["loss"], terms, rng, dtype), weights=weights)


def _readout_options(choice: Choice) -> dict[str, object]:
    if choice["readout"] is None:
        return {}
    options = {name: choice[name] for name in ("readout", "state_activation", "output_activation", "reduction")}
    return options | {"loss": choice["loss"].removesuffix(" of rows")}


def _shut_one_unit(network: Network, parameters: dict[str, np.ndarray]) -> None:
    """Far negative pre-activations, where exp(-a) overflows, for one unit; one far logit, where exp(z) overflows."""
    for name, array in parameters.items():
        if name.startswith("bias_ih"):
            array[:: network.hidden_size] = -FAR
    if "bias_ho" in parameters:
        if network.loss == "softmax_cross_entropy" or network.output_activation == "softmax":
            parameters["bias_ho"][0] = FAR
        elif network.loss == "binary_cross_entropy" or network.output_activation == "sigmoid":
            parameters["bias_ho"][0] = -FAR


def _targets(loss: str, terms: tuple[int, ...], rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    if loss == "softmax_cross_entropy":
        return rng.integers(0, OUTPUT, size=terms)
    if loss == "softmax_cross_entropy of rows":
        off = 6 * OUTPUT * np.finfo(dtype).eps  # nearly as far from a sum of 1 as is accepted
        return (rng.dirichlet(np.ones(OUTPUT), size=terms) * (1 + off)).astype(dtype)
    if loss == "binary_cross_entropy":
        return rng.uniform(size=(*terms, OUTPUT)).astype(dtype)
    return rng.normal(size=(*terms, OUTPUT)).astype(dtype)
