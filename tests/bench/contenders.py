"""Who is timed: each makes the sandbox of profile.hello, makes it again, and takes it away.

The image lies on the host, made there by the program's first create; it is the same for all, as
are network, container, published port and the two seconds that a stop may take. Ready is when it
answers over HTTP on the host; gone is when that has been looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.doors import BIN

HERE = Path(__file__).resolve().parent

CREATE = "create"
AGAIN = "unchanged create"
DESTROY = "destroy, proven"
PLAY = "play"

BARE = "podman by a script"
COMPOSE = "podman-compose by a script"
STEPS = "a playbook of steps"
PROGRAM = "the program"
EMPTY = "an empty play"


@dataclass(frozen=True)
class Contender:
    """`verbs` is what it is timed at: verb -> command line, in order."""

    name: str
    verbs: Mapping[str, tuple[str, ...]]


def contenders(inventory: Path, host: str) -> tuple[Contender, ...]:
    """All of them, on one host of an inventory."""
    return (
        _script(BARE, "bare.sh", host),
        _script(COMPOSE, "compose.sh", host),
        _steps(inventory, host),
        _program(inventory, host),
        _empty(inventory, host),
    )


def _script(name: str, file: str, host: str) -> Contender:
    words = {CREATE: "create", AGAIN: "again", DESTROY: "destroy"}
    start = ("sh", str(HERE / file))
    return Contender(name, {verb: (*start, word, host) for verb, word in words.items()})


def _steps(inventory: Path, host: str) -> Contender:
    tags = {CREATE: "create", AGAIN: "again", DESTROY: "destroy"}
    start = (str(BIN / "ansible-playbook"), "-i", str(inventory), "-l", host)
    play = str(HERE / "steps.yml")
    return Contender(STEPS, {verb: (*start, "-t", tag, play) for verb, tag in tags.items()})


def _program(inventory: Path, host: str) -> Contender:
    start = (str(BIN / "sandboxer"), "-i", str(inventory))
    create = (*start, "create", "--profile", "profile.hello", "--name", "bench", "--host", host)
    destroy = (*start, "destroy", "bench", "--host", host)
    return Contender(PROGRAM, {CREATE: create, AGAIN: create, DESTROY: destroy})


def _empty(inventory: Path, host: str) -> Contender:
    argv = (str(BIN / "python"), str(HERE / "play.py"), str(inventory), host)
    return Contender(EMPTY, {PLAY: argv})
