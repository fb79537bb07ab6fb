"""Only what the oracle agrees with is recorded, with the noise that was measured."""

from dataclasses import replace

import numpy as np
import pytest

from oracle.grid import Case
from oracle.snapshots import NetworkCode, differences
from oracle.snapshots.recording import NotVerified, verified
from oracle.verdict import LIMIT, STRICT

from .conftest import LAYER

UNIT = {"float64": 2.0**-53, "float32": 2.0**-24}


def test_what_is_recorded(recorded):
    assert recorded.versions.keys() == {"python", "numpy", "torch", "bptt-oracle"}
    assert "autograd" in recorded.oracle and recorded.declared["dtype"] == "float64"
    assert [case["seed"] for case in recorded.declared["cases"]] == [0, 0, 0]
    for case in recorded.cases:
        assert case.loss_tolerance >= LIMIT * case.loss_noise > 0
        assert list(case.gradients) == ["W", "b"]
        for one in case.gradients.values():
            scale = np.abs(one.gradient).max()
            assert 0 < one.noise < 1e-13 * scale
            assert one.tolerance == max(LIMIT * one.noise, STRICT * UNIT["float64"] * scale)


@pytest.mark.parametrize(
    "right, wrong, says",
    [
        ("b=d.sum(0)", "b=d.sum(0) * (1 + 1e-9)", "b wrong: "),
        ("d.T @ x, b=d.sum(0)", "d.T @ x", "there is no such gradient"),
        ("y = np.tanh", "raise OSError('gone')\n    y = np.tanh", "OSError: gone"),
        ("    d = y", "    d = rng.normal() * y", "wrong"),
    ],
)
def test_what_is_wrong_is_not_recorded(code, recorded, right, wrong, says):
    assert right in LAYER
    changed = code(LAYER.replace(right, wrong))
    measured = code(LAYER).measure() if "OSError" in wrong else changed.measure()
    with pytest.raises(NotVerified, match=says):
        verified(code(LAYER.replace(right, wrong)), measured)


CHAOTIC = """
from oracle import gradient_function

@gradient_function(x="")
def layer(p, sizes, rng):
    x, slope = 0.3 + 0.001 * p.x, 0.001
    for _ in range(45):
        slope = slope * 3.99 * (1 - 2 * x)
        x = 3.99 * x * (1 - x)
    return x, dict(x=slope)
"""


def test_what_cannot_be_told_is_not_recorded(code):
    chaotic = code(CHAOTIC)
    with pytest.raises(NotVerified, match="cannot tell"):
        verified(chaotic, chaotic.measure())


def test_another_gradient_than_was_checked_is_not_recorded(code):
    """Right in the file that the oracle reads, and wrong in what would be recorded."""
    same = code(LAYER)
    first, *others = same.measure()
    slipped = replace(first, gradients={**first.gradients, "b": 2 * first.gradients["b"]})
    with pytest.raises(NotVerified, match="the gradient of b that was checked is not that which would be recorded"):
        verified(same, [slipped, *others])


def test_a_parameter_called_loss_and_one_in_float32(code):
    source = LAYER.replace("W", "loss").replace('b="hidden")', 'b="hidden", dtype="float32")')
    drawn = "rng.normal(size=(sizes.batch, sizes.input))"
    one = code(source.replace(drawn, f"{drawn}.astype(np.float32)"))
    today = one.measure()
    snapshot = verified(one, today)
    assert differences(one, today, snapshot, "") == []
    for case in snapshot.cases:
        assert case.gradients["loss"].gradient.dtype == np.float32
        assert case.loss_noise < 1e-4 * abs(case.loss)
        assert (
            case.gradients["loss"].tolerance >= STRICT * UNIT["float32"] * np.abs(case.gradients["loss"].gradient).max()
        )


CASE = Case("elman", 3, 2, 4, "float64", "ordinary")


def test_a_network_that_is_wrong_is_not_recorded(untransposed):
    wrong = NetworkCode("elman", [CASE])
    with pytest.raises(NotVerified, match="weight_hh wrong"):
        verified(wrong, wrong.measure())


def test_a_network_and_what_changes_it(monkeypatch):
    code = NetworkCode("elman", [CASE])
    snapshot = verified(code, code.measure())
    assert differences(code, code.measure(), snapshot, "") == []
    assert list(snapshot.cases[0].gradients) == list(code.measure()[0].gradients)
    from rnn_manual import elman

    right = elman.backward

    def wrong(cache, *upstream):
        d_x, d_initial, gradients = right(cache, *upstream)
        return d_x, d_initial, {**gradients, "weight_hh": gradients["weight_hh"] * (1 + 1e-12)}

    monkeypatch.setattr(elman, "backward", wrong)
    lines = differences(code, code.measure(), snapshot, "")
    assert lines[0].startswith("weight_hh changed") and lines[-2].endswith("bptt-oracle verify")
