"""All reports of a run, from its result and what came back of it, in the run's own folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from sandboxer_cli.reporting import ctrf, junit, page
from sandboxer_cli.reporting.case import Tally
from sandboxer_cli.reporting.result import MOST_FAILURES, Failure, Reports, RunResult

_LONGEST_MESSAGE = 300


def write(found: RunResult, tests: Tally, folder: Path) -> RunResult:
    """The result with its reports, and with what its tests say. The result itself is written last.

    Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = {
        "junit": folder / "junit.xml",
        "ctrf": folder / "ctrf.json",
        "html": folder / "index.html",
        "json": folder / "result.json",
    }
    found = replace(
        found,
        failures=tuple(
            Failure(one.suite, one.name, _short(one.message)) for one in tests.red[:MOST_FAILURES]
        ),
        not_counted=tests.not_counted,
        reports=Reports(**{name: str(path) for name, path in paths.items()}),
    )
    junit.write(found, tests, paths["junit"])
    _write(paths["ctrf"], json.dumps(ctrf.document(found, tests), ensure_ascii=False, indent=1))
    _write(paths["html"], page.render(found, tests, folder))
    _write(paths["json"], found.to_json())
    return found


def _write(path: Path, text: str) -> None:
    """What UTF-8 can't hold is written as JSON escapes it."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"
