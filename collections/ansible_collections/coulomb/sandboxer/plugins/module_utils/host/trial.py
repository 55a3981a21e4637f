"""A trial container: does this host's engine do what a sandbox needs? And what mends it."""

from __future__ import annotations

import glob
import hashlib
import os
import time

from . import image, ports, probe
from .engine import Engine
from .errors import HostError
from .state import State, write_bytes

NAME = "sandboxer-trial"
IMAGE = "localhost/sandboxer/trial:1"
SECONDS = 10.0
RECIPE = {
    "rootfs": {
        "files": [
            {"path": "/bin/busybox", "source": "/bin/busybox", "mode": 0o755},
            {"path": "/www/index.html", "content": "it works\n", "mode": 0o644},
        ],
        "links": {},
        "command": ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"],
    }
}

SETTINGS_FILE = "/etc/containers/containers.conf.d/90-sandboxer.conf"
# For hosts that are containers themselves, or have no systemd: no cgroups through systemd, a
# runtime that knows hybrid cgroups, no journal, and limits that need no CAP_SYS_RESOURCE.
SETTINGS = """\
# Written by sandboxer, role coulomb.sandboxer.host: without it a trial container failed here.
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"

[containers]
default_ulimits=["nofile=1024:4096","nproc=4096:4096"]
"""


def settings_in_words() -> str:
    return ", ".join(line.replace('"', "") for line in SETTINGS.splitlines() if "=" in line)


def read_settings() -> dict[str, str]:
    """Our settings file, where there is one: path -> text."""
    try:
        with open(SETTINGS_FILE, encoding="utf-8", errors="replace") as file:
            return {SETTINGS_FILE: file.read()}
    except FileNotFoundError:
        return {}


def fingerprint(engine: Engine, version: str) -> str:
    """What a trial's result depends on, as far as a file can tell: engine, kernel, settings."""
    found = hashlib.sha256(f"{version} {os.uname().release}".encode())
    for path in sorted(path for pattern in engine.settings for path in glob.glob(pattern)):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found.update(path.encode() + b"\0" + file.read())
    return found.hexdigest()[:16]


def prove(engine: Engine, state: State, fix: bool) -> bool:
    """Have a trial container that works. Whether that took our settings, which `fix` allows.

    HostError `engine_failed` where none works; settings that don't help are taken back.
    """
    try:
        run(engine, state)
        return False
    except HostError as error:
        before = read_settings().get(SETTINGS_FILE)
        if error.code != "engine_failed" or before == SETTINGS or not engine.takes_settings:
            raise
        if not fix:
            raise HostError(
                "engine_failed",
                f"a trial container failed: {error}",
                "`sandboxer host prepare HOST --fix-engine` tries other engine settings",
            ) from error
    os.makedirs(os.path.dirname(SETTINGS_FILE), mode=0o755, exist_ok=True)
    write_bytes(SETTINGS_FILE, SETTINGS.encode("utf-8"), 0o644)
    try:
        run(engine, state)
    except HostError as error:
        if before is None:
            os.unlink(SETTINGS_FILE)
        else:
            write_bytes(SETTINGS_FILE, before.encode("utf-8"), 0o644)
        raise HostError(
            error.code,
            f"a trial container failed with our engine settings too: {error}",
            "run a container by hand on the host to see why",
        ) from error
    return True


def run(engine: Engine, state: State) -> None:
    """Make an image, a network and a container, ask its published port, remove it all.

    HostError `engine_failed` says what went wrong.
    """
    first, last = ports.account_range(state)
    port = ports.plan(first, last, (), 1, ports.is_free)[0]
    _remove(engine)  # what a killed trial has left
    try:
        with engine.creating_networks({NAME: False}, {}):
            wanted = image.Wanted(IMAGE, recipe=RECIPE)
            if image.look(engine, wanted) is None:
                image.fetch(state, engine, wanted, image.Call(SECONDS))
        engine.run(_run_argv(engine, port))
        _await_answer(engine, port)
    finally:
        _remove(engine)


def _run_argv(engine: Engine, port: int) -> list[str]:
    return [
        "run",
        "--detach",
        "--name",
        NAME,
        "--network",
        NAME,
        "--init",
        "--pull",
        "never",
        "--log-driver",
        engine.log_driver,
        "--publish",
        f"127.0.0.1:{port}:80",
        IMAGE,
    ]


def _await_answer(engine: Engine, port: int) -> None:
    end = time.monotonic() + SECONDS
    while True:
        reason = probe.http("127.0.0.1", port, {"contains": "it works"})
        if not reason:
            return
        runs = any(one.name == NAME and one.state == "running" for one in engine.containers())
        if not runs or time.monotonic() >= end:
            said = " ".join(engine.last_lines(NAME, 1)) or reason
            raise HostError("engine_failed", f"the trial container does not answer: {said}")
        time.sleep(0.05)


def _remove(engine: Engine) -> None:
    engine.remove_containers([one for one in engine.containers() if one.name == NAME])
    engine.remove("network", [NAME])
    engine.attempt(["image", "rm", "--force", IMAGE])
