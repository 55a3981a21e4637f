"""Which compose programs are known, and which engine's containers each of them makes."""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence

from . import versions
from .engine import Engine, said
from .errors import HostError
from .state import State

SECONDS = 20.0
# The oldest versions that will do. Before 1.0 podman-compose makes one pod with one network of all.
LEAST = {
    ("podman-compose",): "1.0",
    ("docker", "compose"): "2",
    ("docker-compose",): "2",
}
_KNOWN = {
    ("podman-compose",): "podman",
    ("podman", "compose"): "podman",
    ("docker", "compose"): "docker",
    ("docker-compose",): "docker",
}
_HAD_BY = {
    "podman": "podman has it from 4.7 on, where podman-compose is installed too",
    "docker": "install it (on Debian: apt-get install docker-compose)",
}
_IN_WORDS = "podman-compose, podman compose, docker compose and docker-compose (2)"


def known(words: Sequence[str]) -> tuple[str, ...]:
    """The name by which a command's program is known. HostError `usage` for any other."""
    name = os.path.basename(words[0])
    for one in ((name,), (name, *words[1:2])):
        if one in _KNOWN:
            return one
    raise HostError(
        "usage",
        f"{' '.join(words[:2])} is no compose program that is known",
        f"known are {_IN_WORDS}; without any the engine itself makes the containers",
    )


def refuse_unfit(state: State, words: Sequence[str], engine: Engine) -> None:
    """Say no to one that makes another engine's containers, or is too old, or isn't there though
    the program of which it is a part is."""
    name = known(words)
    if _KNOWN[name] != engine.program:
        raise HostError(
            "usage",
            f"{' '.join(name)} makes containers of {_KNOWN[name]}, and this host's engine is "
            f"{engine.program}",
            "name another one, or none: then the engine itself makes the containers",
        )
    if name == ("podman-compose",):

        def ask() -> str:
            try:
                return _version_in(_ask([words[0], "version"], engine).stdout)
            except HostError:  # it will say so itself when it is to make something
                return ""

        versions.refuse_old(state, name[0], shutil.which(words[0]), LEAST[name], ask)
        return
    done = _ask([*words[: len(name)], "version", "--short"], engine)
    if done.returncode != 0:
        told = (said(done.stderr) or ["no message"])[0]
        raise HostError(
            "compose_program_missing",
            f"there is no {' '.join(name)} on this host: {told}",
            f"{_HAD_BY[engine.program]}; name another one, or none: then the engine itself makes "
            "the containers",
        )
    if name in LEAST:
        version = done.stdout.decode("utf-8", "replace").strip()
        versions.refuse(" ".join(name), version, LEAST[name])


def _ask(argv: Sequence[str], engine: Engine) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, **engine.environment},
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError("compose_failed", f"`{' '.join(argv)}` failed: {error}") from error


def _version_in(output: bytes) -> str:
    """podman-compose's own, beside podman's; empty where it can't be read."""
    found = re.search(rb"compose[^0-9\n]{0,20}([0-9.]+)", output)
    return found[1].decode("ascii") if found else ""
