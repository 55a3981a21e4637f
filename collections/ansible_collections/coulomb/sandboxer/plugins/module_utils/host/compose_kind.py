"""Which compose programs are known, and which engine's containers each of them makes."""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from .engine import Engine, said
from .errors import HostError

SECONDS = 20.0
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


def refuse_unfit(words: Sequence[str], engine: Engine) -> None:
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
        return  # each version will do
    asked = [*words[: len(name)], "version", "--short"]
    try:
        done = subprocess.run(
            asked,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, **engine.environment},
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError("compose_failed", f"`{' '.join(asked)}` failed: {error}") from error
    if done.returncode != 0:
        told = (said(done.stderr) or ["no message"])[0]
        raise HostError(
            "compose_program_missing",
            f"there is no {' '.join(name)} on this host: {told}",
            f"{_HAD_BY[engine.program]}; name another one, or none: then the engine itself makes "
            "the containers",
        )
    version = done.stdout.decode("utf-8", "replace").strip()
    if engine.program == "docker" and version.lstrip("v").startswith("1."):
        raise HostError(
            "usage",
            f"{' '.join(name)} is version {version}, and 2 is what is known",
            "install version 2, or name another one",
        )
