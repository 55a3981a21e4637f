"""What is wrong with this machine and with hosts, and the command that mends it. Reads only."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypedDict

import yaml

from sandboxer_cli import __version__, ansible_env, connection
from sandboxer_cli.errors import (
    CapacityExceeded,
    ConnectionRefused,
    ProvisioningFailed,
    SandboxerError,
    TryAgain,
    Usage,
)
from sandboxer_cli.result import span

CONTROLLER = "controller"  # the name of this machine's own rows
SECONDS = 15.0  # for a host to answer
LATE_SECONDS = 180.0  # as in the host library's `reap`, which a test compares
SKEW_SECONDS = 2.0

_AT_ONCE = 16
_KIB, _MIB, _GIB = 1024, 1024**2, 1024**3


class Row(TypedDict):
    """One check. `mend` is empty where it is ok, `exit_status` is 0 unless it failed."""

    host: str
    check: str
    result: Literal["ok", "warn", "fail"]
    said: str
    mend: str
    exit_status: int


def run(pattern: str, inventories: Sequence[Path | str] = ()) -> list[Row]:
    """Check this machine, then each host of the pattern. Never raises for what it finds.

    On each host the rows that others depend on come first. A command of ours that mends names
    the inventories that were given.
    """
    rows = list(_controller())
    try:
        ways = connection.reach_all(pattern, inventories)
    except SandboxerError as error:
        rows.append(_refused(pattern, "inventory", error))
    else:
        with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(ways))) as pool:
            for found in pool.map(check_host, ways):
                rows += found
    for row in rows:
        row["mend"] = _with_inventories(row["mend"], inventories)
    return rows


def exit_status(rows: Sequence[Row]) -> int:
    """That of the first failure: what comes after it often only follows from it."""
    return next((row["exit_status"] for row in rows if row["result"] == "fail"), 0)


_OUR_COMMAND = re.compile(r"(?<!\S)sandboxer (?=host |list )")


def _with_inventories(mend: str, inventories: Sequence[Path | str]) -> str:
    words = "".join(f"-i {shlex.quote(str(one))} " for one in inventories)
    return _OUR_COMMAND.sub(lambda found: found[0] + words, mend)


def _ok(host: str, check: str, said: str) -> Row:
    return _row(host, check, "ok", said, "", 0)


def _warn(host: str, check: str, said: str, mend: str) -> Row:
    return _row(host, check, "warn", said, mend, 0)


def _fail(host: str, check: str, said: str, mend: str, kind: type[SandboxerError]) -> Row:
    return _row(host, check, "fail", said, mend, kind.exit_status)


def _refused(host: str, check: str, error: SandboxerError) -> Row:
    return _fail(host, check, error.detail.message, error.detail.hint, type(error))


def _row(
    host: str,
    check: str,
    result: Literal["ok", "warn", "fail"],
    said: str,
    mend: str,
    exit_status: int,
) -> Row:
    return {
        "host": host,
        "check": check,
        "result": result,
        "said": said,
        "mend": mend,
        "exit_status": exit_status,
    }


# This machine


def _controller() -> Iterator[Row]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield _ok(CONTROLLER, "sandboxer", f"{__version__} on Python {python}, {sys.executable}")
    yield _library("ansible-core")
    yield _library("ansible-runner")
    try:
        yield from _collection()
        yield _playbook_program()
    except SandboxerError as error:
        yield _refused(CONTROLLER, "collection", error)
    yield from _bytecode()
    yield _ssh()


def _library(name: str) -> Row:
    from packaging.requirements import Requirement  # ansible-core brings it along

    try:
        declared = importlib.metadata.requires("sand-boxer") or []
    except importlib.metadata.PackageNotFoundError:
        declared = []  # run from its sources
    wanted = next(
        (one for one in map(Requirement, declared) if one.name == name), Requirement(name)
    )
    mend = f"{sys.executable} -m pip install '{wanted}'"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return _fail(CONTROLLER, name, "not installed beside this Python", mend, SandboxerError)
    if version not in wanted.specifier:
        said = f"{version}, and {wanted.specifier} is what sand-boxer works with"
        return _fail(CONTROLLER, name, said, mend, SandboxerError)
    return _ok(CONTROLLER, name, version)


def _collection() -> Iterator[Row]:
    """The copy that our plays run, and one that would win where ours are run without us."""
    first, *configured = ansible_env.settings()["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)
    ours = _copy_below(Path(first))
    version = _collection_version(ours)
    if version == __version__:
        yield _ok(CONTROLLER, "collection", f"{version}, {ours}")
    else:
        yield _fail(
            CONTROLLER,
            "collection",
            f"{ours} has version {version}, and the program has {__version__}",
            f"{sys.executable} -m pip install --force-reinstall sand-boxer=={__version__}",
            SandboxerError,
        )
    copies = [_copy_below(Path(path)) for path in configured]
    theirs = next((path for path in copies if path.is_dir()), ours)
    if theirs.resolve() != ours.resolve() and _collection_version(theirs) != __version__:
        yield _warn(
            CONTROLLER,
            "other-collection",
            f"ansible-playbook by itself takes version {_collection_version(theirs)}, {theirs}",
            f"rm -r {theirs}",
        )


def _copy_below(path: Path) -> Path:
    root = path if path.name == "ansible_collections" else path / "ansible_collections"
    return root / "coulomb" / "sandboxer"


def _collection_version(copy: Path) -> str:
    """As Ansible reads it: an installed collection has a manifest, a checkout its galaxy.yml."""
    try:
        if (manifest := copy / "MANIFEST.json").exists():
            return str(json.loads(manifest.read_bytes())["collection_info"]["version"])
        return str(yaml.safe_load((copy / "galaxy.yml").read_bytes())["version"])
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        return "unknown"


def _playbook_program() -> Row:
    beside = Path(sys.executable).with_name("ansible-playbook")
    found = shutil.which("ansible-playbook", path=ansible_env.settings()["PATH"])
    mend = f"{sys.executable} -m pip install --force-reinstall ansible-core"
    if found is None:
        said = "neither beside this Python nor on PATH"
        return _fail(CONTROLLER, "ansible-playbook", said, mend, SandboxerError)
    if Path(found) != beside:
        said = f"not beside this Python; {found} would run"
        return _warn(CONTROLLER, "ansible-playbook", said, mend)
    return _ok(CONTROLLER, "ansible-playbook", found)


def _bytecode() -> Iterator[Row]:
    spec = importlib.util.find_spec("ansible")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent
    compiled = Path(importlib.util.cache_from_source(str(folder / "cli" / "playbook.py")))
    if compiled.exists():
        yield _ok(CONTROLLER, "bytecode", f"Ansible is compiled, {compiled.parent}")
    else:
        said = "Ansible is not compiled: where it can't be, each run takes twice as long"
        mend = f"{sys.executable} -m compileall -q {folder}"
        yield _warn(CONTROLLER, "bytecode", said, mend)


def _ssh() -> Row:
    found = shutil.which("ssh")
    if found is None:
        said = "missing: no other machine can be used"
        return _warn(CONTROLLER, "ssh", said, "apt-get install openssh-client")
    done = subprocess.run([found, "-V"], capture_output=True, text=True, check=False)
    return _ok(CONTROLLER, "ssh", f"{done.stderr.split(',')[0].strip()}, {found}")


# Hosts

# One round trip. Nothing is put into this text; it comes by standard input, so that the login
# shell has nothing to take apart, and what it calls must not read from there.
_SCRIPT = b"""
say() { printf '%s=%s\\n' "$1" "$(printf %s "$2" | tr '\\n' ' ')"; }
say time "$(date +%s.%N)"
uid=$(id -u)
say uid "$uid"
say user "$(id -un)"

python=/usr/bin/python3
[ -x "$python" ] || python=python3
say python "$("$python" -I -S -c 'import sys, time
print("%d.%d.%d" % sys.version_info[:3], time.clock_gettime(time.CLOCK_BOOTTIME))' </dev/null 2>&1)"

if command -v podman >/dev/null; then
    told=$(timeout -k 1 10 podman info --format '{{.Version.Version}} {{json .Registries}}' \
        </dev/null 2>&1)
    say engine_status "$?"
    say engine "$(printf '%s\\n' "$told" | tail -n 1)"
else
    say searched "$PATH"
fi
registries=${CONTAINERS_REGISTRIES_CONF:-/etc/containers/registries.conf}
say short_names "$(cat "$registries" /etc/containers/registries.conf.d/*.conf 2>/dev/null |
    sed -n 's/^[[:space:]]*short-name-mode[[:space:]]*=[[:space:]]*"\\([a-z]*\\)".*/\\1/p' |
    tail -n 1)"

state=/var/lib/sandboxer
[ "$uid" = 0 ] || state=$HOME/.local/state/sandboxer
[ -z "$SANDBOXER_STATE" ] || state=$SANDBOXER_STATE/state
say host "$(head -c 4096 "$state/host.json" 2>/dev/null)"
say beat "$(head -c 4096 "$state/beat.json" 2>/dev/null)"
say boot_id "$(cat /proc/sys/kernel/random/boot_id)-$(sed 's/.*) //' /proc/1/stat | cut -d' ' -f20)"

folders='/var/lib /var/lib/containers /srv'
[ "$uid" = 0 ] || folders=$HOME
for folder in $folders; do
    [ -d "$folder" ] || continue
    say disk "$(df -Pk "$folder" | tail -n 1)"
    say inodes "$(df -Pi "$folder" | tail -n 1)"
done
say memory "$(sed -n 's/^MemAvailable: *\\([0-9]*\\) kB$/\\1/p' /proc/meminfo)"
say sessions "$(/usr/sbin/sshd -T 2>/dev/null </dev/null | sed -n 's/^maxsessions //p')"
say time "$(date +%s.%N)"
say end 1
"""

# What a host said: each key with its values, in their order.
_Told = Mapping[str, Sequence[str]]


def check_host(way: connection.Reach) -> list[Row]:
    """The rows of one host. Where it can't be asked there is one, `connection`, that says why."""
    before = time.time()
    try:
        done = connection.run(way, ["/bin/sh"], stdin=_SCRIPT, timeout=SECONDS)
    except SandboxerError as error:
        row = _refused(way.host, "connection", error)
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
            _fail(
                way.host,
                "connection",
                f"let us in, and runs no command: {said[-1] if said else 'it said nothing'}",
                "give the account a login shell that runs commands",
                ConnectionRefused,
            )
        ]
    rows = [_ok(way.host, "connection", _reached(way))]
    for check in (_account, _python, _engine, _short_names, _reaper, _disk, _inodes, _memory):
        rows += check(way.host, told)
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
        yield _ok(host, "account", user)
    else:
        yield _fail(
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
        yield _fail(host, "python", said or "there is none", mend, ProvisioningFailed)
    elif int(found[1]) < 9:
        said = f"{said.split()[0]} is older than 3.9"
        yield _fail(host, "python", said, mend, ProvisioningFailed)
    else:
        yield _ok(host, "python", said.split()[0])


def _engine(host: str, told: _Told) -> Iterator[Row]:
    said = _first(told, "engine")
    if "engine_status" not in told:
        mend = f"sandboxer host prepare {host}"
        said = f"there is no podman in {_first(told, 'searched')}"
        yield _fail(host, "engine", said, mend, ProvisioningFailed)
    elif _first(told, "engine_status") != "0":
        said = said or f"status {_first(told, 'engine_status')}"
        mend = f"sandboxer host prepare {host} --fix-engine"
        yield _fail(host, "engine", f"podman fails: {said}", mend, ProvisioningFailed)
    else:
        yield _ok(host, "engine", f"podman {said.split()[0]}")


def _short_names(host: str, told: _Told) -> Iterator[Row]:
    """For information: short image names are refused or qualified before they come to a host."""
    try:
        searched = json.loads(_first(told, "engine").partition(" ")[2]).get("search") or []
    except (ValueError, TypeError, AttributeError, RecursionError):
        return  # no engine that works
    mode = _first(told, "short_names") or "permissive"
    where = f"looked for on {', '.join(map(str, searched))}" if searched else "refused"
    yield _ok(host, "short-names", f"{where} (mode {mode})")


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
        yield _fail(host, "reaper", said, mend, SandboxerError)
        return
    ago = f"ran {span(now - last)} ago" if last is not None else "has not run since the boot"
    if kind == "none":
        yield _warn(host, "reaper", "none: nothing on that host ends sandboxes in time", mend)
    elif now - (last or 0.0) > LATE_SECONDS:
        yield _fail(host, "reaper", f"late: {kind}, {ago}", mend, TryAgain)
    else:
        yield _ok(host, "reaper", f"{kind}, {ago}")


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
        yield _fail(host, check, said, mend, CapacityExceeded)
    elif min(free.values()) < warn_below:
        yield _warn(host, check, said, mend)
    else:
        yield _ok(host, check, said)


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
        yield _warn(host, "memory", said, f"sandboxer list --all --host {host}, and destroy some")
    else:
        yield _ok(host, "memory", said)


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
        yield _ok(host, "clock", "agrees with ours")
    else:
        said = f"{span(skew)} {'ahead of' if ahead > 0 else 'behind'} ours"
        yield _warn(host, "clock", said, f"on {host}: timedatectl set-ntp true")


def _sessions(host: str, told: _Told) -> Iterator[Row]:
    """How many commands one connection carries at once; only root may read it."""
    most = _number(_first(told, "sessions"))
    if most is None:
        return
    if most < 4:
        mend = f"on {host}: MaxSessions 10 in /etc/ssh/sshd_config"
        yield _warn(host, "max-sessions", f"{most} commands at once over a connection", mend)
    else:
        yield _ok(host, "max-sessions", str(most))


def _first(told: _Told, key: str) -> str:
    return next(iter(told.get(key, ())), "")


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
