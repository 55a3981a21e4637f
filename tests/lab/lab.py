"""Up, down and status of the whole."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab import archive, images
from tests.lab import incus as daemon
from tests.lab.access import admit, make_key, pin_host_keys
from tests.lab.command import run, say
from tests.lab.debian import install_programs
from tests.lab.hosts import FRESH, HOSTS, Host
from tests.lab.incus import incus
from tests.lab.layout import CACHE, INCUS_DIR, KNOWN_HOSTS, LOCK, STATE

# an instance says which recipe it was made of
RECIPE = "user.sandboxer-lab.recipe"


@dataclass(frozen=True)
class Instance:
    status: str
    recipe: str
    kept: bool


@contextmanager
def alone() -> Iterator[None]:
    """One up or down at a time: the lab is this machine's, not a work tree's."""
    STATE.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def up() -> None:
    with alone():
        install_programs()
        CACHE.mkdir(parents=True, exist_ok=True)
        make_key()
        daemon.start()
        daemon.prepare()
        archive.build()
        archive.serve()
        images.prepare()
        there = instances()
        new = [host for host in HOSTS if not settle(host, there.get(host.name))]
        for host in HOSTS:
            host.await_ready()
            for unit in host.failed_units():
                say(f"{host.name} is degraded: {unit} failed")
        for host in new:
            host.keep()
        pin_host_keys()


def settle(host: Host, found: Instance | None) -> bool:
    """Have the host running; whether it was there already, whole and of today's recipe."""
    if found is not None and (found.recipe != host.recipe.alias or not found.kept):
        say(f"{host.name} is of another recipe, or half made")
        incus("delete", "--force", host.name)
        found = None
    if found is None:
        say(f"making {host.name}")
        incus(
            "create",
            host.recipe.alias,
            host.name,
            "--config=security.nesting=true",
            f"--config={RECIPE}={host.recipe.alias}",
            f"--device=eth0,ipv4.address={host.address}",
        )
        admit(host)
    if found is None or found.status == "Stopped":
        incus("start", host.name)
    elif found.status == "Frozen":
        host.unfreeze()
    else:
        # a test that was killed may have left it cut off
        host.mend()
    return found is not None


def down(everything: bool = False) -> None:
    with alone():
        if INCUS_DIR.exists():
            # a daemon that was killed left hosts that only a daemon can end
            daemon.start()
            if names := list(instances()):
                incus("delete", "--force", *names)
            archive.SERVER.end()
            daemon.remove_network()
            daemon.DAEMON.end()
        KNOWN_HOSTS.unlink(missing_ok=True)
        if everything:
            unmount_below(STATE)
            shutil.rmtree(STATE)
            shutil.rmtree(CACHE, ignore_errors=True)


def unmount_below(folder: Path) -> None:
    """What an ended incusd, or a killed build, leaves mounted."""
    mounts = [Path(line.split()[1]) for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in reversed(mounts):
        if mount.is_relative_to(folder):
            run(["umount", str(mount)])


def status() -> dict[str, str]:
    """What there is, in words; a lab that is up has `running` everywhere."""
    found = {
        "incusd": "running" if daemon.DAEMON.pid() else "not running",
        "archive": "running" if archive.SERVER.pid() else "not running",
    }
    there = instances() if daemon.DAEMON.pid() else {}
    for host in HOSTS:
        found[host.name] = there[host.name].status.lower() if host.name in there else "not there"
    return found


def instances() -> dict[str, Instance]:
    return {
        each["name"]: Instance(
            status=each["status"],
            recipe=each["config"].get(RECIPE, ""),
            kept=any(snapshot["name"] == FRESH for snapshot in each["snapshots"] or []),
        )
        for each in json.loads(incus("list", "--format", "json").stdout)
    }
