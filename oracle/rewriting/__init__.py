"""The user's functions as they are written, and run with something else in their place."""

from oracle.rewriting.definitions import Definition, copied, definitions_run, loops_at_the_top_level
from oracle.rewriting.exchange import compiled, exchanged
from oracle.rewriting.guards import TookTooLong, quiet, within

__all__ = [
    "Definition", "TookTooLong", "compiled", "copied", "definitions_run", "exchanged", "loops_at_the_top_level",
    "quiet", "within",
]  # fmt: skip
