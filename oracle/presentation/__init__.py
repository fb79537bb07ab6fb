"""Verdicts where people look: text, tables, files. It imports everything; nothing in the oracle imports it."""

__all__ = ["describe"]


def __getattr__(name: str) -> object:
    # asked for and not before: the pytest plugin is in here as well, and every pytest run would wait for torch
    if name != "describe":
        raise AttributeError(f"module 'oracle.presentation' has no attribute {name!r}")
    from oracle.presentation.text import describe

    return describe
