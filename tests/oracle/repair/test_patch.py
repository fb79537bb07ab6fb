"""A repair as text: what it has to change is changed, and all else is the file's, character for character."""

import ast
import textwrap
from collections.abc import Callable

import pytest

from oracle.repair.edit import applied
from oracle.repair.patch import diff_of, patched
from oracle.repair.place import made
from oracle.rewriting import Definition, copied, definitions_run
from tests.oracle.repair.conftest import definition_of
from tests.oracle.repair.programs import CLASS, ROWS


def text_after(definition: Definition, change: Callable[[ast.stmt], None]) -> str:
    """The file with the change of its tree in it."""
    before = copied(definition.statement)
    change(definition.statement)
    return patched([definition], {definition: before}).get(definition.filename, definition.text)


def found(tree: ast.AST, text: str) -> tuple[ast.AST, str, int | None]:
    """Where an expression or statement stands: (parent, field, index)."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for index, one in enumerate(value) if isinstance(value, list) else [(None, value)]:
                read = isinstance(getattr(one, "ctx", ast.Load()), ast.Load)
                if isinstance(one, (ast.expr, ast.stmt)) and read and ast.unparse(one).partition("\n")[0] == text:
                    return parent, field, index
    raise AssertionError(f"there is no {text}")


def put(old: str, new: str, **parts: str) -> Callable[[ast.stmt], None]:
    """The expression `new` where `old` stood; names in capitals stand for expressions of the file."""

    def change(tree: ast.stmt) -> None:
        parent, field, index = found(tree, old)
        node = getattr(parent, field) if index is None else getattr(parent, field)[index]
        kept = {name: get(tree, text) for name, text in parts.items()}
        value = made(new, node, **kept)
        if index is None:
            setattr(parent, field, value)
        else:
            getattr(parent, field)[index] = value

    return change


def get(tree: ast.AST, text: str) -> ast.AST:
    parent, field, index = found(tree, text)
    return getattr(parent, field) if index is None else getattr(parent, field)[index]


def statements(*wanted: str, of: str) -> Callable[[ast.stmt], None]:
    """The list of statements in which `of` stands is these: one that is there already, a new one where it is not."""

    def change(tree: ast.stmt) -> None:
        parent, field, _ = found(tree, of)
        body = getattr(parent, field)
        by_text = {ast.unparse(one).partition("\n")[0]: one for one in body}
        made_anew = [by_text.get(one) or _like(one, body[-1]) for one in wanted]
        setattr(parent, field, made_anew)

    return change


def _like(text: str, other: ast.stmt) -> ast.stmt:
    (statement,) = ast.parse(text).body
    for node in ast.walk(statement):
        if "lineno" in node._attributes:
            ast.copy_location(node, other)
    return statement


LOOP = """\
def backward(W, x, h):
    # the gradients
    dW = 0
    carry = 0
    for t in range(3):
        a = W @ h[t]  # the first
        b = a + carry

        dW = a * b
        carry = b
    return dW
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dW  +=  x . T@da   # sum", ("x.T @ da", "x.T @ dh", "dW  +=  x . T@dh   # sum")),
        ("name = 'δh' ;  dh = a*b  ;c=\"t\"", ("a * b", "a", "name = 'δh' ;  dh = a  ;c=\"t\"")),
        ("dh = ( a +\n           b )", ("b", "-b", "dh = ( a +\n           -b )")),
        ("dh = a + \\\n        b  # then", ("b", "b * 2", "dh = a + \\\n        b * 2  # then")),
        ("dh = f(a,'é') @ b", ("b", "b.T", "dh = f(a,'é') @ b.T")),
        ("dh\t=\ta\t@\tb\t#\ttabs", ("b", "b.T", "dh\t=\ta\t@\tb.T\t#\ttabs")),
        ("dh = g(a, k = 0x10, s = 1e3)", ("a", "b", "dh = g(b, k = 0x10, s = 1e3)")),
        ("dh = a if t>0 else  b", ("a", "c", "dh = c if t>0 else  b")),
        ("return  loss,{ 'W':dW }", ("dW", "dW / 2", "return  loss,{ 'W':dW / 2 }")),
        ("for t in  range(T-1) : s+=t # all", ("range(T - 1)", "range(T)", "for t in  range(T) : s+=t # all")),
        ("while  k<T: k+=1", ("k < T", "k < T - 1", "while  k < T - 1: k+=1")),
        (
            "if t==0 :\n        a=1\n    else :\n        a=  2",
            ("t == 0", "t", "if t :\n        a=1\n    else :\n        a=  2"),
        ),
        ("with  f(a) as  q: b=q", ("q", "-q", "with  f(a) as  q: b=-q")),
    ],
)
def test_only_what_differs(old, new):
    before, after, line = new
    text = f"import numpy as np\n\ndef backward(a, b):\n    'uses  δ'\n    {old}\n"
    definition = definition_of(text)
    assert text_after(definition, put(before, after)) == text.replace(old, line)


@pytest.mark.parametrize(
    ("line", "old", "new", "expected"),
    [
        ("dh = a * b", "b", "b + c", "dh = a * (b + c)"),
        ("dh = a @ b", "a", "a - c", "dh = (a - c) @ b"),
        ("dh = a - b", "b", "b - c", "dh = a - (b - c)"),
        ("dh = a ** 2", "a", "-a", "dh = (-a) ** 2"),
        ("dh = a.T @ b", "a", "a + b", "dh = (a + b).T @ b"),
        ("dh = -a", "a", "a + b", "dh = -(a + b)"),
        ("dh = a[t]", "a", "a * b", "dh = (a * b)[t]"),
        ("dh = a * b", "a", "a if t > 0 else c", "dh = (a if t > 0 else c) * b"),
        ("dh = f(a, b)", "b", "b + c", "dh = f(a, b + c)"),
        ("dh = a + b", "b", "b * c", "dh = a + b * c"),
        ("dh = a", "a", "a - b", "dh = a - b"),
    ],
)
def test_brackets_where_they_are_needed_and_nowhere_else(line, old, new, expected):
    text = f"def backward(a, b, c, t):\n    {line}\n    return dh\n"
    assert text_after(definition_of(text), put(old, new)) == text.replace(line, expected)


@pytest.mark.parametrize(
    ("line", "old", "new", "parts", "expected"),
    [
        ("dh = A2@b.T + c", "A2 @ b.T", "X - Y", dict(X="A2 @ b.T", Y="c"), "dh = A2@b.T - c + c"),
        ("da = f(dh , 1-h**2)", "f(dh, 1 - h ** 2)", "g(X)", dict(X="1 - h ** 2"), "da = g(1-h**2)"),
        ("s = a@W + b@R", "a @ W + b @ R", "X - Y", dict(X="a @ W", Y="b @ R"), "s = a@W - b@R"),
    ],
)
def test_parts_that_stand_in_the_file_stay_as_they_are_written(line, old, new, parts, expected):
    text = f"def backward(a, b, c):\n    {line}\n"
    assert text_after(definition_of(text), put(old, new, **parts)) == text.replace(line, expected)


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        pytest.param(
            ["a = W @ h[t]", "dW = a * b", "carry = b"],
            ["a = W @ h[t]  # the first", "", "dW = a * b", "carry = b"],
            id="removed",
        ),
        pytest.param(
            ["a = W @ h[t]", "b = a + carry", "carry = b", "dW = a * b"],
            ["a = W @ h[t]  # the first", "b = a + carry", "", "carry = b", "dW = a * b"],
            id="swapped",
        ),
        pytest.param(
            ["a = W @ h[t]", "b = a + carry", "dW = a * b", "carry = b", "s += b"],
            ["a = W @ h[t]  # the first", "b = a + carry", "", "dW = a * b", "carry = b", "s += b"],
            id="appended",
        ),
        pytest.param(
            ["a = W @ h[t]", "s += a", "q = 1", "b = a + carry", "dW = a * b", "carry = b"],
            ["a = W @ h[t]  # the first", "s += a", "q = 1", "b = a + carry", "", "dW = a * b", "carry = b"],
            id="two inserted, in their order",
        ),
    ],
)
def test_statements(wanted, lines):
    changed = text_after(definition_of(LOOP), statements(*wanted, of="b = a + carry"))
    old = LOOP[LOOP.index("        a = W") : LOOP.index("    return")]
    new = textwrap.indent("\n".join(lines), " " * 8) + "\n"
    assert changed in (LOOP.replace(old, new), LOOP.replace(old, new.replace("\n\n", "\n")))  # where blank lines go


@pytest.mark.parametrize("last", [0, 1, 2, 3])
@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_a_line_moved_to_any_other_place(first, last):
    lines = ["a = W @ h[t]", "b = a + carry", "dW = a * b", "carry = b"]
    lines.insert(last, lines.pop(first))
    changed = text_after(definition_of(LOOP), statements(*lines, of="b = a + carry"))
    (loop,) = [node for node in ast.walk(ast.parse(changed)) if isinstance(node, ast.For)]
    assert [ast.unparse(one) for one in loop.body] == lines


@pytest.mark.parametrize("last", [0, 1, 2])
def test_a_line_that_is_moved_past_others_leaves_their_comments(last):
    """One line moves: those that it passes are not touched."""
    lines = ["a = W @ h[t]", "b = a + carry", "dW = a * b"]
    lines.insert(last, "carry = b")
    changed = text_after(definition_of(LOOP), statements(*lines, of="b = a + carry"))
    assert "# the first" in changed
    diff = diff_of({"f": LOOP}, {"f": changed}).splitlines()[2:]
    assert [line[1:].strip() for line in diff if line[0] in "+-"] == ["carry = b"] * 2


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_line_of_a_loop_beside_the_loop(where):
    definition = definition_of(LOOP)

    def move(tree: ast.stmt) -> None:
        loop = next(one for one in tree.body if isinstance(one, ast.For))
        line = loop.body[0]
        rest = ast.copy_location(ast.For(loop.target, loop.iter, loop.body[1:], []), loop)
        at = tree.body.index(loop)
        tree.body[at : at + 1] = [line, rest] if where == "before" else [rest, line]

    changed = text_after(definition, move)
    head, loop, last = "    carry = 0\n", LOOP[LOOP.index("    for") : LOOP.index("    return")], "    return dW\n"
    inside = loop.replace("        a = W @ h[t]  # the first\n", "")
    beside = "    a = W @ h[t]"
    together = beside + "\n" + inside if where == "before" else inside + beside + "\n"
    assert changed.replace("  # the first", "") == LOOP[: LOOP.index(head)] + head + together + last


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("dW = a * b", "dW += a * b", "dW += a * b"),
        ("dW = a * b", "dW -= a * b", "dW -= a * b"),
        ("carry = b", "carry.total = b", "carry.total = b"),
    ],
)
def test_another_statement_in_place(old, new, line):
    lines = ["a = W @ h[t]", "b = a + carry", "dW = a * b", "carry = b"]
    definition = definition_of(LOOP)

    def change(tree: ast.stmt) -> None:
        parent, field, index = found(tree, old)
        getattr(parent, field)[index] = _like(new, getattr(parent, field)[index])

    assert old in lines
    assert text_after(definition, change) == LOOP.replace(f"        {old}\n", f"        {line}\n")


def test_two_statements_in_place_of_one():
    definition = definition_of(LOOP.replace("carry = b", "carry = q = np.zeros(3)"))

    def change(tree: ast.stmt) -> None:
        parent, field, index = found(tree, "carry = q = np.zeros(3)")
        old = getattr(parent, field)[index]
        lines = [ast.copy_location(ast.Assign(targets=[one], value=copied(old.value)), old) for one in old.targets]
        getattr(parent, field)[index : index + 1] = lines

    assert text_after(definition, change) == LOOP.replace(
        "        carry = b\n", "        carry = np.zeros(3)\n        q = np.zeros(3)\n"
    )


def test_the_only_statement_of_a_loop_becomes_pass():
    text = "def f(x):\n    for t in x:\n        y = t\n    return x\n"
    definition = definition_of(text)

    def empty(tree: ast.stmt) -> None:
        loop = tree.body[0]
        loop.body = [ast.copy_location(ast.Pass(), loop.body[0])]

    assert text_after(definition, empty) == text.replace("y = t", "pass")


@pytest.mark.parametrize(
    "line", ["a = 1; b = 2; c = 3", "a = 1; b = 2; c = 3  # three", "a = 1; b = 2; c = 3;", "a = '#'; b = 2; c = 3"]
)
def test_one_of_several_statements_on_a_line_is_removed(line):
    definition = definition_of(f"def f():\n    {line}\n    return c\n")

    def change(tree: ast.stmt) -> None:
        tree.body = [one for one in tree.body if ast.unparse(one) != "b = 2"]

    changed = text_after(definition, change)
    left = [one for one in ast.parse(changed).body[0].body if not isinstance(one, ast.Pass)]
    assert [ast.unparse(one) for one in left] == [line.partition(";")[0], "c = 3", "return c"]


def test_a_statement_after_one_on_the_head_of_its_loop():
    definition = definition_of("def f(x):\n    for t in x: s = t\n    return s\n")
    changed = text_after(definition, statements("s = t", "u = s", of="s = t"))
    assert ast.unparse(ast.parse(changed)) == "def f(x):\n    for t in x:\n        s = t\n        u = s\n    return s"


@pytest.mark.parametrize(
    "wanted",
    [["d = 4", "a = 1", "b = 2"], ["a = 1", "d = 4", "b = 2"], ["a = 1", "b = 2", "d = 4"], ["b = 2", "a = 1"]],
)
def test_statements_of_one_line_moved_and_inserted(wanted):
    definition = definition_of("def f():\n    a = 1; b = 2\n    return a\n")
    changed = text_after(definition, statements(*wanted, "return a", of="return a"))
    assert [ast.unparse(one) for one in ast.parse(changed).body[0].body] == [*wanted, "return a"]


def test_decorators_stay():
    text = "@first( 1 )\n@second\ndef f(a):\n    @third\n    def g(b):\n        return  b\n    return  g(a)\n"
    assert text_after(definition_of(text), put("b", "-b")) == text.replace("return  b", "return  -b")


@pytest.mark.parametrize("end", ["", "\n", "\n\n# the end", "\n    "])
def test_the_end_of_the_file(end):
    text = f"def f(a):\n    b = a\n    return b{end}"
    assert text_after(definition_of(text), put("a", "a + 1")) == text.replace("b = a", "b = a + 1")
    changed = text_after(definition_of(text), statements("b = a", "return b", "c = b", of="b = a"))
    assert ast.unparse(ast.parse(changed)) == "def f(a):\n    b = a\n    return b\n    c = b"


def test_a_statement_over_several_lines_is_removed_whole():
    text = "def f(a):\n    b = g(\n        a,  # one\n    )\n    return a\n"
    assert text_after(definition_of(text), statements("return a", of="return a")) == "def f(a):\n    return a\n"


@pytest.mark.parametrize("inside", ["'''one\n  two'''", "'a\\\n  b'"])
def test_strings_over_several_lines_stay(inside):
    text = f"def f(a):\n    b = a + len({inside})\n    return b\n"
    assert text_after(definition_of(text), put("a", "-a")) == text.replace("= a", "= -a")


def test_several_definitions_of_one_file():
    text = "def f(a):\n    return a\n\n\ndef g(b):\n    return b # g\n"
    both = [definition_of(text, name) for name in "fg"]
    before = {one: copied(one.statement) for one in both}
    for one, name in zip(both, "ab"):
        put(name, f"-{name}")(one.statement)
    assert patched(both, before) == {"rnn.py": text.replace("return a", "return -a").replace("return b", "return -b")}


def test_what_is_not_changed_is_not_given():
    definition = definition_of(LOOP)
    assert patched([definition], {definition: copied(definition.statement)}) == {}


@pytest.mark.parametrize(
    "content",
    [
        "# -*- coding: latin-1 -*-\ndef f(a):\n    s = 'é'; a = a * 2\n    return a\n".encode("latin-1"),
        "\ufeffdef f(a): s = 'é'; a = a * 2; return a\n".encode(),
        b"def f(a):\r\n    s = 'e'; a = a * 2\r\n    return a\r\n",
        b"def f(a):\r    s = 'e'; a = a * 2\r    return a\r",
        b"def f(a):\n    '''\x0c'''\n\x0c\n    s = 'e'; a = a * 2\n    return a\n",
    ],
    ids=["latin-1", "byte order mark", "carriage returns", "old line ends", "form feeds"],
)
def test_encodings_and_line_ends(tmp_path, content):
    """The text has line ends of one character; which they were, and the encoding, matter when it is written."""
    from oracle import load

    path = tmp_path / "rnn.py"
    path.write_bytes(content)
    module = load(path)
    (definition,) = (one for one in definitions_run(lambda: module.f(1)) if one.name == "f")
    before = definition.text
    changed = text_after(definition, put("a * 2", "a"))
    assert changed == before.replace("a * 2", "a")


PAIRS = [
    (LOOP, LOOP.replace("carry = 0", "carry = 1")),
    (LOOP, LOOP.replace("        carry = b\n", "")),
    (LOOP, LOOP.replace("    return dW\n", "    return dW\n    pass\n")),
    (LOOP, "import numpy\n" + LOOP),
    (LOOP.rstrip(), LOOP.replace("dW", "dV").rstrip()),
    (LOOP.rstrip(), LOOP),
    (LOOP, LOOP.rstrip()),
    ("x = 'a\x0cb'\ny = 1\n", "x = 'a\x0cb'\ny = 2\n"),
    ("x = 'a\u2028b'\ny = 1\n", "x = 'a\u2028b'\ny = 2\n"),
    ("\n".join(map(str, range(60))) + "\n", "\n".join(str(k) for k in range(60) if k not in (3, 50)) + "\n"),
]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_diff_leads_to_the_text(before, after):
    diff = diff_of({"/some/where/rnn.py": before}, {"/some/where/rnn.py": after})
    assert diff.startswith("--- a/rnn.py\n+++ b/rnn.py\n@@ ")
    assert patch(before, diff) == after


NO_NEWLINE = "\\ No newline at end of file"


def patch(text: str, diff: str) -> str:
    """The text after a diff, read as its format is defined: lines end at \\n and at nothing else."""
    old, new, done, last = text.split("\n"), [], 0, True
    if ends := old[-1] == "":
        old.pop()
    lines = diff.removesuffix("\n").split("\n")[2:]
    for line, following in zip(lines, [*lines[1:], ""]):
        if line.startswith("@@"):
            first, _, count = line.split()[1][1:].partition(",")
            start = int(first) - (count != "0")
            new += old[done:start]
            done = start
            continue
        sign, content = line[:1], line[1:]
        if sign in " -" and sign:
            assert old[done] == content
            done += 1
            assert (following == NO_NEWLINE) == (done == len(old) and not ends)
        else:
            assert sign in ("+", "\\"), line
        if sign in (" ", "+"):
            new.append(content)
            last = following != NO_NEWLINE
    ends = ends if done < len(old) else last
    return "\n".join([*new, *old[done:]]) + "\n" * ends


def names(tree: ast.AST, definition: Definition) -> ast.stmt:
    """The definition in the tree of a whole file."""
    for name in definition.classes:
        tree = next(one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name)
    return next(one for one in tree.body if getattr(one, "name", "") == definition.statement.name)


@pytest.mark.parametrize("text", [ROWS, CLASS], ids=["rows", "class"])
def test_the_text_of_every_edit_says_what_its_tree_does(program, text):
    searched = program(text)
    before = {one: copied(one.statement) for one in searched.definitions}
    first = text[: text.index("    dW, dR" if text is ROWS else "    def backward")].count("\n") + 1
    (filename,) = {one.filename for one in searched.definitions}
    forward = frozenset((filename, line) for line in range(first))
    edits = searched.edits(forward)
    assert len(edits) > 300
    wrong = []
    for edit in edits if text is ROWS else edits[::4]:
        with applied([edit]):
            wanted = ast.dump(ast.parse(ast.unparse(edit.definition.statement)).body[0])
            changed = patched([edit.definition], before).get(filename, text)
        got = ast.dump(names(ast.parse(changed), edit.definition))
        if got != wanted:
            wrong.append(edit.sentence)
    assert wrong == []
    for edit in edits[::40]:
        with applied([edit]):
            changed = patched([edit.definition], before).get(filename, text)
        if changed != text:
            diff = diff_of({filename: text}, {filename: changed})
            assert patch(text, diff) == changed


def test_the_text_of_two_edits_says_what_their_tree_does(program):
    searched = program(ROWS)
    before = {one: copied(one.statement) for one in searched.definitions}
    (filename,) = {one.filename for one in searched.definitions}
    first = ROWS[: ROWS.index("    dW, dR")].count("\n") + 1
    forward = frozenset((filename, line) for line in range(first))
    wrong = []
    for one in searched.edits(forward)[7::250]:
        with applied([one]):
            for other in searched.edits(forward)[3::80]:
                with applied([other]):
                    changed = patched(searched.definitions, before).get(filename, ROWS)
                    wanted = [ast.dump(ast.parse(ast.unparse(each.statement)).body[0]) for each in searched.definitions]
                got = [ast.dump(names(ast.parse(changed), each)) for each in searched.definitions]
                if got != wanted:
                    wrong.append((one.sentence, other.sentence))
    assert wrong == []
