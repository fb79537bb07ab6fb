"""Which mutants there are of a file, and what they are called."""

from __future__ import annotations

import pytest

from mutants.sources import mutants, program


def keys(path, source: str) -> list[str]:
    path.write_text(source)
    return [mutant.key for mutant in mutants(path)]


def test_a_mutant_is_named_by_its_place_and_its_line(tmp_path):
    found = keys(tmp_path / "cell.py", "class Cell:\n    def run(self, d, W):\n        return d @ W.T  # (B, H)\n")
    assert found[0] == "cell.Cell.run | drop_transpose | return d @ W.T -> return d @ W"


def test_a_decorator_is_named_after_what_it_decorates(tmp_path):
    found = keys(tmp_path / "a.py", "@dataclass(frozen=True)\nclass Cache:\n    x: int\n")
    assert "a.Cache | ReplaceTrueWithFalse | @dataclass(frozen=True) -> @dataclass(frozen=False)" in found


def test_the_name_survives_a_change_elsewhere(tmp_path):
    function = "def f(d, W):\n    return d @ W\n"
    assert keys(tmp_path / "a.py", function) == keys(tmp_path / "a.py", f'"""Words."""\n\n{function}')


def test_a_repeated_line_is_numbered(tmp_path):
    found = keys(tmp_path / "a.py", "def f(a):\n    g(a)\n    g(a)\n")
    assert found == ["a.f | delete_statement | g(a) -> pass", "a.f | delete_statement | g(a) -> pass #2"]


def test_a_mutant_holds_the_whole_file_with_one_change(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("def f(a):\n    return -a\n\n\ndef g(a):\n    return a\n")
    (mutant,) = mutants(path)
    assert mutant.source == "def f(a):\n    return a\n\n\ndef g(a):\n    return a\n"


def test_two_operators_that_do_the_same_make_one_mutant(tmp_path):
    found = keys(tmp_path / "a.py", "def f(a):\n    if a is not None:\n        return a\n")
    assert found == ["a.f | AddNot | if a is not None: -> if not a is not None:"]


@pytest.mark.parametrize(
    "source, changed",
    [
        ('"""Words."""', '"""Other words."""'),
        ("def f(a: 1) -> 2: pass", "def f(a: 3) -> 4: pass"),
        ("a: 1 = x", "a: 2 = x"),
        ('raise ValueError(f"{a + b} is wrong")', 'raise ValueError(f"{a} is wrong")'),
        ("if TYPE_CHECKING:\n    import a", "if not TYPE_CHECKING:\n    import a"),
        ("if not a is b: pass", "if a is not b: pass"),
        ("x[0:]", "x[:]"),
        ("x[t + 0]", "x[t]"),
        ("x[-0]", "x[0]"),
    ],
)
def test_the_same_program(source, changed):
    assert program(source) == program(changed)


@pytest.mark.parametrize(
    "source, changed",
    [
        ("raise ValueError(a)", "raise TypeError(a)"),
        ("raise ValueError(a)", "pass"),
        ("x[0::-1]", "x[::-1]"),
        ("a - b", "b - a"),
        ('name = "x"', 'name = "y"'),
    ],
)
def test_another_program(source, changed):
    assert program(source) != program(changed)
