"""Images that are built from the source by the engine, and what a killed build leaves.

Its scratch lies in the job's folder; the rest of what may be left is the engine's to know.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import fault, image, source
from .engine import BUILD_MARK, LABEL_BUILD, Engine, no_space
from .errors import HostError
from .state import State, write_bytes
from .variables import ENGINES_OWN, NAME

BUILD_SECONDS = 3600.0  # of one image, where the making may take longer
LAST_LINES = 8
DOCKERFILE = "Dockerfile"  # in the job's folder: one that stands in the compose file
SCRATCH = "scratch"  # there too
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
    args = how.get("args", {})
    fault.point("make-build")
    unseen = _parts(args.values())

    def tell(line: str) -> None:
        if BUILD_MARK not in line:
            call.tell(_without(unseen, line))

    seconds = min(call.seconds, BUILD_SECONDS)
    with engine.logged_in(call.auth_file) as login:
        argv = build_argv(engine, name, context, file, how, labels, platform, login.options)
        environment = {**args, **login.environment}
        scratch = _scratch(state, sandbox_id)
        status, lines = engine.build(sandbox_id, argv, scratch, seconds, tell, environment)
    lines = [_without(unseen, line) for line in lines if BUILD_MARK not in line][-LAST_LINES:]
    if status is None:
        raise HostError(
            "build_failed",
            f"the image of service {service} was not built within {seconds:g} s; its last lines:\n"
            + "\n".join(lines),
            "build it by hand from the same folder to see what takes so long",
        )
    if status != 0:
        raise no_space(lines) or _build_failed(service, lines)
    fault.point("made-build")
    return image.of(engine.image(name) or {}, "built")


def remove_working_containers(state: State, engine: Engine, sandbox_id: str) -> None:
    """As the engine does, with the scratch."""
    scratch = os.path.join(state.job(sandbox_id), SCRATCH)
    there = os.listdir(scratch) if os.path.isdir(scratch) else []
    engine.remove_working_containers(sandbox_id, there)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(scratch)


def check(service: str, how: Mapping[str, Any]) -> None:
    """HostError `usage` for arguments that can't be handed over unseen."""
    for key, value in how.get("args", {}).items():
        if NAME.fullmatch(key) is None or ENGINES_OWN.fullmatch(key):
            raise HostError(
                "usage",
                f"service {service}: the build argument {key!r} can't be given to the engine, "
                "which would take it for its own",
                "call it otherwise",
            )
        if "\0" in value:
            raise HostError("usage", f"service {service}: zero bytes in the build argument {key}")


def build_argv(
    engine: Engine,
    name: str,
    context: str,
    file: str,
    how: Mapping[str, Any],
    labels: Mapping[str, str],
    platform: str,
    login: Sequence[str],
) -> list[str]:
    """`build …`. The values of arguments are in the engine's environment."""
    argv = ["build", *login, "--tag", name, "--file", file]
    for key, value in labels.items():
        argv += ["--label", f"{key}={value}"]
    for key in how.get("args", {}):
        argv += ["--build-arg", key]
    for key, addresses in how.get("extra_hosts", {}).items():
        for address in addresses:
            argv += ["--add-host", f"{key}:{address}"]
    options = {
        "--target": how.get("target"),
        "--network": how.get("network"),
        "--shm-size": how.get("shm_size"),
        "--platform": platform,
    }
    for option, given in options.items():
        if given:
            argv += [option, str(given)]
    if how.get("no_cache"):
        argv += ["--no-cache"]
    if how.get("pull"):
        argv += [engine.pull_always]
    return [*argv, "--", context]


def _scratch(state: State, sandbox_id: str) -> str:
    path = os.path.join(state.job(sandbox_id), SCRATCH)
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def _parts(values: Iterable[str]) -> list[str]:
    """The lines of values, each of which may be printed alone; the longest first."""
    lines = {line.strip() for value in values for line in value.splitlines()}
    return sorted((line for line in lines if len(line) > 3), key=len, reverse=True)


def _without(parts: Sequence[str], line: str) -> str:
    """A line of output without what arguments hold: a build may print them."""
    for part in parts:
        line = line.replace(part, "…")
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
        "this host refuses short names: write FROM with the registry, as "
        f"docker.io/library/{short}, or have it so with --set qualify=docker.io"
        if short
        else "build it by hand from the same folder to see more",
    )
