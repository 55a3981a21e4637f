"""Images that are built from the source by the engine, and what a killed build leaves.

An engine that dies in a build leaves more than an image: processes of the step that ran, a working
container that has no label, folders of scratch. So a build runs in a process namespace of its own,
which ends with it; its scratch lies in the job's folder; and it is given an argument that no step
asks for, by which its working containers are known.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from . import fault, image, runtime, source
from .engine import LABEL_BUILD, Container, Engine, no_space
from .errors import HostError
from .state import State, write_bytes

BUILD_SECONDS = 3600.0
LAST_LINES = 8
MARK = "SBX_BUILD_OF"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
# A new /proc has the kernel's own boot id. A host that is a container shows another one, and to
# podman that would be a reboot.
_WITH_PROC = f'mount -t proc proc /proc && mount --bind "$0" {BOOT_ID} && exec "$@"'
ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _WITH_PROC)
DOCKERFILE = "Dockerfile"  # in the job's folder: one that stands in the compose file
SCRATCH = "scratch"  # there too
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A build's arguments reach it through the engine's environment; by these the engine itself lives.
_ENGINES_OWN = re.compile(
    "PATH|HOME|TMPDIR|NOTIFY_SOCKET|REGISTRY_AUTH_FILE|SANDBOXER_.*|LD_.*|XDG_.*|CONTAINERS?_.*"
    "|SBX_BUILD_OF|PODMAN_.*|BUILDAH_.*|STORAGE_.*|LISTEN_.*|DBUS_.*|DOCKER_.*|_.*"
    "|GO(?:DEBUG|MAXPROCS|GC|MEMLIMIT|TRACEBACK|COVERDIR|RACE)"
)
_SHORT_NAME = re.compile(r'short-name "([^"]*)"')


def ensure(
    state: State,
    engine: Engine,
    sandbox_id: str,
    service: str,
    how: Mapping[str, Any],
    platform: str,
    call: image.Call,
) -> image.Image:
    """Have the image of a service, built from the source. One that is there is of this source."""
    name = image.built_name(sandbox_id, service)
    found = engine.image(name)
    if found is not None:
        return image.of(found)
    context = source.inside(state, sandbox_id, how["context"])
    file = _dockerfile(state, sandbox_id, service, how)
    labels = {**how.get("labels", {}), LABEL_BUILD: sandbox_id}
    argv = build_argv(name, context, file, how, labels, platform, call.auth_file)
    scratch = _scratch(state, sandbox_id)
    boot_id = os.path.join(scratch, "boot_id")
    shutil.copyfile(BOOT_ID, boot_id)
    environment = {**how.get("args", {}), MARK: sandbox_id, "TMPDIR": scratch}
    fault.point("make-build")
    unseen = [value for value in how.get("args", {}).values() if len(value) > 3]

    def tell(line: str) -> None:
        if MARK not in line:
            call.tell(_without(unseen, line))

    seconds = min(call.seconds, BUILD_SECONDS)
    status, lines = engine.watch(argv, seconds, tell, environment, (*ALONE, boot_id))
    if status != 0:
        lines = [_without(unseen, line) for line in lines if MARK not in line][-LAST_LINES:]
        raise no_space(lines) or _build_failed(service, lines)
    fault.point("made-build")
    return image.of(engine.image(name) or {}, "built")


def working_containers(engine: Engine, sandbox_id: str) -> list[Container]:
    """What a killed build of this sandbox's has left in the engine's storage."""
    strangers = [one for one in engine.containers() if one.state == "storage"]
    if not strangers:
        return []
    storage = engine.run(["info", "--format", "{{.Store.GraphRoot}}"]).decode().strip()
    return [one for one in strangers if _arguments(storage, one.id).get(MARK) == sandbox_id]


def remove_working_containers(state: State, engine: Engine, sandbox_id: str) -> None:
    """As `Engine.remove`, with what the runtime knows of them and with their scratch."""
    names = [one.id for one in working_containers(engine, sandbox_id)]
    if names:
        engine.attempt(["rm", "--force", "--", *names])
    scratch = os.path.join(state.job(sandbox_id), SCRATCH)
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(scratch):
            runtime.forget("buildah-" + name)
        shutil.rmtree(scratch)


def check(service: str, how: Mapping[str, Any]) -> None:
    """HostError `usage` for arguments that can't be handed over unseen."""
    for key, value in how.get("args", {}).items():
        if _ARGUMENT.fullmatch(key) is None or _ENGINES_OWN.fullmatch(key):
            raise HostError(
                "usage",
                f"service {service}: the build argument {key!r} can't be given to the engine, "
                "which would take it for its own",
                "call it otherwise",
            )
        if "\0" in value:
            raise HostError("usage", f"service {service}: zero bytes in the build argument {key}")


def build_argv(
    name: str,
    context: str,
    file: str,
    how: Mapping[str, Any],
    labels: Mapping[str, str],
    platform: str,
    auth_file: str | None,
) -> list[str]:
    """`podman build …`. The values of arguments are in its environment."""
    argv = ["build", "--tag", name, "--file", file]
    for key, value in labels.items():
        argv += ["--label", f"{key}={value}"]
    for key in (MARK, *how.get("args", {})):
        argv += ["--build-arg", key]
    for key, addresses in how.get("extra_hosts", {}).items():
        for address in addresses:
            argv += ["--add-host", f"{key}:{address}"]
    options = {
        "--target": how.get("target"),
        "--network": how.get("network"),
        "--shm-size": how.get("shm_size"),
        "--platform": platform,
        "--authfile": auth_file,
    }
    for option, given in options.items():
        if given:
            argv += [option, str(given)]
    if how.get("no_cache"):
        argv += ["--no-cache"]
    if how.get("pull"):
        argv += ["--pull-always"]
    return [*argv, "--", context]


def _arguments(storage: str, container_id: str) -> Mapping[str, Any]:
    """The arguments of the build for which a working container was made."""
    pattern = os.path.join(glob.escape(storage), "*-containers", container_id, "*", "buildah.json")
    for path in glob.glob(pattern):
        with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
            found: Mapping[str, Any] = json.load(file).get("Args") or {}
            return found
    return {}


def _scratch(state: State, sandbox_id: str) -> str:
    path = os.path.join(state.job(sandbox_id), SCRATCH)
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def _without(values: Sequence[str], line: str) -> str:
    """A line of output without the values of arguments: a build may print them."""
    for value in sorted(values, key=len, reverse=True):
        line = line.replace(value, "…")
    return line


def _dockerfile(state: State, sandbox_id: str, service: str, how: Mapping[str, Any]) -> str:
    inline = how.get("dockerfile_inline")
    if inline is not None:
        path = os.path.join(state.job(sandbox_id), DOCKERFILE)
        write_bytes(path, inline.encode("utf-8"))
        return path
    named = os.path.join(how["context"], how.get("dockerfile", "Dockerfile"))
    try:
        path = source.inside(state, sandbox_id, named)
    except HostError as error:
        if error.code != "file_missing":
            raise
        path = ""
    if not os.path.isfile(path):
        raise HostError(
            "build_failed",
            f"service {service} is built from {os.path.normpath(named)}, which the source lacks",
            "what git ignores is not sent",
        )
    return path


def _build_failed(service: str, lines: Sequence[str]) -> HostError:
    short = next((found[1] for line in lines if (found := _SHORT_NAME.search(line))), "")
    return HostError(
        "build_failed",
        f"the image of service {service} could not be built; its last lines:\n" + "\n".join(lines),
        f"this host refuses short names: write FROM with the registry, as docker.io/library/{short}"
        if short
        else "build it by hand from the same folder to see more",
    )
