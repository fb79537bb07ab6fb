"""python -m benchmarks.robustness: broken and hostile inputs, by hand and made at random.

python -m benchmarks.robustness --markdown docs/robustness.md
python -m benchmarks.robustness --only "pytest, .*snapshot" --files 0 --strings 0
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks.robustness import fuzzing, page
from benchmarks.robustness.cases import groups
from benchmarks.robustness.running import adopt_orphans, run

FILES, STRINGS = 400, 20_000


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.robustness", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="only the inputs by hand whose names have it")
    parser.add_argument("--files", type=int, default=FILES, help=f"programs changed at random (default: {FILES})")
    parser.add_argument("--strings", type=int, default=STRINGS, help=f"shape strings (default: {STRINGS})")
    parser.add_argument("--seed", type=int, default=0, help="of what is made at random (default: 0)")
    parser.add_argument("--list", action="store_true", help="list the inputs by hand, and run none")
    parser.add_argument("--markdown", type=Path, help="also write the figures there")
    arguments = parser.parse_args(given)
    chosen = {
        name: kept
        for name, cases in groups().items()
        if (kept := [case for case in cases if re.search(arguments.only, case.name)])
    }
    count = sum(map(len, chosen.values()))
    if arguments.list:
        for name, cases in chosen.items():
            print("\n".join(f"{name}: {case.name}" for case in cases))
        print(f"{count} inputs")
        return 0
    adopt_orphans()
    begin = time.monotonic()
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("by hand", total=count)
        results = {name: [] for name in chosen}
        for name, cases in chosen.items():
            for case in cases:
                results[name].append(run(case))
                progress.advance(task)
        minutes = (time.monotonic() - begin) / 60
        task = progress.add_task("files", total=arguments.files)
        files = fuzzing.files(arguments.files, arguments.seed, lambda: progress.advance(task))
        task = progress.add_task("strings", total=arguments.strings)
        strings = fuzzing.strings(arguments.strings, arguments.seed, lambda: progress.advance(task))
    failures = [
        f"{one.case.name}: {'; '.join(one.failures)}" for group in results.values() for one in group if one.failures
    ]
    failures += [*files.failures, *strings.failures]
    from benchmarks.machine import description, write_section  # imports NumPy's libraries

    machine = description()
    hand = page.by_hand(results, minutes, machine)
    random = page.at_random(files, strings, arguments.seed, len(fuzzing.programs()), machine)
    print("\n".join([*hand, *random, *failures]))
    if arguments.markdown:
        if not arguments.markdown.exists():
            arguments.markdown.write_text(page.HEAD)
        if not arguments.only:
            write_section(arguments.markdown, "by hand", hand)
            write_section(arguments.markdown, "every input", page.every_input(results))
        if arguments.files and arguments.strings:
            write_section(arguments.markdown, "at random", random)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
