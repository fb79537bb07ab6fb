"""python -m tests.planted [NAME ...]: which smoke cases catch the named mistakes; without, write docs/planted.md."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.planted.catching import catching, smoke_cases
from tests.planted.hiding import report
from tests.planted.lists import MISTAKES

DOCUMENT = Path(__file__).parents[2] / "docs" / "planted.md"


def main(names: list[str]) -> None:
    every = {str(mistake): mistake for mistakes in MISTAKES.values() for mistake in mistakes}
    if unknown := [name for name in names if name not in every]:
        raise SystemExit(f"{', '.join(unknown)}: no such mistake; there are\n" + "\n".join(every))
    for name in names:
        mistake = every[name]
        print(f"{mistake} ({mistake.kind}): {mistake.what}")
        try:
            found = list(catching(mistake))
        except Exception as error:
            print(f"    raises {type(error).__name__}: {error}")
            continue
        print(f"    caught by {len(found)} of the {len(smoke_cases(mistake.cell))} smoke cases that its pass can run")
        for case, verdicts in found:
            print(f"    {case}: {', '.join(verdict.name for verdict in verdicts)}")
    if not names:
        document = report()
        DOCUMENT.parent.mkdir(exist_ok=True)
        DOCUMENT.write_text(document)
        print(document)


if __name__ == "__main__":
    main(sys.argv[1:])
