"""What is wrong with a host: it is asked once, and its key is looked up meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandboxer_cli import connection, hostkey
from sandboxer_cli.doctor import checks
from sandboxer_cli.doctor.row import Row, fail, ok, refused, warn
from sandboxer_cli.errors import ConnectionRefused, SandboxerError
from sandboxer_cli.host import compose_words

SECONDS = 15.0  # for a host to answer

_QUESTIONS = Path(__file__).with_name("questions.sh")


def check(way: connection.Reach) -> list[Row]:
    """The rows of one host; where it can't be asked, none but why, and what its key says to that.

    Its key is looked up meanwhile, by a connection of its own: one that is open already may have
    been let in by another key.
    """
    with ThreadPoolExecutor(max_workers=1) as beside:
        key = beside.submit(_look_up, way)
        first, *rest = _asked(way)
        return [first, *_host_key(way, key.result(), first), *rest]


def _look_up(way: connection.Reach) -> hostkey.Offer | SandboxerError | None:
    try:
        return hostkey.look_up(way) if way.kind == "ssh" else None
    except SandboxerError as error:
        return error


def _host_key(
    way: connection.Reach, found: hostkey.Offer | SandboxerError | None, reached: Row
) -> Iterator[Row]:
    if found is None:
        return
    if isinstance(found, ConnectionRefused):
        yield refused(way.host, "host-key", found)  # it is revoked
        return
    if isinstance(found, SandboxerError):
        if reached["result"] == "ok":
            told = found.detail.code != "host_key_behind_jump"
        else:
            told = reached["exit_status"] == ConnectionRefused.exit_status
        if told:
            yield warn(way.host, "host-key", found.detail.message, found.detail.hint)
        return
    said = f"{found.kind} {found.fingerprint}"
    mend = f"when that is the host's key: sandboxer host trust {way.host}"
    if found.is_known:
        yield ok(way.host, "host-key", f"{said}, known in {found.file}")
    elif reached["result"] == "ok":
        said = f"{said} is not known; a connection that was open, or a certificate, let us in"
        yield warn(way.host, "host-key", said, mend)
    else:
        said = f"{said} is {'NOT the one that was' if found.replaces else 'not'} known"
        yield fail(way.host, "host-key", said, mend, ConnectionRefused)


def _asked(way: connection.Reach) -> list[Row]:
    words, instead = _compose_words(way)
    argv = ["/bin/sh", "-s", "--", *words]
    before = time.time()
    try:
        done = connection.run(way, argv, stdin=_QUESTIONS.read_bytes(), timeout=SECONDS)
    except SandboxerError as error:
        row = refused(way.host, "connection", error)
        row["mend"] = row["mend"] or "see whether it is up, and its address: sandboxer host list"
        return [row]
    after = time.time()
    told: dict[str, list[str]] = {}
    for line in done.stdout.decode(errors="replace").splitlines():
        key, equals, value = line.partition("=")
        if equals:
            told.setdefault(key, []).append(value.strip())
    if "end" not in told:
        said = (done.stderr + done.stdout).decode(errors="replace").strip().splitlines()
        return [
            fail(
                way.host,
                "connection",
                f"let us in, and runs no command: {said[-1] if said else 'it said nothing'}",
                "give the account a login shell that runs commands",
                ConnectionRefused,
            )
        ]
    rows = [ok(way.host, "connection", _reached(way))]
    for check_one in (checks.account, checks.python, checks.path, checks.engine):
        rows += check_one(way.host, told)
    rows += [instead] if instead else checks.compose(way.host, told, words)
    for check_one in (checks.short_names, checks.reaper, checks.subuid, checks.linger):
        rows += check_one(way.host, told)
    for check_one in (checks.disk, checks.inodes, checks.memory):
        rows += check_one(way.host, told)
    rows += checks.clock(way.host, told, before, after)
    if way.kind == "ssh":
        rows += checks.max_sessions(way.host, told)
    return rows


def _compose_words(way: connection.Reach) -> tuple[list[str], Row | None]:
    """The words of the host's compose program, and where they can't be told a row instead."""
    if "{{" in (way.compose_cmd or ""):
        said = f"{way.compose_cmd}: a play will tell, by the host's facts"
        return [], ok(way.host, "compose", said)
    try:
        return compose_words(way.compose_cmd), None
    except SandboxerError as error:
        mend = f"name another: sandboxer_compose_cmd of {way.host}, or SANDBOXER_COMPOSE_CMD"
        return [], fail(way.host, "compose", error.detail.message, mend, type(error))


def _reached(way: connection.Reach) -> str:
    if way.ssh is None:
        return "this machine"
    return f"{way.ssh['user']}@{way.ssh['host']}:{way.ssh['port']}"
