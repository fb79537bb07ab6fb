"""The pytest plugin: gradient functions in a test file are tests, one for each parameter at each case.

    pytest check_char_rnn.py
    pytest check_char_rnn.py --gradient-sequence-lengths 1,2,7 --gradient-hidden-sizes 3,16

Loaded with every pytest run of the environment, so nothing that needs torch is imported before there is something to
check.
"""

from oracle.presentation.pytest_plugin.collecting import (
    GradientFunctionCollector,
    GradientItem,
    pytest_pycollect_makeitem,
)
from oracle.presentation.pytest_plugin.expected import GradientXfailWarning
from oracle.presentation.pytest_plugin.failing import GradientFailure, pytest_runtest_makereport
from oracle.presentation.pytest_plugin.fixture import check_gradients
from oracle.presentation.pytest_plugin.options import (
    pytest_addoption,
    pytest_configure,
    pytest_load_initial_conftests,
)

__all__ = [
    "GradientFailure",
    "GradientFunctionCollector",
    "GradientItem",
    "GradientXfailWarning",
    "check_gradients",
    "pytest_addoption",
    "pytest_configure",
    "pytest_load_initial_conftests",
    "pytest_pycollect_makeitem",
    "pytest_runtest_makereport",
]
