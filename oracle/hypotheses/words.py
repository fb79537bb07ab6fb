"""How things are called: by the user's own names and lines."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator

from oracle.hypotheses.activations import Activated
from oracle.hypotheses.tape import Op

QUOTED = 40  # characters of a source line
ASSIGNED = re.compile(r"(?P<appended>[\w.]+)\.append\(|(?P<name>[\w.]+(\[[^]=]+\])?)\s*=(?!=)")

OPERATORS = {"add": ast.Add, "sub": ast.Sub, "mul": ast.Mult, "matmul": ast.MatMult}
INDEX = r"(?:_(?:\{[^}]*\}|[a-z0-9]+))?"  # no \w, which ᵀ is
CARRIED = re.compile(rf"(δ{INDEX}) ((?:reshape\(W\)|d?W{INDEX}ᵀ?|\(W [^()]*\)ᵀ)(?: Wᵀ?)*)")
INPUT = re.compile(rf"(?<!\w)((?:[ah]{INDEX}|\[[^]]*\])ᵀ) (δ{INDEX})")


def line_of(op: Op, activation: Activated | None = None) -> tuple[str, int]:
    """File and line of an operation; of an activation in a function of its own, of the call to that function."""
    lines = op.lines
    if activation is not None and activation.entries:
        source = activation.entries[0].made_by
        while len(lines) > 1 and source is not None and len(source.lines) < len(lines):
            lines = lines[1:]
    return lines[0] if lines else ("", 0)


def at(op: Op, activation: Activated | None = None) -> str:
    """'line 15, `h.append(np.tanh(a[t]))`'"""
    filename, line = line_of(op, activation)
    text = linecache.getline(filename, line).strip()
    if len(text) > QUOTED:
        text = text[: QUOTED - 1].rstrip() + "…"
    return f"line {line}, `{text}`" if text else f"line {line}"


def value_of(op: Op, activation: Activated | None = None) -> str:
    """'h (line 15)', where the line assigns or appends the value to a name; else 'the value of line 15, `...`'"""
    filename, line = line_of(op, activation)
    text = linecache.getline(filename, line).strip()
    found = ASSIGNED.match(text)
    return f"{found['appended'] or found['name']} (line {line})" if found else f"the value of {at(op, activation)}"


def operand_name(op: Op, position: int, among: tuple[int, int]) -> str:
    """What a line calls an operand of one of its operations, 'h_prev' or 'h[t - 1]'; empty where that cannot be told.

    among   the number of the operation among those of its kind in the line, in the order of the run, and their number
    """
    number, count = among
    kind = OPERATORS.get(op.name)
    if kind is None or op.operands.keys() != {0, 1}:
        return ""
    filename, line = line_of(op)
    try:
        tree = ast.parse(linecache.getline(filename, line).strip())
    except SyntaxError:  # a line of several
        return ""
    found = [one for one in _as_computed(tree) if isinstance(one, ast.BinOp) and isinstance(one.op, kind)]
    if len(found) != count:
        return ""
    operand = found[number].right if position else found[number].left
    return ast.unparse(operand) if isinstance(operand, (ast.Name, ast.Subscript, ast.Attribute)) else ""


def _as_computed(tree: ast.AST) -> Iterator[ast.AST]:
    """The operands of each node before the node."""
    for node in ast.iter_child_nodes(tree):
        yield from _as_computed(node)
    yield tree


def in_columns(algebra: str) -> str:
    """What is written for rows, x W, for columns, W x: Wᵀ δ for δ Wᵀ, δ aᵀ for aᵀ δ."""
    return INPUT.sub(r"\2 \1", CARRIED.sub(r"\2 \1", algebra))


def shape(array: object) -> str:
    """'(3, 4)'"""
    return str(tuple(array.shape))


def listed(names: object) -> str:
    """'Wx, Wh and b'"""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
