"""`python -m tests.bench.outbox`: how many outcomes a second the outbox takes, each on disk before
it is answered, and how long `sandboxer events list` takes over 100,000 of them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from sandboxer_cli.reporting.event import KINDS, events_of
from sandboxer_cli.reporting.outbox import Outbox
from sandboxer_cli.result import table
from tests.unit.reporting.runs import passed

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).parent / "sandboxer"
WRITTEN, MANY = 300, 100_000
# more of the first run, two minutes apart
_FILL = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many)
INSERT INTO runs SELECT 'run-' || i, repo, commit_id, host, outcome, cleanup, seconds,
    strftime('%Y-%m-%dT%H:%M:%SZ', '2026-01-01', (i * 2) || ' minutes'),
    strftime('%Y-%m-%dT%H:%M:%SZ', '2026-01-01', (i * 2 + 1) || ' minutes'), result
FROM n, (SELECT * FROM runs LIMIT 1)
"""
_FILL_EVENTS = """
INSERT INTO events (id, run, kind, time, body, state)
SELECT runs.run || kind, runs.run, kind, ended_at, body, 'sent'
FROM runs, (SELECT kind, body FROM events LIMIT 3)
WHERE runs.run NOT IN (SELECT run FROM events)
"""


def main() -> int:
    # on a real disk: /tmp may be memory
    with tempfile.TemporaryDirectory(dir=ROOT) as home:
        path = Path(home) / "sandboxer/events/outbox.db"
        rate = write(path)
        fill(path)
        rows = [
            ["outcomes a second, on disk", f"{rate:.0f}", "100"],
            [f"events list over {MANY:,}, s", f"{listing(home):.2f}", "0.30"],
            ["the same, in the file alone, s", f"{query(path):.4f}", ""],
        ]
    print("\n".join(table(["NAME", "MEASURED", "WANTED"], rows)))
    return 0


def write(path: Path) -> float:
    results = [passed(f"run-first-{n}") for n in range(WRITTEN)]
    with Outbox.at(path) as outbox:
        begun = time.perf_counter()
        for result in results:
            outbox.record(result, events_of(result), KINDS)
        return WRITTEN / (time.perf_counter() - begun)


def fill(path: Path) -> None:
    database = sqlite3.connect(path)
    with database:
        database.execute(_FILL, {"many": MANY})
        database.execute(_FILL_EVENTS)
    database.close()


def listing(home: str) -> float:
    """The whole program, from its start to its end."""
    environment = {**os.environ, "XDG_STATE_HOME": home}
    spans = []
    for _ in range(7):
        begun = time.perf_counter()
        words = [PROGRAM, "events", "list", "--json"]
        subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, check=True)
        spans.append(time.perf_counter() - begun)
    return median(spans)


def query(path: Path) -> float:
    with Outbox.at(path) as outbox:
        begun = time.perf_counter()
        outbox.runs(20)
        outbox.count("pending")
        return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
