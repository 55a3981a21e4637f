"""How long the parts of something took, one after the other."""

from __future__ import annotations

import time


class Laps:
    """`parts`: name -> seconds, in the order in which they ended."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._since = time.monotonic()

    def end(self, part: str) -> None:
        """What was done since the last end was this."""
        now = time.monotonic()
        self.parts[part] = self.parts.get(part, 0.0) + now - self._since
        self._since = now
