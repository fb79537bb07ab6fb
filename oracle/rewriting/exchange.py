"""Code of changed definitions, and running the user's program with it."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType

from oracle.loading.imports import EXCHANGED
from oracle.rewriting.definitions import Definition

Codes = Mapping[tuple[str, str, int], CodeType]  # by file name, qualified name and first line


def compiled(definition: Definition) -> dict[tuple[str, str, int], CodeType]:
    """The code of a definition as its tree now is, and of all that is defined in it.

    Raises SyntaxError or ValueError for a tree that is no Python.
    """
    body: list[ast.stmt] = [definition.statement]
    for name in reversed(definition.classes):
        around = ast.ClassDef(name=name, bases=[], keywords=[], body=body, decorator_list=[])
        if hasattr(around, "type_params") or "type_params" in ast.ClassDef._fields:
            around.type_params = []
        around.lineno = around.end_lineno = definition.statement.lineno
        around.col_offset = around.end_col_offset = 0
        body = [around]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.Module(body, type_ignores=[])
        code = compile(tree, definition.filename, "exec", flags=definition.flags, dont_inherit=True)
    found: dict[tuple[str, str, int], CodeType] = {}
    _collect(code, found)
    return found


def _collect(code: CodeType, found: dict[tuple[str, str, int], CodeType]) -> None:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            found[one.co_filename, one.co_qualname, one.co_firstlineno] = one
            _collect(one, found)


@contextmanager
def exchanged(definitions: Iterable[Definition], codes: Codes) -> Iterator[None]:
    """Inside, the user's program runs with these codes: its live functions, and the files that it loads.

    Raises ValueError where a function would read other variables of the functions around it than it did.
    """
    before: list[tuple[FunctionType, CodeType]] = []
    token = EXCHANGED.set(codes)
    try:
        for definition in definitions:
            for function in definition.live:
                old = function.__code__
                new = codes.get((old.co_filename, old.co_qualname, old.co_firstlineno))
                if new is not None:
                    if new.co_freevars != old.co_freevars:
                        raise ValueError(f"{old.co_qualname} would read {new.co_freevars} instead of {old.co_freevars}")
                    before.append((function, old))
                    function.__code__ = new
        yield
    finally:
        for function, old in before:
            function.__code__ = old
        EXCHANGED.reset(token)
