"""The options that verbs share, so that each is spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def path(text: str) -> Path:
    if not text:
        raise typer.BadParameter("an empty word is no path")  # Path("") is the current folder
    return Path(text)


def text(given: str) -> str:
    if not given:
        # a script's variable that is empty: it would count as not given, and so mean another thing
        raise typer.BadParameter("an empty word says nothing: leave it out")
    return given


Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
Inventory = Annotated[
    list[Path] | None,
    typer.Option(
        "--inventory", "-i", parser=path, help="Ansible inventory. Without one: this machine."
    ),
]
Host = Annotated[
    str | None,
    typer.Option("--host", parser=text, help="Host, or pattern of hosts, of the inventory."),
]
Owner = Annotated[
    str | None,
    typer.Option("--owner", parser=text, help="Whose names are meant.  [default: the login name]"),
]
Check = Annotated[
    bool, typer.Option("--dry-run", "--check", help="Show what would happen; write nothing.")
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Ids of what was changed; silence where nothing was."),
]
Ttl = Annotated[
    str | None,
    typer.Option("--ttl", parser=text, help="How long it lives once ready, as 30m or 1h30m."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="KEY=VALUE for a parameter of the profile, or a variable of the compose file."
    ),
]
Files = Annotated[
    list[str] | None,
    typer.Option(
        "--file", "-f", parser=text, help="Compose file in the source; again for one over it."
    ),
]
EnvFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--env-file", parser=text, help="File of variables in the source, in place of its .env."
    ),
]
ComposeProfiles = Annotated[
    list[str] | None,
    typer.Option(
        "--compose-profile",
        parser=text,
        help="Profile of the compose file whose services run, too.",
    ),
]
Publish = Annotated[
    str | None,
    typer.Option(
        "--publish",
        parser=text,
        help="Where ports listen: loopback, or host, which is the host's own addresses, with podman"
        " those of IPv4.  [default: as the profile says]",
    ),
]
ComposeCmd = Annotated[
    str | None,
    typer.Option(
        "--compose-cmd",
        help="Compose program of the host that makes the containers; empty: its engine."
        "  [default: SANDBOXER_COMPOSE_CMD, or the engine]",
    ),
]
AuthFile = Annotated[
    str | None,
    typer.Option(
        "--auth-file",
        parser=text,
        help="File of the host with what its registries ask for, as `podman login` writes it.",
    ),
]
Unreaped = Annotated[
    bool, typer.Option("--unreaped", help="Even where the host's reaper has stopped.")
]
