"""NumPy's ufuncs and their methods."""

from __future__ import annotations

import numpy as np

from oracle.alignment.named import Memory, Named, labels_of, last_of
from oracle.alignment.rules.elementwise import alike, elementwise
from oracle.alignment.rules.indexing import stored
from oracle.alignment.rules.noting import line_ups, merged, nameless, noted
from oracle.alignment.rules.products import by_signature, matmul, outer_of_ufunc
from oracle.alignment.rules.reductions import reduced


def computed(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict, out: tuple, result: object) -> object:
    """What a ufunc gave, with labels."""
    name = ufunc.__name__
    if method == "reduce":
        made = reduced(name, inputs[0], kwargs.get("axis", 0), kwargs.get("keepdims", False), result)
    elif method == "accumulate":
        made = alike(name, inputs[0], result)
    elif method == "outer":
        made = outer_of_ufunc(inputs, result)
    elif method == "at":
        stored(inputs[0], inputs[1], inputs[2] if len(inputs) > 2 else 0)
        return None
    elif method == "__call__" and ufunc.signature is None:
        made = elementwise(name, inputs, result)
    elif name == "matmul":
        made = matmul(inputs, result)
    elif name in ("matvec", "vecmat", "vecdot"):
        made = by_signature(ufunc.signature, inputs, result, name)
    else:
        made = nameless(name, inputs, result)
    if not out:
        return made
    for array, one in zip(out, made if isinstance(made, tuple) else (made,)):
        if type(array) is Named:
            written(array, one, array is inputs[0])
    return out[0] if len(out) == 1 else out


def written(array: Named, made: object, in_place: bool) -> None:
    """An array that holds a result from now on."""
    event = last_of(made)
    labels = labels_of(array)
    if not in_place:
        event = noted("stored", (array, made), made, labels, line_ups((array, made)), moves=True).serial
    array.memory = array.memory or Memory()
    array.memory.last = event
    array.tags = merged(array.tags, getattr(made, "tags", None))
    array.of = None if array.of and not in_place else array.of
