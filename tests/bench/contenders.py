"""Who is timed: each makes the stack of `stack/`, two services, and takes it away.

The image lies on the hosts, put there by the program's profile.hello; it is the same for all, as
are network, containers, published ports and the two seconds that a stop may take. Ready is when
both services answer over HTTP on the host; gone is when that has been looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
BY_COMPOSE = "the program, by podman-compose"
EMPTY = "an empty play"
EIGHT = "the program, for eight sandboxes"
THREE = "the program, on three hosts"

Argv = tuple[str, ...]


@dataclass(frozen=True)
class Contender:
    """`verbs` is what it is timed at: verb -> command line, in order; `after` tidies up and is not
    timed. `where` is a host, or what a row calls several. `cold` are the verbs that are timed
    without an open connection too; `starts` has it run once before the first round, so that what is
    compiled and installed then counts for nobody."""

    name: str
    where: str
    verbs: Mapping[str, Argv]
    after: Argv = ()
    cold: Sequence[str] = field(default=())
    starts: bool = False


def on_one_host(inventory: Path, host: str) -> list[Contender]:
    """All that are held against each other on each host."""
    bare = ("sh", str(HERE / "bare.sh"))
    compose = ("sh", str(HERE / "compose.sh"))
    steps = (str(BIN / "ansible-playbook"), "-i", str(inventory), "-l", host)
    create, destroy = _create(inventory, host), _destroy(inventory, host)
    by_compose = ("env", "SANDBOXER_COMPOSE_CMD=podman-compose", *create)
    empty = (str(BIN / "python"), str(HERE / "play.py"), str(inventory), host)
    gone = (*bare, "destroy", host)
    return [
        Contender(
            BARE,
            host,
            {CREATE: (*bare, "create", host), AGAIN: (*bare, "again", host), DESTROY: gone},
            cold=(CREATE, DESTROY),
        ),
        Contender(
            PROGRAM,
            host,
            {CREATE: create, AGAIN: create, DESTROY: destroy},
            cold=(CREATE, DESTROY),
            starts=True,
        ),
        Contender(EMPTY, host, {PLAY: empty}, cold=(PLAY,), starts=True),
        Contender(BY_COMPOSE, host, {CREATE: by_compose}, after=destroy),
        Contender(
            COMPOSE,
            host,
            {CREATE: (*compose, "create", host)},
            after=(*compose, "destroy", host),
        ),
        Contender(STEPS, host, {CREATE: (*steps, str(HERE / "steps.yml"))}, after=gone),
    ]


def on_three(inventory: Path, hosts: Sequence[str]) -> Contender:
    """One command for several hosts."""
    pattern = ",".join(hosts)
    verbs = {CREATE: _create(inventory, pattern), DESTROY: _destroy(inventory, pattern)}
    return Contender(THREE, pattern, verbs)


def alone(inventory: Path, host: str) -> Contender:
    """The program, made and taken away: a host that is timed for nothing but `on_three`."""
    verbs = {CREATE: _create(inventory, host), DESTROY: _destroy(inventory, host)}
    return Contender(PROGRAM, host, verbs, starts=True)


def many_on_one(inventory: Path, host: str, many: str) -> Contender:
    """A command for many sandboxes on one host: a name is one sandbox there, so that the inventory
    names the host, and what is on it, as often as there are to be; `many` is their group."""
    create = (*_program(inventory), *_wanted(), "--host", many)
    away = ("-e", f"sandboxer_host={many}", "playbooks/destroy.yml")
    destroy = (str(BIN / "ansible-playbook"), "-i", str(inventory), "--forks", "8", *away)
    return Contender(EIGHT, host, {CREATE: create, DESTROY: destroy})


def _create(inventory: Path, pattern: str) -> Argv:
    return (*_program(inventory), *_wanted(), "--name", "bench", "--host", pattern)


def _wanted() -> Argv:
    return ("create", str(HERE / "stack"), "--profile", "profile.bench")


def _destroy(inventory: Path, pattern: str) -> Argv:
    return (*_program(inventory), "destroy", "bench", "--host", pattern)


def _program(inventory: Path) -> Argv:
    return (str(BIN / "sandboxer"), "-i", str(inventory))
