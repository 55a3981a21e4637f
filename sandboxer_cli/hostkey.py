"""What key a host shows, whether ssh knows it, and how it becomes known."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandboxer_cli import folders
from sandboxer_cli.connection import Reach
from sandboxer_cli.errors import ConnectionRefused, HostUnreachable, SandboxerError, Usage

SECONDS = 10  # for a host to show its keys

_CHECK = "check address and port, and that sshd runs there"
_SHOW_KEYS = Path(__file__).with_name("_show_keys.py")

# Each algorithm that can be asked for -> the kind of key that it is for.
_KINDS = {
    "ssh-ed25519": "ssh-ed25519",
    "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
    "rsa-sha2-512": "ssh-rsa",
    "rsa-sha2-256": "ssh-rsa",
    "ssh-rsa": "ssh-rsa",
}


@dataclass(frozen=True)
class Known:
    """A key in a file of known hosts.

    names: as they stand there, perhaps hashed, with patterns, or with other hosts among them.
    mark: "", "@revoked" or "@cert-authority".
    """

    file: Path
    line: bytes
    mark: str
    names: str
    kind: str
    key: str


@dataclass(frozen=True)
class Offer:
    """The key that a host shows.

    line: as it would stand in a file of known hosts.
    file: where it is known, or would be recorded.
    replaces: other keys are known for this host, and it shows none of those; they are `older`.
    """

    address: str
    kind: str
    line: str
    fingerprint: str
    file: Path
    is_known: bool
    replaces: bool
    hashed: bool = False
    older: tuple[Known, ...] = ()


def look_up(way: Reach) -> Offer:
    """Ask the host for its key, and ssh's files whether it is known. Records nothing.

    Raises:
        Usage: `host_key_local`, `host_key_behind_jump`, `known_hosts_unwritable`.
        HostUnreachable: nothing at that address shows a key that ssh would accept.
        ConnectionRefused: `host_key_revoked`.
    """
    if way.ssh is None:
        raise Usage(
            f"{way.host} is this machine, which has no host key to trust", code="host_key_local"
        )
    options = _options(way)
    _refuse_jump(way, options)
    host, port = options["hostname"].lower(), int(options["port"])
    # What ssh looks for; an alias stands for address and port together.
    name = options.get("hostkeyalias", "").lower() or _name(host, port)
    system = [Path(p) for p in options.get("globalknownhostsfile", "").split() if p != "none"]
    files = [Path(path) for path in way.known_hosts]
    known = [one for file in (*files, *system) for one in _find(name, file)]
    plain = [one for one in known if not one.mark]

    # As ssh does: of the kinds that it may use, those that are known come first.
    allowed = _by_kind(options["hostkeyalgorithms"].split(","))
    order = sorted(allowed, key=lambda kind: kind not in {one.kind for one in plain})
    asked = {kind: allowed[kind] for kind in order}
    asked |= {kind: words for kind, words in _by_kind(_KINDS).items() if kind not in allowed}
    compared = {one.kind for one in known if one.mark != "@cert-authority"}
    shown = _ask(way, host, port, options.get("addressfamily", "any"), asked, compared)
    for one in known:
        if one.mark == "@revoked" and one.key in shown.values():
            raise ConnectionRefused(
                f"the key that {way.host} shows is marked as revoked in {one.file}",
                "that key must not be trusted; give the host a new one",
                code="host_key_revoked",
            )
    kind = next((one for one in order if one in shown), None)
    if kind is None:
        raise HostUnreachable(
            f"{way.host} shows keys of type {', '.join(shown)}, none of which ssh may use here",
            "see HostKeyAlgorithms in the inventory's ssh arguments and ssh's configuration",
            code="host_key_type",
        )
    key = shown[kind]
    where = next((one.file for one in plain if (one.kind, one.key) == (kind, key)), None)
    older = tuple(one for one in plain if shown.get(one.kind) != one.key)
    return Offer(
        address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        kind=kind,
        line=f"{name} {kind} {key}",
        fingerprint=_fingerprint(key),
        file=where or _first_writable(way.host, files),
        is_known=where is not None,
        replaces=where is None and bool(older),
        hashed=options.get("hashknownhosts") == "yes",
        older=older,
    )


def record(offer: Offer) -> None:
    """Make the offered key the one that is known for its host; other hosts' lines stay.

    Raises:
        Usage: `known_hosts_unwritable`, or `known_hosts_by_hand` where an older key can't be
            taken out without harm to other hosts.
    """
    name = offer.line.split()[0]
    for one in offer.older:
        _refuse_by_hand(one, name, offer)
    # The new key last: where an older one can't be taken out, nothing becomes known.
    others = dict.fromkeys(one.file for one in offer.older if one.file != offer.file)
    for file in (*others, offer.file):
        stale = {one.line for one in offer.older if one.file == file}
        added = _hashed(offer.line) if offer.hashed else offer.line
        try:
            _rewrite(file, stale, name, (offer.line, added) if file == offer.file else None)
        except OSError as error:
            raise Usage(
                f"{file} can't be written: {error.strerror}",
                f"{name} should have one line, in {offer.file}: {offer.line}",
                code="known_hosts_unwritable",
            ) from error


def _options(way: Reach) -> dict[str, str]:
    """The options of this very connection, as ssh itself reads them."""
    done = subprocess.run(
        [way.argv[0], "-G", *way.argv[1:]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=True,  # connection.reach has seen it answer
    )
    return dict(line.partition(" ")[::2] for line in done.stdout.splitlines())


def _refuse_jump(way: Reach, options: Mapping[str, str]) -> None:
    address = f"-p {options['port']} {options['hostname']}"
    if (jumps := options.get("proxyjump", "none")) != "none":
        before, _, last = jumps.rpartition(",")
        over = f"-J {before} " if before else ""
        by_hand = f"run `ssh {over}ssh://{last} ssh-keyscan {address}`"
    elif options.get("proxycommand", "none") != "none":
        by_hand = f"run `ssh-keyscan {address}` where the host can be reached directly"
    else:
        return
    file = way.known_hosts[0] if way.known_hosts else "a file of known hosts"
    raise Usage(
        f"{way.host} is reached through another host, where its key can't be looked up from here",
        f"{by_hand}, compare the key with the host's own, and add the line to {file}",
        code="host_key_behind_jump",
    )


def _name(host: str, port: int) -> str:
    return host if port == 22 else f"[{host}]:{port}"


def _by_kind(algorithms: Iterable[str]) -> dict[str, list[str]]:
    """The kinds of key that these algorithms are for, in their order. Certificates are no keys."""
    found: dict[str, list[str]] = {}
    for one in algorithms:
        if kind := _KINDS.get(one):
            found.setdefault(kind, []).append(one)
    return found


def _ask(
    way: Reach,
    host: str,
    port: int,
    family: str,
    asked: Mapping[str, Sequence[str]],
    compared: Container[str],
) -> dict[str, str]:
    """The keys that the host shows, {kind: key}: the first of those that are asked for, by kind
    their algorithms, and each whose kind is compared."""
    with folders.short_lived() as folder:
        request = {
            "host": host,
            "port": port,
            "family": family,
            "folder": str(folder),
            "asked": [(words, kind in compared) for kind, words in asked.items()],
        }
        try:
            done = subprocess.run(
                [sys.executable, "-P", str(_SHOW_KEYS)],
                input=json.dumps(request),
                capture_output=True,
                text=True,
                timeout=SECONDS,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise HostUnreachable(
                f"{way.host} at {host} port {port} showed no key in {SECONDS} s",
                _CHECK,
                code="host_silent",
            ) from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise SandboxerError(
            f"host keys can't be looked up here: {said[-1]}",
            f"{sys.executable} -m pip install --force-reinstall ansible-pylibssh",
        )
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise HostUnreachable(
            f"nothing at {host} port {port} shows a host key: {answer['error']}",
            _CHECK,
        )
    shown: dict[str, str] = answer["shown"]
    return shown


def _fingerprint(key: str) -> str:
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


_FOUND_AT = re.compile(rb"^# Host .* found: line (\d+)", re.MULTILINE)


def _find(name: str, file: Path) -> Iterator[Known]:
    """The lines of the file that ssh takes for this host: plain, hashed, or by a pattern."""
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError:
        return  # ssh passes over it as well
    # By standard input: ssh-keygen then reads the same bytes, and has no file to complain of.
    done = subprocess.run(
        ["ssh-keygen", "-F", name, "-f", "/dev/stdin"],
        input=b"\n".join(lines),
        capture_output=True,
        check=False,
    )
    for number in _FOUND_AT.findall(done.stdout):
        line = lines[int(number) - 1].strip()
        words = line.decode(errors="replace").split()
        mark = words.pop(0) if words[0].startswith("@") else ""
        names, kind, key = words[:3]
        yield Known(file, line, mark, names, kind, key)


def _first_writable(host: str, files: Sequence[Path]) -> Path:
    for file in files:
        folder = file.resolve().parent
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK) and not file.is_dir():
            return file
    raise Usage(
        f"the key of {host} can't be recorded: {', '.join(map(str, files)) or 'no file'} "
        "can't be written",
        "name another file in the inventory: ansible_ssh_common_args: -o UserKnownHostsFile=PATH",
        code="known_hosts_unwritable",
    )


def _refuse_by_hand(one: Known, name: str, offer: Offer) -> None:
    if one.names.startswith("|") or name in _listed(one.names):
        return
    raise Usage(
        f"{one.file} has another key for {name}, by the pattern {one.names}",
        f"change it by hand, then add: {offer.line}",
        code="known_hosts_by_hand",
    )


def _listed(names: str) -> list[str]:
    return names.lower().split(",")


def _rewrite(file: Path, stale: set[bytes], name: str, added: tuple[str, str] | None) -> None:
    """Take `name` off the stale lines, and add one line: (as it is looked for, as it is written).

    The file is replaced as a whole, so that ssh finds the old one or the new one.
    """
    target = file.resolve()  # a link stays a link
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _folder_lock(target.parent):
        before = target.stat() if target.exists() else None
        kept = []
        for line in target.read_bytes().splitlines(keepends=True) if before else []:
            rest = _without(line, name) if line.strip() in stale else line
            kept.append(rest if rest.endswith(b"\n") or not rest else rest + b"\n")
        if added and f"{added[0]}\n".encode() not in kept:
            kept.append(f"{added[1]}\n".encode())
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as out:
                if before:
                    os.fchmod(out.fileno(), before.st_mode & 0o7777)
                    if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                        os.fchown(out.fileno(), before.st_uid, before.st_gid)
                out.write(b"".join(kept))
                out.flush()
                os.fsync(out.fileno())
            Path(temporary).rename(target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise


@contextlib.contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """One writer of ours at a time. A lock on the file itself would be lost with its rename."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _without(line: bytes, name: str) -> bytes:
    """The line for the other hosts that it names; nothing where there are none."""
    names, _, rest = line.strip().partition(b" ")
    others = [one for one in names.split(b",") if one.decode(errors="replace").lower() != name]
    if names.startswith(b"|") or not others:
        return b""
    return b",".join(others) + b" " + rest + b"\n"


def _hashed(line: str) -> str:
    """The line as HashKnownHosts wants it: whoever reads the file learns no name."""
    name, _, rest = line.partition(" ")
    salt = os.urandom(20)
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()} {rest}"
