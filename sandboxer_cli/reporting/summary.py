"""A result as people read it in a terminal: a few lines, the outcome first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandboxer_cli.reporting.result import MOST_FAILURES

CLEANUPS = {
    "destroyed": "taken away",
    "failed": "something of it is left",
    "kept": "kept until its lease ends",
    "none": "never made",
}


def lines(found: Mapping[str, Any]) -> list[str]:
    """Of a result as JSON has it."""
    return list(_lines(found))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    where = f" on {found['host']}" if found["host"] else ""
    yield f"{found['run']}  {found['repo']}  {found['outcome']}{where}"
    yield from (f"  {line}" for line in found["reason"].splitlines())
    if found["error"] and found["error"]["hint"]:
        yield f"  {found['error']['hint']}"
    if phases := _phases(found["phases"]):
        yield f"  phases   {phases}"
    last = {step["name"]: step["attempt"] for step in found["steps"]}
    for step in found["steps"]:
        again = f" (attempt {step['attempt']})" if step["attempt"] > 1 else ""
        how = "timed out" if step["timed_out"] else f"exit {step['exit_code']}"
        yield f"  step     {step['name']}{again}: {how}, {step['seconds']:.1f} s"
        if step["exit_code"] != 0 and step["attempt"] == last[step["name"]]:
            yield from (f"    {line}" for line in step["tail"])
    yield from _tests(found)
    if found["sandbox"]:
        yield f"  sandbox  {found['sandbox']}, {CLEANUPS[found['cleanup']]}"
    if page := found["reports"]["html"]:
        yield f"  reports  {Path(page).parent}"


def _phases(phases: Sequence[Mapping[str, Any]]) -> str:
    said = []
    for one in phases:
        how = "" if one["status"] == "done" else f" ({one['status']})"
        if one["status"] != "skipped":
            said.append(f"{one['name']} {one['seconds']:.1f} s{how}")
    return ", ".join(said)


def _tests(found: Mapping[str, Any]) -> Iterator[str]:
    counts = found["tests"]
    if any(counts.values()):
        yield "  tests    " + ", ".join(f"{n} {name}" for name, n in counts.items())
    failures = found.get("failures", ())
    for one in failures:
        message = f": {one['message']}" if one["message"] else ""
        yield f"    {one['suite']}  {one['name']}{message}"
    more = counts["failed"] + counts["errors"] - len(failures)
    if more > 0 and len(failures) == MOST_FAILURES:
        yield f"    and {more} more"
    for one in found.get("not_counted", ()):
        yield f"  {one['path']} is not counted: {one['why']}"
