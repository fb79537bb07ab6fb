"""Planted mistakes: wrong copies of three right backward passes, which the smoke grid has to catch, all of them.

    elman.py, lstm.py, gru.py             the right passes, written step by step as textbooks do
    elman_mistakes.py, ...                what is planted in them, one small named change each
    catching.py                           which cases of the smoke grid catch a mistake
    hiding.py                             which choices of sizes and values would have hidden it

`python -m tests.planted NAME ...` says which smoke cases catch the named mistakes, `python -m tests.planted` writes
docs/planted.md.
"""

from tests.planted.lists import MISTAKES, PASSES
from tests.planted.mistake import Mistake

__all__ = ["MISTAKES", "PASSES", "Mistake"]
