"""What differs is said in words, each cause with its own, and what agrees says nothing."""

import re
from dataclasses import replace

import numpy as np
import pytest

from oracle.grid import Case
from oracle.snapshots import NetworkCode, differences

from .conftest import LAYER

UPDATE = "pytest check_layer.py::layer --gradient-snapshots --snapshot-update"


@pytest.fixture
def compared(code, recorded):
    """(right, wrong) -> the lines about LAYER with the one text in place of the other."""

    def lines(right: str = "", wrong: str = "") -> list[str]:
        assert right in LAYER
        changed = code(LAYER.replace(right, wrong))
        return differences(changed, changed.measure(), recorded, UPDATE)

    return lines


def test_the_same_says_nothing(compared):
    assert compared() == []


def test_another_order_of_the_same_sums_agrees(compared):
    assert compared("d.sum(0)", "d[::-1].sum(0)") == []
    assert compared("d.T @ x", 'np.einsum("bh,bi->hi", d, x)') == []


def test_a_changed_gradient(compared):
    lines = compared("b=d.sum(0)", "b=d.sum(0) * (1 + 1e-9)")
    assert lines[0].startswith("b changed: by ") and "× rounding noise, worst at [" in lines[0]
    text = "\n".join(lines)
    assert text.count("b changed") == 4 and "W changed" not in text  # at the head, and in each of three cases
    assert "every loss is what it was: what changed is the backward pass" in lines
    assert "but was" in lines[2] and "when it was verified" in lines[2]
    assert lines[-2] == "whether it is wrong, and where: bptt-oracle check check_layer.py::layer"
    assert lines[-1] == f"if it is right and meant to differ, record it anew, which needs torch: {UPDATE}"
    assert any(line.startswith("the snapshot may be stale: the lines of layer") for line in lines)


def test_a_change_outside_of_the_adapter_does_not_blame_the_adapter(code, recorded):
    same = code(LAYER)
    today = same.measure()
    gradients = {**today[0].gradients, "b": today[0].gradients["b"] * 2}
    lines = differences(same, [replace(today[0], gradients=gradients), *today[1:]], recorded, UPDATE)
    assert lines[0].startswith("b changed") and not any("stale" in line for line in lines)


def test_a_changed_loss(compared):
    lines = compared("return 0.5 * np.sum(y**2)", "return 0.5 * np.sum(y**2) + 1e-9")
    assert lines[0].startswith("the loss changed: ") and "forward pass" in "\n".join(lines)
    assert not any("every loss is what it was" in line for line in lines)


@pytest.mark.parametrize(
    "right, wrong, says",
    [
        ("b=d.sum(0)", "b=d.sum(0, keepdims=True)", r"b changed: shape \(1, 6\), but was \(6,\)"),
        ("b=d.sum(0)", "b=d.sum(0).astype(np.float32)", "b changed: dtype float32, but was float64"),
        ("b=d.sum(0)", "b=d.sum(0) * np.nan", r"b changed: nan at \[0\]"),
        ("d.T @ x, b=d.sum(0)", "d.T @ x", "b changed: there is no gradient of it any more"),
    ],
)
def test_other_changes_of_a_gradient(compared, right, wrong, says):
    assert re.match(says, compared(right, wrong)[0])


def test_a_gradient_that_was_not_recorded(code, recorded):
    same = code(LAYER)
    first, *others = same.measure()
    more = replace(first, gradients={**first.gradients, "V": np.ones(3)})
    assert (
        differences(same, [more, *others], recorded, UPDATE)[0] == "V is new: it has a gradient that was not recorded"
    )


@pytest.mark.parametrize(
    "right, wrong, says",
    [
        ('W="hidden input", b', 'W="hidden vocab", b', "shapes: W: '(hidden, input)' was recorded"),
        ('b="hidden")', 'b="hidden", dtype="float32")', "dtype: 'float64' was recorded, 'float32' it is"),
        ('b="hidden")', 'b="hidden", c="1")', "shapes: c: nothing was recorded, '(1,)' it is"),
        (', b="hidden")', ")", "shapes: b: '(hidden,)' was recorded, nothing it is"),
    ],
)
def test_another_declaration_is_stale(compared, right, wrong, says, code, recorded):
    changed = code(LAYER.replace(right, wrong))
    lines = differences(changed, [], recorded, UPDATE)  # decided before anything runs
    assert lines[0] == "the snapshot of layer is stale: it was recorded of something else"
    assert any(line.strip().startswith(says) for line in lines), lines
    assert lines[-1] == f"if that is meant, record it anew, which needs torch: {UPDATE}"


def test_other_cases_are_stale():
    one, other = (NetworkCode("elman", [Case("elman", time, 2, 3, "float64", "ordinary")]) for time in (3, 4))
    from oracle.snapshots.recording import verified

    lines = differences(other, other.measure(), verified(one, one.measure()), UPDATE)
    assert "stale" in lines[0] and "cases[0]: time: 3 was recorded, 4 it is" in lines[1]


def test_another_number_of_cases_is_stale(code, recorded):
    same = code(LAYER)
    (first, again) = differences(same, same.measure()[:2], recorded, UPDATE)
    assert first == "the snapshot of layer is stale: it holds 3 cases, but there are 2" and UPDATE in again


def test_an_adapter_that_asks_for_other_numbers_is_stale(compared):
    lines = compared("rng.normal(size=(sizes.batch, sizes.input))", "rng.normal(0, 2, size=(sizes.batch, sizes.input))")
    assert lines[0] == "the snapshot of layer is stale: it asks rng for other numbers than when it was recorded"
    assert lines[-1] == f"record it anew, which needs torch: {UPDATE}"


def test_an_adapter_that_asks_for_other_sizes_is_stale(compared):
    lines = compared("    d = y", "    sizes.extra\n    d = y")
    assert "stale: it asks for other sizes" in lines[0] and "extra: nothing was recorded" in lines[1]


def test_another_stream_of_random_numbers_is_no_changed_gradient(code, recorded, monkeypatch):
    """As if NumPy's normal had changed: for the parameters; and for what the function draws alone."""
    same, normal = code(LAYER), np.random.Generator.normal
    today = same.measure()
    other = [replace(one, draws="other", loss=2 * one.loss) for one in today]
    lines = differences(same, other, recorded, UPDATE)
    assert "NumPy draws other random numbers from the same seed" in lines[0] and "what it draws from rng" in lines[1]

    class Otherwise(np.random.Generator):
        def normal(self, *args, **kwargs):
            return 1.5 * normal(self, *args, **kwargs)

    monkeypatch.setattr(np.random, "default_rng", lambda seed=None: Otherwise(np.random.PCG64(seed)))
    lines = differences(same, same.measure(), recorded, UPDATE)
    assert "NumPy draws other random numbers" in lines[0] and "its parameters differ" in lines[1]
    assert "changed" not in "\n".join(lines) and lines[-1] == f"record it anew, which needs torch: {UPDATE}"


def test_comments_and_blank_lines_change_nothing(code, recorded):
    assert code(LAYER).source == recorded.source
    assert code(LAYER.replace("    d = y", "\n\n    d = y")).source == recorded.source
    assert code(LAYER.replace("    d = y", "    d = 1 * y")).source != recorded.source
