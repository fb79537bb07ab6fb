"""Why a gradient is wrong: of other backward passes of the user's own forward pass, the one that gives it."""

from oracle.hypotheses.explaining import Explanation, explained
from oracle.hypotheses.reading import Mistake, Reading
from oracle.hypotheses.search import SECONDS

__all__ = ["SECONDS", "Explanation", "Mistake", "Reading", "explained"]
