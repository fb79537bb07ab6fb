"""Object, masked and structured arrays in code that raises: the explanation is right or there is none."""

import numpy as np
import pytest

from oracle.gradient_check import functions_in, subject_at
from oracle.mismatch import explain
from oracle.returned import NotChecked
from oracle.sizes import points
from oracle.subject import call

PROGRAM = """
@gradient_function(W="input hidden", b="hidden")
def odd(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    dz = rng.normal(size=(sizes.batch, sizes.hidden))
    dW = np.zeros_like(p.W)
    {wrong}
    return 0.0, dict(W=dW, b=dz.sum(axis=0))
"""
MASKED = "x = np.ma.masked_array(x, mask=x > 0)\n    "
OBJECTS = "x = x.astype(object)\n    "
HOLDER = "xs = np.empty(2, dtype=object)\n    xs[0], xs[1] = x, dz\n    "
FIELDS = 's = np.zeros(sizes.batch, dtype=[("x", float, (sizes.input,)), ("d", float, (sizes.hidden,))])\n    '
PAIRS = 's = np.zeros(sizes.batch, dtype=[("x", float), ("y", float)])\n    '

EXPLAINED = {
    "objects, @": (OBJECTS + "dW += x @ dz", "inner axes differ: input=6 against batch=3", "x.T @ dz"),
    "objects, *": (OBJECTS + "dW += x * dz", "last axes differ: input=6 against hidden=4", "x.T @ dz"),
    "arrays in an array": (
        HOLDER + "dW += xs[0] @ xs[1]", "inner axes differ: input=6 against batch=3", "xs[0].T @ xs[1]",
    ),
    "an array of two arrays": (HOLDER + "dW += (xs * dz)[0]", "last axes differ: 2 against hidden=4", "x.T @ dz"),
    "masked, @": (MASKED + "dW += x @ dz", "inner axes differ: input=6 against batch=3", "x.T @ dz"),
    "masked, np.ma.dot": (MASKED + "dW += np.ma.dot(x, dz)", "inner axes differ: input=6 against batch=3", "x.T @ dz"),
    "masked, *": (MASKED + "dW += x * dz", "last axes differ: input=6 against hidden=4", "x.T @ dz"),
    "masked, an index": (MASKED + "dW += x[10]", "axis 0 of x is batch=3: the index is 10, but should be 0 to 2", ""),
    "masked, joined": (
        MASKED + "dW += np.ma.concatenate([x, dz])",
        "joined along axis 0 all other axes must agree, but axis 1 is input=6 in x and hidden=4 in dz", "",
    ),
    "masked, in place": (
        "m = np.ma.masked_array(dW, mask=dW > 0)\n    m += x.T @ dz @ p.W.T",
        "NumPy says: operands could not be broadcast together with shapes (6,4) () (6,6) ", "x.T @ dz",
    ),
    "fields": (
        FIELDS + 'dW += s["x"] @ s["d"]', "inner axes differ: input=6 against batch=3", 's["x"].T @ s["d"]',
    ),
    "into a field": (
        PAIRS + 's["x"] = x', 's["x"] has room for (batch,) (3,), and is given (batch, input) (3, 6)', "",
    ),
}  # fmt: skip
SILENT = {
    "a mask of another shape": ("x = np.ma.masked_array(x, mask=dz > 0)", np.ma.MaskError),
    "masked where": ("dz = np.ma.masked_where(x > 0, dz)", IndexError),
    "no such field": (PAIRS + 'dW += s["z"]', ValueError),
    "structured, +": (PAIRS + "dW += s", TypeError),
    "structured, @": (PAIRS + "dW += s @ dz", TypeError),
    "objects within objects": (HOLDER + "dW = xs * xs[::-1]", ValueError),
    "None": ("x = np.array([[None] * sizes.input] * sizes.batch)\n    dW += x.T @ dz", TypeError),
    "text": ('x = np.array(["a", "b"])\n    dW += x @ dz', TypeError),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_explained(name, explained):
    wrong, clash, product = EXPLAINED[name]
    found = explained(PROGRAM.format(wrong=wrong))
    print(found)
    assert found.clash[0] == clash
    assert (found.products[0][0] if found.products else "") == product


@pytest.mark.parametrize("name", SILENT)
def test_silent(name, explained, tmp_path):
    wrong, error = SILENT[name]
    assert explained(PROGRAM.format(wrong=wrong)) is None
    (function,) = functions_in(str(tmp_path / "program.py")).values()
    subject, sizes = subject_at(function, points(function.shapes)[0])
    with pytest.raises(NotChecked) as caught:
        call(subject, subject.parameters)
    before = caught.value.__cause__
    assert explain(subject, caught.value, function.shapes, sizes) is None
    assert caught.value.__cause__ is before and isinstance(before, error)  # and it is the user's own still
