"""A background process that a later call ends: exactly that one, never one of the same name."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.command import LabError
from tests.lab.layout import STATE


@dataclass(frozen=True)
class Daemon:
    name: str

    @property
    def pid_file(self) -> Path:
        return STATE / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        return STATE / f"{self.name}.log"

    def start(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                cwd="/",
                start_new_session=True,
            )
        self.pid_file.write_text(json.dumps({"pid": child.pid, "birth": birth(child.pid)}))

    def pid(self) -> int | None:
        """Its pid, if that process still runs."""
        try:
            remembered = json.loads(self.pid_file.read_text())
        except FileNotFoundError:
            return None
        pid = int(remembered["pid"])
        return pid if birth(pid) == remembered["birth"] else None

    def end(self, seconds: float = 30) -> None:
        pid = self.pid()
        if pid is not None:
            handle = os.pidfd_open(pid)
            try:
                signal.pidfd_send_signal(handle, signal.SIGTERM)
                if not select.select([handle], [], [], seconds)[0]:
                    raise LabError(f"{self.name} (pid {pid}) ignores TERM; its log is {self.log}")
            finally:
                os.close(handle)
        self.pid_file.unlink(missing_ok=True)


def birth(pid: int) -> str | None:
    """What tells a process from a later one with its number: boot and start time."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] == "Z":
        return None
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {fields[19]}"
