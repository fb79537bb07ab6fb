"""User code in a child process with limits: it may loop, crash, print without end or leave, and costs one sentence.

The child is a fork, not a fresh interpreter: what the parent has imported is there at once. It gets a session, a
working directory and an environment of its own, limits on memory, time and what it writes, and sends back JSON and
.npy arrays, never a pickle: reading what a broken child sends runs none of it.

Python code in it cannot write outside of its working directory. This holds off accidents, not attacks: the child is
the same user on the same machine, it can read the user's files, compiled code in it can write them, it can reach the
network and the parent's own memory and descriptors, and code written to get out of here gets out.
"""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import gc
import io
import json
import math
import os
import re
import selectors
import signal
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

try:
    import fcntl
    import resource
except ImportError:  # Windows; `isolated` says so when it is called
    fcntl = resource = None

SECONDS = 60.0  # that one function may take, unless a caller says otherwise
MEMORY = 4 << 30  # bytes that it may need
MOST_OUTPUT = 10_000_000  # bytes on stdout and stderr together, before the child is ended
KEPT_OUTPUT = 64_000  # bytes of their tail that are handed on
MOST_FILE = 100_000_000  # bytes of one file
MOST_DATA = 256_000_000  # bytes sent back
MOST_STRUCTURE = 16_000_000  # of these, JSON: a byte of it can become 50 in memory
MOST_TRACE = 1_000_000
MOST_SENTENCE = 2_000
DUMP_WAIT = 0.5  # seconds that a child past its time is given to say where it is
NAP = 0.005  # seconds between two looks at a child whose pipes are silent

KEPT_VARIABLES = ("PATH", "LANG", "LANGUAGE")
KEPT_PREFIXES = ("LC_", "OMP_", "KMP_", "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "VECLIB_", "NUMEXPR_")

CRASHES = {
    signal.SIGSEGV: "segmentation fault",
    signal.SIGABRT: "aborted",
    signal.SIGFPE: "arithmetic error in C code",
    signal.SIGILL: "illegal instruction",
    **({signal.SIGBUS: "bus error"} if hasattr(signal, "SIGBUS") else {}),
}
# what C and C++ code says before it aborts for want of memory
OUT_OF_MEMORY = ("std::bad_alloc", "Memory allocation still failed", "can't allocate memory", "Cannot allocate memory")

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
ONE_PATH, TWO_PATHS = ("os.remove", "os.rmdir", "os.mkdir", "os.truncate"), ("os.rename", "os.link", "os.symlink")
CHANGING = dict.fromkeys(ONE_PATH, 1) | dict.fromkeys(TWO_PATHS, 2)
"""Audit events of calls that change files -> how many of their arguments are paths."""

HEAD = struct.Struct(">QQ")  # bytes of the structure, bytes of the blobs after it
NUMBER = HEAD.pack(0, 0)[:8]  # in place of a HEAD, for no structure has no bytes: what follows is a number that is told
UNREADABLE = "sent back something that could not be read"

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    value      what the task returned; None if it did not come to that
    failure    one sentence without a subject ("did not finish within 20 s"), empty if the task returned
    output     the tail of what was written to stdout and stderr, by C code too
    where      the innermost line of user code, such as "rnn.py line 88 in backward", where a failure has one
    """

    value: object | None
    failure: str
    output: str
    where: str


def isolated(
    task: Callable[..., object],
    *,
    seconds: float,
    memory: int | None,
    keep_environment: Sequence[str] = (),
    told: Callable[[int], None] | None = None,
) -> Outcome:
    """Run `task` in a child process and hand on what it returns.

    The value is made of dict, list, tuple, str, bytes, bool, int, float, complex, None, NumPy arrays and NumPy scalars;
    of subclasses the plain type comes back. An exception the task does not catch is a failure.

    seconds             of wall-clock time
    memory              bytes beyond what this process has mapped already; None for no limit. Enforced on Linux only.
    keep_environment    names of environment variables to keep beside PATH, the language and the numbers of threads
    told                called here with whole numbers that the task tells while it runs, the latest if they come fast.
                        The task is then called with a function that tells one: how far it has come.

    Raises RuntimeError where processes cannot be forked. KeyboardInterrupt ends the child before it goes on.
    """
    _check_arguments(task, seconds, memory, keep_environment)
    with (
        tempfile.TemporaryDirectory(prefix="bptt-oracle-", ignore_cleanup_errors=True) as directory,
        tempfile.TemporaryFile(buffering=0) as trace,
    ):
        limits = _Limits(seconds, memory, directory, tuple(keep_environment))
        # Ctrl-C counts only while the child is watched: it must not come between the fork and who ends the child
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            try:
                child = _start(task, limits, mask, trace.fileno(), told is not None)
            except OSError as error:
                return Outcome(None, f"could not be started: {error}", "", "")
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                _watch(child, seconds, told)
            finally:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
                _end(child)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return _outcome(child, limits, os.pread(trace.fileno(), MOST_TRACE, 0))


def _check_arguments(task: object, seconds: object, memory: object, keep_environment: object) -> None:
    if not callable(task):
        raise TypeError(f"task is {task!r}, but should be a function of no arguments")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        raise ValueError(f"seconds is {seconds!r}, but should be a positive number")
    if memory is not None and (isinstance(memory, bool) or not isinstance(memory, int) or memory <= 0):
        raise ValueError(f"memory is {memory!r}, but should be a positive number of bytes, or None for no limit")
    if isinstance(keep_environment, str) or not all(isinstance(name, str) for name in keep_environment):
        raise TypeError(f"keep_environment is {keep_environment!r}, but should be a list of names of variables")
    if not hasattr(os, "fork") or resource is None:
        raise RuntimeError(
            "user code is run in a forked process, and this system has no os.fork (Windows has none): "
            "run it under Linux, macOS or the Windows Subsystem for Linux"
        )


@dataclass(frozen=True)
class _Limits:
    seconds: float
    memory: int | None
    directory: str
    keep_environment: tuple[str, ...]


@dataclass
class _Child:
    """A running child, and what has come from it so far."""

    pid: int
    trace: int
    output_pipe: int
    result_pipe: int
    failure: str = ""  # why it was ended from outside
    status: int | None = None  # as waitpid has it; None while it runs
    gone: bool = False  # waited for
    output: bytearray = field(default_factory=bytearray)
    output_size: int = 0
    result: bytearray = field(default_factory=bytearray)
    number: int | None = None  # told since somebody looked

    @property
    def complete(self) -> bool:
        return len(self.result) >= HEAD.size and len(self.result) >= HEAD.size + sum(HEAD.unpack_from(self.result))


# ---------------------------------------------------------------------------------------------- the parent's side


def _start(
    task: Callable[..., object], limits: _Limits, mask: set[signal.Signals], trace: int, telling: bool
) -> _Child:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # it may be closed, None, or anything
            stream.flush()
    _flush_c()  # else the child would print it a second time
    parent = os.getpid()
    output_read, output_write = os.pipe()
    result_read, result_write = os.pipe()
    try:
        with warnings.catch_warnings():
            # Python 3.12 warns of threads. Those of BLAS get over a fork, and the child starts none of its own.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
    except BaseException:
        for descriptor in (output_read, output_write, result_read, result_write):
            os.close(descriptor)
        raise
    if pid == 0:
        os.close(output_read)
        os.close(result_read)
        _child(task, limits, parent, mask, output_write, result_write, trace, telling)
    os.close(output_write)
    os.close(result_write)
    os.set_blocking(output_read, False)
    os.set_blocking(result_read, False)
    return _Child(pid, trace, output_read, result_read)


def _watch(child: _Child, seconds: float, told: Callable[[int], None] | None) -> None:
    """Read what the child sends until it has returned, ended, or has to be ended.

    Its end is seen by waitpid and never by the end of a pipe: a process the user's code started may hold that open.
    """
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(child.output_pipe, selectors.EVENT_READ, _read_output)
        selector.register(child.result_pipe, selectors.EVENT_READ, _read_result)
        while True:
            if not selector.get_map():
                time.sleep(NAP / 5)
            else:
                for key, _ in selector.select(NAP):
                    if key.data(child) == b"":
                        selector.unregister(key.fd)
            if told and child.number is not None:
                told(child.number)
                child.number = None
            if child.output_size > MOST_OUTPUT:
                child.failure = f"wrote more than {MOST_OUTPUT // 1_000_000} MB to the terminal"
            elif len(child.result) > HEAD.size + MOST_DATA:
                child.failure = _too_much()
            elif not child.complete and not _has_ended(child) and time.monotonic() > deadline:
                child.failure = f"did not finish within {seconds:g} s"
                _ask_where(child)
            if child.failure or child.complete or child.gone:
                return


def _read_output(child: _Child) -> bytes | None:
    data = _read(child.output_pipe)
    if data:
        child.output += data
        child.output_size += len(data)
        if len(child.output) > 2 * KEPT_OUTPUT:
            del child.output[:-KEPT_OUTPUT]
    return data


def _read_result(child: _Child) -> bytes | None:
    data = _read(child.result_pipe)
    child.result += data or b""
    while len(child.result) >= HEAD.size and child.result.startswith(NUMBER):
        _, child.number = HEAD.unpack_from(child.result)
        del child.result[: HEAD.size]
    return data


def _read(descriptor: int) -> bytes | None:
    """What is there to read, b"" at the end, None if there is nothing yet."""
    try:
        return os.read(descriptor, 1 << 20)  # the most a pipe can hold, if not set up by root
    except BlockingIOError:
        return None


def _has_ended(child: _Child) -> bool:
    try:
        pid, status = os.waitpid(child.pid, os.WNOHANG)
    except ChildProcessError:  # SIGCHLD is ignored in this process, or somebody waits for every child
        child.gone = True
        return True
    if pid:
        child.gone, child.status = True, status
    return pid != 0


def _ask_where(child: _Child) -> None:
    """Have faulthandler write down where the child is. That works inside C code as well: it is a signal handler."""
    before = os.fstat(child.trace).st_size
    with suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGUSR1)
    deadline = time.monotonic() + DUMP_WAIT
    size = before
    while time.monotonic() < deadline and not _has_ended(child):
        time.sleep(4 * NAP)
        last, size = size, os.fstat(child.trace).st_size
        if size == last > before:
            return


def _end(child: _Child) -> None:
    """End the child and all that it started, and take what they left in the pipes. Nothing of it is waited for."""
    try:
        if not child.gone:
            _end_descendants(child.pid)
        with suppress(ProcessLookupError, PermissionError):  # macOS: PermissionError for a group of the dead
            os.killpg(child.pid, signal.SIGKILL)
        if not child.gone:
            with suppress(ProcessLookupError):  # before it had a group of its own
                os.kill(child.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                child.status = os.waitpid(child.pid, 0)[1]
            child.gone = True
        # one read takes all that a pipe holds; something that got away might go on writing for ever
        _read_output(child)
        _read_result(child)
    finally:
        os.close(child.output_pipe)
        os.close(child.result_pipe)


def _end_descendants(pid: int) -> None:
    """End the processes below a running child, those with a session of their own too (Linux).

    The child inherits the orphans among them (PR_SET_CHILD_SUBREAPER), so all of them are below it while it lives.
    """
    if not os.path.exists(f"/proc/{pid}/task/{pid}/children"):
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)  # it starts no more, and reaps none: the numbers stay theirs
    ended: set[int] = set()
    while fresh := set(_below(pid)) - ended:
        for descendant in fresh:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(descendant, signal.SIGKILL)
        ended |= fresh


def _below(pid: int) -> Iterator[int]:
    waiting = [pid]
    while waiting:
        process = waiting.pop()
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{thread}/children") as children:
                    found = [int(number) for number in children.read().split()]
                yield from found
                waiting += found


def _outcome(child: _Child, limits: _Limits, trace: bytes) -> Outcome:
    output = bytes(child.output[-KEPT_OUTPUT:])
    if child.output_size > len(output):
        output = b"...\n" + output.partition(b"\n")[2]  # from the beginning of a line
    text = output.decode("utf-8", "replace")
    if child.failure:
        return Outcome(None, child.failure, text, _where(_innermost(trace)))
    if child.complete:
        return _received(child, text)
    if child.status is None:
        return Outcome(None, "ended, and another part of this program has taken its exit status", text, "")
    if os.WIFSIGNALED(child.status):
        frame = _innermost(trace)
        return Outcome(None, _killed(os.WTERMSIG(child.status), frame, limits, text), text, _where(frame))
    code = os.WEXITSTATUS(child.status)
    if child.result:
        return Outcome(None, UNREADABLE, text, "")
    return Outcome(None, f"ended by itself with exit status {code} (os._exit, or exit in C code)", text, "")


def _received(child: _Child, output: str) -> Outcome:
    """What the child itself says of its task. Whatever may be in there, nothing worse than a failure comes of it."""
    try:
        value, failure, where = _decode(bytes(child.result))
        if not isinstance(failure, str) or not isinstance(where, str):
            raise ValueError("not what a child sends")
    except Exception:
        return Outcome(None, UNREADABLE, output, "")
    return Outcome(value, _printable(failure), output, _printable(where))


def _killed(number: int, frame: tuple[str, int, str] | None, limits: _Limits, output: str) -> str:
    if number == signal.SIGABRT and limits.memory and any(sign in output for sign in OUT_OF_MEMORY):
        return _too_little_memory(limits.memory)
    if number in CRASHES:
        if frame is None:
            return f"crashed: {CRASHES[number]}"
        file, line, function = frame
        inside = f" ({function})" if function != "<module>" else ""
        return f"crashed: {CRASHES[number]} in {file} line {line}{inside}"
    if number == signal.SIGXCPU:
        return f"used more than {_processor_seconds(limits.seconds)} s of processor time"
    try:
        name = f"{number} ({signal.Signals(number).name})"
    except ValueError:
        name = str(number)
    hint = ", which is what the system does when memory runs out" if number == signal.SIGKILL else ""
    return f"killed by signal {name}{hint}"


# ----------------------------------------------------------------------------------------------- the child's side


def _child(
    task: Callable[..., object],
    limits: _Limits,
    parent: int,
    mask: set[signal.Signals],
    output: int,
    result: int,
    trace: int,
    telling: bool,
) -> NoReturn:
    """Everything the child does. It never returns into what the parent was doing, whatever happens."""
    try:
        own = os.getpid()
        try:
            result = _enter(limits, parent, mask, output, result, trace)
        except BaseException as error:
            answer = None, f"could not be started: {_sentence(error)}", ""
        else:
            tell = (lambda number: os.write(result, HEAD.pack(0, number)),) if telling else ()
            answer = _run(lambda: task(*tell), limits)
        if os.getpid() == own:  # a fork made by the user's code comes by here as well
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()
            _flush_c()
            _send(result, answer, limits)
            time.sleep(5)  # the parent ends it, and what it started, while both can still be found
    finally:
        os._exit(0)


def _enter(limits: _Limits, parent: int, mask: set[signal.Signals], output: int, result: int, trace: int) -> int:
    """Settle in: session, signals, descriptors, directory, environment, limits. Returns where the result goes."""
    os.setsid()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))  # never outlive a parent that was killed
        libc.prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))
        if os.getppid() != parent:
            os._exit(0)
    gc.freeze()  # what was garbage in the parent must not be finalized, and its files flushed, a second time
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask - {signal.SIGINT, signal.SIGUSR1})

    # out of the way of 0, 1 and 2, in case the parent had closed those
    output, result, trace = (fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10) for number in (output, result, trace))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(number, target)
    os.close(output)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)
    # unbuffered: what was printed before a crash is what one wants to see
    sys.stdout = sys.__stdout__ = _stream(1)
    sys.stderr = sys.__stderr__ = _stream(2)

    faulthandler.enable(trace)
    faulthandler.register(signal.SIGUSR1, trace)

    sys.dont_write_bytecode = True
    sys.path[:] = [os.path.abspath(folder) if isinstance(folder, str) else folder for folder in sys.path]
    os.chdir(limits.directory)
    tempfile.tempdir = limits.directory
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT_VARIABLES or name.startswith(KEPT_PREFIXES) or name in limits.keep_environment
    }
    os.environ.clear()
    os.environ.update({"HOME": limits.directory, "TMPDIR": limits.directory, "PYTHONDONTWRITEBYTECODE": "1"} | kept)

    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, MOST_FILE)
    _limit(resource.RLIMIT_CPU, _processor_seconds(limits.seconds), grace=5)
    if limits.memory is not None and sys.platform == "linux":
        with open("/proc/self/statm") as sizes:
            mapped = int(sizes.read().split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, mapped + limits.memory)
    _write_only_to(limits.directory)
    _spare(parent)
    return result


def _write_only_to(directory: str) -> None:
    """Refuse what Python code would write, remove or rename elsewhere: a training script that saves its best weights.

    An audit hook stays for good, and this process is not for long.
    """
    inside = tuple(os.path.join(os.path.realpath(folder), "") for folder in (directory, "/dev"))

    def refuse(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            paths = [path] if isinstance(flags, int) and flags & WRITING else []
        else:
            paths = list(arguments[: CHANGING.get(event, 0)])
        for path in paths:
            if isinstance(path, (str, bytes, os.PathLike)):
                real = os.path.realpath(os.fsdecode(path))
                if not real.startswith(inside) and os.path.join(real, "") not in inside:
                    raise PermissionError(
                        errno.EACCES, "code under test writes only to its temporary working directory, not to", real
                    )

    sys.addaudithook(refuse)


def _spare(parent: int) -> None:
    """Refuse signals to the parent, its group and everybody: a script that ends what it takes for its own trainer."""
    group = os.getpgid(parent)

    def refuse(event: str, arguments: tuple) -> None:
        if event == "os.kill" and arguments[0] in (parent, -parent, -group, -1):
            raise PermissionError(errno.EPERM, f"code under test sends no signal to process {arguments[0]}")
        if event == "os.killpg" and arguments[0] in (parent, group):
            raise PermissionError(errno.EPERM, f"code under test sends no signal to process group {arguments[0]}")

    sys.addaudithook(refuse)


def _stream(number: int) -> io.TextIOWrapper:
    raw = open(number, "wb", buffering=0, closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)


def _limit(which: int, value: int, grace: int = 0) -> None:
    """`grace`: how far the hard limit is above. At the soft one on processor time comes SIGXCPU, which tells why."""
    hard = resource.getrlimit(which)[1]
    if hard == resource.RLIM_INFINITY:
        hard = value + grace
    resource.setrlimit(which, (min(value, hard), min(value + grace, hard)))


def _processor_seconds(seconds: float) -> int:
    """All cores for all the time, and a little: a backstop behind the parent's clock, never ahead of it."""
    return math.ceil(seconds) * (os.cpu_count() or 1) + 5


def _run(task: Callable[[], object], limits: _Limits) -> tuple[object, str, str]:
    """value, failure, where."""
    try:
        return task(), "", ""
    except SystemExit as error:
        code = "" if error.code is None else repr(error.code)
        return None, f"ended by itself with sys.exit({code})", _where(_raised_in(error))
    except BaseException as error:
        where = _where(_raised_in(error))
        if limits.memory and _for_want_of_memory(error):
            return None, _too_little_memory(limits.memory), where
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            return None, f"wrote more than {MOST_FILE // 1_000_000} MB into one file", where
        return None, f"raised {_sentence(error)}", where


def _for_want_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in OUT_OF_MEMORY)  # torch


def _send(descriptor: int, answer: tuple[object, str, str], limits: _Limits) -> None:
    try:
        parts = _encode(answer)
    except MemoryError:
        failure = _too_little_memory(limits.memory) if limits.memory else "ran out of memory"
        parts = _encode((None, failure, ""))
    except _CannotSend as error:
        parts = _encode((None, str(error), ""))
    except Exception as error:  # a thread of the user's code still changes it, or a class of theirs misbehaves
        parts = _encode((None, f"returned what could not be sent back: {_sentence(error)}", ""))
    for part in parts:
        rest = memoryview(part).cast("B")
        while rest:
            rest = rest[os.write(descriptor, rest) :]


# ------------------------------------------------------------------------------------------------- the value's way


class _CannotSend(Exception):
    """The sentence that becomes the failure."""


def _encode(value: object) -> list[bytes]:
    """The value in pieces: HEAD, its structure as JSON, and the bytes of its arrays.

    The structure is a flat list of nodes, each made of earlier ones, so that neither side recurses. A part of a node is
    a plain JSON value, or [n] for node n.
    """
    nodes: list[list] = []
    blobs: list[bytes] = []
    numbers: dict[int, int] = {}  # id of a container or array -> its node: what was one object stays one
    size = 0

    def stored(kind: str, data: bytes) -> list:
        nonlocal size
        if size + len(data) > MOST_DATA:
            raise _CannotSend(_too_much())
        blobs.append(data)
        size += len(data)
        return [kind, size - len(data), size]

    def plain(item: object) -> bool:
        return item is None or type(item) in (bool, str, float) or (type(item) is int and abs(item) < 2**63)

    def part(item: object) -> object:
        return item if plain(item) else [numbers[id(item)]]

    def leaf(item: object) -> list:
        if isinstance(item, (np.generic, np.ndarray)):
            return stored("array" if isinstance(item, np.ndarray) else "scalar", _npy(item))
        if isinstance(item, (bytes, bytearray)):
            return stored("bytes", bytes(item))
        if isinstance(item, int):
            return ["int", hex(item)]  # hexadecimal: Python refuses to read more than 4,300 decimal digits
        if isinstance(item, (str, float)):
            return ["plain", float(item) if isinstance(item, float) else str.__str__(item)]
        if isinstance(item, complex):
            return ["complex", item.real, item.imag]
        raise _CannotSend(
            f"returned a {type(item).__module__}.{type(item).__qualname__}, which cannot be sent back from the child "
            "process; it should be made of dict, list, tuple, str, bytes, bool, int, float, complex, None and NumPy "
            "arrays"
        )

    entered: dict[int, list] = {}  # id of a container -> what is in it, kept so that no id is given away
    waiting = [value]
    while waiting:
        item = waiting[-1]
        if plain(item) or id(item) in numbers:
            waiting.pop()
            continue
        if isinstance(item, (dict, list, tuple)):
            if id(item) not in entered:
                parts = [half for pair in item.items() for half in pair] if isinstance(item, dict) else list(item)
                entered[id(item)] = parts
                if any(id(one) in entered and id(one) not in numbers for one in parts):
                    raise _CannotSend(f"returned a {type(item).__name__} that contains itself")
                waiting += parts
                continue
            kind = "dict" if isinstance(item, dict) else "list" if isinstance(item, list) else "tuple"
            node = [kind, *map(part, entered[id(item)])]
        else:
            node = leaf(item)
        waiting.pop()
        numbers[id(item)] = len(nodes)
        nodes.append(node)
    structure = json.dumps({"nodes": nodes, "value": part(value)}, separators=(",", ":")).encode()
    if len(structure) > MOST_STRUCTURE:
        raise _CannotSend(
            f"returned more than {MOST_STRUCTURE // 1_000_000} MB of numbers and text outside of NumPy arrays"
        )
    if size + len(structure) > MOST_DATA:
        raise _CannotSend(_too_much())
    return [HEAD.pack(len(structure), size), structure, *blobs]


def _decode(data: bytes) -> object:
    """The value again, or an exception of whatever kind."""
    structure_size, blobs_size = HEAD.unpack_from(data)
    if structure_size > MOST_STRUCTURE or len(data) != HEAD.size + structure_size + blobs_size:
        raise ValueError("the sizes are wrong")
    structure = json.loads(data[HEAD.size : HEAD.size + structure_size])
    blobs = memoryview(data)[HEAD.size + structure_size :]
    made: list[object] = []

    def whole(part: object) -> object:
        if not isinstance(part, list):
            return part
        (number,) = part
        if not 0 <= number < len(made):
            raise ValueError("a node refers to one that is not there")
        return made[number]

    def cut(start: int, stop: int) -> memoryview:
        if not 0 <= start <= stop <= len(blobs):
            raise ValueError("a blob is not there")
        return blobs[start:stop]

    for kind, *parts in structure["nodes"]:
        if kind in ("list", "tuple"):
            items = map(whole, parts)
            made.append(list(items) if kind == "list" else tuple(items))
        elif kind == "dict":
            items = list(map(whole, parts))
            made.append(dict(zip(items[::2], items[1::2], strict=True)))
        elif kind == "array":
            made.append(_array(cut(*parts)))
        elif kind == "scalar":
            made.append(_array(cut(*parts))[()])
        elif kind == "bytes":
            made.append(bytes(cut(*parts)))
        elif kind == "int":
            made.append(int(parts[0], 16))
        elif kind == "plain":
            made.append(parts[0])
        elif kind == "complex":
            made.append(complex(*parts))
        else:
            raise ValueError("a kind of node nobody sends")
    return whole(structure["value"])


def _npy(array: np.ndarray | np.generic) -> bytes:
    if isinstance(array, np.ma.MaskedArray):
        raise _CannotSend("returned a masked array, which cannot be sent back; it should be a plain array")
    array = np.asarray(array)
    if array.nbytes > MOST_DATA:
        raise _CannotSend(_too_much())
    if not _plain(array.dtype):
        raise _CannotSend(
            f"returned an array of dtype {array.dtype}, which cannot be sent back; it should hold numbers or text"
        )
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    return file.getvalue()


def _plain(dtype: np.dtype) -> bool:
    """Whether the .npy format gives this dtype back: not objects, nor the dtypes that other packages add."""
    if dtype.hasobject or dtype.metadata:
        return False
    try:
        return np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(dtype)) == dtype
    except (TypeError, ValueError):
        return False


def _array(data: memoryview) -> np.ndarray:
    return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)


# ------------------------------------------------------------------------------------------------ sentences, places

FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
ESCAPED = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
PACKAGE = os.path.dirname(_run.__code__.co_filename)
LIBRARY = os.path.dirname(os.__file__)


def _is_user(filename: str) -> bool:
    """Whether a file is the user's: not this package, not an installed one, not Python's library."""
    if filename.startswith("<") or filename.startswith((PACKAGE + os.sep, LIBRARY + os.sep)):
        return False
    return not {"site-packages", "dist-packages"} & set(filename.split(os.sep))


def _innermost(trace: bytes) -> tuple[str, int, str] | None:
    """(file, line, function) of the innermost user frame of the main thread, from what faulthandler wrote last."""
    text = trace.decode("ascii", "replace")
    _, _, frames = text.rpartition("Current thread")
    for line in frames.splitlines():
        if match := FRAME.fullmatch(line):
            file, number, function = (_unescaped(part) for part in match.groups())
            if file == _run.__code__.co_filename and function in (_run.__name__, _child.__name__):
                return None  # from here on outward it is the parent's stack
            if _is_user(file):
                return os.path.basename(_printable(file)), int(number), _printable(function)
        elif not line.strip() and frames:
            break  # the next thread
    return None


def _raised_in(error: BaseException) -> tuple[str, int, str] | None:
    """(file, line, function) of the innermost user frame of a traceback."""
    found = None
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if _is_user(code.co_filename):
            found = os.path.basename(code.co_filename), traceback.tb_lineno, code.co_name
        traceback = traceback.tb_next
    return found


def _where(frame: tuple[str, int, str] | None) -> str:
    if frame is None:
        return ""
    file, line, function = frame
    return f"{file} line {line}" + (f" in {function}" if function != "<module>" else "")


def _unescaped(text: str) -> str:
    """faulthandler writes é as \\xe9."""
    return ESCAPED.sub(lambda match: chr(int(match.group()[2:], 16)), text)


def _sentence(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = "(its text cannot be made)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _printable(text: str) -> str:
    """One line of bounded length, with no character that could steer a terminal."""
    text = " ".join(text.split())
    if len(text) > MOST_SENTENCE:
        text = text[:MOST_SENTENCE] + " ..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _too_much() -> str:
    return f"sent back more than {MOST_DATA // 1_000_000} MB"


def _too_little_memory(memory: int) -> str:
    amount = f"{memory / 2**30:.3g} GiB" if memory >= 2**30 else f"{memory / 2**20:.3g} MiB"
    return f"needed more than {amount} of memory"


def _flush_c() -> None:
    """What C code has printed and its library still holds. Only stdout: another thread may be waiting in stdin."""
    with suppress(Exception):
        libc = ctypes.CDLL(None)
        libc.fflush(ctypes.c_void_p.in_dll(libc, "__stdoutp" if sys.platform == "darwin" else "stdout"))
