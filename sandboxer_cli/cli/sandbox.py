"""The verbs on sandboxes: create, destroy, list, show, stop, start, restart, extend, reap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sandboxer_cli.cli import options

Reference = Annotated[str, typer.Argument(help="Id or name of the sandbox.")]
Deadline = Annotated[
    str | None, typer.Option(help="How long it may take until it is ready.  [default: 10m]")
]


def add_to(app: typer.Typer) -> None:
    for verb in (create, destroy, show, stop, start, restart, extend, reap):
        app.command(verb.__name__)(verb)
    app.command("list")(list_all)


def create(
    source: Annotated[
        Path | None,
        typer.Argument(parser=options.path, help="Folder of the project, with its compose file."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(parser=options.text, help="What to make.  [default: profile.compose]"),
    ] = None,
    source_option: Annotated[
        Path | None, typer.Option("--source", parser=options.path, help="The same as the argument.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(parser=options.text, help="Its name.  [default: a new one]")
    ] = None,
    sandbox_id: Annotated[
        str | None, typer.Option("--id", parser=options.text, help="Its id.  [default: a new one]")
    ] = None,
    ttl: options.Ttl = None,
    deadline: Annotated[
        str | None,
        typer.Option(parser=options.text, help="How long the making may take.  [default: 10m]"),
    ] = None,
    set_: options.Set = None,
    files: options.Files = None,
    env_files: options.EnvFiles = None,
    compose_profiles: options.ComposeProfiles = None,
    publish: options.Publish = None,
    compose_cmd: options.ComposeCmd = None,
    auth_file: options.AuthFile = None,
    replace: Annotated[bool, typer.Option("--replace", help="Make anew what differs.")] = False,
    unreaped: options.Unreaped = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until it is ready.")] = True,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
    check: options.Check = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Make a sandbox and wait until it is ready.

    \b
    Examples:
      sandboxer create . --host h1
      sandboxer create --profile profile.hello --name one --ttl 20m
    """
    from sandboxer_cli.cli.answer import emit, emit_plan
    from sandboxer_cli.cli.session import client
    from sandboxer_cli.client import CreateRequest
    from sandboxer_cli.profiles.settings import parse_settings
    from sandboxer_cli.result import sandbox_lines

    request = CreateRequest(
        profile=profile,
        source=source or source_option,
        host=host,
        name=name,
        id=sandbox_id,
        owner=owner,
        ttl=ttl,
        deadline=deadline,
        settings=parse_settings(set_ or []),
        publish=publish,
        files=files or (),
        env_files=env_files or (),
        compose_profiles=compose_profiles or (),
        compose_cmd=compose_cmd,
        auth_file=auth_file,
        replace=replace,
        unreaped=unreaped,
        wait=wait,
        check=check,
    )
    with client(inventory, quiet) as opened:
        answer = opened.create(request)
    if check:
        return emit_plan(answer, json)
    return emit(answer, json, quiet, sandbox_lines)


def destroy(
    reference: Reference,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
    check: options.Check = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Take a sandbox away and prove that nothing is left.

    \b
    Examples:
      sandboxer destroy one --host h1
      sandboxer destroy sbx-4f7kq2zd
    """
    from sandboxer_cli.cli.answer import emit, emit_plan, say
    from sandboxer_cli.cli.session import client
    from sandboxer_cli.result import receipt_lines

    with client(inventory, quiet) as opened:
        answer = opened.destroy(reference, host, owner, check)
    if check:
        return emit_plan(answer, json)
    if not answer.results and not answer.failures:
        nothing = {"changed": False, "reference": reference, "remains": []}
        said = [] if quiet else [f"there is no sandbox {reference}"]
        return say(nothing, json, lambda _: said)
    return emit(answer, json, quiet, receipt_lines)


def show(
    reference: Reference,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
    json: options.Json = False,
) -> int:
    """Show one sandbox.

    \b
    Examples:
      sandboxer show one
      sandboxer show sbx-4f7kq2zd --json
    """
    from sandboxer_cli.cli.answer import say
    from sandboxer_cli.cli.session import client
    from sandboxer_cli.result import sandbox_lines

    with client(inventory, quiet=True) as opened:
        return say(opened.show(reference, host, owner), json, sandbox_lines)


def list_all(
    everyone: Annotated[bool, typer.Option("--all", "-a", help="Of every owner.")] = False,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Ids only.")] = False,
    json: options.Json = False,
) -> int:
    """List sandboxes. A host that does not answer is named, never left out.

    \b
    Examples:
      sandboxer list
      sandboxer list --all --json
    """
    import sys

    from sandboxer_cli import host as hosts
    from sandboxer_cli.cli.answer import say
    from sandboxer_cli.cli.session import client
    from sandboxer_cli.result import render_error, table, when

    with client(inventory, quiet) as opened:
        answer = opened.list_all(host, None if everyone else hosts.owner(owner))
    found = [one for objects in answer.results.values() for one in objects]

    def lines(rows: list[dict[str, Any]]) -> list[str]:
        if quiet:
            return [one["id"] for one in rows]
        columns = ("ID", "NAME", "STATE", "HOST", "OWNER", "PROFILE", "ENDS")
        ends = when if sys.stdout.isatty() else (lambda instant: instant or "-")
        shown = ("name", "state", "host", "owner", "profile")
        cells = [
            [
                one["id"],
                *(str(one.get(key) or "-") for key in shown),
                ends(one.get("expires_at")),
            ]
            for one in rows
        ]
        return table(columns, cells)

    say(found, json, lines)
    for error in answer.failures.values():
        render_error(error, as_json=False)
    return next((error.exit_status for error in answer.failures.values()), 0)


def stop(
    reference: Reference,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
    check: options.Check = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Stop a sandbox. What it holds stays, and its lease runs on.

    \b
    Examples:
      sandboxer stop one
      sandboxer stop sbx-4f7kq2zd --host h1
    """
    from sandboxer_cli.cli.answer import emit, emit_plan
    from sandboxer_cli.cli.session import client
    from sandboxer_cli.result import sandbox_lines

    with client(inventory, quiet) as opened:
        answer = opened.stop(reference, host, owner, check)
    return emit_plan(answer, json) if check else emit(answer, json, quiet, sandbox_lines)


def start(
    reference: Reference,
    deadline: Deadline = None,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
    check: options.Check = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Start a sandbox that is stopped, or put right one that is half dead.

    \b
    Examples:
      sandboxer start one
      sandboxer start sbx-4f7kq2zd --host h1
    """
    from sandboxer_cli.cli.answer import emit, emit_plan
    from sandboxer_cli.cli.session import client
    from sandboxer_cli.result import sandbox_lines

    with client(inventory, quiet) as opened:
        answer = opened.start(reference, host, owner, deadline, check)
    return emit_plan(answer, json) if check else emit(answer, json, quiet, sandbox_lines)


def restart(
    reference: Reference,
    service: Annotated[
        str | None, typer.Argument(help="Service of the sandbox.  [default: all of them]")
    ] = None,
    deadline: Deadline = None,
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
    check: options.Check = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Stop and start a sandbox, or one of its services, and wait until it is ready.

    \b
    Examples:
      sandboxer restart one
      sandboxer restart one web
    """
    from sandboxer_cli.cli.answer import emit, emit_plan
    from sandboxer_cli.cli.session import client
    from sandboxer_cli.result import sandbox_lines

    with client(inventory, quiet) as opened:
        answer = opened.restart(reference, service, host, owner, deadline, check)
    return emit_plan(answer, json) if check else emit(answer, json, quiet, sandbox_lines)


def extend(
    reference: Reference,
    ttl: Annotated[str, typer.Argument(help="How long it lives from now on, as 30m or 1h.")],
    host: options.Host = None,
    owner: options.Owner = None,
    inventory: options.Inventory = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Let a sandbox live longer; never past the maximum that it was made with.

    \b
    Examples:
      sandboxer extend one 1h
      sandboxer extend sbx-4f7kq2zd 45m --host h1
    """
    from sandboxer_cli.cli.answer import emit
    from sandboxer_cli.cli.session import client
    from sandboxer_cli.result import sandbox_lines

    with client(inventory, quiet) as opened:
        answer = opened.extend(reference, ttl, host, owner)
    return emit(answer, json, quiet, sandbox_lines)


def reap(
    host: options.Host = None,
    inventory: options.Inventory = None,
    check: options.Check = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Take away what is due, as each host's own timer does every minute.

    \b
    Examples:
      sandboxer reap
      sandboxer reap --host h1 --dry-run
    """
    from sandboxer_cli.cli.answer import emit
    from sandboxer_cli.cli.session import client

    with client(inventory, quiet) as opened:
        answer = opened.reap(host, check)

    def lines(found: dict[str, Any]) -> list[str]:
        return [f"{one} is {'due' if check else 'gone'}" for one in found["destroyed"]]

    return emit(answer, json, quiet, lines, lambda found: found["destroyed"])
