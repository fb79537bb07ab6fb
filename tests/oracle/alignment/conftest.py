"""Small programs as texts, and what the named run says of them."""

import pytest

from oracle.alignment.run import alignment_of
from oracle.gradient_check import functions_in, subject_at
from oracle.sizes import points


@pytest.fixture
def function_of(tmp_path):
    """From the text of a program to its gradient function."""

    def of(program):
        path = tmp_path / "program.py"
        path.write_text("import numpy as np\nfrom oracle import gradient_function\n" + program)
        (function,) = functions_in(str(path)).values()
        return function

    return of


@pytest.fixture
def alignment(function_of):
    """From the text of a program to what was found in it, at two sizes."""

    def of(program):
        function = function_of(program)
        case, other, *_ = points(function.shapes)
        subject, sizes = subject_at(function, case)
        return alignment_of(subject, function.shapes, sizes, lambda: subject_at(function, other))

    return of
