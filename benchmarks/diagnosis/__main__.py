"""python -m benchmarks.diagnosis: measure the diagnosis on the programs for development, or on those put aside."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from benchmarks.diagnosis.cases import FAMILIES, PARTS, cases, programs
from benchmarks.diagnosis.report import failures, markdown, show
from benchmarks.diagnosis.running import BUDGET, DIAGNOSIS, LIMIT, NoDiagnosis, measure
from benchmarks.diagnosis.scoring import score

DOCUMENT = Path(__file__).parents[2] / "docs" / "diagnosis.md"
ABLATIONS = ("annotation", "causes", "ordering")


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benchmarks.diagnosis", description=__doc__.partition(": ")[2])
    options.add_argument("--aside", action="store_true", help="the programs put aside, not those for development")
    options.add_argument("--count", type=int, metavar="N", help="a random sample of N cases")
    options.add_argument("--seed", type=int, default=0, help="of the sample (default: 0)")
    options.add_argument("--program", choices=sorted(FAMILIES), help="one program; one put aside needs --aside")
    options.add_argument("--only", choices=PARTS, help="one part")
    options.add_argument("--without", choices=ABLATIONS, action="append", default=[], help="switch that off (ablation)")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--budget", type=float, default=BUDGET, help="seconds the diagnosis is given (default: 20)")
    options.add_argument("--limit", type=float, default=LIMIT, help="seconds until a case is given up (default: 90)")
    options.add_argument("--failures", action="store_true", help="list the cases of which something was not right")
    options.add_argument("--list", action="store_true", help="list the cases, and diagnose none")
    options.add_argument("--markdown", nargs="?", type=Path, const=DOCUMENT, help=f"also write them to {DOCUMENT.name}")
    options.add_argument("--diagnosis", default=DIAGNOSIS, metavar="MODULE:NAME", help=f"default: {DIAGNOSIS}")
    return options


def main(given: list[str] | None = None) -> int:
    options = parser()
    arguments = options.parse_args(given)
    chosen = programs(arguments.aside)
    if arguments.program:
        if arguments.program not in chosen:
            options.error(f"{arguments.program} is {'not ' if arguments.aside else ''}put aside")
        chosen = (arguments.program,)
    asked = cases([arguments.only] if arguments.only else PARTS, chosen)
    if arguments.count is not None and arguments.count < len(asked):
        picked = np.random.default_rng(arguments.seed).choice(len(asked), arguments.count, replace=False)
        asked = [asked[number] for number in sorted(picked)]
    if arguments.list:
        for case in asked:
            print(f"{case.part} {case}")
        print(f"{len(asked)} cases")
        return 0

    begin = time.perf_counter()
    try:
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("cases", total=len(asked))
            answers = measure(
                asked,
                target=arguments.diagnosis,
                workers=arguments.workers,
                limit=arguments.limit,
                budget=arguments.budget,
                without=arguments.without,
                done=lambda case, answer: progress.advance(task),
            )
    except NoDiagnosis as error:
        print(f"there is no diagnosis to measure: {error}", file=sys.stderr)
        return 3
    minutes = (time.perf_counter() - begin) / 60
    scores = [score(case, answer) for case, answer in zip(asked, answers)]
    if arguments.failures:
        print("\n".join(failures(scores)))
    show(Console(), scores)
    if arguments.markdown:
        write(arguments, markdown(scores), minutes)
    # a right program called wrong is the one thing that must not happen
    return 1 if any(not one.verdict for one in scores if not one.case.mistakes) else 0


def write(arguments: argparse.Namespace, lines: list[str], minutes: float) -> None:
    """Put the figures into their own section of the document, with the command and the machine."""
    from benchmarks.machine import description, write_section

    name = "put aside" if arguments.aside else "development"
    flags = ["--aside"] * arguments.aside
    for option in ("count", "program", "only"):
        if (value := getattr(arguments, option)) is not None:
            name += f", {option} {value}"
            flags.append(f"--{option} {value}")
    if arguments.count is not None:
        flags.append(f"--seed {arguments.seed}")
    for part in arguments.without:
        name += f", without {part}"
        flags.append(f"--without {part}")
    command = " ".join(["python -m benchmarks.diagnosis", *flags])
    head = ["", f"## {name[0].upper()}{name[1:]}", "", f"`{command}`"]
    machine = f"{arguments.workers} processes, {minutes:.1f} minutes. {description()}"
    write_section(arguments.markdown, name, [*head, *lines, machine, ""])


if __name__ == "__main__":
    sys.exit(main())
