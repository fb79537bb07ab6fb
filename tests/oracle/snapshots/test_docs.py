"""docs/snapshots.md says what happens: its adapter is recorded and compared, its output is what is printed."""

import re
from pathlib import Path

from oracle.snapshots import differences
from oracle.snapshots.recording import verified

from .test_snapshot_plugin import UPDATE

TEXT = (Path(__file__).parents[3] / "docs" / "snapshots.md").read_text(encoding="utf-8")
(ADAPTER,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def shape_of(line: str) -> str:
    """Digits differ from one processor to the next, and versions from one installation to the next."""
    return re.sub(r"\d[\d.]*(e[+-]?\d+)?(\+cpu)?", "#", line.strip())


def test_its_adapter_and_what_is_said_of_it(code):
    right = code(ADAPTER)
    recorded = verified(right, right.measure())
    assert differences(right, right.measure(), recorded, UPDATE) == []
    assert "d.sum(0)" in ADAPTER and "Writing `d[0]` for\n`d.sum(0)`" in TEXT
    wrong = code(ADAPTER.replace("d.sum(0)", "d[0]"))
    printed = [shape_of(line) for line in differences(wrong, wrong.measure(), recorded, UPDATE)]
    (shown,) = re.findall(r"makes the comparison say\n\n((?:    .*\n)+)", TEXT)
    shown = [shape_of(line) for line in shown.splitlines()]
    place = shown.index("...")
    assert shown[:place] == printed[:place]
    assert shown[place + 1 :] == printed[-len(shown) + place + 1 :]
