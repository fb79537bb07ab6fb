"""The arithmetic of benchmarks/regression.py on made-up ratios; nothing is timed here."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks is no installed package

from benchmarks import regression

Compared = regression.Compared

CALM = (0.500, 0.501, 0.499, 0.500, 0.500)
RESTLESS = (0.40, 0.50, 0.60, 0.45, 0.55)


@pytest.mark.parametrize(
    "recorded, by, outcome",
    [
        (CALM, 1.0, "same"),
        (CALM, 1.03, "same"),  # smaller than is looked for
        (CALM, 1.08, "slower"),
        (CALM, 0.9, "faster"),
        (RESTLESS, 1.3, "same"),  # as far apart as the runs themselves are
        (RESTLESS, 2.5, "slower"),
        (RESTLESS, 0.4, "faster"),
    ],
)
def test_a_change_counts_beyond_what_the_runs_spread(recorded, by, outcome):
    assert Compared("a", recorded, tuple(by * ratio for ratio in recorded[:3])).outcome == outcome


def test_the_margin_is_four_standard_deviations_of_one_run():
    runs = (0.9, 1.0, 1.1)  # the logarithms have the variance 0.010076
    assert Compared("a", runs, runs).margin == pytest.approx(0.4941, abs=1e-3)
    assert Compared("a", CALM, CALM).margin == regression.SMALLEST
    assert Compared("a", CALM, RESTLESS).margin > regression.SMALLEST  # today's restlessness counts too


def test_the_unit_does_not_matter():
    one = Compared("a", RESTLESS, (0.7, 0.8, 0.9))
    other = Compared("a", tuple(7 * r for r in RESTLESS), (4.9, 5.6, 6.3))
    assert one.margin == pytest.approx(other.margin) and one.change == pytest.approx(other.change)


@pytest.mark.parametrize("runs", [(), (0.5,), (0.5, 0.0), (0.5, -1.0), (0.5, float("nan")), (0.5, float("inf"))])
def test_what_is_no_two_ratios(runs):
    with pytest.raises(ValueError, match="two or more positive ratios"):
        Compared("a", CALM, runs)


def run(monkeypatch, tmp_path, factor, kept=None):
    """Exit status and output of the command where every ratio of today is `factor` times the recorded one."""
    names = [regression.label(*point) for point in regression.POINTS]
    kept = kept or {"machine": "here", "ratios": {name: list(CALM) for name in names}}
    (tmp_path / "ratios.json").write_text(json.dumps(kept))
    factors = dict.fromkeys(names, 1.0) | {names[0]: factor}
    today = {name: [factors[name] * ratio for ratio in CALM[:3]] for name in names}
    monkeypatch.setattr(regression, "measured", lambda runs: today)
    monkeypatch.setattr(regression, "described", described)
    result = CliRunner().invoke(regression.main, ["--ratios", str(tmp_path / "ratios.json")])
    return result.exit_code, result.output


def described():
    return "here"


@pytest.fixture(autouse=True)
def no_process(monkeypatch):
    class Here:
        def __enter__(self):
            return self

        def __exit__(self, *error): ...

        def apply(self, function):
            return function()

    class Context:
        Pool = staticmethod(lambda *arguments, **options: Here())

    monkeypatch.setattr(regression.multiprocessing, "get_context", lambda method: Context)


def test_the_exit_status_is_that_of_the_slower_ones(monkeypatch, tmp_path):
    assert run(monkeypatch, tmp_path, 1.0)[0] == 0
    assert run(monkeypatch, tmp_path, 0.5)[0] == 0
    status, output = run(monkeypatch, tmp_path, 1.5)
    assert status == 1 and "1 of 8 ratios are worse than their margin allows" in output


def test_what_it_says_of_another_machine(monkeypatch, tmp_path):
    assert "recorded on" not in run(monkeypatch, tmp_path, 1.0)[1]
    names = [regression.label(*point) for point in regression.POINTS]
    kept = {"machine": "elsewhere", "ratios": {name: list(CALM) for name in names}}
    assert "recorded on: elsewhere" in run(monkeypatch, tmp_path, 1.0, kept)[1]


@pytest.mark.parametrize("kept", [[1], {"ratios": {}}, {"machine": "here", "ratios": {"a": ["x"]}}])
def test_a_file_that_holds_no_ratios(monkeypatch, tmp_path, kept):
    status, output = run(monkeypatch, tmp_path, 1.0, kept)
    assert status == 2 and "--record" in output


def test_points_that_were_not_recorded(monkeypatch, tmp_path):
    kept = {"machine": "here", "ratios": {"lstm of old": list(CALM)}}
    status, output = run(monkeypatch, tmp_path, 1.0, kept)
    assert status == 2 and "lstm of old" in output and "--record" in output


def test_no_file(tmp_path):
    with pytest.raises(ValueError, match="run with --record"):
        regression.read(tmp_path / "none.json")


def test_the_ratios_in_the_repository_are_those_that_are_measured():
    kept = regression.read(regression.RATIOS)
    assert list(kept["ratios"]) == [regression.label(*point) for point in regression.POINTS]
    assert all(len(runs) == regression.RECORDED_RUNS for runs in kept["ratios"].values())
