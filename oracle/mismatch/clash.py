"""What clashes, in words."""

from __future__ import annotations

import math

import numpy as np

from oracle.mismatch.axes import in_brackets, shown
from oracle.mismatch.scene import CONVERSIONS, MATRIX, Operand, Scene, written

Axes = tuple[tuple[str, ...], ...]
STACKED = {"stack", "dstack"}
JOINED = {"concatenate", "hstack", "vstack", "column_stack", "append"}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
RESHAPES = {"reshape", "resize"}
OPERAND_WISE = {"where", "clip", "copyto", "select", "allclose", "isclose", "array_equal"}


def clash(scene: Scene, axes: Axes) -> list[str]:
    """What does not go together, a line each; empty where the shapes are not to blame. axes: of every operand."""
    shapes = [operand.shape for operand in scene.operands]
    operation = scene.operation
    if isinstance(scene.error, TypeError) and operation not in CONVERSIONS and not isinstance(scene.error, IndexError):
        return []
    if any(operand.array is None for operand in scene.operands):
        return [f"NumPy says: {scene.error}"]
    if operation in MATRIX and len(shapes) == 2:
        return _matrix(MATRIX[operation], scene, shapes, axes)
    if operation == "__getitem__":
        return _index(scene, shapes[0], axes[0])
    if operation == "__setitem__":
        return _stored(scene, shapes, axes)
    if operation in JOINED or operation in STACKED:
        return _joined(scene, shapes, axes)
    if operation in RESHAPES:
        return _reshaped(scene, shapes[0])
    if operation == "einsum":
        return _einsum(scene, shapes, axes)
    if operation == "tensordot" and len(shapes) == 2:
        return _tensordot(scene, shapes, axes)
    if operation in CONVERSIONS:
        return [f"one number is wanted here, and {in_brackets(axes[0])} are {math.prod(shapes[0])} numbers"]
    if isinstance(scene.error, np.exceptions.AxisError):
        return [_no_axis(scene, shapes[0], axes[0])]
    if (len(shapes) >= 2 and isinstance(getattr(np, operation, None), np.ufunc)) or operation in OPERAND_WISE:
        return _elementwise(scene, shapes, axes)
    return [f"NumPy says: {scene.error}"]


def _size(name: str, size: int) -> str:
    return shown((name,), (size,))


def _matrix(kind: str, scene: Scene, shapes: list, axes: Axes) -> list[str]:
    (first, second), (a, b) = shapes, axes
    if not first or not second:
        which = 0 if not first else 1
        return [
            f"{scene.operands[which].text} is a single number, and @ takes arrays",
            "a product by @ of two arrays with one axis is a single number: was * meant there?",
        ]
    inner = len(second) - 1 if kind == "inner" or len(second) == 1 else len(second) - 2
    if first[-1] != second[inner]:
        said = [f"inner axes differ: {_size(a[-1], first[-1])} against {_size(b[inner], second[inner])}"]
        if len(first) == 1 or len(second) == 1:
            which = 0 if len(first) == 1 else 1
            text = scene.operands[which].text
            said.append(f"{text} has one axis only: it is neither a row nor a column, and .T does nothing")
        return said
    lead_a, lead_b = first[:-2], second[:-2]
    for one, other, name, other_name in zip(lead_a[::-1], lead_b[::-1], a[:-2][::-1], b[:-2][::-1]):
        if one != other and 1 not in (one, other):
            return [f"the axes in front of the matrices differ: {_size(name, one)} against {_size(other_name, other)}"]
    return _elementwise(scene, shapes, axes) if scene.in_place else []


def _elementwise(scene: Scene, shapes: list, axes: Axes) -> list[str]:
    for k, operand in enumerate(scene.operands):
        for m in range(k + 1, len(shapes)):
            first, second = shapes[k], shapes[m]
            for back in range(1, min(len(first), len(second)) + 1):
                if first[-back] == second[-back] or 1 in (first[-back], second[-back]):
                    continue
                names = axes[k][-back], axes[m][-back]
                return [
                    f"{_which(back, first, second)} differ: "
                    f"{_size(names[0], first[-back])} against {_size(names[1], second[-back])}",
                    *_one_more(scene, *names, k, m),
                    *_column(operand, first, second),
                    *_column(scene.operands[m], second, first),
                ]
    try:
        result = np.broadcast_shapes(*shapes)
    except ValueError:  # the rule above is the whole rule
        return [f"NumPy says: {scene.error}"]
    if scene.in_place and result != shapes[0]:
        names = _joint(shapes, axes)
        held = in_brackets(axes[0])
        return [
            f"{scene.operands[0].text} {held} is changed in place and cannot hold the result, "
            f"which is {in_brackets(names)} {result}",
            *(line for operand in scene.operands[1:] for line in _column(operand, operand.shape, shapes[0])),
        ]
    return []


def _which(back: int, first: tuple[int, ...], second: tuple[int, ...]) -> str:
    """The axes in words, from how far they are from the end."""
    if back == 1:
        return "last axes"
    if len(first) == len(second):
        return f"{ORDINALS[len(first) - back]} axes"
    return f"axes {len(first) - back} and {len(second) - back}"


def _one_more(scene: Scene, name: str, other: str, first: int, second: int) -> list[str]:
    """That a buffer holds one step more, the first state."""
    for longer, shorter, which in ((name, other, first), (other, name, second)):
        if longer == f"{shorter}+1":
            text = scene.operands[which].text
            return [f"{text} holds one more: {text}[1:] leaves out the first, {text}[:-1] the last"]
    return []


def _column(operand: Operand, shape: tuple[int, ...], other: tuple[int, ...]) -> list[str]:
    """That an array of one axis lies along the last, where it would fit the first."""
    if len(shape) == 1 and len(other) == 2 and shape[0] == other[0]:
        laid = f"{written(operand)}[:, None]"
        return [f"{operand.text} has one axis and is laid along the last; {laid} lies along the first"]
    return []


def _joint(shapes: list, axes: Axes) -> tuple[str, ...]:
    """The names of the axes of a broadcast."""
    names = []
    for back in range(max(map(len, shapes)), 0, -1):
        there = [(shape[-back], name[-back]) for shape, name in zip(shapes, axes) if len(shape) >= back]
        names.append(max(there, key=lambda one: one[0])[1])
    return tuple(names)


def _stored(scene: Scene, shapes: list, axes: Axes) -> list[str]:
    if len(shapes) < 2:
        return [f"NumPy says: {scene.error}"]
    slot, given = shapes[0], shapes[1]
    if isinstance(scene.error, IndexError):
        return _index(scene, scene.args[0].shape, ()) if scene.args else [f"NumPy says: {scene.error}"]
    return [
        f"{scene.operands[0].text} has room for {in_brackets(axes[0])} {slot}, "
        f"and is given {in_brackets(axes[1])} {given}",
        *_too_many(scene, slot, given),
    ]


def _too_many(scene: Scene, slot: tuple[int, ...], given: tuple[int, ...]) -> list[str]:
    """That only axes of size 1 are in the way."""
    if len(given) <= len(slot) or [size for size in given if size > 1] != [size for size in slot if size > 1]:
        return []
    called = written(scene.operands[1])
    return [f"it has the right numbers with an axis of size 1 too many: {called}.reshape({', '.join(map(str, slot))})"]


def _joined(scene: Scene, shapes: list, axes: Axes) -> list[str]:
    ranks = {len(shape) for shape in shapes}
    first = scene.operands[0]
    if scene.operation in STACKED:
        odd = next((k for k, shape in enumerate(shapes) if shape != shapes[0]), None)
        if odd is None:
            return [f"NumPy says: {scene.error}"]
        return [
            f"what is stacked has one shape, but {first.text} is {in_brackets(axes[0])} and "
            f"{scene.operands[odd].text} is {in_brackets(axes[odd])}"
        ]
    if len(ranks) > 1 and scene.operation != "column_stack":
        odd = next(k for k, shape in enumerate(shapes) if len(shape) != len(shapes[0]))
        return [
            f"what is joined has equally many axes, but {first.text} has {len(shapes[0])} and "
            f"{scene.operands[odd].text} has {len(shapes[odd])}"
        ]
    rank = ranks.pop() if len(ranks) == 1 else 2
    joint = {"hstack": 1 if rank > 1 else 0, "vstack": 0, "column_stack": 1}.get(scene.operation, 0)
    if scene.operation in ("concatenate", "append"):
        given = scene.args[1] if scene.args and len(scene.args) > 1 and isinstance(scene.args[1], int) else 0
        joint = scene.kwargs.get("axis", given) % max(rank, 1)
    for k, shape in enumerate(shapes[1:], 1):
        for axis in range(min(len(shape), len(shapes[0]))):
            if axis != joint and shape[axis] != shapes[0][axis]:
                said = (
                    f"joined along axis {joint} all other axes must agree, but axis {axis} is "
                    f"{_size(axes[0][axis], shapes[0][axis])} in {first.text} and "
                    f"{_size(axes[k][axis], shape[axis])} in {scene.operands[k].text}"
                )
                fits = [
                    other for other in range(rank)
                    if all(a == b for j, (a, b) in enumerate(zip(shapes[0], shape)) if j != other)
                ]  # fmt: skip
                return [said, *(f"along axis {other} they fit: axis={other}" for other in fits)]
    return [f"NumPy says: {scene.error}"]


def _reshaped(scene: Scene, shape: tuple[int, ...]) -> list[str]:
    given = scene.args[1:] if scene.args else ()
    asked = given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given
    asked = asked or scene.kwargs.get("shape", scene.kwargs.get("newshape", ()))
    asked = (asked,) if isinstance(asked, (int, np.integer)) else tuple(asked)
    if not all(isinstance(one, (int, np.integer)) for one in asked):
        return [f"NumPy says: {scene.error}"]
    asked = tuple(int(one) for one in asked)
    if -1 in asked:
        rest = math.prod(one for one in asked if one != -1)
        return [f"{math.prod(shape)} numbers cannot be shaped {asked}: {math.prod(shape)} is no multiple of {rest}"]
    return [f"{math.prod(shape)} numbers cannot be shaped {asked}, which are {math.prod(asked)}"]


def _index(scene: Scene, shape: tuple[int, ...], axes: tuple[str, ...]) -> list[str]:
    text = scene.operands[0].text
    axes = axes if len(axes) == len(shape) else tuple(map(str, shape))
    if scene.args is None or (scene.operation == "__setitem__" and scene.operands[0].array is None):
        return [f"NumPy says: {scene.error}"]
    index = scene.args[1]
    parts = index if isinstance(index, tuple) else (index,)
    if Ellipsis not in [part for part in parts if part is Ellipsis]:
        used, axis = [part for part in parts if part is not None], 0
        taken = sum(part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1 for part in used)
        if taken > len(shape):
            return [f"{text} has {_axes(len(shape))}, {in_brackets(axes)}, and is indexed along {taken}"]
        for part in used:
            if isinstance(part, (int, np.integer)) and not isinstance(part, bool):
                if not -shape[axis] <= part < shape[axis]:
                    return [
                        f"axis {axis} of {text} is {_size(axes[axis], shape[axis])}: the index is {part}, "
                        f"but should be 0 to {shape[axis] - 1}"
                    ]
            elif isinstance(part, np.ndarray) and part.dtype == bool:
                if part.shape != shape[axis : axis + part.ndim]:
                    return [f"the mask is {part.shape}, but should be {shape[axis : axis + part.ndim]}, as {text} is"]
                axis += part.ndim - 1
            elif isinstance(part, np.ndarray) and part.dtype.kind in "iu" and part.size:
                worst = int(part.max()) if part.max() >= shape[axis] else int(part.min())
                if not -shape[axis] <= worst < shape[axis]:
                    return [
                        f"axis {axis} of {text} is {_size(axes[axis], shape[axis])}: an index is {worst}, "
                        f"but should be 0 to {shape[axis] - 1}"
                    ]
            axis += 1
    return [f"NumPy says: {scene.error}"]


def _axes(number: int) -> str:
    return "one axis" if number == 1 else f"{number} axes"


def _no_axis(scene: Scene, shape: tuple[int, ...], axes: tuple[str, ...]) -> str:
    error = scene.error
    which = "an axis" if error.axis is None else f"axis {error.axis}"
    return f"{scene.operands[0].text} has no {which}: it has {_axes(len(shape))}, {in_brackets(axes)}, counted from 0"


def _einsum(scene: Scene, shapes: list, axes: Axes) -> list[str]:
    formula = scene.args[0] if scene.args else None
    if not isinstance(formula, str) or "." in formula:
        return [f"NumPy says: {scene.error}"]
    left, _, right = formula.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        return [f"{formula!r} names {len(terms)} operands, and {len(shapes)} are given"]
    bound: dict[str, tuple[int, str, str]] = {}
    for term, shape, names, operand in zip(terms, shapes, axes, scene.operands):
        if len(term) != len(shape):
            return [f"{term!r} names {_axes(len(term))}, but {operand.text} has {len(shape)}, {in_brackets(names)}"]
        for letter, size, name in zip(term, shape, names):
            if letter in bound and bound[letter][0] != size and 1 not in (bound[letter][0], size):
                was, was_name, was_text = bound[letter]
                return [
                    f"the letter {letter!r} stands for two sizes: {_size(was_name, was)} in {was_text}, "
                    f"{_size(name, size)} in {operand.text}"
                ]
            bound.setdefault(letter, (size, name, operand.text))
    for letter in right:
        if letter not in bound:
            return [f"the result has an axis {letter!r}, which no operand has"]
    return [f"NumPy says: {scene.error}"]


def _tensordot(scene: Scene, shapes: list, axes: Axes) -> list[str]:
    given = scene.kwargs.get("axes", scene.args[2] if scene.args and len(scene.args) > 2 else 2)
    (first, second), (a, b) = shapes, axes
    if isinstance(given, (int, np.integer)):
        if given > min(len(first), len(second)):
            return [f"axes={given} sums over {given} axes, and the operands have {len(first)} and {len(second)}"]
        over = list(range(len(first) - given, len(first))), list(range(given))
    else:
        over = tuple([one] if isinstance(one, (int, np.integer)) else list(one) for one in given)
    if len(over[0]) != len(over[1]):
        return [f"axes={given} names {len(over[0])} axes of the first operand and {len(over[1])} of the second"]
    for one, other in zip(*over):
        if one >= len(first) or other >= len(second):
            return [f"axes={given} names an axis that is not there: the operands have {len(first)} and {len(second)}"]
        if first[one] != second[other]:
            return [
                "axes that are summed over differ: "
                f"axis {one} of {scene.operands[0].text} is {_size(a[one], first[one])}, "
                f"axis {other} of {scene.operands[1].text} is {_size(b[other], second[other])}"
            ]
    return [f"NumPy says: {scene.error}"]
