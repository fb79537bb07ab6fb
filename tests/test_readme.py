"""README and docs show what is printed by the longer commands; what else they show is tested in test_docs_code.py."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")


def shape_of(text: str) -> list[str]:
    """The lines with every number and index replaced, and the name of the gradient: digits differ from one processor
    to the next, and so does the order of gradients that are all wrong by 1e14 and more."""
    lines = [re.sub(r"-?\d+(\.\d+)?(e[+-]?\d+)?", "#", line.strip()) for line in text.strip().splitlines()]
    return [re.sub(r"^\w+ wrong", "NAME wrong", re.sub(r"\[#(, #)*\]", "[#]", line)) for line in lines]


def test_the_wrong_example_prints_what_it_shows():
    printed = subprocess.run(
        [sys.executable, ROOT / "examples" / "untransposed_carry.py"], capture_output=True, encoding="utf-8"
    ).stdout
    shown = set(shape_of(PAGE))
    assert printed
    missing = [line for line in shape_of(printed) if line not in shown]
    assert not missing, "run examples/untransposed_carry.py and put what it prints into docs/networks.md"
    for name in re.findall(r"^ +(\w+) wrong: ", printed, re.MULTILINE):
        assert f"        {name} wrong: " in PAGE


@pytest.mark.parametrize("name, after", [("three_mistakes", ""), ("raises", "faulty_elman.py:121 in")])
def test_the_report_in_the_docs_is_what_the_command_prints(name, after):
    command = [Path(sys.executable).with_name("bptt-oracle"), "check", f"examples/check_wrong.py::{name}"]
    environment = {**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
    printed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8").stdout
    shown = shape_of((ROOT / "docs" / "checking.md").read_text(encoding="utf-8"))
    assert name in printed and after in printed
    printed = after + printed.rpartition(after)[2] if after else printed
    printed, _, _ = printed.partition("\nwhere\n")  # what follows is tested with the text of a diagnosis
    assert not [line for line in shape_of(printed) if line not in shown], "put what it prints into docs/checking.md"


COMMANDS = re.findall(r"^    (pytest .*?)(?:  +#.*)?$", PAGE, re.MULTILINE)
SMALL = ("--collect-only", "-q", "--cells", "gru", "--hidden-sizes", "3,5,8,16,17", "--sequence-lengths", "13")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_pytest_commands_select_something(command):
    arguments = [argument.strip('"') for argument in re.findall(r'"[^"]*"|\S+', command)[1:] if argument != "-n"]
    arguments = [argument for argument in arguments if argument != "auto"]
    if not any(argument.startswith("tests/") for argument in arguments):
        arguments.append("tests/test_gradients.py")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *SMALL, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert re.search(r"\d+(/\d+)? tests collected", run.stdout), run.stdout[-500:] + run.stderr


def test_there_are_pytest_commands():
    assert len(COMMANDS) >= 5
