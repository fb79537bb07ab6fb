"""Which statements are suspicious beside the first wrong ones."""

import ast
from dataclasses import replace

import numpy as np

from oracle.annotation.matching import Matcher, of_some_uses
from oracle.annotation.recording import VALUE, Site
from oracle.annotation.truths import EDGE, NODE, Truth
from oracle.repair.locally import Moment, promising
from oracle.repair.suspicion import carries
from tests.oracle.repair.conftest import definition_of
from tests.oracle.repair.test_templates import edits_of

METHOD = """
def backward(self):
    for t in range(3):
        da = self.dh_next * self.z[t]
        self.dW += self.x[t].T @ da
        self.dh_next = da @ self.R.T
"""


def test_all_that_a_class_computes_is_not_what_it_carries():
    definition = definition_of(METHOD)
    (loop,) = [one for one in ast.walk(definition.statement) if isinstance(one, ast.For)]
    first, _, carried = loop.body
    assert set(carries([first], [definition])) - {first} == {carried}


def test_an_adjoint_already_is_no_promise():
    """carry + dh is dh where the carry is still zero."""
    definition, edits = edits_of("def backward():\n    da = dh\n    carry = da\n    return da\n")
    statement = definition.statement.body[0]
    dh = np.arange(12.0).reshape(3, 4) + 1
    variables = {"np": np, "dh": dh, "carry": np.zeros((3, 4)), "dz": 2 * dh}
    site = Site(0, statement, "value", None, VALUE, "da", definition, statement)
    matcher = Matcher([dh, 2 * dh])

    def texts(is_right: bool) -> set[str]:
        moment = Moment("rnn.py", 0, site, is_right, variables)
        found = promising([one for one in edits if one.statement is statement], {statement: moment}, matcher)
        return {ast.unparse(one.value) for one in found if isinstance(one.value, ast.expr)}

    assert {"dh + carry", "dz"} <= texts(False)
    assert "dz" in texts(True)
    assert "dh + carry" not in texts(True)


def test_some_of_the_uses_of_a_value():
    """Of four gates that read a state, what two and three of them give back."""
    value, rng = np.ones((3, 4)), np.random.default_rng(0)
    uses = [Truth(EDGE, rng.normal(size=(3, 4)), value, "", "rnn.py", 1, 0, order) for order in range(4)]
    found = Matcher([one.adjoint for one in of_some_uses(uses)])
    for some in ((0, 1), (1, 3), (0, 2, 3)):
        assert found.match(sum(uses[k].adjoint for k in some)) is not None
    whole = sum(one.adjoint for one in uses)
    assert found.match(whole) is not None  # the matrix is read four times: no value has the whole
    node = replace(uses[0], kind=NODE, adjoint=whole)
    assert Matcher([one.adjoint for one in of_some_uses([*uses, node])]).match(whole) is None
    twice = Matcher([one.adjoint for one in of_some_uses([*uses[:2], uses[0]])])  # an alias is no further use
    assert twice.match(2 * uses[0].adjoint) is None and twice.match(2 * uses[0].adjoint + uses[1].adjoint) is None
    assert twice.match(uses[0].adjoint + uses[1].adjoint) is not None
