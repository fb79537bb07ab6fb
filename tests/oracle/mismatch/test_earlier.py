"""16×16 against 1×2: a delta that was right and is not any more, and what is said where nothing balances."""

import pytest

from oracle.gradient_check import functions_in, subject_at
from oracle.mismatch import explain
from oracle.mismatch.choices import Choice, Span
from oracle.mismatch.explanation import Explanation
from oracle.mismatch.settled import Outcome, _each
from oracle.returned import NotChecked
from oracle.sizes import points
from oracle.subject import call

ADDER = """
import numpy as np
from oracle import gradient_function


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@gradient_function(W_input="{input} {hidden}", W_hidden="{hidden} {hidden}", W_output="{hidden} {output}")
def adder(p, sizes, rng):
    W_input, W_hidden, W_output = p.W_input, p.W_hidden, p.W_output
    bits = rng.integers(2, size=(sizes.time, len(W_input))).astype(float)
    target = rng.integers(2, size=(sizes.time, W_output.shape[1])).astype(float)
    layer_1, layer_2_deltas, loss = [np.zeros((1, len(W_hidden)))], [], 0.0
    for t in range(sizes.time):
        layer_1.append(sigmoid(bits[t : t + 1] @ W_input + layer_1[-1] @ W_hidden))
        layer_2 = sigmoid(layer_1[-1] @ W_output)
        error = layer_2 - target[t : t + 1]
        loss += 0.5 * np.sum(error**2)
        layer_2_deltas.append(error * layer_2 * (1 - layer_2))
    future = np.zeros((1, len(W_hidden)))
    dWi, dWh, dWo = np.zeros_like(W_input), np.zeros_like(W_hidden), np.zeros_like(W_output)
    for t in reversed(range(sizes.time)):
        X, hidden, prev = bits[t : t + 1], layer_1[t + 1], layer_1[t]
        delta = (layer_2_deltas[t].dot(W_output.T) + future) * hidden * (1 - hidden)
        dWo += hidden.T.dot(layer_2_deltas[t])
        dWh += np.atleast_2d(prev).T.dot(delta)
        dWi += X.T.dot(delta)
        future = delta.dot(W_hidden.T)
    return loss, dict(W_input=dWi, W_hidden=dWh, W_output=dWo)
"""
NUMBERS, NAMES = dict(input=2, hidden=16, output=1), dict(input="input", hidden="hidden", output="output")
CARRY, SLOPE = "        future = delta.dot(W_hidden.T)\n", " * hidden * (1 - hidden)\n"
SHRINKS = "        delta = delta @ W_input.T\n"
SPELLINGS = {
    "rows": (NUMBERS, {CARRY: f"{SHRINKS}        future = delta @ W_hidden.T\n"}),
    "an array of two": (
        NUMBERS, {CARRY: "        delta = np.array([[0.1, 0.2]])\n        future = W_hidden.dot(delta)\n"}
    ),
    "names": (NAMES, {CARRY: f"{SHRINKS}        future = W_hidden.dot(delta)\n"}),
    "numbers": (NUMBERS, {CARRY: f"{SHRINKS}        future = W_hidden.dot(delta)\n"}),
    "in its own line": (
        NUMBERS, {SLOPE: "\n        delta = (delta * hidden * (1 - hidden)).dot(W_input.T)\n"}
    ),
}  # fmt: skip


@pytest.fixture
def said(tmp_path):
    """From the declared sizes and what is changed to what is said."""

    def of(sizes, changes, program=ADDER):
        for old, new in changes.items():
            assert program.count(old) == 1
            program = program.replace(old, new)
        path = tmp_path / "adder.py"
        path.write_text(program.format(**sizes))
        (function,) = functions_in(str(path)).values()
        case, other, *_ = points(function.shapes)
        subject, its_sizes = subject_at(function, case)
        with pytest.raises(NotChecked) as caught:
            call(subject, subject.parameters)
        return explain(subject, caught.value, function.shapes, its_sizes, lambda: subject_at(function, other))

    return of


def test_rows_line_by_line(said):
    assert str(said(*SPELLINGS["rows"])).splitlines() == [
        "adder.py:31 in adder",
        "    future = delta @ W_hidden.T",
        "             ^^^^^^^^^^^^^^^^^^",
        "        delta       (1, 2)    1, 2    <- expected (1, 16), left it at line 30",
        "        W_hidden.T  (16, 16)  16, 16",
        "    inner axes differ: 2 against 16",
        "    wanted: future (1, 16), the shape that it has",
        "    the product that balances: delta @ W_hidden.T   (1, 16) @ (16, 16)",
        "    by size delta @ W_hidden fits as well, because W_hidden is square; "
        "backward it is transposed, as the forward pass has layer_1[-1] @ W_hidden",
        "    only the values tell the two apart: check the gradient again",
        "    there with the delta of line 26, (1, 16)",
        "    the first line at which a shape is odd: adder.py:30 in adder",
        "        delta = delta @ W_input.T",
        "        delta was (1, 16) since line 26, and became (1, 2)",
        "        mend it first: what comes after follows from it",
    ]


def test_names_line_by_line(said):
    assert str(said(*SPELLINGS["names"])).splitlines() == [
        "adder.py:31 in adder",
        "    future = W_hidden.dot(delta)",
        "             ^^^^^^^^^^^^^^^^^^^",
        "        W_hidden  (4, 4)  hidden=4, hidden=4",
        "        delta     (1, 6)  1, input=6          <- expected (1, hidden), left it at line 30",
        "    inner axes differ: hidden=4 against 1",
        "    wanted: future (1, hidden), the shape that it has",
        "    the product that balances: delta @ W_hidden.T   (1, hidden) @ (hidden, hidden)",
        "    by size delta @ W_hidden fits as well, because W_hidden is square; "
        "backward it is transposed, as the forward pass has layer_1[-1] @ W_hidden",
        "    only the values tell the two apart: check the gradient again",
        "    there with the delta of line 26, (1, hidden)",
        "    the first line at which a shape is odd: adder.py:30 in adder",
        "        delta = delta @ W_input.T",
        "        delta was (1, hidden) since line 26, and became (1, input)",
        "        mend it first: what comes after follows from it",
    ]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_line_that_made_delta_what_it_is(said, spelling):
    sizes, changes = SPELLINGS[spelling]
    found = said(sizes, changes)
    (product,) = found.products
    hidden, input = sizes["hidden"], sizes["input"]
    assert product[0] == ("prev.T @ delta" if spelling == "in its own line" else "delta @ W_hidden.T")
    line, since = (27, 26) if spelling == "in its own line" else (30, 26)
    assert found.departed[0] == f"the first line at which a shape is odd: adder.py:{line} in adder"
    assert f"delta was (1, {hidden}) since line {since}, and became (1, {input})" in found.departed[2]


def test_where_nothing_balances_it_says_what_would(said):
    carry = "        future = back(delta @ W_input.T, W_hidden, np.zeros((1, 16)))\n"
    back = """

def back(delta, W_hidden, future):
    future = W_hidden @ delta
    return future


@gradient_function"""
    found = said(NUMBERS, {CARRY: carry, "\n\n@gradient_function": back})
    assert found.products == () and found.departed == ()
    assert found.advice == (
        "no order and no transpose of W_hidden and delta gives (1, 16): "
        "beside W_hidden (16, 16) the other factor should have the axes (1, 16)",
    )


def test_the_gradient_that_is_there_goes_with_the_failing_weight(said):
    found = said(NUMBERS, {CARRY: "        delta_in = delta @ W_input.T\n        future = W_hidden @ delta_in\n"})
    assert found.products == (("delta @ W_hidden.T", "(1, 16) @ (16, 16)"),)
    assert "with delta @ W_hidden.T every gradient agrees" in found.advice[-1]


def test_an_argument_that_is_bound_again(said):
    carry = "        future = back(delta, W_input, W_hidden, np.zeros((1, 16)))\n"
    back = """

def back(delta, W_input, W_hidden, future):
    delta = delta @ W_input.T
    future = delta @ W_hidden.T
    return future


@gradient_function"""
    found = said(NUMBERS, {CARRY: carry, "\n\n@gradient_function": back})
    assert found.departed[1] == "    delta = delta @ W_input.T"
    assert found.departed[2] == "    delta was (1, 16) since line 10, and became (1, 2)"


def test_what_a_loop_binds(said):
    change = {
        CARRY: "        for delta_h in [delta]:\n"
        "            delta_h = delta_h @ W_input.T\n"
        "            future = W_hidden @ delta_h\n"
    }
    assert "delta_h was (1, 16) since line 30, and became (1, 2)" in said(NUMBERS, change).departed[2]


def test_element_by_element(said):
    found = said(NAMES, {SLOPE: "\n        delta = delta.dot(W_input.T)\n        delta = delta * (1 - hidden)\n"})
    assert "delta was (1, hidden) since line 26, and became (1, input)" in found.departed[2]


def test_the_weights_of_one_output_are_no_bias(said):
    found = said(NUMBERS, {"hidden.T.dot(layer_2_deltas[t])": "np.dot(hidden, layer_2_deltas[t])"})
    assert found.products == (("hidden.T @ layer_2_deltas[t]", "(16, 1) @ (1, 1)"),)
    assert found.advice == ("with it every gradient agrees",)


def test_the_failing_operands_are_proposed_whatever_their_names(said):
    misnamed = ADDER.replace("layer_2_deltas", "outputs").replace("error", "dmiss")
    found = said(NAMES, {"hidden.T.dot(outputs[t])": "np.dot(hidden, outputs[t])"}, misnamed)
    assert [text for text, _ in found.products] == ["hidden.T @ outputs[t]"]
    assert "with hidden.T @ outputs[t] every gradient agrees" in found.advice[-1]


def test_no_gradient_of_another_weight(said):
    found = said(NUMBERS, {CARRY: "        d_in = delta @ W_input.T\n        future = d_in @ W_hidden\n"})
    assert not any("dW" in text for text, _ in found.products)


def test_of_several_products_none_may_be_right():
    span = Span("adder.py", "BinOp", (1, 0, 1, 1))
    outcomes = {Choice(text, "", span, True): Outcome(agreeing=("b",), wrong=("W",)) for text in ("a @ b", "c @ d")}

    def said(*products):
        return _each(outcomes, Explanation("adder.py:1", 1, (), "", (), (), products=products))

    several = said(("a @ b", ""), ("c @ d", ""))
    assert several.endswith("either none of them is right, or something else is wrong as well")
    assert said(("a @ b", "")).endswith("something else is wrong as well, and hides which of them is right")
