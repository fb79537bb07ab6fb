"""Definitions of a text, all edits of a program, and what a program returns."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from oracle.annotation.recording import recording, sites_of
from oracle.gradient_check import functions_in, subject_at
from oracle.repair.candidates import candidates
from oracle.repair.edit import Edit
from oracle.repair.material import Material, material_of
from oracle.rewriting import Definition, definitions_run, exchanged, quiet
from oracle.sizes import points
from oracle.subject import Subject, run

TESTS = str(Path(__file__).parent)


def definition_of(text: str, name: str = "") -> Definition:
    """The function of a text, the first or the one called so; every line of it counts as run."""
    found = [one for one in ast.walk(ast.parse(text)) if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))]
    statement = next(one for one in found if name in ("", one.name))
    lines = dict.fromkeys(range(statement.lineno, statement.end_lineno + 1), 1)
    return Definition("rnn.py", statement, (), 0, text, lines)


@dataclass
class Program:
    """A gradient function of a file with one, ready to be searched."""

    subject: Subject
    definitions: list[Definition]

    def edits(self, forward: frozenset[tuple[str, int]] = frozenset()) -> list[Edit]:
        """All edits of the program as its trees now are, with every shape known."""

        def once() -> None:
            with quiet(), suppress(Exception):  # with an edit it may raise
                run(self.subject, self.subject.parameters)

        sites = sites_of(self.definitions)
        nodes = {site.number: site.node for site in sites}
        numbers: dict[int, set[tuple[int, ...]]] = {}

        def noted(number: int, value: object) -> object:
            if isinstance(value, np.ndarray):
                numbers.setdefault(number, set()).add(value.shape)
            return value

        codes: dict = {}
        for one in self.definitions:
            codes |= recording(one, [site for site in sites if site.definition is one], noted)
        with exchanged(self.definitions, codes):
            once()
        shapes = {nodes[number]: known for number, known in numbers.items()}
        materials: Mapping[Definition, Material] = material_of(self.definitions, once, lambda array: False)
        recurrent = {one: frozenset({"R"}) for one in self.definitions}
        parameters = frozenset(array.shape for array in self.subject.parameters.values())
        return candidates(self.definitions, materials, shapes, forward, {}, recurrent, parameters)


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Program]:
    def of(text: str) -> Program:
        path = tmp_path / "program.py"
        path.write_text(text)
        function = functions_in(str(path))["program"]
        subject, _ = subject_at(function, points(function.shapes)[0])
        found = definitions_run(lambda: run(subject, subject.parameters))
        return Program(subject, [one for one in found if not one.filename.startswith(TESTS)])

    return of
