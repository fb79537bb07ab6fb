"""The recorded problems show every two option values together that can occur together."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np

from mutants.problems import OPTIONS, choices, possible, problems


def pairs(choice):
    return set(combinations(choice.items(), 2))


def test_every_two_values_that_can_occur_together_do():
    shown = set().union(*map(pairs, choices()))
    # to see whether two values can occur together, give every other option the value that allows most
    defaults = {name: values[0] for name, values in OPTIONS.items()}
    permissive = defaults | {"cell": "lstm", "layers": 2, "readout": "every"}
    missing = []
    for (a, a_values), (b, b_values) in combinations(OPTIONS.items(), 2):
        for x, y in product(a_values, b_values):
            if ((a, x), (b, y)) in pairs(possible(permissive | {a: x, b: y})) - shown:
                missing.append(((a, x), (b, y)))
    assert not missing


def test_no_two_sizes_are_equal():
    for problem in problems():
        network = problem.network
        steps, batch = problem.x.shape[:2][:: -1 if network.batch_first else 1]
        sizes = {network.input_size, network.hidden_size, network.output_size, network.projection_size} - {None}
        assert sizes.isdisjoint({steps, batch})
        assert len(sizes) == 2 + (network.output_size is not None) + (network.projection_size is not None)


def test_states_biases_and_upstream_gradients_are_not_zero_unless_left_out():
    for problem in problems():
        for name, array in problem.parameters.items():
            assert np.all(array != 0), name
        given = [problem.h_0, problem.c_0, problem.d_outputs]
        assert all(array is None or np.all(array != 0) or not np.any(array) for array in given)
