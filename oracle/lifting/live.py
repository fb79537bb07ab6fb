"""Lifting of live functions: their modules, closures and objects are bound to lifted NumPy, and restored."""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from oracle.frames import LIBRARIES, OURS
from oracle.lifting import namespace, tensors
from oracle.lifting.arrays import LiftedArray, LiftedMatrix, owner_of
from oracle.lifting.run import Lifted

LEAVES = (str, bytes, int, float, complex, bool, type(None), range)


@contextmanager
def swapped(function, lifted: Lifted) -> Iterator[None]:
    """Inside, `function` computes on lifted arrays: its globals, the user modules and objects it reaches, its closure.

    Real arrays found on the way are replaced by lifted copies, two views of one memory by views of one copy. On leaving
    everything is bound as it was, and the real arrays were not written.
    """
    swap = _Swap()
    try:
        swap.visit(function)
        yield
    finally:
        for undo in reversed(swap.undo):
            undo()


@functools.cache
def _names() -> dict[int, tuple[str, str]]:
    """The identity of every object that a substituted module exports -> the module and the name."""
    found: dict[int, tuple[str, str]] = {}
    for module_name in namespace.MODULES:
        real = sys.modules[module_name]
        for name in dir(real):
            value = getattr(real, name, None)
            if not name.startswith("_") and (callable(value) or isinstance(value, types.ModuleType)):
                found.setdefault(id(value), (module_name, name))
    return found


class _Swap:
    def __init__(self):
        self.undo = []
        self.seen: dict[int, object] = {}
        self.copies: dict[int, np.ndarray] = {}

    def visit(self, x) -> None:
        """Replaces what is reachable from x, in place."""
        if isinstance(x, LEAVES) or id(x) in self.seen:
            return
        self.seen[id(x)] = x
        if isinstance(x, types.MethodType):
            self.visit(x.__self__)
            self.visit(x.__func__)
        elif isinstance(x, types.FunctionType):
            self._function(x)
        elif isinstance(x, functools.partial):
            self.visit(x.func)
        elif isinstance(x, types.ModuleType):
            if _is_users(x.__dict__):
                self._globals(x.__dict__)
        elif isinstance(x, list):
            for i, value in enumerate(x):
                self._item(x, i, value)
        elif isinstance(x, dict):
            for key, value in list(x.items()):
                self._item(x, key, value)
        elif isinstance(x, type):
            self._class(x)
        elif isinstance(x, (tuple, set, frozenset)):
            for value in x:
                self.visit(value)
        elif (module := sys.modules.get(type(x).__module__)) is None or _is_users(vars(module)):
            self.visit(type(x))
            for name, value in list(getattr(x, "__dict__", {}).items()):
                self._attribute(x, name, value)
            for name in _slots(type(x)):
                if hasattr(x, name):
                    self._attribute(x, name, getattr(x, name))

    def _function(self, function: types.FunctionType) -> None:
        if not _is_users(function.__globals__):
            return
        if id(function.__globals__) not in self.seen:
            self.seen[id(function.__globals__)] = function.__globals__
            self._globals(function.__globals__)
        for cell in function.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:  # not bound yet
                continue
            new = self.replacement(value)
            if new is not value:
                self.undo.append(functools.partial(setattr, cell, "cell_contents", value))
                cell.cell_contents = new
        for name in ("__defaults__", "__kwdefaults__"):
            value = getattr(function, name)
            new = self.replacement(dict(value)) if isinstance(value, dict) else self.replacement(value)
            if value is not None and new is not value:
                self.undo.append(functools.partial(setattr, function, name, value))
                setattr(function, name, new)
        if wrapped := getattr(function, "__wrapped__", None):
            self.visit(wrapped)

    def _globals(self, names: dict) -> None:
        for name, value in list(names.items()):
            if not (name.startswith("__") and name.endswith("__")):
                self._item(names, name, value)
        for name, value in namespace.BUILTINS.items():
            if name not in names:
                self.undo.append(functools.partial(names.pop, name, None))
                names[name] = value

    def _class(self, cls: type) -> None:
        module = sys.modules.get(cls.__module__)
        if module is not None and not _is_users(vars(module)):
            return
        if issubclass(cls, torch.autograd.Function):
            self.undo.append(functools.partial(type.__delattr__, cls, "apply"))
            cls.apply = classmethod(tensors.forward_of)
        for base in cls.__mro__[1:]:
            self.visit(base)
        for name, value in list(vars(cls).items()):
            if isinstance(value, (staticmethod, classmethod)):
                self.visit(value.__func__)
            elif isinstance(value, property):
                for part in (value.fget, value.fset):
                    self.visit(part)
            elif not (name.startswith("__") and not isinstance(value, types.FunctionType)):
                new = self.replacement(value)
                if new is not value:
                    self.undo.append(functools.partial(type.__setattr__, cls, name, value))
                    setattr(cls, name, new)

    def _item(self, container, key, value) -> None:
        new = self.replacement(value)
        if new is not value:
            self.undo.append(functools.partial(container.__setitem__, key, value))
            container[key] = new

    def _attribute(self, instance, name: str, value) -> None:
        new = self.replacement(value)
        if new is not value:
            self.undo.append(functools.partial(object.__setattr__, instance, name, value))
            object.__setattr__(instance, name, new)

    def replacement(self, value):
        """What comes instead of a value; the value itself where nothing does."""
        if isinstance(value, LEAVES):
            return value
        if isinstance(value, types.ModuleType) and value.__name__ in namespace.MODULES:
            return namespace.MODULES[value.__name__]
        if type(value) in (np.ndarray, np.matrix) and value.dtype.kind != "O":
            return self._copy(value)
        if isinstance(value, (np.random.Generator, np.random.RandomState)):
            return namespace.Random(value)
        if type(value) is tuple:
            new = tuple(self.replacement(e) for e in value)
            return new if any(a is not b for a, b in zip(new, value)) else value
        if callable(value) and id(value) in _names():
            module, name = _names()[id(value)]
            return getattr(namespace.MODULES[module], name)
        if isinstance(value, functools.partial):
            args, keywords = self.replacement(value.args), self.replacement(dict(value.keywords))
            return functools.partial(self.replacement(value.func), *args, **keywords)
        self.visit(value)
        return value

    def _copy(self, array: np.ndarray) -> np.ndarray:
        kind = LiftedMatrix if isinstance(array, np.matrix) else LiftedArray
        owner = owner_of(array)
        if id(owner) not in self.copies:
            self.seen[id(owner)] = owner  # kept alive: its identity is the key
            self.copies[id(owner)] = np.array(owner, order="K", subok=False)
        copy = self.copies[id(owner)]
        if copy.strides != owner.strides:
            return np.ndarray.view(np.array(array, subok=False), kind)
        flat = copy if copy.flags.c_contiguous else copy.T if copy.flags.f_contiguous else None
        if flat is None or not flat.flags.c_contiguous:
            return np.ndarray.view(np.array(array, subok=False), kind)
        offset = array.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        view = np.ndarray(array.shape, array.dtype, flat, offset, array.strides)
        return np.ndarray.view(view, kind)


def _slots(cls: type) -> list[str]:
    slots = (vars(base).get("__slots__", ()) for base in cls.__mro__)
    return [name for names in slots for name in ([names] if isinstance(names, str) else names) if name[:2] != "__"]


def _is_users(names: dict) -> bool:
    """Whether a module's names are user code's: not the standard library's, an installed package's or ours."""
    filename = names.get("__file__")
    if names.get("__name__") in sys.stdlib_module_names:
        return False
    if filename is None:
        return names.get("__name__") in (None, "__main__") or "__builtins__" in names
    return not os.path.abspath(filename).startswith((*LIBRARIES, OURS))
