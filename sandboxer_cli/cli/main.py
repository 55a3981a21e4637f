"""The program `sandboxer`."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from sandboxer_cli import __version__
from sandboxer_cli.cli import compose, events, host, inside, options, profile, sandbox, validate
from sandboxer_cli.cli.program import run

app = typer.Typer(
    name="sandboxer",
    help="Short-lived sandboxes on hosts you already own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
sandbox.add_to(app)
inside.add_to(app)
app.add_typer(profile.app, name="profile")
app.add_typer(compose.app, name="compose")
app.add_typer(host.app, name="host")
app.add_typer(validate.app, name="validate")
app.add_typer(events.app, name="events")
app.command("doctor")(host.doctor)


@app.callback(invoke_without_command=True)
def program(
    context: typer.Context,
    inventory: options.Inventory = None,
    version: bool = typer.Option(False, "--version", help="Print the version."),
) -> None:
    if version:
        sys.stdout.write(f"sandboxer {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stdout.write(f"{context.get_help()}\n")
        raise typer.Exit(2)
    if inventory:
        # before the verb it is what Ansible's own variable is: what holds when a verb names none
        if any("," in str(path) for path in inventory):
            raise typer.BadParameter("a list of hosts is given after the verb: -i h1,h2")
        os.environ["ANSIBLE_INVENTORY"] = ",".join(str(path.absolute()) for path in inventory)


def main() -> NoReturn:
    run(app, "sandboxer")
