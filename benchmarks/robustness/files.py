"""Files given to `bptt-oracle check` that cannot be read, or that misbehave when they are imported."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks.robustness.case import Case
from benchmarks.robustness.made import FILE, HEAD, LAYER, OPTIONS, RETURNS, SEGFAULT, SHAPES, checked, layer


def unreadable() -> Iterator[Case]:
    """What is no file of gradient functions."""
    there = {FILE: layer()}
    yield Case(
        "no such file", ("check", "chek_it.py"), 2, r"no file '\S+chek_it.py'; did you mean 'check_it.py'", files=there
    )
    yield Case("no such folder", ("check", "nowhere/check_it.py"), 2, "no file .* nor a folder")
    yield Case(
        "a folder", ("check", "folder"), 2, "'FOLDER/folder' is a folder, but should be a file", files={"folder": None}
    )
    yield Case("an empty name", ("check", ""), 2, "is a folder, but should be a file")
    yield Case("a device", ("check", "/dev/zero"), 2, "'/dev/zero' is no ordinary file")
    yield Case(
        "a named pipe that nobody writes to", ("check", "pipe.py"), 2, "pipe.py' is no ordinary file",
        prepare=lambda folder: os.mkfifo(folder / "pipe.py"),
    )  # fmt: skip
    yield Case(
        "a link to itself", ("check", FILE), 2, "cannot be read: Too many levels of symbolic links",
        prepare=lambda folder: (folder / FILE).symlink_to(folder / FILE),
    )  # fmt: skip
    yield Case("a name longer than any file's", ("check", "n" * 5000 + ".py"), 2, "cannot be read: File name too long")
    yield Case(
        "no such function",
        ("check", f"{FILE}::leyer"),
        2,
        "no gradient function 'leyer'; it defines layer; did you mean",
        files=there,
    )
    yield Case(
        "a name of a function that is none",
        ("check", f"{FILE}::layer::b"),
        2,
        "no gradient function 'layer::b'",
        files=there,
    )
    yield Case("a function without a file", ("check", "::layer"), 2, "is a folder, but should be a file", files=there)
    yield checked("an empty file", 2, "defines no gradient function: nothing in it is decorated", "")
    yield checked(
        "a file without gradient functions", 2, "no gradient function: .* it defines forward", "def forward(): ..."
    )
    yield checked(
        "a program in machine code",
        2,
        "check_it.py raised SyntaxError",
        b"\x7fELF\x02\x01\x01\0" + bytes(range(256)) * 64,
    )
    yield checked("null bytes", 2, "SyntaxError: source code (string )?cannot contain null bytes", layer() + "\0")
    yield checked(
        "a syntax error",
        2,
        r"SyntaxError: '\(' was never closed .*check_it.py.* line 9",
        layer().replace("np.tanh(", "np.tanh(("),
    )
    yield checked("an indentation error", 2, "IndentationError: unindent", layer().replace("    y = ", "  y = "))
    yield checked(
        "tabs and blanks mixed, as Python 2 takes them",
        0,
        "all 2 gradients agree",
        layer("if True:\n\tpass\n        pass"),
    )
    yield checked(
        "Latin-1 that nobody declared",
        2,
        "not in the encoding utf-8; declare its own",
        (layer() + "# é\n").encode("latin-1"),
    )
    yield checked(
        "Latin-1, declared",
        0,
        "all 2 gradients agree",
        ("# -*- coding: latin-1 -*-\n" + layer() + "# é\n").encode("latin-1"),
    )
    yield checked(
        "an encoding that does not exist",
        2,
        "SyntaxError: (unknown|encoding problem).*nonsense",
        "# -*- coding: nonsense -*-\n" + layer(),
    )
    yield checked("UTF-16", 2, "check_it.py raised SyntaxError", layer().encode("utf-16"))
    yield checked("a byte order mark", 0, "all 2 gradients agree", b"\xef\xbb\xbf" + layer().encode())
    yield checked("line ends of old Macs", 0, "all 2 gradients agree", layer().replace("\n", "\r"))
    yield checked("10 MB of comments", 0, "all 2 gradients agree", layer() + "# comment\n" * 1_000_000)
    yield checked("10 MB in one line", 0, "all 2 gradients agree", layer() + "# " + "c" * 10_000_000)
    yield checked(
        "10,000 open brackets",
        2,
        "check_it.py raised SyntaxError: (too many nested parentheses|it is nested too deeply)",
        "x = " + "(" * 10_000 + ")" * 10_000,
    )
    yield checked(
        "100,000 minus signs",
        2,
        "check_it.py raised SyntaxError: it is nested too deeply for Python's parser",
        "x = " + "-" * 100_000 + "1",
    )
    yield checked(
        "a sum of 20,000 terms",
        2,
        "check_it.py raised SyntaxError: .*one expression is too long",
        "x = " + "1+" * 20_000 + "1",
    )
    yield checked("a file cut off in the middle", 2, "SyntaxError: .*check_it.py", layer()[:180])
    yield checked(
        "a text file", 2, "is 'FOLDER/notes.txt', but should be a .py or .ipynb file", layer(), file="notes.txt"
    )
    yield checked(
        "a notebook that is no JSON", 2, "book.ipynb is no notebook that nbformat can read", "{", file="book.ipynb"
    )
    yield checked(
        "a notebook that is a list", 2, "book.ipynb is no notebook that nbformat can read", "[1, 2]", file="book.ipynb"
    )
    yield checked(
        "a notebook in R", 2, "is a notebook in R, but should be one in Python", NOTEBOOK % '"R"', file="book.ipynb"
    )
    yield checked(
        "a notebook in no language",
        2,
        "book.ipynb is a notebook in 7, but should be one in Python",
        NOTEBOOK % "7",
        file="book.ipynb",
    )
    yield checked(
        "a notebook of 5,000 nested lists",
        2,
        "book.ipynb is no notebook that nbformat can read",
        "[" * 5000 + "]" * 5000,
        file="book.ipynb",
    )


NOTEBOOK = '{"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": %s}}, "cells": []}'


def strange_names() -> Iterator[Case]:
    """Files with names that terminals and encodings trip over."""
    for name, file in (
        ("a file whose name clears the screen", "check_\x1b[2J.py"),
        ("a file with a line end in its name", "check_\n.py"),
        ("a file whose name is no UTF-8", os.fsdecode(b"check_\xff.py")),
        ("a file with a quote in its name", "check_'\".py"),
        ("a file whose name begins like an option", "./--html.py"),
        ("a file whose name is HTML", "check_<b>.py"),
    ):
        yield Case(
            name, ("check", file, *OPTIONS, "--html", "page.html"), 0, "all 2 gradients agree", files={file: layer()}
        )


def importing() -> Iterator[Case]:
    """What goes wrong when the file is run."""
    yield checked("a package that is not installed", 2, "no gradient function.*nonsuch", "import nonsuch\n")
    yield checked(
        "a package that is not installed, used",
        2,
        "check_it.py raised .*nonsuch",
        "import nonsuch\nnonsuch.f()\n" + layer(),
    )
    yield checked(
        "a name that a module has not",
        2,
        "the installed os has no nonsuch .imported at check_it.py line 1",
        "from os import nonsuch\nnonsuch()\n" + layer(),
    )
    yield Case(
        "a circle of imports", ("check", FILE, *OPTIONS), 2, "check_it.py has no a .imported at other.py line 1",
        files={FILE: "from other import b\na = b + 1\n" + layer(), "other.py": "from check_it import a\nb = a + 1\n"},
    )  # fmt: skip
    yield checked("it imports itself", 0, "all 2 gradients agree", layer(head="import check_it\n"))
    yield Case(
        "a broken numpy.py beside it",
        ("check", FILE, *OPTIONS), 2, "check_it.py raised ValueError: not NumPy .*numpy.py",
        files={FILE: layer(), "numpy.py": "raise ValueError('not NumPy')"},
    )  # fmt: skip
    yield Case(
        "a broken oracle.py beside it", ("check", FILE, *OPTIONS), 0, "all 2 gradients agree",
        files={FILE: layer(), "oracle.py": "raise ValueError('not the oracle')"},
    )  # fmt: skip
    yield Case(
        "a broken torch.py beside it", ("check", FILE, *OPTIONS), 0, "all 2 gradients agree",
        files={FILE: layer(), "torch.py": "raise ValueError('not torch')"},
    )  # fmt: skip
    yield checked("a file called torch.py", 0, "all 2 gradients agree", layer(), file="torch.py")
    yield checked("sys.exit", 2, r"check_it.py called sys.exit\('so'\), check_it.py:4", layer(head="sys.exit('so')\n"))
    yield checked(
        "os._exit", 2, r"check_it.py ended by itself with exit status 0 \(os._exit", layer(head="os._exit(0)\n")
    )
    yield checked(
        "an exception that is no Exception",
        2,
        "check_it.py raised BaseException",
        layer(head="raise BaseException('no')\n"),
    )
    yield checked(
        "KeyboardInterrupt", 2, "check_it.py raised KeyboardInterrupt", layer(head="raise KeyboardInterrupt\n")
    )
    yield checked(
        "an endless loop",
        2,
        "check_it.py did not finish within 3 s, at check_it.py line 4",
        layer(head="while True: pass\n"),
    )
    yield checked("it waits for input", 2, "check_it.py raised EOFError", layer(head="input('your name? ')\n"))
    yield checked("a breakpoint", 2, "check_it.py raised (BdbQuit|.*bdb)", layer(head="breakpoint()\n"))
    yield checked(
        "segmentation fault", 2, "check_it.py crashed: segmentation fault in check_it.py line 4", layer(head=SEGFAULT)
    )
    yield checked(
        "a gradient function that is lost",
        2,
        "declares gradient functions that have no name of their own.*layer at line",
        layer() + layer()[len(HEAD) :],
    )
    yield checked(
        "gradient functions made in a loop",
        2,
        "have no name of their own",
        "\n".join(
            [
                HEAD,
                "for _ in range(3):",
                *(
                    "    " + line
                    for line in LAYER.format(
                        shapes=SHAPES, arguments="p, sizes, rng", line="pass", returns=RETURNS
                    ).split("\n")
                ),
            ]
        ),
    )
    yield checked(
        "source made by exec",
        2,
        "declares gradient functions in code that is in no file.*: layer",
        HEAD + f"exec({LAYER.format(shapes=SHAPES, arguments='p, sizes, rng', line='pass', returns=RETURNS)!r})\n",
    )
    yield checked(
        "a file that changes itself",
        2,
        "PermissionError: .*writes only to its temporary working directory",
        layer(head="open(__file__, 'a').write('#')\n"),
    )
    yield checked("NumPy's functions taken away", 3, "layer raised TypeError", layer("np.tanh = None"))
    yield checked(
        "all modules taken away", 2, "check_it.py raised KeyError: 'warnings'", layer(head="sys.modules.clear()\n")
    )
    yield checked(
        "print taken away, and open",
        0,
        "all 2 gradients agree",
        layer(head="import builtins; builtins.print = builtins.open = None\n"),
    )
