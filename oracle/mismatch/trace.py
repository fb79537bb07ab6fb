"""Follows the shapes of variables line by line, in the user's frames only, and notes where one becomes odd."""

from __future__ import annotations

import dis
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from types import CodeType, FrameType

import numpy as np

from oracle.frames import is_users, tracing
from oracle.mismatch.record import Departure, Record
from oracle.mismatch.watched import Watched

MOST_LINES = 50_000  # that are followed; then the run goes on unseen
MOST_ENTRIES = 40  # of a dict that is looked at
LINES_A_LOOK = 200  # at the clock
DELTA = re.compile(
    r"(?:grad(?:ient)?_?(?:of_?)?|delta_?|dL_?d?|dJ_?d?|dE_?d?|d_?|g_)(?P<of>\w+)|(?P<of_too>\w+?)_?(?:grad|gradient|delta)s?"
)

GRADIENTS = ("grads", "grad", "gradients", "g", "d", "dparams", "dp", "deltas", "out")  # dicts of them are called so
BY_A_LOOP = "for"  # in place of an object: the loop itself binds it
MOST_SHAPES = 50  # of one variable that are kept
ENTRIES = "[]"  # in place of an object: something was stored into a dict or array
CARRY = re.compile(r"next|prev|carry|carried|future", re.IGNORECASE)
NO_GRADIENTS = ("delta", "deltas", "data", "dict", "dtype", "diff", "dim", "dims", "done", "dot", "doc", "dt", "depth")


class Abandoned(BaseException):
    """The explanation run takes too long."""


def gradient_of(name: str) -> str | None:
    """'dW_hh', 'grad_W_hh', 'W_hh_grad' -> 'W_hh'; None for what is no gradient by its name."""
    match = None if name in NO_GRADIENTS else DELTA.fullmatch(name)
    return match and (match["of"] or match["of_too"])


def same_name(first: str, second: str) -> bool:
    """Whether two names are one but for underscores and capitals."""
    return first.replace("_", "").lower() == second.replace("_", "").lower()


def is_of_gradients(name: str) -> bool:
    """Whether a dict of this name holds gradients by the names of what they are gradients of."""
    return name in GRADIENTS or "grad" in name


@lru_cache(maxsize=512)
def _plan(code: CodeType) -> tuple[dict[int, list[tuple[str, str, int]]], list[tuple[int, int]]]:
    """Line -> (object or "", name, offset) of what is assigned there; and the loops as ranges of offsets."""
    stores: dict[int, list[tuple[str, str, int]]] = {}
    loops = []
    previous = None
    counting = 0  # names that a loop itself binds: they are meant to change
    for one in dis.get_instructions(code):
        if one.opname == "FOR_ITER":
            counting = 1
        elif counting and one.opname == "UNPACK_SEQUENCE":
            counting += one.argval - 1
        elif counting and one.opname.startswith("STORE_"):
            counting -= 1
            if one.positions and one.positions.lineno and isinstance(one.argval, str):
                stores.setdefault(one.positions.lineno, []).append((BY_A_LOOP, one.argval, one.offset))
            continue
        elif one.opname != "CACHE":
            counting = 0
        line = one.positions.lineno if one.positions else None
        if one.opname.startswith("JUMP_BACKWARD"):
            loops.append((one.argval, one.offset))
        elif line is not None:
            if one.opname.startswith(("STORE_FAST", "STORE_NAME", "STORE_DEREF", "STORE_GLOBAL")):
                names = one.argval if isinstance(one.argval, tuple) else (one.argval,)
                stores.setdefault(line, []).extend(("", name, one.offset) for name in names)
            elif one.opname == "STORE_SUBSCR":
                stores.setdefault(line, []).append((ENTRIES, "", one.offset))
            elif one.opname == "STORE_ATTR" and previous is not None and previous.opname.startswith("LOAD_FAST"):
                holder = previous.argval[-1] if isinstance(previous.argval, tuple) else previous.argval
                stores.setdefault(line, []).append((holder, one.argval, one.offset))
        if one.opname != "CACHE":
            previous = one
    return stores, loops


class _Frame:
    """What is followed in one frame."""

    def __init__(self, tracer: _Tracer, frame: FrameType) -> None:
        self.tracer, self.line = tracer, 0
        self.stores, self.loops = _plan(frame.f_code)
        self.last: dict[tuple[str, str], tuple[tuple[int, ...], int, int]] = {}
        self.entries: dict[tuple[str, str], object] = {}
        self.shapes = tracer.record.shapes[id(frame)] = {}
        for name in frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount]:
            self.has(name, frame.f_locals.get(name), frame.f_code.co_firstlineno)

    def has(self, text: str, value: object, line: int) -> None:
        """Keep the shape that a variable has from a line on."""
        if isinstance(value, np.ndarray) and value.ndim:
            had = self.shapes.setdefault(text, [])
            if len(had) < MOST_SHAPES and (not had or had[-1][0] != value.shape):
                had.append((value.shape, line))

    def __call__(self, frame: FrameType, event: str, _: object) -> Callable | None:
        tracer = self.tracer
        tracer.lines += 1
        tracer.record.lines = tracer.lines
        if tracer.lines > MOST_LINES:
            return None
        if tracer.lines % LINES_A_LOOK == 0 and time.monotonic() > tracer.deadline:
            raise Abandoned
        if self.line in self.stores and event in ("line", "return"):
            names = frame.f_locals
            for holder, name, offset in self.stores[self.line]:
                if holder == ENTRIES:
                    self.stored(frame, names)
                elif holder == BY_A_LOOP:
                    self.has(name, names.get(name), self.line)
                else:
                    self.assigned(frame, names, holder, name, offset)
        self.line = frame.f_lineno
        return self

    def assigned(self, frame: FrameType, names: dict, holder: str, name: str, offset: int) -> None:
        around = getattr(names.get(holder), "__dict__", {}) if holder else names
        value = around.get(name)
        if not isinstance(value, np.ndarray) or value.ndim == 0:
            return
        before = self.last.get((holder, name))
        self.last[holder, name] = value.shape, offset, self.line
        self.has(f"{holder}.{name}" if holder else name, value, self.line)
        if not isinstance(value, Watched) or value.departure is not None:
            return
        text = f"{holder}.{name}" if holder else name
        if before is not None and self._carried(before[1], offset) and _turned(before[0], value.shape, name):
            value.departure = self._departure(frame, "changed", before[0], value.shape, (text,), before[2])
        elif base := gradient_of(name):
            speaks_of = next((other for other in around if same_name(other, base)), None)
            other = around.get(speaks_of) if speaks_of else None
            if isinstance(other, np.ndarray) and _odd(value.shape, other.shape):
                about = text, f"{holder}.{speaks_of}" if holder else speaks_of
                value.departure = self._departure(frame, "expected", other.shape, value.shape, about)
            elif other is None:
                axis = next((axis for axis in self.tracer.sizes if same_name(axis, base)), None)
                if axis is not None and self.tracer.sizes[axis] not in value.shape:
                    value.departure = self._departure(frame, "expected", (), value.shape, (text, axis))

    def stored(self, frame: FrameType, names: dict) -> None:
        """Look at the dicts of gradients for what is new in them."""
        around = {**names, **{f"self.{name}": one for name, one in getattr(names.get("self"), "__dict__", {}).items()}}
        for text, holder in around.items():
            if type(holder) is not dict or len(holder) > MOST_ENTRIES:
                continue
            for key, value in holder.items():
                if type(value) is not Watched or type(key) is not str or self.entries.get((text, key)) is value:
                    continue
                self.entries[text, key] = value
                base = key if is_of_gradients(text.rpartition(".")[2]) else gradient_of(key)
                name = base and next((one for one in self.tracer.shapes if same_name(one, base)), None)
                if name and value.departure is None and _odd(value.shape, self.tracer.shapes[name]):
                    about = f'{text}["{key}"]', name
                    value.departure = self._departure(frame, "expected", self.tracer.shapes[name], value.shape, about)

    def _departure(
        self,
        frame: FrameType,
        kind: str,
        before: tuple[int, ...],  # empty where it is not known
        shape: tuple[int, ...],
        about: tuple[str, ...],
        since: int = 0,
    ) -> Departure:
        found = self.tracer.record.departed(kind, "", (before,) if before else (), shape, frame)
        return replace(found, line=self.line, about=about, since=since)

    def _carried(self, before: int, now: int) -> bool:
        """Whether the later assignment is in a loop that the earlier is not in, or they are the same."""
        if before == now:
            return True
        return any(start <= now <= end and not start <= before <= end for start, end in self.loops)


def _turned(before: tuple[int, ...], now: tuple[int, ...], name: str) -> bool:
    """Whether a shape changed as it should not: layers may have other sizes, and what is carried may not."""
    if before == now:
        return False
    return bool(CARRY.search(name)) or {size for size in now if size > 1} <= {size for size in before if size > 1}


def _odd(shape: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Whether a shape is neither the expected one nor that of one step of it, nor of several."""
    return shape not in (expected, expected[1:]) and shape[1:] != expected and len(shape) <= len(expected)


class _Tracer:
    def __init__(self, record: Record, seconds: float, sizes: Mapping[str, int], shapes: Mapping[str, tuple]) -> None:
        self.record, self.sizes, self.shapes = record, sizes, shapes
        self.lines, self.deadline = 0, time.monotonic() + seconds

    def __call__(self, frame: FrameType, event: str, _: object) -> Callable | None:
        return _Frame(self, frame) if event == "call" and is_users(frame.f_code.co_filename) else None


@contextmanager
def following(
    record: Record, seconds: float, sizes: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[None]:
    """User code that runs inside is followed; raises Abandoned in it after so many seconds.

    sizes    by name
    shapes   of the parameters
    """
    with tracing(_Tracer(record, seconds, sizes, shapes)):
        yield
