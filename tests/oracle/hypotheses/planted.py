"""Small right programs, and mistakes planted in them by replacing text: (program, old, new, kind)."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oracle.gradient_check import functions_in, subject_at
from oracle.hypotheses import Reading, explained
from oracle.kinds import (
    ACCUMULATION,
    BIAS_SUM,
    BRANCH,
    CARRY,
    DERIVATIVE,
    FACTOR,
    INJECTION,
    LAYOUT,
    OPERAND,
    OUTPUT_DELTA,
    SIGN,
    STATE,
    TIME_INDEX,
    TRANSPOSED,
    UPDATE,
)
from oracle.oracles import by_lifting
from oracle.sizes import points
from oracle.subject import Subject, call

PROGRAMS = Path(__file__).parent / "programs"
RIGHT = ("elman_rows", "elman_columns", "lstm_stacked", "lstm_gates", "gru_before", "gru_after", "embedding")
ROUNDING = 1e-13
PATIENT = 10.0  # seconds: what is named should not depend on how busy the machine is


@dataclass(frozen=True)
class Planted:
    """One mistake: `old`, which occurs once in the program's text, is replaced by `new`."""

    program: str
    old: str
    new: str
    kind: str

    def __str__(self) -> str:
        return f"{self.program}: {self.old} -> {self.new}"

    def source(self) -> str:
        text = source_of(self.program)
        if text.count(self.old) != 1:
            raise ValueError(f"{self}: the text occurs {text.count(self.old)} times, but should occur once")
        return text.replace(self.old, self.new)


def source_of(program: str) -> str:
    return (PROGRAMS / f"{program}.py").read_text()


def case(source: str, at: int = 0, **sizes: int) -> tuple[Subject, dict, dict]:
    """The subject of a source at one of the usual sizes, but for those given; its code's gradients, and tolerances."""
    with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as file:
        file.write(source)
    (function,) = functions_in(file.name).values()
    subject, _ = subject_at(function, points(function.shapes)[at].with_sizes(**sizes))
    given = {name: np.asarray(g, np.float64) for name, g in call(subject, subject.parameters)[0].gradients.items()}
    right = by_lifting(subject)[0].gradients
    return subject, given, {name: ROUNDING * float(np.abs(right[name]).max()) for name in given}


def read(source: str) -> tuple[Reading, ...]:
    return explained(*case(source), seconds=PATIENT).readings


ELMAN_ROWS = [
    ("da @ p.Whh.T", "da @ p.Whh", TRANSPOSED),
    ("da = dh * (1 - h[t + 1] ** 2)", "da = dh", DERIVATIVE),
    ("(1 - h[t + 1] ** 2)", "(1 - a[t] ** 2)", DERIVATIVE),
    ("(1 - h[t + 1] ** 2)", "(1 - h[t] ** 2)", DERIVATIVE),
    ("(1 - h[t + 1] ** 2)", "(1 - h[t + 1] ** 2) ** 2", DERIVATIVE),
    ("(1 - h[t + 1] ** 2)", "(1 - np.tanh(h[t + 1]) ** 2)", DERIVATIVE),
    ("(1 - h[t + 1] ** 2)", "h[t + 1]", DERIVATIVE),
    ("(1 - h[t + 1] ** 2)", "h[t + 1] * (1 - h[t + 1])", DERIVATIVE),
    ("dWhh += h[t].T", "dWhh += h[t + 1].T", TIME_INDEX),
    ("dWhh += h[t].T", "dWhh += h[t - 1].T", TIME_INDEX),
    ("dWhh += h[t].T", "dWhh += (t > 0) * h[t].T", TIME_INDEX),
    ("dWhh += h[t].T", "dWhh += h[0].T", TIME_INDEX),
    ("dWhy += h[t + 1].T", "dWhy += h[t].T", TIME_INDEX),
    ("dWxh += x[t].T", "dWxh += x[t - 1].T", TIME_INDEX),
    ("+ carry\n", "\n", CARRY),
    ("carry = da @ p.Whh.T", "carry = da", CARRY),
    ("carry = da @ p.Whh.T", "carry = dh @ p.Whh.T", CARRY),
    ("carry = da @ p.Whh.T", "carry += da @ p.Whh.T", CARRY),
    ("carry = da @ p.Whh.T", "carry = (t != 2) * da @ p.Whh.T", CARRY),
    ("for t in reversed(range(T)):", "for t in range(T):", CARRY),
    ("+ carry\n", "- carry\n", SIGN),
    ("dy = y[t] - target[t]", "dy = target[t] - y[t]", SIGN),
    ("dWxh += x", "dWxh -= x", SIGN),
    ("dy = y[t] - target[t]", "dy = 2 * (y[t] - target[t])", FACTOR),
    ("dy = y[t] - target[t]", "dy = (y[t] - target[t]) / sizes.batch", FACTOR),
    ("h[t].T @ da", "h[t].T @ da / sizes.batch", FACTOR),
    ("Whh=dWhh", "Whh=dWhh + 0.01 * p.Whh", FACTOR),
    ("dWxh += x", "dWxh = x", ACCUMULATION),
    ("dbh += da", "dbh = da", ACCUMULATION),
    ("reversed(range(T))", "reversed(range(T - 1))", ACCUMULATION),
    ("reversed(range(T))", "reversed(range(1, T))", ACCUMULATION),
    ("dby += dy.sum(axis=0)", "pass", ACCUMULATION),
    ("h[t].T @ da", "da.T @ h[t]", LAYOUT),
    ("x[t].T @ da", "x[t].reshape(-1, sizes.batch) @ da", LAYOUT),
    ("dy @ p.Why.T", "dy @ p.Why.reshape(p.Why.shape[::-1])", LAYOUT),
    ("x[t].T @ da", "np.outer(x[t].sum(axis=0), da.sum(axis=0))", LAYOUT),
    ("da.sum(axis=0)", "da.mean(axis=0)", BIAS_SUM),
    ("dy.sum(axis=0)", "dy.sum()", BIAS_SUM),
    ("da.sum(axis=0)", "da[0]", BIAS_SUM),
    ("dy = y[t] - target[t]", "dy = (y[t] - target[t]) * (1 - y[t] ** 2)", OUTPUT_DELTA),
    ("dy = y[t] - target[t]", "dy = y[t]", OUTPUT_DELTA),
    ("dy = y[t] - target[t]", "dy = y[-1] - target[-1]", INJECTION),
    ("dh = dy @ p.Why.T + carry", "dh = dy @ p.Why.T if t == T - 1 else carry", BRANCH),
    ("x[t].T @ da", "x[t].T @ dh", OPERAND),
    ("h[t + 1].T @ dy", "a[t].T @ dy", OPERAND),
    ("dh = dy @ p.Why.T", "p.Why -= 0.1 * dWhy\n        dh = dy @ p.Why.T", UPDATE),
    ("carry = da @ p.Whh.T", "carry = np.clip(da @ p.Whh.T, -0.2, 0.2)", STATE),
]
ELMAN_COLUMNS = [
    ("p.Whh.T @ da", "p.Whh @ da", TRANSPOSED),
    ("(1 - hs[t] ** 2) * dh", "dh", DERIVATIVE),
    ("(1 - hs[t] ** 2)", "(1 - hs[t])", DERIVATIVE),
    ("(1 - hs[t] ** 2)", "(1 - hs[t - 1] ** 2)", DERIVATIVE),
    ("da @ hs[t - 1].T", "da @ hs[t].T", TIME_INDEX),
    ("dy @ hs[t].T", "dy @ hs[t - 1].T", TIME_INDEX),
    ("+ carry\n", "\n", CARRY),
    ("carry = p.Whh.T @ da", "carry = p.Whh.T @ dh", CARRY),
    ("carry = p.Whh.T @ da", "carry += p.Whh.T @ da", CARRY),
    ("dbh += da", "dbh = da", ACCUMULATION),
    ("dWhy += dy", "dWhy = dy", ACCUMULATION),
    ("da @ hs[t - 1].T", "hs[t - 1] @ da.T", LAYOUT),
    ("p.Why.T @ dy", "p.Why.reshape(p.Why.shape[::-1]) @ dy", LAYOUT),
    ("dy = ps[t].copy()", "dy = ys[t].copy()", OUTPUT_DELTA),
    ("dy[targets[t]] -= 1", "pass", OUTPUT_DELTA),
    ("dbh += da", "dbh += dh", OPERAND),
]
LSTM_STACKED = [
    ("dh_next = da @ p.U.T", "dh_next = np.zeros_like(dh)", CARRY),
    ("dc_next = dc * f", "dc_next = np.zeros_like(dc)", CARRY),
    ("dc_next = dc * f", "dc_next = dc", CARRY),
    ("(1 - tc**2)", "(1 - c**2)", DERIVATIVE),
    ("(1 - tc**2)", "(1 - np.tanh(tc) ** 2)", DERIVATIVE),
    (" * (1 - tc**2)", "", DERIVATIVE),
    ("i * (1 - g**2)", "i * g", DERIVATIVE),
    ("do = dh * tc * o * (1 - o)", "do = dh * tc", DERIVATIVE),
    ("np.hstack((di, df, dg, do))", "np.hstack((di, df, do, dg))", LAYOUT),
    ("dU += h_prev.T", "dU += cache[t - 1][0].T", TIME_INDEX),
    ("di = dc * g", "di = dc * c_prev", OPERAND),
    ("dc_next = dc * f", "dc_next = dc * i", OPERAND),
    ("dc_next = dc * f", "dc_next = dc * (1 - f)", OPERAND),
    ("dW += x", "dW = x", ACCUMULATION),
    ("db += da.sum(axis=0)", "db += da.mean(axis=0)", BIAS_SUM),
    ("(1 - tc**2) + dc_next", "(1 - tc**2) - dc_next", SIGN),
    ("upstream[t] + dh_next", "upstream[-1] + dh_next", INJECTION),
]
LSTM_GATES = [
    *((f"d{k} @ p.U{k}.T", f"d{k} @ p.U{k}", TRANSPOSED) for k in "ifgo"),
    *((f"dh_next += d{k} @ p.U{k}.T", "pass", CARRY) for k in "ifgo"),
    *((f"{k}[t] * (1 - {k}[t])", "1", DERIVATIVE) for k in "ifo"),
    *((f"{k}[t] * (1 - {k}[t])", f"sigmoid({k}[t]) * (1 - sigmoid({k}[t]))", DERIVATIVE) for k in "ifo"),
    *((f'd["W{k}"] += x[t]', f'd["W{k}"] = x[t]', ACCUMULATION) for k in "ifgo"),
    *((f'd["U{k}"] += h[t]', f'd["U{k}"] += h[t + 1]', TIME_INDEX) for k in "ifgo"),
    ('d["bf"] += df', 'd["bf"] += di', OPERAND),
    ('d["Wg"] += x[t].T @ dg', 'd["Wg"] += x[t].T @ do', OPERAND),
    ("dc * g[t] * i", "dc * i", OPERAND),
    ("dc * i[t] * (1 - g", "dc * o[t] * (1 - g", OPERAND),
    ("(1 - tc**2) + dc_next", "(1 - tc**2)", CARRY),
    ("dc_next = dc * f[t]", "dc_next += dc * f[t]", CARRY),
    ("(1 - tc**2)", "(1 - c[t] ** 2)", DERIVATIVE),
    ("dc = dh * o[t] * (1 - tc**2) + dc_next", "dc = dc_next", BRANCH),
    ("df @ p.Uf.T", "df @ p.Ui.T", OPERAND),
]
GRU = [
    *((f"d{k} @ p.U{k}.T", f"d{k} @ p.U{k}", TRANSPOSED) for k in "rz"),
    *((f"carry += d{k} @ p.U{k}.T", "pass", CARRY) for k in "rz"),
    ("carry = dh * z[t]", "carry = np.zeros_like(dh)", CARRY),
    ("carry = dh * z[t]", "carry = dh * (1 - z[t])", OPERAND),
    ("dn = dh * (1 - z[t])", "dn = dh * z[t]", OPERAND),
    (" * (1 - n[t] ** 2)", "", DERIVATIVE),
    ("* r[t] * (1 - r[t])", "", DERIVATIVE),
    ("z[t] * (1 - z[t])", "z[t]", DERIVATIVE),
    ('d["Uz"] += h[t].T', 'd["Uz"] += h[t + 1].T', TIME_INDEX),
    ('d["br"] += dr', 'd["br"] += dz', OPERAND),
    ('d["Wn"] += x', 'd["Wn"] = x', ACCUMULATION),
    ("dh * (h[t] - n[t])", "dh * (n[t] - h[t])", SIGN),
    ("dh = upstream[t] + carry", "dh = upstream[t]", CARRY),
]
GRU_BEFORE = [
    ("dn @ p.Un.T", "dn @ p.Un", TRANSPOSED),
    ("carry += dq * r[t]", "pass", CARRY),
    ("q[t].T @ dn", "h[t].T @ dn", OPERAND),
]
GRU_AFTER = [
    ("dq @ p.Un.T", "dq @ p.Un", TRANSPOSED),
    ("carry += dq @ p.Un.T", "pass", CARRY),
    ("h[t].T @ dq", "h[t].T @ dn", OPERAND),
]
EMBEDDING = [
    ("da @ p.U.T", "da @ p.U", TRANSPOSED),
    ("(1 - h[t + 1] ** 2)", "(1 - h[t + 1]) ** 2", DERIVATIVE),
    ("h[-1].T @ dy", "h[-2].T @ dy", TIME_INDEX),
    ("np.add.at(dE, words[t], da @ p.W.T)", "np.add.at(dE, words[t - 1], da @ p.W.T)", TIME_INDEX),
    ("np.add.at(dE, words[t], da @ p.W.T)", "dE[words[t]] += da @ p.W.T", ACCUMULATION),
    ("da @ p.W.T", "dh @ p.W.T", OPERAND),
]

SINGLES = [
    Planted(program, old, new, kind)
    for program, mistakes in {
        "elman_rows": ELMAN_ROWS,
        "elman_columns": ELMAN_COLUMNS,
        "lstm_stacked": LSTM_STACKED,
        "lstm_gates": LSTM_GATES,
        "gru_before": GRU + GRU_BEFORE,
        "gru_after": GRU + GRU_AFTER,
        "embedding": EMBEDDING,
    }.items()
    for old, new, kind in mistakes
]
