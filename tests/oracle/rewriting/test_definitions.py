"""Which definitions a run goes through, and running it with others in their place."""

import ast
import textwrap

import pytest

from oracle import load
from oracle.rewriting import compiled, copied, definitions_run, exchanged, loops_at_the_top_level

PROGRAM = """
    import numpy as np

    double = lambda x: 2 * x


    def outer(x):
        def inner(y):
            return y + x
        return inner(1) + double(x)


    class Net:
        scale = 3

        def forward(self, x):
            return self.scale * outer(x)

        @staticmethod
        def never(x):
            return x
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM))
    return path


def by_name(definitions):
    return {definition.name: definition for definition in definitions if definition.filename.endswith("program.py")}


def with_constant(definition, old, new):
    """The code of a definition with another number in it; its tree stays as it is."""
    before = definition.statement
    definition.statement = copied(before)
    for node in ast.walk(definition.statement):
        if isinstance(node, ast.Constant) and node.value == old:
            node.value = new
    try:
        return compiled(definition)
    finally:
        definition.statement = before


def test_functions_methods_and_lambdas_that_ran(program):
    module = load(program)
    found = by_name(definitions_run(lambda: module.Net().forward(5)))
    assert list(found) == ["Net.forward", "outer", "double"]
    assert found["outer"].lines == {8: 1, 10: 1, 9: 1}
    assert found["Net.forward"].classes == ("Net",)


def test_what_raises_passes_through(program):
    module = load(program)
    with pytest.raises(TypeError):
        definitions_run(lambda: module.outer(None))


@pytest.mark.parametrize(
    ("name", "old", "new", "result"),
    [("double", 2, 4, 3 * (1 + 5 + 20)), ("outer", 1, 7, 3 * (7 + 5 + 10))],
)
def test_a_live_function_is_exchanged_and_given_back(program, name, old, new, result):
    module = load(program)
    net = module.Net()
    definitions = definitions_run(lambda: net.forward(5))
    codes = with_constant(by_name(definitions)[name], old, new)
    with exchanged(definitions, codes):
        assert net.forward(5) == result
    assert net.forward(5) == 3 * (1 + 5 + 10)


def test_a_file_that_every_run_loads_anew_is_exchanged_as_well(program):
    def run():
        return load(program).Net().forward(5)

    definitions = definitions_run(run)
    codes = with_constant(by_name(definitions)["double"], 2, 4)
    with exchanged(definitions, codes):
        assert run() == 3 * (1 + 5 + 20)
    assert run() == 3 * (1 + 5 + 10)


def test_the_functions_are_given_back_after_an_exception(program):
    module = load(program)
    definitions = definitions_run(lambda: module.outer(5))
    with pytest.raises(KeyError), exchanged(definitions, with_constant(by_name(definitions)["outer"], 1, 7)):
        raise KeyError
    assert module.outer(5) == 16


def test_two_definitions_have_trees_of_their_own(program):
    first = by_name(definitions_run(lambda: load(program).outer(5)))["outer"]
    second = by_name(definitions_run(lambda: load(program).outer(5)))["outer"]
    first.statement.name = "changed"
    assert second.statement.name == "outer"


def test_other_variables_of_the_functions_around_are_refused(program):
    program.write_text("def made(a, b):\n    def used():\n        return a\n    return used\n")
    used = load(program).made(1, 2)
    (definition,) = by_name(definitions_run(used)).values()
    for node in ast.walk(definition.statement):
        if isinstance(node, ast.Return) and ast.unparse(node.value) == "a":
            node.value.id = "b"
    with pytest.raises(ValueError, match=r"made\.<locals>\.used would read \('b',\) instead of \('a',\)"):
        with exchanged([definition], compiled(definition)):
            pass


def test_a_name_with_two_underscores_is_that_of_its_class(program):
    program.write_text("class Net:\n    __w = 2\n\n    def get(self):\n        return self.__w\n")
    net = load(program).Net()
    definitions = definitions_run(net.get)
    with exchanged(definitions, compiled(definitions[0])):
        assert net.get() == 2


@pytest.mark.parametrize(
    "text, found",
    [
        ("s = 0\nfor k in range(3):\n    s += k\n", True),
        ("s = 0\nfor k in range(3):\n    if k:\n        s = s + k\n", True),
        ("k = 0\nwhile k < 3:\n    k = k + 1\n", True),
        ("for k in range(0):\n    k += 1\n", False),
        ("for k in range(3):\n    print\n", False),
        ("n = 2 + 3\n\ndef f():\n    for k in range(3):\n        k += n\n\nf()\n", False),
    ],
)
def test_loops_at_the_top_level(program, text, found):
    program.write_text(text)
    assert loops_at_the_top_level(lambda: load(program)) == ((str(program),) if found else ())
