"""A run's verbs: begin, test, follow, fetch, finish; and collect and cancel, from whichever
controller."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import destroy, evidence, ids, job, program, record, run, suite
from .clock import now
from .create import document_of
from .errors import HostError
from .run import Run
from .state import State, write_json

FOLLOW_SECONDS = 8.0
FIRST_SECONDS = 2.0  # a quick test is one call; of another one the first words are not kept back
GATHER_SECONDS = 0.4  # a call is dearer than a moment
WORK_SECONDS = 30.0
PIECE_BYTES = 4 * 1024 * 1024


def begin(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """A new run, or the one that its key has.

    Request: key, owner, document, check. Answer: changed, and run (None in a check of a new one).
    HostError `run_account_missing` where a step is to run on a host that isn't prepared for it.
    """
    key, owner = ids.check_run_key(request["key"]), ids.check_owner(request["owner"])
    document = request["document"]
    _check(document)
    current = run.find(state, key, owner) if state.exists() else None
    makes = run.plan(current) == "make"
    if request.get("check") or not makes:
        shown = run.view(_settled(state, current)) if current and not makes else None
        return {"changed": makes, "run": shown}
    if any(one["in"] == "host" for one in document["steps"]):
        suite.account(state)
    state.prepare()
    program.install(state)
    with state.host_lock():
        current = run.find(state, key, owner)
        if run.plan(current) != "make" and current is not None:
            return {"changed": False, "run": run.view(current)}
        run_id = ids.new_run_id()
        begun = Run(
            id=run_id,
            key=key,
            owner=owner,
            sandbox=ids.sandbox_of_run(run_id),
            state="provisioning",
            document=document,
            instants={"begun_at": now().wall},
        )
        run.begin(state, begun)
    return {"changed": True, "run": run.view(begun)}


def test(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Start the test's job, once; then as `follow`. Request: run, secrets (name -> value)."""
    current = _find(state, request["run"])
    sandbox = record.read(state, current.sandbox)
    if current.state == "provisioning":
        if sandbox is None or sandbox.state != "ready" or sandbox.wanted != "present":
            raise HostError(
                "sandbox_died", f"{current.sandbox} is not ready any more", retryable=True
            )
        suite.check(current.document, document_of(state, sandbox)["services"])
        _start(state, current, sandbox.generation, request.get("secrets") or {})
    return follow(state, {"seconds": FIRST_SECONDS, **request, "to_end": True})


def _start(state: State, current: Run, generation: int, secrets: Mapping[str, str]) -> None:
    made_by = program.install(state)
    work = _work_lock(state, current)
    if work is None:
        return
    try:
        with state.run_lock(current.id):
            again = run.read(state, current.id)
            if again is None or again.state != "provisioning":
                return  # another controller was quicker
            if secrets:
                write_json(os.path.join(state.run(current.id), run.SECRETS), dict(secrets))
            instants = {**again.instants, "testing_at": now().wall}
            begun = again._replace(state="testing", generation=generation, instants=instants)
            run.write(state, begun)
            job.start(state, made_by, current.id, generation, work)
    finally:
        os.close(work)


def _work_lock(state: State, begun: Run) -> int | None:
    """The sandbox's, as soon as nobody works on it; None where the run has gone on meanwhile: the
    job of its test holds it to its end."""
    end = time.monotonic() + WORK_SECONDS
    while True:
        work = state.try_work_lock(begun.sandbox)
        if work is not None:
            return work
        if _find(state, begun.id).state != "provisioning":
            return None
        if time.monotonic() >= end:
            raise HostError("busy", f"somebody is at work on {begun.sandbox}", "try again", True)
        time.sleep(0.02)


def follow(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Events after `cursor`, as soon as there are some or the test has ended.

    Request: run, cursor, seconds, to_end. Answer: events, cursor, working, run.
    """
    cursor = int(request.get("cursor", 0))
    end = time.monotonic() + float(request.get("seconds", FOLLOW_SECONDS))
    while True:
        current = _settled(state, _find(state, request["run"]))
        working = current.state == "testing"
        events = list(job.read_log(state.run(current.id), cursor))
        if not working or time.monotonic() >= end:
            break
        if events and not request.get("to_end"):
            end = min(end, time.monotonic() + GATHER_SECONDS)
        time.sleep(0.03)
    if events:
        cursor = events[-1]["n"]
    return {"events": events, "cursor": cursor, "working": working, "run": run.view(current)}


def collect(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Evidence of a test whose job did not come to it. Request: run, secrets. Answer: run."""
    current = _settled(state, _find(state, request["run"]))
    return {"run": run.view(suite.collect(state, current, request.get("secrets") or {}))}


def piece(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """A piece of what was collected. Request: run, at. Answer: data (base64), size (of all)."""
    current = _find(state, request["run"])
    path = os.path.join(state.run(current.id), evidence.ARCHIVE)
    try:
        with open(path, "rb") as file:
            file.seek(int(request["at"]))
            data = file.read(PIECE_BYTES)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        data, size = b"", 0
    return {"data": base64.b64encode(data).decode("ascii"), "size": size}


def finish(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Write down what it came to; who comes later gets what the first one wrote.

    Request: run, result. Answer: changed, run.
    """
    run_id = ids.check_run_id(request["run"])
    with state.run_lock(run_id):
        current = _find(state, run_id)
        if current.state == "finished":
            return {"changed": False, "run": run.view(current)}
        finished = current._replace(
            state="finished",
            result=request["result"],
            instants={**current.instants, "finished_at": now().wall},
        )
        run.write(state, finished)
    return {"changed": True, "run": run.view(finished)}


def cancel(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """End what is under way, and take its sandbox away. Request: run, or key and owner."""
    if request.get("run"):
        current: Run | None = _find(state, request["run"])
    else:
        current = run.find(state, request["key"], request["owner"])
    if current is None:
        raise HostError("not_found", "no run was begun")
    with state.run_lock(current.id):
        current = _find(state, current.id)
        if current.state not in ("provisioning", "testing"):
            return run.view(current)
        current = current._replace(state="tested", cancelled=True)
        run.write(state, current)  # which fences its job
    destroy.run(state, current.sandbox)
    return run.view(current)


def show(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Request: run."""
    return run.view(_settled(state, _find(state, request["run"])))


def _find(state: State, run_id: str) -> Run:
    found = run.read(state, ids.check_run_id(run_id))
    if found is None:
        raise HostError(
            "not_found", f"there is no run {run_id}", "runs are kept for 30 days, each on its host"
        )
    return found


def _settled(state: State, current: Run) -> Run:
    if current.state != "testing":
        return current
    return run.settled(state, current, record.read(state, current.sandbox))


def _check(document: Mapping[str, Any]) -> None:
    """Globs are checked again here, whatever the controller said."""
    for patterns in document["reports"].values():
        evidence.matcher(patterns)
    names = [one["name"] for one in document["steps"]]
    if not names or len(set(names)) != len(names):
        raise HostError("usage", "a run has steps, each with a name of its own")


VERBS: dict[str, Callable[[State, Mapping[str, Any]], Any]] = {
    "run-begin": begin,
    "run-cancel": cancel,
    "run-collect": collect,
    "run-finish": finish,
    "run-follow": follow,
    "run-piece": piece,
    "run-show": show,
    "run-test": test,
}
