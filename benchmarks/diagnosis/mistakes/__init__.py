"""The mistakes planted in each program, one file a program."""

from importlib import import_module
from pathlib import Path

from benchmarks.diagnosis.mistake import Mistake

MISTAKES: dict[str, tuple[Mistake, ...]] = {
    path.stem: import_module(f"{__name__}.{path.stem}").MISTAKES
    for path in sorted(Path(__file__).parent.glob("[!_]*.py"))
}
