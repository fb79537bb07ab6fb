"""What fixes a wrong gradient: a search over edits of the user's backward pass, each verified before it is shown."""

from oracle.repair.causes import edits_for
from oracle.repair.edit import running
from oracle.repair.problem import PARTLY, Problem
from oracle.repair.repair import BUDGET, Change, Repair, Repairs, repair

__all__ = ["BUDGET", "PARTLY", "Change", "Problem", "Repair", "Repairs", "edits_for", "repair", "running"]
