"""Whether a sandbox runs: stop, start and restart. What it holds stays, and its lease runs on."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from . import create, engines, lease, maker, observe, reap, record, stopping
from .clock import Now, now
from .errors import HostError
from .record import Record
from .state import State


class Plan(NamedTuple):
    """action: keep (as it is) · stop · repair · follow (somebody is at it) · restart."""

    action: str
    reason: str = ""


def plan(
    verb: str,
    current: Record,
    at: Now,
    *,
    working: bool = False,
    drift: str = "",
    runs: Collection[str] = (),
) -> Plan:
    """What `stop`, `start` or `restart` amounts to.

    `drift` is why a ready one is not as it should be, `runs` which of its containers run.
    HostError `conflict`, `expired` or `busy` where it is not the time for it.
    """
    again = "`sandboxer create` makes it anew"
    if current.wanted == "absent" or current.state in ("destroying", "stuck"):
        raise HostError("conflict", f"{current.id} is being taken away", again)
    if current.state == "failed":
        raise HostError("conflict", f"{current.id} failed when it was made", again)
    if lease.remaining(current.granted(), at) <= 0:
        raise HostError("expired", f"the lease of {current.id} has ended", again)
    if current.state == "creating":
        raise HostError("busy", f"{current.id} is still being made", retryable=True)
    if working:
        if verb == "start":
            return Plan("follow", "it is being started")
        raise HostError("busy", f"somebody is at work on {current.id}", "try again", True)
    if verb == "restart":
        return Plan("restart", "it is to be restarted")
    if verb == "stop":
        return Plan("stop") if runs or current.state != "stopped" else Plan("keep")
    if current.state == "stopped" or drift:
        return Plan("repair", drift or "it is stopped")
    return Plan("keep")


def run(state: State, verb: str, current: Record, request: Mapping[str, Any]) -> dict[str, Any]:
    """Stop to the end; start and restart as far as the job that does it.

    Request: check; deadline (seconds), service (of a restart) or None. Answer: as a create's.
    """
    # first of all: of one whose engine doesn't answer nobody can tell what is to be done
    there = engines.named(current.engine).containers()
    document = create.document_of(state, current)
    working = state.is_working(current.id)
    drifted = ""
    if verb == "start" and current.state == "ready" and not working:
        drifted = observe.drift(current, there) or observe.unanswered(current, document)
    found = plan(
        verb,
        current,
        now(),
        working=working,
        drift=drifted,
        runs=stopping.running(current.id, there),
    )
    service = request.get("service")
    services = document["services"]
    if service is not None and service not in services:
        raise HostError(
            "not_found",
            f"{current.name} has no service {service}",
            "it has {}".format(", ".join(sorted(services))),
        )
    if request.get("check") or found.action in ("keep", "follow"):
        return _answer(state, found, current)
    if found.action == "stop":
        return _answer(state, found, _stop(state, current, services))
    deadline = lease.check_making(request.get("deadline") or lease.MAKING_DEFAULT)
    chosen: tuple[str, ...] = ()
    if found.action == "restart":
        chosen = restarted_with(services, service) if service is not None else tuple(services)
    begun = create.begin_repair(
        state,
        current,
        deadline,
        again=(chosen if service is not None else ()),
        first=lambda: stopping.stop(engines.named(current.engine), current.id, services, chosen),
    )
    if begun is None:
        raise HostError("busy", f"somebody is at work on {current.id}", "try again", True)
    return _answer(state, found, begun)


def restarted_with(services: Mapping[str, Any], service: str) -> tuple[str, ...]:
    """A service, and those that are restarted with one of them."""
    found = [service]
    for one in found:  # it grows
        found += [
            name
            for name, spec in sorted(services.items())
            if one in maker.restarted_by(spec) and name not in found
        ]
    return tuple(found)


def _stop(state: State, current: Record, services: Mapping[str, Any]) -> Record:
    """Record first: one that is killed in the middle of it can be started or stopped again."""
    work = state.try_work_lock(current.id)
    if work is None:
        raise HostError("busy", f"somebody is at work on {current.id}", "try again", True)
    try:
        stopped = record.update(state, current.id, current.generation, state="stopped", error=None)
        stopping.stop(engines.named(current.engine), current.id, services, tuple(services))
        return stopped
    finally:
        os.close(work)


def _answer(state: State, found: Plan, current: Record) -> dict[str, Any]:
    shown = observe.state_of(current, observe.containers({current.engine}))
    return {
        "changed": found.action in ("stop", "repair", "restart"),
        "action": found.action,
        "reason": found.reason,
        "cursor": 0,
        "object": record.view(current, shown, reap.beat(state, now())),
    }
