"""A repaired tree as the user's source, changed where it has to be and nowhere else."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oracle.rewriting import Definition, copied

OPERATIONS = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Lambda)
CELL = ", cell "


@dataclass(frozen=True)
class Replacement:
    """Characters of a text that give way to others; start == end inserts."""

    start: int
    end: int
    text: str


def patched(definitions: Sequence[Definition], pristine: Mapping[Definition, ast.stmt]) -> dict[str, str]:
    """File name -> its text with the definitions as their trees now are.

    pristine    the trees as they were read
    """
    texts: dict[str, list[Replacement]] = {}
    sources = {one.filename: one.text for one in definitions}
    for definition in definitions:
        old = pristine[definition]
        if ast.dump(old) != ast.dump(definition.statement):
            texts.setdefault(definition.filename, []).extend(_replacements(definition, old))
    return {filename: _replaced(sources[filename], changes) for filename, changes in texts.items()}


def diff_of(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """A unified diff, file names without their folders."""
    lines: list[str] = []
    for filename, text in after.items():
        name = Path(filename).name
        lines += difflib.unified_diff(_lines(before[filename]), _lines(text), f"a/{name}", f"b/{name}", n=3)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    """At \\n only: a form feed or a line separator in a string ends no line of a file."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [last for last in [text.rpartition("\n")[2]] if last]


def _replaced(text: str, changes: Sequence[Replacement]) -> str:
    # the last first; of several at one place the first of them ends up in front
    for change in reversed(sorted(changes, key=lambda one: (one.start, one.end))):
        text = text[: change.start] + change.text + text[change.end :]
    return text


class _Source:
    """A text by lines and columns, which the trees count in bytes."""

    def __init__(self, text: str) -> None:
        self.text, self.lines = text, text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def position(self, line: int, column: int) -> int:
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode("utf-8", "ignore"))

    def span(self, node: ast.AST) -> tuple[int, int]:
        if node.col_offset < 0:  # a tree of Python 2 source has lines alone
            return self.starts[node.lineno - 1] + len(self.indent(node.lineno)), self.starts[node.end_lineno] - 1
        return self.position(node.lineno, node.col_offset), self.position(node.end_lineno, node.end_col_offset)

    def of(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def indent(self, line: int) -> str:
        text = self.lines[line - 1]
        return text[: len(text) - len(text.lstrip())]


def _replacements(definition: Definition, old: ast.stmt) -> list[Replacement]:
    source = _Source(definition.text)
    known = {
        (node.lineno, node.col_offset, type(node)): node
        for node in ast.walk(old)
        if isinstance(node, ast.expr) and node.col_offset >= 0
    }
    return list(_statement(old, definition.statement, source, known))


Known = Mapping[tuple[int, int, type], ast.expr]


def _statement(old: ast.stmt, new: ast.stmt, source: _Source, known: Known) -> Iterator[Replacement]:
    """What turns one statement into another that stands in its place."""
    if ast.dump(old) == ast.dump(new):
        return
    blocks = [name for name, value in ast.iter_fields(old) if _is_block(value)]
    if type(old) is not type(new) or not blocks:
        yield from _simple(old, new, source, known)
        return
    for name in blocks:
        yield from _block(getattr(old, name), getattr(new, name), source, known)
    for name, value in ast.iter_fields(old):
        if name not in blocks and isinstance(value, ast.expr):
            other = getattr(new, name)
            if ast.dump(value) != ast.dump(other) and value.col_offset < 0:
                line = old.lineno
                start = source.starts[line - 1] + len(source.indent(line))
                yield Replacement(start, source.starts[line] - 1, ast.unparse(new).split("\n")[0])
            elif ast.dump(value) != ast.dump(other):
                yield Replacement(*source.span(value), _text(other, source, known))


def _is_block(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], ast.stmt)


def _simple(old: ast.stmt, new: ast.stmt, source: _Source, known: Known) -> Iterator[Replacement]:
    """The smallest expressions that differ, if the text then says what the tree does; else the whole statement."""
    start, end = source.span(old)
    if type(old) is type(new) and old.col_offset >= 0:
        for brackets in (False, True):
            changes = list(_expressions(old, new, source, known, brackets))
            text = _replaced(
                source.text[start:end], [Replacement(one.start - start, one.end - start, one.text) for one in changes]
            )
            if _says(text, new):
                yield from changes
                return
    text = _as_statement(new, source, known)
    if text is None or not _says(text, new):
        text = ast.unparse(new)
    yield Replacement(start, end, text.replace("\n", "\n" + source.indent(old.lineno)))


def _as_statement(new: ast.stmt, source: _Source, known: Known) -> str | None:
    match new:
        case ast.Assign(targets=[target], value=value):
            return f"{_text(target, source, known)} = {_text(value, source, known)}"
        case ast.AugAssign(target=target, op=op, value=value):
            sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}.get(type(op))
            return sign and f"{_text(target, source, known)} {sign}= {_text(value, source, known)}"
    return None


def _says(text: str, node: ast.stmt) -> bool:
    try:
        return ast.dump(ast.parse(text).body[0]) == ast.dump(node)
    except (SyntaxError, IndexError):
        return False


def _expressions(old: ast.AST, new: ast.AST, source: _Source, known: Known, brackets: bool) -> Iterator[Replacement]:
    if ast.dump(old) == ast.dump(new):
        return
    same = type(old) is type(new)
    pairs: list[tuple[ast.AST, ast.AST]] = []
    if same:
        for name, value in ast.iter_fields(old):
            other = getattr(new, name)
            if isinstance(value, list):
                same = same and isinstance(other, list) and len(value) == len(other)
                pairs += [(a, b) for a, b in zip(value, other) if isinstance(a, ast.AST)] if same else []
            elif isinstance(value, (ast.operator, ast.unaryop, ast.cmpop)) or not isinstance(value, ast.AST):
                same = same and (ast.dump(value) == ast.dump(other) if isinstance(value, ast.AST) else value == other)
            elif isinstance(value, ast.expr_context):
                continue
            else:
                same = same and isinstance(other, ast.AST)
                pairs.append((value, other))
    if same:
        for a, b in pairs:
            yield from _expressions(a, b, source, known, brackets)
        return
    text = _text(new, source, known)
    yield Replacement(*source.span(old), f"({text})" if brackets and isinstance(new, OPERATIONS) else text)


def _text(new: ast.AST, source: _Source, known: Known) -> str:
    """An expression as text; what of it stands in the file already, as it stands there."""
    for brackets in (False, True):
        text = _of_parts(new, source, known, brackets)
        try:
            if ast.dump(ast.parse(text, mode="eval").body) == _loading(new):
                return text
        except SyntaxError:
            pass
    return ast.unparse(new)


def _of_parts(new: ast.AST, source: _Source, known: Known, brackets: bool) -> str:
    parts: list[str] = []

    def hidden(node: ast.AST, inside: ast.AST | None) -> ast.AST:
        twin = known.get((getattr(node, "lineno", 0), getattr(node, "col_offset", 0), type(node)))
        if twin is not None and ast.dump(twin) == ast.dump(node):
            text = source.of(twin)
            operand = brackets and isinstance(inside, (*OPERATIONS, ast.Attribute, ast.Subscript))
            if isinstance(twin, OPERATIONS) and operand and "\n" not in text:
                text = f"({text})"
            parts.append(text)
            return ast.copy_location(ast.Name(f"_part{len(parts) - 1}_", ast.Load()), node)
        made = copied(node) if inside is None else node
        fresh = ast.copy_location(type(made)(), made)  # ast.unparse asks statements for their line
        for name, value in ast.iter_fields(made):
            if isinstance(value, list):
                value = [hidden(one, made) if isinstance(one, ast.expr) else one for one in value]
            elif isinstance(value, ast.expr):
                value = hidden(value, made)
            setattr(fresh, name, value)
        return fresh

    text = ast.unparse(hidden(new, None))
    for number in reversed(range(len(parts))):
        text = text.replace(f"_part{number}_", parts[number])
    return text


def _loading(node: ast.AST) -> str:
    return ast.dump(ast.parse(ast.unparse(node), mode="eval").body)


def _block(old: Sequence[ast.stmt], new: Sequence[ast.stmt], source: _Source, known: Known) -> Iterator[Replacement]:
    """What turns one list of statements into another: each new one is at the place of an old one, or between two."""
    twins = _twins(old, new)
    kept = {k for k in twins if k is not None}
    if len(kept) < max(len(old), len(new)) and _share_lines(old, source):
        yield _one_a_line(old, new, source, known)
        return
    for k, one in enumerate(old):
        if k not in kept:
            yield _without(one, source)
    after = source.starts[_first_line(old[0]) - 1]
    indent = source.indent(_first_line(old[0]))
    for one, k in zip(new, twins):
        if k is not None:
            yield from _statement(old[k], one, source, known)
            after = source.starts[old[k].end_lineno]
        else:
            text = _anywhere(one, source, known, indent)
            start = min(after, len(source.text))
            newline = "" if start == 0 or source.text[start - 1 : start] == "\n" else "\n"
            yield Replacement(start, start, f"{newline}{text}\n")


def _twins(old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> list[int | None]:
    """Which old statement each new one is, of as many as keep their order; None for one that is moved or new."""
    places = {(one.lineno, one.col_offset): k for k, one in enumerate(old)}
    found: list[int | None] = []
    for one in new:
        k = places.get((one.lineno, one.col_offset))
        found.append(k if k not in found else None)
    best: list[tuple[int, ...]] = [()]  # chains of places in `new`
    for j, k in enumerate(found):
        if k is not None:
            before = max((chain for chain in best if not chain or found[chain[-1]] < k), key=len)
            best.append((*before, j))
    kept = max(best, key=len)
    return [k if j in kept else None for j, k in enumerate(found)]


def _share_lines(statements: Sequence[ast.stmt], source: _Source) -> bool:
    """Whether something stands before one of them on its line: another one, or the head of what they stand in."""
    return any(
        source.lines[one.lineno - 1].encode()[: one.col_offset].strip() for one in statements if one.col_offset >= 0
    )


def _one_a_line(old: Sequence[ast.stmt], new: Sequence[ast.stmt], source: _Source, known: Known) -> Replacement:
    """All of a block anew, where its statements cannot be told apart by lines."""
    start, end = source.span(old[0])[0], source.span(old[-1])[1]
    line = source.indent(old[0].lineno)
    alone = not source.text[source.starts[old[0].lineno - 1] : start].strip()
    indent = line if alone else line + "    "
    text = "\n".join(_anywhere(one, source, known, indent) for one in new)
    return Replacement(start, end, text[len(indent) :] if alone else f"\n{text}")


def _first_line(statement: ast.stmt) -> int:
    return min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", []))])


def _without(statement: ast.stmt, source: _Source) -> Replacement:
    start, end = source.starts[statement.lineno - 1], source.starts[statement.end_lineno]
    return Replacement(start, min(end, len(source.text)), "")


def _anywhere(statement: ast.stmt, source: _Source, known: Known, indent: str) -> str:
    """A statement as text at an indent: as it stands in the file, if it does."""
    text = _as_statement(statement, source, known)
    if text is None or not _says(text, statement):
        text = ast.unparse(statement)
    return "\n".join(indent + line for line in text.split("\n"))
