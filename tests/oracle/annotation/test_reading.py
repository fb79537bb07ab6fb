"""What the verdicts say together."""

from oracle.annotation import reading
from tests.oracle.annotation.programs import ONE_FUNCTION


def test_the_split_between_readout_and_the_rest(examined):
    _, _, truths = examined(ONE_FUNCTION)
    assert reading(truths, ("W", "R", "b")) == (
        "V agrees, W, R and b do not: on the way back the mistake stands between the adjoint of line 14 and "
        "that of line 12"
    )


def test_one_of_those_that_share_an_adjoint(examined):
    _, _, truths = examined(ONE_FUNCTION)
    assert reading(truths, ("R",)) == (
        "W and b agree, and are used in line 12 as R is: the adjoint is right there, so look at what is made of it "
        "for R"
    )


def test_nothing_is_said_where_nothing_is_certain(examined):
    _, _, truths = examined(ONE_FUNCTION)
    assert reading(truths, ()) == ""
    assert reading(truths, ("W", "R", "V", "b")) == ""
    assert reading(truths, ("V",)) == ""
