"""Slices, stacks, sums and single steps of the adjoints."""

import numpy as np
import pytest

from oracle.annotation.matching import Matcher, distinct, matcher_of, without_negatives
from oracle.annotation.truths import BLOCK, CONTRIBUTION, EDGE, NODE, SLICE, STACK, SUM
from tests.oracle.annotation.programs import ALL_STEPS_FORWARD, JOINED, ONE_FUNCTION
from tests.oracle.repair.programs import IN_PLACE


def total(parts):
    return sum(part.adjoint for part in parts)


def test_contributions_sum_to_the_gradient(examined):
    _, _, truths = examined(ONE_FUNCTION)
    for name, gradient in truths.gradients.items():
        mine = [one for one in truths.every if one.kind == CONTRIBUTION and one.parameter == name and one.index is None]
        assert len(mine) == 5
        np.testing.assert_allclose(total(mine), gradient, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("axis", "size"), [(0, 5), (1, 3)])
def test_one_product_is_cut_into_steps_and_samples(examined, axis, size):
    _, _, truths = examined(ALL_STEPS_FORWARD)
    parts = [one for one in truths.every if one.parameter == "W" and one.index and one.index[0] == axis]
    assert len(parts) == size
    np.testing.assert_allclose(total(parts), truths.gradients["W"], rtol=0, atol=1e-12)


def test_steps_are_stacked_in_time_order(examined):
    _, _, truths = examined(ONE_FUNCTION)
    stack = next(one for one in truths.every if one.kind == STACK and one.operation == "tanh")
    nodes = [one for one in truths.every if one.kind == NODE and one.operation == "tanh"]
    assert stack.adjoint.shape == (5, *nodes[0].adjoint.shape)
    for step, node in zip(stack.adjoint, nodes, strict=True):
        np.testing.assert_array_equal(step, node.adjoint)


def test_slices_and_sums_of_what_has_three_axes(examined):
    _, _, truths = examined(ALL_STEPS_FORWARD)
    node = next(one for one in truths.every if one.kind == NODE and one.operation == "tanh")
    matcher = matcher_of([one for one in truths.every if one.kind in (SLICE, SUM)])
    assert matcher.match(node.adjoint[2]) is not None
    assert matcher.match(node.adjoint[:, 1]) is not None
    assert matcher.match(node.adjoint[2].sum(axis=0)) is not None
    assert matcher.match(node.adjoint[2] * 1.01) is None


def test_all_that_match_and_in_which_order():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3, 3))
    matcher = Matcher([a, a.copy(), rng.normal(size=(3, 3))])
    assert sorted(matcher.find_all(9, matcher.weights.number_of(a))) == [(0, False), (1, False)]
    assert sorted(matcher.find_all(9, matcher.weights.number_of(a.T))) == [(0, True), (1, True)]
    assert matcher.find_all(9, matcher.weights.number_of(a + 1e-3)) == []
    assert matcher.find_all(4, 0.0) == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_matches_nothing_and_does_not_warn(bad):
    matcher = Matcher([np.ones(3)])
    assert matcher.match(np.ones(3)) == 0
    assert matcher.match(np.array([1, bad, 1])) is None
    assert matcher.match(np.array([-bad, bad, 1])) is None
    assert matcher.find_all(3, matcher.weights.number_of(np.array([1, bad, 1]))) == []


def test_the_adjoint_of_a_target_is_left_out(examined):
    _, _, truths = examined(ONE_FUNCTION)
    error = next(one for one in truths.every if one.kind == NODE and one.operation == "sub")
    assert matcher_of(truths.every).match(-error.adjoint) is not None
    kept = without_negatives(truths.every)
    assert matcher_of(kept).match(-error.adjoint) is None
    assert matcher_of(kept).match(error.adjoint) is not None
    assert sum(one.kind == NODE for one in kept) == sum(one.kind == NODE for one in truths.every)


def test_of_one_adjoint_only_the_first(examined):
    _, _, truths = examined(ONE_FUNCTION)
    node = next(one for one in truths.every if one.kind == NODE)
    assert distinct([node, node]) == [node]
    assert len(distinct(truths.every)) < len(truths.every)


def test_what_was_joined_gets_its_part_of_each_use(examined):
    _, _, truths = examined(JOINED)
    uses = [one for one in truths.every if one.kind == EDGE and one.operation == "matmul" and one.value.ndim == 2]
    whole = max(uses, key=lambda one: (len(one.value), one.order))
    heights = {len(one.value) for one in uses if one.order == whole.order}
    assert len(heights) == 3 and sum(heights) == 2 * max(heights)


def test_gates_that_are_computed_together_one_by_one(examined):
    """The product of all gates has no part for each of them, only their outputs have."""
    _, _, truths = examined(IN_PLACE)
    wide = max(one.adjoint.shape[-1] for one in truths.every if one.kind == NODE and one.adjoint.ndim == 2)
    node = next(one for one in truths.every if one.kind == NODE and one.adjoint.shape[1:] == (wide,))
    matcher = matcher_of([one for one in truths.every if one.kind == BLOCK])
    for half in (node.adjoint[:, : wide // 2], node.adjoint[:, wide // 2 :]):
        assert matcher.match(half) is not None
    assert matcher.match(node.adjoint[:, 1 : 1 + wide // 2]) is None
