"""What is said of wrong programs in other styles: the operands, the product, the line that went wrong first."""

from itertools import pairwise

import pytest

from tests.oracle.mismatch.second_programs import SECOND

FIRST = "the first line at which a shape is odd: "


def test_every_program_has_its_own_mistake():
    programs = [(wrong.program, wrong.layers) for wrong in SECOND.values()]
    assert len(set(programs)) == len(programs) >= 50


@pytest.mark.parametrize("name", SECOND)
def test_second(name, explained):
    wrong = SECOND[name]
    found = explained(wrong.program, **({"layers": wrong.layers} if wrong.layers else {}))
    print(found)
    assert found is not None
    assert found.failing == wrong.failing
    assert {one.text: " ".join(one.axes) for one in found.operands} == wrong.operands
    assert found.clash[0] == wrong.clash
    assert (found.products[0][0] if found.products else "") == wrong.product
    assert found.wanted == wrong.wanted
    lines = [line.strip() for line in found.lines()]
    first = [source for line, source in pairwise(lines) if line.startswith(FIRST)]
    assert first == ([wrong.line] if wrong.line else [])
    assert set(wrong.also) <= set(lines)
