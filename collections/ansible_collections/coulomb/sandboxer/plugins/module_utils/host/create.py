"""The start of a create: decide what it amounts to, write it down, start the job.

`plan` holds every rule and touches nothing. `run` is called again with the same request as often
as anyone likes: a name is unique per account and owner.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from . import (
    build,
    engines,
    fault,
    ids,
    image,
    lease,
    make,
    maker,
    observe,
    ports,
    program,
    reap,
    record,
    source,
    versions,
)
from . import job as jobs
from .clock import Now, now
from .engine import Engine
from .errors import HostError
from .holdings import dir_holding
from .record import MAY_END, Record
from .state import State, read_json, write_json

_TRIES = 20
UNDO_SECONDS = 60.0  # for the start of a job and for taking away what it has made, but for graces


class Plan(NamedTuple):
    """What a create amounts to.

    action: make · follow (somebody makes it) · keep (unchanged) · repair · conflict.
    `replaces` is the id of what has to go first; `differs` the request's keys that conflict.
    """

    action: str
    reason: str = ""
    replaces: str = ""
    differs: tuple[str, ...] = ()


def plan(
    current: Record | None,
    request: Mapping[str, str],
    at: Now,
    *,
    replace_it: bool = False,
    working: bool = False,
    drift: str = "",
) -> Plan:
    """`current` is the sandbox of that name, `drift` why it is not as it should be."""
    if current is None:
        return Plan("make", "new")
    if current.wanted == "absent" or current.state in ("destroying", "stuck"):
        return Plan("make", f"{current.id} is being taken away", current.id)
    if current.state == "failed":
        return Plan("make", f"{current.id} failed", current.id)
    left = lease.remaining(current.granted(), at)
    if left <= 0:
        return Plan("make", f"the lease of {current.id} has ended", current.id)
    if current.state == "creating" and not working:
        return Plan("make", f"the maker of {current.id} died", current.id)
    differs = tuple(
        sorted(
            key
            for key in {*current.request, *request}
            if current.request.get(key) != request.get(key)
        )
    )
    if differs and replace_it:
        return Plan("make", "{} differs".format(", ".join(differs)), current.id, differs)
    if differs:
        return Plan("conflict", "{} differs".format(", ".join(differs)), differs=differs)
    if working:
        return Plan("follow", "it is being made")
    if current.state == "stopped" or drift:
        return Plan("repair", drift or "it is stopped")
    return Plan("keep")


def run(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Start a create, or find that nothing is to be done.

    Request: name, owner, id (or None), ttl, deadline (seconds), replace, unreaped, check,
    profile, profile_hash, source_digest, extension, request (key -> digest), document,
    compose_cmd (the compose program that makes the containers, or None: the engine does),
    auth_file (a file of this host with what registries ask for, or None).
    Answer: changed, action, reason, cursor, object (None in a check of something new),
    wants_source (the making waits for it: verb `source`).
    """
    wanted = _check(request)
    if request.get("check"):
        current, found = _look(state, wanted)
        answer = _answer(state, found, current, wanted)
        answer["planned"] = _planned(wanted) if found.action == "make" else []
        return answer
    state.prepare()
    _refuse_unreaped(state, wanted)
    for _try in range(_TRIES):
        seen, found = _look(state, wanted)
        if found.action not in ("make", "repair"):
            return _answer(state, found, seen, wanted)
        with state.host_lock():
            current = _find(state, wanted)
            if _identity(current) != _identity(seen):
                continue  # somebody was quicker: look again
            if found.action == "repair" and current is not None:
                renewed = {"auth_file": wanted.get("auth_file")}
                begun = begin_repair(state, current, wanted["deadline"], renewed=renewed)
            else:
                begun = _begin(state, wanted, found, current)
            if begun is not None:
                return _answer(state, found, begun, wanted)
    raise HostError("busy", "too many creates of {} at once".format(wanted["name"]), retryable=True)


def _check(request: Mapping[str, Any]) -> dict[str, Any]:
    wanted = dict(request)
    ids.check_name(wanted["name"])
    ids.check_owner(wanted["owner"])
    if wanted.get("id"):
        ids.check_id(wanted["id"])
    wanted["ttl"] = lease.check_ttl(wanted.get("ttl") or lease.TTL_DEFAULT)
    wanted["deadline"] = lease.check_making(wanted.get("deadline") or lease.MAKING_DEFAULT)
    maker.check(wanted["document"]["services"])
    for name, service in wanted["document"]["services"].items():
        build.check(name, service.get("build") or {})
    if wanted.get("compose_cmd") is not None:
        from . import compose_kind, compose_program  # few are made by one

        compose_program.check(wanted["compose_cmd"], wanted["document"]["services"])
        compose_kind.known(compose_program.split(wanted["compose_cmd"]))
    if wanted.get("auth_file") is not None:
        image.check_auth_file(wanted["auth_file"])
    if os.geteuid() != 0:
        raise HostError(
            "account_unsupported",
            f"sandboxes are made as root on this host for now, not as uid {os.geteuid()}",
            "give the host an account that is root, or become",
        )
    return wanted


def _refuse_unreaped(state: State, wanted: Mapping[str, Any]) -> None:
    if reap.beat(state, now()) == "late" and not wanted.get("unreaped"):
        raise HostError(
            "reaper_late",
            "the reaper of this host has not run for three minutes, so no lease would end",
            "run `sandboxer host prepare HOST`, or say --unreaped",
            retryable=True,
        )


def _look(state: State, wanted: Mapping[str, Any]) -> tuple[Record | None, Plan]:
    """Without any lock: the sandbox of that name, and the plan as things stand."""
    current = _find(state, wanted)
    working, drifted = False, ""
    if current is not None:
        working = state.is_working(current.id)
        if current.state == "ready" and not working:
            # an engine that doesn't answer is no sandbox that is missing
            drifted = observe.drift(current, engines.named(current.engine).containers())
            drifted = drifted or observe.unanswered(current, document_of(state, current))
    found = plan(
        current,
        wanted["request"],
        now(),
        replace_it=bool(wanted.get("replace")),
        working=working,
        drift=drifted,
    )
    if found.action == "conflict" and current is not None:
        raise HostError(
            "conflict",
            f"{current.name} exists with another content: {found.reason}",
            "make it anew with --replace, or choose another name",
        )
    return current, found


def _find(state: State, wanted: Mapping[str, Any]) -> Record | None:
    """The sandbox that this create is about; another owner's of the same name is not."""
    records = record.read_all(state)
    if wanted.get("id"):
        by_id = record.read(state, wanted["id"])
        if by_id is not None:
            if (by_id.name, by_id.owner) != (wanted["name"], wanted["owner"]):
                raise HostError(
                    "conflict",
                    f"{by_id.id} is {by_id.name} of {by_id.owner}",
                    "leave the id out, or use that name and owner",
                )
            return by_id
    own = [item for item in records if item.owner == wanted["owner"]]
    return record.find(own, wanted["name"], wanted["owner"])


def _identity(current: Record | None) -> tuple[Any, ...]:
    return (current.id, current.generation, current.state) if current else ()


def document_of(state: State, current: Record) -> Mapping[str, Any]:
    """The document that a sandbox was made from."""
    spec: Mapping[str, Any] = read_json(os.path.join(state.job(current.id), make.SPEC))
    document: Mapping[str, Any] = spec["document"]
    return document


def _begin(
    state: State, wanted: Mapping[str, Any], found: Plan, current: Record | None
) -> Record | None:
    """Under the host's lock: record first, then the job. None where the id is being worked on."""
    sandbox_id = wanted.get("id") or ids.new_id()
    if found.replaces == sandbox_id:
        sandbox_id = ids.new_id()  # the old one goes under its own id
    engine = engines.of_host()
    if wanted.get("compose_cmd") is not None:
        from . import compose_kind, compose_program  # few are made by one

        compose_program.refuse_missing(wanted["compose_cmd"])
        compose_kind.refuse_unfit(state, compose_program.split(wanted["compose_cmd"]), engine)
    versions.refuse_old_engine(state, engine)
    made_by = program.install(state)
    planned = _plan_record(state, wanted, found, sandbox_id, engine, made_by)
    work = state.try_work_lock(sandbox_id)
    if work is None:
        return None
    try:
        with state.record_lock(sandbox_id):
            fault.point("create-begin")
            os.makedirs(state.job(sandbox_id), mode=0o700, exist_ok=True)
            fault.point("create-folder")
            write_json(os.path.join(state.job(sandbox_id), make.SPEC), wanted)
            fault.point("create-spec")
            record.write(state, planned)
            fault.point("create-recorded")
            if current is not None and found.replaces:
                _give_up(state, current)
            fault.point("create-replaced")
            jobs.start(state, made_by, sandbox_id, planned.generation, work)
            fault.point("create-started")
    finally:
        os.close(work)
    return planned


def begin_repair(
    state: State,
    current: Record,
    deadline: float,
    *,
    renewed: Mapping[str, Any] = MappingProxyType({}),
    again: Sequence[str] = (),
    first: Callable[[], None] = lambda: None,
) -> Record | None:
    """The same record, the same job: it does what is missing. The lease runs on.

    `first` is done before it, with the record `stopped` already; `again` are the services that
    are started even where they have done what they are for; `renewed` is what else is asked for
    now. None where somebody is at work.
    """
    work = state.try_work_lock(current.id)
    if work is None:
        return None
    try:
        made_by = program.install(state)
        with state.record_lock(current.id):
            if _identity(record.read(state, current.id)) != _identity(current):
                return None
            stopped = current._replace(state="stopped", program=made_by)
            record.write(state, stopped)
        first()
        with state.record_lock(current.id):
            if _identity(record.read(state, current.id)) != _identity(stopped):
                return None
            spec_path = os.path.join(state.job(current.id), make.SPEC)
            spec = {**read_json(spec_path), "deadline": deadline, "again": list(again)}
            write_json(spec_path, {**spec, **renewed})
            jobs.start(state, made_by, current.id, stopped.generation, work)
    finally:
        os.close(work)
    return stopped


def _give_up(state: State, old: Record) -> None:
    """Say in the old record that it has to go, so that a reaper finishes what we may not."""
    with state.record_lock(old.id):
        current = record.read(state, old.id)
        if current is not None:
            record.write(state, current._replace(wanted="absent", state="destroying"))


def _plan_record(
    state: State,
    wanted: Mapping[str, Any],
    found: Plan,
    sandbox_id: str,
    engine: Engine,
    made_by: str,
) -> Record:
    at = now()
    services = wanted["document"]["services"]
    published = [
        (name, port)
        for name, service in sorted(services.items())
        for _instance in maker.instances(name, service)
        for port in service["ports"]
    ]
    first, last = ports.account_range(state)
    taken = ports.taken(record.read_all(state))
    chosen = ports.plan(first, last, taken, len(published), ports.is_free)
    endpoints = [
        _endpoint(wanted["document"], name, port, host_port)
        for (name, port), host_port in zip(published, chosen)
    ]
    completed = maker.completed_services(services)
    ending = maker.ending_services(wanted["document"]) - completed
    ends = {**dict.fromkeys(completed, "completed"), **dict.fromkeys(ending, MAY_END)}
    composed = wanted.get("compose_cmd") is not None
    return Record(
        id=sandbox_id,
        name=wanted["name"],
        owner=wanted["owner"],
        generation=1,
        state="creating",
        wanted="present",
        program=made_by,
        lease=lease.grant(_making_lease(wanted), wanted["ttl"], at).as_dict(),
        profile=wanted["profile"],
        profile_hash=wanted["profile_hash"],
        request=wanted["request"],
        source_digest=wanted.get("source_digest"),
        extension=wanted["extension"],
        engine=engine.program,
        maker="compose" if composed else "engine",
        compose_cmd=wanted.get("compose_cmd"),
        instants={"created_at": at.wall},
        holdings=(
            dir_holding(state.remote_dir(sandbox_id)),
            *({"kind": "port", "key": str(port)} for port in chosen),
            *_planned(wanted, sandbox_id),
            # which a compose program makes where its command says so
            *([{"kind": "pod", "key": "pod_" + sandbox_id}] if composed else []),
        ),
        containers={
            container: ends.get(name, "running")
            for name, service in services.items()
            for container in maker.container_names(sandbox_id, name, service)
        },
        reachability={"remote_dir": state.remote_dir(sandbox_id), "endpoints": endpoints},
        replaces=found.replaces,
    )


def _making_lease(wanted: Mapping[str, Any]) -> float:
    """Seconds until a making is taken for one that hangs: its deadline, which begins with its job,
    and then time to undo itself, so that it is the one who says why."""
    services = wanted["document"]["services"]
    graces = (maker.stop_grace(one) * one.get("replicas", 1) for one in services.values())
    seconds: float = wanted["deadline"] + sum(graces) + UNDO_SECONDS
    return seconds


def _planned(wanted: Mapping[str, Any], sandbox_id: str = "sbx-new") -> list[dict[str, str]]:
    """The engine's things that the document asks for, in the order of their making."""
    document = wanted["document"]
    # last made first removed: an image goes after the containers that are made of it
    things = [("image", name) for name in image.built_names(sandbox_id, document["services"])]
    things += [
        ("network", maker.network_name(sandbox_id, name)) for name in maker.networks(document)
    ]
    things += [
        ("volume", maker.volume_name(sandbox_id, name)) for name in sorted(document["volumes"])
    ]
    things += [
        ("container", container)
        for name, service in sorted(document["services"].items())
        for container in maker.container_names(sandbox_id, name, service)
    ]
    return [{"kind": kind, "key": key} for kind, key in things]


def _endpoint(
    document: Mapping[str, Any], name: str, port: Mapping[str, Any], host_port: int
) -> dict[str, Any]:
    spoken = [
        str(item["http"].get("scheme") or "http").lower()
        for item in document["probes"]
        if item["service"] == name and "http" in item and item["http"]["port"] == port["target"]
    ]
    scheme = spoken[0] if spoken else port["protocol"]
    return {
        "service": name,
        "port": port["target"],
        "protocol": port["protocol"],
        "host_port": host_port,
        "scope": document["publish"],
        "url": f"{scheme}://127.0.0.1:{host_port}",
    }


def _answer(
    state: State, found: Plan, current: Record | None, wanted: Mapping[str, Any]
) -> dict[str, Any]:
    shown = None
    if current is not None and (found.action != "make" or not wanted.get("check")):
        shown = record.view(current, current.state, reap.beat(state, now()))
    needs = not wanted.get("check") and source.is_needed(wanted["document"])
    return {
        "changed": found.action in ("make", "repair"),
        "action": found.action,
        "wants_source": needs
        and found.action != "keep"
        and current is not None
        and source.is_awaited(state, current.id),
        "reason": found.reason,
        "cursor": 0,
        "object": shown,
    }
