"""One verified snapshot, recorded once for all tests of a process: that takes a second or two."""

import os

import pytest

from oracle.gradient_check import functions_in
from oracle.snapshots import FunctionCode, to_bytes
from oracle.snapshots.recording import verified

LAYER = """\
import numpy as np
from oracle import gradient_function


@gradient_function(W="hidden input", b="hidden")
def layer(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    y = np.tanh(x @ p.W.T + p.b)
    d = y * (1 - y**2)
    return 0.5 * np.sum(y**2), dict(W=d.T @ x, b=d.sum(0))
"""


@pytest.fixture
def code(tmp_path):
    """(source, name) -> the code of a function in a file of its own."""

    def made(source: str, name: str = "layer") -> FunctionCode:
        path = tmp_path / "check_layer.py"
        path.write_text(source, encoding="utf-8")
        return FunctionCode(functions_in(str(path))[name], name)

    return made


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """The snapshot of LAYER."""
    path = tmp_path_factory.mktemp("recorded") / "check_layer.py"
    path.write_text(LAYER)
    code = FunctionCode(functions_in(str(path))["layer"], "layer")
    return verified(code, code.measure())


@pytest.fixture(scope="session")
def data(recorded):
    return to_bytes(recorded)


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    """The runs of pytest inside these tests are no workers of the one around them: those print no report."""
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
        monkeypatch.delenv(name)
