"""Snapshots of gradients as syrupy keeps them: one npz file for each test, compared within its tolerances.

Apart from `oracle.presentation.snapshot_plugin`, which every pytest run loads, for this needs syrupy.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from syrupy.extensions.single_file import SingleFileSnapshotExtension
from syrupy.location import PyTestLocation

from oracle.snapshots import Unreadable, differences, from_bytes

FOLDER = "__gradients__"
"""Of its own: what syrupy's other extensions do not know in their folder they take for unused, and delete."""


class GradientSnapshots(SingleFileSnapshotExtension):
    """Holds what code gives today against the file; writes bytes, which only a verified snapshot becomes.

    It is given a function that returns one or the other, and that raises where there is neither: raised in here, the
    test counts as one that uses its file. Else an update would delete the file of what it refuses to record.
    """

    file_extension = "npz"
    snapshot_dirname = FOLDER

    def serialize(self, data: Callable[[], object], **_: object) -> object:
        return data()

    def matches(self, *, serialized_data: object, snapshot_data: bytes) -> bool:
        if isinstance(serialized_data, bytes):  # to be written
            return False
        code, today = serialized_data
        try:
            return not differences(code, today, from_bytes(snapshot_data), "")
        except Unreadable:
            return False

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(Path(test_location.filepath).parent / FOLDER / test_location.basename)

    @classmethod
    def write_snapshot_collection(cls, *, snapshot_collection: object, name_order: object = None) -> None:
        """Raises TypeError for anything but bytes. The file is whole at every moment."""
        (snapshot,) = snapshot_collection
        if not isinstance(snapshot.data, bytes):
            raise TypeError(f"a snapshot is {type(snapshot.data).__name__}, but should be verified and bytes")
        location = Path(snapshot_collection.location)
        beside = location.with_name(f".{os.getpid()}.tmp")
        try:
            beside.write_bytes(snapshot.data)
            os.replace(beside, location)
        finally:
            beside.unlink(missing_ok=True)
