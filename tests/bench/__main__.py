"""`python -m tests.bench`: how long a sandbox takes by each way, side by side, on the lab's hosts.

Prints a table and writes it to build/bench.json. Seconds are this machine's of this hour; ratios
within one run are what can be compared, and what the limits are for.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sandboxer_cli import connection
from sandboxer_cli.result import table
from tests.bench import rounds
from tests.bench.connections import Connections
from tests.bench.contenders import Contender, alone, many_on_one, on_one_host, on_three
from tests.bench.rows import Row, rows
from tests.lab.doors import BIN, INVENTORY, ROOT, Controller

WRITTEN = ROOT / "build" / "bench.json"
MANY = 8


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--inventory", type=Path, default=INVENTORY)
    parser.add_argument(
        "--three", default="h1,h2,h3", help="hosts for one command; an empty word: none"
    )
    parser.add_argument("hosts", nargs="*", default=["h1", "h2"])
    asked = parser.parse_args()
    three = [host for host in asked.three.split(",") if host]
    try:
        found = bench(asked.inventory.absolute(), asked.hosts, three, asked.runs)
    except rounds.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(json.dumps([asdict(row) for row in found], indent=2) + "\n")
    print("\n".join(_shown(found)))
    return 0


def bench(inventory: Path, hosts: Sequence[str], three: Sequence[str], count: int) -> list[Row]:
    """The rows of all hosts."""
    everywhere = list(dict.fromkeys([*hosts, *three]))
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory(dir="/tmp") as sockets:
        connections = Connections(Path(sockets))
        connections.describe(inventory, everywhere)
        # ansible-runner finds ansible-playbook by PATH
        path = os.pathsep.join([str(BIN), os.environ["PATH"]])
        controller = Controller(Path(home), inventory, {**connections.environment, "PATH": path})
        try:
            _have_image(controller, hosts)
            three = _able(controller, three)
            contenders = _contenders(inventory, Path(home), hosts, three)
            return rows(rounds.run(contenders, controller, connections, count, _say))
        finally:
            connections.close()


def _contenders(
    inventory: Path, home: Path, hosts: Sequence[str], three: Sequence[str]
) -> list[Contender]:
    found = [one for host in hosts for one in on_one_host(inventory, host)]
    # three hosts are held against the slowest of them
    found += [alone(inventory, host) for host in three if host not in hosts]
    found.append(many_on_one(_with_many(inventory, home, hosts[0]), hosts[0], "many"))
    return [*found, *([on_three(inventory, three)] if three else [])]


def _with_many(inventory: Path, home: Path, host: str) -> Path:
    """The inventory with a group `many`: one host under many names, each with a sandbox."""
    copied = home / "inventory"
    shutil.copytree(inventory, copied)
    reached = connection.reach(host, [inventory]).ssh or {}
    named = {
        f"many-{number}": {"ansible_host": reached["host"], "sandboxer_name": f"bench-{number}"}
        for number in range(1, MANY + 1)
    }
    (copied / "many.yml").write_text(json.dumps({"many": {"hosts": named}}))
    return copied


def _have_image(controller: Controller, hosts: Sequence[str]) -> None:
    """profile.hello makes it where it is missing."""
    where = ("--host", ",".join(hosts))
    for words in (
        ("create", "--profile", "profile.hello", "--name", "bench"),
        ("destroy", "bench"),
    ):
        rounds.seconds_of(controller, tuple(controller.program(*words, *where)))


def _able(controller: Controller, hosts: Sequence[str]) -> Sequence[str]:
    """These hosts, where all can make sandboxes; else none."""
    if not hosts:
        return []
    try:
        _have_image(controller, hosts)
    except rounds.BenchError as error:
        _say(f"not timed on {', '.join(hosts)} at once: {error}")
        return []
    return hosts


def _shown(found: Sequence[Row]) -> list[str]:
    cells = [
        [
            row.name,
            row.host,
            f"{row.ratio:.2f}",
            "" if row.limit is None else f"{row.limit:.2f}",
            {None: "", True: "yes", False: "NO"}[row.met],
            row.of,
            f"{row.median_s:.2f}",
            str(row.runs),
        ]
        for row in found
    ]
    return table(["NAME", "HOST", "RATIO", "LIMIT", "MET", "OF", "MEDIAN S", "RUNS"], cells)


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
