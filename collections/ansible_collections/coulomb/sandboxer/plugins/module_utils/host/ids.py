"""Ids, names and owners: what they may look like, and how new ids are made.

Every path and every engine name is built from these, so nothing else passes. Checked again on
the host, whatever the controller said.
"""

from __future__ import annotations

import re
import secrets

from .errors import HostError

_ID = re.compile(r"sbx-[a-z0-9][a-z0-9-]{0,38}")
_RUN = re.compile(r"run-[a-z0-9]{10}")
_RUN_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")
_OWNER = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that are mistaken for another


def new_suffix(length: int = 8) -> str:
    return "".join(secrets.choice(_LETTERS) for _letter in range(length))


def new_id() -> str:
    return "sbx-" + new_suffix()


def is_id(value: str) -> bool:
    return _ID.fullmatch(value) is not None


def check_id(value: str) -> str:
    return _check(_ID, value, "id", "an id is sbx- and then small letters, digits and dashes")


def new_run_id() -> str:
    return "run-" + new_suffix(10)


def sandbox_of_run(run_id: str) -> str:
    """The id of the sandbox that a run makes."""
    return "sbx-" + check_run_id(run_id)[len("run-") :]


def run_of_sandbox(sandbox_id: str) -> str:
    """The id of the run that would have made it; empty where none can have."""
    run_id = "run-" + sandbox_id[len("sbx-") :]
    return run_id if is_run_id(run_id) else ""


def is_run_id(value: str) -> bool:
    return _RUN.fullmatch(value) is not None


def check_run_id(value: str) -> str:
    hint = "the id of a run is run- and then ten small letters and digits"
    return _check(_RUN, value, "id of a run", hint)


def check_run_key(value: str) -> str:
    hint = "1 to 128 letters, digits and . _ : @ / + -, a letter or a digit first"
    return _check(_RUN_KEY, value, "run key", hint)


def check_name(value: str) -> str:
    hint = "a name is 1 to 39 small letters, digits and dashes"
    if isinstance(value, str) and value.startswith("sbx-"):
        hint = "what begins with sbx- is an id"
        raise HostError("usage", f"{value!r} is not a valid name", hint)
    return _check(_NAME, value, "name", hint)


def check_owner(value: str) -> str:
    return _check(
        _OWNER, value, "owner", "an owner is a login name or an address, in small letters"
    )


def _check(pattern: re.Pattern[str], value: str, noun: str, hint: str) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise HostError("usage", f"{value!r} is not a valid {noun}", hint)
    return value
