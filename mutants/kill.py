"""The test a mutant has to survive: the recorded gradients, then the NumPy tests. Stands beside a copy of the package.

    python kill.py RECORDED MODULE

What has most to do with the mutated MODULE comes first, and the first failure ends the run. Exit status 0: survived;
else 1, and the first line printed says what killed it. PyTorch is avoided: its import would take longer than the rest.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from itertools import combinations, product
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SMALL_BLOCK = 80  # numbers, a few steps of each problem; a block of the package's own size would hold all of them
WITH_TORCH = ("test_state_dict.py",)


def main(recorded: str, module: str) -> str:
    """What killed the mutant; empty where it survived."""
    poison_empty_arrays()
    with warnings.catch_warnings(action="error"):
        complaint = gradients_complaint(recorded, module)
    return complaint or tests_complaint(module)


def gradients_complaint(recorded: str, module: str) -> str:
    """The first disagreement with the recorded gradients."""
    with np.load(recorded, allow_pickle=False) as file:
        values, entries = file["values"], json.loads(str(file["entries"]))
    try:
        import rnn_manual
    except Exception as error:
        return f"import: {type(error).__name__}: {error}"
    assert Path(rnn_manual.__file__).is_relative_to(HERE), f"{rnn_manual.__file__} is not the copy beside kill.py"
    entries.sort(key=lambda entry: entry["network"]["cell"] != module)  # first its own cell, else in order
    blocks = (rnn_manual.time_axis.BLOCK, SMALL_BLOCK)
    for entry, block in product(entries, blocks):
        try:
            complaint = next(complaints(rnn_manual, entry, values, block), "")
        except Exception as error:
            complaint = f"{type(error).__name__}: {error}"
        if complaint:
            return f"gradients: {complaint}"
    rnn_manual.time_axis.BLOCK = blocks[0]
    return ""


def poison_empty_arrays() -> None:
    """Fill what np.empty gives with NaN: fresh memory often holds zeros, and who reads it would live by luck."""
    for name in ("empty", "empty_like"):
        setattr(np, name, _poisoned(getattr(np, name)))


def _poisoned(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    def poisoned(*args: object, **options: object) -> np.ndarray:
        array = function(*args, **options)
        if array.dtype.kind == "f":
            array.fill(np.nan)
        return array

    return poisoned


def complaints(package, entry: dict, values: np.ndarray, block: int) -> Iterator[str]:
    """What is wrong with the package's loss and gradients of one recorded problem, computed in blocks of that size."""
    package.time_axis.BLOCK = block

    def array(place: dict) -> np.ndarray:
        shape = tuple(place["shape"])
        flat = values[place["begin"] : place["begin"] + int(np.prod(shape))]
        return flat.reshape(shape).astype(place["dtype"])

    options = {name: tuple(value) if name == "truncation" else value for name, value in entry["network"].items()}
    network = package.Network(**options)
    parameters = {name: array(place) for name, place in entry["parameters"].items()}
    given = {name: array(place) for name, place in entry["given"].items()}
    if given["x"].dtype == np.float32 and "lengths" in given:  # unsigned lengths must not wrap
        given["lengths"] = given["lengths"].astype(np.uint8)
    for name in ("h_0", "c_0", "d_h_n", "d_c_n"):  # what is zero may as well be left out
        if name in given and not given[name].any():
            del given[name]
    before = {name: value.copy() for name, value in (parameters | given).items()}

    dtype = given["x"].dtype
    loss, gradients = loss_and_gradients(package, network, parameters, given)
    for name, value in (parameters | given).items():
        if not np.array_equal(value, before[name]):
            yield f"{name} was modified"
    if getattr(loss, "dtype", None) != dtype:
        yield f"loss is {loss!r}, but should be {dtype}"
    if not abs(loss - entry["loss"]) <= entry["loss_tolerance"]:
        yield f"loss is {loss}, but should be {entry['loss']}"
    if set(gradients) != set(entry["gradients"]):
        yield f"gradients of {sorted(gradients)}, but should be of {sorted(entry['gradients'])}"
    for name, place in entry["gradients"].items():
        truth, gradient = array(place), gradients[name]
        if gradient.shape != truth.shape or gradient.dtype != dtype:
            yield f"{name} is {gradient.shape} {gradient.dtype}, but should be {truth.shape} {dtype}"
        if not np.all(np.abs(gradient - truth) <= entry["tolerances"][name]):
            yield f"{name} differs by {np.max(np.abs(gradient - truth))}"
    for a, b in combinations([*gradients.values(), *parameters.values(), *given.values()], 2):
        if np.may_share_memory(a, b):
            yield "two arrays share memory"


def loss_and_gradients(package, network, parameters: dict, given: dict) -> tuple[np.floating, dict[str, np.ndarray]]:
    """The network's own loss; for a bare stack, outputs and final states times their upstream gradients."""
    given = dict(given)
    x = given.pop("x")
    if network.output_size is not None:
        return package.loss_and_gradients(network, parameters, x, given.pop("targets"), **given)
    upstream = {name: given.pop(name) for name in ("d_outputs", "d_h_n", "d_c_n") if name in given}
    run = package.forward(network, parameters, x, **given)
    loss = x.dtype.type(0)
    for name, gradient in upstream.items():
        result = getattr(run, name.removeprefix("d_"))
        assert result.shape == gradient.shape, f"{name} should be {result.shape}, but is {gradient.shape}"
        loss = loss + (result * gradient).sum()
    first, second = (package.backward(run, **upstream) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first), "a second backward pass differs"
    return loss, first


def tests_complaint(module: str) -> str:
    """The first failure among the tests: the module's own first, then the others.

    Those that import PyTorch run only for a mutant of their own module. No plug-ins: one of them, ours, imports it.
    """
    import pytest

    own = HERE / "tests" / f"test_{module}.py"
    if own.name not in WITH_TORCH:
        sys.modules["torch"] = None  # whoever imports it fails, and belongs into WITH_TORCH
    files = [own] if own.exists() else []
    files += [test for test in sorted(HERE.glob("tests/test_*.py")) if test != own and test.name not in WITH_TORCH]
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        options = ["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", "--disable-plugin-autoload"]
        code = pytest.main([*options, *map(str, files)])
    return "" if code == 0 else f"tests: {told.getvalue().strip()}"


if __name__ == "__main__":
    complaint = main(*sys.argv[1:])
    print(complaint)
    sys.exit(1 if complaint else 0)
