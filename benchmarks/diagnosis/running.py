"""Cases given to the diagnosis, each in a file of its own, in worker processes with a time limit."""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import queue
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.diagnosis.cases import Case
from benchmarks.diagnosis.gradients import is_right
from benchmarks.diagnosis.patches import BadPatch, apply

DIAGNOSIS = "oracle.diagnosis:diagnose"
BUDGET = 20.0  # seconds that the diagnosis is told to keep to
LIMIT = 90.0  # seconds after which a case is given up
START = 120.0  # seconds for a worker to import the diagnosis
FRESH = 1000  # the seed at which a repair is verified here


class NoDiagnosis(RuntimeError):
    """There is nothing to measure: the diagnosis cannot be imported."""


@dataclass(frozen=True)
class Answer:
    """What the diagnosis said of one case, as plain data.

    fixed     whether the repair makes every gradient the right program's, found out here; None without a repair
    claimed   whether the diagnosis called its repair verified
    error     why there is no answer, where there is none
    """

    outcome: str = ""
    wrong: tuple[str, ...] = ()
    first_wrong: int | None = None
    first_wrong_file: str = ""
    causes: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    seconds: float = 0.0
    tried: int | None = None
    diff: str = ""
    claimed: bool = False
    fixed: bool | None = None
    error: str = ""


def ask(case: Case, diagnose: Callable, folder: Path, budget: float = BUDGET, without: Collection[str] = ()) -> Answer:
    """Write the case into the folder, have it diagnosed and verify the repair."""
    path = folder / f"{case.program}.py"
    path.write_text(case.source)
    options = {"without": set(without)} if without else {}
    begin = time.perf_counter()
    found = diagnose(str(path), case.function, budget=budget, **options)
    seconds = time.perf_counter() - begin
    repair = getattr(found, "repair", None)
    about_repair = {}
    if repair is not None:
        about_repair = dict(
            tried=int(repair.tried),
            diff=str(repair.diff),
            claimed=bool(repair.verified),
            fixed=_is_fixed(case, repair, path),
        )
    return Answer(
        outcome=str(found.outcome),
        wrong=tuple(map(str, found.wrong)),
        first_wrong=None if found.first_wrong is None else int(found.first_wrong),
        first_wrong_file=str(getattr(found, "first_wrong_file", None) or ""),
        causes=tuple(map(str, found.causes)),
        said=tuple(map(str, found.said)),
        seconds=seconds,
        **about_repair,
    )


def _is_fixed(case: Case, repair: object, path: Path) -> bool:
    """Whether the repaired program has the right gradients, at sizes and numbers that the diagnosis has not seen."""
    patched = getattr(repair, "patched", None)
    if patched:
        texts = [text for name, text in dict(patched).items() if Path(name).name == path.name]
        if len(texts) != 1:
            return False
        text = texts[0]
    else:
        try:
            text = apply(case.source, str(repair.diff))
        except BadPatch:
            return False
    return is_right(case.program, text, FRESH)


def imported(target: str) -> Callable:
    """The function that "module:name" or "file.py:name" stands for. Raises NoDiagnosis where it cannot be had."""
    where, _, name = target.rpartition(":")
    try:
        if where.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(where).stem, where)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(where)
        return getattr(module, name)
    except (ImportError, AttributeError, OSError) as error:
        raise NoDiagnosis(f"cannot import {name} from {where}: {error}") from error


def measure(
    cases: Sequence[Case],
    *,
    target: str = DIAGNOSIS,
    workers: int = 2,
    limit: float = LIMIT,
    budget: float = BUDGET,
    without: Collection[str] = (),
    done: Callable[[Case, Answer], None] = lambda case, answer: None,
) -> list[Answer]:
    """The answer to every case, in the order of the cases.

    Raises NoDiagnosis where the diagnosis cannot be imported. What it raises, and what takes longer than the limit,
    is an answer with an error.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(cases)):
        waiting.put(number)
    answers: dict[int, Answer] = {}
    failures: list[BaseException] = []

    def serve() -> None:
        worker = _Worker(target, budget, frozenset(without))
        try:
            while not failures:
                try:
                    number = waiting.get_nowait()
                except queue.Empty:
                    return
                answers[number] = worker.answer(cases[number], limit)
                done(cases[number], answers[number])
        except BaseException as error:
            failures.append(error)
        finally:
            worker.end()

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(workers, len(cases)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [answers[number] for number in range(len(cases))]


class _Worker:
    """A process that imports the diagnosis once and answers case after case; begun anew when it is lost."""

    def __init__(self, target: str, budget: float, without: frozenset[str]) -> None:
        self._arguments = target, budget, without
        self._process, self._connection = None, None

    def answer(self, case: Case, limit: float) -> Answer:
        if self._process is None:
            self._begin()
        begin = time.perf_counter()
        try:
            self._connection.send(case)
            if self._connection.poll(limit):
                return self._connection.recv()
            why = f"no answer within {limit:g} s"
        except (EOFError, OSError):
            why = "the worker ended"
        self.end()
        return Answer(error=why, seconds=time.perf_counter() - begin)

    def _begin(self) -> None:
        # spawned, not forked: the threads that watch the workers do not survive a fork
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_answer_all, args=(theirs, *self._arguments), daemon=False)
        self._process.start()
        theirs.close()
        try:
            word = self._connection.recv() if self._connection.poll(START) else f"no worker within {START:g} s"
        except EOFError:
            word = "the worker ended before it was ready"
        if word != "ready":
            self.end()
            raise NoDiagnosis(word)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
            self._process = None


def _answer_all(connection: Connection, target: str, budget: float, without: frozenset[str]) -> None:
    """In the worker: answer cases until the connection ends."""
    try:
        diagnose = imported(target)
    except NoDiagnosis as error:
        connection.send(str(error))
        return
    if "torch" in importlib.sys.modules:
        importlib.sys.modules["torch"].set_num_threads(1)  # the arrays are small, and the other workers have the cores
    connection.send("ready")
    while True:
        try:
            case = connection.recv()
        except EOFError:
            return
        with tempfile.TemporaryDirectory() as folder:
            try:
                answer = ask(case, diagnose, Path(folder), budget, without)
            except Exception as error:
                answer = Answer(error=f"{type(error).__name__}: {error}, raised at {_place(error)}")
        connection.send(answer)


def _place(error: Exception) -> str:
    """Files and lines of the innermost frames, the innermost first."""
    frames = traceback.extract_tb(error.__traceback__)[:-4:-1]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
