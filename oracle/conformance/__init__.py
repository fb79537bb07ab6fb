"""Somebody else's implementation of the built-in networks, held against PyTorch autograd over the whole grid.

pytest --pyargs oracle.conformance --implementation my_module --cells lstm --grid standard -n auto
"""

from oracle.conformance.interface import Implementation, Run

__all__ = ["Implementation", "Run"]
