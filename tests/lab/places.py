"""Where sandboxes are made: this machine and the lab's hosts, each with its own way to look."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab import command
from tests.lab.command import LabError
from tests.lab.doors import Controller, Said
from tests.lab.hosts import Host
from tests.lab.listing import whole_listing

HERE = "this machine"
FETCH = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"
# what the kernel hands out to whoever asks for any port: on this machine others work, too
FIRST_EPHEMERAL_PORT = 32768
SETTLING = 10.0


@dataclass(frozen=True)
class Place:
    """`host` is None for this machine."""

    controller: Controller
    host: Host | None

    def sandboxer(self, verb: str, *words: str) -> Said:
        """The program on this place, answering in JSON."""
        where = ("--host", self.host.name) if self.host else ()
        return self.controller.sandboxer(verb, *words, *where, "--json")

    def run(
        self, argv: Sequence[str], stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """A command as root there, past the product."""
        if self.host:
            return self.host.run(argv, check=check, stdin=stdin)
        return command.run(argv, check=check, stdin=stdin)

    def listing(self) -> dict[str, list[str]]:
        found = whole_listing(self.run)
        if self.host is None:
            found["ports"] = [
                line
                for line in found["ports"]
                if int(line.rpartition(":")[2]) < FIRST_EPHEMERAL_PORT
            ]
        return found

    def assert_as(self, before: Mapping[str, list[str]]) -> None:
        """The whole listing is what it was before; docker's folders go a moment later."""
        with contextlib.suppress(LabError):  # said better by what differs
            command.await_until(lambda: self.listing() == before, SETTLING, "all is as it was")
        now = self.listing()
        assert now == before, [{*now[part]} ^ {*before[part]} for part in before]

    def fetch(self, endpoint: Mapping[str, Any], path: str = "/") -> str:
        """A page from the address in the object. Without a probe its scheme is tcp."""
        _, _, address = endpoint["url"].partition("://")
        return self.run(["python3", "-c", FETCH, f"http://{address}{path}"]).stdout
