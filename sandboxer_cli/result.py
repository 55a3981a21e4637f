"""What a verb hands back, and the one place where it is printed: for people, or as JSON.

Results alone go to standard output; progress and errors for people go to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

from sandboxer_cli.errors import SandboxerError


@dataclass(frozen=True)
class Result:
    """`data` is what `--json` prints; `text` gives the same as lines for people."""

    data: Any
    text: Callable[[Any], Sequence[str]]
    exit_status: int = 0


def render(result: Result, as_json: bool, out: TextIO | None = None) -> None:
    out = out or sys.stdout
    if as_json:
        out.write(json.dumps(result.data, ensure_ascii=False, indent=2) + "\n")
    else:
        out.writelines(f"{printable(line)}\n" for line in result.text(result.data))
    out.flush()


def render_error(error: SandboxerError, as_json: bool, program: str = "sandboxer") -> None:
    """An error is an object on standard output with `--json`, and two lines on standard error."""
    if as_json:
        sys.stdout.write(json.dumps(error_data(error), ensure_ascii=False, indent=2) + "\n")
        sys.stdout.flush()
        return
    first, *rest = error.detail.message.splitlines() or [error.detail.code]
    sys.stderr.write(f"{program}: {printable(first)} [{error.detail.code}]\n")
    sys.stderr.writelines(f"    {printable(line)}\n" for line in rest)
    if error.detail.hint:
        sys.stderr.write(f"  {printable(error.detail.hint)}\n")


def error_data(error: SandboxerError) -> dict[str, Any]:
    return {"error": error.detail.as_dict()}


def printable(text: str) -> str:
    """Text from hosts and users without what could drive the terminal that it is shown on."""
    return "".join(c if c.isprintable() or c == "\t" else "�" for c in text)


def when(instant: str | None, now: datetime | None = None) -> str:
    """An instant for people: "in 24 min, 14:05 UTC"."""
    if not instant:
        return "-"
    at = datetime.fromisoformat(instant)
    seconds = (at - (now or datetime.now(UTC))).total_seconds()
    distance = span(abs(seconds))
    relative = f"in {distance}" if seconds >= 0 else f"{distance} ago"
    return f"{relative}, {at:%H:%M} UTC"


def span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO | None = None
) -> list[str]:
    """Columns for a terminal; tabs and no header elsewhere, so that a script can cut them."""
    if not (out or sys.stdout).isatty():
        return ["\t".join(row) for row in rows]
    widths = [max(len(row[n]) for row in [header, *rows]) for n in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]


def sandbox_lines(found: Mapping[str, Any]) -> list[str]:
    """One object, as people read it."""
    lines = [f"{found['id']}  {found['name']}  {found['state']} on {found['host']}"]
    for endpoint in found["reachability"].get("endpoints", []):
        where = "everywhere" if endpoint["scope"] == "host" else "on that host only"
        lines.append(f"  {endpoint['service']}:{endpoint['port']}  {endpoint['url']}  ({where})")
    lines.append(f"  folder   {found['reachability'].get('remote_dir', '-')}")
    lines.append(f"  ends     {when(found['expires_at'])}")
    if found["reaper"] != "ok":
        lines.append(f"  reaper   {found['reaper']}: {_REAPER[found['reaper']]}")
    if found.get("error"):
        lines.append(f"  error    {found['error']['message']}")
    lines.append(f"  destroy  {found['cleanup_command']}")
    return lines


_REAPER = {
    "none": "nothing there ends it by itself; see `sandboxer host prepare`",
    "late": "it has not run for three minutes, so nothing on that host ends it",
}


def receipt_lines(receipt: Mapping[str, Any]) -> list[str]:
    lines = [f"{receipt['id']} is gone from {receipt['host']}"]
    lines += [f"  removed  {item['kind']} {item['key']}" for item in receipt.get("removed", [])]
    return [*lines, "  looked again: nothing is left"]
