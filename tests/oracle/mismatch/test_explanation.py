"""Whole explanations line by line, the first odd line, and what must not happen on the way."""

import gc
import json
import sys
import time

import numpy as np
import pytest

from oracle import mismatch
from oracle.gradient_check import functions_in, subject_at
from oracle.mismatch import explain, explanation, record, trace
from oracle.mismatch.explanation import explanation_of
from oracle.returned import NotChecked
from oracle.sizes import points
from oracle.subject import Subject, call

BINARY = """
@gradient_function(W_xh="input hidden", W_hh="hidden hidden", W_hy="hidden 1")
def rnn(p, sizes, rng):
    W_xh, W_hh, W_hy = p.W_xh, p.W_hh, p.W_hy
    x = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    y = rng.normal(size=(sizes.time, sizes.batch, 1))
    states = [np.zeros((sizes.batch, sizes.hidden))]
    outputs = []
    for t in range(sizes.time):
        h_prev = states[-1]
        states.append(np.tanh(x[t] @ W_xh + h_prev @ W_hh))
        outputs.append(states[-1] @ W_hy)
    dW_hh = np.zeros_like(W_hh)
    for t in reversed(range(sizes.time)):
        h, h_prev = states[t + 1], states[t]
        delta = (outputs[t] - y[t]) @ W_hy.T * (1 - h**2)
        delta_hidden = delta @ W_xh.T
        dW_hh += delta_hidden @ W_hh.T
    return 0.0, dict(W_hh=dW_hh)
"""

EIGHT = """
@gradient_function(W="hidden input", b="hidden", V="output hidden")
def column(p, sizes, rng):
    x, y = rng.normal(size=(sizes.input, 1)), rng.normal(size=(sizes.output, 1))
    z = p.b + p.W @ x
    h = np.tanh(z)
    do = p.V @ h - y
    dz = p.V.T @ do * (1 - h**2)
    dW = np.zeros_like(p.W)
    dW += dz @ x.T
    return 0.0, dict(W=dW)
"""

CARRIED = """
@gradient_function(R="hidden hidden", V="output hidden")
def carried(p, sizes, rng):
    h, y = rng.normal(size=(sizes.hidden, 1)), rng.normal(size=(sizes.output, 1))
    carry = np.zeros_like(h)
    dR = np.zeros_like(p.R)
    for t in reversed(range(sizes.time)):
        total = p.V.T @ y + carry
        step = total * (1 - h**2)
        dR += step @ h.T
        carry = step.T @ p.R
    return 0.0, dict(R=dR)
"""


def load(tmp_path, program):
    path = tmp_path / "program.py"
    path.write_text("import numpy as np\nfrom oracle import gradient_function\n" + program)
    return next(iter(functions_in(str(path)).values()))


def raised(function, point):
    """The subject, its sizes and what it raises."""
    subject, sizes = subject_at(function, point)
    with pytest.raises(NotChecked) as caught:
        call(subject, subject.parameters)
    return subject, sizes, caught.value


def test_sixteen_by_sixteen_against_one_by_two(tmp_path):
    function = load(tmp_path, BINARY)
    point = points(function.shapes)[0].with_sizes(time=8, batch=1, input=2, hidden=16)
    subject, sizes, error = raised(function, point)
    other = points(function.shapes)[0]
    found = explanation_of(subject, error, function.shapes, sizes, lambda: subject_at(function, other))
    assert str(found).splitlines() == [
        "program.py:20 in rnn",
        "    dW_hh += delta_hidden @ W_hh.T",
        "             ^^^^^^^^^^^^^^^^^^^^^",
        "        delta_hidden  (1, 2)    batch=1, input=2      <- expected (batch, hidden), left it at line 19",
        "        W_hh.T        (16, 16)  hidden=16, hidden=16",
        "    inner axes differ: input=2 against hidden=16",
        "    wanted: dW_hh (hidden, hidden), the shape of W_hh",
        "    the product that balances: h_prev.T @ delta_hidden   (hidden(t-1), batch) @ (batch, hidden(t))",
        "    by size delta_hidden.T @ h_prev fits as well; "
        "by meaning W_hh is (hidden(t-1), hidden(t)), as in h_prev @ W_hh",
        "    only the values tell the two apart: check the gradient again",
        "    the first line at which a shape is odd: program.py:19 in rnn",
        "        delta_hidden = delta @ W_xh.T",
        "        delta_hidden became (batch, input); by its name it has an axis hidden",
        "        mend it first: what comes after follows from it",
    ]


def test_two_arrays_that_make_a_shape_of_their_own(explained):
    assert str(explained(EIGHT)).splitlines() == [
        "program.py:12 in column",
        "    dW += dz @ x.T",
        "          ^^^^^^^^",
        "        dz   (6, 6)  hidden=6, hidden=6  <- its shape is odd since line 7",
        "        x.T  (1, 4)  1, input=4",
        "    inner axes differ: hidden=6 against 1",
        "    wanted: dW (hidden, input), the shape of p.W",
        "    the first line at which a shape is odd: program.py:7 in column",
        "        z = p.b + p.W @ x",
        "        (hidden,) + (hidden, 1) made (hidden, hidden), which neither of them is",
        "        mend it first: what comes after follows from it",
    ]


def test_a_shape_that_changes_from_step_to_step(explained):
    assert str(explained(CARRIED)).splitlines()[-4:] == [
        "    the first line at which a shape is odd: program.py:13 in carried",
        "        carry = step.T @ p.R",
        "        carry was (hidden, 1) since line 7, and became (1, hidden)",
        "        mend it first: what comes after follows from it",
    ]


def test_an_axis_given_on_purpose_is_not_odd(explained):
    found = explained(
        """
@gradient_function(w="input", v="hidden")
def meant(p, sizes, rng):
    table = p.w[:, None] * p.v[None, :]
    return table @ p.w, {}
"""
    )
    assert found.departed == () and found.clash == ("inner axes differ: hidden=4 against input=6", *found.clash[1:])


def test_outer_flattens(explained):
    found = explained(
        """
@gradient_function(W="input hidden", R="hidden hidden")
def flat(p, sizes, rng):
    x, d = rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.hidden))
    table = np.outer(x, d)
    return x @ table, {}
"""
    )
    assert found.departed[-2] == (
        "    np.outer laid (batch, input) and (batch, hidden) flat and made (batch*input, batch*hidden)"
    )


def test_a_helper_module(explained):
    program = """
@gradient_function(W="input hidden")
def helped(p, sizes, rng):
    x, dz = rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.hidden))
    return 0.0, dict(W=load("helper.py").weight_gradient(x, dz))
"""
    found = explained(program, helper="def weight_gradient(a, d):\n    return (a\n        @ d)\n")
    assert str(found).splitlines()[:7] == [
        "helper.py:2 in weight_gradient",
        "    return (a",
        "            ^",
        "        @ d)",
        "        ^^^",
        "        a  (3, 6)  batch=3, input=6",
        "        d  (3, 4)  batch=3, hidden=4",
    ]
    assert found.products == (("a.T @ d", "(input, batch) @ (batch, hidden)"),)


def test_a_notebook(explained, tmp_path):
    cell = {"cell_type": "code", "metadata": {}, "source": "def forward(W, x):\n    return W @ x", "outputs": []}
    cell |= {"execution_count": None, "id": "one"}
    text = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    (tmp_path / "cells.ipynb").write_text(text)
    found = explained(
        """
@gradient_function(W="input hidden")
def cells(p, sizes, rng):
    return load("cells.ipynb").forward(p.W, rng.normal(size=(sizes.batch, sizes.input))), {}
"""
    )
    assert found.place == "cells.ipynb, cell 1:2 in forward" and found.failing == "W @ x"
    assert found.products == (("x @ W", "(batch, input) @ (input, hidden)"),)


def test_python_2_has_its_line_though_no_mark(explained, tmp_path):
    (tmp_path / "old.py").write_text("def forward(W, x):\n    print 'forward'\n    return W.dot(x)\n")
    found = explained(
        """
@gradient_function(W="input hidden")
def old(p, sizes, rng):
    return load("old.py").forward(p.W, rng.normal(size=(sizes.batch, sizes.input))), {}
"""
    )
    assert str(found).splitlines() == [
        "old.py:3 in forward",
        "    return W.dot(x)",
        "        W  (6, 4)  input=6, hidden=4",
        "        x  (3, 6)  batch=3, input=6",
        "    inner axes differ: hidden=4 against batch=3",
        "    the product that balances: x @ W   (batch, input) @ (input, hidden)",
    ]


def test_arrays_that_are_not_watched(explained):
    """zeros and dot imported by name are NumPy's own."""
    found = explained(
        """
from numpy import dot, zeros

@gradient_function(W="input hidden")
def plain(p, sizes, rng):
    x, dz = zeros((sizes.batch, sizes.input)), zeros((sizes.batch, sizes.hidden))
    dW = dot(x, dz)
"""
    )
    assert found.failing == "dot(x, dz)" and found.products[0][0] == "x.T @ dz"


def test_what_is_raised_from_it(explained):
    found = explained(
        """
@gradient_function(W="input hidden")
def wrapped(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    try:
        return p.W @ x, {}
    except ValueError as error:
        raise RuntimeError("the forward pass failed") from error
"""
    )
    assert found.place == "program.py:8 in wrapped" and found.failing == "p.W @ x"


@pytest.mark.parametrize(
    "body",
    [
        'raise ValueError("shapes are wrong")',
        "return p.Wx, {}",
        "return {}[0], {}",
        "a, b = p.W\n    return 0, {}",
        "return np.log('x'), {}",
        "return p.W - np, {}",
        "return int('x'), {}",
        "return [1, 2][sizes.time], {}",
    ],
)
def test_nothing_is_said_of_other_errors(explained, body):
    assert explained(f'@gradient_function(W="input hidden")\ndef other(p, sizes, rng):\n    {body}\n') is None


def test_no_call_is_evaluated_twice_in_a_run(tmp_path, capfd):
    function = load(
        tmp_path,
        """
COUNT = []

@gradient_function(W="input hidden")
def counted(p, sizes, rng):
    def x():
        COUNT.append(1)
        print("called")
        return rng.normal(size=(sizes.batch, sizes.input))
    return p.W @ x(), {}
""",
    )
    subject, sizes, error = raised(function, points(function.shapes)[0])
    count = function.function.__globals__["COUNT"]
    assert len(count) == 1
    found = explanation_of(subject, error, function.shapes, sizes)
    assert len(count) == 2  # the explanation run
    assert [one.text for one in found.operands] == ["p.W", "x()"]
    assert capfd.readouterr().out == "called\n"  # and what it prints is not printed again


def test_the_exception_stays_as_it_is(tmp_path):
    function = load(tmp_path, EIGHT)
    subject, sizes, error = raised(function, points(function.shapes)[0])
    before = str(error), error.__cause__, error.__cause__.__traceback__
    explain(subject, error, function.shapes, sizes)
    assert (str(error), error.__cause__, error.__cause__.__traceback__) == before


def test_everything_is_given_back(tmp_path):
    function = load(tmp_path, EIGHT.replace("z = p.b", "z = 0 * np.random.randn(1) + p.b"))
    subject, sizes, error = raised(function, points(function.shapes)[0])
    state = np.random.get_state()[1].copy()
    before = np.zeros, np.array, np.random.randn, sys.gettrace(), sys.stdout
    kept = {name: array.copy() for name, array in subject.parameters.items()}
    assert explain(subject, error, function.shapes, sizes) is not None
    assert (np.zeros, np.array, np.random.randn, sys.gettrace(), sys.stdout) == before
    assert np.array_equal(np.random.get_state()[1], state)
    assert record.CURRENT.get() is None
    assert all(np.array_equal(kept[name], array) for name, array in subject.parameters.items())


def test_what_goes_wrong_here_costs_the_explanation_only(tmp_path, monkeypatch):
    function = load(tmp_path, EIGHT)
    subject, sizes, error = raised(function, points(function.shapes)[0])
    monkeypatch.setattr(explanation, "clash", lambda *args: 1 / 0)
    assert explain(subject, error, function.shapes, sizes) is None
    with pytest.raises(ZeroDivisionError):
        explanation_of(subject, error, function.shapes, sizes)


def test_a_long_run_is_not_run_to_its_end_again(tmp_path, monkeypatch):
    function = load(
        tmp_path,
        """
@gradient_function(W="input hidden")
def long(p, sizes, rng):
    for t in range(100_000):
        y = t
    x = rng.normal(size=(sizes.batch, sizes.input))
    return p.W @ x, {}
""",
    )
    subject, sizes, error = raised(function, points(function.shapes)[0])
    monkeypatch.setattr(explanation, "SECONDS", 0.001)
    monkeypatch.setattr(trace, "MOST_LINES", 10**9)
    assert explanation._run(subject, error.__cause__, {}) is None
    found = explanation_of(subject, error, function.shapes, sizes)
    assert found.failing == "p.W @ x" and [one.shape for one in found.operands] == [(6, 4), (3, 6)]


def test_another_way_the_second_time(tmp_path):
    """Code that keeps something from call to call may not raise again: its own frames tell what they can."""
    function = load(
        tmp_path,
        """
DONE = []

@gradient_function(W="input hidden")
def once(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    if not DONE:
        DONE.append(1)
        return p.W @ x, {}
    return 0.0, {}
""",
    )
    subject, sizes, error = raised(function, points(function.shapes)[0])
    found = explanation_of(subject, error, function.shapes, sizes)
    assert found.failing == "p.W @ x" and found.clash == ("inner axes differ: hidden=4 against batch=3",)


def test_sizes_that_coincide_are_told_apart_at_others(tmp_path):
    program = """
@gradient_function(W="input hidden")
def same(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    dz = rng.normal(size=(sizes.batch, sizes.hidden + 1))
    return dz @ x, {}
"""
    function = load(tmp_path, program)
    here, there = points(function.shapes)[:2]
    here = here.with_sizes(batch=3, input=7, hidden=3)
    subject, sizes, error = raised(function, here)
    alone = explanation_of(subject, error, function.shapes, sizes)
    assert alone.operands[0].axes == ("hidden or batch", "hidden+1 or batch+1")
    assert "3 may be hidden or batch: these have one size here" in alone.advice
    both = explanation_of(subject, error, function.shapes, sizes, lambda: subject_at(function, there))
    assert both.operands[0].axes == ("batch", "hidden+1")
    assert both.operands[0].shape == (3, 4)  # the numbers are those of the traceback
    assert not any("may be" in line for line in both.advice)


def test_without_names_there_are_numbers():
    def live(p):
        x = np.ones((3, 4))
        return p["W"] @ x, {}

    subject = Subject("live", {"W": np.ones((4, 6))}, lambda given, rng: live(given), lambda run: None)
    with pytest.raises(NotChecked) as caught:
        call(subject, subject.parameters)
    found = explain(subject, caught.value)
    assert str(found).splitlines()[1:] == [
        '    return p["W"] @ x, {}',
        "           ^^^^^^^^^^",
        '        p["W"]  (4, 6)  4, 6',
        "        x       (3, 4)  3, 4",
        "    inner axes differ: 6 against 3",
        '    the product that balances: x @ p["W"]   (3, 4) @ (4, 6)',
    ]


def test_the_time_it_takes(tmp_path):
    function = load(tmp_path, BINARY)
    subject, sizes, error = raised(function, points(function.shapes)[0])
    other = points(function.shapes)[1]
    gc.collect()  # one of all that the session holds takes longer, and could fall between the two looks at the clock
    start = time.process_time()
    assert explanation_of(subject, error, function.shapes, sizes, lambda: subject_at(function, other))
    assert time.process_time() - start < 0.2


def test_the_public_names():
    assert mismatch.__all__ == ["Explanation", "explain"]


def test_a_vector_laid_over_a_weight(explained):
    """* for @ in the forward pass raises only where the state is used."""
    found = explained(
        """
@gradient_function(R="hidden hidden", V="output hidden", c="output 1")
def stretched(p, sizes, rng):
    h_prev = rng.normal(size=(sizes.hidden, 1))
    h = np.tanh(p.R * h_prev)
    do = p.V @ h - rng.normal(size=(sizes.output, 1))
    dc = np.zeros_like(p.c)
    dc += do
    return 0.0, dict(c=dc)
"""
    )
    assert found.line == 10 and found.failing == "dc += do" and found.products == ()
    assert found.departed == (
        "the first line at which a shape is odd: program.py:7 in stretched",
        "    h = np.tanh(p.R * h_prev)",
        "    (hidden, hidden) * (hidden, 1) is (hidden, hidden): * lays one over the other, @ sums over an axis",
        "    mend it first: what comes after follows from it",
    )


def test_a_number_for_an_array(explained):
    found = explained(
        """
@gradient_function(R="hidden hidden")
def number(p, sizes, rng):
    dh, h = rng.normal(size=sizes.hidden), rng.normal(size=sizes.hidden)
    dz = dh @ (1 - h**2)
    return p.R.T @ dz, {}
"""
    )
    assert str(found).splitlines()[3:] == [
        "        p.R.T  (6, 6)    hidden=6, hidden=6",
        "        dz     a number",
        "    dz is a single number, and @ takes arrays",
        "    a product by @ of two arrays with one axis is a single number: was * meant there?",
    ]


def test_layers_of_other_sizes_are_not_odd(explained):
    found = explained(
        """
@gradient_function(A="hidden input", B="output hidden")
def layers(p, sizes, rng):
    a = rng.normal(size=(sizes.input, sizes.batch))
    for W in (p.A, p.B):
        a = np.tanh(W @ a)
    return p.A @ a, {}
"""
    )
    assert found.departed == () and found.clash == ("inner axes differ: input=4 against output=7",)


def test_a_term_has_the_shape_of_what_it_is_added_to(explained):
    found = explained(
        """
@gradient_function(V="output hidden")
def term(p, sizes, rng):
    dy, carry = rng.normal(size=(sizes.output, 1)), rng.normal(size=(sizes.hidden, 1))
    dh = dy @ p.V.T + carry
    return 0.0, {}
"""
    )
    assert found.wanted == "dh (hidden, 1), the shape of carry"
    assert found.products == (("p.V.T @ dy", "(hidden, output) @ (output, 1)"),)


def test_one_gate_of_several(explained):
    found = explained(
        """
@gradient_function(W="4 hidden input")
def gates(p, sizes, rng):
    x, d = rng.normal(size=sizes.input), rng.normal(size=sizes.hidden)
    dW = np.zeros_like(p.W)
    for gate in range(4):
        dW[gate] += np.outer(x, d)
    return 0.0, dict(W=dW)
"""
    )
    assert found.wanted == "dW[gate] (hidden, input), the shape of p.W"
    assert found.products == (("np.outer(d, x)", "(hidden,) by (input,)"),)


def test_np_matrix(explained):
    found = explained(
        """
@gradient_function(W="hidden input")
def matrix(p, sizes, rng):
    x, d = np.matrix(rng.normal(size=(sizes.input, 1))), np.matrix(rng.normal(size=(sizes.hidden, 1)))
    dW = d * x
    return 0.0, dict(W=dW)
"""
    )
    assert found.clash == ("inner axes differ: 1 against input=4",) and found.products[0][0] == "d @ x.T"


@pytest.mark.parametrize("key", ['"W" + gate', 'f"W{gate}"', '"Wi"'])
def test_keys_that_are_put_together(explained, key):
    found = explained(
        f"""
@gradient_function(Wi="input hidden")
def keyed(p, sizes, rng):
    x, d = rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.hidden))
    grads, gate = {{}}, "i"
    grads[{key}] = x @ d
    return 0.0, grads
"""
    )
    assert found.wanted == f"grads[{key}] (input, hidden), the shape of Wi"
    assert found.products[0][0] == "x.T @ d"


def test_the_source_alone_where_the_frames_do_not_tell(explained):
    found = explained(
        """
from functools import reduce

@gradient_function(V="output hidden", R="hidden hidden")
def chained(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, 1))
    return reduce(np.dot, [p.V, p.R, x]), {}
"""
    )
    assert [one.text for one in found.operands] == ["operand 1", "x"]
    assert found.clash == ("inner axes differ: hidden=4 against batch=3",)


@pytest.mark.parametrize(
    "shapes, statement, product",
    [
        ('W="input hidden"', "q = p.W @ a", "a @ p.W"),
        ('W="input hidden"', "q = a * p.W", "a @ p.W"),
        ('W="hidden input"', "q = a @ p.W", "a @ p.W.T"),
        ('W="input hidden"', "q = p.W @ s", "s @ p.W"),
        ('W="hidden input"', "q = c.T @ p.W", "p.W @ c"),
        ('W="hidden input"', "q = s @ p.W", "s @ p.W.T"),
    ],
)
def test_without_a_target_the_weight_is_what_is_turned(explained, shapes, statement, product):
    found = explained(
        f"""
@gradient_function({shapes}, R="hidden hidden")
def forward(p, sizes, rng):
    a, c = rng.normal(size=(sizes.batch, sizes.input)), rng.normal(size=(sizes.input, 1))
    s = rng.normal(size=(sizes.time, sizes.batch, sizes.input))
    {statement}
    return 0.0, {{}}
"""
    )
    assert [text for text, _ in found.products] == [product]


def departed(explained, body, shapes='R="hidden hidden", V="output hidden"'):
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return explained(
        f"\n@gradient_function({shapes})\ndef odd(p, sizes, rng):\n"
        f"    h, y = rng.normal(size=(sizes.hidden, 1)), rng.normal(size=(sizes.output, 1))\n"
        f"{lines}    return 0.0, {{}}\n"
    )


def test_what_is_odd_is_followed_through_a_buffer(explained):
    found = departed(
        explained, "table = np.zeros((2, sizes.hidden, sizes.hidden))\ntable[0] = h + h.ravel()\nq = table[0] @ h.T"
    )
    assert found.operands[0].left == "its shape is odd since line 8"


def test_a_transposed_weight_is_one(explained):
    found = departed(explained, "a = p.R.T * h\nq = a @ h.T")
    assert found.departed[1] == "    a = p.R.T * h"


def test_what_a_loop_binds_may_change(explained):
    assert departed(explained, "for a in (h, h.T):\n    q = p.V @ a").departed == ()
    assert departed(explained, "for k, a in enumerate((h, h.T)):\n    q = p.V @ a").departed == ()


def test_what_should_be_is_transposed_with_the_operand(explained):
    found = departed(explained, "z = h + 0\ndz = p.V @ h\nq = dz.T @ h")
    assert found.operands[0].expected == ("1", "hidden") and found.operands[0].left == "left it at line 8"


def test_zeros_like_tells_whose_gradient_it_is(explained):
    found = departed(explained, "collected = np.zeros_like(p.R)\ncollected += y @ h.T")
    assert found.wanted == "collected (hidden, hidden), the shape of p.R"


def test_no_product_of_others_where_an_operand_is_odd(explained):
    found = departed(explained, "da, z = h + h.ravel(), h\ndR = np.zeros_like(p.R)\ndh = h - 1\ndR += da @ h.T")
    assert found.products == () and found.departed


def test_a_part_of_a_buffer_has_its_sizes_from_where_it_was_made(explained):
    found = departed(explained, "hs = np.zeros((2, 1, sizes.output))\nq = hs[0] @ p.R")
    assert found.departed == (
        "hs[0] has its sizes from program.py:7 in odd", "    hs = np.zeros((2, 1, sizes.output))",
    )  # fmt: skip


def test_a_lambda_that_a_library_calls_is_in_no_function_of_the_library(explained):
    found = explained(
        """
        @gradient_function(W="input hidden")
        def layer(p, sizes, rng):
            x = rng.normal(size=(sizes.batch, sizes.input))
            rows = np.apply_along_axis(lambda row: row @ p.W.T, 1, x)
            return np.sum(rows), dict(W=p.W)
        """
    )
    assert found.place == "program.py:7 in <lambda>"
