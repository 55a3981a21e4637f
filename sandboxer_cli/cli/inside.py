"""Looking into a sandbox: exec and logs, whose standard streams are the caller's own; forward and
open, which last as long as they are wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from sandboxer_cli.cli import options
from sandboxer_cli.cli.sandbox import Reference

if TYPE_CHECKING:
    from pathlib import Path

    from sandboxer_cli.forward import Forwarding

Index = Annotated[int | None, typer.Option("--index", min=1, help="Which of a service's replicas.")]
Endpoint = Annotated[
    str | None,
    typer.Argument(
        metavar="[SERVICE[:PORT]]", help="What it publishes, by the port inside.  [default: all]"
    ),
]
Local = Annotated[
    int | None,
    typer.Option(
        "--local",
        min=1,
        max=65535,
        metavar="PORT",
        help="The port here.  [default: the one inside where it is free, or any]",
    ),
]


def add_to(app: typer.Typer) -> None:
    app.command("exec")(exec_)
    app.command("logs")(logs)
    app.command("forward")(forward)
    app.command("open")(open_)


def exec_(
    reference: Reference,
    service: Annotated[str, typer.Argument(help="Service of the sandbox.")],
    command: Annotated[list[str], typer.Argument(help="Command and its words, after --.")],
    tty: Annotated[
        bool, typer.Option("--tty", "-t", help="With a terminal, where standard input is one.")
    ] = False,
    user: Annotated[
        str | None,
        typer.Option("--user", "-u", parser=options.text, help="As this user of the container."),
    ] = None,
    workdir: Annotated[
        str | None,
        typer.Option(
            "--workdir", "-w", parser=options.text, help="In this folder of the container."
        ),
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
        str | None,
        typer.Argument(parser=options.text, help="Service of the sandbox.  [default: all of them]"),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the sandbox is gone.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            parser=options.text, help="Since so long, as 10m, or since an instant (RFC 3339)."
        ),
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


def forward(
    reference: Reference,
    endpoint: Endpoint = None,
    local: Local = None,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
    json: options.Json = False,
) -> int:
    """Reach published ports at 127.0.0.1, until Ctrl-C.

    \b
    Examples:
      sandboxer forward one
      sandboxer forward one web:80 --local 8080
    """
    with _forwarding(reference, endpoint, local, host, owner, inventory) as forwarding:
        _say(forwarding, json)
        forwarding.wait()
    return 0


def open_(
    reference: Reference,
    endpoint: Endpoint = None,
    local: Local = None,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
    json: options.Json = False,
) -> int:
    """Show a published port in a browser, and keep it reachable until Ctrl-C.

    \b
    Examples:
      sandboxer open one
      sandboxer open one web:80 --host h1
    """
    import webbrowser

    from sandboxer_cli.cli.progress import plain

    with _forwarding(reference, endpoint, local, host, owner, inventory) as forwarding:
        scheme, _, address = forwarding.page().url.partition("://")
        _say(forwarding, json)
        # what has no probe has no scheme either, and a browser speaks HTTP
        if not webbrowser.open(f"{'https' if scheme == 'https' else 'http'}://{address}"):
            plain("there is no browser here")
        forwarding.wait()
    return 0


@contextlib.contextmanager
def _forwarding(
    reference: str,
    endpoint: str | None,
    local: int | None,
    host: str | None,
    owner: str | None,
    inventory: list[Path] | None,
) -> Iterator[Forwarding]:
    from sandboxer_cli.cli.progress import plain
    from sandboxer_cli.client import Client

    client = Client(tuple(inventory or ()), on_line=plain)
    whose = {"host_pattern": host, "owner": owner}
    with client.forward(reference, endpoint, local=local, **whose) as forwarding, _until_told():
        yield forwarding


def _say(forwarding: Forwarding, json: bool) -> None:
    from dataclasses import asdict

    from sandboxer_cli.cli.progress import plain
    from sandboxer_cli.result import Result, render, table

    found, forwards = forwarding.found, forwarding.forwards
    rows = [[one.url, f"{one.service}:{one.port}"] for one in forwards]
    data = {
        **{key: found[key] for key in ("id", "name", "host")},
        "forwards": [asdict(one) for one in forwards],
    }
    if forwarding.child is None:
        plain(f"{found['name']} is on this machine: nothing has to be forwarded")
    else:
        plain(f"{found['name']} is reached here until Ctrl-C")
    render(Result(data, lambda _: table(("URL", "REACHES"), rows)), json)


@contextlib.contextmanager
def _until_told() -> Iterator[None]:
    """Ctrl-C, or a signal that asks for an end, is the end that was meant."""
    import signal

    asked = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_DFL  # nohup has it ignored
    ]
    for number in asked:
        signal.signal(number, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        for number in asked:
            signal.signal(number, signal.SIG_DFL)
