"""Programs of a text, annotated."""

from collections.abc import Callable
from pathlib import Path

import pytest

from oracle.annotation import Annotation, Truths, annotate, truths
from oracle.gradient_check import functions_in, subject_at
from oracle.rewriting import Definition, definitions_run
from oracle.sizes import points
from oracle.subject import Subject, run

TESTS = str(Path(__file__).parent)


def subject_of(path: str, name: str) -> tuple[Subject, list[Definition]]:
    """One gradient function of a file at its first case, and the definitions that it goes through."""
    function = functions_in(path)[name]
    subject, _ = subject_at(function, points(function.shapes)[0])
    found = definitions_run(lambda: run(subject, subject.parameters))
    return subject, [one for one in found if not one.filename.startswith(TESTS)]


@pytest.fixture
def examined(tmp_path: Path) -> Callable[[str], tuple[Subject, list[Definition], Truths]]:
    def of(text: str) -> tuple[Subject, list[Definition], Truths]:
        path = tmp_path / "program.py"
        path.write_text(text)
        subject, definitions = subject_of(str(path), "program")
        return subject, definitions, truths(subject)

    return of


@pytest.fixture
def annotated(examined: Callable) -> Callable[[str], Annotation]:
    return lambda text: annotate(*examined(text))
