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
from typing import NamedTuple

from . import bridge, build, fault, nameserver
from .engine import KINDS as ENGINE_KINDS
from .engine import Container, Engine
from .errors import HostError
from .state import State, read_json

MARKER = ".sandboxer"
MONITOR_SECONDS = 10.0


class Place(NamedTuple):
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


class _Seen(NamedTuple):
    """What is there as holdings, and what the engine says of some."""

    found: list[dict[str, str]]
    containers: Sequence[Container] = ()
    networks: Mapping[str, str] = {}  # name -> the bridge's interface


class _Held(NamedTuple):
    """What this host has without asking an engine: as holdings, and the names of containers that
    have a monitor."""

    found: list[dict[str, str]]
    monitored: set[str]


def _held(place: Place, sandbox_id: str, planned: list[Mapping[str, str]]) -> _Held:
    monitored = {one.name for one in place.engine.monitors(sandbox_id)}
    ports = [int(item["key"]) for item in planned if item["kind"] == "port"]
    taken = place.engine.held_ports(sandbox_id, ports) if ports else set()
    found: list[dict[str, str]] = []
    for item in planned:
        if item["kind"] == "dir" and os.path.lexists(item["key"]):
            found.append(dict(item))
        if item["kind"] == "port" and int(item["key"]) in taken:
            found.append(dict(item))
    return _Held(found, monitored)


def _look(
    place: Place,
    sandbox_id: str,
    planned: list[Mapping[str, str]],
    held: _Held,
    *,
    besides: bool = False,
) -> _Seen:
    """What is there now: of the planned kinds by name and label, of the engine's whatever is ours;
    in the order in which it was made. `besides`: of what is planned that is no container.

    podman's list of containers can't be had while any is being removed: it fails then.
    """
    kinds = {item["kind"] for item in planned}
    found = [*held.found]
    if not place.engine.is_here():
        if kinds.intersection({"pod", "image", *ENGINE_KINDS}):
            raise place.engine.missing("install it again, then destroy once more")
        return _Seen(found)
    asked = [kind for kind in ("network", "volume") if kind in kinds] if besides else ENGINE_KINDS
    owned = place.engine.owned(sandbox_id, asked)
    found += [{"kind": "network", "key": name} for name in sorted(owned.networks)]
    found += [{"kind": "volume", "key": name} for name in owned.volumes]
    if "image" in kinds:  # only where something is built
        found += [{"kind": "image", "key": n} for n in place.engine.built_images(sandbox_id)]
    if "image" in kinds and not besides:
        left = place.engine.working_containers(sandbox_id)
        found += [{"kind": "container", "key": one.name} for one in left]
    if "pod" in kinds and not besides:  # only a compose program makes one, where it is told to
        found += [{"kind": "pod", "key": n} for n in place.engine.find("pod", sandbox_id)]
    # a monitor that outlives its container is a container left behind
    names = held.monitored | {one.name for one in owned.containers}
    found += [{"kind": "container", "key": name} for name in sorted(names)]
    return _Seen(found, owned.containers, owned.networks)


def remove(
    place: Place,
    sandbox_id: str,
    holdings: Iterable[Mapping[str, str]],
    graces: Mapping[str, int] | None = None,
    whole: Sequence[str] = (),
    *,
    was: str = "",
) -> list[dict[str, str]]:
    """Remove all that is there, last made first; returns what was removed, or tried. `graces`:
    container -> seconds that it has to end by itself, where those are not ours. `whole`: the
    containers of a sandbox that was whole; no others are looked for, so who calls looks again.
    `was`: as `Engine.settle` takes it."""
    holdings = list(holdings)
    whole = whole if place.engine.removes_beside else ()
    gone = [one.name for one in place.engine.settle(sandbox_id, graces, was)]
    held = _held(place, sandbox_id, holdings)
    if whole:
        fault.point("remove-container")
    with place.engine.removing(whole, graces) as removed:
        seen = _look(place, sandbox_id, holdings, held, besides=bool(whole))
    gone += removed
    runs = {one.name for one in place.engine.monitors(sandbox_id)}
    if whole and not set(gone).issuperset(runs.union(whole)):  # there is more, or one won't go
        whole = ()
        seen = _look(place, sandbox_id, holdings, held)
    there = seen.found
    containers = [one for one in seen.containers if one.name not in gone]
    if containers or (held.monitored.difference(gone) and not whole):
        fault.point("remove-container")
        place.engine.remove_containers(containers, graces)
        known = {one.id for one in seen.containers}
        forgotten = {one.container_id for one in place.engine.monitors(sandbox_id)} - known
        place.engine.end(forgotten)
    if seen.containers or held.monitored or gone:
        fault.point("removed-container")
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
            with contextlib.suppress(OSError):  # a mount in it, say: the next look names it
                _remove_dir(place.state, sandbox_id, item["key"])
            fault.point("removed-dir")
    unseen = [{"kind": "container", "key": name} for name in gone]
    return there + [one for one in unseen if one not in there] + left_behind


def remaining(
    place: Place, sandbox_id: str, holdings: Iterable[Mapping[str, str]]
) -> list[dict[str, str]]:
    """Look again: what is left. A container's monitor gets a moment to end after it."""
    planned = list(holdings)
    end = time.monotonic() + MONITOR_SECONDS
    while place.engine.monitors(sandbox_id) and time.monotonic() < end:
        time.sleep(0.02)
    seen = _look(place, sandbox_id, planned, _held(place, sandbox_id, planned))
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
