"""The share of the planted mistakes that is named, by kind: python -m tests.oracle.hypotheses"""

import time
from collections import Counter

from tests.oracle.hypotheses.planted import SINGLES, read


def main() -> None:
    planted, named, tied, slowest = Counter(), Counter(), Counter(), 0.0
    for one in SINGLES:
        begun = time.monotonic()
        found = read(one.source())
        slowest = max(slowest, time.monotonic() - begun)
        planted[one.kind] += 1
        kinds = [tuple(mistake.kind for mistake in reading.mistakes) for reading in found]
        if kinds and kinds[0] == (one.kind,):
            named[one.kind] += 1
        else:
            tied[one.kind] += (one.kind,) in kinds
            print(f"{one}\n    {one.kind}, read as {kinds or 'nothing'}")
    for kind in planted:
        print(f"{kind:30} {named[kind]:3} of {planted[kind]:3}, {tied[kind]} more among the readings shown")
    print(f"{'all':30} {named.total():3} of {planted.total():3}; the slowest took {slowest:.1f} s")


if __name__ == "__main__":
    main()
