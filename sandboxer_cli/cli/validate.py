"""The program `validate`, which is `sandboxer validate` as well: lint, init, migrate, schema."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from sandboxer_cli import __version__
from sandboxer_cli.cli import options
from sandboxer_cli.cli.program import run

app = typer.Typer(
    name="validate",
    help="Test a repository in a sandbox, as its e2e/e2e.yml says.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)

Repository = Annotated[
    Path, typer.Argument(parser=options.path, help="Folder of the repository.", metavar="REPO")
]
HERE = Path()


@app.callback(invoke_without_command=True)
def program(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version."),
) -> None:
    """Test a repository in a sandbox, as its e2e/e2e.yml says."""
    if version:
        sys.stdout.write(f"validate {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        context.fail(context.get_help())


@app.command()
def lint(repository: Repository = HERE, json: options.Json = False) -> int:
    """Say all that is wrong with e2e/e2e.yml: file:line:column each. The exit status is 2 then.

    \b
    Examples:
      validate lint
      validate lint ~/src/shop --json
    """
    from sandboxer_cli.cli.faults import as_data, as_lines
    from sandboxer_cli.result import Result, render
    from sandboxer_cli.validation.lint import faults
    from sandboxer_cli.validation.load import FILE

    found = faults(repository)
    data = {"file": FILE, "faults": as_data(found)}

    def lines(data: dict[str, Any]) -> list[str]:
        return as_lines(data["faults"]) or [f"{FILE}: nothing is wrong"]

    render(Result(data, lines), json)
    return 2 if found else 0


@app.command()
def init(repository: Repository = HERE, json: options.Json = False) -> int:
    """Write a first e2e/e2e.yml from the compose file. Overwrites nothing.

    \b
    Examples:
      validate init
      validate init ~/src/shop --json
    """
    from sandboxer_cli.result import Result, render
    from sandboxer_cli.validation.init import init as write

    written = write(repository)
    render(Result({"written": written}, lambda _: [f"{file} is written" for file in written]), json)
    return 0


@app.command()
def migrate(
    file: Annotated[Path, typer.Argument(parser=options.path, help="An older file.")],
    write: Annotated[
        bool, typer.Option("--write", help="Into the file's place; a backup is kept.")
    ] = False,
    json: options.Json = False,
) -> int:
    """Print what an older file comes to as e2e/e2e.yml of version 1. What it can't tell is a TODO.

    The exit status is 2 where the new file is not right yet.

    \b
    Examples:
      validate migrate e2e/e2e.yml
      validate migrate e2e/e2e.yml --write
    """
    from sandboxer_cli.cli.faults import as_data, as_lines
    from sandboxer_cli.result import Result, render
    from sandboxer_cli.validation import migrate as migration

    found = migration.migrate(file)
    backup = migration.write(file, found.text) if write and found.changed else None
    data: dict[str, Any] = {
        "file": str(file),
        "changed": found.changed,
        "text": found.text,
        "notes": found.notes,
        "faults": as_data(found.faults),
        "backup": str(backup) if backup else None,
    }

    def lines(data: dict[str, Any]) -> list[str]:
        if not write:
            return found.text.splitlines()
        if not found.changed:
            return [f"{file} is of version 1 already"]
        return [f"{file} is written; what it was is {backup}", *data["notes"]]

    render(Result(data, lines), json)
    if not json:
        sys.stderr.writelines(f"{line}\n" for line in as_lines(data["faults"]))
    return 2 if found.faults else 0


@app.command()
def schema() -> int:
    """Print the JSON Schema of e2e/e2e.yml, for an editor.

    \b
    Examples:
      validate schema
      validate schema > e2e/e2e.schema.json
    """
    from sandboxer_cli.validation.schema import document

    sys.stdout.write(document())
    return 0


def main() -> NoReturn:
    run(app, "validate")
