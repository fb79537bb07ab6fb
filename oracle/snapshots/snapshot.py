"""What is kept of verified gradients, and the npz file that it is kept in.

The file holds a header, JSON as bytes, and the arrays by number, so that no name of a parameter becomes the name of a
member of the archive. It is written and read without pickle. The header carries a SHA-256 of all the rest: it tells
of a file that was damaged, merged or edited by hand; it is no signature, and keeps out nobody who means to deceive.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

FORMAT = 1
MOST_BYTES = 256_000_000  # of a whole snapshot, unpacked


class Unreadable(ValueError):
    """Why a file cannot be used as a snapshot, in words that go on from its name."""


@dataclass(frozen=True)
class RecordedGradient:
    """One verified gradient.

    gradient    as the code gave it
    noise       the rounding noise measured for it, in its own units
    tolerance   how far two correct runs may be apart, in the same units
    """

    gradient: np.ndarray
    noise: float
    tolerance: float


@dataclass(frozen=True)
class RecordedCase:
    """One case; sizes, parameters, calls and draws as in `Measured`."""

    case: str
    sizes: Mapping[str, int]
    parameters: str
    calls: str
    draws: str
    loss: float
    loss_noise: float
    loss_tolerance: float
    gradients: Mapping[str, RecordedGradient]


@dataclass(frozen=True)
class Snapshot:
    """The verified gradients of one piece of code.

    declared   what is known of it before it runs, plain data: shapes, dtype, seed, cases
    source     digest of its own lines
    versions   of Python, NumPy, torch and bptt-oracle when it was recorded
    oracle     what agreed with it, in words
    """

    declared: Mapping[str, object]
    source: str
    versions: Mapping[str, str]
    oracle: str
    cases: tuple[RecordedCase, ...]


def to_bytes(snapshot: Snapshot) -> bytes:
    """The npz file. The same snapshot gives the same bytes wherever zlib does."""
    arrays: list[np.ndarray] = []
    cases = []
    for case in snapshot.cases:
        names = {}
        for name, one in case.gradients.items():
            names[name] = {"array": len(arrays), "noise": one.noise, "tolerance": one.tolerance}
            arrays.append(np.ascontiguousarray(one.gradient).reshape(one.gradient.shape))
        kept = {field.name: getattr(case, field.name) for field in fields(case)}
        cases.append({**kept, "sizes": dict(case.sizes), "gradients": names})
    content = {
        "declared": dict(snapshot.declared),
        "source": snapshot.source,
        "versions": dict(snapshot.versions),
        "oracle": snapshot.oracle,
        "cases": cases,
    }
    header = {"format": FORMAT, "sha256": _sha256(content, arrays), "content": content}
    members = {f"array{number}": array for number, array in enumerate(arrays)}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, header=_encoded(header), **members)
    return file.getvalue()


def from_bytes(data: bytes) -> Snapshot:
    """The inverse of `to_bytes`. Raises Unreadable, which says what is amiss, for anything that it did not make."""
    if data.startswith(b"version https://git-lfs"):
        raise Unreadable("is a pointer of Git LFS and not the file itself: git lfs pull")
    try:
        if not data.startswith(b"PK"):  # of one array alone np.load makes something else
            raise ValueError("it is no npz archive")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MOST_BYTES:
            raise ValueError(f"it unpacks to {unpacked:,} bytes")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            header = json.loads(bytes(file["header"]))
            arrays = [file[f"array{number}"] for number in range(len(file.files) - 1)]
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, ValueError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise Unreadable(f"is no whole snapshot: {reason}; it was cut short, or is something else") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else None
        raise Unreadable(f"has format {found!r:.40}, and this version of bptt-oracle reads format {FORMAT}")
    if header.get("sha256") != _sha256(header.get("content"), arrays):
        raise Unreadable("does not hold what was recorded: its content does not have the SHA-256 that it names")
    try:
        return _snapshot(header["content"], arrays)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"is no whole snapshot: its content is not what is recorded ({error!r:.100})") from error


def _snapshot(content: Mapping[str, object], arrays: Sequence[np.ndarray]) -> Snapshot:
    cases = [
        RecordedCase(
            **{
                **case,
                "gradients": {
                    name: RecordedGradient(arrays[one["array"]], one["noise"], one["tolerance"])
                    for name, one in case["gradients"].items()
                },
            }
        )
        for case in content["cases"]
    ]
    return Snapshot(**{**content, "cases": tuple(cases)})


def _encoded(header: object) -> np.ndarray:
    return np.frombuffer(json.dumps(header, sort_keys=True).encode(), np.uint8)


def _sha256(content: object, arrays: Sequence[np.ndarray]) -> str:
    found = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()
