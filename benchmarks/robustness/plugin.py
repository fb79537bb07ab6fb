"""pytest with options, files and snapshots that it cannot take.

Its exit statuses are its own: 1 where a test failed, 2 where a file cannot be collected, 4 for wrong usage.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.robustness.case import Case
from benchmarks.robustness.made import FILE, layer
from benchmarks.robustness.running import PROGRAMS

INSTALLED = ("-p", "syrupy")
SNAPSHOTS = (FILE, "--gradient-snapshots", *INSTALLED)
KEPT = Path("__gradients__", "check_it", "layer.npz")


def given(name: str, status: int, says: str, *arguments: str, **others: object) -> Case:
    files = {FILE: layer(), "folder": None} | others.pop("files", {})
    return Case(f"pytest, {name}", arguments, status, says, "pytest", files, **others)


def options() -> Iterator[Case]:
    for option in ("--gradient-sequence-lengths", "--gradient-hidden-sizes"):
        for value, says in (
            ("0", "'0' holds 0, but a size should be at least 1"),
            ("a", "'a' should be whole numbers"),
            ("", "'' should be whole numbers"),
        ):
            yield given(f"{option} {value!r}", 4, says, FILE, option, value)
    for value in ("nan", "-1", "inf", "abc"):
        yield given(
            f"--gradient-budget {value}",
            4,
            f"--gradient-budget is '{value}', but should be a number of seconds",
            FILE,
            f"--gradient-budget={value}",
        )
    yield given(
        "--gradient-html that is a folder",
        4,
        "--gradient-html is 'FOLDER/folder', a folder, but should be a file",
        FILE,
        "--gradient-html",
        "folder",
    )
    yield given(
        "--gradient-html in a folder that is yet to be made",
        0,
        "gradient functions: FOLDER/nowhere/page.html",
        FILE,
        "--gradient-html",
        "nowhere/page.html",
    )
    yield given(
        "hidden sizes where nothing is hidden",
        2,
        "no axis is called hidden; the shapes have n",
        FILE,
        "--gradient-hidden-sizes",
        "3",
        files={FILE: layer(shapes='W="4 n", b="n"')},
    )
    yield given(
        "gradient_xfail that is no such line",
        4,
        "gradient_xfail holds 'nonsense', but should hold lines such as",
        FILE,
        files={"pytest.ini": "[pytest]\ngradient_xfail = nonsense\n"},
    )
    yield given(
        "a folder for a conformance run",
        4,
        "folder offers none of forward, backward, loss_and_gradients",
        "--pyargs",
        "oracle.conformance",
        "--implementation",
        "folder",
    )
    yield given(
        "no implementation",
        4,
        "--implementation is missing; it should be the module to check",
        "--pyargs",
        "oracle.conformance",
    )
    yield given(
        "an implementation that there is not",
        4,
        "--implementation is 'nonsuch', but should be a module",
        "--pyargs",
        "oracle.conformance",
        "--implementation",
        "nonsuch",
    )
    yield given(
        "an implementation that exits",
        4,
        "importing it raised SystemExit",
        "--pyargs",
        "oracle.conformance",
        "--implementation",
        "it.py",
        files={"it.py": "raise SystemExit(0)"},
    )
    yield given(
        "an implementation that offers nothing",
        4,
        "an implementation offers forward and backward",
        "--pyargs",
        "oracle.conformance",
        "--implementation",
        "it.py",
        files={"it.py": ""},
    )
    yield given(
        "a seed that is none",
        4,
        "--seed is 'x', but should be a number, a range such as 0-4, or any",
        "--pyargs",
        "oracle.conformance",
        "--implementation",
        "rnn_manual",
        "--seed",
        "x",
    )
    yield given(
        "a million seeds",
        4,
        "should be at most 1000 seeds",
        "--pyargs",
        "oracle.conformance",
        "--implementation",
        "rnn_manual",
        "--seed",
        "0-1000000",
    )
    yield given(
        "a cell that there is not",
        4,
        "'lstn' is unknown; known are .*did you mean 'lstm'",
        "--pyargs",
        "oracle.conformance",
        "--implementation",
        "rnn_manual",
        "--cells",
        "lstn",
    )
    yield given(
        "a device that there is not",
        4,
        "--device is 'nowhere', but torch cannot use it",
        "--pyargs",
        "oracle.conformance",
        "--implementation",
        "rnn_manual",
        "--device",
        "nowhere",
    )


def functions() -> Iterator[Case]:
    yield given(
        "an endless loop",
        1,
        "layer did not finish within 60 s|layer was not checked",
        FILE,
        "-x",
        "-k",
        "W and time5",
        files={FILE: layer("while True: pass")},
    )
    yield given(
        "a crash",
        1,
        "layer was not checked: layer crashed: segmentation fault",
        FILE,
        "-x",
        files={FILE: layer("import ctypes; ctypes.string_at(0)")},
    )
    yield given(
        "a function that kills pytest",
        1,
        "code under test sends no signal to process",
        FILE,
        "-x",
        files={FILE: layer("os.kill(os.getppid(), 9)")},
    )
    yield given(
        "a function that returns nothing",
        1,
        "layer returned None, but should return",
        FILE,
        "-x",
        files={FILE: layer(returns="None")},
    )
    yield given(
        "orders for the terminal",
        1,
        "layer raised ValueError",
        FILE,
        "-x",
        files={FILE: layer(r"raise ValueError('\x1b[2J')")},
    )
    yield given(
        "a function in a class",
        2,
        "is declared in the class TestIt, but should be at the top level",
        FILE,
        files={FILE: in_class()},
    )
    yield given("a syntax error", 2, "SyntaxError", FILE, files={FILE: "def ("})
    yield given(
        "a shape that cannot be read",
        2,
        "the shape of W cannot be read at '4[+]'",
        FILE,
        files={FILE: layer(shapes='W="4+"')},
    )
    yield given(
        "sizes that no array has",
        1,
        "no array is as large",
        FILE,
        "-x",
        files={FILE: layer(shapes=f'W="{10**30} hidden", b="hidden"')},
    )


def in_class() -> str:
    head, _, rest = layer().partition("@gradient_function")
    return head + "class TestIt:\n" + "".join(f"    {line}\n" for line in ("@gradient_function" + rest).splitlines())


@cache
def recorded() -> bytes:
    """A snapshot of the layer, as the tool records it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, FILE).write_text(layer())
        subprocess.run(
            [*PROGRAMS["pytest"], *SNAPSHOTS, "--snapshot-update"], cwd=folder, capture_output=True, check=True
        )
        return Path(folder, KEPT).read_bytes()


def with_header(change: Callable[[dict], object], sealed: bool = True) -> bytes:
    """The snapshot with its header changed, its SHA-256 made to fit if it is `sealed`."""
    with np.load(io.BytesIO(recorded())) as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(bytes(arrays.pop("header")))
    header = change(header)
    if sealed and isinstance(header, dict) and "content" in header:
        found = hashlib.sha256(json.dumps(header["content"], sort_keys=True).encode())
        for number in range(len(arrays)):
            array = arrays[f"array{number}"]
            found.update(f"{array.dtype.str} {array.shape}".encode())
            found.update(array.tobytes())
        header["sha256"] = found.hexdigest()
    made = io.BytesIO()
    np.savez_compressed(made, header=np.frombuffer(json.dumps(header, sort_keys=True).encode(), np.uint8), **arrays)
    return made.getvalue()


def changed(**content: object) -> Callable[[dict], dict]:
    return lambda header: header | {"content": header["content"] | content}


def bomb() -> bytes:
    """An npz archive of 1 MB that unpacks to 1 GB."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("header.npy", "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (1 << 30,)})
        for _ in range(1 << 10):
            file.write(bytes(1 << 20))
    return made.getvalue()


def pickled() -> bytes:
    made = io.BytesIO()
    np.savez(made, header=np.array([{"a": print}], dtype=object))
    return made.getvalue()


def tampered() -> Iterator[tuple[str, Callable[[], bytes], str]]:
    """Name, content, and what is said."""
    broken = "is no whole snapshot: .*it was cut short, or is something else"
    other = "does not hold what was recorded: its content does not have the SHA-256"
    yield "that is empty", lambda: b"", broken
    yield "that is a text", lambda: b"no snapshot", broken
    yield (
        "that is a pointer of Git LFS",
        lambda: b"version https://git-lfs.example/spec/v1\n",
        "is a pointer of Git LFS and not the file itself",
    )
    for share in (10, 50, 90, 99):
        yield f"cut off at {share} %", lambda share=share: recorded()[: len(recorded()) * share // 100], broken
    for place in (3, 8):
        yield (
            f"with a byte changed at {place}/10 of it",
            lambda place=place: flipped(recorded(), len(recorded()) * place // 10),
            f"{broken}|{other}",
        )
    yield "twice in one file", lambda: recorded() * 2, f"{broken}|{other}|passed"
    yield (
        "with another loss",
        lambda: with_header(lambda header: header | {"content": header["content"] | {"oracle": "mine"}}, sealed=False),
        other,
    )
    yield (
        "of a format of the future",
        lambda: with_header(lambda header: header | {"format": 99}),
        "has format 99, and this version of bptt-oracle reads format 1",
    )
    yield "whose header is a list", lambda: with_header(lambda header: [1]), "has format None"
    yield "without content", lambda: with_header(lambda header: {"format": 1}), other
    yield "without cases, sealed", lambda: with_header(changed(cases=[])), "stale|no whole snapshot|records? it anew"
    yield "with cases that are text, sealed", lambda: with_header(changed(cases="none")), "is no whole snapshot|stale"
    yield "with a field too many, sealed", lambda: with_header(changed(more=1)), "is no whole snapshot|stale"
    yield (
        "with content that is a list, sealed",
        lambda: with_header(lambda header: header | {"content": [1]}),
        "is no whole snapshot|stale",
    )
    yield (
        "of something else, sealed",
        lambda: with_header(changed(declared={"shapes": {}})),
        "the snapshot of layer is stale: it was recorded of something else",
    )
    yield "that holds a pickle", pickled, broken
    yield "that unpacks to 1 GB", bomb, broken


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def snapshots() -> Iterator[Case]:
    yield given("no snapshot", 1, "layer has no snapshot: there is no .*record it, which needs torch", *SNAPSHOTS)
    for name, content, says in tampered():
        status = 0 if "twice" in name else 1
        yield given(
            f"a snapshot {name}", status, says, *SNAPSHOTS,
            prepare=lambda folder, content=content: write(folder / KEPT, content()),
        )  # fmt: skip
    yield given(
        "a snapshot that is a folder",
        1,
        "the snapshot of layer cannot be read or written: .*Is a directory: .*layer.npz",
        *SNAPSHOTS,
        prepare=lambda folder: (folder / KEPT).mkdir(parents=True),
    )
    yield given(
        "recording what is wrong",
        1,
        "nothing is recorded of layer: .*W wrong",
        *SNAPSHOTS,
        "--snapshot-update",
        files={FILE: layer(returns="loss, dict(W=2 * dW, b=db)")},
    )
    yield given(
        "recording what does not run",
        1,
        "layer was not compared|nothing is recorded of layer",
        *SNAPSHOTS,
        "--snapshot-update",
        files={FILE: layer(returns="None")},
    )
    yield given(
        "snapshots of other sizes",
        4,
        "--gradient-hidden-sizes has no meaning with --gradient-snapshots",
        *SNAPSHOTS,
        "--gradient-hidden-sizes",
        "3",
    )
    yield given(
        "snapshots without syrupy",
        4,
        "--gradient-snapshots needs syrupy, which is not loaded",
        FILE,
        "--gradient-snapshots",
        "-p",
        "no:syrupy",
    )


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def every() -> list[Case]:
    return [*options(), *functions(), *snapshots()]
