"""Python 2 source as Python 3, line for line, by fissix (lib2to3, which Python no longer has, maintained)."""

from __future__ import annotations

import ast
import io
from dataclasses import dataclass
from functools import cache

from fissix import refactor
from fissix.pgen2 import tokenize
from fissix.pgen2.parse import ParseError
from fissix.pytree import Node

from oracle.loading.dialect import parsed

# Those of fissix's changes that mean the same wherever the file stands. Not among them: `import`, which would take
# `import layers` for a relative import.
FIXERS = (
    "apply basestring dict except exec execfile filter funcattrs getcwdu has_key imports imports2 input itertools "
    "itertools_imports long map methodattrs ne next nonzero numliterals paren print raise raw_input reduce renames "
    "repr standarderror sys_exc throw tuple_params types unicode urllib xrange zip"
).split()
MOST_LINES = 8  # that a note lists


@dataclass(frozen=True)
class Translation:
    tree: ast.Module
    python2: bool
    notes: tuple[str, ...]


def translated(text: str, filename: str, name: str, error: SyntaxError | None) -> Translation:
    """The tree of source that is Python 2, or that mixes tabs and spaces in a way that only Python 2 takes.

    error   what Python 3 says of it, raised where it is no Python 2 either; None if it parses as Python 3
    """
    text = _tabs_expanded(text)
    if isinstance(error, TabError):
        try:
            return Translation(_on_lines(parsed(text, filename), list(range(text.count("\n") + 3))), False, ())
        except SyntaxError as other:
            error = other
    try:
        # source that parses as Python 3 calls print: print("a", b) shall not print a tuple
        changed = _tool(error is None).refactor_string(text + "\n", name)
    except (ParseError, tokenize.TokenError, SyntaxError, RecursionError) as python2_error:
        if error is None:  # newer than fissix: it is Python 3 after all
            return Translation(parsed(text, filename), False, ())
        error.add_note(f"as Python 2 it does not parse either: {python2_error}")
        raise error from None
    try:
        tree = parsed(str(changed), filename)
    except SyntaxError as other:
        raise (error or other) from None
    _on_lines(tree, _original_lines(changed))
    return Translation(tree, True, _division_note(tree, name))


class _Tool(refactor.RefactoringTool):
    def log_error(self, message: str, *args: object, **kwargs: object) -> None:
        raise

    def log_message(self, message: str, *args: object) -> None:
        pass

    log_debug = log_message


@cache
def _tool(print_function: bool) -> _Tool:
    return _Tool([f"fissix.fixes.fix_{name}" for name in FIXERS], {"print_function": print_function})


def _tabs_expanded(text: str) -> str:
    """Tabs at the start of lines as Python 2 reads them, up to the next multiple of eight; strings are left alone."""
    if "\t" not in text:
        return text
    inside: set[int] = set()
    try:
        for kind, _, start, end, _ in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
            if kind == tokenize.STRING:
                inside.update(range(start[0] + 1, end[0] + 1))
    except (tokenize.TokenError, IndentationError):
        return text
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if number not in inside:
            code = line.lstrip(" \t\f")
            lines[number - 1] = line[: len(line) - len(code)].expandtabs(8) + code
    return "\n".join(lines)


def _original_lines(changed: Node) -> list[int]:
    """For each line of the changed text, counted from 1, the line of the original: fissix's leaves remember theirs."""
    known: dict[int, int] = {}
    line = 1
    for leaf in changed.leaves():
        line += leaf.prefix.count("\n")
        if leaf.value.strip() and leaf.lineno:
            known.setdefault(line, leaf.lineno)
        line += leaf.value.count("\n")
    originals = [0]
    for number in range(1, line + 1):  # inside a string that goes over several lines there is no other leaf
        originals.append(known.get(number, originals[-1] + 1))
    return originals


def _on_lines(tree: ast.Module, originals: list[int]) -> ast.Module:
    """The tree with the line numbers of the original, and without columns: they are those of the changed text."""
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno = originals[node.lineno]
            node.end_lineno = max(node.lineno, originals[node.end_lineno])
            node.col_offset = node.end_col_offset = -1
    return tree


def _division_note(tree: ast.Module, name: str) -> tuple[str, ...]:
    """A note where `/` may divide integers, which rounds down in Python 2 and is left as true division here."""
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            if any(alias.name == "division" for alias in statement.names):
                return ()
    lines = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            if not (_is_float(node.left) or _is_float(node.right)):
                lines.add(node.lineno)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div) and not _is_float(node.value):
            lines.add(node.lineno)
    if not lines:
        return ()
    shown = ", ".join(map(str, sorted(lines)[:MOST_LINES])) + (", ..." if len(lines) > MOST_LINES else "")
    where = f"line {shown}" if len(lines) == 1 else f"lines {shown}"
    return (f"{name} is Python 2, where / between integers rounds down; here it does not ({where})",)


def _is_float(node: ast.expr) -> bool:
    """Evidently a float: a literal, float(...), or an expression that has such a part."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (float, complex))
    if isinstance(node, ast.UnaryOp):
        return _is_float(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_float(node.left) or _is_float(node.right)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
