"""A parameter in blocks: its slices, the gates of a cell stacked in one matrix, the parts of a joint input.

whole    G = Σ_t a_tᵀ δ_t
gates    δ_t = [δ_i, δ_f, δ_o, δ_g]: the columns of G in blocks
joint    a_t = [h_{t-1}, x_t]: the rows of G in blocks
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oracle.hypotheses.backward import Adjoints, Backward
from oracle.hypotheses.parts import BIAS, COLUMNS, OTHER, ROWS, Part, summed_to


@dataclass(eq=False)
class Block:
    """A block of a parameter: its inputs a (steps, samples, in), or None, its deltas (steps, samples, out), and
    where in the part it is, as slices of the slice's shape; `name` says which."""

    part: Part
    name: str
    where: tuple[slice, ...]
    a: np.ndarray | None
    deltas: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return np.empty(self.part.shape, dtype=bool)[self.where].shape

    def gradient(self, deltas: np.ndarray | None = None, a: np.ndarray | None = None) -> np.ndarray:
        """Σ_t of the contributions, with other deltas or inputs if they are given."""
        return self.contributions(deltas, a).sum(axis=0)

    def contributions(self, deltas: np.ndarray | None = None, a: np.ndarray | None = None) -> np.ndarray:
        """The gradient step by step, (steps, *shape)."""
        deltas, a = self.deltas if deltas is None else deltas, self.a if a is None else a
        if self.part.form == ROWS:
            return a.transpose(0, 2, 1) @ deltas
        if self.part.form == COLUMNS:
            return deltas.transpose(0, 2, 1) @ a
        if self.part.form == BIAS:
            return np.stack([summed_to(one, self.shape) for one in deltas])
        return self.part.contributions(deltas)

    def taken(self, whole: np.ndarray) -> np.ndarray:
        """This block of an array in the parameter's shape."""
        return self.part.taken(whole)[self.where]


def whole_blocks(parts: list[Part], adjoints: Adjoints) -> list[Block]:
    """One block for each part."""
    return [Block(part, "", (Ellipsis,), part.inputs, part.deltas(adjoints)) for part in parts]


def split_blocks(blocks: list[Block], hidden: frozenset[int]) -> list[Block]:
    """The same with stacked gates and joint inputs apart."""
    found = []
    for block in blocks:
        found += _split(block, hidden)
    return found


def _split(block: Block, hidden: frozenset[int]) -> list[Block]:
    form = block.part.form
    if form == OTHER or not block.part.shape:  # a single number, of a bias in a list
        return [block]
    outs = _pieces(_features(block), hidden)
    ins = _joint(block.a.shape[-1], hidden) if block.a is not None else [slice(None)]
    if len(outs) == len(ins) == 1:
        return [block]
    found = []
    for out in outs:
        for into in ins:
            if form == ROWS:
                where, a, deltas = (into, out), block.a[..., into], block.deltas[..., out]
            elif form == COLUMNS:
                where, a, deltas = (out, into), block.a[..., into], block.deltas[..., out]
            else:
                axis = _feature_axis(block)
                where = tuple(out if k == axis else slice(None) for k in range(len(block.part.shape)))
                a, deltas = None, block.deltas[(Ellipsis, out, *[slice(None)] * (len(block.part.shape) - axis - 1))]
            found.append(Block(block.part, _name(where), where, a, deltas))
    return found


def _features(block: Block) -> int:
    return block.deltas.shape[-1] if block.part.form != BIAS else block.part.shape[_feature_axis(block)]


def _feature_axis(block: Block) -> int:
    return int(np.argmax(block.part.shape))


def _pieces(size: int, hidden: frozenset[int]) -> list[slice]:
    for one in hidden:
        if size % one == 0 and size // one in (2, 3, 4):
            return [slice(k, k + one) for k in range(0, size, one)]
    return [slice(None)]


def _joint(size: int, hidden: frozenset[int]) -> list[slice]:
    """A joint input begins or ends with the hidden state; which, the search finds out: both are tried by name."""
    for one in hidden:
        if one < size and size % one:
            return [slice(0, one), slice(one, size)]
    return [slice(None)]


def _name(where: tuple[slice, ...]) -> str:
    def text(one: slice) -> str:
        return ":" if one == slice(None) else f"{one.start}:{one.stop}"

    return f"[{', '.join(text(one) for one in where)}]"


def hidden_sizes(backward: Backward) -> frozenset[int]:
    """The sizes of the features of the activations' values."""
    return frozenset(size for op in backward.activations for size in tuple(op.out.shape) if size > 1)
