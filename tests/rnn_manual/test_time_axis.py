"""Stacking the steps, cutting them into blocks, and holding the state of a sample that has ended."""

import numpy as np
import pytest

from oracle import grid
from oracle.problem import hand_written
from rnn_manual import time_axis
from rnn_manual.time_axis import blocks_from_the_end, flatten_time, hold, release, steps_per_block

VALID = np.array([[True], [False], [True]])


def test_flatten_time_puts_the_steps_one_below_the_other():
    steps = np.arange(5 * 3 * 4).reshape(5, 3, 4).astype(float)
    rows = flatten_time(steps)
    assert rows.shape == (15, 4)
    np.testing.assert_array_equal(rows[2 * 3 + 1], steps[2, 1])


def test_blocks_cover_every_step_once_from_the_end():
    assert list(blocks_from_the_end(5, 2)) == [slice(3, 5), slice(1, 3), slice(0, 1)]
    assert list(blocks_from_the_end(5, 5)) == [slice(0, 5)]
    assert list(blocks_from_the_end(1, 1)) == [slice(0, 1)]


def test_a_block_has_at_least_one_step_and_at_most_all():
    assert steps_per_block(5, time_axis.BLOCK // 3) == 3
    assert steps_per_block(5, 2 * time_axis.BLOCK) == 1
    assert steps_per_block(5, 1) == 5


@pytest.mark.parametrize("numbers", [1, 40])
@pytest.mark.parametrize("name", [name for name in grid.NETWORKS if name in grid.CELLS or "truncated" in name])
def test_the_size_of_a_block_does_not_matter(monkeypatch, name, numbers):
    """At the sizes of a test everything is one block; so here a block is one step, or two with a shorter first one."""
    p = grid.problem(grid.Case(name, time=5, batch=3, hidden=6, dtype="float64", regime="ordinary"))
    loss, expected = hand_written(p)
    monkeypatch.setattr(time_axis, "BLOCK", numbers)
    assert steps_per_block(5, 3 * 6) == {1: 1, 40: 2}[numbers]
    found_loss, found = hand_written(p)
    assert found_loss == loss
    for key, gradient in expected.items():
        atol = 1e-14 * np.abs(gradient).max()
        np.testing.assert_allclose(found[key], gradient, rtol=0, atol=atol, err_msg=key)


def test_hold_keeps_the_previous_state_of_what_has_ended():
    state, previous = np.full((3, 2), 7.0), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    hold(state, previous, VALID)
    assert state.tolist() == [[7, 7], [3, 4], [7, 7]]


def test_hold_keeps_out_what_is_no_number():
    state = np.array([[1.0], [np.nan], [1.0]])
    hold(state, np.zeros((3, 1)), VALID)
    assert state.tolist() == [[1], [0], [1]]


def test_release_is_the_transpose_of_hold():
    """hold is linear in (state, previous); <u, hold(s, p)> = <released, s> + <held, p> for every u."""
    rng = np.random.default_rng(0)
    state, previous, upstream = rng.normal(size=(3, 3, 2))
    held_state = state.copy()
    hold(held_state, previous, VALID)
    d_state = upstream.copy()
    d_previous = release(d_state, VALID)
    assert not np.shares_memory(d_state, d_previous)
    np.testing.assert_allclose(
        np.vdot(upstream, held_state), np.vdot(d_state, state) + np.vdot(d_previous, previous), rtol=1e-14
    )
