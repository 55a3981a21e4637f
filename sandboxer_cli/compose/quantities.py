"""Spans of time and sizes, as compose writes them."""

from __future__ import annotations

import re

from .field import Field

_DURATION = re.compile(r"0|(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|us|µs|ms|[wdhms]))+")
_PART = re.compile(r"([0-9.]+)(ns|us|µs|ms|[wdhms])")
_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?) ?([kmgtp]?)i?b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def read_duration(field: Field, days: int = 1) -> float:
    """Seconds, from compose's spelling: `1m30s`, `500ms`, `2.5s`; at most so many days."""
    text = field.raw()
    if _DURATION.fullmatch(text) is None:
        raise field.invalid(f"{text!r} is not a duration", "write it with its unit, as in 1m30s")
    seconds = round(sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(text)), 6)
    if seconds > days * _SECONDS["d"]:
        raise field.invalid(f"{text} is longer than {'a day' if days == 1 else f'{days} days'}")
    return seconds


def read_size(field: Field) -> int:
    """Bytes, from a number or from compose's spelling: `64m`, `1.5gb`, `2 GiB`, by 1024."""
    text = field.raw()
    found = _SIZE.fullmatch(text)
    if found is None or float(found[1]) * 1024 ** _POWERS[found[2].lower()] >= 2**63:
        raise field.invalid(f"{text!r} is not a size", "write it as 512m or 1.5gb")
    return int(float(found[1]) * 1024 ** _POWERS[found[2].lower()])


def read_mode(field: Field) -> int:
    """Permission bits: octal in quotes or with a zero before, as YAML has it decimal without."""
    text = field.raw()
    octal = not field.is_number or text.startswith("0")
    digits = re.fullmatch(r"(?:0o)?([0-7]{1,5})" if octal else r"([0-9]{1,5})", text)
    if digits is None or int(digits[1], 8 if octal else 10) > 0o7777:
        raise field.invalid(f"{text!r} is not a file's mode", 'write it as "0440"')
    return int(digits[1], 8 if octal else 10)
