"""One plain run recorded: what each value was made from."""

import ast

from oracle.annotation.events import recorded
from oracle.annotation.matching import Weights
from tests.oracle.annotation.programs import ONE_FUNCTION, TWO_FUNCTIONS


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
