"""Where an account's state lies on its host: folders, atomic writes, locks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import ids
from .errors import HostError

_TEMPORARY = re.compile(r".+\.([0-9]+)\.tmp", re.DOTALL)  # as `write_bytes` calls them


class State(NamedTuple):
    """Paths only: `root` holds what we know, `remote` what sandboxes read and write."""

    root: str
    remote: str

    @classmethod
    def of_account(cls) -> State:
        """The state of the account that runs this. SANDBOXER_STATE moves it (tests do)."""
        moved = os.environ.get("SANDBOXER_STATE")
        if moved:
            return cls(os.path.join(moved, "state"), os.path.join(moved, "srv"))
        if os.geteuid() == 0:
            return cls("/var/lib/sandboxer", "/srv/sandboxer")
        root = os.path.join(os.path.expanduser("~"), ".local", "state", "sandboxer")
        return cls(root, os.path.join(root, "srv"))

    @property
    def sandboxes(self) -> str:
        return os.path.join(self.root, "sandboxes")

    @property
    def programs(self) -> str:
        return os.path.join(self.root, "programs")

    @property
    def host_file(self) -> str:
        return os.path.join(self.root, "host.json")

    @property
    def beat_file(self) -> str:
        return os.path.join(self.root, "beat.json")

    @property
    def tombstones(self) -> str:
        return os.path.join(self.root, "tombstones")

    @property
    def runs(self) -> str:
        return os.path.join(self.root, "runs")

    @property
    def run_keys(self) -> str:
        return os.path.join(self.root, "run-keys")

    def sandbox(self, sandbox_id: str) -> str:
        return os.path.join(self.sandboxes, ids.check_id(sandbox_id))

    def record(self, sandbox_id: str) -> str:
        return os.path.join(self.sandbox(sandbox_id), "record.json")

    def job(self, sandbox_id: str) -> str:
        return os.path.join(self.sandbox(sandbox_id), "job")

    def tombstone(self, sandbox_id: str) -> str:
        return os.path.join(self.tombstones, ids.check_id(sandbox_id) + ".json")

    def run(self, run_id: str) -> str:
        return os.path.join(self.runs, ids.check_run_id(run_id))

    def remote_dir(self, sandbox_id: str) -> str:
        return os.path.join(self.remote, ids.check_id(sandbox_id))

    def exists(self) -> bool:
        return os.path.isdir(self.root)

    def prepare(self) -> None:
        """Make the folders that everything else takes for granted."""
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        _refuse_link(self.root)
        for name in ("sandboxes", "locks", "tombstones", "programs", "runs", "run-keys"):
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.join(self.root, name), 0o700)

    def sandbox_ids(self) -> list[str]:
        try:
            names = os.listdir(self.sandboxes)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if ids.is_id(name))

    # Lock files are never renamed or removed: whoever holds one holds the only one.
    # Always in the order host, work, image, record.

    def host_lock(self) -> contextlib.AbstractContextManager[None]:
        return self._locked("host", 30)

    def record_lock(self, sandbox_id: str) -> contextlib.AbstractContextManager[None]:
        return self._locked("record-" + ids.check_id(sandbox_id), 30)

    def run_lock(self, run_id: str) -> contextlib.AbstractContextManager[None]:
        # a run and its sandbox have one life, and so one lock's file
        return self._locked("record-" + ids.sandbox_of_run(run_id), 30)

    def try_work_lock(self, sandbox_id: str) -> int | None:
        """The descriptor of the lock that a job holds while it lives; None if somebody has it."""
        return self._try("work-" + ids.check_id(sandbox_id))

    def wait_work_lock(self, sandbox_id: str, seconds: float) -> int:
        return self._wait("work-" + ids.check_id(sandbox_id), seconds)

    def image_lock(self, image: str, seconds: float) -> contextlib.AbstractContextManager[None]:
        """Held while an image is fetched or made, so that two who need it do so once."""
        return self._locked("image-" + hashlib.sha256(image.encode()).hexdigest()[:16], seconds)

    def try_reap_lock(self) -> int | None:
        return self._try("reap")

    def is_working(self, sandbox_id: str) -> bool:
        """Whether some process works on this sandbox. Writes nothing, so a check may ask."""
        path = self._lock_path("work-" + ids.check_id(sandbox_id))
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    @contextlib.contextmanager
    def _locked(self, name: str, seconds: float) -> Iterator[None]:
        descriptor = self._wait(name, seconds)
        try:
            yield
        finally:
            os.close(descriptor)

    def _try(self, name: str) -> int | None:
        descriptor = os.open(
            self._lock_path(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _wait(self, name: str, seconds: float) -> int:
        # flock has no deadline of its own, and a signal handler is not ours to set in a module
        end = time.monotonic() + seconds
        pause = 0.002
        while True:
            descriptor = self._try(name)
            if descriptor is not None:
                return descriptor
            if time.monotonic() >= end:
                raise HostError(
                    "busy",
                    f"the lock {name} was held for {seconds:.0f} s",
                    "somebody else is at work on it; try again",
                    retryable=True,
                )
            time.sleep(pause)
            pause = min(pause * 2, 0.1)

    def _lock_path(self, name: str) -> str:
        return os.path.join(self.root, "locks", name)


def _refuse_link(path: str) -> None:
    if os.path.islink(path) or os.stat(path).st_uid != os.geteuid():
        raise HostError("usage", f"{path} is a link or another account's folder")


def write_bytes(path: str, data: bytes, mode: int = 0o600) -> None:
    """All of it or nothing, also after a power cut: temporary file, fsync, rename, fsync."""
    temporary = f"{path}.{os.getpid()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(temporary, flags, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise HostError(
                "disk_full",
                f"no space left for {path}",
                "free some space on the host and try again",
                retryable=True,
            ) from error
        raise
    sync_folder(os.path.dirname(path))


def sweep(folder: str) -> None:
    """Remove the temporary files of writers that were killed, never a living one's."""
    for name in os.listdir(folder):
        found = _TEMPORARY.fullmatch(name)
        if found and not os.path.exists(f"/proc/{found[1]}"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))


def write_json(path: str, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1)
    write_bytes(path, text.encode("utf-8"))


def read_json(path: str) -> Any:
    """What lies at `path`, or None where nothing does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        return json.loads(file.read().decode("utf-8"))


def sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
