"""What an edit can be made of: the arrays and numbers that a definition reads, as they are written there."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import FrameType

import numpy as np

from oracle.annotation.recording import PART, Site, recordings
from oracle.frames import tracing
from oracle.repair.loops import counter_of
from oracle.rewriting import Definition, exchanged

LONGEST = 28  # characters of an expression that counts as a name for something
KEPT = re.compile(r"self\.\w+(\['\w+'\])?(\.T)?")  # not one step of what is kept of all
MOST_LAYERS = 8  # whose arrays, of different shapes, stand in one list
MOST_KEYS = 40  # of a dict or object whose arrays are looked at
READ = (ast.Name, ast.Attribute, ast.Subscript)


@dataclass
class Material:
    """What one definition can read.

    arrays      text -> shapes it had, in the order of the source
    numbers     text -> whole numbers it had; of what is called, sums and lengths, other numbers too
    functions   names of functions of one argument that it can call, of the user's own
    sequences   text of a list or tuple of arrays of one shape -> how many of which shape
    inside      arrays that only comprehensions bind: they can be read there alone
    named       ids of the arrays that have a name of their own
    given       what is always a value of the forward pass, or a parameter, by whatever name
    integers    arrays of whole numbers, that can be an index
    """

    arrays: dict[str, set[tuple[int, ...]]] = field(default_factory=dict)
    numbers: dict[str, set[float]] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)
    sequences: dict[str, set[tuple[int, tuple[int, ...]]]] = field(default_factory=dict)
    inside: dict[str, set[tuple[int, ...]]] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    integers: set[str] = field(default_factory=set)

    def within(self, names: frozenset[str]) -> Material:
        """What can be read in a comprehension that binds these names."""
        if not names:
            return self
        if names not in self._within:
            more = {text: known for text, known in self.inside.items() if text.partition("[")[0] in names}
            self._within[names] = replace(self, arrays={**self.arrays, **more})
        return self._within[names]

    @cached_property
    def _within(self) -> dict[frozenset[str], Material]:
        return {}

    def of_shape(self, shapes: set[tuple[int, ...]]) -> list[str]:
        return [text for text, known in self.arrays.items() if known & shapes]


def material_of(
    definitions: Sequence[Definition], run: Callable[[], object], is_given: Callable[[np.ndarray], bool]
) -> Mapping[Definition, Material]:
    """The material of every definition, seen in one run.

    is_given    whether an array is a value of the forward pass, or a parameter
    """
    sites, values = _reads(definitions), {}

    def seen(number: int, value: object) -> object:
        values.setdefault(number, []).append(value)
        return value

    with exchanged(definitions, recordings(definitions, sites, seen)), _locals_of(definitions) as variables:
        run()
    found = {definition: Material() for definition in definitions}
    hidden = {one: _bound_inside(one) for one in definitions}
    counters = {one: _counters(one) for one in definitions}
    for definition, material in found.items():  # cache["f"] is nothing else than f where both are there
        material.named = {id(one) for one in variables.get(definition, {}).values() if isinstance(one, np.ndarray)}
    read: dict[Definition, dict[str, list[object]]] = {one: {} for one in definitions}
    for definition, known in variables.items():
        read[definition] |= {name: [value] for name, value in known.items()}
    for site in sites:
        text = ast.unparse(site.node)
        if isinstance(site.node, (ast.Name, ast.Attribute)):
            read[site.definition].setdefault(text, []).extend(values.get(site.number, ())[:MOST_KEYS])
        if len(text) <= LONGEST and not hidden[site.definition] & _names(site.node):
            for value in values.get(site.number, ())[:200]:
                _note(found[site.definition], text, value)
        elif len(text) <= LONGEST:
            _note_inside(found[site.definition], text, values.get(site.number, ()))
    for definition, material in found.items():
        for text, known in read[definition].items():
            if known and all(isinstance(one, np.ndarray) and one.dtype.kind == "f" and is_given(one) for one in known):
                material.given.add(text)
    for site in sites:
        if isinstance(site.node, ast.Subscript):
            _note_rest(found[site.definition], site.node)
    for definition, material in found.items():
        for name, value in variables.get(definition, {}).items():
            if name in hidden[definition]:
                continue
            _note(material, name, value)
            of_self = vars(value).items() if name == "self" and hasattr(value, "__dict__") else ()
            for text, one in ((name, value), *((f"self.{key}", one) for key, one in list(of_self)[:MOST_KEYS])):
                _note_elements(material, text, one, counters[definition])
        for text, after in _steps_after(definition, counters[definition]):
            if text in material.arrays:
                material.arrays.setdefault(after, set()).update(material.arrays[text])
        for name, shapes in _bound_shapes(definition, material):
            material.inside.setdefault(name, set()).update(shapes)
        material.functions = _functions(definition)
        if definition.classes:  # what is kept in self by one method can be read by the others
            for other, theirs in found.items():
                if other is not definition and other.classes == definition.classes:
                    for text, known in theirs.arrays.items():
                        if KEPT.fullmatch(text):
                            material.arrays.setdefault(text, set()).update(known)
    return found


@contextmanager
def _locals_of(definitions: Sequence[Definition]) -> Iterator[dict[Definition, dict[str, object]]]:
    """The variables that each definition has when it returns."""
    owners = {key: one for one in definitions for key in one.codes}
    found: dict[Definition, dict[str, object]] = {}

    def trace(frame: FrameType, event: str, argument: object) -> Callable | None:
        code = frame.f_code
        owner = owners.get((code.co_qualname, code.co_firstlineno))
        if owner is None or code.co_filename != owner.filename:
            return None
        if event == "return":
            found.setdefault(owner, {}).update(frame.f_locals)
        frame.f_trace_lines = False
        return trace

    with tracing(trace):
        yield found


def _counters(definition: Definition) -> dict[str, frozenset[str]]:
    """What counts the loops; of each the arrays that are never indexed with it alone: XP[:, t], and no XP[t]."""
    names = dict.fromkeys(filter(None, map(counter_of, ast.walk(definition.statement))))
    indices: dict[str, list[ast.expr]] = {}
    for node in ast.walk(definition.statement):
        if isinstance(node, ast.Subscript):
            indices.setdefault(ast.unparse(node.value), []).append(node.slice)
    return {
        name: frozenset(
            text
            for text, known in indices.items()
            if any(isinstance(one, ast.Tuple) and name in _names(one) for one in known)
            and not any(not isinstance(one, (ast.Tuple, ast.Slice)) and name in _names(one) for one in known)
        )
        for name in names
    }


def _note_elements(material: Material, name: str, value: object, counters: Mapping[str, frozenset[str]]) -> None:
    """hs[t], of a list, a dict by steps, or an array over the steps, though nobody reads it."""
    if isinstance(value, dict) and value and all(isinstance(key, int) for key in value):
        elements = list(value.values())
    elif isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 1):
        elements = list(value)[:MOST_KEYS]
    else:
        return
    if elements and all(isinstance(one, np.ndarray) for one in elements):
        for counter, otherwise in counters.items():
            steps = material.numbers.get(counter, ())
            # as long as the loop has rounds, or longer by a first state, or by a loop that stops early
            if name in otherwise or not steps or not max(steps) - 1 <= len(elements) - 1 <= max(steps) + 2:
                continue
            for one in elements:
                _note(material, f"{name}[{counter}]", one, deep=False)


def _steps_after(definition: Definition, counters: Iterable[str]) -> Iterator[tuple[str, str]]:
    """da[t], which is stored into, and da[t + 1]: what an earlier round of a loop that goes backward kept there."""
    for node in ast.walk(definition.statement):
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Name(id=counter), ctx=ast.Store()):
                if counter in counters:
                    yield f"{name}[{counter}]", f"{name}[{counter} + 1]"


def _note_rest(material: Material, node: ast.Subscript) -> None:
    """X[:, :n] where X[:, n:] is read: the part beside it."""
    wholes, parts = material.arrays.get(ast.unparse(node.value), ()), material.arrays.get(ast.unparse(node), ())
    indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if not all(isinstance(one, ast.Slice) for one in indices):
        return
    for axis, index in enumerate(indices):
        if index.step or (not index.lower) == (not index.upper):
            continue
        bound = ast.unparse(index.lower or index.upper)
        rest = f":{bound}" if index.lower else f"{bound}:"
        text = ", ".join(rest if k == axis else ast.unparse(one) for k, one in enumerate(indices))
        for whole in wholes:
            for part in parts:
                if len(whole) == len(part) and whole[axis] > part[axis]:
                    shape = (*part[:axis], whole[axis] - part[axis], *part[axis + 1 :])
                    material.arrays.setdefault(f"{ast.unparse(node.value)}[{text}]", set()).add(shape)


def _bound_shapes(definition: Definition, material: Material) -> Iterator[tuple[str, set[tuple[int, ...]]]]:
    """What comprehensions bind, whether it is read or not: the elements of what they go through."""
    for node in ast.walk(definition.statement):
        if not isinstance(node, ast.comprehension):
            continue
        match node.iter:
            case ast.Call(func=ast.Name(id="zip"), args=sources):
                pass
            case source:
                sources = [source]
        targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
        for target, source in zip(targets, sources):
            text = ast.unparse(source)
            shapes = {shape for _, shape in material.sequences.get(text, ())}
            shapes |= {shape[1:] for shape in material.arrays.get(text, ()) if len(shape) > 1}
            if isinstance(target, ast.Name) and shapes:
                yield target.id, shapes


def _note_inside(material: Material, text: str, values: Sequence[object]) -> None:
    for value in values[:MOST_KEYS]:
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            material.inside.setdefault(text, set()).add(value.shape)


def _note(material: Material, text: str, value: object, deep: bool = True) -> None:
    if isinstance(value, (bool, np.bool_)):
        return
    if isinstance(value, (int, np.integer)) or (isinstance(value, (float, np.floating)) and text.endswith(")")):
        material.numbers.setdefault(text, set()).add(value)
    elif text.endswith(")"):  # of what is called only numbers are of use
        return
    elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        material.arrays.setdefault(text, set()).add(value.shape)
        if value.dtype.kind in "iu" and value.ndim:
            material.integers.add(text)
    elif isinstance(value, (list, tuple)) and value and all(isinstance(one, np.ndarray) for one in value):
        if len({one.shape for one in value}) == 1:
            material.sequences.setdefault(text, set()).add((len(value), value[0].shape))
        elif deep and len(value) <= MOST_LAYERS:
            for k, one in enumerate(value):
                _note(material, f"{text}[{k}]", one, deep=False)
    elif deep and isinstance(value, dict) and len(value) <= MOST_KEYS:
        for key, one in value.items():
            if isinstance(key, str) and id(one) not in material.named:
                _note(material, f"{text}[{key!r}]", one, deep=False)
    elif deep and isinstance(getattr(value, "__dict__", None), dict) and not isinstance(value, type):
        for key, one in list(vars(value).items())[:MOST_KEYS]:
            if isinstance(one, np.ndarray) and id(one) not in material.named:
                _note(material, f"{text}.{key}", one, deep=False)


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _bound_inside(definition: Definition) -> set[str]:
    """The names that only comprehensions and lambdas bind: they are not to be read elsewhere."""
    inside, outside = set(), set()
    for node in ast.walk(definition.statement):
        if isinstance(node, ast.comprehension):
            inside |= _names(node.target)
        elif isinstance(node, ast.Lambda):
            inside |= {one.arg for one in node.args.args}
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.For)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            outside |= {name for target in targets for name in _names(target)}
        elif isinstance(node, ast.FunctionDef):
            outside |= {one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    return inside - outside


def _reads(definitions: Sequence[Definition]) -> list[Site]:
    """The places at which something is read."""
    found: list[Site] = []
    for definition in definitions:
        for parent in ast.walk(definition.statement):
            if isinstance(parent, (ast.arguments, ast.keyword)) and not isinstance(parent, ast.keyword):
                continue
            for name, value in ast.iter_fields(parent):
                if (isinstance(parent, ast.Call) and name == "func") or name in (
                    "decorator_list",
                    "annotation",
                    "slice",
                ):
                    continue
                if isinstance(parent, (ast.AugAssign, ast.For, ast.comprehension)) and name == "target":
                    continue
                several = isinstance(value, list)
                for index, one in enumerate(value if several else [value]):
                    if (isinstance(one, READ) and isinstance(one.ctx, ast.Load)) or isinstance(one, ast.Call):
                        at = index if several else None
                        found.append(Site(len(found), parent, name, at, PART, "", definition, definition.statement))
    # the outermost first: a wrapped node's own places are in its parent, which is left as it is
    return found


def _functions(definition: Definition) -> list[str]:
    """The user's functions that a definition's file has, of one argument."""
    try:
        tree = ast.parse(definition.text)
    except SyntaxError:
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            arguments = [one.arg for one in node.args.args]
            if len(arguments) == 1:
                found.append(node.name)
            elif len(arguments) == 2 and arguments[0] == "self":
                found.append(f"self.{node.name}")
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            if isinstance(node.targets[0], ast.Name) and len(node.value.args.args) == 1:
                found.append(node.targets[0].id)
    return found
