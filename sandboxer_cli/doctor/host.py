"""What is wrong with a host."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sandboxer_cli import connection
from sandboxer_cli.doctor.row import Row, fail, ok, refused, warn
from sandboxer_cli.errors import (
    CapacityExceeded,
    ConnectionRefused,
    ProvisioningFailed,
    SandboxerError,
    TryAgain,
    Usage,
)
from sandboxer_cli.result import span

SECONDS = 15.0  # for a host to answer
LATE_SECONDS = 180.0  # as in the host library's `reap`, which a test compares
SKEW_SECONDS = 2.0

_KIB, _MIB, _GIB = 1024, 1024**2, 1024**3

_QUESTIONS = Path(__file__).with_name("questions.sh")

# What a host said: each key with its values, in their order.
_Told = Mapping[str, Sequence[str]]


def check(way: connection.Reach) -> list[Row]:
    """The rows of one host. Where it can't be asked there is one, `connection`, that says why."""
    before = time.time()
    try:
        done = connection.run(way, ["/bin/sh"], stdin=_QUESTIONS.read_bytes(), timeout=SECONDS)
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
    for judge in (_account, _python, _engine, _short_names, _reaper, _disk, _inodes, _memory):
        rows += judge(way.host, told)
    rows += _clock(way.host, told, before, after)
    if way.kind == "ssh":
        rows += _sessions(way.host, told)
    return rows


def _reached(way: connection.Reach) -> str:
    if way.ssh is None:
        return "this machine"
    return f"{way.ssh['user']}@{way.ssh['host']}:{way.ssh['port']}, its key is known"


def _account(host: str, told: _Told) -> Iterator[Row]:
    user, uid = _first(told, "user"), _first(told, "uid")
    if uid == "0":
        yield ok(host, "account", user)
    else:
        yield fail(
            host,
            "account",
            f"{user} (uid {uid}): sandboxes are made as root for now",
            f"in the inventory: ansible_user: root for {host}, or ansible_become: true",
            Usage,
        )


def _python(host: str, told: _Told) -> Iterator[Row]:
    said = _first(told, "python")
    mend = f"on {host}: apt-get install python3"
    found = re.match(r"3\.([0-9]{1,3})\.[0-9]+ ", said)
    if not found:
        yield fail(host, "python", said or "there is none", mend, ProvisioningFailed)
    elif int(found[1]) < 9:
        said = f"{said.split()[0]} is older than 3.9"
        yield fail(host, "python", said, mend, ProvisioningFailed)
    else:
        yield ok(host, "python", said.split()[0])


def _engine(host: str, told: _Told) -> Iterator[Row]:
    said = _first(told, "engine")
    if "engine_status" not in told:
        mend = f"sandboxer host prepare {host}"
        yield fail(host, "engine", "there is no podman", mend, ProvisioningFailed)
    elif _first(told, "engine_status") != "0":
        said = said or f"status {_first(told, 'engine_status')}"
        mend = f"sandboxer host prepare {host} --fix-engine"
        yield fail(host, "engine", f"podman fails: {said}", mend, ProvisioningFailed)
    else:
        yield ok(host, "engine", f"podman {said.split()[0]}")


def _short_names(host: str, told: _Told) -> Iterator[Row]:
    """For information: short image names are refused or qualified before they come to a host."""
    try:
        searched = json.loads(_first(told, "engine").partition(" ")[2]).get("search") or []
    except (ValueError, TypeError, AttributeError, RecursionError):
        return  # no engine that works
    mode = _first(told, "short_names") or "permissive"
    where = f"looked for on {', '.join(map(str, searched))}" if searched else "refused"
    yield ok(host, "short-names", f"{where} (mode {mode})")


def _reaper(host: str, told: _Told) -> Iterator[Row]:
    """The same answer as in an object: `ok`, `late` or `none`."""
    mend = f"sandboxer host prepare {host}"
    try:
        kind = json.loads(_first(told, "host") or "{}").get("reaper", "none")
        beat = json.loads(_first(told, "beat") or "{}")
        last = float(beat["boot"]) if beat.get("boot_id") == _first(told, "boot_id") else None
        now = float(_first(told, "python").split()[1])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        said = "host.json or beat.json in the state folder can't be read"
        yield fail(host, "reaper", said, mend, SandboxerError)
        return
    ago = f"ran {span(now - last)} ago" if last is not None else "has not run since the boot"
    if kind == "none":
        yield warn(host, "reaper", "none: nothing on that host ends sandboxes in time", mend)
    elif now - (last or 0.0) > LATE_SECONDS:
        yield fail(host, "reaper", f"late: {kind}, {ago}", mend, TryAgain)
    else:
        yield ok(host, "reaper", f"{kind}, {ago}")


def _disk(host: str, told: _Told) -> Iterator[Row]:
    free = {mount: _KIB * blocks for mount, blocks in _free(told, "disk").items()}
    said = ", ".join(f"{amount / _GIB:.1f} GiB free on {mount}" for mount, amount in free.items())
    yield from _room(host, "disk", free, said, warn_below=_GIB, fail_below=100 * _MIB)


def _inodes(host: str, told: _Told) -> Iterator[Row]:
    free = _free(told, "inodes")
    said = ", ".join(f"{amount} free on {mount}" for mount, amount in free.items())
    yield from _room(host, "inodes", free, said, warn_below=10_000, fail_below=1_000)


def _room(
    host: str, check: str, free: Mapping[str, int], said: str, *, warn_below: int, fail_below: int
) -> Iterator[Row]:
    mend = f"on {host}: podman system df, then podman image prune"
    if not free:
        return  # a file system that doesn't count them
    if min(free.values()) < fail_below:
        yield fail(host, check, said, mend, CapacityExceeded)
    elif min(free.values()) < warn_below:
        yield warn(host, check, said, mend)
    else:
        yield ok(host, check, said)


def _free(told: _Told, key: str) -> dict[str, int]:
    """What `df -P` calls available, by mount point."""
    found = {}
    for line in told.get(key, ()):
        if cells := re.search(r" [1-9][0-9]* +[0-9]+ +([0-9]{1,18}) +\S+ +(/.*)$", line):
            found[cells[2]] = int(cells[1])
    return found


def _memory(host: str, told: _Told) -> Iterator[Row]:
    kib = _number(_first(told, "memory"))
    if kib is None:
        return
    free = kib * _KIB
    said = f"{free / _GIB:.1f} GiB free"
    if free < 256 * _MIB:
        yield warn(host, "memory", said, f"sandboxer list --all --host {host}, and destroy some")
    else:
        yield ok(host, "memory", said)


def _clock(host: str, told: _Told, before: float, after: float) -> Iterator[Row]:
    """Leases end by the host's clock, and are shown by ours."""
    try:
        began, ended = (float(text) for text in told["time"])
    except ValueError:
        return
    # The host looked at its clock at some moment between ours: the rest is certain.
    ahead, behind = ended - after, before - began
    skew = max(ahead, behind)
    if skew <= SKEW_SECONDS:
        yield ok(host, "clock", "agrees with ours")
    else:
        said = f"{span(skew)} {'ahead of' if ahead > 0 else 'behind'} ours"
        yield warn(host, "clock", said, f"on {host}: timedatectl set-ntp true")


def _sessions(host: str, told: _Told) -> Iterator[Row]:
    """How many commands one connection carries at once; only root may read it."""
    most = _number(_first(told, "sessions"))
    if most is None:
        return
    if most < 4:
        mend = f"on {host}: MaxSessions 10 in /etc/ssh/sshd_config"
        yield warn(host, "max-sessions", f"{most} commands at once over a connection", mend)
    else:
        yield ok(host, "max-sessions", str(most))


def _first(told: _Told, key: str) -> str:
    return next(iter(told.get(key, ())), "")


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
