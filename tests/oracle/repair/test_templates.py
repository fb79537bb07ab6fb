"""What each template of edits proposes: a wrong line, the right one, and what the mistake is called."""

import ast
import textwrap
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import oracle
from oracle.repair.candidates import candidates
from oracle.repair.edit import applied
from oracle.repair.material import Material
from tests.oracle.repair.conftest import definition_of
from tests.oracle.repair.programs import ROWS

T, B, I, H, O = 5, 3, 6, 4, 7  # noqa: E741
RNG = np.random.default_rng(0)
SHAPES = {  # rows are samples
    "x": (T, B, I),
    "y": (T, B, O),
    "h": (T, B, H),
    "a": (T, B, H),
    "z": (T, B, H),
    "r": (T, B, H),
    "h0": (B, H),
    "W": (I, H),
    "R": (H, H),
    "V": (H, O),
    "b": (H,),
    "c": (O,),
    "dW": (I, H),
    "dR": (H, H),
    "dV": (H, O),
    "db": (H,),
    "dc": (O,),
    "dy": (B, O),
    "dh": (B, H),
    "da": (B, H),
    "dz": (B, H),
    "dr": (B, H),
    "carry": (B, H),
    "dh_next": (B, H),
    "W_z": (H, H),
    "W_r": (H, H),
    "both": (B, 2 * H),
    "mask": (B, 1),
}
PARAMETERS = ("W", "R", "V", "b", "c", "W_z", "W_r")
ARRAYS = {name: RNG.normal(size=shape) for name, shape in SHAPES.items()}
NAMES = {
    **ARRAYS,
    "np": np,
    "T": T,
    "B": B,
    "H": H,
    "t": 2,
    "p": {name: ARRAYS[name] for name in ("W", "R", "b")},
    "hs": [*ARRAYS["h"]],
    "das": [*ARRAYS["a"]],
    "words": RNG.integers(I, size=B),
    "labels": RNG.integers(B, size=B),
    "deriv": lambda v: 1 - v**2,
    "f": np.tanh,
}


def edits_of(text: str):
    """All edits of a function, the arrays being those above."""
    definition = definition_of(text)
    material, shapes = Material(functions=["deriv", "f"]), {}
    expressions = [node for node in ast.walk(definition.statement) if isinstance(node, ast.expr)]
    reads = [node for node in expressions if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))]
    for node in expressions:
        with suppress(Exception):
            value = eval(ast.unparse(node), dict(NAMES))
            text = ast.unparse(node)
            if isinstance(value, np.ndarray):
                shapes[node] = {value.shape}
                if node in reads:
                    material.arrays.setdefault(text, set()).add(value.shape)
                    material.integers |= {text} if value.dtype.kind == "i" else set()
            elif isinstance(value, int) and not isinstance(node, ast.Constant):
                material.numbers.setdefault(text, set()).add(value)
    material.numbers |= {"T": {T}, "B": {B}}
    material.sequences = {name: {(len(NAMES[name]), NAMES[name][0].shape)} for name in ("hs", "das")}
    material.inside = {"s": {(B, H)}, "d": {(B, H)}}
    for name, array in ARRAYS.items():
        material.arrays.setdefault(name, set()).add(array.shape)
        if array.ndim == 3:
            material.arrays.setdefault(f"{name}[t]", set()).add(array.shape[1:])
    parameters = frozenset(SHAPES[name] for name in PARAMETERS)
    recurrent = {definition: frozenset({"R", "W_z", "W_r"})}
    return definition, candidates([definition], {definition: material}, shapes, frozenset(), {}, recurrent, parameters)


def proposed(text: str) -> set[tuple[str, str]]:
    """(the function with the edit, the kind of mistake) of all edits of a function."""
    definition, edits = edits_of(text)
    found = set()
    for edit in edits:
        with applied([edit]):
            found.add((ast.unparse(definition.statement), edit.kind))
    return found


def function(body: str, head: str = "for t in reversed(range(T)):") -> str:
    inside = textwrap.indent(body, "        ")
    return f"def backward():\n    carry = np.zeros_like(h0)\n    {head}\n{inside}\n    return dW\n"


LINES = [
    # transposes and products
    ("carry = da @ R", "carry = da @ R.T", "transposed recurrent matrix"),
    ("carry = da @ R.T", "carry = da @ R", "transposed recurrent matrix"),
    ("dh = dy @ np.transpose(V)", "dh = dy @ V", "layout"),
    ("dR += da.T @ h[t]", "dR += h[t].T @ da", "layout"),
    ("dR += np.dot(da.T, h[t])", "dR += np.dot(h[t].T, da)", "layout"),
    ("dR += da.T.dot(h[t])", "dR += h[t].T.dot(da)", "layout"),
    ("carry = da * R", "carry = da @ R", "transposed recurrent matrix"),
    ("dh = carry", "dh = carry @ R.T", "carry"),
    ("da = both[:, H:]", "da = both[:, :H]", "layout"),
    ("dz = x[1:]", "dz = x[:-1]", "time index"),
    # steps
    ("dR += h[t].T @ da", "dR += h[t - 1].T @ da", "time index"),
    ("dR += h[t - 1].T @ da", "dR += h[t].T @ da", "time index"),
    ("dR += h[t - 1].T @ da", "dR += h[t + 1].T @ da", "time index"),
    ("dh = dy @ V.T + h[-1]", "dh = dy @ V.T + h[t]", "time index"),
    ("n = x.shape[0]", "n = x.shape[1]", "factor"),
    ("dR += h[t - 1].T @ da", "dR += (h[t - 1] if t > 0 else h0).T @ da", "time index"),
    ("da = dh * z[t - 1] * (1 - z[t - 1])", "da = dh * z[t] * (1 - z[t])", "time index"),
    # other arrays
    ("db += dh.sum(axis=0)", "db += da.sum(axis=0)", "operand"),
    ("dz = dh * r[t]", "dz = dh * z[t]", "operand"),
    ("dz = dh * z[t]", "dz = dh * (1 - z[t])", "operand"),
    ("dz = dh * (1 - z[t])", "dz = dh * z[t]", "operand"),
    ("dz = dr * r[t] * (1 - r[t])", "dz = dr * z[t] * (1 - z[t])", "operand"),
    ("da = dh * np.tanh(h[t])", "da = dh * h[t]", "activation derivative"),
    ("da = np.clip(dh, -1, 1)", "da = dh", "state"),
    ("dh = np.tanh(a[t])", "dh = h[t]", "operand"),
    # derivatives
    ("da = dh * (1 - h[t])", "da = dh * (1 - h[t] ** 2)", "activation derivative"),
    ("da = dh * (1 - h[t] ** 2)", "da = dh * (1 - h[t])", "activation derivative"),
    ("da = dh * (1 - a[t] ** 2)", "da = dh * (1 - h[t] ** 2)", "activation derivative"),
    ("da = dh * (1 - a[t] ** 2)", "da = dh * (1 - np.tanh(a[t]) ** 2)", "activation derivative"),
    ("da = dh * (1 - np.tanh(h[t]) ** 2)", "da = dh * (1 - h[t] ** 2)", "activation derivative"),
    ("da = dh * (1 - h[t] * h[t])", "da = dh * (h[t] * (1 - h[t]))", "activation derivative"),
    ("da = dh * (z[t] * (1 - z[t]))", "da = dh * (1 - z[t] ** 2)", "activation derivative"),
    ("da = dh", "da = dh * (1 - h[t] ** 2)", "activation derivative"),
    ("da = dh", "da = dh * deriv(h[t])", "activation derivative"),
    ("da = dh * f(h[t])", "da = dh * deriv(h[t])", "activation derivative"),
    ("da = dh * deriv(f(a[t]))", "da = dh * deriv(a[t])", "activation derivative"),
    ("da = dh * (1 - h[t] ** 2) * (1 - h[t] ** 2)", "da = dh * (1 - h[t] ** 2)", "activation derivative"),
    # sums and means
    ("db += da.mean(axis=0)", "db += np.sum(da, axis=0)", "factor"),
    ("db += np.sum(da)", "db += np.sum(da, axis=0)", "bias sum"),
    ("db += np.sum(da, axis=1)", "db += np.sum(da, axis=0)", "bias sum"),
    ("db += np.sum(da, 1, keepdims=True)", "db += np.sum(da, axis=1)", "bias sum"),
    ("db += da", "db += np.sum(da, axis=0)", "bias sum"),
    ("db += da[0]", "db += np.sum(da, axis=0)", "bias sum"),
    # signs, terms and factors
    ("dy = y[t] - c", "dy = c - y[t]", "sign"),
    ("dh = dy @ V.T - carry", "dh = dy @ V.T + carry", "sign"),
    ("dh = -(dy @ V.T)", "dh = dy @ V.T", "sign"),
    ("dW -= x[t].T @ da", "dW += x[t].T @ da", "sign"),
    ("dh = dy @ V.T", "dh = dy @ V.T + carry", "carry"),
    ("dh = dy @ V.T", "dh = dy @ V.T + dr", "branch"),
    ("dh = dy @ V.T + dr", "dh = dy @ V.T", "branch"),
    ("dy = y[t]\ndh = carry", "dy = y[t]\ndh = carry + dy @ V.T", "branch"),
    ("dz, dr = z[t], r[t]\ncarry = dz", "dz, dr = z[t], r[t]\ncarry = dz + (dz @ W_z.T + dr @ W_r.T)", "carry"),
    ("dW += x[t].T @ da / B", "dW += x[t].T @ da", "factor"),
    ("dW += x[t].T @ da / T", "dW += x[t].T @ da / B", "factor"),
    ("dW += x[t].T @ da", "dW += x[t].T @ da / B", "factor"),
    ("dy = 2 * c", "dy = 1 * c", "factor"),
    ("dy = 2 * c", "dy = c", "factor"),
    ("dy = c", "dy = c * 2", "factor"),
    ("dh = dr", "dh = dr * z[t]", "operand"),
    ("dh = dr * z[t]", "dh = dr", "operand"),
    ("dW += x[t].T @ da / len(y)", "dW += x[t].T @ da / len(h0)", "factor"),
    ("dy = y[t]", "dy = y[t] / y.size", "factor"),
    ("dy = y[t] / y.size", "dy = y[t]", "factor"),
    ("dy = y[t]", "dy = y[t] / (T * B)", "factor"),
    ("dy = 2 * y[t]", "dy = 2 * y[t] * mask", "factor"),
    ("dy /= B", "dy /= B * T", "factor"),
    ("dy *= 1 / B", "dy *= 1 / B / T", "factor"),
    ("scale = 1 / B\ndy = y[t] * scale", "scale = 1 / (B * T)\ndy = y[t] * scale", "factor"),
    ("dy[labels] -= 1", "dy[labels] -= 1\ndy /= B", "factor"),
    ("dy[labels] -= 1", "dy[labels] -= 1\ndy /= T * B", "factor"),
    ("e = y[labels, words]\ndy[labels] -= 1", "e = y[labels, words]\ndy[labels, words] -= 1", "output delta"),
    ("da = dy = np.zeros(B)", "da = np.zeros(B)\ndy = np.zeros(B)", "state"),
    ("dh = both[:, H:] @ W_z[:, H:].T", "dh = both @ W_z.T", "branch"),
    # lists of arrays, and what comprehensions bind
    ("da = sum(das)", "da = sum(hs)", "operand"),
    ("dR += sum(s.T @ d for s, d in zip(hs, das))", "dR += sum(s.T @ d for s, d in zip(hs[:-1], das))", "time index"),
    ("da = sum(d for s, d in zip(hs, das))", "da = sum(d * s for s, d in zip(hs, das))", "operand"),
    ("dz = x.transpose(1, 0, 2)", "dz = x", "layout"),
    ("dz = x.reshape(T * B, I)", "dz = x.swapaxes(0, 1).reshape(T * B, I)", "layout"),
    ("dz = f(r[t]) * (1 - f(r[t]))", "dz = r[t] * (1 - r[t])", "activation derivative"),
    ("da = np.multiply(dh, z[t], out=z[t])", "da = np.multiply(dh, z[t])", "state"),
    ("da = sum(map(f, hs))", "da = sum(hs)", "activation derivative"),
    # statements
    ("deltas.append(da)", "deltas.insert(0, da)", "time index"),
    ("deltas.insert(0, da)", "deltas.append(da)", "time index"),
    ("dW = x[t].T @ da", "dW += x[t].T @ da", "accumulation"),
    ("dW += x[t].T @ da", "dW = x[t].T @ da", "accumulation"),
    ("dh = dy @ V.T", "dh += dy @ V.T", "branch"),
    ("da = da @ R.T", "carry = da @ R.T", "carry"),
    ("if t == T - 1:\n    dh += dy @ V.T", "dh += dy @ V.T", "injection"),
    ("dh = (dy @ V.T if t == T - 1 else carry)", "dh = dy @ V.T + carry", "injection"),
    ("dh = dy @ V.T + carry", "dh = carry + (dy @ V.T if t == T - 1 else 0)", "injection"),
    ("dh += dy @ V.T", "if t == T - 1:\n    dh += dy @ V.T", "injection"),
    ("dh = dy + dh\ncarry = 0 * dh", "dh = dy + dh", "state"),
    ("R -= dR\ndh = da @ R.T", "dh = da @ R.T\nR -= dR", "update order"),
    ("da = da * z[t] * h[t] * (1 - h[t])", "da = da * z[t] * (1 - h[t] ** 2)", "activation derivative"),
    ("da = dz * z[t] + da * r[t]", "da = dz * r[t] + da * z[t]", "operand"),
    ("return dW, dR, db, dc", "return dW, dR, dc, db", "operand"),
    # what a factor applies to
    ("da = z[t] * dh + carry", "da = z[t] * (dh + carry)", "operand"),
    ("da = carry + (1 - h[t] ** 2) * dh", "da = (1 - h[t] ** 2) * (carry + dh)", "activation derivative"),
    ("da = z[t] * (dh + carry)", "da = z[t] * dh + carry", "operand"),
    ("da = dh * z[t] * (1 - z[t]) * r[t]", "da = dh * r[t]", "activation derivative"),
    # in place: the error of a carry, what is written to rows that come several times, labels as an index
    ("carry *= z[t]", "carry *= 1 - z[t]", "operand"),
    (
        "dz = dh * z[t]\ndr = dh * r[t]\ncarry += dz @ W_z.T",
        "dz = dh * z[t]\ndr = dh * r[t]\ncarry += dz @ W_z.T + dr @ W_r.T",
        "branch",
    ),
    ("dW[words] += dh", "np.add.at(dW, words, dh)", "accumulation"),
    ("dW[words, t] = dh", "np.add.at(dW, (words, t), dh)", "accumulation"),
    ("dy[np.roll(words, 1)] -= 1\nda = x[labels]", "dy[labels] -= 1\nda = x[labels]", "operand"),
    ("dc += y[t].sum(axis=0)", "dc += np.sum(y, axis=(0, 1))", "bias sum"),
    ("z[:] = z * (1 - z)\ndz = dh * z", "z = z * (1 - z)\ndz = dh * z", "state"),
    # all steps, other orders, and what is one of several values
    ("dR += h[-1].T @ a[-1]", "dR += np.tensordot(h, a, axes=([0, 1], [0, 1]))", "accumulation"),
    (
        "da = np.concatenate([dz, dr, dh], axis=1)",
        "da = np.concatenate([dr, dh, dz], axis=1)",
        "layout",
    ),
    ("da = np.concatenate([dz, dr]).reshape(B, -1)", "da = np.concatenate([dz, dr], axis=1)", "layout"),
    ("np.multiply(dh, z[t], out=dz)", "np.multiply(dh, z[t] * (1 - h[t] ** 2), out=dz)", "activation derivative"),
    ("dz, dh = da, dr", "dz, dh = (da, dr * z[t])", "operand"),
    ("dR += h.reshape(H, T * B) @ da", "dR += h.reshape(T * B, H).T @ da", "layout"),
    ("dR += np.einsum('tbi,tbj->ij', h[:-1], a[1:])", "dR += np.einsum('tbi,tbj->ij', h, a)", "time index"),
    ("deltas.append(da)", "deltas.append(da.copy())", "state"),
    ("dW[1:] += x[t, :, 1:].T @ da", "dW[:] += x[t, :, :].T @ da", "accumulation"),
    ("dz, dr = z[t - 1], r[t - 1]", "dz, dr = z[t], r[t]", "time index"),
    ("dz, dr, dh = np.split(both, 3)", "dh, dz, dr = np.split(both, 3)", "layout"),
    ("dh = das[t + 1]", "dh = das[t + 1] @ R.T", "carry"),
    ("net.backward(dy - y[t])", "net.backward((dy - y[t]) / B)", "factor"),
    ("dy = y[t] / y.size", "dy = y[t] / (T * B)", "factor"),
    # a mask, and where there is none
    ("da = dh", "da = dh * mask", "factor"),
    ("da = dh", "da = dh * (1 - mask)", "factor"),
    # what is written over
    ("z *= 1 - z\ndz = dh * z", "z = z * (1 - z)\ndz = dh * z", "state"),
    ("z *= 1 - z\ndz = dh * z\ncarry = z * dh", "dz = dh * (z * (1 - z))\ncarry = z * dh", "state"),
    # as in another gate, or in all of them
    (
        "dz = dh * z[t]\ndr = dh * r[t]\ndh = da @ R.T + dz @ W_z.T",
        "dz = dh * z[t]\ndr = dh * r[t]\ndh = da @ R.T + dz @ W_z.T + dr @ W_r.T",
        "branch",
    ),
    ("dh = dz @ W_z\ndh = dh + dr @ W_r", "dh = dz @ W_z.T\ndh = dh + dr @ W_r.T", "transposed recurrent matrix"),
    # a state and what comes after it
    ("dy = h[-1] - y[-1]", "dy = h[t] - y[t + 1]", "injection"),
    # one of several names
    (
        'for name in ("W", "b"):\n    dh = p[name]\ndh = p["R"]',
        'for name in ("W", "b", "R"):\n    dh = p[name]\ndh = p["R"]',
        "accumulation",
    ),
]


@pytest.mark.parametrize(("wrong", "right", "kind"), LINES)
def test_line(wrong, right, kind):
    wanted = ast.unparse(ast.parse(function(right)).body[0])
    found = {of for text, of in proposed(function(wrong)) if text == wanted}
    assert kind in found


HEADS = [
    ("for t in range(T):", "for t in reversed(range(T)):", "carry"),
    ("for t in reversed(range(T)):", "for t in range(T):", "carry"),
    ("for t in range(0, T, 1):", "for t in reversed(range(0, T, 1)):", "carry"),
    ("for t in range(T - 1, 0, -1):", "for t in range(T - 1, -1, -1):", "accumulation"),
    ("for t in range(T - 2, -1, -1):", "for t in range(T - 1, -1, -1):", "accumulation"),
    ("for t in reversed(range(1, T)):", "for t in reversed(range(T)):", "accumulation"),
    ("for t in reversed(range(T - 1)):", "for t in reversed(range(T)):", "accumulation"),
    ("for t in range(1, T)[::-1]:", "for t in range(T)[::-1]:", "accumulation"),
    ("for t in hs[1:]:", "for t in hs:", "accumulation"),
    ("for t in hs:", "for t in hs[::-1]:", "carry"),
    ("for t in hs:", "for t in reversed(list(hs)):", "carry"),
    ("for t in list(zip(hs, das)):", "for t in reversed(list(zip(hs, das))):", "carry"),
    ("for t, d in enumerate(hs):", "for t, d in reversed(list(enumerate(hs))):", "carry"),
]


@pytest.mark.parametrize(("wrong", "right", "kind"), HEADS)
def test_head_of_a_loop(wrong, right, kind):
    wanted = ast.unparse(ast.parse(function("dh = dy", right)).body[0])
    assert (wanted, kind) in proposed(function("dh = dy", wrong))


BODIES = [
    # the carry is read and never assigned, a gradient returned and never written
    (
        function("da = carry * h[t]"),
        function("da = carry * h[t]\ncarry = da @ R.T"),
        "carry",
    ),
    (
        function("t -= 1\nda = carry * h[t]", "while t > 0:"),
        function("t -= 1\nda = carry * h[t]\ncarry = da @ R.T", "while t > 0:"),
        "carry",
    ),
    (
        function("carry += h[t]\nda = carry * h[t]"),
        function("carry += h[t]\nda = carry * h[t]\ncarry = da @ R.T"),
        "carry",
    ),
    (
        "def backward():\n    db = np.zeros_like(b)\n    for t in range(T):\n        dh = h[t] * z[t]\n    return db\n",
        "def backward():\n    db = np.zeros_like(b)\n    for t in range(T):\n        dh = h[t] * z[t]\n"
        "    db += dh.sum(axis=0)\n    return db\n",
        "accumulation",
    ),
    (
        "def backward():\n    dR = np.zeros_like(R)\n    for t in range(T):\n        da = h[t]\n    return dR\n",
        "def backward():\n    dR = np.zeros_like(R)\n    for t in range(T):\n        da = h[t]\n"
        "        dR += h[t].T @ da\n    return dR\n",
        "accumulation",
    ),
    (
        function("for k in (0, 1, 2):\n    dh += h[k]\nfor k in (1, 2):\n    da += a[k]"),
        function("for k in (0, 1, 2):\n    dh += h[k]\nfor k in (0, 1, 2):\n    da += a[k]"),
        "branch",
    ),
    # the same index in all lines of a loop, or in two
    (
        function("dy = y[-1]\nda = h[-1]"),
        function("dy = y[t]\nda = h[t]"),
        "time index",
    ),
    (
        function("dy = y[t] - y[-1]\nda = h[-1] * a[t]"),
        function("dy = y[t] - y[t]\nda = h[t] * a[t]"),
        "injection",
    ),
    # lines before, after and in a loop
    (
        "def backward():\n    for t in range(T):\n        carry = h0\n        dh = carry\n    return dh\n",
        "def backward():\n    carry = h0\n    for t in range(T):\n        dh = carry\n    return dh\n",
        "state",
    ),
    (
        "def backward():\n    dh = np.zeros_like(h0)\n    for t in range(T):\n        dh += h[t]\n    return dh\n",
        "def backward():\n    for t in range(T):\n        dh = np.zeros_like(h0)\n        dh += h[t]\n    return dh\n",
        "carry",
    ),
    (
        "def backward():\n    for t in range(T):\n        dh = carry\n        R -= dR\n    return dh\n",
        "def backward():\n    for t in range(T):\n        dh = carry\n    R -= dR\n    return dh\n",
        "state",
    ),
    (
        "def backward():\n    for t in range(T):\n        dh = h[t]\n    dR += dh\n    return dh\n",
        "def backward():\n    for t in range(T):\n        dh = h[t]\n        dR += dh\n    return dh\n",
        "accumulation",
    ),
]


@pytest.mark.parametrize(("wrong", "right", "kind"), BODIES)
def test_several_lines(wrong, right, kind):
    assert (ast.unparse(ast.parse(right).body[0]), kind) in proposed(wrong)


ODD = '''
def backward(self, *args, key=lambda v: v[::-1], **more):
    """dW += x"""
    if (n := len(args)) > 1:
        first, *rest = args
    f"{first!r:>{n}} {rest[0]}"
    x[..., None] += y[:, ::2, ...]
    x[:] = y[()] = {**more}
    total: float = sum(a * b for a in x for b in y if a)
    a = b = [[*x, *y] for _ in range(n)]
    (a), (b, [c, d]) = 1, (2, [3, 4])
    match x:
        case [1, *others] if others:
            dW += others[t]
        case {"a": {"b": inner}} | Net(a=inner):
            dW -= inner
    try:
        del x[t], y
    except* ValueError as error:
        raise error from None
    else:
        global dW
    async def g():
        async with x as y, z:
            await y
        async for t in y:
            dW += yield t
        return [one async for one in y]
    with open(x) as (a, b):
        for t, in zip(x):
            dW[t], db[0][-1] = dW[t] + 1, -db[0][-1]
        else:
            while not x or y <= z != 3 in w:
                x @= y; z //= 2; w **= -0.5
                continue
    for self.t in range(3): h[self.t] = self.t
    for k in range(len(x)): del x[k - 1]
    return (yield from x), not y, -1, 1j, b"", None, ..., x if y else (lambda *, z=1: z)(**more)
'''


def test_what_is_scaled_in_the_loop_is_assigned_in_it():
    """carry *= z is no carry that only piles up, and a weight is none at all."""
    sentences = {edit.sentence for edit in edits_of(function("carry *= z[t]\ncarry += dh\nda = carry @ W_z"))[1]}
    assert not any("carry is never assigned" in one or "W_z is never" in one for one in sentences)


def test_what_the_step_after_kept(program):
    """A carry kept by steps, and read nowhere: that of the step after is material nevertheless."""
    kept = ROWS.replace("carry = np.zeros_like(h0)", "das = np.zeros((T + 1, *h0.shape))")
    kept = kept.replace("e[t] @ V.T + carry", "e[t] @ V.T").replace("carry = da @ R.T", "das[t] = da")
    sentences = {edit.sentence for edit in program(kept).edits()}
    assert "das[t + 1] @ R.T was left out" in sentences


def test_odd_syntax_is_no_error():
    definition, edits = edits_of(ODD)
    assert len(edits) > 50
    for edit in edits:
        with applied([edit]):
            ast.unparse(definition.statement)


def test_very_long_expressions_are_no_error():
    name = "x[t]"
    long = " + ".join([name] * 30)
    deep = name
    for _ in range(20):
        deep = f"g({deep} * (1 - {name}))"
    for line in (f"dW += {long}", f"dW = {deep}", f"dW = {name}{'.T' * 80}"):
        _, edits = edits_of(function(line))
        assert edits


@pytest.mark.parametrize("path", ["diagnosis.py", "gradient_check.py", "repair/search.py", "presentation/text.py"])
def test_no_template_raises_on_a_whole_file(path):
    """Nothing of it ran, so no shape is known."""
    text = (Path(oracle.__file__).parent / path).read_text()
    tree = ast.parse(text)
    for statement in [one for one in ast.walk(tree) if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))]:
        before = ast.dump(statement)
        definition = definition_of(text, statement.name)
        nothing = {definition: Material()}
        edits = candidates([definition], nothing, {}, frozenset(), {}, {definition: frozenset()}, frozenset())
        assert len({id(edit) for edit in edits}) == len(edits)
        assert ast.dump(definition.statement) == before or definition.statement.lineno != statement.lineno


def test_the_lines_of_the_forward_pass_are_left_alone():
    text = function("dW += x[t].T @ da\ndh = dy @ V.T")
    definition = definition_of(text)
    for edit in candidates(
        [definition],
        {definition: Material()},
        {},
        frozenset({("rnn.py", 4)}),
        {},
        {definition: frozenset()},
        frozenset(),
    ):
        assert edit.statement.lineno != 4


def test_what_did_not_run_is_left_alone():
    definition = definition_of(function("dW += x[t].T @ da\ndh = dy @ V.T"))
    del definition.lines[4]
    found = candidates(
        [definition], {definition: Material()}, {}, frozenset(), {}, {definition: frozenset()}, frozenset()
    )
    assert {edit.line for edit in found} & {5}
    assert not {edit.line for edit in found} & {4}


def test_of_two_ways_to_the_same_line_the_likelier_counts():
    """Without the factor it is a name of the same shape as well: that is the rarer mistake."""
    definition, edits = edits_of(function("da = dh * (1 - h[t] ** 2)"))
    for edit in edits:
        with applied([edit]):
            if "da = dh\n" in ast.unparse(definition.statement):
                assert (edit.kind, edit.cost) == ("activation derivative", 2.0)


def test_the_likeliest_come_first():
    definition = definition_of(function("dW = x[t].T @ da\ndh = dy @ V.T"))
    loop = definition.statement.body[1]
    nothing = {definition: Material()}, {}, frozenset()
    rest = {definition: frozenset()}, frozenset()
    costs = [edit.cost for edit in candidates([definition], *nothing, {}, *rest)]
    assert costs == sorted(costs)
    (first, *_) = candidates([definition], *nothing, {loop.body[1]: 0.1}, *rest)
    assert first.line == loop.body[1].lineno
