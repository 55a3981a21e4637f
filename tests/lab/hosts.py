"""The lab's hosts, and a way to look at them that doesn't go through the product."""

import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tests.lab.command import await_until, run
from tests.lab.incus import incus
from tests.lab.inside import run_inside
from tests.lab.layout import BRIDGE
from tests.lab.recipe import BOOKWORM, TRIXIE, TRIXIE_BARE, TRIXIE_DOCKER, Recipe

FRESH = "fresh"


@dataclass(frozen=True)
class Host:
    name: str
    address: str
    recipe: Recipe

    def run(
        self,
        argv: Sequence[str],
        check: bool = True,
        stdin: str | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """As root, not by the network: works on a host that is cut off."""
        return run_inside(self.name, argv, check=check, stdin=stdin, timeout=timeout)

    def freeze(self) -> None:
        incus("pause", self.name)

    def unfreeze(self) -> None:
        incus("resume", self.name)

    def stop(self, force: bool = False) -> None:
        incus("stop", self.name, *(["--force"] if force else []))

    def start(self) -> None:
        incus("start", self.name)
        self.await_ready()

    def keep(self) -> None:
        """Remember the host as it is now, for `reset`."""
        incus("snapshot", "create", self.name, FRESH)

    def reset(self) -> None:
        """As it was when the lab came up, with the same host keys; it boots again."""
        incus("snapshot", "restore", self.name, FRESH)
        self.await_ready()

    def cut(self) -> None:
        """Off the bridge; the host itself notices nothing: its link stays up."""
        run(["ip", "link", "set", self.link(), "nomaster"])

    def mend(self) -> None:
        run(["ip", "link", "set", self.link(), "master", BRIDGE])

    def link(self) -> str:
        return incus("config", "get", self.name, "volatile.eth0.host_name").stdout.strip()

    def await_ready(self) -> None:
        await_until(self.booted, 90, f"{self.name} has booted", self.unfinished)
        await_until(self.answers, 30, f"ssh of {self.name} at {self.address} answers")

    def booted(self) -> bool:
        # root lingers (image/base.sh): its runtime folder is mounted by then, too
        ask = "mountpoint -q /run/user/0 && systemctl is-system-running"
        return self.run(["sh", "-c", ask], check=False).stdout.strip() in ("running", "degraded")

    def unfinished(self) -> str:
        return self.run(["systemctl", "--no-pager", "list-jobs"], check=False).stdout

    def failed_units(self) -> list[str]:
        argv = ["systemctl", "--failed", "--plain", "--no-legend", "--no-pager"]
        return [line.split()[0] for line in self.run(argv).stdout.splitlines()]

    def answers(self) -> bool:
        try:
            with socket.create_connection((self.address, 22), timeout=2) as link:
                return link.recv(4) == b"SSH-"
        except OSError:
            return False


H1 = Host("h1", "10.77.0.11", BOOKWORM)
H2 = Host("h2", "10.77.0.12", TRIXIE)
H3 = Host("h3", "10.77.0.13", TRIXIE_DOCKER)
H4 = Host("h4", "10.77.0.14", TRIXIE_BARE)
HOSTS = (H1, H2, H3, H4)
