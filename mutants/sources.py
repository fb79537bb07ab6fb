"""The mutants of a source file: which there are, what they are called, and which of them are worth running."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.operators.operator import Operator
from parso.tree import NodeOrLeaf, search_ancestor

from mutants.operators import OPERATORS, ArrayOperator


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    key      module, function, operator, the lines before and after: all that a reader needs and no line number, so that
             it stays the same while the file changes elsewhere. A repeated one ends in #2, #3 ...
    source   the whole file after the change
    """

    module: str
    function: str
    operator: str
    occurrence: int
    position: tuple[tuple[int, int], tuple[int, int]]
    before: str
    after: str
    key: str
    source: str


def mutants(path: Path) -> list[Mutant]:
    """Every mutant of a file that differs, as a program, from the file and from every mutant before it.

    Left out are changes of annotations, docstrings and the text of error messages: they change no gradient.
    """
    source = path.read_text()
    tree = get_ast(source)
    seen = {program(source)}
    repeated: Counter[str] = Counter()
    found = []
    for name, operator in OPERATORS.items():
        places = ((node, text) for node in ast_nodes(tree) for text in replacements(node, operator))
        for occurrence, (node, text) in enumerate(places):
            mutated = splice(source, node, text)
            try:
                computation = program(mutated)
            except SyntaxError:
                continue
            if computation in seen:
                continue
            seen.add(computation)
            function, (before, after) = function_name(node), changed_lines(source, mutated)
            key = f"{path.stem}.{function} | {name} | {before} -> {after}"
            repeated[key] += 1
            if repeated[key] > 1:
                key += f" #{repeated[key]}"
            position = node.start_pos, node.end_pos
            found.append(Mutant(path.stem, function, name, occurrence, position, before, after, key, mutated))
    return found


def replacements(node: NodeOrLeaf, operator: Operator) -> Iterator[str]:
    """The text of the node, with the blanks before it, after each mutation the operator can do to it."""
    prefix = node.get_first_leaf().prefix
    for index, _ in enumerate(operator.mutation_positions(node)):
        if not isinstance(operator, ArrayOperator):  # cosmic-ray's own change the node in place, ours only read it
            changed = copy.deepcopy(node, {id(node.parent): node.parent})
            mutated = operator.mutate(changed, index)
        else:
            mutated = operator.mutate(node, index)
        yield "" if mutated is None else prefix + mutated.get_code(include_prefix=False).lstrip()


def splice(source: str, node: NodeOrLeaf, text: str) -> str:
    """The source with the text in the node's place."""
    lines = source.splitlines(keepends=True)

    def offset(position: tuple[int, int]) -> int:
        return sum(map(len, lines[: position[0] - 1])) + position[1]

    return source[: offset(node.get_start_pos_of_prefix())] + text + source[offset(node.end_pos) :]


def program(source: str) -> str:
    """What a source computes: its syntax tree without docstrings, annotations and the arguments of exceptions."""
    return ast.dump(_OnlyComputation().visit(ast.parse(source)))


OPPOSITES = {
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
}


class _OnlyComputation(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return ast.Raise(exc=kind, cause=None)

    def visit_If(self, node: ast.If) -> ast.If | None:
        return None if ast.unparse(node.test).removeprefix("not ") == "TYPE_CHECKING" else self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """`not a is b` as `a is not b`, `-0` as `0`: two operators that come to the same are one mutant."""
        inner = self.generic_visit(node).operand
        if isinstance(node.op, ast.Not) and isinstance(inner, ast.Compare) and len(inner.ops) == 1:
            return ast.Compare(inner.left, [OPPOSITES[type(inner.ops[0])]()], inner.comparators)
        if isinstance(node.op, ast.USub) and isinstance(inner, ast.Constant):
            return ast.Constant(-inner.value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """`time + 0` as `time`."""
        if isinstance(node.op, (ast.Add, ast.Sub)) and isinstance(node.right, ast.Constant) and node.right.value == 0:
            return self.visit(node.left)
        return self.generic_visit(node)

    def visit_Slice(self, node: ast.Slice) -> ast.Slice:
        """`a[0:]` as `a[:]`."""
        if isinstance(node.lower, ast.Constant) and node.lower.value == 0 and node.step is None:
            node.lower = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        return self.generic_visit(node)


def changed_lines(source: str, mutated: str) -> tuple[str, str]:
    """The lines in which two texts differ, without indentation and comments: one text each."""
    old, new = source.splitlines(), mutated.splitlines()
    first = length_in_common(old, new)
    last = length_in_common(old[first:][::-1], new[first:][::-1])
    return one_line(old[first : len(old) - last]), one_line(new[first : len(new) - last])


def length_in_common(a: list[str], b: list[str]) -> int:
    """How many lines at the beginning are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b)))


def one_line(lines: list[str]) -> str:
    return " ".join(line.split("  #")[0].strip() for line in lines).strip() or "(nothing)"


def function_name(node: NodeOrLeaf) -> str:
    """Network.stack, forward; "(module)" outside of all. A decorator belongs to what it decorates."""
    names = []
    if node.type == "decorator" or search_ancestor(node, "decorator"):
        node = search_ancestor(node, "decorated").children[-1].children[0]
    while (node := search_ancestor(node, "funcdef", "classdef")) is not None:
        names.insert(0, node.name.value)
    return ".".join(names) or "(module)"
