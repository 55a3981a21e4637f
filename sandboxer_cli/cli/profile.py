"""The verbs on profiles: list, show."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sandboxer_cli.cli import options

app = typer.Typer(help="What can be made.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_all(json: options.Json = False) -> int:
    """List the profiles.

    \b
    Examples:
      sandboxer profile list
      sandboxer profile list --json
    """
    from sandboxer_cli.profiles.load import known_profiles, load_profile
    from sandboxer_cli.result import Result, render, table

    found = [{"name": name, "summary": load_profile(name).summary} for name in known_profiles()]

    def lines(profiles: list[dict[str, str]]) -> list[str]:
        return table(("NAME", "WHAT IT IS"), [[one["name"], one["summary"]] for one in profiles])

    render(Result(found, lines), json)
    return 0


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the profile.")], json: options.Json = False
) -> int:
    """Show one profile and what can be set in it.

    \b
    Examples:
      sandboxer profile show profile.hello
      sandboxer profile show profile.compose --json
    """
    from sandboxer_cli.profiles.load import load_profile
    from sandboxer_cli.result import Result, render, span

    profile = load_profile(name)
    found: dict[str, Any] = {
        "name": profile.name,
        "summary": profile.summary,
        "extension": profile.extension,
        "ttl_seconds": profile.ttl,
        "publish": profile.publish,
        "source": profile.source,
        "parameters": {key: one.model_dump() for key, one in profile.parameters.items()},
    }

    def lines(data: dict[str, Any]) -> list[str]:
        head = [
            f"{data['name']}: {data['summary']}",
            f"  made by  {data['extension']}",
            f"  lives    {span(data['ttl_seconds'])}",
            f"  publish  {data['publish']}",
        ]
        settings = [
            f"  --set {key}=…  {one['summary']} [{one['type']}, default: {one['default']!r}]"
            for key, one in data["parameters"].items()
        ]
        return head + settings

    render(Result(found, lines), json)
    return 0
