"""A parameter that the forward pass uses as W.T: what each step gives to it has the parameter's own shape."""

import numpy as np
import pytest

from oracle.annotation import truths
from oracle.annotation.truths import CONTRIBUTION
from oracle.gradient_check import functions_in, subject_at
from oracle.sizes import points

PROGRAM = """
import numpy as np
from oracle import gradient_function

@gradient_function(W="output input")
def layer(p, sizes, rng):
    x = rng.normal(size={shape})
    y = x @ p.W.T
    return 0.5 * np.sum(y**2), dict(W=np.zeros_like(p.W))
"""


@pytest.mark.parametrize("shape", ["(sizes.batch, sizes.input)", "(sizes.time, sizes.batch, sizes.input)"])
def test_the_parts_of_one_product_sum_to_the_gradient(tmp_path, shape):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.replace("{shape}", shape))
    (function,) = functions_in(str(path)).values()
    found = truths(subject_at(function, points(function.shapes)[0])[0])
    parts = [one for one in found.every if one.kind == CONTRIBUTION and one.index is not None and one.index[0] == 0]
    np.testing.assert_allclose(sum(one.adjoint for one in parts), found.gradients["W"], rtol=1e-12)
