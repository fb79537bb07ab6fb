"""Candidates tried on all cores, in forked processes: one that crashes costs one candidate."""

from __future__ import annotations

import gc
import os
import select
import signal
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from oracle.repair.edit import Edit
from oracle.repair.trial import Score, Trial

AGREES = np.inf  # in place of a ratio
SILENT = 2.0  # times its patience and a second: then a candidate is in a loop that no signal ends
MOST_CRASHES = 20


@dataclass
class _Worker:
    """A process that tries every n-th candidate from `next` on."""

    pid: int
    pipe: int
    next: int
    received: bytes = field(default=b"")
    heard: float = field(default_factory=time.monotonic)


def tried(
    trial: Trial, candidates: Sequence[Edit], workers: int, until: Callable[[], float]
) -> Iterator[tuple[int, Score | None]]:
    """(index, score) of the candidates, in no fixed order, until all are tried or the clock passes until().

    The scores of one worker come in order. Whoever stops reading ends the processes.
    """
    names = sorted(trial.gradients)
    running = [_start(trial, candidates, names, first, workers) for first in range(min(workers, len(candidates)))]
    record = _record(names)
    crashes, size, silence = 0, record.size, 1.0 + SILENT * trial.seconds
    try:
        while running:
            left = until() - time.monotonic()
            if left <= 0:
                return
            ready, _, _ = select.select([one.pipe for one in running], [], [], min(left, 0.1))
            for worker in [one for one in running if one.pipe in ready]:
                chunk = os.read(worker.pipe, 1 << 16)
                worker.received += chunk
                worker.heard = time.monotonic()
                while len(worker.received) >= size:
                    index, ran, matched, *ratios = record.unpack(worker.received[:size])
                    each = dict(zip(names, ratios))
                    worker.received = worker.received[size:]
                    worker.next = index + workers
                    agreeing = frozenset(name for name, ratio in each.items() if ratio == AGREES)
                    others = {name: ratio for name, ratio in each.items() if ratio not in (0, AGREES)}
                    yield index, Score(agreeing, matched, others) if ran else None
                if not chunk:
                    running.remove(worker)
                    _end(worker)
                    if worker.next < len(candidates) and crashes < MOST_CRASHES:
                        crashes += 1
                        yield worker.next, None
                        running.append(_start(trial, candidates, names, worker.next + workers, workers))
            for worker in running:
                if time.monotonic() - worker.heard > silence:
                    os.kill(worker.pid, signal.SIGKILL)  # its pipe ends, as after a crash
                    worker.heard = time.monotonic()
    finally:
        for worker in running:
            _end(worker)


def _start(trial: Trial, candidates: Sequence[Edit], names: Sequence[str], first: int, step: int) -> _Worker:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return _Worker(pid, reading, first)
    try:  # in the child: nothing of the parent's may run, whatever happens
        os.close(reading)
        gc.freeze()  # all the candidates: not to be looked through for garbage again and again
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        nowhere = os.open(os.devnull, os.O_WRONLY)  # what C code prints, and what is said of a crash
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        record = _record(names)
        for index in range(first, len(candidates), step):
            score = trial.score([candidates[index]])
            ratios = (_ratio(score, name) for name in names)
            os.write(writing, record.pack(index, score is not None, score.matched if score else 0.0, *ratios))
    except BaseException:
        os._exit(1)
    os._exit(0)


def _record(names: Sequence[str]) -> struct.Struct:
    """Which candidate, whether it ran, what matched; then of each parameter its ratio, as in Score, or AGREES."""
    return struct.Struct(f"=i?d{len(names)}d")


def _ratio(score: Score | None, name: str) -> float:
    if score is None:
        return 0.0
    return AGREES if name in score.agreeing else score.ratios.get(name, 0.0)


def _end(worker: _Worker) -> None:
    os.close(worker.pipe)
    try:
        os.kill(worker.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    try:
        os.waitpid(worker.pid, 0)
    except ChildProcessError:
        pass
