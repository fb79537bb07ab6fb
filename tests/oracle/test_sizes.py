"""Sizes and numbers that cannot hide a mistake."""

import numpy as np
import pytest

from oracle.shapes import parse
from oracle.sizes import POINTS, Parameters, Sizes, draw, names_of, points

SHAPES = {"Wxh": parse("Wxh", "hidden vocab"), "Whh": parse("Whh", "hidden hidden"), "by": parse("by", "vocab 1")}


def test_all_sizes_differ_and_show_time_and_batch():
    cases = points(SHAPES)
    assert len(cases) == len(POINTS)
    for case in cases:
        sizes = dict(case.sizes)
        assert list(sizes) == ["time", "batch", "hidden", "vocab"]
        assert len(set(sizes.values())) == 4 and sizes["time"] >= 3 and sizes["batch"] >= 2


def test_many_names_get_sizes_of_their_own():
    shapes = {f"W{k}": parse("W", f"n{k} m{k}") for k in range(12)}
    for case in points(shapes):
        sizes = [size for name, size in case.sizes]
        assert len(set(sizes)) == len(sizes) == 26


def test_the_lengths_and_widths_asked_for():
    cases = [dict(case.sizes) for case in points(SHAPES, [1, 4], [3, 16])]
    assert [(case["time"], case["hidden"]) for case in cases] == [(1, 3), (1, 16), (4, 3), (4, 16)]
    for case in cases:  # vocab and batch make way for a size that was asked for
        assert {case["vocab"], case["batch"]}.isdisjoint({case["time"], case["hidden"]})


def test_hidden_sizes_where_nothing_is_called_hidden():
    with pytest.raises(ValueError, match="but no axis is called hidden; the shapes have a, b"):
        points({"W": parse("W", "a b")}, None, [3])


def test_the_numbers_repeat_and_none_is_zero():
    case = points(SHAPES)[0]
    drawn, again = draw(SHAPES, case), draw(SHAPES, case)
    for name, array in drawn.items():
        assert np.array_equal(array, again[name]) and np.all(array != 0)
        assert array.shape == SHAPES[name].at(dict(case.sizes))
    assert len({array.ravel()[0] for array in drawn.values()}) == len(drawn), "each parameter has numbers of its own"


def test_sizes_as_attributes_that_remember():
    sizes = Sizes({"hidden": 6, "time": 5})
    assert sizes.hidden == 6 and sizes["time"] == 5 and sizes.used == {"hidden", "time"}
    assert Sizes({"hidden": 6}).used == frozenset() and dict(Sizes({"hidden": 6})) == {"hidden": 6}
    with pytest.raises(AttributeError, match="sizes has no 'hiden', only hidden, time; did you mean 'hidden'?"):
        _ = sizes.hiden


def test_a_size_that_no_shape_has_is_given_one_of_its_own():
    sizes = Sizes({"hidden": 4, "time": 5})
    assert sizes.output == 6 == sizes["output"] and sizes.classes == 7 and sizes.used == {"output", "classes"}


def test_parameters_as_attributes():
    p = Parameters(W=1.0)
    assert p.W == p["W"] == 1.0
    p = Parameters(W=np.ones(2))
    before = p.copy()
    p.W += 1
    assert before.W.tolist() == [1, 1], "an update in place does not reach a copy"
    with pytest.raises(AttributeError, match="there is no parameter 'w', only W"):
        _ = p.w


def test_names_in_order_without_time_and_batch():
    assert names_of({"x": parse("x", "time batch input"), **SHAPES}) == ["input", "hidden", "vocab"]


def test_sizes_that_no_array_has():
    with pytest.raises(ValueError, match=r"W \(hidden, 1000000000000000000000\) is .*no array is as large as that"):
        draw({"W": parse("W", f"hidden {10**21}")}, points({"W": parse("W", "hidden")})[0])
