"""The grid: what is in it, and that its problems can show a mistake."""

import itertools

import numpy as np
import pytest

from oracle import grid
from oracle.grid import CELLS, NETWORKS, Case


@pytest.mark.parametrize("name", grid.GRIDS)
def test_every_case_once(name):
    cases = [str(case) for case in grid.cases(name)]
    assert len(cases) == len(set(cases)) > 0


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_meets_every_length_and_width_in_the_standard_grid(cell):
    widths = [size for size in grid.HIDDEN_SIZES if "projection" not in cell or size > 1]
    met = {(case.time, case.hidden) for case in grid.cases("standard") if case.network == cell}
    assert met == set(itertools.product(grid.SEQUENCE_LENGTHS, widths))


@pytest.mark.parametrize("name", ["smoke", "standard"])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_meets_every_regime_and_dtype(network, name):
    cases = [case for case in grid.cases(name) if case.network == network]
    assert {case.regime for case in cases} == set(grid.REGIMES)
    assert {case.dtype for case in cases} == set(grid.DTYPES)
    assert {case.batch for case in cases} == set(grid.BATCH_SIZES)


def test_the_full_grid_is_the_whole_product_for_every_cell():
    sizes = (grid.SEQUENCE_LENGTHS, grid.HIDDEN_SIZES, grid.BATCH_SIZES, grid.DTYPES, grid.REGIMES)
    cases = [case for case in grid.cases("full") if case.network == "lstm"]
    assert len(cases) == len(list(itertools.product(*sizes))) == 1280


def test_the_sizes_a_user_asks_for_are_the_sizes_run():
    cases = list(grid.cases("standard", sequence_lengths=[4], hidden_sizes=[7, 9], cells=["gru"], dtypes=["float32"]))
    assert {(case.time, case.hidden, case.dtype) for case in cases} == {(4, 7, "float32"), (4, 9, "float32")}
    assert {NETWORKS[case.network].options["cell"] for case in cases} == {"gru"}


@pytest.mark.parametrize("network", NETWORKS)
def test_sizes_differ_and_nothing_is_zero_or_constant(network):
    case = Case(network, 7, 3, 4, "float64", "ordinary")  # 4 and 7 are what input and output would have been
    posed = grid.problem(case)
    sizes = [posed.network.input_size, posed.network.hidden_size, 7, 3, *filter(None, [posed.network.output_size])]
    assert len(sizes) == len(set(sizes))
    for name, value in posed.differentiable.items():
        assert np.ptp(value) > 0 and np.abs(value).min() > 0, name
    if posed.d_outputs is not None:
        assert np.abs(posed.d_outputs).min() > 0 and np.abs(posed.d_h_n).min() > 0


def test_a_case_draws_the_same_arrays_every_time_and_others_for_another_seed():
    case = Case("gru", 5, 3, 8, "float64", "ordinary")
    assert np.array_equal(grid.problem(case).x, grid.problem(case).x)
    assert not np.array_equal(grid.problem(case).x, grid.problem(Case("gru", 5, 3, 8, "float64", "ordinary", seed=1)).x)


def test_regimes_do_what_they_say():
    def posed(regime):
        return grid.problem(Case("elman", 5, 3, 64, "float64", regime))

    def spectral_radius(regime):
        return np.abs(np.linalg.eigvals(posed(regime).parameters["weight_hh"])).max()

    assert spectral_radius("chaotic") > 2 > spectral_radius("ordinary") > 0.8
    assert np.abs(posed("tiny_weights").parameters["weight_ih"]).max() < 0.05
    assert not posed("zero_state").h_0.any()
