"""Whether a program is new enough, without asking it each time.

What has been asked and was new enough is noted with its file's size and time: so a create asks
again only after an upgrade.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from .engine import Engine
from .errors import HostError
from .state import State, read_json, write_json

FILE = "versions.json"  # in the state folder


def refuse_old_engine(state: State, engine: Engine) -> None:
    """HostError `too_old`. Under the host's lock, where the state folder is there."""
    refuse_old(state, engine.program, engine.binary(), engine.least, engine.version)


def refuse_old(
    state: State, name: str, path: str | None, least: str, ask: Callable[[], str]
) -> None:
    """As `refuse`; `path` is the file of the program whose version it is that `ask` tells."""
    file = os.path.join(state.root, FILE)
    noted = _noted(file)
    stamp = _stamp(path)
    known = noted.get(name) or {}
    if stamp and known.get("stamp") == stamp and not is_older(known["version"], least):
        return
    version = ask()
    refuse(name, version, least)
    if stamp and _numbers(version):
        write_json(file, {**noted, name: {"stamp": stamp, "version": version}})


def _noted(file: str) -> dict[str, Any]:
    try:
        return read_json(file) or {}
    except ValueError:  # it is noted anew
        return {}


def refuse(name: str, version: str, least: str) -> None:
    """HostError `too_old` where this version is older than the least that will do. No I/O."""
    if is_older(version, least):
        raise HostError(
            "too_old",
            f"{name} {version} is too old: {least} is the least that sandboxes need",
            f"install a newer {name}, or choose another host",
        )


def is_older(version: str, least: str) -> bool:
    """One that can't be read is not: a build of somebody's own."""
    found = _numbers(version)
    return bool(found) and found < _numbers(least)


def _numbers(version: str) -> list[int]:
    """Of 20.10.24+dfsg1 or v2.26.1-4 what stands before the first other character."""
    found = re.match(r"v?([0-9]{1,9}(?:\.[0-9]{1,9})*)", version)
    return [int(one) for one in found[1].split(".")] if found else []


def _stamp(path: str | None) -> str:
    if path is None:
        return ""
    seen = os.stat(path)
    return f"{os.path.realpath(path)} {seen.st_size} {seen.st_mtime_ns}"
