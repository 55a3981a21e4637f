"""The verbs on hosts: list, prepare, trust, doctor."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from sandboxer_cli.cli import options

app = typer.Typer(help="Where it is made.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="Host of the inventory.")]
Pattern = Annotated[
    str | None, typer.Argument(parser=options.text, help="Host, or pattern of hosts.")
]


@app.command("list")
def list_all(inventory: options.Inventory = None, json: options.Json = False) -> int:
    """List the hosts of the inventory and how they are reached. Connects to none.

    \b
    Examples:
      sandboxer host list
      sandboxer -i inventories/lab host list
    """
    from sandboxer_cli import connection
    from sandboxer_cli.result import Result, render, table

    found = [
        {"host": way.host, "connection": way.kind, "ssh": dict(way.ssh) if way.ssh else None}
        for way in connection.reach_all("all", tuple(inventory or ()))
    ]

    def lines(hosts: list[dict[str, Any]]) -> list[str]:
        rows = []
        for one in hosts:
            ssh = one["ssh"]
            address = f"{ssh['user']}@{ssh['host']}:{ssh['port']}" if ssh else "this machine"
            rows.append([one["host"], one["connection"], address])
        return table(("HOST", "BY", "ADDRESS"), rows)

    render(Result(found, lines), json)
    return 0


@app.command()
def prepare(
    host: Pattern = None,
    fix_engine: Annotated[
        bool,
        typer.Option("--fix-engine", help="Write engine settings where a trial container fails."),
    ] = False,
    inventory: options.Inventory = None,
    check: options.Check = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Make a host ready: packages, folders, run account, and the reaper with its timer.

    \b
    Examples:
      sandboxer host prepare
      sandboxer host prepare h1 -i inventories/lab
    """
    from sandboxer_cli.cli.answer import emit, emit_plan
    from sandboxer_cli.cli.session import client

    with client(inventory, quiet) as opened:
        answer = opened.prepare(host, fix_engine, check)
    if check:
        return emit_plan(answer, json)

    def lines(found: dict[str, Any]) -> list[str]:
        said = "prepared" if found["changed"] else "was ready"
        return [f"{found['host']} {said}; reaper: {found['reaper']}"]

    return emit(answer, json, quiet, lines, lambda found: [found["host"]])


@app.command()
def trust(
    host: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Record the key without asking.")] = False,
    inventory: options.Inventory = None,
    json: options.Json = False,
) -> int:
    """Show the host's key, and record it as known once you say that it is right.

    \b
    Examples:
      sandboxer host trust h1
      sandboxer host trust h1 --yes
    """
    from sandboxer_cli import connection, hostkey
    from sandboxer_cli.errors import Usage
    from sandboxer_cli.result import Result, render

    offer = hostkey.look_up(connection.reach(host, tuple(inventory or ())))
    sys.stderr.write(f"{offer.address} shows a key of type {offer.kind}\n  {offer.fingerprint}\n")
    if not offer.is_known:
        if offer.replaces:
            sys.stderr.write("  it is NOT the one that was known\n")
        if not yes:
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                raise Usage("nobody is here to say that the key is right", "say --yes if it is")
            typer.confirm("Is that the host's key?", abort=True, err=True)
        hostkey.record(offer)
    found = {
        "host": host,
        "fingerprint": offer.fingerprint,
        "known_hosts": str(offer.file),
        "changed": not offer.is_known,
    }
    render(Result(found, lambda one: [f"{one['host']} is known in {one['known_hosts']}"]), json)
    return 0


@app.command("doctor")
def doctor(
    context: typer.Context,
    host: Pattern = None,
    inventory: options.Inventory = None,
    json: options.Json = False,
) -> int:
    """Check this machine and hosts, and name the command that mends what is wrong. Reads only.

    \b
    Examples:
      sandboxer doctor
      sandboxer doctor h1 -i inventories/lab
    """
    from sandboxer_cli import doctor as checks
    from sandboxer_cli.result import Result, render, table

    given = inventory or context.find_root().params["inventory"]  # after the verb, or before it
    found = checks.run(host or "all", tuple(given or ()))

    def lines(rows: list[checks.Row]) -> list[str]:
        cells = [[one["host"], one["check"], one["result"], one["said"]] for one in rows]
        mends = [f"{one['host']} {one['check']}: {one['mend']}" for one in rows if one["mend"]]
        return [*table(("HOST", "CHECK", "RESULT", ""), cells), *mends]

    render(Result(found, lines), json)
    return checks.exit_status(found)
