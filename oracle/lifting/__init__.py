"""Lifting: running somebody's NumPy source, unmodified, so that autograd differentiates its own forward pass."""

from oracle.lifting.live import swapped
from oracle.lifting.record import Leak, NotLifted
from oracle.lifting.run import Lifted, lifting

__all__ = ["Leak", "Lifted", "NotLifted", "lifting", "swapped"]
