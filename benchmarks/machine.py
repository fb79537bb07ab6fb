"""One thread for everybody, and what the tables say about where they were measured."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def one_thread() -> None:
    """Keep this process to one thread. To be called before NumPy, torch and jax are imported.

    jax sizes its thread pool by the cores it may run on; so the process is tied to one core where the system can.
    """
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    import threadpoolctl
    import torch

    torch.set_num_threads(1)
    threadpoolctl.threadpool_limits(1)


def description() -> str:
    """Processor, versions and BLAS kernel, in one line."""
    import threadpoolctl

    model = re.search(r"model name\s*: (.*)", _text("/proc/cpuinfo"))
    processor = model[1] if model else platform.processor() or platform.machine()
    blas = [
        f"{library['internal_api']} {library['version']} ({library['architecture']} kernels)"
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas" and "numpy" in library["filepath"]
    ]
    packages = [f"{name} {_version(name)}" for name in ("numpy", "torch", "jax")]
    return ", ".join([processor, f"Python {platform.python_version()}", *packages, *blas, "one thread"])


def write_section(path: Path, name: str, lines: list[str]) -> None:
    """Put `lines` between `<!-- name -->` and `<!-- end of name -->` in the file, or at its end."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = path.read_text() if path.exists() else ""
    if begin not in text:
        text += f"\n{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    path.write_text(before + "\n".join([begin, *lines, end]) + after)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _text(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""
