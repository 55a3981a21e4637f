"""A daemon that is there and answers nobody: what waits for it ends, says so, and once it answers
again nothing is left."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab import stand_ins
from tests.lab.command import await_until
from tests.lab.doors import Controller, Said
from tests.lab.hosts import Host
from tests.lab.places import Place
from tests.lab.test_bad_input import SLEEPS, cleanly

pytestmark = [pytest.mark.lab, pytest.mark.soak]

NEVER = "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1000}"
SIGNAL = 'kill "-$1" "$(cat /var/run/docker.pid)"'


@pytest.fixture(scope="module")
def h3(lab: dict[str, Host], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(Controller(tmp_path_factory.mktemp("home")), lab["h3"])
    stand_ins.load(place)
    yield place
    stand_ins.remove(place)


@pytest.fixture
def clean(h3: Place) -> Iterator[Callable[[], None]]:
    yield from cleanly(h3)


@contextmanager
def stopped(place: Place) -> Iterator[None]:
    """Its daemon, as one that hangs: connections are taken, by the kernel, and nobody answers."""
    place.run(["sh", "-c", SIGNAL, "sh", "STOP"])
    try:
        yield
    finally:
        place.run(["sh", "-c", SIGNAL, "sh", "CONT"])


LEFT = "docker ps --all --format '{{.Names}}'; docker network ls --format '{{.Name}}'"


def things(place: Place) -> list[str]:
    """Containers and networks of sandboxes."""
    names = place.run(["sh", "-c", LEFT]).stdout.split()
    return [name for name in names if name.startswith("sbx-")]


def test_while_it_makes(h3: Place, clean: Callable[[], None], tmp_path: Path) -> None:
    """What was made by then nobody can take away: it is said, and the reaper does it later."""
    (tmp_path / "compose.yml").write_text(f"services: {{web: {{{SLEEPS}, {NEVER}}}}}\n")
    words = ("create", str(tmp_path), "--name", "hangs", "--host", "h3", "--json")
    child = h3.controller.start(*h3.controller.program(*words))
    running = ["docker", "ps", "--format", "{{.Names}}"]
    await_until(lambda: "sbx-" in h3.run(running).stdout, 30, "a container runs")
    with stopped(h3):
        began = time.monotonic()
        made = Said(child.wait(timeout=400), *child.communicate())
        assert time.monotonic() - began < 200
    assert (made.status, made.error["code"], made.error["retryable"]) == (7, "engine_failed", True)
    assert re.search("`docker [a-z]+` did not end in [0-9]+ s", made.error["message"]), made
    assert made.error["hint"] == "does `docker ps` answer on the host?"
    await_until(lambda: things(h3) == [], 150, "the reaper has removed what it left")
    clean()


def test_while_it_takes_away(h3: Place, clean: Callable[[], None], tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(f"services: {{web: {{{SLEEPS}}}}}\n")
    made = h3.sandboxer("create", str(tmp_path), "--name", "hangs")
    assert made.status == 0, made
    with stopped(h3):
        refused = h3.sandboxer("destroy", "hangs")
        shown = h3.sandboxer("show", "hangs")
    assert (refused.status, refused.error["code"], refused.error["retryable"]) == (
        10,
        "residue",
        True,
    )
    assert refused.error["message"].startswith("nobody can tell what is left of dir /srv/")
    assert "`docker ps` did not end in 30 s" in refused.error["message"]
    assert "does `docker ps` answer on the host?; the reaper tries" in refused.error["hint"]
    assert (shown.status, shown.data["state"]) == (0, "stuck"), shown
    gone = h3.sandboxer("destroy", "hangs")
    assert (gone.status, gone.data["remains"]) == (0, [])
    clean()
