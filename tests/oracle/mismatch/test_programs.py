"""What is said of sixty wrong expressions: the line, the operands, their axes and the product that balances."""

import pytest

from tests.oracle.mismatch.programs import WRONG


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name, explained):
    wrong = WRONG[name]
    found = explained(wrong.program)
    print(found)
    assert found is not None
    assert found.failing == wrong.failing
    assert {one.text: " ".join(one.axes) for one in found.operands} == wrong.operands
    assert found.clash[0] == wrong.clash
    assert (found.products[0][0] if found.products else "") == wrong.product
    assert found.wanted == wrong.wanted
    assert set(wrong.also) <= {line.strip() for line in found.lines()}
