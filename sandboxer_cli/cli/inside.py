"""Looking into a sandbox: exec and logs. Their standard streams are the caller's own."""

from __future__ import annotations

from typing import Annotated

import typer

from sandboxer_cli.cli import options
from sandboxer_cli.cli.sandbox import Reference

Index = Annotated[int | None, typer.Option("--index", min=1, help="Which of a service's replicas.")]


def add_to(app: typer.Typer) -> None:
    app.command("exec")(exec_)
    app.command("logs")(logs)


def exec_(
    reference: Reference,
    service: Annotated[str, typer.Argument(help="Service of the sandbox.")],
    command: Annotated[list[str], typer.Argument(help="Command and its words, after --.")],
    tty: Annotated[
        bool, typer.Option("--tty", "-t", help="With a terminal, where standard input is one.")
    ] = False,
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="As this user of the container.")
    ] = None,
    workdir: Annotated[
        str | None, typer.Option("--workdir", "-w", help="In this folder of the container.")
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option("--env", "-e", help="NAME=VALUE for the command.")
    ] = None,
    index: Index = None,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
) -> int:
    """Run a command inside a service. The exit status is the command's own.

    \b
    Examples:
      sandboxer exec one web -- ls -l /www
      sandboxer exec one db --user postgres --tty -- psql
    """
    import sys

    from sandboxer_cli.cli.session import client
    from sandboxer_cli.errors import Usage

    environment = {}
    for word in env or []:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise Usage(f"{name or word!r} is no NAME=VALUE", code="env_invalid")
        environment[name] = value
    with client(inventory, quiet=True) as opened:
        return opened.exec(
            reference,
            service,
            command,
            host_pattern=host,
            owner=owner,
            index=index,
            user=user,
            workdir=workdir,
            environment=environment,
            tty=tty and sys.stdin.isatty(),
        )


def logs(
    reference: Reference,
    service: Annotated[
        str | None, typer.Argument(help="Service of the sandbox.  [default: all of them]")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the sandbox is gone.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(help="Since so long, as 10m, or since an instant (RFC 3339).")
    ] = None,
    index: Index = None,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
) -> int:
    """Show what services have written.

    \b
    Examples:
      sandboxer logs one
      sandboxer logs one web --follow --since 10m
    """
    from sandboxer_cli.cli.session import client

    with client(inventory, quiet=True) as opened:
        return opened.logs(
            reference,
            service,
            host_pattern=host,
            owner=owner,
            index=index,
            follow=follow,
            since=since,
        )
