"""Everything that a check found as one web page: a file that loads nothing and can be sent to others."""

from oracle.presentation.html.page import NotInstalled, ready, write_html

__all__ = ["NotInstalled", "ready", "write_html"]
