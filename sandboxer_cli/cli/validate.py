"""The program `validate`, which is `sandboxer validate` too: runs, and help with contracts."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from sandboxer_cli import __version__
from sandboxer_cli.cli import options
from sandboxer_cli.cli.program import run
from sandboxer_cli.client import Answer, Keep

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
Reports = Annotated[
    Path | None,
    typer.Option(
        parser=options.path,
        help="Folder for what the test leaves, below which each run gets its own."
        "  [default: in the state folder]",
    ),
]
Junit = Annotated[
    Path | None,
    typer.Option(
        parser=options.path,
        help="Where its JUnit file is copied to; of several hosts FILE.HOST.xml each.",
        metavar="FILE",
    ),
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
        sys.stdout.write(f"{context.get_help()}\n")
        raise typer.Exit(2)


@app.command("run")
def run_(
    repository: Repository = HERE,
    profile: Annotated[
        str | None,
        typer.Option(parser=options.text, help="What to make.  [default: as the contract says]"),
    ] = None,
    keep: Annotated[
        Keep | None, typer.Option(help="When it stays.  [default: as the contract says]")
    ] = None,
    run_key: Annotated[
        str | None,
        typer.Option(
            parser=options.text,
            help="Its key: a finished run that has it is the answer.  [default: a new one]",
        ),
    ] = None,
    reports: Reports = None,
    junit: Junit = None,
    compose_cmd: options.ComposeCmd = None,
    auth_file: options.AuthFile = None,
    unreaped: options.Unreaped = False,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
    check: options.Check = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Make what the contract asks for, test it, report, and take it away.

    \b
    Examples:
      validate run . --host h1
      validate run ~/src/shop --keep on-failure --json
      validate run . --host h1 --junit out/e2e.xml
    """
    from sandboxer_cli.cli.answer import emit_plan
    from sandboxer_cli.cli.session import client
    from sandboxer_cli.client import ValidateRequest

    _make_way(junit)
    request = ValidateRequest(
        repository=repository,
        host=host,
        profile=profile,
        keep=keep,
        key=run_key,
        owner=owner,
        compose_cmd=compose_cmd,
        auth_file=auth_file,
        unreaped=unreaped,
        reports=reports,
        check=check,
    )
    with client(inventory, quiet) as opened:
        answer = opened.validate(request)
    if not check:
        _copy_junit(answer, junit)
    return emit_plan(answer, json) if check else _emit(answer, json, quiet)


@app.command()
def resume(
    run: Annotated[str, typer.Argument(help="Id of the run.", metavar="RUN")],
    reports: Reports = None,
    junit: Junit = None,
    host: options.Host = None,
    inventory: options.Inventory = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Go on with a run whose controller is gone, or show the result of one that has finished.

    \b
    Examples:
      validate resume run-4f7kq2zdab
      validate resume run-4f7kq2zdab --host h1 --json
    """
    from sandboxer_cli.cli.session import client

    _make_way(junit)
    with client(inventory, quiet) as opened:
        answer = opened.resume(run, host, reports)
    _copy_junit(answer, junit)
    return _emit(answer, json, quiet)


def _emit(answer: Answer, json: bool, quiet: bool) -> int:
    """Print results. The exit status is that of the first that has not passed."""
    from sandboxer_cli.cli.answer import emit
    from sandboxer_cli.reporting import summary

    status = emit(answer, json, False, lambda one: [] if quiet else summary.lines(one))
    codes = [one["exit_code"] for one in answer.results.values()]
    return next((code for code in codes if code), status)


def _make_way(junit: Path | None) -> None:
    """An older file would be taken for this run's: whatever comes, it is gone."""
    if junit is None:
        return
    try:
        junit.parent.mkdir(parents=True, exist_ok=True)
        junit.unlink(missing_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"{junit}: {error.strerror}", param_hint="--junit") from None


def _copy_junit(answer: Answer, junit: Path | None) -> None:
    """Of several hosts each has its own: `e2e.xml` is `e2e.h1.xml` then."""
    if junit is None:
        return
    for host, found in answer.results.items():
        if found["reports"]["junit"] is None:
            continue
        alone = len(answer.results) == 1
        to = junit if alone else junit.with_name(f"{junit.stem}.{host}{junit.suffix}")
        shutil.copyfile(found["reports"]["junit"], to)


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
