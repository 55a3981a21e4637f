"""An Incus daemon of the lab's own, apart from any other on this machine."""

import os
import subprocess

from tests.lab.command import run, say
from tests.lab.daemon import Daemon
from tests.lab.debian import INCUSD
from tests.lab.layout import BRIDGE, GATEWAY, INCUS_CLIENT, INCUS_DIR

DAEMON = Daemon("incusd")


def environment() -> dict[str, str]:
    return {**os.environ, "INCUS_DIR": str(INCUS_DIR), "INCUS_CONF": str(INCUS_CLIENT)}


def incus(
    *words: str, check: bool = True, stdin: str | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    return run(["incus", *words], check=check, stdin=stdin, env=environment(), timeout=timeout)


def start() -> None:
    if DAEMON.pid() is None:
        say("starting incusd")
        INCUS_DIR.mkdir(parents=True, exist_ok=True)
        DAEMON.start([str(INCUSD), "--group", "incus-admin"], env=environment())
    incus("admin", "waitready", "--timeout", "60")


def prepare() -> None:
    """Storage, bridge and profile, each made where it isn't there yet."""
    if incus("storage", "show", "default", check=False).returncode != 0:
        incus("config", "set", "images.auto_update_interval=0")
        incus("storage", "create", "default", "dir")
    if incus("network", "show", BRIDGE, check=False).returncode != 0:
        incus(
            "network",
            "create",
            BRIDGE,
            f"ipv4.address={GATEWAY}/24",
            "ipv4.nat=false",
            "ipv6.address=none",
        )
    devices = incus("profile", "device", "list", "default").stdout.split()
    if "root" not in devices:
        incus("profile", "device", "add", "default", "root", "disk", "path=/", "pool=default")
    if "eth0" not in devices:
        incus("profile", "device", "add", "default", "eth0", "nic", f"network={BRIDGE}")


def remove_network() -> None:
    """The bridge would outlive its daemon."""
    if incus("network", "show", BRIDGE, check=False).returncode == 0:
        incus("profile", "device", "remove", "default", "eth0", check=False)
        incus("network", "delete", BRIDGE)
