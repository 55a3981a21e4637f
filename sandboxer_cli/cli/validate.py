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
