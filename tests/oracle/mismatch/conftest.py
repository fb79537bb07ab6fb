"""Small programs as texts, run and explained."""

import textwrap

import pytest

from oracle.gradient_check import functions_in, subject_at
from oracle.mismatch.explanation import explanation_of
from oracle.returned import NotChecked
from oracle.sizes import points
from oracle.subject import call


@pytest.fixture
def explained(tmp_path):
    """From the text of a program with one gradient function (and of modules beside it) to its explanation."""

    def of(program, point=0, again=True, **modules):
        path = tmp_path / "program.py"
        path.write_text("import numpy as np\nfrom oracle import gradient_function, load\n" + textwrap.dedent(program))
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        (function,) = functions_in(str(path)).values()
        case, other, *_ = points(function.shapes)[point:] + points(function.shapes)[:point]
        subject, sizes = subject_at(function, case)
        with pytest.raises(NotChecked) as caught:
            call(subject, subject.parameters)
        elsewhere = (lambda: subject_at(function, other)) if again else None
        return explanation_of(subject, caught.value, function.shapes, sizes, elsewhere)

    return of
