"""What runs below the engine: conmon, its monitor of one container, and the OCI runtime.

A podman that is killed after it has started these and before it has written so takes the
container for one that never ran, and would forget it with its processes alive.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterable
from typing import NamedTuple

from . import process
from .errors import HostError

SECONDS = 10.0
FOLDERS = ("/run/runc", "/run/crun")  # what each runtime knows of, named like its program
_ID = re.compile(r"[0-9a-f]{64}")


class Monitor(NamedTuple):
    """A conmon that lives; it holds the ports of its container."""

    name: str
    container_id: str


def monitors(prefix: str) -> list[Monitor]:
    """The monitors of containers whose names start so."""
    found = []
    for pid in process.all_pids():
        argv = [word.decode("utf-8", "replace") for word in process.argv(pid)]
        # whatever runs inside of a container may call itself conmon
        if not argv or os.path.basename(argv[0]) != "conmon" or not process.is_outside(pid):
            continue
        options = dict(zip(argv[1:], argv[2:]))
        name, container_id = options.get("-n", ""), options.get("-c", "")
        if name.startswith(prefix) and _ID.fullmatch(container_id):
            found.append(Monitor(name, container_id))
    return found


def end(container_ids: Iterable[str]) -> None:
    """End containers that the engine takes for never started, or doesn't know, with their monitors.

    Raises `residue` where one outlives it: the engine must not forget that one then.
    """
    wanted = [one for one in container_ids if _ID.fullmatch(one)]
    until = time.monotonic() + SECONDS
    # a monitor whose runtime is still making the container is waited for: it comes up yet
    while left := [one for one in wanted if _known(one) or _monitored(one)]:
        for container_id in left:
            for folder in _known(container_id):
                _delete(os.path.basename(folder), container_id)
        if time.monotonic() >= until:
            raise HostError(
                "residue",
                f"the container runtime can't end {left[0][:12]}, which the engine doesn't know",
                "look at its processes on the host; the reaper tries again each minute",
                retryable=True,
            )
        time.sleep(0.02)


def forget(container_id: str) -> None:
    """Have the runtime remove what it knows by this name, of a container that is no engine's."""
    for folder in _known(container_id):
        _delete(os.path.basename(folder), container_id)


def _delete(program: str, container_id: str) -> None:
    """Have a runtime remove what it knows. Whether it worked, look."""
    try:
        subprocess.run(
            [program, "delete", "--force", container_id],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PATH": process.search_path()},
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise HostError(
            "engine_missing",
            f"there is no {program} on this host to end {container_id[:12]} with",
            "install it again, then destroy once more",
        ) from None
    except subprocess.TimeoutExpired:
        pass  # it is still known then


def _monitored(container_id: str) -> bool:
    return any(one.container_id == container_id for one in monitors(""))


def _known(container_id: str) -> list[str]:
    return [one for one in FOLDERS if os.path.isdir(os.path.join(one, container_id))]
