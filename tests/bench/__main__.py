"""`python -m tests.bench`: how long a sandbox takes by each way, side by side, on the lab's hosts.

Prints a table and writes it to build/bench.json. Seconds are this machine's of this hour; ratios
within one run are what can be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from sandboxer_cli.result import table
from tests.bench import rounds
from tests.bench.connections import Connections
from tests.bench.contenders import contenders
from tests.bench.rows import Row, rows
from tests.lab.doors import BIN, INVENTORY, ROOT, Controller

WRITTEN = ROOT / "build" / "bench.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--inventory", type=Path, default=INVENTORY)
    parser.add_argument("hosts", nargs="*", default=["h1", "h2"])
    asked = parser.parse_args()
    found: list[Row] = []
    for host in asked.hosts:
        try:
            found += bench(asked.inventory.absolute(), host, asked.runs)
        except rounds.BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(json.dumps([asdict(row) for row in found], indent=2) + "\n")
    cells = [
        [row.name, row.host, f"{row.ratio:.2f}", row.of, f"{row.median_s:.2f}", str(row.runs)]
        for row in found
    ]
    print("\n".join(table(["NAME", "HOST", "RATIO", "OF", "MEDIAN S", "RUNS"], cells)))
    return 0


def bench(inventory: Path, host: str, count: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory(dir="/tmp") as sockets:
        connections = Connections(Path(sockets))
        connections.describe(inventory, host)
        # ansible-runner finds ansible-playbook by PATH
        path = os.pathsep.join([str(BIN), os.environ["PATH"]])
        controller = Controller(Path(home), inventory, {**connections.environment, "PATH": path})
        try:
            spans = rounds.run(
                contenders(inventory, host), controller, connections, count, _said_of(host)
            )
        finally:
            connections.close()
    return rows(host, spans)


def _said_of(host: str) -> Callable[[str], None]:
    return lambda text: print(f"bench: {host}: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
