"""What README and docs show is what happens: programs run, commands print what stands below them, options exist.

Every block of code on every page is one of these, and a block that is none of them fails:

    $ COMMAND          run in order, page by page; its output is compared, `...` standing for lines left out
    # NAME.py          a file for the commands of the page: written there, its gradient functions are found
    >>> EXPRESSION     a doctest
    COMMAND  # remark  usage: the command line is parsed, its options, files and make targets exist
    other              what another test compares, named in ELSEWHERE
"""

import ast
import doctest
import importlib.util
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from markdown_it import MarkdownIt

import oracle
from oracle import builtin, grid
from oracle.gradient_check import functions_in
from oracle.presentation import table
from oracle.presentation.command import main

ROOT = Path(__file__).parents[1]
MISTAKES = ROOT / "docs" / "mistakes"  # written by the tool, and held against it by test_docs_mistakes.py
TESTED = {  # pages whose blocks all have a test of their own
    "ci.md": "tests/test_ci.py",
    "report.md": "tests/oracle/presentation/html/test_command.py",
    "custom-kernel.md": "tests/oracle/conformance/test_conformance_run.py",
    "pytest.md": "tests/oracle/presentation/test_pytest_plugin_page.py",
    "snapshots.md": "tests/oracle/snapshots/test_docs.py",
}
EVERY = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.parent != MISTAKES)]
PAGES = [page for page in EVERY if page.name not in TESTED]

ELSEWHERE = {  # (page, how the block begins): the test in which it is compared, or what makes the page
    ("README.md", "why\n"): "tests/oracle/presentation/test_diagnosis_text.py",
    ("README.md", "network     "): "test_the_table_of_the_readme",
    ("networks.md", "x wrong: "): "tests/test_readme.py",
    ("networks.md", "FAILED tests/test_gradients.py"): "test_the_failing_test_is_one_of_the_suite",
    ("balancing.md", "$ bptt-oracle balance"): "tests/oracle/presentation/test_balance_command.py",
    ("balancing.md", "from oracle import balance"): "tests/oracle/presentation/test_balance_command.py",
    ("balancing.md", "import numpy as np\n"): "tests/oracle/mismatch/test_page.py",
    ("balancing.md", "adder.py:29 in adder"): "tests/oracle/mismatch/test_page.py",
    ("balancing.md", "ValueError: matmul: "): "test_numpy_says_so",
    ("balancing.md", "faulty_elman.py:139 in"): "tests/oracle/mismatch/test_settled.py",
    ("checking.md", "from oracle import gradient_function, load"): "test_the_adapter_of_the_docs_is_that_of_the_readme",
    ("checking.md", "from oracle import assert_gradients"): "test_the_call_from_python",
    ("checking.md", "d = rng.normal"): "test_a_layer_has_no_loss",
    ("checking.md", "✗ three_mistakes at"): "tests/test_readme.py",
    ("checking.md", "where\n"): "tests/oracle/presentation/test_diagnosis_text.py",
    ("checking.md", "faulty_elman.py:121 in"): "tests/test_readme.py",
    ("checking.md", "import numpy as np\n"): "tests/oracle/alignment/test_page.py",
    ("checking.md", "axes of different meaning"): "tests/oracle/alignment/test_page.py",
    ("checking.md", "@gradient_function(..., deviation="): "test_what_is_declared",
    ("checking.md", 'forward_like("lstm"'): "test_what_is_declared",
    ("mutants.md", "@@ "): "mutants/report.py",
    ("speed.md", 'python -c "'): "test_a_program_on_the_command_line",
}


def blocks(path: Path) -> list[tuple[str, str]]:
    """(language, text) of each code block; directives of the site's generator are none."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    found = [(token.info, token.content) for token in tokens if token.type in ("fence", "code_block")]
    return [(info, text) for info, text in found if not info.startswith("{")]


def elsewhere(page: Path, text: str) -> str:
    return next((by for (name, begin), by in ELSEWHERE.items() if page.name == name and text.startswith(begin)), "")


def the_block(page: str, begin: str) -> str:
    (text,) = (text for _, text in blocks(ROOT / page) if text.startswith(begin))
    return text


def runs(text: str) -> list[tuple[str, list[str]]]:
    """'$ a\\nb\\n$ c\\n' -> [('a', ['b']), ('c', [])]."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(lines[0], lines[1:]) for lines in (part.rstrip().splitlines() for part in parts)]


USAGE = re.compile(r"(?:time |env (?:-u \w+ )+)?(?:\.venv/bin/)?(bptt-oracle|pytest|python|make|source)\b.*")


def is_usage(text: str) -> bool:
    return all(USAGE.fullmatch(line) for line in text.splitlines() if line.strip())


def file_named(text: str) -> str:
    """'# my_rnn.py' in the first line -> 'my_rnn.py'."""
    match = re.match(r"# (\w+\.py)\n", text)
    return match[1] if match else ""


def masked(line: str) -> str:
    """Without what differs from one processor to the next, and the blanks that line columns up."""
    line = re.sub(r"-?\d+\.\d+(e[+-]?\d+)?|\b-?\d+e[+-]?\d+", "#", line)
    line = re.sub(r"[\d,]+ candidates tried", "# candidates tried", line)
    line = re.sub(r"\[\d+(, \d+)*\]", "[#]", line)
    return re.sub(r"(?<=\S) +", " ", line.rstrip())


def differs(shown: list[str], printed: list[str]) -> str:
    """Why what is shown is not what is printed; empty if it is. A line `...` stands for any lines, also for none."""
    at, free = 0, False
    shown, printed = [masked(line) for line in shown], [masked(line) for line in printed]
    while printed and not printed[-1]:
        printed.pop()
    for line in shown:
        if line.strip() == "...":
            free = True
            continue
        while free and at < len(printed) and printed[at] != line:
            at += 1
        if at == len(printed) or printed[at] != line:
            return f"shown:   {line}\nprinted: {printed[at] if at < len(printed) else 'nothing more'}"
        at, free = at + 1, False
    return "" if free or at == len(printed) else f"shown:   nothing more\nprinted: {printed[at]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_is_executed(page):
    for _, text in blocks(page):
        kinds = [text.startswith("$ "), bool(file_named(text)), text.startswith(">>> "), is_usage(text)]
        assert any(kinds) or elsewhere(page, text), f"{page.name}: nothing executes this block:\n{text}"


@pytest.mark.parametrize("begin, by", [(key, by) for key, by in ELSEWHERE.items()], ids=lambda one: str(one)[:40])
def test_what_is_compared_elsewhere_is(begin, by):
    name, start = begin
    (page,) = (page for page in PAGES if page.name == name)
    assert any(text.startswith(start) for _, text in blocks(page)), f"{name} has no such block any more"
    if by.startswith("test_"):
        assert by in globals()
    elif by.startswith("tests/"):
        assert name in (ROOT / by).read_text(encoding="utf-8")
    else:
        assert (ROOT / by).exists()


@pytest.mark.parametrize("name, by", list(TESTED.items()), ids=list(TESTED))
def test_what_has_a_test_of_its_own_is_read_there(name, by):
    assert name in {page.name for page in EVERY} and f'"{name}"' in (ROOT / by).read_text(encoding="utf-8")


WITH_RUNS = [
    page for page in PAGES if any(text.startswith("$ ") and not elsewhere(page, text) for _, text in blocks(page))
]


@pytest.mark.parametrize("page", WITH_RUNS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_print_what_is_shown(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    # for the cause: on a busy machine a few seconds are not enough; the command's child is a fork, and has the same
    monkeypatch.setattr("oracle.diagnosis.SECONDS", 60.0)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    printed: dict[str, str] = {}
    for _, text in blocks(page):
        if name := file_named(text):
            (tmp_path / name).write_text(text, encoding="utf-8")
        for command, shown in runs(text) if text.startswith("$ ") else ():
            program, *arguments = shlex.split(command)
            assert program == "bptt-oracle"
            if command not in printed or not command.partition(" check ")[2].startswith("examples/"):
                printed[command] = CliRunner().invoke(main, arguments).output
            assert not (why := differs(shown, printed[command].splitlines())), f"$ {command}\n{why}"


FILES = [(page, file_named(text), text) for page in PAGES for _, text in blocks(page) if file_named(text)]


@pytest.mark.parametrize("page, name, text", FILES, ids=[f"{page.name}-{name}" for page, name, _ in FILES])
def test_a_file_declares_gradient_functions(page, name, text, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert functions_in(str(tmp_path / name))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_doctests(page):
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0


@pytest.fixture(scope="module")
def help_of_pytest():
    return subprocess.run([sys.executable, "-m", "pytest", "--help"], cwd=ROOT, capture_output=True, text=True).stdout


LINES = [
    (page, line.partition("  #")[0].strip())
    for page in PAGES
    for _, text in blocks(page)
    if is_usage(text) and not text.startswith(">>>")
    for line in text.splitlines()
    if line.strip()
]


@pytest.mark.parametrize("line", list(dict.fromkeys(line for _, line in LINES)))
def test_usage(line, help_of_pytest, monkeypatch):
    monkeypatch.chdir(ROOT)
    words = shlex.split(re.sub(r"^(time |env (-u \w+ )+)", "", line).partition(" | ")[0])
    program, arguments = Path(words[0]).name, words[1:]
    if program == "bptt-oracle":
        name, *rest = arguments
        main.commands[name].make_context(name, rest)  # raises click.UsageError
    elif program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(arguments) <= set(targets)
    elif program == "source":
        assert arguments == [".venv/bin/activate"]
    elif program == "pytest":
        asked = {word for word in arguments if re.match(r"--?[a-z]", word)}
        assert not {word for word in asked if not re.search(rf"(^|[ ,]){re.escape(word)}\b", help_of_pytest)}
    else:
        of_module = arguments[0] == "-m"
        script = Path(importlib.util.find_spec(arguments[1]).origin if of_module else arguments[0])
        if of_module and script.name == "__init__.py":
            script = script.with_name("__main__.py")
        source = script.read_text(encoding="utf-8")
        for option in re.findall(r"(?:^| )(--[a-z-]+)", line):
            assert f'"{option}"' in source, f"{script.name} has no {option}"


def test_the_adapter_of_the_docs_is_that_of_the_readme():
    readme, docs = (
        the_block("README.md", "# check_char_rnn.py"),
        the_block("docs/checking.md", "from oracle import g"),
    )
    assert ast.dump(ast.parse(readme)) == ast.dump(ast.parse(docs))


def test_the_adapter_of_the_readme_checks(tmp_path, monkeypatch):
    """The program that it loads is one of the examples, under the names of the best known of its kind."""
    program = (ROOT / "examples" / "programs" / "char_rnn.py").read_text(encoding="utf-8")
    (tmp_path / "min_char_rnn.py").write_text(program.replace("loss_and_gradients", "lossFun"), encoding="utf-8")
    (tmp_path / "check_char_rnn.py").write_text(the_block("README.md", "# check_char_rnn.py"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check", "check_char_rnn.py"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("✓ char_rnn at check_char_rnn.py:4")


def test_the_call_from_python():
    text = the_block("docs/checking.md", "from oracle import assert_gradients")

    def f(p):
        error = np.array([1.0, 2.0]) @ p["W"] + p["b"]
        return 0.5 * np.sum(error**2), {"W": np.outer([1.0, 2.0], error), "b": error}

    names = {"f": f, "W": np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]]), "b": np.array([0.1, 0.2, 0.3])}
    exec(text, names)
    assert names["finding"].outcome == "agrees"
    names["f"] = lambda p: (f(p)[0], {**f(p)[1], "b": 2 * f(p)[1]["b"]})  # wrong on purpose
    with pytest.raises(AssertionError, match="b wrong"):
        exec(text, names)


def test_a_layer_has_no_loss():
    """The weights of the sum are the upstream gradient: of a layer that doubles, that gives twice the weights."""
    names: dict = {}
    body = textwrap.indent(the_block("docs/checking.md", "d = rng.normal"), "    ")
    exec(f"def adapter(rng, outputs, layer):\n{body}", names)
    doubling = Mock(backward=lambda upstream: 2 * upstream)
    loss, gradient = names["adapter"](np.random.default_rng(0), np.array([2.0, -4.0]), doubling)
    assert loss == pytest.approx(np.sum(gradient * np.array([1.0, -2.0])))


def test_what_is_declared():
    for begin in ("@gradient_function(...", 'forward_like("lstm"'):
        text = the_block("docs/checking.md", begin).lstrip("@")
        called = {node.func.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}
        assert called and not called - set(oracle.__all__)


def test_numpy_says_so():
    said = the_block("docs/balancing.md", "ValueError: matmul: ").strip().removeprefix("ValueError: ")
    with pytest.raises(ValueError) as raised:
        np.ones((1, 2)) @ np.ones((16, 16))
    for part in said.split(" ... "):
        assert part in str(raised.value)


def test_a_program_on_the_command_line(capsys):
    program = shlex.split(the_block("docs/speed.md", "python -c"))[-1]
    assert program.count("(50, 32, 64)") == 1
    with torch.no_grad():
        exec(program.replace("(50, 32, 64)", "(2, 2, 64)"), {"torch": torch})
    assert "aten::" in capsys.readouterr().out


def test_the_failing_test_is_one_of_the_suite():
    label = re.search(r"\[(.*?)\]", the_block("docs/networks.md", "FAILED "))[1]
    assert label in {case.label("weight_hh") for case in grid.cases("standard", None, None, ("elman",), None, [0])}


def test_the_table_of_the_readme():
    """Its rows are networks of ours with the gradients that they have, and the numbers in its words are theirs."""
    lines = the_block("README.md", "network     ").splitlines()
    rows = [line.split()[0] for line in lines if re.match(r"\w+ +\d\.\d✓", line)]
    cases = builtin.cases(grid.CELL_NAMES, 0)
    networks, gradients = {case.network for case in cases}, sum(len(grid.names(case)) for case in cases)
    assert rows and set(rows) <= networks
    assert lines[0].split() == ["network", *table.COLUMNS.values()]
    kinds = {case.network: {table.kind(name) for name in grid.names(case)} & set(table.COLUMNS) for case in cases}
    for name, *cells in (line.split() for line in lines if line.split()[:1] and line.split()[0] in rows):
        assert {kind for kind, cell in zip(table.COLUMNS, cells) if cell != table.UNICODE.absent} == kinds[name], name
    assert set(table.legend(table.UNICODE).plain.splitlines()) <= set(lines)
    assert f"... {len(networks) - len(rows)} more" in lines
    assert lines[-1] == f"✓ all {gradients:,} gradients of {len(networks)} networks agree with autograd"
    assert f"here with {len(rows)} of its {len(networks)} rows" in (ROOT / "README.md").read_text(encoding="utf-8")
