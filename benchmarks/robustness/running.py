"""A case in a process of its own, with limits on time and memory from outside."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

from benchmarks.robustness.case import Case, Result

SECONDS = 120.0  # no case needs a tenth of it on an idle machine
MEMORY = 16 << 30  # bytes of address space of one process: torch alone maps some
MOST_OUTPUT = 4_000_000  # bytes that are read of it
NAP = 0.02
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

PROGRAMS = {
    "bptt-oracle": (str(Path(sysconfig.get_path("scripts"), "bptt-oracle")),),
    "python": (sys.executable, "-c"),
    "pytest": (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
}
NOT_KEPT = ("CI", "BUILD_NUMBER", "PYTEST_ADDOPTS", "COLUMNS")


def adopt_orphans() -> None:
    """What a case leaves running becomes a child of this process, and is seen."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))


def run(case: Case, seconds: float = SECONDS) -> Result:
    """Run one case in an empty folder of its own."""
    with tempfile.TemporaryDirectory(prefix="robustness-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        for path, content in case.files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                place.mkdir(exist_ok=True)
            else:
                place.write_bytes(content if isinstance(content, bytes) else content.encode())
        if case.prepare:
            case.prepare(folder)
        had = set(_children())
        with tempfile.TemporaryFile() as output:
            result = _run(case, folder, output, seconds)
            output.seek(0)
            text = output.read(MOST_OUTPUT).decode("utf-8", "replace")
        status, elapsed, megabytes, late = result
        text = text.replace(str(folder), "FOLDER")
        return Result(case, status, _without_addresses(text), elapsed, megabytes, late, _end_left(had))


def _run(case: Case, folder: Path, output: object, seconds: float) -> tuple[int, float, float, bool]:
    variables = {name: value for name, value in os.environ.items() if name not in NOT_KEPT}
    begin = time.monotonic()
    with open(case.output, "wb") if case.output else nullcontext() as other:
        process = subprocess.Popen(
            [*PROGRAMS[case.program], *case.arguments],
            cwd=folder,
            env=variables | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"} | dict(case.variables),
            stdin=subprocess.DEVNULL,
            stdout=other or output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )
    late = False
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if not late and time.monotonic() - begin > seconds:
            late = True
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(NAP)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, time.monotonic() - begin, used.ru_maxrss / 1024, late


def _end_left(had: set[int]) -> int:
    """How many orphans this process has been given, beside the children that it had, and had to end."""
    left = 0
    for pid in set(_children()) - had:
        with suppress(ChildProcessError, ProcessLookupError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                left += 1
    return left


def _children() -> Iterator[int]:
    """The children of this process (Linux)."""
    for thread in Path("/proc/self/task").glob("*/children") if sys.platform == "linux" else ():
        yield from map(int, thread.read_text().split())


def _without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]{6,}", "0x…", text)
