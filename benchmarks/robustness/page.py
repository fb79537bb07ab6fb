"""The figures as a page: what was tried, how often it came out as it should, and what was said of every input."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from benchmarks.robustness.case import Result
from benchmarks.robustness.fuzzing import Tally

HEAD = """# Robustness

What the tool does with what is broken, hostile, or only unusual; every figure is from a command in the repository.

| | target | measured | by |
|---|---|---|---|
| right gradients called wrong, of 100,000 cases | 0 | [page](false_alarms.md) | `python benchmarks/false_alarms.py` |
| planted mistakes noticed | all | [page](planted.md) | `python -m tests.planted` |
| hostile and broken inputs | 100 | [below](#inputs-written-by-hand) | `python -m benchmarks.robustness` |
| inputs made at random, mistakes of its own | 0 | [below](#inputs-made-at-random) | the same |
| the wheel in an empty environment | works | [below](#the-wheel) | `python -m benchmarks.wheel` |
| Python and NumPy | those that are named | [below](#versions) | `python -m benchmarks.versions` |

It holds off accidents, not attacks: [checking.md](checking.md#safety).

## Inputs written by hand

<!-- by hand -->
<!-- end of by hand -->

## Inputs made at random

<!-- at random -->
<!-- end of at random -->

## The wheel

<!-- wheel -->
<!-- end of wheel -->

## Versions

<!-- versions -->
<!-- end of versions -->

## Every input

<!-- every input -->
<!-- end of every input -->
"""


def by_hand(groups: Mapping[str, Sequence[Result]], minutes: float, machine: str) -> list[str]:
    results = [result for group in groups.values() for result in group]
    right = sum(not result.failures for result in results)
    rows = [*groups.items(), ("all", results)]
    return [
        "",
        f"{len(results)} inputs, each in a process of its own; {right} came out as they should:",
        "",
        "- it ends by itself, with the status that [ci.md](ci.md#exit-status) gives for it, or in pytest pytest's own;",
        "- it says what is wrong and what it should be: a pattern written for the case looks for that;",
        "- it shows no traceback of this tool, hands no control character on, and leaves no process behind.",
        "",
        "| | inputs | as they should | slowest | most memory |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {name} | {len(group)} | {sum(not one.failures for one in group)} | "
            f"{max(one.seconds for one in group):.1f} s | {max(one.megabytes for one in group) / 1024:.1f} GiB |"
            for name, group in rows
        ),
        "",
        "Most of the time of a check is the import of torch. Loops had a limit of 3 s, memory of 1 GiB more than is "
        "mapped at the start.",
        "",
        f"One process, {minutes:.0f} minutes. {machine}",
        "",
    ]


def at_random(files: Tally, strings: Tally, seed: int, sources: int, machine: str) -> list[str]:
    statuses = {
        "0": "agrees",
        "1": "wrong",
        "2": "cannot be read",
        "3": "cannot be checked or told",
        "130": "interrupted",
    }
    programs = [
        (f"{number}, {statuses.get(number, 'undocumented')}", n) for number, n in sorted(files.outcomes.items())
    ]
    programs.append(("mistakes of its own, no end, undocumented", len(files.failures)))
    texts = [*sorted(strings.outcomes.items()), ("other exceptions, no end", len(strings.failures))]
    return [
        "",
        f"{files.outcomes.total():,} programs, made of {sources} right ones by one to three changes of lines, tokens, "
        f"characters or bytes, and checked; {strings.outcomes.total():,} shape strings, half of them given to "
        f"`gradient_function`, half to `balance`. Seed {seed}.",
        "",
        "| programs, by exit status | |",
        "|---|---:|",
        *(f"| {what} | {count:,} |" for what, count in programs),
        "",
        "| shape strings | |",
        "|---|---:|",
        *(f"| {what} | {count:,} |" for what, count in texts),
        "",
        f"The slowest program took {files.slowest:.0f} s, all {files.seconds / 60:.0f} minutes; the slowest string "
        f"{strings.slowest:.2f} s, all {strings.seconds:.0f} s. {machine}",
        "",
    ]


def every_input(groups: Mapping[str, Sequence[Result]]) -> list[str]:
    lines = ["", "With the exit status, and the part of what is said that the pattern found.", ""]
    for name, group in groups.items():
        lines += [f"### {name[0].upper()}{name[1:]}", "", "| input | status | what is said |", "|---|---:|---|"]
        lines += [f"| {cell(one.case.name)} | {one.status} | {cell(one.message)} |" for one in group]
        lines.append("")
    return lines


def cell(text: str) -> str:
    """As code, whatever is in it."""
    return f"<code>{html.escape(text, quote=False).translate(SIGNS)}</code>" if text else ""


SIGNS = {ord(sign): f"&#{ord(sign)};" for sign in "|`*_[]\\~:"}
