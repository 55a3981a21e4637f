"""The whole truth of a host in lists, to compare before and after; labels of ours play no part."""

import json
import subprocess
from collections.abc import Callable, Sequence

from tests.lab.command import run

Run = Callable[[Sequence[str]], subprocess.CompletedProcess[str]]

# one call, since each costs a round trip; a failing part fails the whole, it is never "nothing"
SCRIPT = r"""
set -eu
part() { echo "== $1"; }
podman_lists() {
    part containers
    podman ps -a --external --format json
    part pods
    podman pod ps --format '{{.Id}} {{.Name}} {{.Status}}'
    part networks
    podman network ls --format '{{.ID}} {{.Name}} {{.Driver}}'
    part volumes
    podman volume ls --format '{{.Driver}} {{.Name}}'
    part secrets
    podman secret ls --format '{{.ID}} {{.Name}}'
    part images
    podman images -a --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}'
}
docker_lists() {
    part docker-containers
    docker ps --all --no-trunc --format '{{.ID}} {{.Names}} {{.Image}} {{.State}}'
    part docker-networks
    docker network ls --no-trunc --format '{{.ID}} {{.Name}} {{.Driver}}'
    part docker-volumes
    docker volume ls --format '{{.Driver}} {{.Name}}'
    part docker-images
    docker images --all --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}'
    part docker-folders
    root=$(docker info --format '{{.DockerRootDir}}')
    # a network's namespace goes at once, as the mounts tell; the file it was mounted on, later
    for folder in "$root/containers" "$root/volumes" /run/docker/containerd/daemon /run/containerd
    do
        tasks=$folder/io.containerd.runtime.v2.task/moby
        if [ -d "$tasks" ]; then folder=$tasks; fi
        case $folder in */moby | "$root"/*) find "$folder" -mindepth 1 -maxdepth 1 ;; esac
    done
}
if command -v podman >/dev/null; then podman_lists; fi
if command -v dockerd >/dev/null; then docker_lists; fi
part runtime
for folder in /run/runc /run/crun; do
    if [ -d "$folder" ]; then ls "$folder"; fi
done
part interfaces
ip -brief link show type bridge | sed -n 's/^\(podman[1-9][0-9]*\|br-[0-9a-f]*\) .*/\1/p'
part folders
for folder in /srv/sandboxer /var/lib/sandboxer/sandboxes; do
    if [ -d "$folder" ]; then find "$folder" -mindepth 1 -printf '%y %p\n'; fi
done
part units
if [ -d /run/systemd/system ]; then
    systemctl list-units --all --plain --no-legend --no-pager --full
    part transient
    if [ -d /run/systemd/transient ]; then ls /run/systemd/transient; fi
fi
part mounts
cat /proc/mounts
for table in tcp tcp6 udp udp6; do
    if [ -e "/proc/net/$table" ]; then
        part "ports $table"
        cat "/proc/net/$table"
    fi
done
part processes
own=$(readlink /proc/self/ns/pid)
for each in /proc/[0-9]*; do
    comm=$(cat "$each/comm" 2>/dev/null) || continue
    # a zombie holds nothing; when it goes is its parent's affair
    if [ -z "$(tr -d '\0' 2>/dev/null <"$each/cmdline")" ]; then continue; fi
    # a service of the engine's package, which ends 30 s after anybody has asked it
    if tr '\0' ' ' 2>/dev/null <"$each/cmdline" | grep -q 'netavark dhcp-proxy'; then continue; fi
    case $comm in
    conmon | podman | aardvark-dns | netavark | slirp4netns | pasta* | rootless* | runc | docker | \
        docker-* | containerd-shim*)
        # processes of other pid namespaces are other hosts' (or containers') own
        if [ "$(readlink "$each/ns/pid" 2>/dev/null)" = "$own" ]; then echo "$comm"; fi ;;
    esac
done
"""

TCP_LISTEN = "0A"
UDP_BOUND = "07"


def whole_listing(run_there: Run, images: bool = True) -> dict[str, list[str]]:
    """Sorted lists without ages or counters; `run_there` is a host's `run`, or `here`."""
    parts = split(run_there(["sh", "-c", SCRIPT]).stdout)
    if "containers" in parts:
        parts["containers"] = containers("\n".join(parts["containers"]))
    transient = set(parts.pop("transient", []))
    ports: list[str] = []
    for name in [name for name in parts if name.startswith("ports ")]:
        ports += listening(name.removeprefix("ports "), parts.pop(name))
    parts["ports"] = ports
    parts["units"] = [unit for line in parts["units"] if (unit := named_unit(line, transient))]
    parts["mounts"] = [mount for line in parts["mounts"] if (mount := engine_mount(line))]
    if not images:
        parts.pop("images", None)
        parts.pop("docker-images", None)
    return {name: sorted(lines) for name, lines in parts.items()}


def here(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """For this machine."""
    return run(argv)


def split(text: str) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("== "):
            current = parts.setdefault(line.removeprefix("== "), [])
        else:
            current.append(line)
    return parts


def containers(text: str) -> list[str]:
    """Of podman's formats JSON alone gives a state without its age."""
    return [
        f"{each['Id'][:12]} {' '.join(each['Names'])} {each['Image']} {each['State']}"
        for each in json.loads(text)
    ]


def named_unit(line: str, transient: set[str]) -> str | None:
    """Transient units and ours.

    A login's session comes and goes by itself, as does the scope that podman in a user namespace
    makes for each of its commands; a conmon left in one is among the processes.
    """
    unit, load, active = line.split()[:3]
    if unit.startswith(("session-", "user@", "user-", "podman-")) or unit.endswith(
        (".mount", ".device")
    ):
        return None
    if unit not in transient and not unit.startswith(("sandboxer", "sbx-", "run-", "libpod-")):
        return None
    # a timer's service is active for a moment each minute: of the states only this one lasts
    return f"{unit} {load}{' failed' if active == 'failed' else ''}"


def engine_mount(line: str) -> str | None:
    kind, path = line.split()[2], line.split()[1]
    below = (
        *("/containers/storage/", "/run/netns/", "/run/containers/", "/sandboxer/"),
        *("/docker/overlay2/", "/docker/containers/", "/docker/netns/", "/containerd/"),
    )
    # podman mounts its own overlay folder once and for all
    if path.endswith("/overlay") or not any(part in path for part in below):
        return None
    return f"{kind} {path}"


def listening(table: str, lines: list[str]) -> list[str]:
    state = TCP_LISTEN if table.startswith("tcp") else UDP_BOUND
    found = []
    for line in lines[1:]:
        fields = line.split()
        address, _, port = fields[1].rpartition(":")
        if fields[3] == state:
            found.append(f"{table} {readable(address)}:{int(port, 16)}")
    return found


def readable(address: str) -> str:
    """The kernel writes IPv4 as one little-endian number; IPv6 stays as it is, telling enough."""
    if len(address) != 8:
        return address
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(address)))
