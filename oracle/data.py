"""A report as plain data: dicts, lists, numbers, texts and arrays, and back again.

What comes from the child process comes as this, and what `--json` prints is this with the arrays written out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType

import numpy as np

from oracle.differences import Derivative, Witness
from oracle.finding import Finding
from oracle.gradient_check import FunctionReport, Shrunk
from oracle.verdict import WRONG, Verdict

TYPES: Mapping[str, type] = MappingProxyType(
    {kind.__name__: kind for kind in (Derivative, Finding, FunctionReport, Shrunk, Verdict, Witness)}
)


def to_data(value: object) -> object:
    """Dataclasses as dicts that name their type; arrays stay; anything else that is no plain data as its repr."""
    if is_dataclass(value) and type(value).__name__ in TYPES:
        return {"type": type(value).__name__} | {
            field.name: to_data(getattr(value, field.name)) for field in fields(value)
        }
    if isinstance(value, Mapping):
        return {str(name): to_data(one) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_data(one) for one in value]
    if value is None or isinstance(value, (bool, int, float, str, np.ndarray)):
        return value
    return value.item() if isinstance(value, np.generic) else repr(value)


def from_data(data: object) -> object:
    """The inverse of `to_data`; lists come back as tuples. Raises ValueError for data that `to_data` did not make."""
    if isinstance(data, dict):
        values = {name: from_data(one) for name, one in data.items() if name != "type"}
        if "type" not in data:
            return values
        kind = TYPES.get(data["type"]) if isinstance(data["type"], str) else None
        if kind is None or {field.name for field in fields(kind)} != values.keys():
            raise ValueError(f"this is no report: it holds a {data['type']!r} with {', '.join(values)}")
        return kind(**values)
    return tuple(from_data(one) for one in data) if isinstance(data, (list, tuple)) else data


def to_json(report: FunctionReport) -> dict[str, object]:
    """The whole report for `--json`: what it says in numbers, with arrays as nested lists; NaN and inf are strings."""
    return _written_out(
        {
            "function": report.name,
            "file": report.filename,
            "line": report.line,
            "outcome": report.outcome,
            "cases": [_case(finding) for finding in report.findings],
            "smallest": None
            if report.shrunk is None
            else {"sizes": report.shrunk.sizes, "parameter": report.shrunk.parameter, "says": report.shrunk.says},
        }
    )


def _case(finding: Finding) -> dict[str, object]:
    witness = finding.witness
    return {
        "sizes": finding.sizes,
        "outcome": finding.outcome,
        "loss": finding.loss,
        "oracle": finding.oracle,
        "precision": finding.precision,
        "sharpness": finding.sharpness,
        "gradients": [_gradient(verdict, finding) for verdict in finding.verdicts],
        "faults": finding.faults,
        "complaints": finding.complaints,
        "notes": finding.notes,
        "witness": None
        if witness is None
        else {
            "sides_with": witness.sides_with,
            "measured": witness.measured.value,
            "error": witness.measured.error,
            "by_code": witness.by_code,
            "by_oracle": witness.by_oracle,
        },
        "not_checked": finding.not_checked,
        "explanation": finding.explanation,
        "misaligned": finding.misaligned,
    }


def _gradient(verdict: Verdict, finding: Finding) -> dict[str, object]:
    return {
        "name": verdict.name,
        "outcome": verdict.outcome,
        "error": verdict.error,
        "relative_error": verdict.relative_error,
        "rounding_noise": verdict.noise,
        "times_noise": verdict.ratio,
        "tolerance": None if verdict.tolerance is None else verdict.tolerance.max(initial=0),
        "worst": verdict.worst if verdict.comparable and verdict.outcome == WRONG else None,
        "reason": verdict.reason,
        "recognised": finding.recognised.get(verdict.name, ""),
        "gradient": verdict.gradient,
        "oracle": verdict.oracle,
    }


def _written_out(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _written_out(one) for name, one in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _written_out(value.tolist())
    if isinstance(value, (tuple, list)):
        return [_written_out(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)
