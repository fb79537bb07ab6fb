"""Command lines that cannot be meant, and surroundings that are not what a program may expect."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.robustness.case import Case
from benchmarks.robustness.made import FILE, OPTIONS, layer

FILES = {FILE: layer(), "folder": None}
WRONG = {FILE: layer(returns="loss, dict(W=2 * dW, b=db)"), "folder": None}


def check() -> Iterator[Case]:
    def given(name: str, says: str, *arguments: str, status: int = 2, files: dict = FILES, **others: object) -> Case:
        return Case(f"check {name}", ("check", FILE, *arguments), status, says, files=files, **others)

    yield Case("check without a file", ("check",), 2, "Missing argument 'FILE")
    yield Case("a command that there is not", ("chek", FILE), 2, "No such command 'chek'")
    yield Case("a command that clears the screen", ("\x1b[2J",), 2, r"No such command '\\x1b\[2J'")
    yield given("--nonsuch", "No such option '?--nonsuch", "--nonsuch")
    yield given("--budget without a number", "Option '--budget' requires an argument", "--budget")
    for option, values in {
        "--budget": ("nan", "-1", "inf", "1e400", "abc", ""),
        "--seconds": ("nan", "0", "-1", "inf", "1e7"),
        "--memory": ("nan", "0", "-0.5", "abc"),
        "--seed": ("-1", "1.5", "abc", "0x10"),
    }.items():
        for value in values:
            yield given(f"{option} {value!r}", f"Invalid value for '{option}': .*", option, value)
    yield given(
        "--memory 1e-12, which is no byte",
        "layer needed more than .* of memory",
        "--memory",
        "1e-12",
        *OPTIONS[:4],
        status=3,
    )
    yield given("--seed of 400 digits", "all 2 gradients agree", "--seed", "9" * 400, status=0)
    yield given("--seed of 5,000 digits", "Invalid value for '--seed'", "--seed", "9" * 5000)
    for value in ("", "0", "-1", "a", "1,,2", "1;2", "1.5", "2,0"):
        yield given(
            f"--sequence-lengths {value!r}",
            "Invalid value for '--sequence-lengths': .*(should be whole numbers|should be at least 1)",
            "--sequence-lengths",
            value,
        )
    yield given(
        "--hidden-sizes 0",
        "Invalid value for '--hidden-sizes': '0' holds 0, but a size should be at least 1",
        "--hidden-sizes",
        "0",
    )
    yield given("--hidden-sizes of 10**30", "no array is as large", "--hidden-sizes", str(10**30), status=3)
    yield given(
        "--hidden-sizes where nothing is hidden",
        "no axis is called hidden",
        "--hidden-sizes",
        "3",
        status=3,
        files={FILE: layer(shapes='W="4 n", b="n"')},
    )
    for option in ("--html", "--sarif", "--summary"):
        yield given(
            f"{option} that is a folder",
            f"Invalid value for '{option}': 'folder' is a folder, but should be a file",
            option,
            "folder",
        )
        yield given(
            f"{option} in no folder",
            f"Invalid value for '{option}': there is no folder 'nowhere'",
            option,
            "nowhere/file",
        )
        yield given(f"{option} without a name", f"Invalid value for '{option}': the path is empty", option, "")
        yield given(
            f"{option} where nothing can be written",
            "/proc/file is not written: No such file",
            option,
            "/proc/file",
            *OPTIONS,
            status=0,
        )
        yield given(
            f"{option} on a full disk",
            "/dev/full is not written: No space left",
            option,
            "/dev/full",
            *OPTIONS,
            status=0,
        )
    yield given(
        "--patch without a search",
        "--patch needs a fix, and --budget 0 looks for none",
        "--patch",
        "p",
        "--budget",
        "0",
    )
    yield given(
        "--apply without a search", "--apply needs a fix, and --budget 0 looks for none", "--apply", "--budget", "0"
    )
    yield given("--patch that is a folder", "Invalid value for '--patch': .* is a directory", "--patch", "folder")
    yield given(
        "--patch in no folder",
        "nothing is written: nowhere/p: No such file",
        "--patch",
        "nowhere/p",
        "--budget",
        "5",
        status=1,
        files=WRONG,
    )
    yield given(
        "--patch where there is nothing to fix", "nothing is written: there is no fix", "--patch", "p", status=0
    )
    yield given("a good and a bad file", "there is no file", "nonsuch.py")
    yield given("the same file 20 times", "20 agrees", *[FILE] * 19, *OPTIONS, status=0)
    yield given(
        "into a full disk",
        "nothing more could be written: No space left on device",
        *OPTIONS,
        status=3,
        output="/dev/full",
    )
    yield given(
        "--json into a full disk",
        "nothing more could be written: No space left on device",
        "--json",
        *OPTIONS,
        status=3,
        output="/dev/full",
    )
    yield given(
        "in ASCII", "all 2 gradients agree", *OPTIONS, status=0, variables={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    )
    yield given("in a terminal of one column", "all 2 gradients agree", *OPTIONS, status=0, variables={"COLUMNS": "1"})
    yield given(
        "in a terminal of no columns", "all 2 gradients agree", *OPTIONS, status=0, variables={"COLUMNS": "none"}
    )
    yield given(
        "without a folder for temporary files",
        "all 2 gradients agree",
        *OPTIONS,
        status=0,
        variables={"TMPDIR": "/nowhere"},
    )
    yield given("without a home", "all 2 gradients agree", *OPTIONS, status=0, variables={"HOME": "/nowhere"})
    yield given(
        "as a file that is gone",
        "all 2 gradients agree|there is no file",
        *OPTIONS,
        status=2,
        prepare=lambda folder: (folder / FILE).unlink(),
    )


def verify() -> Iterator[Case]:
    for cells in ("foo", "", "elman,,gru", "Elman", "lstm;gru"):
        yield Case(
            f"verify --cells {cells!r}",
            ("verify", "--cells", cells),
            2,
            "Invalid value for '--cells': .*(elman|LSTM|cell)",
        )
    yield Case("verify --seed -1", ("verify", "--seed", "-1"), 2, "Invalid value for '--seed': -1 is not in the range")
    yield Case("verify with a file", ("verify", FILE), 2, "Got unexpected extra argument", files=FILES)
    for device in ("nowhere", "cpu:7:7", ""):
        yield Case(
            f"verify --device {device!r}",
            ("verify", "--device", device),
            2,
            f"Invalid value for '--device': '{device}' is no device as torch names them",
        )
    for device in ("cuda:77", "meta"):
        yield Case(
            f"verify --device {device!r}",
            ("verify", "--device", device),
            3,
            f"nothing was checked: device '{device}' cannot compute .*--device cpu works",
        )


def balance() -> Iterator[Case]:
    def given(name: str, says: str, *factors: str, to: str = "a", more: tuple[str, ...] = (), status: int = 2) -> Case:
        return Case(f"balance {name}", ("balance", *factors, "--to", to, *more), status, says)

    yield Case("balance without a result", ("balance", "x: a b"), 2, "Missing option '--to'")
    yield given("without factors", "no factor|at least one|factors")
    yield given("an empty factor", "a factor is empty: ''; a factor is written", "")
    yield given("a factor without a colon", "the factor 'x a b' has no name with a colon", "x a b")
    yield given("a factor without a name", "the factor ': a b' cannot be read: '' is no name of an array", ": a b")
    yield given("a factor that is NumPy", "'np' names NumPy itself", "np: a b")
    yield given("a call for a name", r"'f\(x\)' is no name of an array", "f(x): a b")
    yield given("an expression for a name", r"'x\+y' is no name of an array", "x+y: a b")
    yield given("a keyword for a name", "'lambda' is no name of an array", "lambda: a b")
    yield given("seven factors", "7 factors, .*at most 6", *[f"x{n}: a b" for n in range(7)])
    yield given("seven axes", "there are 7 axes, but should be at most 6", "x: a b c d e f g")
    yield given("a size of zero", "the axes of x cannot be read at '0': 0 is no size", "x: a 0")
    yield given("a negative size", "the axes of x cannot be read at '-1'", "x: a -1")
    yield given("a broken size", "the axes of x cannot be read at '2.5': 2.5 is no size", "x: a 2.5")
    yield given("a huge size", "no array is as large as that", f"x: a {10**40}")
    yield given("a power", r"only \+ - \* // are understood", "x: a 9**9**9")
    yield given("a division by zero", "the axes of x cannot be read at '4//0': 4//0 is no size", "x: a 4//0")
    yield given(
        "an open parenthesis", r"the axes of x cannot be read at 'b\(t': a parenthesis is not closed", "x: a b(t"
    )
    yield given("an empty mark", "the mark in parentheses is empty", "x: a b()")
    yield given("the same mark twice", "b' is there twice", "x: a b' b'")
    yield given(
        "1,000 parentheses",
        "the axes of x cannot be read at .*2001 characters, but should have at most 200",
        f"x: a {'(' * 1000}b{')' * 1000}",
    )
    yield given("10,000 primes", "the axes of x cannot be read at .*at most 200", f"x: a b{chr(39) * 10_000}")
    yield given(
        "a name of 100,000 characters", "the axes of x cannot be read at .*at most 200", f"x: a {'b' * 100_000}"
    )
    yield given("a control character", r"cannot be read at .*\\x1b", "x: a \x1b[2J")
    yield given("a byte that is no UTF-8", "the axes of x cannot be read at", os.fsdecode(b"x: a \xff"))
    yield given("a name in Greek", "x.sum", "x: α β", to="α", status=0)
    yield given("an emoji", "the axes of x cannot be read at", "x: a 🎉")
    yield given(
        "a result that cannot be read",
        "the axes of the (wanted )?result cannot be read at 'a+'|cannot be read",
        "x: a b",
        to="a+",
    )
    yield given(
        "a result that nothing has",
        "the result has an axis c, which no factor has; the factors have a, b",
        "x: a b",
        to="c",
    )
    for name, sizes, says in (
        ("without a number", "a b", "the sizes cannot be read at 'a': '' is no size"),
        ("of zero", "a=0 b=2", "the sizes cannot be read at 'a=0': '0' is no size"),
        ("that are negative", "a=-3 b=2", "the sizes cannot be read at 'a=-3': '-3' is no size"),
        ("that contradict each other", "a=3 a=4 b=2", "a is 3 already: the sizes contradict each other"),
        ("of a name that there is not", "a=3 b=2 c=4", "sizes has 'c', which is no axis; the axes have a, b"),
        ("without a name that there is", "a=3", "sizes has no b, but should have every name"),
        ("that are huge", f"a={10**40} b=2", "no array is as large as that"),
        ("without names", "=3", "'' is no name"),
        ("in Arabic digits", "a=٣ b=٢", "x.sum|is no size"),
        ("that are superscripts", "a=² b=2", "'²' is no size"),
    ):  # fmt: skip
        yield given(f"with sizes {name}", says, "x: a b", more=("--sizes", sizes), status=0 if "Arabic" in name else 2)
    yield given("with sizes that make an axis vanish", "the axis 'b-2' is 0", "x: a b-2", more=("--sizes", "a=3 b=2"))
    yield given("with sizes that divide by zero", "divides by zero", "x: a a//(b-2)", more=("--sizes", "a=3 b=2"))
    yield given(
        "six factors of sixes",
        "there are more products than were looked at",
        *[f"{name}: 6 6 6 6 6 6" for name in "uvwxyz"],
        to="6",
        status=0,
    )


def every() -> list[Case]:
    return [*check(), *verify(), *balance()]
