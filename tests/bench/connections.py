"""The one connection to a host that all contenders share, as ssh's ControlMaster keeps it open.

It is kept for a minute after its last use (ControlPersist): Ansible's own default, and a habit of
those who write scripts. Warm, it is open already; cold, it is closed before each command.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandboxer_cli import connection

_OPTIONS = (
    "hostname",
    "port",
    "user",
    "identityfile",
    "userknownhostsfile",
    "stricthostkeychecking",
    "compression",
    "controlmaster",
    "controlpath",
    "controlpersist",
)


@dataclass(frozen=True)
class Connections:
    """`folder` is where ssh keeps its sockets: a short path."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """For all that is timed."""
        return {
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder),
            "SSH_CONFIG": str(self._config),
        }

    @property
    def _config(self) -> Path:
        return self.folder / "config"

    def describe(self, inventory: Path, hosts: Sequence[str]) -> None:
        """Write for the scripts' ssh how Ansible's reaches the hosts."""
        os.environ["ANSIBLE_SSH_CONTROL_PATH_DIR"] = str(self.folder)
        lines: list[str] = []
        for host in hosts:
            argv = connection.reach(host, [inventory]).argv
            said = subprocess.run(
                [argv[0], "-G", *argv[1:]], capture_output=True, text=True, check=True
            ).stdout
            known = [line for line in said.splitlines() if line.partition(" ")[0] in _OPTIONS]
            lines += [f"Host {host}", *known]
        self._config.write_text("\n".join([*lines, ""]))

    def close(self) -> None:
        for path in self.folder.iterdir():
            if path.is_socket():
                argv = ["ssh", "-F", "none", "-o", f"ControlPath={path}", "-O", "exit", "any"]
                subprocess.run(argv, capture_output=True, check=False)
