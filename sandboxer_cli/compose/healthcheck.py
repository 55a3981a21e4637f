"""A service's health check."""

from __future__ import annotations

from .field import Field
from .quantities import read_duration
from .stack import Healthcheck


def read_healthcheck(field: Field) -> Healthcheck:
    keys = field.keys("services.*.healthcheck")
    if "disable" in keys and keys["disable"].boolean():
        if "test" in keys:
            raise keys["disable"].invalid("a disabled health check with a test")
        return Healthcheck(("NONE",))
    return Healthcheck(
        test=_test(keys["test"]) if "test" in keys else (),
        interval=_positive(keys["interval"]) if "interval" in keys else None,
        timeout=_positive(keys["timeout"]) if "timeout" in keys else None,
        retries=keys["retries"].integer(1, 1000) if "retries" in keys else None,
        start_period=read_duration(keys["start_period"]) if "start_period" in keys else None,
        start_interval=_positive(keys["start_interval"]) if "start_interval" in keys else None,
    )


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
