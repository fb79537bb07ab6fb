"""How things are called: by the user's own names and lines."""

from __future__ import annotations

import linecache
import re

from oracle.hypotheses.activations import Activated
from oracle.hypotheses.tape import Op

QUOTED = 40  # characters of a source line
ASSIGNED = re.compile(r"(?P<appended>[\w.]+)\.append\(|(?P<name>[\w.]+(\[[^]=]+\])?)\s*=(?!=)")


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


def shape(array: object) -> str:
    """'(3, 4)'"""
    return str(tuple(array.shape))


def listed(names: object) -> str:
    """'Wx, Wh and b'"""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
