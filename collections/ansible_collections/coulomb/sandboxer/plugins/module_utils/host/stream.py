"""What streams: a command inside a sandbox, and logs. In two steps, over one connection.

`open_exec` and `open_logs` look everything up, answer an error as any verb does, and leave a
ticket. `run` takes it up, with the caller's own standard streams: so no word of the user's and no
value stands in an argv on the way, and nothing of ours is mixed into the streams.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any

from . import engines, ids, inside, logs, make, maker
from .engine import Container, Engine
from .errors import HostError
from .hangup import Hangup
from .record import Record
from .state import State, read_json, write_bytes, write_json

SSH_FAILED = 255  # the status that ssh has for its own troubles, and a command may have too
_TICKET = re.compile(r"[0-9a-f]{32}")
_TICKET_SECONDS = 60.0  # nobody comes for an older one any more


def open_exec(state: State, found: Record, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer: id and ticket.

    Request: service, words, and maybe index (from 1), user, workdir, environment (name -> value)
    and tty. HostError `usage`, `not_found` for a service that there isn't, `not_running`.
    """
    words = request["words"]
    if not words or not words[0]:
        raise HostError("usage", "there is no command to run")
    if any("\0" in word for word in words):
        raise HostError("usage", "a word of a command can't hold a zero byte")
    environment = request.get("environment") or {}
    maker.split_environment(environment)
    container = _running(state, found, request["service"], request.get("index"))
    return _leave(
        state,
        found,
        {
            "verb": "exec",
            "container": container,
            "words": words,
            "environment": environment,
            "user": request.get("user"),
            "workdir": request.get("workdir"),
            "tty": bool(request.get("tty")),
        },
    )


def open_logs(state: State, found: Record, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer: id and ticket.

    Request: maybe service (all of them without), index, follow, and since, as the engine takes it.
    """
    service = request.get("service")
    there = {
        one.name for one in engines.named(found.engine).containers() if one.owner_id == found.id
    }
    names = _names(state, found, service, request.get("index"))
    if not there.intersection(names):
        raise _not_running(found, f"nothing of {service or found.id} is there any more")
    return _leave(
        state,
        found,
        {
            "verb": "logs",
            "containers": names,
            "follow": bool(request.get("follow")),
            "since": request.get("since"),
        },
    )


def how_it_ended(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Of a ticket whose command ended with 255, which ssh says of itself, too.

    Request: id, ticket. Answer: started; status (None where the link was lost).
    """
    sandbox_id, path = ids.check_id(request["id"]), _path(state, request["id"], request["ticket"])
    if os.path.exists(path):
        os.unlink(path)
        return {"started": False, "status": None}
    ended = read_json(path + ".ended") if os.path.isdir(state.job(sandbox_id)) else None
    return {"started": True, "status": ended}


def run(state: State, sandbox_id: str, ticket: str) -> int:
    """Take up a ticket: with our own standard streams, to its end. The exit status."""
    path = _path(state, sandbox_id, ticket)
    asked = read_json(path)
    if asked is None:
        raise HostError("not_found", "this ticket was taken up already", "ask for a new one")
    os.unlink(path)
    engine = engines.named(asked["engine"])
    with Hangup() as hangup:
        if asked["verb"] == "logs":
            return logs.show(state, engine, sandbox_id, asked, hangup)
        status = _exec(engine, path, asked, hangup)
    if status == SSH_FAILED:
        with contextlib.suppress(OSError, HostError):  # destroyed meanwhile
            write_json(path + ".ended", status)
    return status


def _exec(engine: Engine, path: str, asked: Mapping[str, Any], hangup: Hangup) -> int:
    by_name, by_file = maker.split_environment(asked["environment"])
    env_file = path + ".env" if by_file else None
    if env_file is not None:
        lines = "".join("{}={}\n".format(*item) for item in by_file.items())
        write_bytes(env_file, lines.encode("utf-8", "surrogateescape"))
    mark = inside.new_mark()
    argv = inside.exec_argv(
        asked["container"],
        asked["words"],
        mark,
        names=by_name,
        env_file=env_file,
        user=asked["user"],
        workdir=asked["workdir"],
        stdin=True,
        tty=asked["tty"],
    )
    try:
        child = subprocess.Popen(
            [engine.program, *engine.quietly, *argv],
            env=engine.surroundings(by_name),
        )
        if hangup.before_end_of(child):
            inside.end(mark, child)
            return 128 + signal.SIGTERM
        return child.returncode if child.returncode >= 0 else 128 - child.returncode
    finally:
        if env_file is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(env_file)


def _leave(state: State, found: Record, asked: Mapping[str, Any]) -> dict[str, Any]:
    for old in _old_tickets(state.job(found.id)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(old)
    ticket = secrets.token_hex(16)
    write_json(_path(state, found.id, ticket), {**asked, "engine": found.engine})
    return {"id": found.id, "ticket": ticket}


def _old_tickets(folder: str) -> Iterator[str]:
    for name in os.listdir(folder):
        if name.startswith("stream-"):
            path = os.path.join(folder, name)
            with contextlib.suppress(FileNotFoundError):
                if time.time() - os.stat(path).st_mtime > _TICKET_SECONDS:
                    yield path


def _path(state: State, sandbox_id: str, ticket: str) -> str:
    if _TICKET.fullmatch(ticket) is None:
        raise HostError("usage", "this is no ticket")
    return os.path.join(state.job(ids.check_id(sandbox_id)), "stream-" + ticket)


def _running(state: State, found: Record, service: str, index: int | None) -> str:
    [name] = _names(state, found, service, index or 1)
    there = {one.name: one for one in engines.named(found.engine).containers()}
    container: Container | None = there.get(name)
    if container is None or container.state != "running":
        how = container.state if container is not None else "not there"
        raise _not_running(found, f"service {service} of {found.name} is {how}")
    return name


def _names(state: State, found: Record, service: str | None, index: int | None) -> list[str]:
    """The containers of a service, or of one of its replicas, or of all services."""
    spec = read_json(os.path.join(state.job(found.id), make.SPEC)) or {}
    services: Mapping[str, Any] = spec.get("document", {}).get("services", {})
    if service is None:
        every = (maker.container_names(found.id, *item) for item in sorted(services.items()))
        return [name for names in every for name in names]
    if service not in services:
        raise HostError(
            "not_found",
            f"{found.name} has no service {service}",
            "it has {}".format(", ".join(sorted(services)) or "none"),
        )
    names = maker.container_names(found.id, service, services[service])
    if index is None:
        return names
    if not 1 <= index <= len(names):
        raise HostError("not_found", f"service {service} has {len(names)} of its kind, not {index}")
    return [names[index - 1]]


def _not_running(found: Record, what: str) -> HostError:
    return HostError("not_running", what, f"`sandboxer start {found.id}` puts it right")
