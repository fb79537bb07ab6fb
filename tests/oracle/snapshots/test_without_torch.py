"""Comparing needs NumPy, pytest and syrupy: in a process in which everything else cannot be imported."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import LAYER

ROOT = Path(__file__).parents[3]
ABSENT = ("torch", "jax", "scipy", "click", "rich", "executing", "nbformat", "fissix", "matplotlib")
LIGHT = f"""
import sys

class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent)
"""


def python(source: str, directory: Path, *first: Path) -> subprocess.CompletedProcess:
    """Run in a directory; packages are looked for in `first` before anywhere else."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, first), os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(
        [sys.executable, "-c", LIGHT + source], cwd=directory, env=environment, capture_output=True, encoding="utf-8"
    )


def run(directory: Path, *arguments: str, first: tuple[Path, ...] = ()) -> subprocess.CompletedProcess:
    return python(
        f"import pytest; sys.exit(pytest.main({['-q', '-p', 'no:cacheprovider', *arguments]!r}))", directory, *first
    )


@pytest.fixture
def layer(tmp_path, data):
    (tmp_path / "check_layer.py").write_text(LAYER)
    snapshot = tmp_path / "__gradients__" / "check_layer" / "layer.npz"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_bytes(data)
    return tmp_path


def test_declaring_and_loading(tmp_path):
    (tmp_path / "program.py").write_text("import numpy as np\nn = 3\ndef f(): return np.ones(n)\n")
    found = python(
        "from oracle import gradient_function, load\n"
        "m = load('program.py', only=['f', 'n'])\n"
        "assert m.f().shape == (3,)\n"
        "assert 'torch' not in sys.modules\n",
        tmp_path,
    )
    assert found.returncode == 0, found.stderr


def test_what_is_right_passes_and_what_is_changed_fails(layer):
    found = run(layer, "check_layer.py", "--gradient-snapshots", "-W", "error")
    assert found.returncode == 0 and "1 snapshot passed" in found.stdout, found.stdout + found.stderr
    (layer / "check_layer.py").write_text(LAYER.replace("b=d.sum(0)", "b=d[0]"))
    found = run(layer, "check_layer.py", "--gradient-snapshots")
    assert found.returncode == 1 and "b changed: by" in found.stdout


@pytest.mark.parametrize("existing", [True, False])
def test_nothing_is_recorded(layer, data, existing):
    snapshot = layer / "__gradients__" / "check_layer" / "layer.npz"
    if existing:
        (layer / "check_layer.py").write_text(LAYER.replace("b=d.sum(0)", "b=d[0]"))
    else:
        snapshot.unlink()
    update = "--snapshot-update" if existing else "--snapshot-update-new-only"
    found = run(layer, "check_layer.py", "--gradient-snapshots", update)
    assert found.returncode == 1
    assert "nothing is recorded of layer: only PyTorch can verify it, and it cannot be imported" in found.stdout
    assert [snapshot.read_bytes()] == [data] if existing else not snapshot.exists()


NETWORKS = ("-p", "syrupy", "--noconftest", "tests/snapshots/check_networks.py")


def test_the_built_in_networks():
    found = run(ROOT, *NETWORKS)
    assert found.returncode == 0 and "58 snapshots passed" in found.stdout, found.stdout[-3000:] + found.stderr
    assert "unused" not in found.stdout


def test_a_built_in_network_that_has_changed(tmp_path):
    for package in ("rnn_manual", "oracle"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "snapshots", tmp_path / "tests" / "snapshots")
    cell = tmp_path / "rnn_manual" / "gru.py"
    text = cell.read_text(encoding="utf-8")
    right, wrong = "carry += dh_z\n", "carry += (1 + 1e-12) * dh_z\n"
    assert text.count(right) == 1
    cell.write_text(text.replace(right, wrong), encoding="utf-8")
    arguments = ("-p", "syrupy", "--noconftest", "-k", "gru or lstm_peephole", "tests/snapshots/check_networks.py")
    found = run(tmp_path, *arguments, first=(tmp_path,))
    failed = [line for line in found.stdout.splitlines() if line.startswith("FAILED")]
    assert found.returncode == 1 and len(failed) == 18, found.stdout[-3000:]
    assert all("[gru" in line for line in failed) and "changed: by" in found.stdout
