"""What a host knows of one sandbox, written before anything is made."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from . import ids
from .clock import instant
from .errors import HostError
from .lease import Lease
from .state import State, read_json, write_json

SCHEMA = 1
MAY_END = "may_end"


class Record(NamedTuple):
    """The envelope, version 1. Instants are seconds since the epoch (UTC)."""

    id: str
    name: str
    owner: str
    generation: int
    state: str
    wanted: str  # present | absent
    program: str  # the file below programs/ that made it, and that can take it away
    lease: Mapping[str, Any]
    schema: int = SCHEMA
    min_reader: int = 1
    profile: str = ""
    profile_hash: str = ""
    request: Mapping[str, str] = {}
    source_digest: str | None = None
    extension: str = ""
    engine: str = ""
    maker: str = "engine"
    compose_cmd: str | None = None
    instants: Mapping[str, float] = {}
    holdings: tuple[Mapping[str, str], ...] = ()
    # name -> running, completed (or may have ended with 0), MAY_END (likewise, in this boot)
    containers: Mapping[str, str] = {}
    job: Mapping[str, Any] = {}
    reachability: Mapping[str, Any] = {}
    replaces: str = ""  # an id that has to be gone before this one is made
    error: Mapping[str, Any] | None = None
    unknown: Mapping[str, Any] = {}  # a newer program's fields

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        known = set(cls._fields) - {"unknown"}
        values = {name: data[name] for name in known if name in data}
        values["holdings"] = tuple(data.get("holdings", ()))
        return cls(**values, unknown={k: v for k, v in data.items() if k not in known})

    def as_dict(self) -> dict[str, Any]:
        data = self._asdict()
        data.update(data.pop("unknown"))
        data["holdings"] = list(data["holdings"])
        return data

    def granted(self) -> Lease:
        return Lease.from_dict(self.lease)


def read(state: State, sandbox_id: str) -> Record | None:
    """The record of one sandbox, or None.

    Raises HostError `newer_record` for a record that this program must not interpret, and
    `broken_record` for one that is no record.
    """
    data = _read_raw(state, sandbox_id)
    if data is None:
        return None
    try:
        if data.get("min_reader", 1) > SCHEMA:
            raise HostError(
                "newer_record",
                "the record of {} needs a newer sandboxer (format {})".format(
                    sandbox_id, data.get("min_reader")
                ),
                "install the version of sand-boxer that made it",
            )
        found = Record.from_dict(data)
        found.granted()  # a lease that is none would be met later, by everybody
        return found
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(state, sandbox_id) from error


def read_for_reaper(state: State, sandbox_id: str) -> tuple[Lease, str, str] | None:
    """Lease, state and program of a record of any version: all that a reaper may look at."""
    data = _read_raw(state, sandbox_id)
    if data is None:
        return None
    try:
        return Lease.from_dict(data["lease"]), data["state"], str(data.get("program", ""))
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(state, sandbox_id) from error


def read_all(state: State) -> list[Record]:
    """Every record of the account that this program can read; the others are for `read`."""
    found = []
    for sandbox_id in state.sandbox_ids():
        try:
            current = read(state, sandbox_id)
        except HostError:
            continue
        if current is not None:
            found.append(current)
    return found


def write(state: State, wanted: Record) -> None:
    """Under the record's lock, and only by who has read it there."""
    write_json(state.record(wanted.id), wanted.as_dict())


def update(where: State, sandbox_id: str, generation: int, /, **changes: Any) -> Record:
    """Change fields of a record that is still of this generation; else HostError `fenced`."""
    with where.record_lock(sandbox_id):
        current = read(where, sandbox_id)
        if current is None or current.generation != generation:
            raise HostError("fenced", f"{sandbox_id} was taken over by somebody else")
        changed = current._replace(**changes)
        write(where, changed)
        return changed


def find(records: list[Record], reference: str, owner: str) -> Record | None:
    """By id (of any owner) or by name (of this owner).

    A name that only another owner has is HostError `conflict`.
    """
    if ids.is_id(reference):
        return next((item for item in records if item.id == reference), None)
    ids.check_name(reference)
    named = [item for item in records if item.name == reference]
    own = [item for item in named if item.owner == owner]
    if own:
        # of two, the younger one: the older is being replaced
        return max(own, key=lambda item: item.instants.get("created_at", 0.0))
    if named:
        raise HostError(
            "conflict",
            f"{reference} belongs to {named[0].owner}, not to {owner}",
            f"use its id, {named[0].id}, or say --owner {named[0].owner}",
        )
    return None


def view(record: Record, state: str, reaper: str) -> dict[str, Any]:
    """The host's part of the object that every door gives out. Instants are RFC 3339, in UTC."""
    lease = record.granted()
    return {
        "schema_version": 1,
        "id": record.id,
        "name": record.name,
        "owner": record.owner,
        "profile": record.profile,
        "profile_hash": record.profile_hash,
        "source_digest": record.source_digest,
        "extension": record.extension,
        "engine": record.engine,
        "maker": record.maker,
        "compose_cmd": record.compose_cmd,
        "state": state,
        "generation": record.generation,
        "created_at": instant(record.instants.get("created_at")),
        "ready_at": instant(record.instants.get("ready_at")),
        "expires_at": instant(lease.expires_at),
        "max_expires_at": instant(lease.max_expires_at),
        "reaper": reaper,
        "reachability": dict(record.reachability),
        "error": record.error,
    }


def _read_raw(state: State, sandbox_id: str) -> dict[str, Any] | None:
    try:
        data = read_json(state.record(sandbox_id))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _broken(state, sandbox_id) from error
    if data is not None and not isinstance(data, dict):
        raise _broken(state, sandbox_id)
    return data


def _broken(state: State, sandbox_id: str) -> HostError:
    path = os.path.join(state.sandbox(sandbox_id), "record.json")
    return HostError(
        "broken_record",
        f"{path} is not a record",
        f"`sandboxer destroy {sandbox_id}` takes away what carries that id",
    )
