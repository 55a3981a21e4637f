"""A service's health check, and the durations in it."""

from __future__ import annotations

import re

from .field import Field
from .stack import Healthcheck

_KEYS = ("test", "interval", "timeout", "retries", "start_period", "disable")
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:us|ms|h|m|s))+")
_PART = re.compile(r"([0-9.]+)(us|ms|h|m|s)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 24 * 3600.0


def read_healthcheck(field: Field) -> Healthcheck:
    keys = field.keys(_KEYS)
    if "disable" in keys and keys["disable"].boolean():
        if "test" in keys:
            raise keys["disable"].invalid("a disabled health check with a test")
        return Healthcheck(("NONE",))
    if "test" not in keys:
        raise field.unsupported(
            "a health check without a test (it would be the image's own)", "give it a test"
        )
    default = Healthcheck(())
    return Healthcheck(
        test=_test(keys["test"]),
        interval=_positive(keys["interval"]) if "interval" in keys else default.interval,
        timeout=_positive(keys["timeout"]) if "timeout" in keys else default.timeout,
        retries=keys["retries"].integer(1, 1000) if "retries" in keys else default.retries,
        start_period=(
            read_duration(keys["start_period"]) if "start_period" in keys else default.start_period
        ),
    )


def read_duration(field: Field) -> float:
    """Seconds, from compose's spelling: `1m30s`, `500ms`, `2.5s`."""
    text = field.raw()
    if _DURATION.fullmatch(text) is None:
        raise field.invalid(f"{text!r} is not a duration", "write it with its unit, as in 1m30s")
    seconds = round(sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(text)), 6)
    if seconds > _LONGEST:
        raise field.invalid(f"{text} is longer than a day")
    return seconds


def _positive(field: Field) -> float:
    seconds = read_duration(field)
    if seconds == 0:
        raise field.invalid("wants more than no time at all")
    return seconds


def _test(field: Field) -> tuple[str, ...]:
    if field.is_scalar:
        return ("CMD-SHELL", _not_empty(field, field.text()))
    test = tuple(item.text() for item in field.items())
    match test:
        case ("NONE",):
            return test
        case ("CMD-SHELL", line):
            return ("CMD-SHELL", _not_empty(field, line))
        case ("CMD", program, *_):
            _not_empty(field, program)
            return test
    raise field.invalid(
        "is not a test", 'it is text, ["CMD", program, …], ["CMD-SHELL", line] or ["NONE"]'
    )


def _not_empty(field: Field, text: str) -> str:
    if not text.strip():
        raise field.invalid("an empty test")
    return text
