"""What a check answers."""

from __future__ import annotations

from typing import Literal, TypedDict

from sandboxer_cli.errors import SandboxerError


class Row(TypedDict):
    """One check. `mend` is empty where it is ok, `exit_status` is 0 unless it failed."""

    host: str
    check: str
    result: Literal["ok", "warn", "fail"]
    said: str
    mend: str
    exit_status: int


def ok(host: str, check: str, said: str) -> Row:
    return _row(host, check, "ok", said, "", 0)


def warn(host: str, check: str, said: str, mend: str) -> Row:
    return _row(host, check, "warn", said, mend, 0)


def fail(host: str, check: str, said: str, mend: str, kind: type[SandboxerError]) -> Row:
    return _row(host, check, "fail", said, mend, kind.exit_status)


def refused(host: str, check: str, error: SandboxerError) -> Row:
    return fail(host, check, error.detail.message, error.detail.hint, type(error))


def _row(
    host: str,
    check: str,
    result: Literal["ok", "warn", "fail"],
    said: str,
    mend: str,
    exit_status: int,
) -> Row:
    return {
        "host": host,
        "check": check,
        "result": result,
        "said": said,
        "mend": mend,
        "exit_status": exit_status,
    }
