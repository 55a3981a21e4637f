"""A command inside a sandbox and its logs, through the program, on a host with docker."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_inside import EVERY_BYTE, HARD_WORDS
from tests.lab import stand_ins
from tests.lab.command import await_until
from tests.lab.doors import ROOT, Controller
from tests.lab.hosts import Host
from tests.lab.places import Place
from tests.lab.test_bad_input import IMAGE

pytestmark = [pytest.mark.lab, pytest.mark.soak]

TALK = "echo {0} out; echo {0} err >&2; exec sleep 1000"
SERVICE = "{{image: '{image}', init: true, command: [sh, -c, '{line}']}}"


@pytest.fixture(scope="module")
def h3(lab: dict[str, Host], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """With a sandbox of two services that say something."""
    place = Place(Controller(tmp_path_factory.mktemp("home")), lab["h3"])
    stand_ins.load(place)
    before = place.listing()
    folder = tmp_path_factory.mktemp("talking")
    services = {name: SERVICE.format(image=IMAGE, line=TALK.format(name)) for name in ("web", "db")}
    lines = "".join(f"  {name}: {text}\n" for name, text in services.items())
    (folder / "compose.yml").write_text(f"services:\n{lines}")
    made = place.sandboxer("create", str(folder), "--name", "talks")
    assert made.status == 0, made
    yield place
    assert place.sandboxer("destroy", "talks").data["remains"] == []
    place.assert_as(before)
    stand_ins.remove(place)


def begin(place: Place, verb: str, *words: str) -> subprocess.Popen[bytes]:
    argv = place.controller.program(verb, "--host", "h3", *words)
    return subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={
            "HOME": str(place.controller.home),
            "PATH": "/usr/bin:/bin",
            "SANDBOXER_OWNER": "tester",
        },
    )


def run(place: Place, verb: str, *words: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    child = begin(place, verb, *words)
    out, err = child.communicate(stdin, timeout=60)
    return child.returncode, out, err


def inside(place: Place, *words: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    return run(place, "exec", "talks", "web", "--", *words, stdin=stdin)


def test_words_arrive_as_they_are(h3: Place) -> None:
    script = 'for word; do printf "%s|" "$word"; done'
    status, out, err = inside(h3, "sh", "-c", script, "sh", *HARD_WORDS)
    assert (status, out.decode(), err) == (0, "".join(f"{word}|" for word in HARD_WORDS), b"")


def test_streams_are_apart_and_whole(h3: Place) -> None:
    status, out, err = inside(h3, "cat", stdin=EVERY_BYTE)
    assert (status, out == EVERY_BYTE, err) == (0, True, b"")
    status, out, err = inside(h3, "sh", "-c", "cat >&2; echo out", stdin=EVERY_BYTE)
    assert (status, out, err == EVERY_BYTE) == (0, b"out\n", True)


@pytest.mark.parametrize("status", [0, 7, 125, 255])
def test_the_exit_status_is_the_commands_own(h3: Place, status: int) -> None:
    assert inside(h3, "sh", "-c", f"exit {status}") == (status, b"", b"")


def test_who_stops_it_ends_it_there(h3: Place) -> None:
    child = begin(h3, "exec", "talks", "web", "--", "sh", "-c", "echo up; sleep 777")
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    await_until(lambda: not runs(h3, "sleep 777"), 20, "it has ended inside")


def runs(place: Place, words: str) -> bool:
    return any(
        line.endswith(words) for line in place.run(["ps", "-ww", "-eo", "args"]).stdout.splitlines()
    )


def test_logs_of_one_and_of_all(h3: Place) -> None:
    assert run(h3, "logs", "talks", "web") == (0, b"web out\n", b"web err\n")
    status, out, err = run(h3, "logs", "talks")
    assert status == 0
    assert sorted(out.splitlines()) == [b"db  | db out", b"web | web out"]
    assert sorted(err.splitlines()) == [b"db  | db err", b"web | web err"]


def test_logs_since(h3: Place) -> None:
    assert run(h3, "logs", "talks", "web", "--since", "600s")[:2] == (0, b"web out\n")
    later = ("--since", "2100-01-01T00:00:00+00:00")
    assert run(h3, "logs", "talks", "web", *later) == (0, b"", b"")


def test_following_goes_on_over_a_restart_and_ends_with_the_sandbox(
    h3: Place, tmp_path: Path
) -> None:
    web = SERVICE.format(image=IMAGE, line=TALK.format("web"))
    (tmp_path / "compose.yml").write_text(f"services: {{web: {web}}}\n")
    assert h3.sandboxer("create", str(tmp_path), "--name", "followed").status == 0
    child = begin(h3, "logs", "followed", "web", "--follow")
    assert child.stdout is not None
    assert child.stdout.readline() == b"web out\n"
    assert h3.sandboxer("restart", "followed", "web").status == 0
    assert child.stdout.readline() == b"web out\n"
    assert h3.sandboxer("destroy", "followed").data["remains"] == []
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (0, b"")
    assert set(err.splitlines()) == {b"web err"}
