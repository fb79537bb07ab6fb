"""The wheel, built, installed in an empty environment and used from an empty folder: nothing of the checkout is needed.

python -m benchmarks.wheel --markdown docs/robustness.md
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import write_section

ROOT = Path(__file__).parents[1]
BUILT = ROOT / "build" / "wheel"
CONSTRAINTS = ROOT / "constraints.txt"
EXTRAS = "html,snapshots"

TEST = """
from check_mine import dense_network
import rnn_manual, oracle

def test_nothing_is_imported_from_elsewhere():
    for module in (rnn_manual, oracle):
        assert "site-packages" in module.__file__, module.__file__
"""
MODULE = '"""Our own networks, as somebody else\'s."""\nfrom rnn_manual import backward, forward\n'


@dataclass(frozen=True)
class Step:
    """What is run in the folder, with the scripts of the environment first on the path.

    status    with which it has to end
    says      what has to be in its output
    """

    what: str
    command: str
    says: str
    status: int = 0


STEPS = (
    Step("both packages", "python -c 'import rnn_manual, oracle; print(oracle.check)'", "function check"),
    Step(
        "a right program",
        "bptt-oracle check check_mine.py::dense_network --html page.html --sarif s --summary m",
        "✓ dense_network",
    ),
    Step("a wrong one, mended", "bptt-oracle check check_faulty.py::untransposed_carry --apply", "changed", 1),
    Step("the same again", "bptt-oracle check check_faulty.py::untransposed_carry", "✓ untransposed_carry"),
    Step("balance", "bptt-oracle balance 'x: batch input' 'd: batch hidden' --to 'input hidden'", "x.T @ d"),
    Step("the networks", "bptt-oracle verify --cells elman", "agree with autograd"),
    Step("pytest", "pytest -q check_mine.py::dense_network test_mine.py --gradient-html tests.html", "passed"),
    Step(
        "snapshots, recorded",
        "pytest -q check_mine.py -k dense_network --gradient-snapshots --snapshot-update",
        "1 snapshot generated",
    ),
    Step(
        "snapshots, compared",
        "pytest -q check_mine.py -k dense_network --gradient-snapshots",
        "1 snapshot passed",
    ),
    Step(
        "a conformance run",
        "pytest -q --pyargs oracle.conformance --implementation mine.py --grid smoke --cells gru",
        "passed",
    ),
)


def build() -> Path:
    """The wheel, made of a copy of what git would hand on: nothing left over from other builds is in it."""
    shutil.rmtree(BUILT, ignore_errors=True)
    BUILT.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        listed = _run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                target = Path(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, target)
        _run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(BUILT), folder], ROOT)
    (wheel,) = BUILT.glob("*.whl")
    return wheel


def installed(wheel: Path, environment: Path, python: str = sys.executable) -> Path:
    """The scripts of a new environment with the wheel in it, in the pinned versions."""
    shutil.rmtree(environment, ignore_errors=True)
    _run([python, "-m", "venv", str(environment)], ROOT)
    scripts = environment / "bin"
    _run([str(scripts / "pip"), "install", "-q", "-c", str(CONSTRAINTS), f"{wheel}[{EXTRAS}]"], environment)
    return scripts


def use(scripts: Path, folder: Path) -> list[tuple[Step, float, str]]:
    """Every step with its seconds and what is amiss with it, empty where nothing is."""
    programs = folder / "programs"
    programs.mkdir()
    examples = ROOT / "examples"
    for name in ("mlp.py", "layer_norm.py", "attention.py", "faulty_elman.py", "faulty_gru.py"):
        shutil.copyfile(examples / "programs" / name, programs / name)
    shutil.copyfile(examples / "check_beyond_rnn.py", folder / "check_mine.py")
    shutil.copyfile(examples / "check_wrong.py", folder / "check_faulty.py")
    (folder / "test_mine.py").write_text(TEST)
    (folder / "mine.py").write_text(MODULE)
    (folder / "pytest.ini").write_text("[pytest]\npython_files = test_*.py check_*.py\n")
    found = []
    for step in STEPS:
        begin = time.monotonic()
        done = _run(["bash", "-c", f"PATH={shlex.quote(str(scripts))}:$PATH; {step.command}"], folder, check=False)
        amiss = ""
        if done.returncode != step.status:
            amiss = f"exit status {done.returncode}, but should be {step.status}"
        elif step.says not in done.stdout:
            amiss = f"it does not say {step.says!r}"
        found.append((step, time.monotonic() - begin, amiss))
        if amiss:
            print(f"{step.command}: {amiss}\n{done.stdout}{done.stderr}", file=sys.stderr)
    return found


def _run(command: list[str], folder: Path, check: bool = True) -> subprocess.CompletedProcess:
    """In a folder, without what would lead back to the checkout."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    variables |= {"PYTHONIOENCODING": "utf-8", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    variables.pop("CI", None)
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def markdown(wheel: Path, found: list[tuple[Step, float, str]], seconds: float) -> list[str]:
    from benchmarks.machine import description

    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    others = sorted({Path(name).suffix for name in names if not name.endswith(".py") and ".dist-info/" not in name})
    right = sum(not amiss for _, _, amiss in found)
    return [
        "",
        "`python -m benchmarks.wheel` builds the wheel from what git would hand on, installs it with the pinned",
        "versions in an empty environment, and uses it from a folder with nothing but a few examples in it.",
        "",
        f"{wheel.name}: {len(names)} files, {wheel.stat().st_size / 1000:.0f} kB; beside Python {', '.join(others)}.",
        f"{right} of {len(found)} steps as they should be; built, installed and used in {seconds:.0f} s.",
        "",
        "| what | command | ends with | as it should | s |",
        "|---|---|---|---|---|",
        *(
            f"| {step.what} | `{step.command}` | {step.status} | {amiss or 'yes'} | {took:.1f} |"
            for step, took, amiss in found
        ),
        "",
        description(),
        "",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wheel", description=__doc__.splitlines()[0])
    parser.add_argument("--markdown", type=Path, help="also write the result there")
    arguments = parser.parse_args()
    begin = time.monotonic()
    wheel = build()
    scripts = installed(wheel, ROOT / "build" / "wheel-environment")
    with tempfile.TemporaryDirectory() as folder:
        found = use(scripts, Path(folder))
    lines = markdown(wheel, found, time.monotonic() - begin)
    print("\n".join(lines))
    if arguments.markdown:
        write_section(arguments.markdown, "wheel", lines)
    return 1 if any(amiss for _, _, amiss in found) else 0


if __name__ == "__main__":
    sys.exit(main())
