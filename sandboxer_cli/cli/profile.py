"""The verbs on profiles: list, show, lint, schema."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sandboxer_cli.cli import options

if TYPE_CHECKING:
    from sandboxer_cli.profiles.load import Loaded

app = typer.Typer(help="What can be made.", no_args_is_help=True, rich_markup_mode=None)

Source = Annotated[
    Path,
    typer.Option(
        "--source", parser=options.path, help="Folder of the project whose profiles count, too."
    ),
]
HERE = Path()
_LONGEST_VALUE = 40


@app.command("list")
def list_all(source: Source = HERE, json: options.Json = False) -> int:
    """List the profiles: built-in ones, yours, and the project's.

    \b
    Examples:
      sandboxer profile list
      sandboxer profile list --source ~/src/shop --json
    """
    from sandboxer_cli.errors import Usage
    from sandboxer_cli.profiles.layers import Catalog, catalog
    from sandboxer_cli.profiles.load import find, load
    from sandboxer_cli.result import Result, render, table

    def row(name: str, known: Catalog) -> dict[str, Any]:
        file = find(name, known)
        found = {"name": name, "layer": file.layer, "file": file.label}
        try:
            return {**found, "summary": load(name, known).profile.summary, "error": None}
        except Usage as error:
            return {**found, "summary": None, "error": error.detail.as_dict()}

    known = catalog(source)
    found = [row(name, known) for name in known.names()]

    def lines(profiles: list[dict[str, Any]]) -> list[str]:
        rows = [
            [one["name"], one["layer"], one["summary"] or "wrong: see `sandboxer profile lint`"]
            for one in profiles
        ]
        return table(("NAME", "LAYER", "WHAT IT IS"), rows)

    render(Result(found, lines), json)
    return 0


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the profile.")],
    source: Source = HERE,
    explain: Annotated[
        bool, typer.Option("--explain", help="Where each key comes from, with file:line:column.")
    ] = False,
    set_: options.Set = None,
    ttl: options.Ttl = None,
    publish: options.Publish = None,
    json: options.Json = False,
) -> int:
    """Show one profile, whole, with all that it extends.

    \b
    Examples:
      sandboxer profile show profile.hello
      sandboxer profile show profile.compose --explain --ttl 2h
    """
    from sandboxer_cli.profiles.explain import explain as explained
    from sandboxer_cli.profiles.layers import catalog
    from sandboxer_cli.profiles.load import load
    from sandboxer_cli.profiles.settings import parse_settings
    from sandboxer_cli.result import Result, render

    loaded = load(name, catalog(source))
    rows = explained(loaded, parse_settings(set_ or []), ttl=ttl, publish=publish)
    data = _data(loaded)
    if explain:
        render(Result({**data, "explain": rows}, _explained_lines), json)
    else:
        render(Result(data, _lines), json)
    return 0


@app.command()
def lint(
    profiles: Annotated[
        list[str] | None,
        typer.Argument(help="Files or names.  [default: yours and the project's]"),
    ] = None,
    source: Source = HERE,
    json: options.Json = False,
) -> int:
    """Say all that is wrong with profiles: file:line:column each. The exit status is 2 then.

    \b
    Examples:
      sandboxer profile lint
      sandboxer profile lint .sandboxer/profiles/shop.yml --json
    """
    from sandboxer_cli.cli.faults import as_data, as_lines
    from sandboxer_cli.profiles.layers import catalog
    from sandboxer_cli.profiles.lint import faults, strays, wanted
    from sandboxer_cli.result import Result, render

    known = catalog(source)
    files = wanted(profiles or [], known)
    found = [fault for file in files for fault in faults(file, known)]
    found += [] if profiles else strays(source)
    found = list(dict.fromkeys(found))  # what is wrong in one is wrong in all that extend it
    data = {
        "profiles": [file.name for file in files],
        "faults": as_data(found),
    }

    def lines(data: dict[str, Any]) -> list[str]:
        return as_lines(data["faults"]) or [
            f"{', '.join(data['profiles']) or 'no profile'}: nothing is wrong"
        ]

    render(Result(data, lines), json)
    return 2 if found else 0


@app.command()
def schema() -> int:
    """Print the JSON Schema of a profile's file, for an editor.

    \b
    Examples:
      sandboxer profile schema
      sandboxer profile schema > .sandboxer/profiles/profile.schema.json
    """
    from sandboxer_cli.profiles.schema import document

    sys.stdout.write(document())
    return 0


def _data(loaded: Loaded) -> dict[str, Any]:
    """A profile as JSON: `resolved` is all that it says, whoever said it."""
    from sandboxer_cli.compose.tree import plain
    from sandboxer_cli.profiles.resolve import profile_digest

    profile = loaded.profile
    return {
        "name": profile.name,
        "layer": loaded.layer,
        "file": loaded.files[0].label,
        "extends": [file.name for file in loaded.files[1:]],
        "hash": profile_digest(profile),
        "summary": profile.summary,
        "extension": profile.extension,
        "ttl_seconds": profile.ttl,
        "publish": profile.publish,
        "source": profile.source,
        "parameters": {key: one.model_dump() for key, one in profile.parameters.items()},
        "resolved": plain(loaded.tree),
    }


def _lines(data: dict[str, Any]) -> list[str]:
    from sandboxer_cli.result import span

    extends = [f"  extends  {', '.join(data['extends'])}"] if data["extends"] else []
    settings = [
        f"  --set {key}=…  {one['summary']} [{one['type']}, default: {one['default']!r}]"
        for key, one in data["parameters"].items()
    ]
    return [
        f"{data['name']}: {data['summary']}",
        f"  file     {data['file']} ({data['layer']})",
        *extends,
        f"  made by  {data['extension']}",
        f"  lives    {span(data['ttl_seconds'])}",
        f"  publish  {data['publish']}",
        f"  hash     {data['hash']}",
        *settings,
    ]


def _explained_lines(data: dict[str, Any]) -> list[str]:
    import json

    from sandboxer_cli.result import table

    rows = []
    for row in data["explain"]:
        value = json.dumps(row["value"], ensure_ascii=False)
        short = value if len(value) <= _LONGEST_VALUE else f"{value[: _LONGEST_VALUE - 1]}…"
        place = f"{row['file']}:{row['line']}:{row['column']}" if row["file"] else ""
        rows.append((row["key"], short, row["layer"], place))
    return [*_lines(data), *table(("KEY", "VALUE", "LAYER", "WHERE"), rows)]
