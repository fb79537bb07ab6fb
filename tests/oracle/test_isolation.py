"""User code in a child process: every way in which it can go wrong, and what the parent is left with."""

import ctypes
import gc
import math
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import pytest

from oracle import isolation
from oracle.isolation import HEAD, UNREADABLE, Outcome, _decode, _encode, isolated

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and prctl")
GIB = 2**30


@pytest.fixture(autouse=True)
def ctrl_c_is_heard():
    """In the background of a shell Ctrl-C is ignored from the start, and the child would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run(task, seconds=10, memory=None, **options) -> Outcome:
    return isolated(task, seconds=seconds, memory=memory, **options)


def returned(task, **options):
    outcome = run(task, **options)
    assert (outcome.failure, outcome.where) == ("", "")
    return outcome.value


def line_of(function, offset: int) -> int:
    return function.__code__.co_firstlineno + offset


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def soon(condition) -> bool:
    """A process that was sent SIGKILL takes a moment."""
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.01)
    return False


# ---------------------------------------------------------------------------------------------- what comes back

VALUES = {
    "nothing": None,
    "booleans": [True, False],
    "integers": [0, -1, 2**62, 2**63, -(2**64), 2**60_000],
    "floats": [0.1, -0.0, 5e-324, math.inf, -math.inf],
    "complex": [1 + 2j, complex(0.0, -math.inf)],
    "text": ["", "dh/dt über λ", "\ud800", "a\0b", "\x1b[31m"],
    "bytes": [b"", bytes(range(256))],
    "dict": {"a": {"b": (1, [2.5, {"c": ()}])}, 3: "three", (1, "k"): None, None: []},
    "references that are not": [[0], [[1]], {"nodes": [5]}],
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_as_it_was(name):
    value = returned(lambda: VALUES[name])
    assert value == VALUES[name]
    if name != "integers":  # Python does not print that many digits
        assert repr(value) == repr(VALUES[name])  # tuples stay tuples, True is not 1, -0.0 keeps its sign


def test_nan_comes_back():
    value = returned(lambda: [math.nan, np.float32("nan"), np.array([np.nan, np.inf, -np.inf])])
    assert math.isnan(value[0])
    assert type(value[1]) is np.float32 and np.isnan(value[1])
    np.testing.assert_array_equal(value[2], [np.nan, np.inf, -np.inf])


DTYPES = [*np.typecodes["AllInteger"], *np.typecodes["AllFloat"], *"? S3 U4 M8[ns] m8[D] V5 >f8 <i4".split()]
SHAPES = [(), (0,), (3, 0, 2), (1,), (2, 3)]


def test_arrays_of_every_dtype_and_shape_come_back():
    arrays = [
        np.frombuffer(bytes(i % 2 for i in range(math.prod(shape) * np.dtype(d).itemsize)), d).reshape(shape).copy()
        for d in DTYPES
        for shape in SHAPES
    ]
    arrays += [np.zeros((2, 3), [("a", "f4"), ("b", "i2", (2,))])]
    value = returned(lambda: arrays)
    for sent, got in zip(arrays, value, strict=True):
        assert (got.dtype, got.shape, got.tobytes()) == (sent.dtype, sent.shape, sent.tobytes())
        assert got.flags.writeable


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_scalars_keep_their_type(dtype):
    scalar = np.zeros((), dtype)[()]
    value = returned(lambda: scalar)
    # by dtype: long and long long are two types of one dtype
    assert isinstance(value, np.generic) and value.dtype == scalar.dtype and value == scalar


class Subclass(np.ndarray):
    pass


def test_arrays_that_are_not_contiguous_come_back():
    base = np.arange(24.0).reshape(4, 6)
    sent = [base.T, base[::2, ::-1], np.asfortranarray(base), np.broadcast_to(base[0], (3, 6)), base.view(Subclass)]
    for was, got in zip(sent, returned(lambda: sent), strict=True):
        np.testing.assert_array_equal(got, was)
        assert type(got) is np.ndarray


def test_nesting_may_be_deep():
    def task():
        value = []
        for _ in range(50_000):
            value = [value]
        return value

    value, depth = returned(task), 0
    while value:
        (value,), depth = value, depth + 1
    assert depth == 50_000


def test_what_was_one_object_stays_one():
    def task():
        shared = np.arange(3.0)
        return [shared, shared, shared.copy()]

    first, second, third = returned(task)
    assert first is second and first is not third


def contains_itself():
    value = {"a": []}
    value["a"].append(value)
    return value


UNSENDABLE = {
    "set": (lambda: [{1}], "returned a builtins.set, which cannot be sent back from the child process; it should be"),
    "function": (lambda: {"f": run}, "returned a builtins.function, which cannot be sent back"),
    "objects": (lambda: np.array([None, 1]), "returned an array of dtype object, which cannot be sent back"),
    "masked": (lambda: np.ma.masked_array([1.0], [True]), "returned a masked array, which cannot be sent back"),
    "cycle": (contains_itself, "returned a list that contains itself"),
    "array too large": (lambda: np.broadcast_to(0.0, (10**9,)), "sent back more than 256 MB"),
    "too many numbers": (lambda: [1 / (i + 3) for i in range(10**6)], "returned more than 16 MB of numbers and text"),
}


@pytest.mark.parametrize("name", UNSENDABLE)
def test_what_cannot_be_sent_is_named(name):
    task, failure = UNSENDABLE[name]
    outcome = run(task)
    assert outcome.value is None
    assert outcome.failure.startswith(failure)


# -------------------------------------------------------------------------- what a broken child could send instead


def forged(structure: bytes, blobs: bytes = b"", sizes=None) -> bytes:
    return HEAD.pack(*(sizes or (len(structure), len(blobs)))) + structure + blobs


def npy(header: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


PICKLE = npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n") + b"\x80\x04cos\nabort\n(tR."
LARGE = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,)}\n")
MALFORMED = {
    "not JSON": forged(b"{nodes"),
    "not UTF-8": forged(b"\xff\xfe"),
    "deep JSON": forged(b"[" * 100_000),
    "no nodes": forged(b'{"value":[[0],"",""]}'),
    "a node of later ones": forged(b'{"nodes":[["list",[1]],["tuple",null,"",""]],"value":[1]}'),
    "a negative node": forged(b'{"nodes":[["list"],["tuple",[-1],"",""]],"value":[1]}'),
    "an unknown kind": forged(b'{"nodes":[["eval","1"]],"value":[0]}'),
    "an answer of two": forged(b'{"nodes":[["tuple",1,""]],"value":[0]}'),
    "no sentence": forged(b'{"nodes":[["tuple",1,2,""]],"value":[0]}'),
    "no place": forged(b'{"nodes":[["tuple",1,"",3]],"value":[0]}'),
    "an unhashable key": forged(b'{"nodes":[["list"],["dict",[0],1],["tuple",[1],"",""]],"value":[2]}'),
    "blob outside": forged(b'{"nodes":[["bytes",0,9],["tuple",[0],"",""]],"value":[1]}', b"1234"),
    "pickle": forged(b'{"nodes":[["array",0,%d],["tuple",[0],"",""]],"value":[1]}' % len(PICKLE), PICKLE),
    "huge array": forged(b'{"nodes":[["array",0,%d],["tuple",[0],"",""]],"value":[1]}' % len(LARGE), LARGE),
    "more than it says": forged(b'{"nodes":[["tuple",1,"",""]],"value":[0]}') + b"x",
}


def send_instead(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(isolation, "_encode", lambda answer: [data])


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_answers_are_harmless(monkeypatch, name):
    send_instead(monkeypatch, MALFORMED[name])
    outcome = run(lambda: 1)
    assert (outcome.value, outcome.failure) == (None, UNREADABLE)


def test_the_same_message_well_formed_is_read(monkeypatch):
    send_instead(monkeypatch, forged(b'{"nodes":[["bytes",0,4],["tuple",[0],"",""]],"value":[1]}', b"1234"))
    assert returned(lambda: 1) == b"1234"


def test_a_message_cut_short(monkeypatch):
    send_instead(monkeypatch, forged(b"{}", sizes=(100, 0)))
    parent = os.getpid()

    def leave(seconds):
        if os.getpid() != parent:
            os._exit(0)

    monkeypatch.setattr(time, "sleep", leave)
    assert run(lambda: 1).failure == UNREADABLE


def test_an_answer_without_end(monkeypatch):
    monkeypatch.setattr(isolation, "MOST_DATA", 1_000_000)
    send_instead(monkeypatch, forged(bytes(3_000_000), sizes=(2**63, 0)))
    assert run(lambda: 1).failure == "sent back more than 1 MB"


def test_a_sentence_cannot_steer_the_terminal(monkeypatch):
    send_instead(monkeypatch, b"".join(_encode((None, "raised \x1b[2J\nx" + "y" * 9_000, "\x07"))))
    outcome = run(lambda: 1)
    assert outcome.failure.startswith(r"raised \x1b[2J xyyy") and len(outcome.failure) < 3_000
    assert outcome.where == r"\x07"


def test_encoding_is_the_inverse_of_decoding_without_a_process():
    assert _decode(b"".join(_encode(VALUES))) == VALUES


# ------------------------------------------------------------------------------------------------------- no end


def endless():
    while True:
        pass


def endless_in_c():
    numbers = np.ones((1_000, 1_000))
    while True:
        np.einsum("ij,jk,kl->il", numbers, numbers, numbers)


def endless_in_sort():
    [*range(10**8)].sort(key=math.sin)


@pytest.mark.parametrize("task", [endless, endless_in_c, endless_in_sort])
def test_no_end(task):
    outcome = run(task, seconds=0.2)
    assert outcome.failure == "did not finish within 0.2 s"
    file, _, rest = outcome.where.partition(" line ")
    line, _, function = rest.partition(" in ")
    assert (file, function) == ("test_isolation.py", task.__name__)
    assert line_of(task, 1) <= int(line) <= line_of(task, 3)


def test_no_end_with_every_signal_ignored():
    def task():
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        endless()

    assert run(task, seconds=0.1) == Outcome(None, "did not finish within 0.1 s", "", "")


def test_stopped():
    assert run(lambda: os.kill(os.getpid(), signal.SIGSTOP), seconds=0.1).failure == "did not finish within 0.1 s"


def test_no_end_outside_of_user_code_names_no_line():
    """The lines that called `isolated` are on the forked stack as well, and are not what took so long."""

    outcome = isolated(threading.Event().wait, seconds=0.1, memory=None)
    assert (outcome.failure, outcome.where) == ("did not finish within 0.1 s", "")


def test_processor_time_is_a_backstop(monkeypatch):
    monkeypatch.setattr(isolation, "_processor_seconds", lambda seconds: 1)
    assert run(endless).failure == "used more than 1 s of processor time"


# --------------------------------------------------------------------------------------------- leaving and crashing


@pytest.mark.parametrize(
    "task, failure",
    [
        (lambda: sys.exit(3), "ended by itself with sys.exit(3)"),
        (lambda: sys.exit(), "ended by itself with sys.exit()"),
        (lambda: sys.exit("no data"), "ended by itself with sys.exit('no data')"),
        (lambda: os._exit(7), "ended by itself with exit status 7 (os._exit, or exit in C code)"),
        (lambda: os._exit(0), "ended by itself with exit status 0 (os._exit, or exit in C code)"),
        (lambda: 1 / 0, "raised ZeroDivisionError: division by zero"),
        (lambda: input("? "), "raised EOFError: EOF when reading a line"),
        (lambda: (_ for _ in ()).throw(KeyboardInterrupt), "raised KeyboardInterrupt"),
        (lambda: os.kill(os.getpid(), signal.SIGINT) or endless(), "raised KeyboardInterrupt"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), "killed by signal 15 (SIGTERM)"),
        (
            lambda: os.kill(os.getpid(), signal.SIGKILL),
            "killed by signal 9 (SIGKILL), which is what the system does when memory runs out",
        ),
    ],
)
def test_leaving(task, failure):
    outcome = run(task)
    assert (outcome.value, outcome.failure) == (None, failure)


def reads_address_zero():
    ctypes.string_at(0)


def aborts():
    os.abort()


@pytest.mark.parametrize("task, crash", [(reads_address_zero, "segmentation fault"), (aborts, "aborted")])
def test_crashes_name_the_line(task, crash):
    outcome = run(task)
    line = line_of(task, 1)
    assert outcome.failure == f"crashed: {crash} in test_isolation.py line {line} ({task.__name__})"
    assert outcome.where == f"test_isolation.py line {line} in {task.__name__}"


def test_a_crash_without_user_code():
    assert run(os.abort) == Outcome(None, "crashed: aborted", "", "")


def test_a_crash_in_a_file_whose_name_is_not_ascii(tmp_path):
    file = str(tmp_path / "réseau.py")
    names = {}
    exec(compile("import os\ndef perdu_é():\n    os.abort()\n", file, "exec"), names)
    assert run(names["perdu_é"]).where == "réseau.py line 3 in perdu_é"


def test_an_exception_names_the_innermost_user_line():
    def task():
        np.linalg.inv(np.zeros((2, 3)))

    outcome = run(task)
    assert outcome.failure.startswith("raised LinAlgError: ")
    assert outcome.where == f"test_isolation.py line {line_of(task, 1)} in task"


def test_an_exception_whose_text_fails():
    class Bad(Exception):
        def __str__(self):
            raise ValueError

    def task():
        raise Bad

    assert run(task).failure == "raised Bad: (its text cannot be made)"


# ------------------------------------------------------------------------------------------------------ too much


@LINUX
@pytest.mark.parametrize(
    "hog", [lambda: np.ones(2**28), lambda: bytearray(2 * GIB), lambda: [0] * 2**28], ids=["numpy", "bytes", "list"]
)
def test_memory(hog):
    assert run(hog, memory=GIB).failure == "needed more than 1 GiB of memory"


@LINUX
def test_memory_of_torch():
    torch = pytest.importorskip("torch")

    assert run(lambda: torch.ones(2**28, dtype=torch.float64), memory=GIB // 2).failure == (
        "needed more than 512 MiB of memory"
    )


@LINUX
def test_memory_is_beyond_what_is_mapped_already():
    with open("/proc/self/statm") as sizes:
        mapped = int(sizes.read().split()[0]) * isolation.resource.getpagesize()
    task = lambda: (isolation.resource.getrlimit(isolation.resource.RLIMIT_AS), float(np.ones(2**22).sum()))  # noqa: E731
    (soft, hard), total = returned(task, memory=GIB // 16)
    assert soft == hard and abs(soft - mapped - GIB // 16) < GIB // 16
    assert total == 2**22


def test_a_file_without_end(monkeypatch):
    monkeypatch.setattr(isolation, "MOST_FILE", 3_000_000)

    def task():
        with open("log.txt", "wb", buffering=0) as file:
            while True:
                file.write(bytes(1_000_000))

    outcome = run(task)
    assert outcome.failure == "wrote more than 3 MB into one file"
    assert outcome.where == f"test_isolation.py line {line_of(task, 3)} in task"


def prints():
    while True:
        print("step" * 1_000)


def writes():
    while True:
        os.write(2, b"x" * 5_000)


@pytest.mark.parametrize("task", [prints, writes])
def test_output_without_end(task):
    outcome = run(task)
    assert outcome.failure == "wrote more than 10 MB to the terminal"
    assert len(outcome.output) <= isolation.KEPT_OUTPUT + 4


# -------------------------------------------------------------------------------------------------------- output


def test_all_that_is_printed_is_caught(capfd):
    def task():
        print("from print")
        sys.stderr.write("from stderr\n")
        os.write(1, b"from write\n")
        ctypes.CDLL(None).puts(b"from C")
        subprocess.run(["echo", "from a process"], check=True)
        print("λ \ud800", end="")

    output = run(task).output
    assert sorted(output.splitlines()) == sorted(
        ["from print", "from stderr", "from write", "from C", "from a process", "λ \\ud800"]
    )
    assert capfd.readouterr() == ("", "")


def test_output_before_a_crash_is_there():
    def task():
        print("epoch 1", end="")
        os.abort()

    assert run(task).output == "epoch 1"


def test_the_tail_of_long_output_is_kept():
    output = run(lambda: print("\n".join(f"line {i}" for i in range(100_000)))).output.splitlines()
    assert output[0] == "..." and output[1].startswith("line ") and output[-1] == "line 99999"


def test_what_the_parent_had_not_printed_yet_is_not_printed_twice(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, ctypes\nfrom oracle.isolation import isolated\n"
        "sys.stdout.write('once '); ctypes.CDLL(None).printf(b'and once ')\n"
        "def task():\n    print('child', flush=True); ctypes.CDLL(None).printf(b'and its C code')\n"
        "outcome = isolated(task, seconds=5, memory=None)\n"
        "assert outcome.output == 'child\\nand its C code', outcome\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    result = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True, env=environment)
    assert result.stdout == "once and once "


# ------------------------------------------------------------------------------------------------- what is left over


def daemon(own_session: bool) -> int:
    """A process that ignores everything and holds stdout. Returns its number."""
    read, write = os.pipe()
    if os.fork() == 0:
        if own_session:
            os.setsid()
        if (pid := os.fork()) > 0:
            os.write(write, str(pid).encode())
            os._exit(0)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        time.sleep(20)
    pid = int(os.read(read, 20))
    os.wait()  # from here on the daemon is an orphan
    return pid


@LINUX
@pytest.mark.parametrize("own_session", [False, True])
def test_processes_left_behind_are_ended(own_session):
    pid = returned(lambda: daemon(own_session))
    assert soon(lambda: not alive(pid))


@LINUX
@pytest.mark.parametrize("end", [endless, prints, lambda: os._exit(1), os.abort])
def test_processes_left_behind_by_a_failure_are_ended(end):
    read, write = os.pipe()

    def reporting():
        os.write(write, str(daemon(own_session=end in (endless, prints))).encode())
        end()

    outcome = run(reporting, seconds=1 if end is prints else 0.3)
    assert outcome.failure
    pid = int(os.read(read, 20))
    os.close(read)
    os.close(write)
    assert soon(lambda: not alive(pid))


def test_a_fork_of_user_code_sends_nothing():
    def task():
        if os.fork() == 0:
            return "from the fork"
        time.sleep(0.1)
        return "from the child"

    assert returned(task) == "from the child"


def test_a_thread_left_behind_is_not_waited_for():
    assert returned(lambda: threading.Thread(target=endless).start()) is None


@LINUX
def test_ctrl_c_ends_the_child_and_its_children(tmp_path):
    numbers = tmp_path / "numbers"
    opened = os.open(numbers, os.O_WRONLY | os.O_CREAT)  # by the child it would be refused

    def task():
        pids = [os.getpid(), daemon(own_session=True)]
        os.write(opened, f"{pids[0]} {pids[1]} {os.getcwd()}\n".encode())
        endless()

    def interrupt():
        soon(lambda: numbers.exists() and numbers.read_text().endswith("\n"))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run(task, seconds=20)
    finally:
        thread.join()
        os.close(opened)
    child, descendant, directory = numbers.read_text().split()
    assert soon(lambda: not alive(int(child)) and not alive(int(descendant)))
    assert not os.path.exists(directory)


@LINUX
def test_a_parent_that_is_killed_takes_the_child_along(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, time\nfrom oracle.isolation import isolated\n"
        "own = os.getpid()\n"
        "def task():\n    print(os.getpid(), file=os.fdopen(out, 'w'), flush=True)\n    time.sleep(60)\n"
        "out = os.dup(1)\nisolated(task, seconds=30, memory=None)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # nobody is left to remove the temporary directory
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    assert soon(lambda: not alive(child))


# ----------------------------------------------------------------------------------------------------- surroundings


@pytest.mark.parametrize(
    "task",
    [
        lambda: os.kill(os.getppid(), signal.SIGTERM),
        lambda: os.killpg(os.getpgid(os.getppid()), signal.SIGTERM),
        lambda: os.kill(-1, 0),
    ],
    ids=["parent", "its group", "everybody"],
)
def test_no_signal_reaches_the_parent(task):
    assert "PermissionError: [Errno 1] code under test sends no signal to process" in run(task).failure


def test_signals_to_its_own_processes():
    def task():
        child = subprocess.Popen(["sleep", "60"])
        child.terminate()
        return child.wait()

    assert returned(task) == -signal.SIGTERM


def test_the_environment_is_scrubbed(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("WANTED", "yes")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("LC_TIME", "C")

    def task():
        seen = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
        return os.getcwd(), dict(os.environ), seen

    directory, environment, seen = returned(task, keep_environment=["WANTED"])
    assert environment["HOME"] == environment["TMPDIR"] == directory
    assert environment["PATH"] == os.environ["PATH"]
    assert (environment["WANTED"], environment["OMP_NUM_THREADS"], environment["LC_TIME"]) == ("yes", "1", "C")
    assert "SECRET_TOKEN" not in environment and "hunter2" not in seen
    assert not {n for n in environment if not n.startswith(isolation.KEPT_PREFIXES)} - {
        "HOME", "TMPDIR", "PATH", "LANG", "LANGUAGE", "WANTED", "PYTHONDONTWRITEBYTECODE"
    }  # fmt: skip
    assert "WANTED" not in returned(lambda: dict(os.environ))


def test_the_working_directory_is_temporary_and_removed():
    def task():
        import tempfile

        os.makedirs("a/b")
        with open("a/b/log", "w") as file:
            file.write("x")
        os.chmod("a/b", 0)
        return os.getcwd(), tempfile.mkdtemp(), os.path.expanduser("~")

    directory, temporary, home = returned(task)
    assert directory == home != os.getcwd() and temporary.startswith(directory)
    assert not os.path.exists(directory)


@pytest.mark.parametrize("task", [endless, os.abort])
def test_the_working_directory_is_removed_after_a_failure(task, tmp_path):
    opened = os.open(tmp_path / "where", os.O_WRONLY | os.O_CREAT)  # by the child it would be refused

    def noting():
        os.write(opened, os.getcwd().encode())
        task()

    assert run(noting, seconds=0.3).failure
    os.close(opened)
    directory = (tmp_path / "where").read_text()
    assert directory and not os.path.exists(directory)


def test_the_folder_of_the_user_stays_as_it_was(tmp_path, monkeypatch):
    """Relative writes go to the temporary directory, and importing leaves no bytecode; imports still work."""
    (tmp_path / "helper_of_user.py").write_text("open('weights.npy', 'w').close()\nvalue = 5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    def task():
        import helper_of_user

        return helper_of_user.value

    assert returned(task) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["helper_of_user.py"]


def test_stdin_is_at_its_end():
    assert returned(lambda: (sys.stdin.read(), os.read(0, 10))) == ("", b"")


@LINUX
def test_the_parent_is_left_as_it_was():
    def state():
        return (
            os.getcwd(),
            dict(os.environ),
            sys.stdin, sys.stdout, sys.stderr, list(sys.path), sys.dont_write_bytecode,
            [signal.getsignal(number) for number in sorted(signal.valid_signals())],
            signal.pthread_sigmask(signal.SIG_BLOCK, ()),
            sorted(os.listdir("/proc/self/fd")),
            isolation.resource.getrlimit(isolation.resource.RLIMIT_AS),
            isolation.resource.getrlimit(isolation.resource.RLIMIT_FSIZE),
        )  # fmt: skip

    before = state()
    for task in (lambda: 1, os.abort, lambda: sys.exit(1), endless):
        run(task, seconds=0.2, memory=GIB)
    assert state() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_signals_of_the_child_do_not_wake_the_event_loop_of_the_parent():
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write)
    try:
        assert run(lambda: os.kill(os.getpid(), signal.SIGINT) or endless()).failure == "raised KeyboardInterrupt"
        with pytest.raises(BlockingIOError):
            os.read(read, 1)
    finally:
        signal.set_wakeup_fd(before)
        os.close(read)
        os.close(write)


def test_garbage_of_the_parent_is_not_finalized_in_the_child():
    """Else a file of the parent's that nobody holds any more would be flushed by both."""

    class Garbage:
        def __del__(self):
            print("finalized")

    gc.disable()
    try:
        garbage = Garbage()
        garbage.itself = garbage
        del garbage
        outcome = run(gc.collect)
    finally:
        gc.enable()
    assert (outcome.failure, outcome.output) == ("", "")


def test_handlers_of_the_parent_do_not_run_in_the_child():
    before = signal.signal(signal.SIGTERM, lambda *_: print("parent's handler"))
    try:
        outcome = run(lambda: os.kill(os.getpid(), signal.SIGTERM))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert outcome == Outcome(None, "killed by signal 15 (SIGTERM)", "", "")


def test_a_parent_that_ignores_its_children():
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert returned(lambda: 1) == 1
        assert run(lambda: os._exit(2)).failure == ("ended, and another part of this program has taken its exit status")
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_parent_without_standard_streams(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os\nfrom oracle.isolation import isolated\nos.closerange(0, 3)\n"
        "outcome = isolated(lambda: print('child') or 5, seconds=5, memory=None)\n"
        "os._exit(0 if (outcome.value, outcome.output) == (5, 'child\\n') else 1)\n"
    )
    assert subprocess.run([sys.executable, program]).returncode == 0


def test_from_a_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(run(endless, seconds=0.1)))
    thread.start()
    thread.join()
    assert found[0].failure == "did not finish within 0.1 s" and found[0].where.endswith(" in endless")


def test_what_cannot_be_set_up_is_a_failure(monkeypatch):
    def fails():
        raise OSError(11, "no more processes")

    monkeypatch.setattr(os, "fork", fails)
    assert run(lambda: 1).failure == "could not be started: [Errno 11] no more processes"
    monkeypatch.undo()
    monkeypatch.setattr(os, "setsid", fails)
    assert run(lambda: 1).failure == "could not be started: BlockingIOError: [Errno 11] no more processes"


# ----------------------------------------------------------------------------------------------------- bad arguments


def test_without_fork(monkeypatch):
    monkeypatch.delattr(os, "fork")
    with pytest.raises(RuntimeError, match="this system has no os.fork .* run it under Linux, macOS or"):
        run(lambda: 1)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(task=5), "task is 5, but should be a function of no arguments"),
        (dict(seconds=0), "seconds is 0, but should be a positive number"),
        (dict(seconds=math.inf), "seconds is inf, but should be a positive number"),
        (dict(seconds="20"), "seconds is '20', but should be a positive number"),
        (dict(memory=0), "memory is 0, but should be a positive number of bytes, or None for no limit"),
        (dict(memory=1e9), "memory is 1000000000.0, but should be a positive number of bytes, or None for no limit"),
        (dict(keep_environment="HOME"), "keep_environment is 'HOME', but should be a list of names of variables"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises((TypeError, ValueError)) as error:
        run(**{"task": endless, **arguments})
    assert str(error.value) == message


@pytest.mark.parametrize(
    "change",
    [
        lambda path: open(path, "w"),
        lambda path: open(path, "ab"),
        lambda path: os.open(path, os.O_RDWR),
        lambda path: np.save(path, np.ones(2)),
        lambda path: path.unlink(),
        lambda path: path.rename("here"),
        lambda path: path.with_name("new").mkdir(),
        lambda path: os.truncate(path, 0),
    ],
    ids=["open", "append", "os.open", "numpy", "unlink", "rename", "mkdir", "truncate"],
)
def test_files_outside_of_the_working_directory_are_not_changed(tmp_path, change):
    path = tmp_path / "weights.npy"
    np.save(path, np.zeros(3))
    before = path.read_bytes()
    outcome = run(lambda: change(path))
    assert outcome.failure.startswith("raised PermissionError: ")
    assert "code under test writes only to its temporary working directory" in outcome.failure
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["weights.npy"]


def test_files_in_the_working_directory_and_devices_may_be_written(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("read")

    def task():
        np.save("here.npy", np.ones(2))
        os.mkdir("folder")
        os.rename("here.npy", "folder/there.npy")
        with open(os.devnull, "w") as nothing, tempfile.TemporaryFile() as temporary:
            nothing.write("x")
            temporary.write(b"x")
        return np.load("folder/there.npy").tolist(), path.read_text()

    assert returned(task) == ([1, 1], "read")


def test_how_far_it_has_come_is_told_while_it_runs():
    numbers, times = [], []

    def task(tell):
        tell(1)
        time.sleep(0.3)
        tell(20)
        time.sleep(0.3)
        tell(2**40)
        return {"sum": np.ones(3)}

    value = returned(task, told=lambda number: (numbers.append(number), times.append(time.monotonic())))
    assert numbers[:2] == [1, 20] and set(numbers) <= {1, 20, 2**40} and value["sum"].sum() == 3
    assert times[1] - times[0] > 0.1, "told when it happened, not at the end"


def test_many_numbers_at_once_and_small_ones_are_no_answer():
    """A number stands where the size of an answer does: none of them may be taken for a whole answer."""
    numbers = []

    def task(tell):
        for number in range(20_000):
            tell(number)
        return "done"

    assert returned(task, told=numbers.append) == "done"
    assert numbers == sorted(numbers) and set(numbers) <= set(range(20_000))


def test_what_told_raises_ends_the_child():
    started = []

    def told(number):
        started.append(number)
        raise KeyError(number)

    def task(tell):
        tell(os.getpid())
        time.sleep(60)

    with pytest.raises(KeyError):
        run(task, told=told)
    assert soon(lambda: not alive(started[0]))
