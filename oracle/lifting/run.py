"""One lifted run: its parameters, its random generator, and what it noticed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch

from oracle.lifting import namespace
from oracle.lifting.arrays import LiftedArray, begin, constant, depends, tensor_of
from oracle.lifting.record import Active, Leak, NotLifted, Record
from oracle.substitution import CURRENT, Substitutes


class Lifted:
    """What a lifted run gives.

    parameters  what the gradient function gets: lifted arrays, which may be changed in place
    leaves      the tensors that autograd is asked about
    leaks       where a value left the graph: the gradient misses what follows
    unfaithful  where torch's values were not NumPy's: the graph is of another function
    precision   float32 if the code computes in float32 or narrower anywhere; lifted it is computed in float64
    """

    def __init__(self, parameters: Mapping[str, np.ndarray], record: Record):
        self._record = record
        self.parameters: dict[str, object] = {}
        self.leaves: dict[str, torch.Tensor] = {}
        for name, value in parameters.items():
            memory = np.array(value, order="C", subok=False)
            if memory.dtype.kind not in "fc":
                raise ValueError(f"parameter {name!r} has dtype {memory.dtype}, but should be floating point")
            leaf = constant(memory).requires_grad_()
            begin(memory, leaf)
            self.leaves[name] = leaf
            self.parameters[name] = memory.view(LiftedArray)

    @property
    def leaks(self) -> list[Leak]:
        return self._record.leaks

    @property
    def unfaithful(self) -> list[Leak]:
        return self._record.unfaithful

    @property
    def precision(self) -> np.dtype:
        return np.dtype(np.float32 if self._record.narrow else np.float64)

    def rng(self, generator: np.random.Generator) -> object:
        """The generator; its arrays can hold values that depend on parameters."""
        return namespace.Random(generator)

    def tensor(self, value) -> torch.Tensor:
        """The tensor of a value that the lifted code returned. Raises NotLifted where it depends on no parameter."""
        previous, Active.record = Active.record, self._record
        try:
            if not depends(value):
                raise NotLifted("the result", "it depends on no parameter", "<result>", 0)
            return tensor_of(value)
        finally:
            Active.record = previous


@contextmanager
def lifting(parameters: Mapping[str, np.ndarray]) -> Iterator[Lifted]:
    """User code that runs inside is lifted; everything is as it was on leaving."""
    previous, record = Active.record, Record()
    default = torch.get_default_dtype()
    Active.record = record
    token = CURRENT.set(Substitutes(namespace.MODULES, namespace.BUILTINS))
    torch.set_default_dtype(torch.float64)
    try:
        with torch.enable_grad():
            yield Lifted(parameters, record)
    finally:
        torch.set_default_dtype(default)
        CURRENT.reset(token)
        Active.record = previous
