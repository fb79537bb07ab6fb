"""Programs changed at random, and shape strings made at random: whatever they are, the tool ends as it says it does."""

from __future__ import annotations

import ast
import io
import multiprocessing
import os
import random
import re
import signal
import tempfile
import time
import tokenize
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.robustness.case import CONTROL, OWN_TRACEBACK, STATUSES

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "benchmarks" / "diagnosis" / "programs"
TRIES = 100  # to find a change that still parses
SECONDS = 60.0  # until a file is given up: its own limit is 5 for each run of it
OPTIONS = ("--budget", "0", "--seconds", "5", "--memory", "1")
STRANGE = (
    "\0",
    "\x1b[2J",
    "é",
    "\ud800",
    "🎉",
    "\t",
    "\r",
    "'",
    '"""',
    "\\",
    "(",
    "]",
    ":",
    "@",
    "#",
    ";",
    "0",
    "-1",
    "1e999",
    "None",
)
AXES = ("hidden", "time", "batch", "input", "4", "1", "4*hidden", "hidden+input", "2*(batch-1)", "hidden//2")
WORDS = "hidden time batch input h W x 4 1 0 -1 2.5 999999999999 λ True if".split()
JOINTS = (
    " ",
    " ",
    " ",
    ",",
    "+",
    "-",
    "*",
    "//",
    "/",
    "**",
    "(",
    ")",
    "'",
    ":",
    "=",
    "(t-1)",
    "[",
    "]",
    "->",
    "\n",
    "\0",
    "…",
    "",
)


@dataclass
class Tally:
    """What came of the inputs.

    outcomes   words -> how many
    failures   what is not as it should be, with the input that shows it
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0


# files


def programs() -> list[Path]:
    return sorted(path for path in PROGRAMS.glob("*.py") if path.name != "__init__.py")


def changed(text: str, rng: random.Random) -> bytes:
    """The program with one to three changes of lines, tokens and characters, three in four so that it still parses.

    Of those that need not, one in four has bytes changed as well.
    """
    parses = rng.random() < 0.75
    for _ in range(TRIES):
        made = text
        for _ in range(rng.randint(1, 3)):
            change = rng.choice((lines_changed, lines_changed, tokens_changed, tokens_changed, characters_changed))
            made = change(made, rng)
        if made != text and (not parses or _parses(made)):
            break
    data = made.encode("utf-8", "surrogatepass")
    return data if parses or rng.random() < 0.75 else bytes_changed(data, rng)


def _parses(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            return False
    return True


def lines_changed(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.choice(("delete", "double", "swap", "move", "indent", "cut"))
    if kind == "delete":
        del lines[one]
    elif kind == "double":
        lines.insert(one, lines[one])
    elif kind == "swap":
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == "move":
        lines.insert(other, lines.pop(one))
    elif kind == "indent":
        lines[one] = lines[one][4:] if lines[one].startswith("    ") else f"    {lines[one]}"
    else:
        del lines[max(1, one) :]
    return "\n".join(lines) or "\n"


def tokens_changed(text: str, rng: random.Random) -> str:
    """A token deleted, doubled, or in another's place."""
    places = [
        (token.start, token.end, token.string)
        for token in _tokens(text)
        if token.string.strip() and token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING)
    ]
    if not places:
        return characters_changed(text, rng)
    (row, first), (end, last), word = rng.choice(places)
    new = rng.choice(("", f"{word} {word}", rng.choice(places)[2], rng.choice(places)[2], rng.choice(STRANGE)))
    lines = text.split("\n")
    if row == end:
        lines[row - 1] = lines[row - 1][:first] + new + lines[row - 1][last:]
    return "\n".join(lines)


def _tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    with suppress(tokenize.TokenError, SyntaxError, ValueError):
        yield from tokenize.generate_tokens(io.StringIO(text).readline)


def characters_changed(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice(STRANGE) + text[place + rng.choice((0, 0, 1, 5)) :]


def bytes_changed(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return rng.choice((data[:place], data[:place] + rng.randbytes(3) + data[place:], data[:place] + data[place + 1 :]))


def files(count: int, seed: int, done: Callable[[], None] = lambda: None) -> Tally:
    """`bptt-oracle check` of changed programs, each in a process of its own: forked where the tool is imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["oracle.presentation.command", "oracle.diagnosis"])
    sources, tally, begin = programs(), Tally(), time.monotonic()
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        path = rng.choice(sources)
        content = changed(path.read_text(), rng)
        with tempfile.TemporaryDirectory(prefix="robustness-", ignore_cleanup_errors=True) as folder:
            Path(folder, "check_it.py").write_bytes(content)
            started = time.monotonic()
            process = context.Process(target=_check, args=(folder,))
            process.start()
            process.join(SECONDS)
            tally.slowest = max(tally.slowest, time.monotonic() - started)
            late = process.is_alive()
            if late:
                os.kill(process.pid, signal.SIGKILL)
                process.join()
            said = Path(folder, "output")
            output = said.read_text(errors="replace") if said.exists() else ""
        status = process.exitcode
        amiss = [found[0] for pattern in (OWN_TRACEBACK, CONTROL) if (found := pattern.search(output))]
        if late or status not in STATUSES or amiss:
            why = f"not within {SECONDS:g} s" if late else f"exit status {status} {amiss}"
            tally.failures.append(f"file {number} of seed {seed}, from {path.name}: {why}\n{output[-2000:]}")
        tally.outcomes["no end" if late else str(status)] += 1
        done()
    tally.seconds = time.monotonic() - begin
    return tally


def _check(folder: str) -> None:
    """The command, in a process that ends with its exit status."""
    os.chdir(folder)
    output = os.open("output", os.O_WRONLY | os.O_CREAT)
    for number in (1, 2):
        os.dup2(output, number)
    from oracle.presentation.command import main

    main(["check", "check_it.py", *OPTIONS], prog_name="bptt-oracle")


# shape strings


def text_of_shapes(rng: random.Random) -> str:
    if rng.random() < 0.05:
        return "".join(
            chr(rng.choice((rng.randrange(128), rng.randrange(0x3000), rng.randrange(0x20000))))
            for _ in range(rng.randrange(30))
        )
    if rng.random() < 0.5:
        text = " ".join(rng.choice(AXES) for _ in range(rng.randrange(5)))
        return text if rng.random() < 0.6 else characters_changed(text, rng)
    parts = [rng.choice(WORDS) + rng.choice(JOINTS) for _ in range(rng.choice((0, 1, 2, 2, 3, 3, 4, 8)))]
    return "".join(parts) * rng.choice((1, 1, 1, 1, 1, 1, 1, 100))


def strings(count: int, seed: int, done: Callable[[], None] = lambda: None) -> Tally:
    """Shape strings given to gradient_function, and balances with factors and sizes, in this process."""
    from oracle import balance, gradient_function
    from oracle.balancing.factors import parse_sizes
    from oracle.presentation.balance_command import lines
    from oracle.sizes import draw, points

    def declared(rng: random.Random) -> str:
        text = text_of_shapes(rng)
        function = gradient_function({"W": text})(lambda p, sizes, rng: None)
        arrays = [draw(function.shapes, point) for point in points(function.shapes)] if _is_small(text) else []
        return f"a shape, drawn {len(arrays)} times" if arrays else "a shape, too large to be drawn"

    def balanced(rng: random.Random) -> str:
        texts = [text_of_shapes(rng)[:60] for _ in range(rng.randrange(1, 4))]
        names = ("x", "delta", "h[t-1]") if rng.random() < 0.9 else ("f(x)", "", "np", "x")
        factors = [f"{rng.choice(names)}: {text}" for text in texts]
        to = text_of_shapes(rng)[:60]
        if rng.random() < 0.8:  # of the axes that there are
            axes = list(dict.fromkeys(" ".join(texts).split()))
            to = " ".join(rng.sample(axes, rng.randrange(len(axes) + 1)))
        sizes = None
        if rng.random() < 0.3:
            sizes = parse_sizes(" ".join(f"{rng.choice(WORDS)}={rng.choice(WORDS)}" for _ in range(rng.randrange(4))))
        found = balance(*factors, to=to, sizes=sizes)
        return "a balance" if any(lines(found)) and found.products else "no balance, with reasons"

    tally, begin = Tally(), time.monotonic()
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        state, started = rng.getstate(), time.monotonic()
        do = declared if number % 2 else balanced
        try:
            outcome = do(rng)
        except (ValueError, TypeError) as error:
            outcome = "refused, with the reason"
            if len(str(error)) < 10:
                tally.failures.append(f"string {number} of seed {seed}: {error!r} gives no reason")
        except Exception as error:
            outcome = type(error).__name__
            rng.setstate(state)
            tally.failures.append(f"string {number} of seed {seed}: {error!r:.300}")
        took = time.monotonic() - started
        tally.slowest = max(tally.slowest, took)
        if took > 5:
            tally.failures.append(f"string {number} of seed {seed}: {took:.0f} s")
        tally.outcomes[outcome] += 1
        done()
    tally.seconds = time.monotonic() - begin
    return tally


def _is_small(text: str) -> bool:
    """Whether its arrays fit into memory many times over."""
    return not re.search(r"\d{3}", text) and text.count("*") < 4 and len(text.replace(",", " ").split()) < 7
