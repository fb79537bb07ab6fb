"""Verified gradients kept as snapshots, and code held against them where there is no PyTorch.

Only `recording` needs torch: what is recorded is what the oracle agrees with. Comparing needs NumPy alone.
"""

from oracle.snapshots.code import Code, FunctionCode, NetworkCode
from oracle.snapshots.comparison import differences
from oracle.snapshots.measured import Measured, NotMeasured
from oracle.snapshots.snapshot import RecordedCase, RecordedGradient, Snapshot, Unreadable, from_bytes, to_bytes

__all__ = [
    "Code",
    "FunctionCode",
    "Measured",
    "NetworkCode",
    "NotMeasured",
    "RecordedCase",
    "RecordedGradient",
    "Snapshot",
    "Unreadable",
    "differences",
    "from_bytes",
    "to_bytes",
]
