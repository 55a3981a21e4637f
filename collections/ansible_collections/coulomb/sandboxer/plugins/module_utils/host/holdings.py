"""What a sandbox holds on its host: how each kind is found, removed and proved absent.

The kinds are a closed list. All planned holdings stand in the record before the first effect,
so that whoever finds the record knows what to look for.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from . import bridge, build, fault, nameserver
from .engine import KINDS as ENGINE_KINDS
from .engine import Container, Engine
from .errors import HostError
from .state import State, read_json

MARKER = ".sandboxer"
MONITOR_SECONDS = 10.0


@dataclass(frozen=True)
class Place:
    """Where things are looked for: the account's folders and its engine."""

    state: State
    engine: Engine


def dir_holding(path: str) -> dict[str, str]:
    return {"kind": "dir", "key": path}


def make_dir(state: State, sandbox_id: str, path: str) -> None:
    """A folder below the account's root, with the marker that lets it be removed again."""
    if os.path.dirname(path) != state.remote:
        raise HostError("internal", f"{path} is not below {state.remote}")
    os.makedirs(state.remote, mode=0o755, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o750)
    _give_to_run_account(state, path)
    marker = os.path.join(path, MARKER)
    descriptor = os.open(
        marker, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(sandbox_id)


def _give_to_run_account(state: State, path: str) -> None:
    """Let the group of the account that role `host` made read a sandbox's folder."""
    name = (read_json(state.host_file) or {}).get("run_account")
    try:
        group = pwd.getpwnam(name).pw_gid if name else -1
    except KeyError:
        group = -1  # somebody removed the account: nobody's group, then
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fchown(descriptor, -1, group)
        os.fchmod(descriptor, 0o750)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class _Seen:
    """What is there as holdings, and what the engine says of some."""

    found: list[dict[str, str]]
    containers: Sequence[Container] = ()
    networks: Mapping[str, str] = field(default_factory=dict)  # name -> the bridge's interface


def _look(place: Place, sandbox_id: str, planned: list[Mapping[str, str]]) -> _Seen:
    """What is there now: of the planned kinds by name and label, of the engine's whatever is ours;
    in the order in which it was made."""
    kinds = {item["kind"] for item in planned}
    monitored = {one.name for one in place.engine.monitors(sandbox_id)}
    ports = [int(item["key"]) for item in planned if item["kind"] == "port"]
    held = place.engine.held_ports(sandbox_id, ports) if ports else set()
    found: list[dict[str, str]] = []
    for item in planned:
        if item["kind"] == "dir" and os.path.lexists(item["key"]):
            found.append(dict(item))
        if item["kind"] == "port" and int(item["key"]) in held:
            found.append(dict(item))
    if not place.engine.is_here():
        if kinds.intersection({"pod", "image", *ENGINE_KINDS}):
            raise place.engine.missing("install it again, then destroy once more")
        return _Seen(found)
    containers = [one for one in place.engine.containers() if one.owner_id == sandbox_id]
    networks = place.engine.networks(sandbox_id)
    found += [{"kind": "network", "key": name} for name in sorted(networks)]
    # only a compose program makes a pod, where it is told to; the others need not wait for a look
    for kind in ("volume", *(["pod"] if "pod" in kinds else [])):
        found += [{"kind": kind, "key": name} for name in place.engine.find(kind, sandbox_id)]
    if "image" in kinds:  # only where something is built
        found += [{"kind": "image", "key": n} for n in place.engine.built_images(sandbox_id)]
        left = place.engine.working_containers(sandbox_id)
        found += [{"kind": "container", "key": one.name} for one in left]
    # a monitor that outlives its container is a container left behind
    names = monitored | {one.name for one in containers}
    found += [{"kind": "container", "key": name} for name in sorted(names)]
    return _Seen(found, containers, networks)


def remove(
    place: Place,
    sandbox_id: str,
    holdings: Iterable[Mapping[str, str]],
    graces: Mapping[str, int] | None = None,
) -> list[dict[str, str]]:
    """Remove all that is there, last made first; returns what was removed, or tried. `graces`:
    container -> seconds that it has to end by itself, where those are not ours."""
    holdings = list(holdings)
    gone = [
        {"kind": "container", "key": one.name} for one in place.engine.settle(sandbox_id, graces)
    ]
    seen = _look(place, sandbox_id, holdings)
    there, containers = seen.found, seen.containers
    if any(item["kind"] == "container" for item in there):
        fault.point("remove-container")
        place.engine.remove_containers(containers, graces)
        fault.point("removed-container")
        known = {one.id for one in containers}
        forgotten = {one.container_id for one in place.engine.monitors(sandbox_id)} - known
        place.engine.end(forgotten)
    place.engine.remove("pod", [item["key"] for item in there if item["kind"] == "pod"])
    left_behind, networks = _remove_bridges(seen.networks)
    volumes = [item["key"] for item in there if item["kind"] == "volume"]
    for kind, names in (("volume", volumes), ("network", networks)):
        if names:
            fault.point("remove-" + kind)
            place.engine.remove(kind, names)
            fault.point("removed-" + kind)
    names = nameserver.left(sandbox_id)
    nameserver.forget(names)
    left_behind += _names(names)
    if any(item["kind"] == "image" for item in holdings):
        fault.point("remove-build")
        build.remove_working_containers(place.state, place.engine, sandbox_id)
        fault.point("removed-build")
    images = [item["key"] for item in there if item["kind"] == "image"]
    if images:
        fault.point("remove-image")
        place.engine.remove_images(images)
        fault.point("removed-image")
    for item in there:
        if item["kind"] == "dir":
            fault.point("remove-dir")
            _remove_dir(place.state, sandbox_id, item["key"])
            fault.point("removed-dir")
    return there + [one for one in gone if one not in there] + left_behind


def remaining(
    place: Place, sandbox_id: str, holdings: Iterable[Mapping[str, str]]
) -> list[dict[str, str]]:
    """Look again: what is left. A container's monitor gets a moment to end after it."""
    planned = list(holdings)
    end = time.monotonic() + MONITOR_SECONDS
    while place.engine.monitors(sandbox_id) and time.monotonic() < end:
        time.sleep(0.02)
    seen = _look(place, sandbox_id, planned)
    bridges = [left for one in seen.networks.values() if (left := bridge.look(one))]
    behind = [item for left in bridges for item in left.holdings()]
    return seen.found + behind + _names(nameserver.left(sandbox_id))


def _names(lists: Iterable[str]) -> list[dict[str, str]]:
    return [{"kind": "names", "key": name} for name in lists]


def _remove_bridges(networks: Mapping[str, str]) -> tuple[list[dict[str, str]], list[str]]:
    """What was left of the bridges and is removed, or tried; and the networks that may go now: by
    the others the next destroyer still knows the bridge."""
    found: list[dict[str, str]] = []
    free = []
    for network, interface in sorted(networks.items()):
        left = bridge.look(interface)
        if left is not None:
            bridge.remove(left)
            found += left.holdings()
        if left is None or bridge.look(interface) is None:
            free.append(network)
    return found, free


def _remove_dir(state: State, sandbox_id: str, path: str) -> None:
    """Remove a folder that is ours: directly below the root, no link, with our marker in it."""
    if os.path.dirname(path) != state.remote or os.path.islink(path):
        raise HostError("internal", f"{path} is not a folder of sandboxer's")
    marker = os.path.join(path, MARKER)
    try:
        with open(marker, encoding="ascii") as file:
            owner = file.read()
    except FileNotFoundError:
        owner = sandbox_id if not os.listdir(path) else ""
    if owner != sandbox_id:
        raise HostError(
            "residue",
            f"{path} does not carry the marker of {sandbox_id}",
            "look at it on the host, and remove it by hand if it is not wanted",
        )
    if not shutil.rmtree.avoids_symlink_attacks:
        raise HostError("internal", "this Python can't remove a folder without following links")
    marked = os.path.join(path, MARKER)
    # the marker goes last, so that a second try still knows the folder
    for entry in os.scandir(path):
        if entry.path == marked:
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(marked)
    os.rmdir(path)
