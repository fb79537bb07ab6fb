"""One plain run recorded: what each value was made from."""

import ast

import numpy as np

from oracle.annotation.events import recorded
from oracle.annotation.matching import Weights
from tests.oracle.annotation.programs import ONE_FUNCTION, TWO_FUNCTIONS
from tests.oracle.repair.programs import IN_PLACE, planted


def run(examined, text):
    subject, definitions, _ = examined(text)
    return recorded(subject, definitions, Weights())


def line_of(text, wanted):
    return next(number for number, line in enumerate(text.splitlines(), 1) if line.strip() == wanted)


def test_a_name_was_made_where_it_was_assigned(examined):
    events = run(examined, ONE_FUNCTION).events
    added = line_of(ONE_FUNCTION, "dW += x[t].T @ da")
    read = next(one for one in events if one.line == added and ast.unparse(one.site.node) == "da")
    assert [one.line for one in read.sources] == [line_of(ONE_FUNCTION, "da = dh * (1 - h[t] ** 2)")]


def test_a_gradient_was_made_by_what_was_added_to_it(examined):
    sources = run(examined, TWO_FUNCTIONS).sources["W"]
    assert {one.line for one in sources} == {line_of(TWO_FUNCTIONS, 'grads["W"] += dW')}
    assert len(sources) == 5


def test_the_tree_is_as_it_was(examined):
    subject, definitions, _ = examined(ONE_FUNCTION)
    first, again = (recorded(subject, definitions, Weights()).events for _ in range(2))
    assert [one.number for one in first] == [one.number for one in again]


def test_what_is_written_to_a_part_is_written_to_the_whole(examined):
    """dz, dn = deltas[t, :, :H], deltas[t, :, H:]; np.multiply(..., out=dz); flat = deltas.reshape(...)"""
    events = run(examined, IN_PLACE).events
    read = next(
        one
        for one in events
        if one.line == line_of(IN_PLACE, "flat = deltas.reshape(T * B, 2 * H)")
        and ast.unparse(one.site.node) == "deltas"
    )
    assert {ast.unparse(one.site.node)[:14] for one in read.sources} == {"np.empty((T, B", "np.multiply(dh"}
    assert not read.exact


def test_what_is_left_in_memory_is_not_seen(examined):
    """np.empty may give the very array that an earlier run has filled with the right values."""
    text = planted(IN_PLACE, ("    dh = np.zeros((B, H))\n", "    dh = np.empty((B, H))\n"))
    for _ in range(3):
        events = run(examined, text).events
        made = [one for one in events if ast.unparse(one.site.node).startswith("np.empty")]
        assert made and not any(one.value.any() for one in made)
    assert np.empty is not np.zeros
