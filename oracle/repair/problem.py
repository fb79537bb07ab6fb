"""What a search for a repair is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oracle.annotation.matching import Matcher
from oracle.rewriting import Definition
from oracle.subject import Subject

PARTLY = 0.7  # what a match with one use of a value counts, where one with the whole counts 1


@dataclass(frozen=True)
class Problem:
    """What is to be repaired, at one set of arrays.

    forward      the lines that compute the loss, as (file name, line): they stay as they are
    gradients    the oracle's
    tolerance    how far from them is still right, by name
    matcher      of the adjoints
    values       of the values of the forward pass
    owners       of each adjoint that the matcher knows, the parameter whose gradient it is a part of, or ""
    weights      how much a match with each adjoint counts
    kinds        of the edits that may undo what reproduces the gradients
    neutral      lines that compute no adjoint: values of the forward pass, derivatives of activations
    suspects     lines that are known to be wrong, as (file name, line), the first first
    """

    subject: Subject
    definitions: Sequence[Definition]
    forward: frozenset[tuple[str, int]]
    loss: float
    gradients: Mapping[str, np.ndarray]
    tolerance: Mapping[str, float]
    matcher: Matcher
    values: Matcher
    owners: Sequence[str] = ()
    weights: Sequence[float] = ()
    suspects: Sequence[tuple[str, int]] = ()
    neutral: frozenset[tuple[str, int]] = frozenset()
    kinds: frozenset[str] = frozenset()
