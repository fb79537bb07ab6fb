"""The suite under several Pythons and NumPys, each in an environment of its own in build/versions.

    python -m benchmarks.versions --full python3.11=2.0.0 --full python3.11=newest --light python3.13=newest

Full is everything with torch, in the pinned version; light is what needs none: the hand-written networks, recorded
gradients, shapes, balancing, loading programs and running them in a child process.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import write_section
from benchmarks.wheel import CONSTRAINTS, ROOT, build

FOLDER = ROOT / "build" / "versions"
LIGHT = (
    "tests/snapshots/check_networks.py",
    "tests/oracle/test_shapes.py",
    "tests/oracle/test_sizes.py",
    "tests/oracle/test_balance.py",
    "tests/oracle/test_load.py",
    "tests/oracle/test_isolation.py",
    "tests/oracle/test_gradient_function.py",
    "tests/oracle/test_deviations.py",
    "tests/oracle/test_capture.py",
)
FULL = (
    "tests/test_examples.py",
    "tests/test_check_examples.py",
    "tests/oracle/lifting",
    "tests/oracle/annotation",
    "tests/oracle/alignment/test_programs.py",
    "tests/oracle/test_examination.py",
    "tests/oracle/test_child.py",
    "tests/oracle/test_diagnosis.py",
    *LIGHT[1:],
)
PACKAGES = {
    False: ("pytest", "syrupy", "hypothesis", "nbformat", "fissix"),
    True: ("pytest", "syrupy", "jinja2", "pygments", "threadpoolctl", "jaxtyping", "beartype", "matplotlib"),
}
NEWEST = "newest"
COUNT = re.compile(r"(\d+) (passed|failed|skipped|error|errors|xfailed)\b")


@dataclass(frozen=True)
class Pair:
    """A Python and a NumPy: a name such as python3.12 or a path, a version or "newest"."""

    python: str
    numpy: str
    full: bool


@dataclass(frozen=True)
class Ran:
    """What came of one pair; `counts` are pytest's own words."""

    pair: Pair
    versions: str
    counts: str
    right: bool
    seconds: float


def pair(text: str, full: bool) -> Pair:
    python, _, numpy = text.rpartition("=")
    if not python or not re.fullmatch(rf"{NEWEST}|\d+(\.\d+)+", numpy):
        raise SystemExit(f"{text!r} should be a Python and a version of NumPy, such as python3.12=2.4.6")
    return Pair(python, numpy, full)


def found(python: str) -> str | None:
    """A Python that runs: by its path, on PATH, or among those that pyenv keeps."""
    kept = sorted(Path.home().glob(f".pyenv/versions/{python.removeprefix('python')}*/bin/{python}"))
    for candidate in (shutil.which(python), *kept):
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return str(candidate)
    return None


def ran(one: Pair, python: str, wheel: Path) -> Ran:
    """Make the environment and run its part of the suite in it."""
    environment = FOLDER / f"{one.python.rpartition('/')[2]}-numpy{one.numpy}-{'full' if one.full else 'light'}"
    shutil.rmtree(environment, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(environment)], check=True)
    free = environment / "constraints.txt"  # NumPy is what varies; its pinned version stays out
    free.write_text("".join(line for line in CONSTRAINTS.open() if not line.startswith(("numpy==", "scipy=="))))
    pip = [str(environment / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", "-c", str(free)]
    numpy = "numpy" if one.numpy == NEWEST else f"numpy=={one.numpy}"
    subprocess.run([*pip, numpy, *PACKAGES[one.full], *([str(wheel)] if one.full else [])], check=True)
    if not one.full:
        subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    interpreter = str(environment / "bin" / "python")
    options = [] if one.full else ["-p", "syrupy", "--noconftest"]
    variables = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTHONPATH")}
    begin = time.monotonic()
    done = subprocess.run(
        [interpreter, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *(FULL if one.full else LIGHT)],
        cwd=ROOT, env=variables, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    last = next((line for line in reversed(done.stdout.splitlines()) if COUNT.search(line)), "nothing was run")
    counts = ", ".join(f"{count} {word}" for count, word in COUNT.findall(last)) or last
    if done.returncode:
        print(done.stdout[-8000:], done.stderr[-2000:], file=sys.stderr)
    return Ran(one, _versions(interpreter), counts, done.returncode == 0, time.monotonic() - begin)


def _versions(interpreter: str) -> str:
    """'| 3.11.7 | 2.0.0 | 2.13.0+cpu': of Python, NumPy and torch."""
    code = (
        "import platform\nfrom importlib.metadata import version, PackageNotFoundError\n"
        "def of(name):\n    try: return version(name)\n    except PackageNotFoundError: return 'without'\n"
        "print(platform.python_version(), of('numpy'), of('torch'), sep=' | ')"
    )
    return subprocess.run([interpreter, "-c", code], check=True, capture_output=True, text=True, cwd="/").stdout.strip()


def markdown(results: list[Ran], absent: list[str], command: str) -> list[str]:
    lines = [
        "",
        f"`{command}`, each pair in an environment of its own:",
        "",
        "| Python | NumPy | torch | tests | all pass | s |",
        "|---|---|---|---|---|---:|",
        *(f"| {one.versions} | {one.counts} | {'yes' if one.right else 'no'} | {one.seconds:.0f} |" for one in results),
        "",
        "With torch: the examples, lifting, annotation, alignment, examination, diagnosis, the child process, loading, "
        "shapes and balancing. Without: the hand-written networks against their recorded gradients, loading, the child "
        "process, shapes and balancing.",
        "",
    ]
    full = {one.versions.split(" | ")[0].rpartition(".")[0] for one in results if one.pair.full}
    light = {one.versions.split(" | ")[0].rpartition(".")[0] for one in results if not one.pair.full} - full
    torches = {one.versions.split(" | ")[2] for one in results if one.pair.full}
    lines.append(
        f"Not run: a torch other than {' and '.join(sorted(torches)) or 'none'}, though 2.6 and later are allowed;"
    )
    if light:
        lines.append(f"the checks themselves, which need torch, under Python {' and '.join(sorted(light))};")
    if absent:
        lines.append(f"{', '.join(absent)}, of which no interpreter was there;")
    return [*lines, "other systems than Linux.", ""]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions", description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="append", default=[], metavar="PYTHON=NUMPY", help="with torch")
    parser.add_argument("--light", action="append", default=[], metavar="PYTHON=NUMPY", help="without torch")
    parser.add_argument("--markdown", type=Path, help="also write the result there")
    arguments = parser.parse_args()
    pairs = [pair(text, True) for text in arguments.full] + [pair(text, False) for text in arguments.light]
    wheel, results, absent = build(), [], []
    for one in pairs:
        python = found(one.python)
        if python is None:
            absent.append(one.python)
            continue
        results.append(ran(one, python, wheel))
        print(results[-1].versions, results[-1].counts, f"{results[-1].seconds:.0f} s", flush=True)
    flags = [f"--full {text}" for text in arguments.full] + [f"--light {text}" for text in arguments.light]
    lines = markdown(results, list(dict.fromkeys(absent)), " ".join(["python -m benchmarks.versions", *flags]))
    print("\n".join(lines))
    if arguments.markdown:
        write_section(arguments.markdown, "versions", lines)
    return 0 if results and all(one.right for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())
