"""Every built-in network's gradients against those that were verified, with NumPy alone.

    pytest -p syrupy --noconftest tests/snapshots/check_networks.py                     # make snapshots
    pytest -p syrupy --noconftest tests/snapshots/check_networks.py --snapshot-update   # records anew, with torch

No part of the suite by its name: that has torch, and compares with autograd. What holds the two together is in
tests/oracle/snapshots.
"""

import pytest

from oracle.grid import CELLS, NETWORKS, Case
from oracle.snapshots import NetworkCode

OPTIONS = "-p syrupy --noconftest"


def cases(name: str) -> list[Case]:
    """Two of each cell, one of what stands around it; five steps, so that both windows of truncation are shorter."""
    wide = Case(name, 5, 3, 4, "float64", "ordinary")
    return [wide, Case(name, 3, 2, 5, "float32", "ordinary")] if name in CELLS else [wide]


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients(name, gradient_snapshot):
    gradient_snapshot(NetworkCode(name, cases(name)), OPTIONS)
