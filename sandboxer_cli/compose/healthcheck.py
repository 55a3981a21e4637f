"""A service's health check."""

from __future__ import annotations

from .field import Field
from .quantities import read_duration
from .stack import Healthcheck


def read_healthcheck(field: Field) -> Healthcheck:
    keys = field.keys("services.*.healthcheck")
    if "disable" in keys and keys["disable"].boolean():
        return Healthcheck(("NONE",))  # whatever a file before it says
    return Healthcheck(
        test=_test(keys["test"]) if "test" in keys else (),
        interval=_seconds(keys["interval"]) if "interval" in keys else None,
        timeout=read_duration(keys["timeout"]) or None if "timeout" in keys else None,
        retries=keys["retries"].integer(0, 1000) or None if "retries" in keys else None,
        start_period=_read(keys["start_period"]) if "start_period" in keys else None,
        start_interval=_seconds(keys["start_interval"]) if "start_interval" in keys else None,
    )


def _seconds(field: Field) -> float | None:
    """None, the default, where it is no time at all."""
    return _read(field) or None


def _read(field: Field) -> float:
    """Longer than a sandbox lives is as good as never, and people write that."""
    return read_duration(field, days=365)


def _test(field: Field) -> tuple[str, ...]:
    if field.is_scalar:
        return ("CMD-SHELL", _not_empty(field, field.text()))
    test = tuple(item.text() for item in field.items())
    match test:
        case ("NONE",):
            return test
        case ("CMD" | "CMD-SHELL", first, *_):  # of a shell, further words are its $0, $1 …
            _not_empty(field, first)
            return test
    raise field.invalid(
        "is not a test", 'it is text, ["CMD", program, …], ["CMD-SHELL", line] or ["NONE"]'
    )


def _not_empty(field: Field, text: str) -> str:
    if not text.strip():
        raise field.invalid("an empty test")
    return text
