"""Which Python a file is written in."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

PYTHON2_NAMES = frozenset(("xrange", "raw_input", "unicode", "basestring", "long", "unichr", "cmp", "reduce"))
PYTHON2_METHODS = frozenset(("iteritems", "itervalues", "iterkeys", "has_key"))
PYTHON2_MODULES = frozenset(("cPickle", "cStringIO", "StringIO", "urllib2", "ConfigParser", "Tkinter", "Queue"))


def parsed(text: str, filename: str) -> ast.Module:
    """The tree of Python 3 source; what the compiler warns of in it is the user's business and not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text, filename)
        except ValueError as error:  # null bytes, before Python 3.12
            raise SyntaxError(str(error), (filename, 1, None, None)) from None
        except (RecursionError, MemoryError):
            said = "it is nested too deeply for Python's parser, or one expression is too long"
            raise SyntaxError(said, (filename, 1, None, None)) from None


def speaks_python2(tree: ast.Module) -> bool:
    """Whether source that parses as Python 3 uses what only Python 2 has, and not as an attempt."""
    bound: set[str] = set()
    arguments: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name)
        elif isinstance(node, ast.arg):
            arguments.add(node.arg)
    for node in _unconditional(tree):
        if isinstance(node, ast.Name) and node.id in PYTHON2_NAMES - bound - arguments:
            return True
        if isinstance(node, ast.arguments) and any(  # def f(cmp=cmp)
            isinstance(default, ast.Name) and default.id in PYTHON2_NAMES - bound for default in node.defaults
        ):
            return True
        if isinstance(node, ast.Attribute) and node.attr in PYTHON2_METHODS:
            return True
        if isinstance(node, ast.Import) and any(alias.name in PYTHON2_MODULES for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and node.module in PYTHON2_MODULES and not node.level:
            return True
    return False


def _unconditional(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that do not stand in a `try` or under an `if` that asks for the version."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Try):
            continue
        if isinstance(child, (ast.If, ast.IfExp)) and re.search(r"version|PY[23]|six", ast.unparse(child.test)):
            continue
        yield child
        yield from _unconditional(child)
