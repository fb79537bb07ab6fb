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
