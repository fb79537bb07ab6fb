"""The shapes in the signatures of rnn_manual are true: everything runs under jaxtyping's import hook with beartype.

In a process of its own, since the hook must be there before rnn_manual is imported; see under_jaxtyping.py.
"""

import ast
import json
import pickle
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

import rnn_manual
from oracle import grid

PACKAGE = Path(rnn_manual.__file__).parent
CHILD = Path(__file__).with_name("under_jaxtyping.py")


CASES = {name: (name, "float64") for name in grid.NETWORKS} | {
    f"{name} in float32": (name, "float32") for name in grid.CELLS
}  # fmt: skip


def front_door_arguments(name: str, dtype: str) -> tuple[dict, dict, dict | None]:
    """The network's options, the arguments, and for a bare stack the upstream gradients."""
    p = grid.problem(grid.Case(name, time=5, batch=3, hidden=6, dtype=dtype, regime="ordinary"))
    arguments = {key: getattr(p, key) for key in ("parameters", "x", "h_0", "c_0", "lengths", "dropout_masks")}
    if p.network.output_size is not None:
        return asdict(p.network), arguments | {"targets": p.targets, "weights": p.weights}, None
    return asdict(p.network), arguments, {key: getattr(p, key) for key in ("d_outputs", "d_h_n", "d_c_n")}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """A function of a folder with rnn_manual in it: what under_jaxtyping.py found there."""
    problems = tmp_path_factory.mktemp("shapes") / "problems.pickle"
    problems.write_bytes(pickle.dumps({name: front_door_arguments(*case) for name, case in CASES.items()}))

    def run(folder: Path, *calls: str) -> dict[str, object]:
        command = [sys.executable, str(CHILD), str(folder), str(problems), *calls]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return run


@pytest.fixture(scope="module")
def under_jaxtyping(checked):
    return checked(PACKAGE.parent)


@pytest.mark.parametrize("name", CASES)
def test_every_network_runs(under_jaxtyping, name):
    assert under_jaxtyping["right"][name] == ""


def test_the_other_calls_run(under_jaxtyping):
    assert {name: outcome for name, outcome in under_jaxtyping["right"].items() if outcome} == {}


def test_every_function_was_called(under_jaxtyping):
    """An annotation is checked when its function runs: none may be left out."""
    functions = {
        f"rnn_manual.{path.stem}.{name}"
        for path in PACKAGE.glob("*.py")
        for name in _functions(ast.parse(path.read_text()))
    }  # fmt: skip
    assert functions - set(under_jaxtyping["ran"]) == set()


def _functions(node: ast.AST, prefix: str = ""):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield prefix + child.name
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")


def test_a_wrong_shape_is_refused(under_jaxtyping):
    """Called past the front door, where nothing but the annotation can object."""
    assert len(under_jaxtyping["wrong"]) >= 19
    accepted = [
        name
        for name, outcome in under_jaxtyping["wrong"].items()
        if not outcome.startswith("jaxtyping.TypeCheckError: Type-check error whilst checking")
    ]  # fmt: skip
    assert accepted == []


def test_a_wrong_annotation_is_noticed(checked, tmp_path):
    """The pair of the first tests: a copy of the package that says (batch, layers) for h_n does not run."""
    shutil.copytree(PACKAGE, tmp_path / "rnn_manual", ignore=shutil.ignore_patterns("__pycache__"))
    source = tmp_path / "rnn_manual" / "gradients.py"
    right = 'h_n: Float[np.ndarray, "layers batch state"]'
    assert source.read_text().count(right) == 1
    source.write_text(source.read_text().replace(right, 'h_n: Float[np.ndarray, "batch layers"]'))
    outcomes = checked(tmp_path, "elman", "elman.backward")["right"]
    assert "checking the parameters of rnn_manual.gradients.Run.__init__" in outcomes["elman"]
    assert outcomes["elman.backward"] == ""  # past the front door all is well
