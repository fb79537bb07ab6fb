"""Dimension balancing: every product of arrays with named axes that gives a wanted result."""

from oracle.balancing.balance import Balance, Product, balance
from oracle.balancing.factors import Factor

__all__ = ["Balance", "Factor", "Product", "balance"]
