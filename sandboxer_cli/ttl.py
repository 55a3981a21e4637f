"""Spans of time as people write them: 30m, 1h30m, 45s."""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, timedelta

from .errors import Usage

_SPAN = re.compile(r"(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,5})s)?")
_HINT = "write it with its unit, as in 30m, 1h30m or 45s"


class _NoSpanError(ValueError):
    """The arguments are a message and a hint."""


def parse_ttl(text: str) -> int:
    """How long a sandbox lives, in seconds, from 10 to 86400.

    Raises Usage: `ttl_invalid`.
    """
    try:
        return _parse(text, "ttl", 10, 24)
    except _NoSpanError as error:
        raise Usage(*error.args, code="ttl_invalid") from error


def parse_deadline(text: str) -> int:
    """How long its making may take, in seconds, from 1 to 7200.

    Raises Usage: `deadline_invalid`.
    """
    try:
        return _parse(text, "deadline", 1, 2)
    except _NoSpanError as error:
        raise Usage(*error.args, code="deadline_invalid") from error


def parse_timeout(text: str) -> int:
    """How long something may take, in seconds, from 1 to 86400.

    Raises Usage: `timeout_invalid`.
    """
    try:
        return _parse(text, "timeout", 1, 24)
    except _NoSpanError as error:
        raise Usage(*error.args, code="timeout_invalid") from error


def parse_since(text: str) -> str:
    """Since when, as an engine takes it: a span before now, or an instant in RFC 3339.

    Raises Usage: `since_invalid`.
    """
    found = _instant_or_span(text, 48)
    return f"{found}s" if isinstance(found, int) else found.isoformat()


def parse_past(text: str, now: datetime) -> datetime:
    """An instant in RFC 3339, or a span of up to ten years before now.

    Raises Usage: `since_invalid`.
    """
    found = _instant_or_span(text, 10 * 366 * 24)
    return now - timedelta(seconds=found) if isinstance(found, int) else found


def _instant_or_span(text: str, greatest_hours: int) -> datetime | int:
    with contextlib.suppress(ValueError):
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant
    try:
        return _parse(text, "since", 1, greatest_hours)
    except _NoSpanError as error:
        message, hint = error.args
        hint += ", or give an instant with its zone, as in 2026-11-26T08:00:00Z"
        raise Usage(message, hint, code="since_invalid") from error


def _parse(text: str, noun: str, least_seconds: int, greatest_hours: int) -> int:
    """A bare number is refused: nobody knows what it counts."""
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None or not any(match.groups()):
        raise _NoSpanError(f"the {noun} {text!r} is not a time", _HINT)
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    span = hours * 3600 + minutes * 60 + seconds
    if not least_seconds <= span <= greatest_hours * 3600:
        raise _NoSpanError(
            f"the {noun} {text} is out of bounds",
            f"it is from {least_seconds}s to {greatest_hours}h",
        )
    return span
