"""The verbs on compose files: show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandboxer_cli.cli import options

app = typer.Typer(help="What a compose file comes to.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def compose() -> None:
    """Keeps `show` a word of its own: it is not the only verb for ever."""


@app.command()
def show(
    source: Annotated[
        Path | None,
        typer.Argument(parser=options.path, help="Folder with a compose file.  [default: .]"),
    ] = None,
    profile: Annotated[
        str,
        typer.Option(
            parser=options.text,
            help="As `create` is given it: a profile may choose files and variables.",
        ),
    ] = "profile.compose",
    set_: options.Set = None,
    files: options.Files = None,
    env_files: options.EnvFiles = None,
    compose_profiles: options.ComposeProfiles = None,
    json: options.Json = False,
) -> int:
    """Show what will run, and the reason for each change. Connects to no host.

    \b
    Examples:
      sandboxer compose show
      sandboxer compose show . --profile profile.shop --json
    """
    from sandboxer_cli.compose.show import as_lines, without_secrets
    from sandboxer_cli.profiles.layers import catalog
    from sandboxer_cli.profiles.load import load
    from sandboxer_cli.profiles.resolve import resolve
    from sandboxer_cli.profiles.resolved import ResolveRequest
    from sandboxer_cli.profiles.settings import parse_settings
    from sandboxer_cli.result import Result, render

    if source is None:
        here = Path()
        loaded = load(profile, catalog(here))
        # which is where a project's own profile is found, too
        source = here if loaded.profile.source or loaded.layer == "project" else None
    found = resolve(
        ResolveRequest(
            profile,
            source,
            parse_settings(set_ or []),
            files=tuple(files or ()),
            env_files=tuple(env_files or ()),
            compose_profiles=tuple(compose_profiles or ()),
        )
    )
    document = without_secrets(found.document)
    data = {
        "document": document,
        "notes": [
            {"path": one.path, "place": str(one.place), "kind": one.kind, "text": one.text}
            for one in found.notes
        ],
    }
    render(Result(data, lambda _: as_lines(document, found.notes)), json)
    return 0
