"""The pytest plugin of snapshots: gradient functions held against gradients that were verified, without torch.

    pytest check_char_rnn.py --gradient-snapshots                      # NumPy, pytest and syrupy are enough
    pytest check_char_rnn.py --gradient-snapshots --snapshot-update    # records; needs torch, and that it agrees

Loaded with every pytest run of the environment, so nothing is imported before it is asked for.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from oracle.presentation.pytest_plugin.collecting import is_gradient_function, is_test_here

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from oracle.snapshots import Code

OPTION = "--gradient-snapshots"
UPDATE = "--snapshot-update"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("gradient functions").addoption(
        OPTION,
        action="store_true",
        help="hold gradient functions against recorded, verified gradients instead of torch; record with " + UPDATE,
    )


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.gradient_snapshots:
        return
    if not config.pluginmanager.hasplugin("syrupy"):
        raise pytest.UsageError(f"{OPTION} needs syrupy, which is not loaded: pip install syrupy")
    for option in ("gradient_sequence_lengths", "gradient_hidden_sizes"):
        if config.getoption(option, None):
            flag = f"--{option.replace('_', '-')}"
            raise pytest.UsageError(f"{flag} has no meaning with {OPTION}: sizes are those that were recorded")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object):
    if not collector.config.option.gradient_snapshots or not is_gradient_function(obj):
        return None
    if not isinstance(collector, pytest.Module):
        raise collector.CollectError(f"{name} stands in a class; gradient functions stand at the top of their file")
    if not is_test_here(collector, name, obj):
        return []

    def test(gradient_snapshot: Callable) -> None:
        from oracle.snapshots import FunctionCode  # after pytest's own start

        gradient_snapshot(FunctionCode(obj, name), OPTION)

    test.__name__, test.__module__ = name, collector.obj.__name__
    return pytest.Function.from_parent(collector, name=name, callobj=test)


@pytest.fixture
def gradient_snapshot(request: pytest.FixtureRequest, snapshot: SnapshotAssertion) -> Callable[[Code, str], None]:
    """(code, options of pytest that it needs) -> None; fails unless the code gives what was verified."""
    from oracle.presentation.syrupy_extension import GradientSnapshots  # needs syrupy

    snapshot = snapshot.use_extension(GradientSnapshots)

    def hold(code: Code, options: str) -> None:
        from oracle.snapshots import NotMeasured

        amiss: list[str] = []

        def today() -> object:
            file = Path(snapshot.extension.get_location(test_location=snapshot.test_location, index=snapshot.index))
            measured = code.measure()
            amiss[:] = _amiss(code, measured, file, f"pytest {_selection(request)} {options} {UPDATE}")
            writes = snapshot.update_snapshots or (snapshot.update_new_snapshots_only and not file.exists())
            return _verified(code, measured) if amiss and writes else (code, measured)

        if snapshot == today:
            return
        error = snapshot.executions[snapshot.num_executions - 1].exception
        if isinstance(error, NotMeasured):
            pytest.fail(f"{code.name} was not compared: {error}", pytrace=False)
        elif isinstance(error, NotRecorded):
            pytest.fail(f"nothing is recorded of {code.name}: {error}", pytrace=False)
        elif isinstance(error, OSError):
            pytest.fail(f"the snapshot of {code.name} cannot be read or written: {error}", pytrace=False)
        elif error is not None:
            raise error
        pytest.fail("\n".join(amiss), pytrace=False)

    return hold


def _amiss(code: Code, today: list, file: Path, update: str) -> list[str]:
    """What keeps the file from saying that the code is right, in lines; none if it does."""
    from oracle.snapshots import Unreadable, differences, from_bytes

    try:
        return differences(code, today, from_bytes(file.read_bytes()), update)
    except FileNotFoundError:
        where = f"{file.parent.parent.name}/{file.parent.name}/{file.name}"
        return [f"{code.name} has no snapshot: there is no {where}", f"record it, which needs torch: {update}"]
    except Unreadable as reason:
        return [
            f"the snapshot of {code.name}, {file.name}, {reason}",
            f"take the file from version control, or record it anew, which needs torch: {update}",
        ]


class NotRecorded(Exception):
    """Why no snapshot is written."""


def _verified(code: Code, today: list) -> bytes:
    from oracle.snapshots import to_bytes

    try:
        from oracle.snapshots.recording import NotVerified, verified
    except ImportError as error:
        raise NotRecorded(f"only PyTorch can verify it, and it cannot be imported ({error})") from error
    try:
        return to_bytes(verified(code, today))
    except NotVerified as reason:
        raise NotRecorded(str(reason)) from None


def _selection(request: pytest.FixtureRequest) -> str:
    """The test as pytest's argument, from where pytest was run."""
    path = os.path.relpath(request.node.path, request.config.invocation_params.dir)
    return shlex.quote("::".join([path, *request.node.nodeid.split("::")[1:]]))
