"""rnn_manual imports NumPy alone, and imports of ours run one way: presentation, oracle, rnn_manual, none back."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import oracle
import rnn_manual

RNN_MANUAL, ORACLE = Path(rnn_manual.__file__).parent, Path(oracle.__file__).parent
ROOT = RNN_MANUAL.parent

RUN_WITH_NUMPY_ALONE = """
import importlib, importlib.abc, pkgutil, sys

allowed = sys.stdlib_module_names | {"numpy", "rnn_manual"}

class NumpyAlone(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"{name} is neither the standard library nor numpy nor rnn_manual")

for name in [name for name in sys.modules if name.partition(".")[0] not in allowed]:
    del sys.modules[name]
sys.meta_path.insert(0, NumpyAlone())
sys.path.insert(0, sys.argv[1])

import numpy as np
import rnn_manual
for module in pkgutil.iter_modules(rnn_manual.__path__):
    importlib.import_module(f"rnn_manual.{module.name}")

rng = np.random.default_rng(0)
for cell in ("elman", "lstm", "gru"):
    for loss in ("half_squared_error", "binary_cross_entropy", "softmax_cross_entropy"):
        network = rnn_manual.Network(
            cell=cell, input_size=4, hidden_size=6, output_size=7, layers=2, bidirectional=True, loss=loss
        )
        parameters = rnn_manual.initial_parameters(network, rng)
        masks = rnn_manual.dropout_masks(network, 5, 3, 0.5, rng)
        x, targets = rng.normal(size=(5, 3, 4)), np.full((5, 3, 7), 1 / 7)
        lengths = np.array([5, 2, 3])
        rnn_manual.loss_and_gradients(
            network, parameters, x, targets, lengths=lengths, dropout_masks=masks, weights=np.ones((5, 3))
        )
    rnn_manual.from_state_dict(network, rnn_manual.to_state_dict(network, parameters))
print("ran with numpy alone")
"""


def run_with_numpy_alone(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", RUN_WITH_NUMPY_ALONE, str(folder)], capture_output=True, text=True)


def test_rnn_manual_runs_where_there_is_numpy_alone():
    result = run_with_numpy_alone(ROOT)
    assert (result.stdout, result.stderr) == ("ran with numpy alone\n", "")


def test_another_import_is_noticed(tmp_path):
    """The pair of the test above: an import of something that is installed here stops it."""
    package = tmp_path / "rnn_manual"
    package.mkdir()
    (package / "__init__.py").write_text("import pytest\n")
    assert "ImportError: pytest is neither the standard library nor numpy nor rnn_manual" in (
        run_with_numpy_alone(tmp_path).stderr
    )


def imports(path: Path, root: Path) -> Iterator[str]:
    """The dotted name of everything that a file imports, wherever in it; relative imports resolved from `root`."""
    package = path.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def within(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def foreign_imports(folder: Path, root: Path) -> list[str]:
    """What the files of a folder import of a package that stands at `root` beside it."""
    ours = {entry.stem for entry in root.iterdir() if not entry.name.startswith(".")} - {folder.name}
    files = sorted(folder.rglob("*.py"))
    return [
        f"{path.relative_to(root)}: {name}"
        for path in files
        for name in imports(path, root)
        if name.partition(".")[0] in ours
    ]  # fmt: skip


def imports_of_presentation(root: Path) -> list[str]:
    """Imports of oracle.presentation where there should be none.

    The tests, conftest.py and the examples, which are users' programs, may, what prints the pages of the docs, what
    tries the commands on hostile input, and the tests that users run on their own cells; and it may itself.
    """
    may = {"tests", "examples", "docs", "docs_tools", "robustness", "conftest.py", "build", "dist"}
    files = [
        path
        for path in sorted(root.rglob("*.py"))
        if not any(part.startswith(".") or part in may for part in path.relative_to(root).parts)
        and path.relative_to(root).parts[:2] not in (("oracle", "presentation"), ("oracle", "presentation.py"))
        and path.relative_to(root).parts[:2] != ("oracle", "conformance")
    ]  # fmt: skip
    return [
        f"{path.relative_to(root)}: {name}"
        for path in files
        for name in imports(path, root)
        if within(name, "oracle.presentation")
    ]  # fmt: skip


def test_rnn_manual_imports_nothing_of_ours():
    assert foreign_imports(RNN_MANUAL, ROOT) == []


def test_nothing_imports_presentation():
    assert imports_of_presentation(ROOT) == []


@pytest.mark.parametrize(
    "path, line, found",
    [
        ("rnn_manual/checks.py", "import oracle", "rnn_manual/checks.py: oracle"),
        ("rnn_manual/checks.py", "def f():\n    from oracle import verdict", "rnn_manual/checks.py: oracle.verdict"),
        ("rnn_manual/checks.py", "from ..oracle.verdict import judge", "rnn_manual/checks.py: oracle.verdict.judge"),
    ],
)
def test_a_way_back_from_rnn_manual_is_noticed(tmp_path, path, line, found):
    harmless = "import rnn_manual.checks"
    for name, source in {path: line, "oracle/__init__.py": "", "rnn_manual/__init__.py": harmless}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    assert foreign_imports(tmp_path / "rnn_manual", tmp_path) == [found]


@pytest.mark.parametrize(
    "path, line, found",
    [
        ("oracle/autograd.py", "import oracle.presentation.html", ["oracle/autograd.py: oracle.presentation.html"]),
        ("oracle/autograd.py", "from oracle import presentation", ["oracle/autograd.py: oracle.presentation"]),
        ("oracle/autograd.py", "from .presentation import html", ["oracle/autograd.py: oracle.presentation.html"]),
        ("oracle/mirror/steps.py", "from .. import presentation", ["oracle/mirror/steps.py: oracle.presentation"]),
        ("oracle/autograd.py", "import oracle.presentations", []),
        ("oracle/presentation/html.py", "from oracle.presentation import terminal", []),
        ("tests/oracle/test_html.py", "from oracle.presentation import html", []),
        ("conftest.py", "from oracle.presentation import html", []),
        ("examples/untransposed.py", "from oracle.presentation import html", []),
        ("benchmarks/speed.py", "import oracle.presentation", ["benchmarks/speed.py: oracle.presentation"]),
    ],
)
def test_a_way_back_from_the_oracle_is_noticed(tmp_path, path, line, found):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(line)
    assert imports_of_presentation(tmp_path) == found
