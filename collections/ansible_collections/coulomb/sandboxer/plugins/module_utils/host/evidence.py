"""What is kept of a test: the reports and artifacts that it wrote, logs, and what ran.

All goes into one tar, taken before the sandbox goes. Of the test's files only plain ones in the
source's own tree are taken; no link is followed, and nothing is larger than it may be.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from . import maker, program, source, tree
from .clock import now
from .engine import Engine
from .errors import HostError
from .freshness import Mark
from .output import Kept, Masked
from .record import Record
from .run import Run
from .state import State

ARCHIVE = "out.tar"
STEPS = "steps"
OUT = "e2e/out"  # where E2E_OUT is in the source
MOST_FILES = 2000
MOST_BYTES = 128 * 1024 * 1024  # of all together
_LOG_BYTES = 2 * 1024 * 1024  # of each service
_REPORT_BYTES = 16 * 1024 * 1024  # of each that is read; the controller reads no larger one
_NAMED = 100  # of what is left out
_CHUNK = 256 * 1024
_UNMASKED = "a secret may be in it, and nobody here knows it any more"


def step_log(number: int, name: str, attempt: int) -> str:
    """Path of a step's log, in the run's folder and in the tar."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", name)[:64]
    return f"{STEPS}/{number:02}-{safe}" + (f".{attempt}" if attempt > 1 else "") + ".log"


def matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path below the source is meant: `*` and `?` within one name, `**` across them."""
    compiled = [re.compile(_expression(one), re.DOTALL) for one in patterns]
    return lambda path: any(one.fullmatch(path) for one in compiled)


def _expression(pattern: str) -> str:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if pattern.startswith("/") or ".." in parts:
        raise HostError("usage", f"{pattern!r} leads out of the source")
    found = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            found += ".+" if last else "(?:[^/]+/)*"
            continue
        words = {"*": "[^/]*", "?": "[^/]"}
        found += "".join(words.get(letter) or re.escape(letter) for letter in part)
        found += "" if last else "/"
    return found


def make_out(engine: Engine, container: str, path: str) -> None:
    """A folder for reports inside a container, which may lack the program for it. Where it can't
    be made the test sees that by itself."""
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w") as tar:
        info = tarfile.TarInfo(os.path.basename(path))
        info.type, info.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(info)
    child = subprocess.Popen(
        [engine.program, "cp", "-", f"{container}:{os.path.dirname(path)}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=engine.surroundings(),
    )
    child.communicate(empty.getvalue())


def masked(inspected: Any) -> Any:
    """What an engine says of containers, without the values of their variables."""
    if isinstance(inspected, dict):
        return {
            key: [str(one).partition("=")[0] + "=***" for one in value]
            if key == "Env" and isinstance(value, list)
            else masked(value)
            for key, value in inspected.items()
        }
    return [masked(one) for one in inspected] if isinstance(inspected, list) else inspected


class Collecting:
    """One collection, for one run."""

    def __init__(
        self,
        state: State,
        run: Run,
        sandbox: Record,
        services: Mapping[str, Any],
        engine: Engine,
        mark: Mark,
        secrets: Sequence[str] | None,
        out_in_service: str,
    ) -> None:
        """Without `secrets`, which nobody knows any more, what they might be in is left out."""
        self._folder = state.run(run.id)
        self._root = source.root(state, sandbox.id)
        self._run = run
        self._sandbox = sandbox
        self._services = services
        self._engine = engine
        self._mark = mark
        self._knows_secrets = secrets is not None
        self._secrets = [one.encode("utf-8", "surrogateescape") for one in secrets or ()]
        self._out_in_service = out_in_service
        reports = run.document["reports"]
        self._patterns = [*reports["junit"], *reports["artifacts"]]
        self._kinds = {
            "junit": matcher(reports["junit"]),
            "artifact": matcher(reports["artifacts"]),
        }
        self._files: list[dict[str, Any]] = []
        self._left_out: list[str] = []
        self._bytes = 0

    def collect(self) -> None:
        """Write the tar, with a manifest as its last member."""
        half = os.path.join(self._folder, ARCHIVE + ".new")
        with open(half, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
            self._add_logs(tar)
            self._add_tree(tar)
            self._add_from_services(tar)
            self._add_services(tar)
            manifest = {"schema": 1, "files": self._files, "left_out": self._left_out[:_NAMED]}
            _add_bytes(tar, "manifest.json", _json(manifest))
        os.rename(half, os.path.join(self._folder, ARCHIVE))

    def _add_logs(self, tar: tarfile.TarFile) -> None:
        """Of each step, also of one that nobody has seen the end of. No secret is in them."""
        folder = os.path.join(self._folder, STEPS)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            with open(os.path.join(folder, name), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                self._add(tar, f"{STEPS}/{name}", file, size, ["log"])

    def _add_tree(self, tar: tarfile.TarFile) -> None:
        """Plain files of the source that a glob means."""
        if not os.path.isdir(self._root):
            return
        try:
            for entry in tree.entries(self._root, self._patterns):
                if kinds := self._kinds_of(entry.path):
                    self._add_file(tar, entry, kinds)
        except tree.TooManyError:
            self._left_out.append(f"all after {tree.MOST_ENTRIES} entries")

    def _kinds_of(self, path: str) -> list[str]:
        return [kind for kind, means in self._kinds.items() if means(path)]

    def _add_file(self, tar: tarfile.TarFile, entry: tree.Entry, kinds: list[str]) -> None:
        try:
            descriptor = tree.open_file(entry)
        except OSError:
            self._left_out.append(f"{_shown(entry.path)}: it is a link, or can't be read")
            return
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                self._left_out.append(f"{_shown(entry.path)}: it is no plain file")
                return
            row = self._add_found(tar, entry.path, file, found.st_size, kinds)
        self._judge(row, entry.path, found, found.st_mtime)

    def _add_from_services(self, tar: tarfile.TarFile) -> None:
        """What steps inside of services have written to E2E_OUT there."""
        for name in sorted({one["in"] for one in self._run.document["steps"]} - {"host"}):
            container = maker.container_name(self._sandbox.id, name)
            child = subprocess.Popen(
                [self._engine.program, "cp", f"{container}:{self._out_in_service}/.", "-"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._engine.surroundings(),
            )
            try:
                self._add_stream(tar, child.stdout)
            finally:
                child.kill()
                child.communicate()

    def _add_stream(self, tar: tarfile.TarFile, stream: Any) -> None:
        there = {one["path"] for one in self._files}
        try:
            with tarfile.open(fileobj=stream, mode="r|") as given:
                for number, member in enumerate(given):
                    if number > tree.MOST_ENTRIES:
                        return
                    parts = [part for part in member.name.split("/") if part not in ("", ".")]
                    path = "/".join([OUT, *parts])
                    kinds = self._kinds_of(path)
                    if not member.isreg() or ".." in parts or not kinds:
                        continue
                    content = given.extractfile(member)
                    if content is not None and f"files/{path}" not in there:
                        row = self._add_found(tar, path, content, member.size, kinds)
                        # an engine may give whole seconds
                        self._judge(row, path, None, float(member.mtime) + 1)
        except tarfile.TarError:
            return  # it wrote nothing, or is gone

    def _add_found(
        self,
        tar: tarfile.TarFile,
        path: str,
        content: IO[bytes],
        size: int,
        kinds: list[str],
    ) -> dict[str, Any] | None:
        if _shown(path) != path:
            self._left_out.append(f"{_shown(path)}: its name")
            return None
        if "junit" in kinds and not self._knows_secrets:
            self._left_out.append(f"{path}: {_UNMASKED}")
            return None
        if len(self._files) >= MOST_FILES or self._bytes + size > MOST_BYTES:
            self._left_out.append(f"{path}: {size} bytes, and there is room for no more")
            return None
        if "junit" in kinds and self._secrets and size <= _REPORT_BYTES:
            # a failure's trace may hold what the test was given
            hidden = Masked([one for secret in self._secrets for one in _as_xml(secret)])
            data = hidden.take(content.read(size)) + hidden.rest()
            content, size = io.BytesIO(data), len(data)
        return self._add(tar, f"files/{path}", content, size, kinds)

    def _judge(
        self,
        row: dict[str, Any] | None,
        path: str,
        found: os.stat_result | None,
        mtime: float,
    ) -> None:
        """Whether a file is of this test."""
        if row is not None:
            row["stale"] = self._mark.stale(path, found, mtime, row["sha256"])
            row["fresh"] = not row["stale"]

    def _add_services(self, tar: tarfile.TarFile) -> None:
        """What the services have written, what the engine says of them, and what ran here."""
        names = [
            name
            for service, asked in sorted(self._services.items())
            for name in maker.container_names(self._sandbox.id, service, asked)
        ]
        for name in names if self._knows_secrets else ():
            self._add_log_of(tar, name)
        if not self._knows_secrets:
            self._left_out.append(f"services: {_UNMASKED}")
        done = self._engine.attempt(["container", "inspect", *names], seconds=30)
        inspected = _json(masked(json.loads(done.stdout or b"[]")))
        hidden = Masked(self._secrets)
        inspected = hidden.take(inspected) + hidden.rest()
        for path, data in (("inspect.json", inspected), ("versions.json", self._versions())):
            self._add(tar, f"evidence/{path}", io.BytesIO(data), len(data), ["evidence"])

    def _add_log_of(self, tar: tarfile.TarFile, container: str) -> None:
        path = os.path.join(self._folder, "service.log")
        child = subprocess.Popen(
            [self._engine.program, "logs", container],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._engine.surroundings(),
        )
        kept, hidden = Kept(path, _LOG_BYTES), Masked(self._secrets)
        try:
            pipe: Any = child.stdout
            while data := os.read(pipe.fileno(), _CHUNK):
                kept.write(hidden.take(data))
            kept.write(hidden.rest())
        finally:
            kept.close()
            child.kill()
            child.communicate()
        with open(path, "rb") as file:
            name = container[len(self._sandbox.id) + 1 :]
            size = os.fstat(file.fileno()).st_size
            self._add(tar, f"services/{name}.log", file, size, ["log"])
        os.unlink(path)

    def _versions(self) -> bytes:
        system = os.uname()
        found = {
            "taken_at": now().wall,
            "program": program.VERSION,
            "program_digest": self._sandbox.program,
            "engine": self._engine.program,
            "engine_version": self._engine.version(),
            "python": sys.version.split()[0],
            "kernel": f"{system.sysname} {system.release} {system.machine}",
            "profile": self._sandbox.profile,
            "profile_hash": self._sandbox.profile_hash,
            "source_digest": self._sandbox.source_digest,
            "contract_digest": self._run.document["contract_digest"],
        }
        return _json(found)

    def _add(
        self,
        tar: tarfile.TarFile,
        path: str,
        content: IO[bytes],
        size: int,
        kinds: list[str],
    ) -> dict[str, Any]:
        info = tarfile.TarInfo(path)
        info.size, info.mode, info.mtime = size, 0o644, int(now().wall)
        reader = _Exactly(content, size)
        tar.addfile(info, reader)  # type: ignore[arg-type]
        self._bytes += size
        row = {
            "path": path,
            "bytes": size,
            "sha256": reader.digest.hexdigest(),
            "kinds": kinds,
            "fresh": True,
        }
        self._files.append(row)
        return row


class _Exactly:
    """So many bytes of a file that may be written to at the same time, and their digest."""

    def __init__(self, content: IO[bytes], size: int) -> None:
        self._content = content
        self._left = size
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        wanted = min(size, self._left)
        data = self._content.read(wanted) if wanted else b""
        data += b"\0" * (wanted - len(data))
        self._left -= wanted
        self.digest.update(data)
        return data


def _as_xml(secret: bytes) -> set[bytes]:
    """As it stands in text and in an attribute."""
    text = secret.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    return {secret, text, text.replace(b'"', b"&quot;")}


def _shown(path: str) -> str:
    """A name that can stand in a report: of what can't, the letters that can't are replaced."""
    return "".join(one if one.isprintable() else "�" for one in path)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode("ascii")


def _add_bytes(tar: tarfile.TarFile, path: str, data: bytes) -> None:
    info = tarfile.TarInfo(path)
    info.size, info.mode, info.mtime = len(data), 0o644, int(now().wall)
    tar.addfile(info, io.BytesIO(data))
