"""PyTorch as the judge of hand-written gradients."""

from oracle.check import Report, check
from oracle.grid import Case, problem
from oracle.problem import Problem
from oracle.verdict import Verdict

__all__ = ["Case", "Problem", "Report", "Verdict", "check", "problem"]
