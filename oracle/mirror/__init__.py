"""Our networks written again in PyTorch, twice."""

from oracle.mirror.tensors import Tensors, to_tensors

__all__ = ["Tensors", "to_tensors"]
