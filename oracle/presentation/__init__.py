"""Verdicts where people look: text, tables, files. It imports everything; nothing in the oracle imports it."""

from oracle.presentation.text import describe

__all__ = ["describe"]
