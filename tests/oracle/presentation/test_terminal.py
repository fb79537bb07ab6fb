"""What a check looks like on a terminal, a real one of 80 columns, and what no file or pipe gets of it."""

import ast
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len

import oracle
from oracle.presentation.table import ASCII, UNICODE, shown

LONG = "dL_by_the_recurrent_matrix_of_the_second_layer_of_the_decoder"
SOURCE = f"""
import numpy as np
from oracle import gradient_function

@gradient_function({LONG}="output input", b="output")
def a_layer_whose_name_leaves_no_room_for_a_progress_bar_beside_it_in_80(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    y = np.tanh(x @ p.{LONG}.T + p.b)
    d = y * (1 - y**2)
    return 0.5 * np.sum(y**2), dict({LONG}=d.T @ x, b=d[0])
"""
RUN = (sys.executable, "-c", "from oracle.presentation.command import main; main()")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7]")
CHECK = ("check", "check_layer.py", "--budget", "0")


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    return kept | {"TERM": "xterm-256color"} | more


def on_a_terminal(folder, *arguments, columns=80, **more):
    """What a terminal is given, and the exit status."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with subprocess.Popen(
        [*RUN, *arguments], cwd=folder, env=environment(**more), stdin=its, stdout=its, stderr=its
    ) as process:
        os.close(its)
        given = b""
        try:
            while read := os.read(ours, 1 << 16):
                given += read
        except OSError:  # Linux's end of file
            pass
    os.close(ours)
    return given.decode(), process.returncode


def lines_that_stay(given):
    """The report's, without what the bar left and erased before it."""
    (_, *report) = re.split(r"(?=✗)", ESCAPES.sub("", given), maxsplit=1)
    return report[0].replace("\r", "").splitlines()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "check_layer.py").write_text(SOURCE)
    return tmp_path


def test_a_terminal_of_80_columns(folder):
    given, status = on_a_terminal(folder, *CHECK)
    assert status == 1
    title, *lines = lines_that_stay(given)
    assert title == "✗ a_layer_whose_name_leaves_no_room_for_a_progress_bar_beside_it_in_80 at check_layer.py:5"
    wide = [line for line in lines if cell_len(line.rstrip()) > 80]
    assert not [
        line for line in wide if "_by_the_" not in line and "a_layer_whose" not in line and "return" not in line
    ]
    assert "".join(line.split(" ")[0] for line in lines[:9]).count("dL_by_the_recurrent") == 1, "the name, folded"
    assert any(re.fullmatch(r"b +[\d.]+e\d+ × noise ✗ .*✗", line) for line in lines)
    assert COLOUR.search(given)


def test_the_bar_moves_beside_a_long_name(folder):
    given, _ = on_a_terminal(folder, *CHECK)
    assert re.search(r"a_layer_whose_nam\.\.\. +━+ 0/1", ESCAPES.sub("", given)), given[:1000]


def test_no_color(folder):
    given, _ = on_a_terminal(folder, *CHECK, NO_COLOR="1")
    assert not COLOUR.search(given)


@pytest.mark.parametrize("more", [{}, {"FORCE_COLOR": "1"}], ids=["plain", "as CI systems set it"])
def test_a_pipe_gets_whole_sentences_and_no_bar(folder, more):
    process = subprocess.run([*RUN, *CHECK], cwd=folder, env=environment(**more), capture_output=True, text=True)
    assert process.returncode == 1 and process.stderr == ""
    assert ("\x1b" in process.stdout) == bool(more)
    if not more:
        assert re.search(r"^confirmed by the loss itself: .* by the code by .*$", process.stdout, re.MULTILINE)


def test_our_own_characters_all_have_an_ascii_spelling():
    """What the diagnosis says in algebra reaches a terminal that has nothing but ASCII."""
    folder = Path(oracle.__file__).parent
    files = [
        path for part in ("hypotheses", "annotation", "mismatch", "repair") for path in (folder / part).rglob("*.py")
    ]
    ours = {character for path in files for text in _texts(path) for character in text if not character.isascii()}
    assert len(ours) > 5
    assert [one for one in sorted(ours) if shown(one, ASCII).startswith("\\")] == []
    assert shown("δ∘Wᵀ", UNICODE) == "δ∘Wᵀ"


def _texts(path):
    """The strings of a module, but its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value
