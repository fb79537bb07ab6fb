"""Shape errors explained: the axes that clash, and the product that balances them."""

from oracle.mismatch.explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
