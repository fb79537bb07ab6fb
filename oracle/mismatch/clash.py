"""What clashes, in words."""

from __future__ import annotations

import ast
import math

import numpy as np

from oracle.mismatch.axes import in_brackets, shown
from oracle.mismatch.scene import CONVERSIONS, MATRIX, Operand, Scene, written
from oracle.mismatch.source import function_around, given_as

Axes = tuple[tuple[str, ...], ...]
STACKED = {"stack", "dstack"}
JOINED = {"concatenate", "hstack", "vstack", "column_stack", "append"}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
NUMBERS = ("no", "one", "two", "three", "four", "five")
REDUCTIONS = {"sum", "mean", "max", "min", "std", "var", "prod", "norm"}
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
    if operation == "unpack":
        return _unpacked(scene, axes[0])
    if operation == "at" and len(shapes) == 3 and scene.args:
        return _added_at(scene, shapes, axes)
    if operation in MATRIX and len(shapes) == 2:
        return _matrix(MATRIX[operation], scene, shapes, axes)
    if operation == "__getitem__" or (operation == "__setitem__" and isinstance(scene.error, IndexError)):
        return _index(scene, shapes[0], axes)
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
    if operation in ONE_ARRAY and scene.args:
        return ONE_ARRAY[operation](scene, shapes[0], axes[0]) or [f"NumPy says: {scene.error}"]
    if (len(shapes) >= 2 and isinstance(getattr(np, operation, None), np.ufunc)) or operation in OPERAND_WISE:
        return _elementwise(scene, shapes, axes)
    return [f"NumPy says: {scene.error}"]


def _unpacked(scene: Scene, axes: tuple[str, ...]) -> list[str]:
    names = getattr(scene.expression.statement.targets[0], "elts", ())
    if not names or len(names) == len(axes):
        return []
    return [f"{scene.operands[0].text} has {_axes(len(axes))}, {in_brackets(axes)}, and {len(names)} names are given"]


def _added_at(scene: Scene, shapes: list, axes: Axes) -> list[str]:
    """np.add.at(array, index, given): the slot is array[index]."""
    array, index, given = scene.operands
    if isinstance(scene.error, IndexError) or array.array.ndim < 1:
        return [f"NumPy says: {scene.error}"]
    slot = (*shapes[1], *shapes[0][1:])
    names = in_brackets((*axes[1], *axes[0][1:]))
    return [f"{array.text}[{index.text}] has room for {names} {slot}, and is given {in_brackets(axes[2])} {shapes[2]}"]


def _split(scene: Scene, shape: tuple[int, ...], axes: tuple[str, ...]) -> list[str]:
    parts = scene.args[1] if len(scene.args) > 1 else None
    axis = scene.kwargs.get("axis", scene.args[2] if len(scene.args) > 2 else 0)
    axis = {"hsplit": min(1, len(shape) - 1), "vsplit": 0}.get(scene.operation, axis)
    if not isinstance(parts, (int, np.integer)):
        return []
    text = scene.operands[0].text
    others = [k for k, size in enumerate(shape) if k != axis % len(shape) and size % parts == 0]
    return [
        f"axis {axis} of {text} is {_size(axes[axis], shape[axis])}, which cannot be split into {parts} equal parts",
        *(f"axis {k} is {_size(axes[k], shape[k])}, and can: axis={k}" for k in others),
    ]


def _squeezed(scene: Scene, shape: tuple[int, ...], axes: tuple[str, ...]) -> list[str]:
    given = scene.kwargs.get("axis", scene.args[1] if len(scene.args) > 1 else None)
    over = given if isinstance(given, tuple) else (given,)
    long = next((k for k in over if isinstance(k, (int, np.integer)) and shape[k] != 1), None)
    if long is None:
        return []
    squeezed = f"axis {long} of {scene.operands[0].text} is {_size(axes[long], shape[long])}"
    return [f"{squeezed}, and only an axis of size 1 can be squeezed"]


def _transposed(scene: Scene, shape: tuple[int, ...], axes: tuple[str, ...]) -> list[str]:
    given = scene.args[1:] or (scene.kwargs.get("axes"),)
    named = given[0] if len(given) == 1 else given
    if not isinstance(named, (tuple, list)):
        return []
    if len(named) != len(shape):
        text = scene.operands[0].text
        return [f"{text} has {_axes(len(shape))}, {in_brackets(axes)}, and transpose names {len(named)}"]
    return [f"{tuple(named)} is no order of the axes 0 to {len(shape) - 1}: each stands in it once"]


def _broadcast_to(scene: Scene, shape: tuple[int, ...], axes: tuple[str, ...]) -> list[str]:
    asked = scene.kwargs.get("shape", scene.args[1] if len(scene.args) > 1 else None)
    if not isinstance(asked, (tuple, list)) or len(asked) < len(shape):
        return []
    for back in range(1, len(shape) + 1):
        if shape[-back] not in (1, asked[-back]):
            return [
                f"axis {len(shape) - back} of {scene.operands[0].text} is {_size(axes[-back], shape[-back])}, "
                f"and {asked[-back]} is asked for: only an axis of size 1 can be repeated"
            ]
    return []


ONE_ARRAY = {
    "split": _split, "hsplit": _split, "vsplit": _split, "squeeze": _squeezed, "transpose": _transposed,
    "broadcast_to": _broadcast_to,
}  # fmt: skip


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
    holder, out = given_as(scene.expression.node, "out"), scene.kwargs.get("out")
    if holder is not None and out is not None and kind == "matmul" and len(first) == len(second) == 2:
        held, result = np.shape(out[0] if isinstance(out, tuple) else out), (first[0], second[1])
        if held != result:
            text, names = scene.expression.text(holder), in_brackets((a[0], b[1]))
            return [f"{text} {held} is out=, and cannot hold the result, which is {names} {result}"]
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
                    *_one_more(scene, *names, (k, len(first) - back), (m, len(second) - back)),
                    *_column(scene, operand, first, second),
                    *_column(scene, scene.operands[m], second, first),
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
            *(line for operand in scene.operands[1:] for line in _column(scene, operand, operand.shape, shapes[0])),
        ]
    return []


def _which(back: int, first: tuple[int, ...], second: tuple[int, ...]) -> str:
    """The axes in words, from how far they are from the end."""
    if back == 1:
        return "last axes"
    if len(first) == len(second):
        return f"{ORDINALS[len(first) - back]} axes"
    return f"axes {len(first) - back} and {len(second) - back}"


def _one_more(scene: Scene, name: str, other: str, first: tuple[int, int], second: tuple[int, int]) -> list[str]:
    """That a buffer holds one step more, the first state. first, second: the operand and its axis."""
    for longer, shorter, (which, axis) in ((name, other, first), (other, name, second)):
        if longer == f"{shorter}+1":
            text, before = written(scene.operands[which]), ":, " * axis
            said = scene.operands[which].text
            return [f"{said} holds one more: {text}[{before}1:] leaves out the first, {text}[{before}:-1] the last"]
    return []


def _column(scene: Scene, operand: Operand, shape: tuple[int, ...], other: tuple[int, ...]) -> list[str]:
    """That an array of fewer axes lies along the last, where it would fit the first."""
    if not shape or len(shape) >= len(other) or shape != other[: len(shape)]:
        return []
    laid = f"{written(operand)}[{', '.join([':'] * len(shape) + ['None'] * (len(other) - len(shape)))}]"
    said = [f"{operand.text} has {_axes(len(shape), True)} and is laid along the last; {laid} lies along the first"]
    reduced = _reduction(scene, operand)
    return said if reduced is None else [*said, f"keepdims=True in {reduced} keeps the axis"]


def _reduction(scene: Scene, operand: Operand) -> str | None:
    """The sum or mean over an axis that made an operand, in its source or at its only assignment."""
    node = operand.node
    if isinstance(node, ast.Name) and (around := function_around(scene.expression)) is not None:
        made = [
            one.value for one in ast.walk(around)
            if isinstance(one, ast.Assign) and any(getattr(t, "id", None) == node.id for t in one.targets)
        ]  # fmt: skip
        node = made[0] if len(made) == 1 else None
    if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") not in REDUCTIONS:
        return None
    return scene.expression.text(node)


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


def _index(scene: Scene, shape: tuple[int, ...], of_all: Axes) -> list[str]:
    text, axes = scene.operands[0].text, of_all[0]
    if scene.args is None:
        return [f"NumPy says: {scene.error}"]
    index = scene.args[1]
    if scene.operands[0].array.dtype.names is not None:  # fields, which are no axes
        return []
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
                    mask = in_brackets(of_all[1] if len(of_all) > 1 else tuple(map(str, part.shape)))
                    own = in_brackets(axes[axis : axis + part.ndim])
                    return [f"the mask is {mask}, but should be {own}, as {text} is"]
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


def _axes(number: int, in_words: bool = False) -> str:
    if number == 1:
        return "one axis"
    return f"{NUMBERS[number] if in_words and number < len(NUMBERS) else number} axes"


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
