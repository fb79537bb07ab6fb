"""Why a gradient is wrong: of other backward passes of the user's own forward pass, the one that gives it."""

from oracle.hypotheses.explaining import Explanation, explained
from oracle.hypotheses.reading import Mistake, Reading

__all__ = ["Explanation", "Mistake", "Reading", "explained"]
