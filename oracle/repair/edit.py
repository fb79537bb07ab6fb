"""An edit of the user's source: one place of a tree, what stands there, what should."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from oracle.rewriting import Definition, compiled, exchanged


@dataclass(frozen=True, eq=False)
class Edit:
    """One change of one definition.

    parent, field   where it is made: getattr(parent, field) is replaced as a whole by `value`
    index           of the one element of a list that is replaced instead, where that is all
    kind            of mistake that it undoes, one of `oracle.kinds`
    sentence        what it does, for the reader
    cost            how unlikely it is to be what was meant: 1 for the slips that people make most often
    statement       in which it is, or which it removes or inserts
    line            of the expression or statement
    line_of         of what an inserted statement is about: where its name is read, or set to zero
    inserted        what a line computes that the edit adds at the end of a loop, which is its statement
    form            of what then stands in the place, equal for two that are written alike
    """

    definition: Definition
    statement: ast.stmt
    parent: ast.AST
    field: str
    index: int | None
    value: object
    kind: str
    sentence: str
    cost: float
    line: int
    line_of: int | None = None
    inserted: ast.expr | None = None
    form: int = 0

    @property
    def key(self) -> tuple[int, str, int | None, int]:
        """The same for the same edit of a program that other edits have changed elsewhere."""
        return id(self.parent), self.field, self.index, self.form

    def put(self, value: object) -> object:
        """Put a value in the place; gives what was there."""
        before = getattr(self.parent, self.field)
        if self.index is None:
            setattr(self.parent, self.field, value)
            return before
        old, before[self.index] = before[self.index], value
        return old


@contextmanager
def applied(edits: Iterable[Edit]) -> Iterator[None]:
    """The trees with the edits in them."""
    done: list[tuple[Edit, object]] = []
    try:
        for edit in edits:
            done.append((edit, edit.put(edit.value)))
        yield
    finally:
        for edit, before in reversed(done):
            edit.put(before)


@contextmanager
def running(definitions: Sequence[Definition], edits: Sequence[Edit] = ()) -> Iterator[None]:
    """Inside, the user's program runs with these edits.

    Raises SyntaxError or ValueError where they make no program.
    """
    with applied(edits):
        codes: dict = {}
        for one in definitions:
            codes |= compiled(one)
        with exchanged(definitions, codes):
            yield


@dataclass(frozen=True)
class Slot:
    """Where a node of a tree stands."""

    parent: ast.AST
    field: str
    index: int | None
    statement: ast.stmt


def slots(definition: Definition) -> dict[ast.AST, Slot]:
    """The place of every node of a definition as it now is."""
    found: dict[ast.AST, Slot] = {}

    def visit(node: ast.AST, statement: ast.stmt) -> None:
        for field, value in ast.iter_fields(node):
            several = isinstance(value, list)
            for index, one in enumerate(value if several else [value]):
                if isinstance(one, ast.AST) and not isinstance(one, (ast.expr_context, ast.operator, ast.unaryop)):
                    inside = one if isinstance(one, ast.stmt) else statement
                    found[one] = Slot(node, field, index if several else None, inside)
                    visit(one, inside)

    visit(definition.statement, definition.statement)
    return found
