"""How long a sandbox lives, as people write it: 30m, 1h30m, 45s."""

from __future__ import annotations

import re

from .errors import Usage

LEAST_SECONDS = 10
GREATEST_SECONDS = 24 * 3600

_TTL = re.compile(r"(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,5})s)?")
_HINT = "write it with its unit, as in 30m, 1h30m or 45s"


def parse_ttl(text: str) -> int:
    """Seconds, from 10 to 86400. A bare number is refused: nobody knows what it counts.

    Raises Usage: `ttl_invalid`.
    """
    match = _TTL.fullmatch(text) if isinstance(text, str) else None
    if match is None or not any(match.groups()):
        raise Usage(f"the ttl {text!r} is not a time", _HINT, code="ttl_invalid")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    ttl = hours * 3600 + minutes * 60 + seconds
    if not LEAST_SECONDS <= ttl <= GREATEST_SECONDS:
        raise Usage(f"the ttl {text} is out of bounds", "it is from 10s to 24h", code="ttl_invalid")
    return ttl
