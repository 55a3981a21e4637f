"""Text that a test printed, fit for a document: no colours of a terminal, no control characters."""

from __future__ import annotations

import re

_OF_A_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
# what XML 1.0 can't hold, not even escaped
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def plain(text: str) -> str:
    """Fit for XML 1.0 and HTML: not escaped, only without what neither can hold."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _OF_A_TERMINAL.sub("", text))
