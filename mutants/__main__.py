"""python -m mutants: run every mutant that has no result yet, then report. See the package's docstring."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import Queue
from time import monotonic

from cosmic_ray.testing import run_tests
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkItem, WorkResult
from rich.progress import Progress, track

from mutants.report import report
from mutants.sources import Mutant, mutants

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "rnn_manual"
ORACLE = ROOT / "oracle"
TESTS = ROOT / "tests" / "rnn_manual"
MUTANTS = ROOT / "mutants"
BUILD = ROOT / "build" / "mutants"

PROBLEMS_OF_TESTS = (ORACLE / "problem.py", ORACLE / "grid.py")  # what the NumPy tests take from the oracle
LEFT_OUT = ("test_imports.py", "test_shapes.py")  # they start interpreters of their own: seconds for each mutant
SETTINGS = "[pytest]\naddopts = --import-mode=importlib\nfilterwarnings = error\n"

WORKERS = os.cpu_count()
PATIENCE = 5  # a mutant may take so many times as long as the package itself


def main() -> int:
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go when this process ends, however it ends
        except BlockingIOError:
            raise SystemExit(f"Another run is going on in {BUILD}: two would mutate the same copies.") from None
        return run_and_report()


def run_and_report() -> int:
    # everything below looks at these copies: the working tree may change while the mutants run
    trees = [copy_of_package(BUILD / f"tree-{worker}") for worker in range(WORKERS)]
    recorded = BUILD / f"recorded-{fingerprint(PACKAGE, ORACLE, MUTANTS / 'problems.py', MUTANTS / 'record.py')}.npz"
    if not recorded.exists():  # in its own process, so that PyTorch stays out of this one
        subprocess.run([sys.executable, "-m", "mutants.record", str(recorded)], cwd=ROOT, check=True)
    decisive = fingerprint(trees[0], recorded, MUTANTS / "operators.py", MUTANTS / "sources.py")
    work = WorkDB(BUILD / f"session-{decisive}.sqlite", WorkDB.Mode.create)

    with ProcessPoolExecutor(WORKERS) as pool:
        files = sorted((trees[0] / PACKAGE.name).glob("*.py"))
        by_file = track(pool.map(mutants, files), "Making mutants", len(files))
        found = [mutant for of_one_file in by_file for mutant in of_one_file]
    if work.num_work_items == 0:
        work.add_work_items(map(work_item, found))
    try:
        run(work, found, trees, recorded)
    except KeyboardInterrupt:
        raise SystemExit("Stopped. The same command goes on from here.") from None
    return report(work, found, MUTANTS / "equivalent.toml", ROOT / "docs" / "mutants.md")


def run(work: WorkDB, found: list[Mutant], trees: list[Path], recorded: Path) -> None:
    """Run every mutant that has no result yet, one at a time in each tree."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for the processes started below: there is one for each core already
    timeout = PATIENCE * seconds_without_mutant(trees[0], {mutant.module for mutant in found}, recorded)
    free: Queue[Path] = Queue()
    for tree in trees:
        free.put(tree)

    def outcome(mutant: Mutant) -> WorkResult:
        tree = free.get()
        try:
            return mutate_and_test(tree, mutant.module, mutant, recorded, timeout)
        finally:
            free.put(tree)

    done = {job for job, _ in work.results}
    pending = [mutant for mutant in found if mutant.key not in done]
    with Progress() as progress, ThreadPoolExecutor(len(trees)) as pool:
        task = progress.add_task("Running mutants", total=len(found), completed=len(found) - len(pending))
        jobs = {pool.submit(outcome, mutant): mutant for mutant in pending}
        try:
            for job in as_completed(jobs):
                work.set_result(jobs[job].key, job.result())
                progress.advance(task)
        except BaseException:  # interrupted: what is running ends, what has not begun does not begin
            pool.shutdown(cancel_futures=True)
            raise


def seconds_without_mutant(tree: Path, modules: Iterable[str], recorded: Path) -> float:
    """The longest that the test of any module takes on the package as it is. Raises SystemExit if one fails."""
    longest = 0.0
    for module in sorted(modules):
        began = monotonic()
        result = mutate_and_test(tree, module, None, recorded, timeout=600)
        if result.test_outcome is not TestOutcome.SURVIVED:
            raise SystemExit(f"The package itself fails, so its mutants would teach nothing:\n{result.output}")
        longest = max(longest, monotonic() - began)
    return longest


def mutate_and_test(tree: Path, module: str, mutant: Mutant | None, recorded: Path, timeout: float) -> WorkResult:
    """The outcome of a module's test on a copy of the package with the mutant in it; for None, as it is."""
    file = tree / PACKAGE.name / f"{module}.py"
    original = file.read_text()
    try:
        if mutant:
            file.write_text(mutant.source)
        command = shlex.join([sys.executable, str(tree / "kill.py"), str(recorded), module])
        test_outcome, output = run_tests(command, timeout)
    finally:
        file.write_text(original)
    diff = f"- {mutant.before}\n+ {mutant.after}" if mutant else ""
    return WorkResult(WorkerOutcome.NORMAL, output, test_outcome, diff)


def copy_of_package(tree: Path) -> Path:
    """A new folder with the package and what `kill.py` needs; without bytecode, which could be older than a mutant.

    It has its own pytest settings: those of the project would bring its conftest.py, which imports PyTorch.
    """
    shutil.rmtree(tree, ignore_errors=True)
    without = shutil.ignore_patterns("__pycache__", *LEFT_OUT)
    shutil.copytree(PACKAGE, tree / PACKAGE.name, ignore=without)
    (tree / "oracle").mkdir()
    (tree / "oracle" / "__init__.py").touch()  # empty: the real one imports PyTorch
    for module in PROBLEMS_OF_TESTS:
        shutil.copy(module, tree / "oracle")
    shutil.copytree(TESTS, tree / "tests", ignore=without)
    shutil.copy(MUTANTS / "kill.py", tree)
    (tree / "pytest.ini").write_text(SETTINGS)
    return tree


def work_item(mutant: Mutant) -> WorkItem:
    """The mutant as cosmic-ray keeps it, so that its own reports can be had from the session too."""
    path = PACKAGE.relative_to(ROOT) / f"{mutant.module}.py"
    start, end = mutant.position
    mutation = MutationSpec(path, mutant.operator, mutant.occurrence, start, end, {}, mutant.function)
    return WorkItem.single(mutant.key, mutation)


def fingerprint(*paths: Path) -> str:
    """Of the content of files, and of every Python file in folders."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            within = file.relative_to(path) if path.is_dir() else ""
            digest.update(f"{within}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main())
