"""What may be declared, and what is said of everything else."""

import functools

import numpy as np
import pytest

from oracle import clip, factor, gradient_function
from oracle.gradient_function import GradientFunction


def f(p, sizes, rng):
    return 0.0, {"W": p.W}


def test_a_declaration():
    declared = gradient_function(W="output input", b="output")(f)
    assert isinstance(declared, GradientFunction)
    assert declared.name == "f" and declared.filename == __file__ and declared.line == f.__code__.co_firstlineno
    assert {name: str(shape) for name, shape in declared.shapes.items()} == {"W": "(output, input)", "b": "(output,)"}
    assert declared.deviations == () and declared.reference is None and declared.dtype == "float64"


def test_it_can_still_be_called():
    class P(dict):
        W = np.ones(3)

    assert gradient_function(W="n")(f)(P(), None, None)[1]["W"] is P.W


def test_names_that_are_no_keywords():
    declared = gradient_function({"W.hh": "n n", "dtype": "n"}, b="n")(f)
    assert list(declared.shapes) == ["W.hh", "dtype", "b"]


def test_options():
    declared = gradient_function(W="n", deviation=clip(-1, 1), dtype="float32", reference=lambda p, s, r: 0)(f)
    assert [str(one) for one in declared.deviations] == ["clipped to [-1, 1]"] and declared.dtype == "float32"
    both = gradient_function(W="n", deviation=[factor(2, "W"), clip(-1, 1)])(f)
    assert [str(one) for one in both.deviations] == ["W times 2", "clipped to [-1, 1]"]


def test_a_decorated_function_is_found_where_it_was_written():
    @functools.wraps(f)
    def around(*args):
        return f(*args)

    declared = gradient_function(W="n")(around)
    assert declared.name == "f" and declared.line == f.__code__.co_firstlineno


@pytest.mark.parametrize("function", [lambda p, sizes, rng: 0, lambda p, s, r, extra=1: 0])
def test_functions_of_three_arguments(function):
    gradient_function(W="n")(function)


@pytest.mark.parametrize(
    "declare, kind, message",
    [
        (lambda: gradient_function(f), TypeError, r"needs the shapes of the parameters: @gradient_function\(W="),
        (lambda: gradient_function(), TypeError, "is given no parameter"),
        (lambda: gradient_function("n n"), TypeError, "the shapes are 'n n', but should be a dict"),
        (lambda: gradient_function(W=(3, 4)), TypeError, r"the shape of W is \(3, 4\), but should be a string"),
        (lambda: gradient_function({7: "n"}), TypeError, "a parameter's name is 7, but should be a string"),
        (
            lambda: gradient_function({"": "n"}),
            ValueError,
            "a parameter's name is '', but should be a text that can be",
        ),
        (lambda: gradient_function({"\x1b[2J": "n"}), ValueError, "should be a text that can be printed"),
        (lambda: gradient_function(W="n m%k"), ValueError, r"W cannot be read at 'm%k': only \+ - \* // are under"),
        (lambda: gradient_function(W="n", deviation=3), TypeError, r"deviation holds 3, but should hold clip\("),
        (lambda: gradient_function(W="n", deviation=["clip"]), TypeError, "deviation holds 'clip', but should hold"),
        (
            lambda: gradient_function(weight="n", deviation=clip(-1, 1, "wieght")),
            ValueError,
            "the deviation .* is for 'wieght', but there is no such parameter, only weight; did you mean 'weight'",
        ),
        (lambda: gradient_function(W="n", reference=3), TypeError, "reference is 3, but should be a function"),
        (lambda: gradient_function(W="n", dtype="float16"), ValueError, "dtype is 'float16', but should be one of fl"),
        (lambda: gradient_function(W="n")(3), TypeError, "decorates 3, but should decorate a function"),
        (lambda: gradient_function(W="n")(dict), TypeError, "decorates <class 'dict'>, but should decorate a function"),
        (lambda: gradient_function(W="n")(lambda p: 0), TypeError, r"<lambda>\(p\) should take three arguments: p, s"),
        (lambda: gradient_function(W="n")(lambda p, s, r, x: 0), TypeError, "should take three arguments"),
        (lambda: gradient_function(W="n")(lambda p, s, r, *, x: 0), TypeError, "should take three arguments"),
    ],
)
def test_anything_else(declare, kind, message):
    with pytest.raises(kind, match=message):
        declare()
