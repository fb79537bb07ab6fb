"""Every operator on small sources: all that it makes of each, and what it leaves alone."""

from __future__ import annotations

import pytest
from cosmic_ray.ast import ast_nodes, get_ast

from mutants.operators import OPERATORS
from mutants.sources import replacements, splice

LOOP = "def f(h, n):\n    for t in range(n):\n        "


def mutated(operator: str, source: str) -> list[str]:
    nodes = ast_nodes(get_ast(source))
    return [splice(source, node, text) for node in nodes for text in replacements(node, OPERATORS[operator])]


@pytest.mark.parametrize(
    "operator, before, after",
    [
        # layout
        ("drop_transpose", "d @ W.T", ["d @ W"]),
        ("drop_transpose", "flat(x).T @ cache.W.T", ["flat(x) @ cache.W.T", "flat(x).T @ cache.W"]),
        ("drop_transpose", "x @ W", []),
        ("add_transpose", "x @ W", ["x.T @ W", "x @ W.T"]),
        ("add_transpose", "x.T @ d", ["x.T @ d.T"]),
        ("add_transpose", "(r * h) @ W", ["(r * h).T @ W", "(r * h) @ W.T"]),
        ("add_transpose", "a * b", []),
        ("add_transpose", "np.dot(h[t], W, out=a)", ["np.dot(h[t].T, W, out=a)", "np.dot(h[t], W.T, out=a)"]),
        ("swap_operands", "x @ W", ["W @ x"]),
        ("swap_operands", "y - target", ["target - y"]),
        ("swap_operands", "a / b", ["b / a"]),
        ("swap_operands", "a * b + c", []),
        ("swap_operands", "np.dot(h, W, out=a)", ["np.dot(W, h, out=a)"]),
        ("swap_operands", "np.subtract(h, n)", ["np.subtract(n, h)"]),
        ("exchange_product", "h @ W", ["h * W"]),
        ("exchange_product", "dh * z", ["dh @ z"]),
        ("exchange_product", "2 * hidden", []),
        ("exchange_product", "np.dot(h, W, out=a)", ["np.multiply(h, W, out=a)"]),
        ("exchange_product", "np.multiply(a, b)", ["np.dot(a, b)"]),
        # time and axes
        ("shift_index", LOOP + "a(h[t])", [LOOP + "a(h[t - 1])", LOOP + "a(h[t + 1])"]),
        ("shift_index", LOOP + "a(h[t, :])", [LOOP + "a(h[t - 1, :])", LOOP + "a(h[t + 1, :])"]),
        ("shift_index", LOOP + "a(h[name], t)", []),
        ("shift_index", "def f(p):\n    for name in p:\n        a(p[name])", []),
        ("shift_index", "x[start:]", ["x[start - 1:]", "x[start + 1:]"]),
        ("exchange_slice", "h[1:]", ["h[:]", "h[:-1]"]),
        ("exchange_slice", "h[:-1]", ["h[:]", "h[1:]"]),
        ("exchange_slice", "h[:k]", ["h[:]", "h[k:]"]),
        ("exchange_slice", "h[start:stop]", ["h[:stop]", "h[start:]"]),
        ("exchange_slice", "h[::-1]", ["h[:]"]),
        ("exchange_slice", "h[:]", []),
        ("change_axis", "d.sum(axis=0)", ["d.sum(axis=1)"]),
        ("change_axis", "d.sum(axis=-1)", ["d.sum(axis=0)"]),
        ("change_axis", "d.sum(axis=(0, 1))", ["d.sum(axis=0)", "d.sum(axis=1)"]),
        ("reverse_loop", "for t in reversed(range(n)): pass", ["for t in range(n): pass"]),
        ("reverse_loop", "for t in range(n): pass", ["for t in reversed(range(n)): pass"]),
        ("shorten_loop", "range(n)", ["range(n - 1)", "range(1, n)"]),
        ("shorten_loop", "range(0, n, k)", ["range(0, n)"]),
        # accumulation, terms, factors, signs
        ("change_assignment", "dW += g", ["dW = g", "dW -= g"]),
        ("change_assignment", "d *= slope", ["d = slope", "d += slope", "d /= slope"]),
        ("change_assignment", "d[t] = dh", ["d[t] += dh"]),
        ("change_assignment", LOOP + "h = g(h)", [LOOP + "h += g(h)"]),
        ("change_assignment", LOOP + "dh = g(h)", []),
        ("change_assignment", "carry = h", []),
        ("change_assignment", 'g["x"] = h', []),
        ("drop_term", "a + b", ["b", "a"]),
        ("drop_term", "a - b + c", ["- b + c", "a + c", "a - b"]),
        ("drop_term", "np.add(a, b, out=q)", ["np.add(0, b, out=q)", "np.add(a, 0, out=q)"]),
        ("drop_factor", "dh * (1 - z)", ["(1 - z)", "dh"]),
        ("drop_factor", "h @ W.T", ["W.T", "h"]),
        ("drop_factor", "a / b * c", ["a * c", "a / b"]),
        ("drop_factor", "h**2", ["h"]),
        ("drop_factor", "np.multiply(a, b, out=d)", ["np.multiply(1, b, out=d)", "np.multiply(a, 1, out=d)"]),
        ("flip_sign", "a + b - c", ["a - b - c", "a + b + c"]),
        ("flip_sign", "a * b / c", ["a / b / c", "a * b * c"]),
        ("flip_sign", "np.add(a, b)", ["np.subtract(a, b)"]),
        ("flip_sign", "np.subtract(a, b)", ["np.add(a, b)"]),
        # the wrong thing in the right place
        (
            "take_sibling",
            "def f(gates):\n    r, z, n = split(gates)\n    return r(n=z)",
            [
                "def f(gates):\n    r, z, n = split(gates)\n    return z(n=z)",
                "def f(gates):\n    r, z, n = split(gates)\n    return r(n=n)",
            ],
        ),
        ("take_sibling", "def f(x):\n    a, _ = x\n    a.b", []),
        ("take_similar_function", "tanh_slope(h)", ["sigmoid_slope(h)"]),
        ("take_similar_function", "phi.function(h)", ["phi.slope(h)"]),
        ("take_similar_function", "a.max(axis=-1)", ["a.min(axis=-1)"]),
        ("take_similar_function", "np.log1p(np.exp(a))", ["np.log(np.exp(a))", "np.log1p(np.expm1(a))"]),
        ("take_similar_function", "read = _reverse", ["read = _forward"]),
        ("drop_call", "d_h_n.copy()", ["d_h_n"]),
        ("drop_call", "(d @ W).reshape(x.shape)", ["(d @ W)"]),
        ("drop_call", "sigmoid_slope(o[t])", ["o[t]"]),
        ("drop_call", "sigmoid(a, out=a)", []),
        ("drop_argument", "np.tanh(c, out=d[t])", ["np.tanh(c)"]),
        ("drop_argument", "d.sum(axis=0)", ["d.sum()"]),
        ("drop_argument", "np.empty((n, 2), x.dtype)", ["np.empty((n, 2))"]),
        ("drop_argument", "x.astype(y.dtype)", []),
        ("delete_statement", "def f(a):\n    a += 1", ["def f(a):\n    pass"]),
        ("delete_statement", "def f(a):\n    a = g(a)", ["def f(a):\n    pass"]),
        ("delete_statement", "def f(a):\n    b = g(a)", []),
        ("delete_statement", "def f(a):\n    b = 1\n    b = g(a)", ["def f(a):\n    b = 1\n    pass"]),
        ("delete_statement", "if wrong: raise ValueError(wrong)", ["if wrong: pass"]),
        ("delete_statement", "hold(h, before)\n", ["pass\n"]),
        # of cosmic-ray's own, one that changes a node in place
        ("NumberReplacer", "x[0]", ["x[1]", "x[-1]"]),
    ],
)
def test_every_mutant(operator, before, after):
    assert mutated(operator, before) == after


def test_what_stands_around_the_change_stays():
    before = "a = (  # a sum\n    b  # first\n    + c\n)\n"
    assert mutated("drop_term", before) == [
        "a = (  # a sum\n    c\n)\n",
        "a = (  # a sum\n    b\n)\n",
    ]


def test_ours_say_what_they_do():
    for name, operator in OPERATORS.items():
        if hasattr(operator, "alternatives"):
            assert "->" in operator.alternatives.__doc__, name
