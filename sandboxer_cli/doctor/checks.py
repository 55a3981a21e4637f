"""What a host's answers mean: a check, a function."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from sandboxer_cli.doctor.row import Row, fail, ok, warn
from sandboxer_cli.errors import (
    CapacityExceeded,
    ProvisioningFailed,
    SandboxerError,
    TryAgain,
    Usage,
)
from sandboxer_cli.host import compose_too_old, engine_too_old
from sandboxer_cli.result import span

LATE_SECONDS = 180.0  # as in the host library's `reap`, which a test compares
SKEW_SECONDS = 2.0

_PACKAGES = ("podman-compose", "docker-compose")  # by which Debian has these programs
_ALL_IDS = 65536  # as many as an image may use
_KIB, _MIB, _GIB = 1024, 1024**2, 1024**3

# What a host said: each key with its values, in their order.
Told = Mapping[str, Sequence[str]]


def account(host: str, told: Told) -> Iterator[Row]:
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


def python(host: str, told: Told) -> Iterator[Row]:
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


def path(host: str, told: Told) -> Iterator[Row]:
    """Where a command by ssh is looked for; /etc/profile has no part in it."""
    said = _first(told, "path")
    if {"/usr/sbin", "/sbin"} & set(said.split(":")):
        yield ok(host, "path", said)
    else:
        mend = f"on {host}: add :/usr/sbin to PATH in /etc/environment, or to sudo's secure_path"
        yield warn(host, "path", f"{said}: the engine's networks want /usr/sbin too", mend)


def engine(host: str, told: Told) -> Iterator[Row]:
    status, said = _first(told, "engine_status"), _first(told, "engine_said")
    if elsewhere := _first(told, "engine_elsewhere"):
        said = f"{elsewhere} is not in the PATH of a plain login"
        mend = f"on {host}: ln -s {shlex.quote(elsewhere)} /usr/bin/podman"
        yield fail(host, "engine", said, mend, ProvisioningFailed)
    elif not status:
        mend = f"sandboxer host prepare {host}"
        said = f"there is neither podman nor docker in {_first(told, 'path')}"
        yield fail(host, "engine", said, mend, ProvisioningFailed)
    elif status != "0":
        name = _engine(told)
        mend = f"sandboxer host prepare {host} --fix-engine"
        if name == "docker":
            mend = f"on {host}: systemctl start docker, or see journalctl -u docker"
        said = f"{name} fails: {said or f'status {status}'}"
        yield fail(host, "engine", said, mend, ProvisioningFailed)
    else:
        said = _first(told, "engine").replace(" version", "", 1)
        old = engine_too_old(_engine(told), said.rpartition(" ")[2])
        yield _of_version(host, "engine", said, old)


def _of_version(host: str, check: str, said: str, old: str) -> Row:
    """`old`: why this version will not do, if it won't."""
    if not old:
        return ok(host, check, said)
    return fail(host, check, old, f"on {host}: install a newer one", ProvisioningFailed)


def _engine(told: Told) -> str:
    return "docker" if _first(told, "engine").startswith("docker") else "podman"


def compose(host: str, told: Told, words: Sequence[str]) -> Iterator[Row]:
    """The program that makes the containers, where one is named for the host."""
    name, said = words[0] if words else "", _first(told, "compose")
    if not words:
        yield ok(host, "compose", "none is named: the engine itself makes the containers")
    elif elsewhere := _first(told, "compose_elsewhere"):
        said = f"{elsewhere} is not in the PATH of a plain login"
        mend = f"on {host}: ln -s {shlex.quote(elsewhere)} /usr/bin/{name}"
        yield fail(host, "compose", said, mend, ProvisioningFailed)
    elif "compose_status" not in told:
        mend = f"on {host}: install it, or name another by sandboxer_compose_cmd"
        if name in _PACKAGES:
            mend = f"on {host}: apt-get install {name}"
        yield fail(host, "compose", f"there is no {name}", mend, ProvisioningFailed)
    elif _first(told, "compose_status") == "0":
        found = re.search(r"compose[^0-9]{0,20}([0-9]+(?:\.[0-9]+)+)", said, re.IGNORECASE)
        old = compose_too_old(words, found[1]) if found else ""
        said = f"{shlex.join(words)} {found[1] if found else said[:40]}".strip()
        yield _of_version(host, "compose", said, old)
    else:
        said = f"{shlex.join(words)} can't say its version: {said[-200:]}"
        mend = f"on {host}: install {name} anew"
        if list(words[:2]) == [
            "docker",
            "compose",
        ]:  # a program of its own, in a folder of docker's
            mend = f"on {host}: apt-get install docker-compose"
        yield warn(host, "compose", said, mend)


def short_names(host: str, told: Told) -> Iterator[Row]:
    """For information: short image names are refused or qualified before they come to a host."""
    if "engine_status" in told and _engine(told) == "docker":
        yield ok(host, "short-names", "looked for on docker.io")
    elif "engine_status" in told:
        searched = re.findall(r"[\w.:/-]+", _first(told, "search"))
        where = f"looked for on {', '.join(searched)}" if searched else "refused"
        mode = _first(told, "short_names") or "permissive"
        yield ok(host, "short-names", f"{where} (mode {mode})")


def reaper(host: str, told: Told) -> Iterator[Row]:
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


def subuid(host: str, told: Told) -> Iterator[Row]:
    """What an account other than root needs, to run containers with users of their own."""
    if (uid := _number(_first(told, "uid"))) == 0:
        yield ok(host, "subuid", "root needs none")
    elif uid is not None:
        counts = [_ids(_first(told, key)) for key in ("subuid", "subgid")]
        said = "{} uids and {} gids of its own".format(*counts)
        if min(counts) >= _ALL_IDS:
            yield ok(host, "subuid", said)
        else:
            first = max(uid % 2**15, 1) * _ALL_IDS  # below 2**31
            ids = f"{first}-{first + _ALL_IDS - 1}"
            mend = (
                f"on {host}: apt-get install uidmap && "
                f"usermod --add-subuids {ids} --add-subgids {ids} {_first(told, 'user')}"
            )
            yield warn(host, "subuid", said, mend)


def _ids(ranges: str) -> int:
    """How many ids `getsubids` tells of: "0: eve 100000 65536"."""
    return sum(int(count) for count in re.findall(r"[0-9]: \S+ [0-9]+ ([0-9]{1,10})\b", ranges))


def linger(host: str, told: Told) -> Iterator[Row]:
    """Without it all that an account other than root has running ends with its last login."""
    if _first(told, "uid") == "0":
        yield ok(host, "linger", "root needs none")
    elif "linger" in told:
        yield ok(host, "linger", "on")
    else:
        mend = f"on {host}: loginctl enable-linger {_first(told, 'user')}"
        yield warn(host, "linger", "off: a reaper of this account ends with its login", mend)


def disk(host: str, told: Told) -> Iterator[Row]:
    free = {mount: _KIB * blocks for mount, blocks in _free(told, "disk").items()}
    said = ", ".join(f"{amount / _GIB:.1f} GiB free on {mount}" for mount, amount in free.items())
    yield from _room(host, "disk", told, free, said, warn_below=_GIB, fail_below=100 * _MIB)


def inodes(host: str, told: Told) -> Iterator[Row]:
    free = _free(told, "inodes")
    said = ", ".join(f"{amount} free on {mount}" for mount, amount in free.items())
    yield from _room(host, "inodes", told, free, said, warn_below=10_000, fail_below=1_000)


def _room(
    host: str,
    check: str,
    told: Told,
    free: Mapping[str, int],
    said: str,
    *,
    warn_below: int,
    fail_below: int,
) -> Iterator[Row]:
    name = _engine(told)
    mend = f"on {host}: {name} system df, then {name} image prune"
    if not free:
        return  # a file system that doesn't count them
    if min(free.values()) < fail_below:
        yield fail(host, check, said, mend, CapacityExceeded)
    elif min(free.values()) < warn_below:
        yield warn(host, check, said, mend)
    else:
        yield ok(host, check, said)


def _free(told: Told, key: str) -> dict[str, int]:
    """What `df -P` calls available, by mount point."""
    found = {}
    for line in told.get(key, ()):
        if cells := re.search(r" [1-9][0-9]* +[0-9]+ +([0-9]{1,18}) +\S+ +(/.*)$", line):
            found[cells[2]] = int(cells[1])
    return found


def memory(host: str, told: Told) -> Iterator[Row]:
    kib = _number(_first(told, "memory"))
    if kib is None:
        return
    free = kib * _KIB
    said = f"{free / _GIB:.1f} GiB free"
    if free < 256 * _MIB:
        yield warn(host, "memory", said, f"sandboxer list --all --host {host}, and destroy some")
    else:
        yield ok(host, "memory", said)


def clock(host: str, told: Told, before: float, after: float) -> Iterator[Row]:
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


def max_sessions(host: str, told: Told) -> Iterator[Row]:
    """How many commands one connection carries at once; only root may read it."""
    most = _number(_first(told, "sessions"))
    if most is None:
        return
    if most < 4:
        mend = f"on {host}: MaxSessions 10 in /etc/ssh/sshd_config, systemctl reload ssh"
        yield warn(host, "max-sessions", f"{most} commands at once over a connection", mend)
    else:
        yield ok(host, "max-sessions", str(most))


def _first(told: Told, key: str) -> str:
    return next(iter(told.get(key, ())), "")


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
