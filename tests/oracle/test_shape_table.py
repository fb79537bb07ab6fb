"""The shapes of a run, line by line, by the names of the axes."""

import textwrap

import pytest

from oracle.child import check_isolated
from oracle.gradient_check import functions_in
from oracle.presentation.shapes_text import shapes_in_words
from oracle.shape_table import shape_table

PROGRAM = """
    import numpy as np
    from oracle import gradient_function

    class Layer:
        def forward(self, W, xs, h):
            self.hs = {-1: h}
            for t in range(len(xs)):
                self.hs[t] = np.tanh(
                    W @ self.hs[t - 1]
                    + xs[t]
                )
            return sum(h.sum() for t, h in self.hs.items() if t >= 0)

        def backward(self, W, T):
            dW, carry = np.zeros_like(W), 0
            for t in reversed(range(T)):
                delta = (1 + carry) * (1 - self.hs[t] ** 2)
                dW += delta @ self.hs[t - 1].T
                carry = W.T @ delta
            return dW

    @gradient_function(W="hidden hidden")
    def elman(p, sizes, rng):
        calls.append(1)
        xs = rng.normal(size=(sizes.time, sizes.hidden, sizes.batch))
        layer = Layer()
        loss = layer.forward(p.W, xs, rng.normal(size=(sizes.hidden, sizes.batch)))
        buffer = np.zeros((sizes.time + 1, sizes.hidden))
        parts = [xs[0], xs]
        for part in parts:
            seen = part
        return loss, dict(W=layer.backward(p.W, sizes.time))

    calls = []
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "check_layer.py"
    path.write_text(textwrap.dedent(PROGRAM))
    return path


def test_every_assignment_of_an_array_by_the_names_of_its_axes(path):
    rows = shape_table(functions_in(path)["elman"])
    told = {(row.function, target): axes for row in rows for target, _, axes in row.assigned}
    assert told == {
        ("forward", "self.hs[t]"): "(hidden, batch)",
        ("backward", "dW"): "(hidden, hidden)",
        ("backward", "delta"): "(hidden, batch)",
        ("backward", "carry"): "(hidden, batch)",
        ("elman", "xs"): "(time, hidden, batch)",
        ("elman", "buffer"): "(time+1, hidden)",
        ("elman", "seen"): "(time, hidden, batch)",
    }
    lines = path.read_text().splitlines()
    assert all(row.source == lines[row.line - 1].strip() for row in rows), "several lines are told of by their first"


def test_a_variable_that_has_two_shapes_has_two_entries(path):
    (seen,) = [row for row in shape_table(functions_in(path)["elman"]) if row.source == "seen = part"]
    assert [(shape, axes) for _, shape, axes in seen.assigned] == [
        ("(7, 3)", "(hidden, batch)"),
        ("(5, 7, 3)", "(time, hidden, batch)"),
    ]


def test_the_function_runs_once(path):
    function = functions_in(path)["elman"]
    shape_table(function)
    assert len(function.function.__globals__["calls"]) == 1


def test_as_text_from_the_child(path):
    lines = list(shapes_in_words(check_isolated(path, "elman", shapes=True).shapes))
    assert lines[0] == "check_layer.py in elman"
    assert "check_layer.py in backward" in lines
    (carry,) = [line for line in lines if "carry = W.T @ delta" in line]
    assert carry.split() == "20 carry = W.T @ delta carry (7, 3) (hidden, batch)".split()
    assert check_isolated(path, "elman").shapes == ()
