"""`bptt-oracle balance`, as a user runs it; and the page on dimension balancing shows what it prints."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from oracle.presentation.command import main

PAGE = (Path(__file__).parents[3] / "docs" / "balancing.md").read_text(encoding="utf-8")
RUNS = re.findall(r"^    \$ bptt-oracle balance (.*)\n((?:    .*\n|\n(?=    (?!\$)))*)", PAGE, re.MULTILINE)


def run(*arguments, **options):
    result = CliRunner(**options).invoke(main, ["balance", *arguments], prog_name="bptt-oracle")
    assert isinstance(result.exception, (SystemExit, type(None))), result.exception
    return result


def printed(command: str) -> str:
    return run(*shlex.split(command)).stdout


@pytest.mark.parametrize("command, shown", RUNS, ids=[command for command, _ in RUNS])
def test_the_page_shows_what_is_printed(command, shown):
    shown = "\n".join(line.removeprefix("    ") for line in shown.rstrip().splitlines())
    assert printed(command).rstrip() == shown


def test_the_page_has_runs_to_compare():
    assert len(RUNS) >= 10 and len(RUNS) == PAGE.count("$ bptt-oracle balance")
    assert all(shown.strip() for _, shown in RUNS)


def test_the_python_of_the_page_runs():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})
    with pytest.raises(AssertionError):
        exec(code.replace('"x.T @ delta"', '"x @ delta"'), {})  # wrong on purpose


def test_the_answer_is_the_first_line():
    result = run("x: batch input", "delta: batch hidden", "--to", "input hidden")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "x.T @ delta    sums over batch",
        "    (input, batch) @ (batch, hidden) -> (input, hidden)",
        '    np.einsum("bi,bh->ih", x, delta)',
    ]


def test_nothing_balances():
    result = run("W: 16 16", "delta: 1 2", "--to", "1 16")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:2] == [
        "nothing balances:",
        "    delta (1, 2): its 2 is in no other factor and not wanted",
    ]
    assert "--all lists what they are" in result.stdout
    everything = run("W: 16 16", "delta: 1 2", "--to", "1 16", "--all")
    assert everything.exit_code == 1 and "W.sum(axis=0) * delta.sum(axis=1)" in everything.stdout


def test_all_lists_all():
    few, every = (run("x: 3 3", "d: 3 3", "e: 3 3", "--to", "3 3", *more).stdout for more in ([], ["--all"]))
    assert "\nand 200 more, with --all\n" in few
    assert "more, with --all" not in every and every.count("np.einsum") == 212 + 12
    assert few.count("np.einsum") == 12


def test_equal_sizes_are_told_apart_by_names_only():
    assert printed('"h: 1 16" "d: 1 16" --to "16 16"').splitlines()[-1] == (
        "2 products have these sizes, and only names tell them apart: which 16 is which? No shape shows a wrong choice."
    )
    assert "only names" not in printed('"x: 3 4" "d: 3 6" --to "4 6"')


def test_more_than_can_be_looked_at():
    factors = " ".join(f'"{name}: 5 5 5"' for name in "abcdef")
    assert "there are more products than were looked at: give the axes names" in printed(f'{factors} --to "5 5 5"')


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--to", "a"], "Error: there is no factor, but should be at least one"),
        (["x: a b*", "--to", "a"], "Error: the axes of x cannot be read at 'b*': it is no expression\n    x: a b*\n"),
        (["x: a b*", "--to", "a"], "    x: a b*\n         ^^\nan axis is a number, a name such as hidden"),
        (["x: a", "--to", "a b!"], "    a b!\n      ^^\n"),
        (["x: a"], "Missing option '--to'"),
        (["x: a", "--to", "b"], "the result has an axis b, which no factor has; the factors have a"),
        (["x: a", "--to", "a", "--sizes", "a=1 a=2"], "a is 1 already: the sizes contradict each other\n"),
        (["x: a", "--to", "a", "--sizes", "a=1 a=2"], "    a=1 a=2\n        ^^^\n"),
        (["x: a", "--to", "a", "--sizes", "a"], "'' is no size, which should be a whole number of at least 1"),
        (["x: a", "--to", "a", "--sizes", "a=-1"], "'-1' is no size, which should be a whole number of at least 1"),
        (["x: a", "--to", "a", "--sizes", "a=9999999999999"], "no array is as large as that"),
        (["x: a(t)", "--to", "a(t)", "--sizes", "a(t)=3"], "a has one size whatever its mark"),
        (["x: a", "--to", "a", "--sizes", "=3"], "'' is no name"),
        (["x: a", "--to", "a", "--sizes", ""], "sizes has no a, but should have every name: a"),
        (["x: a", "--to", "a", "--sizes", "b=2 a=1"], "sizes has 'b', which is no axis; the axes have a"),
    ],
)  # fmt: skip
def test_bad_command_lines(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2 and message in result.stderr


def test_a_terminal_without_the_users_letters():
    result = run("δ: a b", "--to", "b", charset="ascii")
    assert result.exit_code == 0 and result.stdout.startswith("\\u03b4.sum(axis=0)")
