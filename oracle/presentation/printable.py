"""What the user's files, names and exceptions hold, as a terminal can show it."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # but tabs and line ends


def printable(text: str, encoding: str = "utf-8") -> str:
    """The text with escapes for what a terminal takes for orders, and for what the encoding lacks.

    >>> printable("check_\\x1b[2J.py")
    'check_\\\\x1b[2J.py'
    """
    text = CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
    return text.encode(encoding, "backslashreplace").decode(encoding)
