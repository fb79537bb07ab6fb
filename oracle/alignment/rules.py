"""Which axes an operation lines up, sums over and hands on, for the NumPy that people write.

Names survive the functions in `FUNCTIONS` and `METHODS` (in `oracle.alignment.named`), every ufunc with its methods but
reduceat, indexing and assignment, and what NumPy builds from these. After any other function the axes have new labels,
and the run remembers that names are lost there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from types import MappingProxyType

import numpy as np

from oracle.alignment.named import Memory, Named, labels_of, last_of, named, plain
from oracle.alignment.record import CURRENT, Event, Tag, fingerprint

Axes = tuple[int, ...]
Pairs = list[tuple[int, int, int, int]]
ADDITIVE = {"add", "subtract", "negative", "positive"}
BOUNDS = {"maximum", "minimum", "clip"}
SUMS = {"add", "mean"}
SCALES = {"multiply", "divide", "true_divide"}
_asarray, _shape = np.asarray, np.shape


def noted(
    kind: str,
    operands: Sequence[object],
    result: object,
    labels: Axes,
    lined: Pairs | None = None,
    contracted: Pairs | None = None,
    reduced: Axes = (),
    moves: bool = False,
    others: Sequence[object] = (),
) -> Event:
    """The event of an operation; others: what it depends on besides."""
    plains = [plain(one) for one in operands]
    return CURRENT.get().add(
        kind,
        makers=tuple(map(last_of, operands)),
        inputs=tuple(dict.fromkeys(serial for one in (*operands, *others) if (serial := last_of(one)) >= 0)),
        labels=tuple(map(labels_of, operands)),
        shapes=tuple(_shape(one) for one in plains),
        of=tuple(getattr(one, "of", None) for one in operands),
        result=labels,
        shape=_shape(result),
        lined=lined or [],
        contracted=contracted or [],
        reduced=reduced,
        moves=moves,
        prints=(*map(fingerprint, plains), fingerprint(result)),
    )


# ufuncs


def computed(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict, out: tuple, result: object) -> object:
    """What a ufunc gave, with labels."""
    name = ufunc.__name__
    if method == "reduce":
        made = _reduced(name, inputs[0], kwargs.get("axis", 0), kwargs.get("keepdims", False), result)
    elif method == "accumulate":
        made = _alike(name, inputs[0], result)
    elif method == "outer":
        made = _outer(inputs, result)
    elif method == "at":
        stored(inputs[0], inputs[1], inputs[2] if len(inputs) > 2 else 0)
        return None
    elif method == "__call__" and ufunc.signature is None:
        made = _elementwise(name, inputs, result)
    elif name == "matmul":
        made = _matmul(inputs, result)
    else:
        made = _unknown(name, inputs, result)
    if not out:
        return made
    for array, one in zip(out, made if isinstance(made, tuple) else (made,)):
        if type(array) is Named:
            _written(array, one, array is inputs[0])
    return out[0] if len(out) == 1 else out


def _written(array: Named, made: object, in_place: bool) -> None:
    """An array that holds a result from now on."""
    event = last_of(made)
    labels = labels_of(array)
    if not in_place:
        event = noted("stored", (array, made), made, labels, _aligned((array, made)), moves=True).serial
    array.memory = array.memory or Memory()
    array.memory.last = event
    array.tags = _merged(array.tags, getattr(made, "tags", None))
    array.of = None if array.of and not in_place else array.of


def _merged(first: tuple | None, second: tuple | None) -> tuple | None:
    if first is None or second is None or len(first) != len(second):
        return first or second
    return tuple(one or other for one, other in zip(first, second))


def _aligned(operands: Sequence[object]) -> Pairs:
    """What broadcasting lines up: axes longer than 1, and those of size 1 with one another."""
    shapes = [_shape(plain(one)) for one in operands]
    pairs = []
    for back in range(1, max(map(len, shapes), default=0) + 1):
        there = [(k, len(shape) - back) for k, shape in enumerate(shapes) if len(shape) >= back]
        long = [(k, axis) for k, axis in there if shapes[k][axis] > 1]
        for (k, axis), (m, other) in zip(long or there, (long or there)[1:]):
            pairs.append((k, axis, m, other))
    return pairs


def _broadcast(operands: Sequence[object], ndim: int) -> Axes:
    """The labels of a broadcast. The axis of a state is preferred to that of a parameter, and to one put in."""
    labels = CURRENT.get().labels
    axes = [labels_of(one) for one in operands]
    shapes = [_shape(plain(one)) for one in operands]
    found = []
    for back in range(ndim, 0, -1):
        there = [(shape[-back], label[-back]) for shape, label in zip(shapes, axes) if len(shape) >= back]
        longest = max(size for size, _ in there)
        fitting = [label for size, label in there if size == longest]
        found.append(min(fitting, key=lambda one: (labels[one].parameter is not None) + labels[one].meant))
    return tuple(found)


def _elementwise(name: str, inputs: tuple, result: object) -> object:
    if isinstance(result, tuple):
        return tuple(_elementwise(name, inputs, one) for one in result)
    operands = [one for one in inputs if not isinstance(one, str)]
    labels = _broadcast(operands, np.ndim(plain(result)))
    compares = getattr(result, "dtype", None) == np.bool_
    event = noted(name, operands, result, labels, [] if compares else _aligned(operands))
    return named(result, labels, event, tags=_tags(name, operands, event))


def _tags(name: str, operands: Sequence[object], event: Event) -> tuple[Tag | None, ...] | None:
    """Which axes of an outer product come from which operand; what is added and scaled keeps its own."""
    arrays = [k for k, shape in enumerate(event.shapes) if math.prod(shape) > 1]
    kept = [tags for k in arrays if (tags := getattr(operands[k], "tags", None)) and len(tags) == len(event.shape)]
    if name in ADDITIVE or (name in SCALES | BOUNDS and len(arrays) == 1):
        tags = None
        for one in kept:
            tags = _merged(tags, one)
        return tags
    if name != "multiply" or len(arrays) != 2:
        return None
    found: list[Tag | None] = []
    for back in range(len(event.shape), 0, -1):
        long = [k for k in arrays if len(event.shapes[k]) >= back and event.shapes[k][-back] > 1]
        found.append((event.serial, long[0]) if len(long) == 1 else None)
    return tuple(found) if len({one for one in found if one}) == 2 else None


def _reduced(name: str, array: object, axis: object, keepdims: bool, result: object) -> object:
    shape, labels = _shape(plain(array)), labels_of(array)
    axes = tuple(range(len(shape))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(sorted(int(one) % max(len(shape), 1) for one in axes))
    record = CURRENT.get()
    event = noted(name, (array,), result, (), reduced=axes)
    made = tuple(
        record.labels.new(1, meant=True, reduced=event.serial) if k in axes else label
        for k, label in enumerate(labels)
        if keepdims or k not in axes
    )
    event.result = made
    tags = getattr(array, "tags", None)
    if tags and not keepdims:
        tags = tuple(tag for k, tag in enumerate(tags) if k not in axes)
    return named(result, made, event, tags=tags if name in SUMS else None)


def _averaged(name: str) -> Callable:
    def rule(args: tuple, kwargs: dict, result: object) -> object:
        return _reduced(name, args[0], _given(args, kwargs, 1, "axis", None), kwargs.get("keepdims", False), result)

    return rule


def _alike(name: str, array: object, result: object) -> object:
    """One array to another of its shape, the axes in their places."""
    labels = labels_of(array)
    return named(result, labels, noted(name, (array,), result, labels))


def _product(kind: str, operands: Sequence[object], result: object, axes: list[tuple[int, int]], summed: Pairs,
             lined: Pairs | None = None) -> object:  # fmt: skip
    """A product whose axes come from (operand, axis) each."""
    labels = [labels_of(one) for one in operands]
    made = tuple(labels[k][axis] for k, axis in axes)
    event = noted(kind, operands, result, made, [*summed, *(lined or [])], summed)
    return named(result, made, event, tags=tuple((event.serial, k) for k, _ in axes))


def _matmul(inputs: Sequence[object], result: object, kind: str = "matmul") -> object:
    first, second = (len(_shape(plain(one))) for one in inputs)
    inner = 0 if second == 1 else second - 2
    rows = [] if first == 1 else [(0, first - 2)]
    columns = [] if second == 1 else [(1, second - 1)]
    shapes = [_shape(plain(one)) for one in inputs]
    lead, lined = [], []
    for back in range(max(first, second) - 2, 0, -1):
        there = [(k, n - 2 - back) for k, n in enumerate((first, second)) if n - 2 - back >= 0]
        lead.append(max(there, key=lambda one: shapes[one[0]][one[1]]))
        if len(there) == 2 and all(shapes[k][axis] > 1 for k, axis in there):
            lined.append((*there[0], *there[1]))
    return _product(kind, inputs, result, [*lead, *rows, *columns], [(0, first - 1, 1, inner)], lined)


def _outer(inputs: Sequence[object], result: object) -> object:
    axes = [(k, axis) for k in (0, 1) for axis in range(len(_shape(plain(inputs[k]))))]
    return _product("outer", inputs, result, axes, [])


# indices


def taken(array: Named, index: object, result: object) -> object:
    """What an index gave."""
    labels, tags = _indexed(array, plain(index), result)
    event = noted("getitem", (array,), result, labels, moves=True, others=_parts(index))
    view = _views(result, array)
    memory = _shared(array, event) if view else None
    of = array.of if view and result.ndim > 1 else None  # a row of a matrix is a vector
    return named(result, labels, event, memory, of, tags)


def _shared(array: Named, event: Event) -> Memory:
    """The memory that a view looks at. Where no operation made the array, the view itself is what is known of it."""
    array.memory = array.memory or Memory()
    if array.memory.last < 0:
        array.memory.last = event.serial
    return array.memory


def _views(result: object, array: Named) -> bool:
    return isinstance(result, np.ndarray) and result.ndim > 0 and np.may_share_memory(result, array.view(np.ndarray))


def _parts(index: object) -> tuple:
    return tuple(index) if isinstance(index, (tuple, list)) else (index,)


def stored(array: Named, index: object, value: object) -> None:
    """An assignment through an index, or ufunc.at."""
    if type(array) is not Named:
        return
    slot = array.view(np.ndarray)[plain(index)]
    labels, _ = _indexed(array, plain(index), slot)
    array.memory = array.memory or Memory()
    target = named(_asarray(slot), labels, None, array.memory)
    event = noted("setitem", (target, value), plain(value), labels, _aligned((target, value)), moves=True,
                  others=(array,))  # fmt: skip
    array.memory.last = event.serial
    tags = getattr(value, "tags", None)
    if tags and len(tags) == slot.ndim:
        axes = _kept(array, plain(index), slot)
        spread: list[Tag | None] = [None] * array.ndim
        for tag, axis in zip(tags, axes):
            if axis is not None:
                spread[axis] = tag
        array.tags = _merged(array.tags, tuple(spread))


def _full(array: Named, index: object) -> list | None:
    """The index with one part an axis; None where an array in it is more than a list of places."""
    parts = list(index) if isinstance(index, tuple) else [index]
    used = sum(
        0 if part is None or part is Ellipsis else part.ndim if getattr(part, "dtype", None) == np.bool_ else 1
        for part in parts
    )
    if not any(part is Ellipsis for part in parts):
        parts.append(Ellipsis)
    at = next(k for k, part in enumerate(parts) if part is Ellipsis)
    return [*parts[:at], *[slice(None)] * (array.ndim - used), *parts[at + 1 :]]


def _kept(array: Named, index: object, result: object) -> list[int | None]:
    """For every axis of the result, the axis of the array that it is; None for a new one."""
    parts = _full(array, index)
    if any(not (isinstance(part, (slice, int, np.integer)) or part is None) for part in parts):
        return [None] * np.ndim(result)
    kept: list[int | None] = []
    axis = 0
    for part in parts:
        if part is None:
            kept.append(None)
            continue
        if isinstance(part, slice):
            kept.append(axis)
        axis += 1
    return kept


def _indexed(array: Named, index: object, result: object) -> tuple[Axes, tuple | None]:
    record, labels, shape = CURRENT.get(), labels_of(array), _shape(result)
    parts = _full(array, index)
    found: list[int] = []
    tags: list[Tag | None] = []
    axis, placed = 0, False
    advanced = [part for part in parts if not (isinstance(part, (slice, int, np.integer)) or part is None)]
    joint = np.broadcast_shapes(*(_shape(one) for one in advanced if _shape(one))) if len(advanced) > 1 else ()
    for part in parts:
        if part is None:
            found.append(record.labels.new(1, meant=True))
            tags.append(None)
        elif isinstance(part, slice):
            start, stop, step = part.indices(array.shape[axis])
            size = len(range(start, stop, step))
            found.append(record.labels.part(labels[axis], start, stop, step, size))
            tags.append(array.tags[axis] if array.tags and len(array.tags) == array.ndim else None)
            axis += 1
        elif isinstance(part, (int, np.integer)):
            record.step(labels[axis], int(part))
            axis += 1
        else:
            mask = getattr(part, "dtype", None) == np.bool_
            if not placed:
                sizes = (int(np.sum(part)),) if mask else joint or _shape(part)
                same = mask and np.ndim(part) == 1
                found += [labels[axis]] if same and sizes[0] == array.shape[axis] else record.fresh(sizes)
                tags += [None] * len(sizes)
                placed = True
            axis += np.ndim(part) if mask else 1
    if tuple(record.labels[label].size for label in found) != shape and len(found) != len(shape):
        return record.fresh(shape), None
    return tuple(found), tuple(tags)


# functions


def called(func: Callable, args: tuple, kwargs: dict) -> object:
    """A function of NumPy's namespace: by its rule, or by what NumPy builds it from."""
    name = func.__name__
    if name in FUNCTIONS or name in COMPOSED:
        if name in COMPOSED:
            return Named.__mro__[1].__array_function__(_any_named(args, kwargs), func, (Named,), args, kwargs)
        result = func(*plain(args), **plain(kwargs))
        made = by_name(name, args, kwargs, result)
        out = kwargs.get("out")
        if type(out) is Named:
            _written(out, made, False)
            return out
        return made
    result = func(*plain(args), **plain(kwargs))
    return _unknown(name, _leaves((*args, *kwargs.values())), result)


def _any_named(args: tuple, kwargs: dict) -> Named:
    found = next((one for one in _leaves((*args, *kwargs.values())) if type(one) is Named), None)
    return found if found is not None else np.zeros(0).view(Named)


def by_name(name: str, args: tuple, kwargs: dict, result: object) -> object:
    """A result by the rule of that name."""
    if name not in FUNCTIONS:
        return _unknown(name, _leaves(args), result)
    return FUNCTIONS[name](args, kwargs, result)


def _unknown(name: str, operands: Sequence[object], result: object) -> object:
    record = CURRENT.get()
    some = [one for one in operands if isinstance(one, np.ndarray) or last_of(one) >= 0]

    def one(value: object) -> object:
        if isinstance(value, (tuple, list)):
            return type(value)(map(one, value)) if type(value) in (tuple, list) else value
        labels = record.fresh(_shape(value)) if isinstance(value, (np.ndarray, np.floating)) else ()
        if labels and value.dtype.kind in "fc":
            record.lost(name)
        return named(value, labels, noted(name, some, value, labels))

    return one(result)


def _leaves(value: object) -> list:
    if isinstance(value, (tuple, list)):
        return [leaf for one in value for leaf in _leaves(one)]
    return [value]


def _given(args: tuple, kwargs: dict, place: int, name: str, default: object) -> object:
    return args[place] if len(args) > place else kwargs.get(name, default)


def _moved(name: str, array: object, result: object, axes: Sequence[int]) -> object:
    """The axes in another order."""
    labels, tags = labels_of(array), getattr(array, "tags", None)
    made = tuple(labels[axis] for axis in axes)
    event = noted(name, (array,), result, made, moves=True)
    tags = tuple(tags[axis] for axis in axes) if tags and len(tags) == len(labels) else None
    memory = _shared(array, event) if type(array) is Named and _views(result, array) else None
    return named(result, made, event, memory, getattr(array, "of", None), tags)


def _transpose(args: tuple, kwargs: dict, result: object) -> object:
    given = args[1:] if len(args) > 1 else (kwargs.get("axes"),)
    axes = given[0] if len(given) == 1 and (given[0] is None or isinstance(given[0], (tuple, list))) else given
    rank = len(_shape(plain(args[0])))
    order = range(rank)[::-1] if axes is None else [axis % rank for axis in axes]
    return _moved("transpose", args[0], result, list(order))


def _swapaxes(args: tuple, kwargs: dict, result: object) -> object:
    order = list(range(len(_shape(plain(args[0])))))
    first, second = _given(args, kwargs, 1, "axis1", 0), _given(args, kwargs, 2, "axis2", 1)
    order[first], order[second] = order[second], order[first]
    return _moved("swapaxes", args[0], result, order)


def _squeeze(args: tuple, kwargs: dict, result: object) -> object:
    shape = _shape(plain(args[0]))
    axis = _given(args, kwargs, 1, "axis", None)
    gone = [k for k, size in enumerate(shape) if size == 1] if axis is None else np.ravel(axis).tolist()
    return _moved("squeeze", args[0], result, [k for k in range(len(shape)) if k not in [g % len(shape) for g in gone]])


def _reshape(args: tuple, kwargs: dict, result: object) -> object:
    array = args[0]
    labels, shape = labels_of(array), _shape(plain(array))
    made = reshaped(labels, shape, _shape(result))
    event = noted("reshape", (array,), result, made, moves=True)
    tags = getattr(array, "tags", None)
    memory = _shared(array, event) if type(array) is Named and _views(result, array) else None
    return named(result, made, event, memory, getattr(array, "of", None), tags if made == labels else None)


def reshaped(labels: Axes, shape: tuple[int, ...], new: tuple[int, ...]) -> Axes:
    """The labels after a reshape: kept where an axis stays, of merged axes where several become one, and back."""
    every = CURRENT.get().labels
    if shape == new:
        return labels
    found: list[int] = []
    old = [(label, size) for label, size in zip(labels, shape) if size != 1]
    ones = [label for label, size in zip(labels, shape) if size == 1]
    k = 0
    sizes = [size for size in new if size != 1]
    m = 0
    while m < len(sizes):
        taken, given = [old[k]], [sizes[m]]
        k, m = k + 1, m + 1
        while math.prod(size for _, size in taken) != math.prod(given):
            if math.prod(size for _, size in taken) < math.prod(given):
                taken.append(old[k])
                k += 1
            else:
                given.append(sizes[m])
                m += 1
        names = tuple(label for label, _ in taken)
        parts = every[names[0]].parts if len(names) == 1 else ()
        if len(names) == len(given) == 1:
            found += names
        elif len(given) == 1:
            found.append(every.merged(names, given[0]))
        elif tuple(every[part].size for part in parts) == tuple(given):
            found += parts
        else:
            found += CURRENT.get().fresh(given)
    kept = iter(found)
    put_in = len([size for size in new if size == 1]) > len(ones)
    spare = iter(ones)
    return tuple(
        next(kept) if size != 1 else every.new(1, meant=True) if put_in else next(spare) for size in new
    )  # fmt: skip


def _ravel(args: tuple, kwargs: dict, result: object) -> object:
    return _reshape(args, kwargs, result)


def _copied(args: tuple, kwargs: dict, result: object) -> object:
    array = args[0]
    labels = labels_of(array)
    event = noted("copy", (array,), result, labels, moves=True)
    return named(result, labels, event, None, getattr(array, "of", None), getattr(array, "tags", None))


def _like(args: tuple, kwargs: dict, result: object) -> object:
    array = args[0]
    labels = labels_of(array) if _shape(result) == _shape(plain(array)) else CURRENT.get().fresh(_shape(result))
    return named(result, labels, None)


def _dot(args: tuple, kwargs: dict, result: object) -> object:
    first, second = (len(_shape(plain(one))) for one in args[:2])
    if not first or not second:
        return _elementwise("multiply", args[:2], result)
    inner = 0 if second == 1 else second - 2
    axes = [(0, k) for k in range(first - 1)] + [(1, k) for k in range(second) if k != inner]
    return _product("dot", args[:2], result, axes, [(0, first - 1, 1, inner)])


def _inner(args: tuple, kwargs: dict, result: object) -> object:
    first, second = (len(_shape(plain(one))) for one in args[:2])
    if not first or not second:
        return _elementwise("multiply", args[:2], result)
    axes = [(0, k) for k in range(first - 1)] + [(1, k) for k in range(second - 1)]
    return _product("inner", args[:2], result, axes, [(0, first - 1, 1, second - 1)])


def _vdot(args: tuple, kwargs: dict, result: object) -> object:
    first, second = args[:2]
    pairs = _aligned((first, second)) if _shape(plain(first)) == _shape(plain(second)) else []
    return named(result, (), noted("vdot", (first, second), result, (), pairs))


def _np_outer(args: tuple, kwargs: dict, result: object) -> object:
    flat = []
    for one in args[:2]:
        shape = _shape(plain(one))
        labels = labels_of(one)
        flat.append(reshaped(labels, shape, (math.prod(shape),)))
    made = (flat[0][0], flat[1][0])
    event = noted("outer", args[:2], result, made)
    return named(result, made, event, tags=((event.serial, 0), (event.serial, 1)))


def _tensordot(args: tuple, kwargs: dict, result: object) -> object:
    axes = _given(args, kwargs, 2, "axes", 2)
    ranks = [len(_shape(plain(one))) for one in args[:2]]
    if isinstance(axes, (int, np.integer)):
        axes = list(range(ranks[0] - axes, ranks[0])), list(range(axes))
    first, second = ([int(k) % rank for k in np.ravel(one)] for one, rank in zip(axes, ranks))
    rest = [(0, k) for k in range(ranks[0]) if k not in first] + [(1, k) for k in range(ranks[1]) if k not in second]
    return _product("tensordot", args[:2], result, rest, [(0, k, 1, m) for k, m in zip(first, second)])


def _einsum(args: tuple, kwargs: dict, result: object) -> object:
    if not isinstance(args[0], str) or "." in args[0]:
        return _unknown("einsum", _leaves(args), result)
    given, arrow, out = args[0].replace(" ", "").partition("->")
    terms = given.split(",")
    if not arrow:
        out = "".join(sorted(letter for letter in set(given) - {","} if given.count(letter) == 1))
    seen = {}
    pairs, summed = [], []
    for k, term in enumerate(terms):
        for axis, letter in enumerate(term):
            if letter in seen:
                pairs.append((*seen[letter], k, axis))
                if letter not in out:
                    summed.append((*seen[letter], k, axis))
            else:
                seen[letter] = k, axis
    operands = args[1:]
    made = tuple(labels_of(operands[seen[letter][0]])[seen[letter][1]] for letter in out)
    event = noted("einsum", operands, result, made, pairs, summed)
    tags = tuple(
        (event.serial, seen[letter][0]) if sum(letter in term for term in terms) == 1 else None for letter in out
    )
    return named(result, made, event, tags=tags)


def _concatenated(args: tuple, kwargs: dict, result: object) -> object:
    axis = _given(args, kwargs, 1, "axis", 0)
    arrays = list(args[0])
    if axis is None:
        return _unknown("concatenate", arrays, result)
    axis %= result.ndim
    record = CURRENT.get()
    first = labels_of(arrays[0])
    pairs = [pair for pair in _same_axes(arrays) if pair[1] != axis]
    joint = record.labels.new(result.shape[axis])
    longest = max(one.shape[axis] if isinstance(one, np.ndarray) else 0 for one in arrays)
    if longest >= result.shape[axis] - 1:  # h_0 in front of the states
        joint = next(labels_of(one)[axis] for one in arrays if np.shape(plain(one))[axis] == longest)
    labels = tuple(joint if k == axis else label for k, label in enumerate(first))
    event = noted("concatenate", arrays, result, labels, pairs, moves=True)
    return named(result, labels, event)


def _same_axes(arrays: Sequence[object]) -> Pairs:
    """Axis by axis, each array with the next."""
    rank = len(_shape(plain(arrays[0])))
    return [(k, axis, k + 1, axis) for k in range(len(arrays) - 1) for axis in range(rank)]


def _split(args: tuple, kwargs: dict, result: object) -> object:
    array, axis = args[0], _given(args, kwargs, 2, "axis", 0)
    record, labels, start, found = CURRENT.get(), labels_of(array), 0, []
    for part in result:
        size = part.shape[axis]
        made = list(labels)
        made[axis] = record.labels.part(labels[axis], start, start + size, 1, size)
        start += size
        event = noted("split", (array,), part, tuple(made), moves=True)
        found.append(
            named(part, tuple(made), event, getattr(array, "memory", None), getattr(array, "of", None))
        )  # fmt: skip
    return found


def _where(args: tuple, kwargs: dict, result: object) -> object:
    if len(args) == 1:
        return _unknown("where", args, result)
    labels = _broadcast(args, np.ndim(result))
    return named(result, labels, noted("where", args, result, labels, _aligned(args)))


def _repeated(args: tuple, kwargs: dict, result: object) -> object:
    array, shape = args[0], _shape(plain(args[0]))
    if len(shape) != result.ndim:
        return _unknown("repeat", _leaves(args), result)
    record = CURRENT.get()
    labels = tuple(
        label if size == new else record.labels.new(new)
        for label, size, new in zip(labels_of(array), shape, result.shape)
    )
    return named(result, labels, noted("repeat", (array,), result, labels))


def _taken_along(args: tuple, kwargs: dict, result: object) -> object:
    """Functions of one axis that lose it: argmax."""
    axis = _given(args, kwargs, 1, "axis", None)
    labels = labels_of(args[0])
    if axis is None or not isinstance(result, np.ndarray):
        return result
    keepdims = kwargs.get("keepdims", False)
    axis %= len(labels)
    made = tuple(
        CURRENT.get().labels.new(1, meant=True) if k == axis else label
        for k, label in enumerate(labels)
        if keepdims or k != axis
    )
    return named(result, made, noted("argmax", (args[0],), result, made))


def _cumulated(args: tuple, kwargs: dict, result: object) -> object:
    array = args[0]
    if _shape(result) != _shape(plain(array)):
        return _reshape(args, kwargs, result)
    return _alike("cumsum", array, result)


def _diagonal(args: tuple, kwargs: dict, result: object) -> object:
    array = args[0]
    labels = labels_of(array)
    made = (labels[0],) if len(labels) == 2 else labels * 2 if len(labels) == 1 else CURRENT.get().fresh(_shape(result))
    return named(result, made, noted("diag", (array,), result, made))


def _expanded(args: tuple, kwargs: dict, result: object) -> object:
    array, axes = args[0], _given(args, kwargs, 1, "axis", 0)
    axes = {int(axis) % result.ndim for axis in np.ravel(axes)}
    rest = iter(labels_of(array))
    record = CURRENT.get()
    made = tuple(record.labels.new(1, meant=True) if k in axes else next(rest) for k in range(result.ndim))
    event = noted("expand_dims", (array,), result, made, moves=True)
    memory = _shared(array, event) if type(array) is Named and _views(result, array) else None
    return named(result, made, event, memory, getattr(array, "of", None))


def _stacked(args: tuple, kwargs: dict, result: object) -> object:
    arrays, axis = list(args[0]), _given(args, kwargs, 1, "axis", 0) % result.ndim
    rest = list(labels_of(arrays[0]))
    labels = (*rest[:axis], *along(arrays), *rest[axis:])
    return named(result, labels, noted("stack", arrays, result, labels, _same_axes(arrays), moves=True))


def along(arrays: Sequence[object]) -> Axes:
    """The label of the axis along which a list is stacked: what one line made again and again are steps."""
    record = CURRENT.get()
    (label,) = record.fresh((len(arrays),))
    makers = [record.events[last_of(one)] for one in arrays if last_of(one) >= 0]
    if any(one.code is other.code and one.at == other.at for one, other in itertools.pairwise(makers)):
        record.step(label, 0)
        record.step(label, 1)
    return (label,)


def _put_to(args: tuple, kwargs: dict, result: object) -> object:
    stored(args[0], ..., args[1])
    return None


def _flipped(args: tuple, kwargs: dict, result: object) -> object:
    return _moved("flip", args[0], result, range(result.ndim))


def _moveaxis(args: tuple, kwargs: dict, result: object) -> object:
    source, to = ([int(k) % result.ndim for k in np.ravel(one)] for one in args[1:3])
    rest = [k for k in range(result.ndim) if k not in source]
    for where, k in sorted(zip(to, source)):
        rest.insert(where, k)
    return _moved("moveaxis", args[0], result, rest)


FUNCTIONS: MappingProxyType[str, Callable] = MappingProxyType({
    "transpose": _transpose, "permute_dims": _transpose, "swapaxes": _swapaxes, "moveaxis": _moveaxis,
    "squeeze": _squeeze, "expand_dims": _expanded, "reshape": _reshape, "ravel": _ravel, "flatten": _ravel,
    "copy": _copied, "astype": _copied, "array": _copied, "asarray": _copied, "nan_to_num": _copied,
    "zeros_like": _like, "ones_like": _like, "empty_like": _like, "full_like": _like,
    "dot": _dot, "inner": _inner, "vdot": _vdot, "outer": _np_outer, "tensordot": _tensordot, "einsum": _einsum,
    "concatenate": _concatenated, "stack": _stacked, "split": _split, "array_split": _split, "where": _where,
    "mean": _averaged("mean"), "std": _averaged("std"), "var": _averaged("var"), "repeat": _repeated,
    "tile": _repeated, "argmax": _taken_along, "argmin": _taken_along, "cumsum": _cumulated,
    "cumprod": _cumulated, "diag": _diagonal, "diagonal": _diagonal, "copyto": _put_to, "flip": _flipped,
    "flipud": _flipped, "fliplr": _flipped, "roll": _flipped, "sort": _flipped, "argsort": _flipped,
})  # fmt: skip
"""The functions and methods that have a rule of their own."""

COMPOSED = frozenset(
    "sum prod max min amax amin any all average hstack vstack column_stack row_stack dstack atleast_1d "
    "atleast_2d atleast_3d clip hsplit vsplit linalg.norm append matvec vecmat".split()
)
"""The functions that NumPy builds from others in such a way that names survive."""
