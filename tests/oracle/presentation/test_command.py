"""`bptt-oracle`, as a user runs it: what it prints, and with what it exits."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from oracle import builtin
from oracle.grid import NETWORKS
from oracle.presentation import command
from oracle.presentation.command import main
from oracle.verdict import AGREES, CANNOT_TELL, WRONG

FEW = ("elman", "elman_identity", "elman_stacked", "gru")


def run(*arguments):
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def adder():
    """A real one, trained once."""
    return builtin.verify_adder(0)


@pytest.fixture
def small(monkeypatch, adder):
    """A few networks on one small case each, and the adder that is already trained."""
    monkeypatch.setattr(builtin, "POINTS", ((4, 2, 5, "ordinary"),))
    monkeypatch.setattr(builtin, "NETWORKS", {name: NETWORKS[name] for name in FEW})
    monkeypatch.setattr(builtin, "verify_adder", lambda seed, device, done: adder)


@pytest.fixture
def untold(monkeypatch):
    """Of the GRU's x nothing can be told."""
    right = builtin.check

    def check(problem, **options):
        report = right(problem, **options)
        if problem.network.cell == "gru":
            x = replace(report["x"], outcome=CANNOT_TELL, reason="rounding noise alone moves the oracle by 3 %")
            others = [verdict for verdict in report.gradients if verdict.name != "x"]
            report = replace(report, gradients=(x, *others))
        return report

    monkeypatch.setattr(builtin, "check", check)


def test_all_agrees(small):
    result = run("verify")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "network                  W_ih W_hh b_ih b_hh W_ho b_ho peep W_hr  h_0  c_0    x"
    assert [line.split()[0] for line in lines[2:7] if line.strip()] == list(FEW)
    assert "✗" not in "".join(lines[:8])
    assert lines[-1] == "✓ all 64 gradients of 4 networks agree with autograd"  # 2 dtypes, 6 + 6 + 14 + 6


def test_everything_a_reader_needs_stands_under_the_table(small):
    output = " ".join(run("verify", "--seed", "3").output.split())
    for part in (
        "✓ agrees ✗ wrong ? cannot tell, which is no pass · no such gradient",
        "0.5 is 0.5 × rounding noise, e14 is 10^14 × rounding noise",
        "how far the oracle moves when every floating-point result is rounded differently",
        "error at most 4 × rounding noise or 32 u max |oracle|",
        "max |gradient - oracle| / max |oracle|: at most ",
        "T4 B2 H5 ordinary; each in float64 and float32; seed 3",
        "losses 8 of 8 agree",
        "its modules against the step-by-step oracle: 6 of 6 agree; it cannot express elman_identity",
        "all 65,536 sums of 8 bits are right",
        "64 of 64 carry chains",
        f"bptt-oracle {version('bptt-oracle')}, NumPy ",
        "oracle on cpu",
    ):
        assert part in output
    assert re.search(r" time \d+ s ", output)


def test_it_fits_80_columns_and_is_plain_where_there_is_no_terminal(small):
    result = run("verify")
    assert max(map(len, result.output.splitlines())) <= 80
    assert "\x1b" not in result.output
    assert result.stderr == ""


def test_a_narrow_terminal_squeezes_no_number(small, monkeypatch):
    wide = run("verify", "--cells", "gru").output.splitlines()[:3]
    monkeypatch.setenv("COLUMNS", "40")
    assert run("verify", "--cells", "gru").output.splitlines()[:3] == wide


def test_colour_on_a_terminal(small, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal then
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32m0." in run("verify").stdout


def test_no_color_is_respected(small, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    output = run("verify").stdout
    assert "0.2✓" in output or "0.3✓" in output or "0.4✓" in output
    assert "\x1b[3" not in output


def test_a_wrong_gradient_is_named_and_placed(small, untransposed):
    result = run("verify", "--cells", "elman")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    (row,) = [line for line in lines if line.startswith("elman ")]
    assert row.split()[2].startswith("e") and row.split()[2].endswith("✗")  # W_hh
    assert row.split()[1].endswith("✓") and row.split()[3].endswith("✓")
    at = lines.index("elman-T4-B2-H5-float64-ordinary:")
    assert lines[at + 1].startswith("  ✗ weight_hh wrong: ")
    assert "× rounding noise, worst at [" in lines[at + 1]
    assert lines[at + 3].startswith("elman_identity-")  # the others are right
    assert lines[-1] == "✗ wrong: elman, elman_identity, elman_stacked"


def test_a_wrong_loss_is_wrong(small, monkeypatch):
    right = builtin.check

    def check(problem, **options):
        report = right(problem, **options)
        return replace(report, loss=replace(report.loss, outcome=WRONG))

    monkeypatch.setattr(builtin, "check", check)
    result = run("verify", "--cells", "gru")
    assert result.exit_code == 1
    assert "losses          0 of 2 agree, 2 wrong" in result.output


def test_mirrors_that_differ_are_wrong(small, monkeypatch):
    right = builtin.check_mirrors

    def check_mirrors(problem, device):
        report = right(problem, device)
        first, *others = report.gradients
        return replace(report, gradients=(replace(first, outcome=WRONG, noise=first.error or 1e-16), *others))

    monkeypatch.setattr(builtin, "check_mirrors", check_mirrors)
    result = run("verify", "--cells", "gru")
    assert result.exit_code == 1
    assert "gru-T4-B2-H5-float64-ordinary, torch.nn against the step-by-step oracle:" in result.output


def test_cannot_tell_is_no_pass(small, untold):
    result = run("verify")
    assert result.exit_code == 3
    (row,) = [line for line in result.output.splitlines() if line.startswith("gru ")]
    assert row.endswith("?")
    assert "? x cannot tell: rounding noise alone moves the oracle by 3 %" in result.output
    assert result.output.splitlines()[-1] == "? cannot tell: gru; that is no pass"


def test_wrong_comes_before_cannot_tell(small, untold, untransposed):
    result = run("verify")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "✗ wrong: elman, elman_identity, elman_stacked"


def test_a_network_that_raises_does_not_stop_the_others(small, monkeypatch):
    right = builtin.check

    def check(problem, **options):
        if problem.network.cell == "gru":
            raise ValueError("x has shape (4, 3), but should be (3, 4)")
        return right(problem, **options)

    monkeypatch.setattr(builtin, "check", check)
    result = run("verify")
    assert result.exit_code == 3
    assert "Traceback" not in result.output
    rows = {line.split()[0]: line for line in result.output.splitlines()[:8] if line.strip()}
    assert rows["gru"].split()[1:5] == ["?"] * 4
    assert "?" not in rows["elman"]
    output = " ".join(result.output.split())
    assert "? gru-T4-B2-H5-float64-ordinary raised ValueError: x has shape (4, 3), but should be (3, 4)" in output
    assert output.endswith("? cannot tell: gru; that is no pass")


def test_an_adder_that_does_not_learn_is_wrong(small, adder, monkeypatch):
    idle = replace(adder, learned=False, steps=2000, random_sums=17, chains=0)
    monkeypatch.setattr(builtin, "verify_adder", lambda seed, device, done: idle)
    result = run("verify", "--cells", "gru")
    assert result.exit_code == 1
    output = " ".join(result.output.split())
    assert "after 2,000 steps not all 65,536 sums of 8 bits are right. Of 64 bits: 17 of 1,000 random sums" in output
    assert output.endswith("✗ wrong: the binary adder did not learn to add")


def test_the_adder_is_trained_and_checked(adder):
    assert adder.learned
    assert adder.outcomes == [AGREES] * 3
    assert adder.chains == 64


def test_only_the_cells_asked_for(small):
    output = run("verify", "--cells", "gru").output
    assert "\ngru " in output and "\nelman" not in output


def test_another_seed_other_numbers(small):
    tables = [run("verify", "--cells", "gru", "--seed", seed).output.splitlines()[2] for seed in ("1", "2", "1")]
    assert tables[0] == tables[2] != tables[1]


def test_all_networks_are_on_the_list():
    cases = builtin.cases(("elman", "lstm", "gru"), 0)
    assert {case.network for case in cases} == set(NETWORKS)
    assert len(cases) == len(NETWORKS) * len(builtin.POINTS) * 2


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["verify", "--sed", "1"], "Did you mean '--seed'?"),
        (["verify", "--cell", "gru"], "'--cells'"),
        (["verfy"], "No such command 'verfy'"),
        (["verify", "--cells", "elmann"], "'elmann' is unknown; known are elman, lstm, gru; did you mean 'elman'?"),
        (["verify", "--cells", ""], "'' is unknown; known are elman, lstm, gru"),
        (["verify", "--seed", "-1"], "Invalid value for '--seed': -1 is not in the range x>=0."),
        (["verify", "--seed", "one"], "Invalid value for '--seed': 'one' is not a valid integer range."),
        (["verify", "--device", "gpu"], "'gpu' is no device as torch names them, such as cpu, cuda or cuda:1"),
    ],
)
def test_a_wrong_command_line(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_device_that_is_not_there():
    result = run("verify", "--device", "cuda:63")
    assert result.exit_code == 3
    assert result.stdout == ""
    first, second, third = result.stderr.splitlines()
    assert first == "Error: nothing was checked: device 'cuda:63' cannot compute in float64 here."
    assert second.startswith("torch says: ")
    assert third == "--device cpu works everywhere."


def test_interrupted_is_neither_right_nor_wrong(small, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(builtin, "verify_networks", interrupt)
    result = run("verify")
    assert result.exit_code == 130
    assert result.stderr == "interrupted: nothing is verified\n"


def test_help():
    output = run("verify", "--help").output
    for part in ("--device", "--seed", "--cells", "Examples:", "verify --cells gru", "Exit status:", "no pass"):
        assert part in output
    assert max(map(len, output.splitlines())) <= 80
    assert "verify" in run("--help").output
    assert run("--version").output.strip().endswith(version("bptt-oracle"))


def test_a_real_process_with_an_ascii_terminal():
    program = (
        "from oracle import builtin; builtin.POINTS = ((4, 2, 5, 'ordinary'),); "
        "builtin.NETWORKS = {'gru': builtin.NETWORKS['gru']}; "
        "from oracle.presentation.command import main; main()"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    result = subprocess.run(
        [sys.executable, "-c", program, "verify", "--cells", "gru"], capture_output=True, env=environment, timeout=120
    )
    output = result.stdout.decode("ascii")
    assert result.returncode == 0, output
    assert result.stderr == b""
    assert max(map(len, output.splitlines())) <= 80
    assert "+ agrees   ! wrong   ? cannot tell, which is no pass   . no such gradient" in output
    assert output.splitlines()[-1].startswith("+ all ")


def test_exit_codes_are_documented():
    assert command.EXIT_CODES == {AGREES: 0, WRONG: 1, CANNOT_TELL: 3}
