"""Verdicts where people look: text, tables, files. It imports everything; nothing imports it."""

from oracle.presentation.text import describe

__all__ = ["describe"]
