"""The verbs on what validations had to tell: list, show, flush."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sandboxer_cli.cli import options

if TYPE_CHECKING:
    from sandboxer_cli.reporting.outbox import State

app = typer.Typer(
    help="Validations, and their events on the way to a hub.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _state(text: str) -> State:
    match text:
        case "sent" | "pending" | "dead" | "off":
            return text
    raise typer.BadParameter("it is sent, pending, dead (the hub refused it) or off (no hub)")


@app.command("list")
def list_all(
    since: Annotated[
        str | None,
        typer.Option(parser=options.text, help="Those since then: 12h, or 2026-11-26T08:00:00Z."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at most.")] = 20,
    before: Annotated[
        str | None, typer.Option(help="Those before this run: the next page after its last.")
    ] = None,
    delivery: Annotated[
        Any,
        typer.Option(parser=_state, help="Those that are sent, pending, dead or off."),
    ] = None,
    json: options.Json = False,
) -> int:
    """List the validations of this machine, the newest first.

    \b
    Examples:
      sandboxer events list --since 12h
      sandboxer events list --delivery dead --json
    """
    from dataclasses import asdict

    from sandboxer_cli.errors import NotFound
    from sandboxer_cli.reporting.outbox import Outbox
    from sandboxer_cli.result import Result, render, span, table
    from sandboxer_cli.ttl import parse_past

    now = datetime.now(UTC)
    start = f"{parse_past(since, now).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if since else ""
    with Outbox.existing() as outbox:
        if before is not None and not outbox.events(before):
            raise NotFound(f"there is no run {before}", "see `sandboxer events list`")
        found = [
            asdict(one) for one in outbox.runs(limit, since=start, before=before, delivery=delivery)
        ]
        waiting = outbox.count("pending")

    def lines(runs: list[dict[str, Any]]) -> list[str]:
        rows = [
            [
                _when(one["ended_at"], now),
                one["repo"],
                _outcome(one),
                one["host"] or "-",
                span(one["seconds"]),
                one["delivery"],
                one["run"],
            ]
            for one in runs
        ]
        said = table(("ENDED", "REPO", "OUTCOME", "HOST", "TOOK", "DELIVERY", "RUN"), rows)
        if sys.stdout.isatty() and waiting:
            said.append(f"{waiting} wait for the hub: `sandboxer events flush` sends them")
        return said

    render(Result(found, lines), json)
    return 0


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="Id of the run.")], json: options.Json = False
) -> int:
    """Show one validation, and what became of its events.

    \b
    Examples:
      sandboxer events show run-4f7kq2zd01
      sandboxer events show run-4f7kq2zd01 --json
    """
    from sandboxer_cli.errors import NotFound
    from sandboxer_cli.reporting.outbox import Outbox
    from sandboxer_cli.result import Result, render

    with Outbox.existing() as outbox:
        result, rows = outbox.result(run), outbox.events(run)
    if result is None:
        raise NotFound(f"there is no run {run}", "see `sandboxer events list`")
    events = [
        {
            "kind": row.kind,
            "state": row.state,
            "attempts": row.attempts,
            "reason": row.reason,
            "sent_at": row.sent_at,
            "event": row.body,
        }
        for row in rows
    ]
    render(Result({"result": result.as_dict(), "events": events}, _lines), json)
    return 0


@app.command()
def flush(
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="Also what the hub refused, or said to be gone for, or was told to none."
        ),
    ] = False,
    timeout: Annotated[str, typer.Option(help="How long it may take.")] = "1m",
    json: options.Json = False,
) -> int:
    """Send to the hub what it hasn't got yet.

    The exit status is 0 where nothing waits any more, 12 where the same may help later, 5 where
    the hub said no.

    \b
    Examples:
      sandboxer events flush
      sandboxer events flush --all --timeout 5m
    """
    from dataclasses import asdict, replace

    from sandboxer_cli.errors import Conflict, TryAgain, Usage
    from sandboxer_cli.reporting.delivery import FLUSH, deliver
    from sandboxer_cli.reporting.hub import hub
    from sandboxer_cli.reporting.outbox import Outbox
    from sandboxer_cli.result import Result, render
    from sandboxer_cli.ttl import parse_timeout

    limits = replace(FLUSH, seconds=parse_timeout(timeout))
    to = hub()
    if to is None:
        raise Usage(
            "no hub is set up",
            "set SANDBOXER_HUB_URL, or write hub.yml: docs/how-to/report-to-a-hub.md",
            code="hub_missing",
        )
    with Outbox.existing() as outbox:
        if every:
            outbox.send_again(to.events)
        done = deliver(outbox, to, limits)
        data = {"hub": to.shown, **asdict(done), "pending": outbox.count("pending")}

    def lines(said: dict[str, Any]) -> list[str]:
        counts = f"{said['sent']} sent, {said['dead']} refused, {said['pending']} wait"
        return [f"{said['hub']}: {counts}", *([f"  {said['reason']}"] if said["reason"] else [])]

    render(Result(data, lines), json)
    if done.dead or (done.reason and not done.retryable):
        return Conflict.exit_status
    return TryAgain.exit_status if done.reason else 0


def _outcome(run: dict[str, Any]) -> str:
    more = {"failed": " (left behind)", "kept": " (kept)"}
    return f"{run['outcome']}{more.get(run['cleanup'], '')}"


def _when(instant: str, now: datetime) -> str:
    from sandboxer_cli.result import when

    if not sys.stdout.isatty():
        return instant
    at = datetime.fromisoformat(instant)
    return when(instant, now) if (now - at).days < 1 else f"{at:%Y-%m-%d %H:%M} UTC"


def _lines(data: dict[str, Any]) -> list[str]:
    found = data["result"]
    changed = ", with changes" if found["dirty"] else ""
    lines = [
        f"{found['run']}  {_outcome(found)}",
        f"  repo     {found['repo']} {found['commit'][:12]}{changed}",
        f"  host     {found['host'] or '-'}, sandbox {found['sandbox'] or '-'}",
        f"  ended    {found['ended_at']}",
    ]
    if found["reason"]:
        lines.append(f"  reason   {found['reason']}")
    if found["error"]:
        lines.append(f"  error    {found['error']['message']} [{found['error']['code']}]")
    lines += [
        f"  phase    {one['name']}: {one['status']}, {one['seconds']:.1f} s"
        for one in found["phases"]
    ]
    counts = ", ".join(f"{count} {word}" for word, count in found["tests"].items() if count)
    lines += [f"  tests    {counts}"] if counts else []
    for one in data["events"]:
        told = f"sent {one['sent_at']}" if one["sent_at"] else one["state"]
        tries = f", tried {one['attempts']} times" if one["attempts"] > 1 else ""
        lines.append(f"  event    {one['kind']}: {told}{tries}")
        lines += [f"           {one['reason']}"] if one["reason"] else []
    return lines
