"""The host's verbs, each one request in and one answer out. Modules and the program call these."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import create, destroy, ids, lease, make, observe, reap, receipt, record, running, source
from . import job as jobs
from .clock import boot_id, now
from .errors import HostError
from .record import Record
from .state import State

FOLLOW_SECONDS = 8.0


def run(state: State, verb: str, request: Mapping[str, Any]) -> Any:
    """Answer one verb; HostError `usage` for one that there isn't."""
    known = _VERBS
    if verb.startswith("run-"):
        from . import validation  # the other verbs should not pay for it

        known = validation.VERBS
    if verb not in known:
        raise HostError("usage", "no verb {!r}; there are {}".format(verb, ", ".join(known)))
    return known[verb](state, request)


def job(state: State, subject: str, generation: str, work_lock: str) -> None:
    """The job's process. Its lock must not be inherited by what it starts."""
    os.set_inheritable(int(work_lock), False)
    if ids.is_run_id(subject):
        from . import program, suite

        suite.perform(state, subject, int(generation), program.own_name())
    else:
        make.run(state, ids.check_id(subject), int(generation))


def stream(state: State, sandbox_id: str, ticket: str) -> int:
    """The exit status of what a ticket is for, run with the standard streams that we have."""
    from . import stream as room  # the other verbs should not pay for it

    return room.run(state, ids.check_id(sandbox_id), ticket)


def opened(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """A ticket for `stream`. Request: ref, owner, what (exec or logs), and as that one has it."""
    from . import stream as room

    opening = room.open_exec if request["what"] == "exec" else room.open_logs
    return opening(state, _find(state, request), request)


def streamed(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """How a ticket's command ended. Request: id, ticket."""
    from . import stream as room

    return room.how_it_ended(state, request)


def present(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Start a create and wait a little, so that a quick one is one call.

    Request: as create's, and wait. Answer: create's, and where it waited that of `follow`. Who
    has to send the source first isn't kept waiting.
    """
    answer = create.run(state, request)
    waits = request["wait"] and not request["check"] and not answer["wants_source"]
    if answer["action"] != "keep" and waits:
        answer.update(follow(state, {"id": answer["object"]["id"], "to_end": True}))
    return answer


def receive(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """A piece of the source for the making that waits for it.

    Request: id, generation, wait, and `source.receive`'s. Answer: empty, and after the last piece
    that of `follow`, which has waited if it should.
    """
    sandbox_id = ids.check_id(request["id"])
    found = record.read(state, sandbox_id)
    if found is None or (found.generation, found.wanted) != (request["generation"], "present"):
        raise HostError("fenced", f"{sandbox_id} was taken over by somebody else")
    source.receive(state, sandbox_id, request)
    if not request["last"]:
        return {}
    seconds = FOLLOW_SECONDS if request["wait"] else 0
    return follow(state, {"id": sandbox_id, "to_end": True, "seconds": seconds})


def start(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Start what is stopped, put right what is half dead. Request: ref, owner, deadline, wait,
    check. Answer: as that of `present`."""
    return _run(state, "start", request)


def stop(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Request: ref, owner, check."""
    return running.run(state, "stop", _find(state, request), request)


def restart(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """All of it, or one service. Request: as start's, and service."""
    return _run(state, "restart", request)


def _run(state: State, verb: str, request: Mapping[str, Any]) -> dict[str, Any]:
    answer = running.run(state, verb, _find(state, request), request)
    if answer["action"] != "keep" and request["wait"] and not request.get("check"):
        answer.update(follow(state, {"id": answer["object"]["id"], "to_end": True}))
    return answer


def absent(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Destroy. HostError where the receipt says that something remains; else as `remove`."""
    answer = remove(state, request)
    if answer["changed"] and answer["receipt"] and not request["check"]:
        error = destroy.error_of(answer["receipt"], record.read(state, answer["id"]))
        if error is not None:
            raise error
    return answer


def follow(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Events after `cursor`, as soon as there are some or the job has ended.

    Request: id, cursor, seconds, to_end (wait for the job's end, whatever it says meanwhile).
    Answer: events, cursor, working, the object (or None), and boot_id: another one than before
    means that the job ended with the host.
    """
    sandbox_id = ids.check_id(request["id"])
    cursor = int(request.get("cursor", 0))
    end = time.monotonic() + float(request.get("seconds", FOLLOW_SECONDS))
    has_worked = False
    while True:
        working = state.is_working(sandbox_id)  # before the events, so that none is missed
        has_worked = has_worked or working
        events = list(jobs.read_log(state.job(sandbox_id), cursor))
        left = end - time.monotonic()
        if (events and not request.get("to_end")) or not working or left <= 0:
            break
        if request.get("to_end"):
            jobs.await_end(record.read(state, sandbox_id), left)
        else:
            time.sleep(0.03)
    if events:
        cursor = events[-1]["n"]
    found = record.read(state, sandbox_id)
    shown = None
    if found is not None:
        # a job that has ended just now has looked: the engine needn't be asked once more
        shown = _shown(state, found, found.state) if has_worked else view(state, found)
    return {
        "events": events,
        "cursor": cursor,
        "working": working,
        "object": shown,
        "boot_id": boot_id(),
    }


def show(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """One object. Request: ref (an id or a name), owner. HostError `not_found` without it."""
    return view(state, _find(state, request))


def list_all(state: State, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Objects of an owner (`owner`), or of all (None). A record that can't be read is named."""
    owner = request.get("owner")
    answers = []
    unreadable: list[dict[str, Any]] = []
    records = []
    for sandbox_id in state.sandbox_ids():
        try:
            found = record.read(state, sandbox_id)
        except HostError as error:
            unreadable.append({"id": sandbox_id, "state": "unknown", "error": error.as_dict()})
            continue
        if found is not None and owner in (None, found.owner):
            records.append(found)
    there = observe.containers({item.engine for item in records if item.containers})
    beat = reap.beat(state, now())
    for found in records:
        answers.append(record.view(found, observe.state_of(found, there), beat))
    return answers + unreadable


def extend(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """A longer lease. Request: ref, owner, ttl (seconds from now), check."""
    seconds = lease.check_ttl(request["ttl"])
    found = _find(state, request)
    if request.get("check"):
        lease.extend(found.granted(), seconds, now())
        return view(state, found)
    with state.record_lock(found.id):
        current = record.read(state, found.id)
        if current is None or current.wanted == "absent":
            raise HostError("expired", f"{found.id} is being destroyed")
        if current.state == "creating":
            raise HostError("busy", f"{found.id} is still being made", retryable=True)
        granted = lease.extend(current.granted(), seconds, now())
        current = current._replace(lease=granted.as_dict())
        record.write(state, current)
    return view(state, current)


def remove(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Destroy by id or name. Request: id or ref, owner, check. Answer: changed, receipt.

    What isn't there is no error: `changed` is false and `receipt` the old one, or None.
    """
    reference = request.get("id") or request["ref"]
    if ids.is_id(reference):
        sandbox_id = reference
        there = os.path.isdir(state.sandbox(sandbox_id))
    else:
        found = record.find(record.read_all(state), reference, request["owner"])
        there = found is not None
        sandbox_id = found.id if found else ""
    if not there or request.get("check"):
        old = receipt.read(state, sandbox_id) if sandbox_id else None
        return {"changed": there, "id": sandbox_id, "receipt": old}
    made = destroy.run(state, sandbox_id)
    return {"changed": True, "id": sandbox_id, "receipt": made}


def cancel(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """End a making. Request: ref, owner. Answer: the object."""
    found = destroy.cancel(state, _find(state, request).id)
    if found is None:
        raise HostError("not_found", "it is gone already")
    return view(state, found)


def prepare(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Make this host ready, or see whether it can be."""
    from . import prepare as room  # hardly ever asked for: the other verbs should not pay for it

    return room.run(state, request)


def view(state: State, found: Record) -> dict[str, Any]:
    """The object of one record, with the state that the engine shows."""
    there = observe.containers({found.engine} if found.containers else ())
    return _shown(state, found, observe.state_of(found, there))


def _shown(state: State, found: Record, as_it_is: str) -> dict[str, Any]:
    return record.view(found, as_it_is, reap.beat(state, now()))


def _find(state: State, request: Mapping[str, Any]) -> Record:
    reference = request["ref"]
    # an id is read by itself, so that a record which can't be read says why
    if ids.is_id(reference):
        found = record.read(state, reference)
    else:
        found = record.find(record.read_all(state), reference, request["owner"])
    if found is None:
        raise HostError(
            "not_found", f"there is no sandbox {reference}", "see `sandboxer list --all`"
        )
    return found


_VERBS: dict[str, Callable[[State, Mapping[str, Any]], Any]] = {
    "absent": absent,
    "cancel": cancel,
    "create": create.run,
    "destroy": remove,
    "extend": extend,
    "follow": follow,
    "list": list_all,
    "open": opened,
    "prepare": prepare,
    "present": present,
    "restart": restart,
    "reap": lambda state, request: reap.run(state, bool(request.get("check"))),
    "show": show,
    "source": receive,
    "start": start,
    "stop": stop,
    "streamed": streamed,
}
