"""`python -m tests.bench.validation [HOST]`: what `validate run` of a repository that passes costs
beyond create, the test itself and destroy, and how often it speaks to the host.

Create is the program's, of the same repository; test and destroy are as long as the run says. The
connection is open already, and a hub answers on loopback. A round trip is one start of ssh.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sandboxer_cli.result import table
from tests.bench.connections import Connections
from tests.lab.doors import BIN, INVENTORY, Controller, Said
from tests.receiver import receiver

RUNS = 7
WANTED_SECONDS = 1.5
COMPOSE = "services: {web: {image: 'localhost/sandboxer/hello:1', ports: ['80'], init: true}}\n"
CONTRACT = """
version: 1
health: [{service: web, http: {port: 80, path: /}}]
test_command: ./e2e/run.sh
reports: {junit: ["e2e/out/*.xml"], artifacts: ["e2e/out/**"]}
"""
TEST = """#!/bin/sh
echo '<testsuite><testcase name="a"/></testsuite>' > "$E2E_OUT/a.xml"
"""
SSH = """#!/bin/sh
case " $* " in *' -G '* | *' -O '*) ;; *) echo >> '{counted}' ;; esac
exec /usr/bin/ssh "$@"
"""


@dataclass(frozen=True)
class Took:
    """Seconds of a command, and its round trips."""

    said: Said
    seconds: float
    trips: int


class Bench:
    def __init__(self, folder: Path, host: str, hub: str, connections: Connections) -> None:
        self.shop = folder / "shop"
        self._counted = folder / "counted"
        self._host = host
        self._folder = folder
        path = os.pathsep.join([str(folder / "bin"), str(BIN), os.environ["PATH"]])
        told = {**connections.environment, "PATH": path, "SANDBOXER_HUB_URL": hub}
        self._controller = Controller(folder, INVENTORY, told)

    def prepare(self) -> None:
        counting = SSH.format(counted=self._counted)
        for path, text in {
            "bin/ssh": counting,
            "shop/compose.yml": COMPOSE,
            "shop/e2e/e2e.yml": CONTRACT,
            "shop/e2e/run.sh": TEST,
        }.items():
            (self._folder / path).parent.mkdir(exist_ok=True)
            (self._folder / path).write_text(text)
            (self._folder / path).chmod(0o755)
        self._took("sandboxer", "host", "prepare", self._host)  # a test needs its account

    def create(self) -> Took:
        return self._there("sandboxer", "create", str(self.shop), "--name", "bench")

    def destroy(self) -> Took:
        return self._there("sandboxer", "destroy", "bench")

    def validate(self) -> Took:
        return self._there("validate", "run", str(self.shop))

    def _there(self, *words: str) -> Took:
        return self._took(*words, "--host", self._host)

    def _took(self, *words: str) -> Took:
        self._counted.write_text("")
        begun = time.perf_counter()
        said = self._controller.run(*words, "-i", str(INVENTORY), "--json")
        seconds = time.perf_counter() - begun
        if said.status != 0:
            sys.exit(f"bench: {' '.join(words)} ended with {said.status}:\n{said.out}{said.err}")
        return Took(said, seconds, len(self._counted.read_text()))


def main() -> int:
    host = sys.argv[1] if len(sys.argv) > 1 else "h2"
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryDirectory(dir="/tmp") as sockets,
        receiver() as hub,
    ):
        connections = Connections(Path(sockets))
        bench = Bench(Path(home), host, hub.url, connections)
        bench.prepare()
        try:
            bench.validate()  # a first time, which does not count
            rounds = [(bench.create(), bench.destroy(), bench.validate()) for _ in range(RUNS)]
        finally:
            connections.close()
    created, destroyed, validated = (list(each) for each in zip(*rounds, strict=True))
    beyond = [
        done.seconds - made.seconds - phase(done, "test") - phase(done, "destroy")
        for made, _gone, done in rounds
    ]
    rows = [
        ["validate run beyond create, test and destroy, s", shown(beyond), f"{WANTED_SECONDS:.2f}"],
        ["validate run, s", shown([one.seconds for one in validated]), ""],
        *(
            [f"its {name}, s", shown([phase(one, name) for one in validated]), ""]
            for name in ("provision", "health", "test", "collect", "destroy")
        ),
        ["create, s", shown([one.seconds for one in created]), ""],
        ["validate run, round trips", trips(validated), ""],
        ["create, round trips", trips(created), ""],
        ["destroy, round trips", trips(destroyed), ""],
    ]
    print("\n".join(table(["NAME", "MEASURED", "WANTED"], rows)))
    return 0


def phase(took: Took, name: str) -> float:
    return next(float(one["seconds"]) for one in took.said.data["phases"] if one["name"] == name)


def shown(seconds: list[float]) -> str:
    return f"{median(seconds):.2f}"


def trips(took: list[Took]) -> str:
    return f"{median(one.trips for one in took):.0f}"


if __name__ == "__main__":
    sys.exit(main())
