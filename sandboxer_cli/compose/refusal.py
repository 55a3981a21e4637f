"""How this room says no: what, why, and where."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Usage
from .tree import Place

_LONGEST = 400


def invalid(message: str, place: Place | str, hint: str = "") -> Usage:
    """The file is wrong by compose's own rules."""
    return Usage(f"{shown(message)}, {place}", hint, code="compose_invalid")


def unsupported(what: str, place: Place | str, hint: str = "") -> Usage:
    """The file is right, and sand-boxer can't do it yet."""
    return Usage(f"not supported yet: {shown(what)}, {place}", hint, code="compose_unsupported")


def refused(path: str, why: str, place: Place | str, hint: str = "") -> Usage:
    """The file is right, and what it asks for is not given to a sandbox."""
    message = f"{shown(path)} is refused: {shown(why)}, {place}"
    return Usage(message, hint, code="compose_unsupported")


def give(variables: Sequence[str]) -> str:
    """Where they get their values: not from where every user of docker has them."""
    lines = " and ".join(f"{name}=…" for name in variables)
    options = " ".join(f"--set {name}=…" for name in variables)
    return f"write {lines} into .env, or give {options}; your shell's environment is not read"


def shown(text: str) -> str:
    """A file's own words go to a terminal here: no control characters, and not megabytes."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)
