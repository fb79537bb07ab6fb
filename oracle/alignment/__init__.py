"""Axes lined up that mean different things, found in one run with a name for every axis, where nothing raises."""

from oracle.alignment.run import Alignment, Misaligned, aligned

__all__ = ["Alignment", "Misaligned", "aligned"]
