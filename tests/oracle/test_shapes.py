"""Shape strings: what they mean, and where they cannot be read."""

import pytest

from oracle.shapes import parse

SIZES = {"hidden": 6, "vocab": 4, "H": 5}


@pytest.mark.parametrize(
    "text, shape, names, shown",
    [
        ("hidden vocab", (6, 4), ("hidden", "vocab"), "(hidden, vocab)"),
        ("hidden, 1", (6, 1), ("hidden",), "(hidden, 1)"),
        ("hidden+vocab 4*hidden", (10, 24), ("hidden", "vocab"), "(hidden+vocab, 4*hidden)"),
        ("4*(hidden-1)//2", (10,), ("hidden",), "(4*(hidden-1)//2,)"),
        ("H", (5,), ("H",), "(H,)"),
        ("", (), (), "()"),
    ],
)
def test_what_they_mean(text, shape, names, shown):
    parsed = parse("W", text)
    assert parsed.at(SIZES) == shape and parsed.names == names and str(parsed) == shown


@pytest.mark.parametrize(
    "text, reason",
    [
        ("hidden vocab*", "cannot be read at 'vocab*': it is no expression\n    hidden vocab*\n           ^^^^^^"),
        ("hidden 2.5", "2.5 is no size"),
        ("hidden 0", "0 is no size"),
        ("hidden/2", "only + - * // are understood"),
        ("f(hidden)", "'f(hidden)' is neither a number nor a name"),
        ("-hidden", "'-hidden' is neither a number nor a name"),
        ("4if", "it is no expression"),  # of which Python warns, and warnings are errors here
        ("hid\0den", "it is no expression"),
        ("(" * 1000, "it has 1000 characters, but should have at most 200"),
    ],
)
def test_where_they_cannot_be_read(text, reason):
    with pytest.raises(ValueError) as caught:
        parse("Wxh", text)
    assert str(caught.value).startswith("the shape of Wxh cannot be read at ")
    assert reason in str(caught.value)


def test_what_is_no_string():
    with pytest.raises(TypeError, match=r"the shape of W is \(3, 4\), but should be a string such as 'hidden vocab'"):
        parse("W", (3, 4))


def test_an_axis_that_vanishes():
    with pytest.raises(ValueError, match=r"the axis 'H-5' is 0 at .*, but should be at least 1"):
        parse("W", "H-5").at(SIZES)


def test_an_axis_that_divides_by_zero():
    with pytest.raises(ValueError, match=r"the axis 'hidden//\(H-5\)' divides by zero at .*'hidden': 6"):
        parse("W", "hidden//(H-5)").at(SIZES)


def test_more_axes_than_an_array_has():
    with pytest.raises(ValueError, match="the shape of W has 65 axes, but should have at most 64"):
        parse("W", "1 " * 65)


def test_of_a_long_text_the_place_is_shown():
    with pytest.raises(ValueError) as caught:
        parse("W", "hidden " * 50 + "2.5 " + "vocab " * 10)
    _, text, mark, _ = str(caught.value).splitlines()
    assert len(text) <= 210 and text[mark.index("^") : mark.rindex("^") + 1] == "2.5"
