"""Text of the user's as a page may show it: what would be invisible, or turn the line around, as its escape."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Unicode's categories of what is not seen: control and format characters (bidirectional ones among them), halves of
surrogate pairs, private and unassigned ones, separators of lines."""


def visible(text: str) -> str:
    """'a\\u202eb' with the escape spelt out; line feeds and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if one in "\n\t" or unicodedata.category(one) not in HIDDEN else _escape(one) for one in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def number(value: object) -> str:
    """Every digit of a number, as short as it can be: '-2.36', '1e-300', 'nan', '(1+2j)'."""
    return str(value.item() if hasattr(value, "item") else value)


def short(value: object) -> str:
    """About three digits: for where there is little room."""
    return f"{complex(value):.2g}" if isinstance(value, complex) else f"{float(value):.2g}".replace("-", "−")


def shape_in_words(shape: Sequence[int], sizes: dict[str, int]) -> str:
    """'(6, 4)  input × hidden': an axis is named where one size alone is as long."""
    if not shape:
        return "a single number"
    names = {size: [name for name, other in sizes.items() if other == size] for size in shape}
    axes = [names[size][0] if len(names[size]) == 1 else str(size) for size in shape]
    numbers = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
    return numbers if axes == [str(size) for size in shape] else f"{numbers}  {' × '.join(axes)}"
