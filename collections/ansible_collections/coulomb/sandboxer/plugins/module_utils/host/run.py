"""What a host knows of one run of a validation: its sandbox, how far it is, how it ended.

A run is found by its id or by its key; a key that has a finished run answers with that one for
30 days.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from . import ids
from .clock import Now, boot_id, instant
from .errors import HostError
from .record import Record
from .state import State, read_json, write_json

SCHEMA = 1
KEPT_SECONDS = 30 * 24 * 3600
RECORD = "record.json"
SECRETS = "secrets.json"  # until the job has read it
ENVIRONMENT = "env"  # of a step in a service, as long as it goes on
_NO_ANSWER = ("cancelled", "infra_error", "contract_error")


class Run(NamedTuple):
    """Instants are seconds since the epoch (UTC).

    state: provisioning (the controller makes the sandbox) · testing (a job of this host's) ·
    tested (what there is to know is known) · finished (judged, and taken away as far as it goes).
    """

    id: str
    key: str
    owner: str
    sandbox: str  # the id that its sandbox has, or will have
    state: str
    document: Mapping[str, Any]
    schema: int = SCHEMA
    min_reader: int = 1
    generation: int = 0  # of the sandbox, when its test began
    instants: Mapping[str, float] = {}
    job: Mapping[str, Any] = {}
    phases: tuple[Mapping[str, Any], ...] = ()
    steps: tuple[Mapping[str, Any], ...] = ()
    died: str = ""  # why the sandbox was not what it had been, when a step had failed
    error: Mapping[str, Any] | None = None  # what kept the job from its work
    cancelled: bool = False
    result: Mapping[str, Any] | None = None
    unknown: Mapping[str, Any] = {}  # a newer program's fields

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Run:
        known = set(cls._fields) - {"unknown"}
        values = {name: data[name] for name in known if name in data}
        for name in ("phases", "steps"):
            values[name] = tuple(data.get(name, ()))
        return cls(**values, unknown={k: v for k, v in data.items() if k not in known})

    def as_dict(self) -> dict[str, Any]:
        data = self._asdict()
        data.update(data.pop("unknown"))
        return {**data, "phases": list(self.phases), "steps": list(self.steps)}


def plan(current: Run | None) -> str:
    """What a begin amounts to: make · follow (it is under way) · keep (it has finished).

    One that never came to a test's end says nothing of what was to be tested: its key is free.
    """
    if current is None:
        return "make"
    if current.state != "finished":
        return "follow"
    return "make" if (current.result or {}).get("outcome") in _NO_ANSWER else "keep"


def how_it_died(
    run: Run, sandbox: Record | None, this_boot: str, *, working: bool
) -> HostError | None:
    """Why nobody goes on with a test that has not come to its end; None where somebody does."""
    if run.state != "testing" or working:
        return None
    if sandbox is None or sandbox.wanted == "absent" or sandbox.generation != run.generation:
        return HostError(
            "sandbox_died", f"{run.sandbox} was taken away while it was being tested", "", True
        )
    if run.job and run.job.get("boot_id") != this_boot:
        return HostError("sandbox_died", "the host was started anew in the middle of it", "", True)
    return HostError("job_died", f"the job that tested {run.sandbox} died", "run it again", True)


def read(state: State, run_id: str) -> Run | None:
    """Raises HostError `newer_record`, and `broken_record` for what is no record."""
    path = os.path.join(state.run(run_id), RECORD)
    try:
        data = read_json(path)
        if data is None:
            return None
        if data.get("min_reader", 1) > SCHEMA:
            raise HostError(
                "newer_record",
                f"the record of {run_id} needs a newer sandboxer",
                "install the version of sand-boxer that made it",
            )
        return Run.from_dict(data)
    except (AttributeError, TypeError, ValueError) as error:
        raise HostError("broken_record", f"{path} is not a record") from error


def find(state: State, key: str, owner: str) -> Run | None:
    """The run of an owner's key."""
    named = read_json(_key_path(state, key, owner))
    return read(state, named["run"]) if named else None


def write(state: State, wanted: Run) -> None:
    """Under its lock, and only by who has read it there."""
    write_json(os.path.join(state.run(wanted.id), RECORD), wanted.as_dict())


def begin(state: State, wanted: Run) -> None:
    """Under the host's lock. Record first: a key never names what isn't there."""
    os.makedirs(state.run(wanted.id), mode=0o700, exist_ok=True)
    write(state, wanted)
    write_json(_key_path(state, wanted.key, wanted.owner), {"run": wanted.id})


def update(where: State, run_id: str, wanted_state: str, /, **changes: Any) -> Run:
    """Change fields of a run that is still in this state; else HostError `fenced`."""
    with where.run_lock(run_id):
        current = read(where, run_id)
        if current is None or current.state != wanted_state:
            raise HostError("fenced", f"{run_id} is no longer {wanted_state}")
        changed = current._replace(**changes)
        write(where, changed)
        return changed


def settled(where: State, run: Run, sandbox: Record | None) -> Run:
    """The run as it is: one whose job is gone has been tested, so far as it goes."""
    died = how_it_died(run, sandbox, boot_id(), working=where.is_working(run.sandbox))
    if died is None:
        return run
    with contextlib.suppress(HostError):  # fenced: it ended just now
        return update(where, run.id, "testing", state="tested", error=run.error or died.as_dict())
    return read(where, run.id) or run


def view(run: Run) -> dict[str, Any]:
    """What the host says of a run. Instants are RFC 3339, in UTC."""
    return {
        "id": run.id,
        "key": run.key,
        "owner": run.owner,
        "sandbox": run.sandbox,
        "state": run.state,
        "document": dict(run.document),
        "begun_at": instant(run.instants.get("begun_at")),
        "provision_seconds": _provision_seconds(run.instants),
        "phases": list(run.phases),
        "steps": list(run.steps),
        "died": run.died,
        "error": run.error,
        "cancelled": run.cancelled,
        "result": run.result,
    }


def _provision_seconds(instants: Mapping[str, float]) -> float | None:
    """How long its sandbox took to be there; None where it never was."""
    if "testing_at" not in instants:
        return None
    return round(instants["testing_at"] - instants["begun_at"], 3)


def forget_old(state: State, now: Now) -> None:
    """Remove the runs of which nothing has been written for 30 days, with their keys."""
    for run_id in _run_ids(state):
        folder = state.run(run_id)
        try:
            age = now.wall - os.stat(os.path.join(folder, RECORD)).st_mtime
        except FileNotFoundError:
            age = now.wall - os.stat(folder).st_mtime
        if age <= KEPT_SECONDS:
            continue
        _forget_key(state, run_id)
        shutil.rmtree(folder)


def forget_secrets(state: State, sandbox_id: str) -> None:
    """Remove what a killed job has left of them. For who takes its sandbox away."""
    run_id = ids.run_of_sandbox(sandbox_id)
    for name in (SECRETS, ENVIRONMENT) if run_id else ():
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(state.run(run_id), name))


def _forget_key(state: State, run_id: str) -> None:
    with contextlib.suppress(HostError, FileNotFoundError):
        old = read(state, run_id)
        path = _key_path(state, old.key, old.owner) if old else ""
        if old and (read_json(path) or {}).get("run") == run_id:
            os.unlink(path)


def _run_ids(state: State) -> Iterator[str]:
    with contextlib.suppress(FileNotFoundError):
        yield from (name for name in os.listdir(state.runs) if ids.is_run_id(name))


def _key_path(state: State, key: str, owner: str) -> str:
    named = f"{ids.check_owner(owner)}\0{ids.check_run_key(key)}".encode()
    return os.path.join(state.run_keys, hashlib.sha256(named).hexdigest()[:32] + ".json")
