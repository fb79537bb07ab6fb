"""A report, and a diagnosis, as plain data: dicts, lists, numbers, texts and arrays, and back again.

What comes from the child process comes as this, and what `--json` prints is this with the arrays written out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from oracle.differences import Derivative, Witness
from oracle.finding import Finding
from oracle.gradient_check import FunctionReport, Shrunk
from oracle.verdict import WRONG, Verdict

if TYPE_CHECKING:
    from oracle.diagnosis import Diagnosis

TYPES: Mapping[str, type] = MappingProxyType(
    {kind.__name__: kind for kind in (Derivative, Finding, FunctionReport, Shrunk, Verdict, Witness)}
)
OF_DIAGNOSIS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("Diagnosis", "Where"), "oracle.diagnosis")
    | dict.fromkeys(("Norms", "Series"), "oracle.norms")
    | {"Coefficients": "oracle.annotation.coefficients", "Listed": "oracle.annotation.annotation"}
    | {"Asked": "oracle.child"}
    | dict.fromkeys(("Mistake", "Reading"), "oracle.hypotheses.reading")
    | dict.fromkeys(("Change", "Repair"), "oracle.repair.repair")
)
"""Types by name -> their modules, which are imported when one comes: only what is wrong needs them."""


def to_data(value: object) -> object:
    """Dataclasses as dicts that name their type; arrays stay; anything else that is no plain data as its repr."""
    if is_dataclass(value) and type(value).__name__ in (TYPES.keys() | OF_DIAGNOSIS.keys()):
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
        kind = _kind(data["type"])
        if kind is None or {field.name for field in fields(kind)} != values.keys():
            raise ValueError(f"this is no report: it holds a {data['type']!r} with {', '.join(values)}")
        return kind(**values)
    return tuple(from_data(one) for one in data) if isinstance(data, (list, tuple)) else data


def _kind(name: object) -> type | None:
    if not isinstance(name, str):
        return None
    return getattr(import_module(OF_DIAGNOSIS[name]), name) if name in OF_DIAGNOSIS else TYPES.get(name)


def to_json(report: FunctionReport, diagnosis: Diagnosis | None = None) -> dict[str, object]:
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
            "diagnosis": _untyped(to_data(diagnosis)),
        }
    )


def _untyped(data: object) -> object:
    """Without the names of our types, and without whole files: the diff says what changes in them."""
    if isinstance(data, dict):
        return {name: _untyped(one) for name, one in data.items() if name not in ("type", "patched")}
    return [_untyped(one) for one in data] if isinstance(data, list) else data


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
