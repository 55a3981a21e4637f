"""What goes wrong on a host with docker, through the program: the same codes and hints as with
podman, and nothing left."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.registry import FakeRegistry, serving
from tests.lab import stand_ins
from tests.lab.access import ssh_argv
from tests.lab.doors import Controller, Said
from tests.lab.hosts import Host
from tests.lab.places import Place
from tests.lab.test_bad_input import BROKEN, BROKEN_KEYS, IMAGE, SLEEPS, assert_broken, cleanly

pytestmark = pytest.mark.lab
SOAK = pytest.mark.soak

QUICKEST = 1
LISTEN = """
import socket, sys
held = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def h3(lab: dict[str, Host], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(Controller(tmp_path_factory.mktemp("home")), lab["h3"])
    stand_ins.load(place)
    yield place
    stand_ins.remove(place)


@pytest.fixture
def clean(h3: Place) -> Iterator[Callable[[], None]]:
    yield from cleanly(h3)


def create(place: Place, folder: Path, compose: str, *words: str) -> Said:
    (folder / "compose.yml").write_text(compose)
    return place.sandboxer("create", str(folder), "--name", "broken", *words)


@pytest.mark.parametrize(
    BROKEN_KEYS,
    [*BROKEN[:QUICKEST], *(pytest.param(*one, marks=SOAK) for one in BROKEN[QUICKEST:])],
)
def test_a_stack_that_does_not_come_up(
    h3: Place,
    clean: Callable[[], None],
    tmp_path: Path,
    services: str,
    status: int,
    code: str,
    stage: str,
    said: str,
) -> None:
    assert_broken(h3, tmp_path, services, status, code, stage, said)
    clean()


@SOAK
def test_a_health_check_that_hangs(h3: Place, clean: Callable[[], None], tmp_path: Path) -> None:
    """It is given up, and doesn't go on inside."""
    check = "{test: [CMD, sleep, '777'], interval: 1s, timeout: 1s, retries: 2}"
    made = create(h3, tmp_path, f"services: {{web: {{{SLEEPS}, healthcheck: {check}}}}}\n")
    assert (made.status, made.error["code"], made.error["stage"]) == (8, "not_ready", "ready"), made
    assert "no end within 1 s" in made.error["message"]
    assert made.error["hint"]
    assert "sleep 777" not in h3.run(["ps", "-ww", "-eo", "args"]).stdout
    clean()


@SOAK
def test_one_that_ends_again_and_again(
    h3: Place, clean: Callable[[], None], tmp_path: Path
) -> None:
    web = f"{{image: '{IMAGE}', restart: always, command: [sh, -c, 'exit 3']}}"
    made = create(h3, tmp_path, f"services: {{web: {web}}}\n", "--deadline", "5s")
    assert (made.status, made.error["code"]) == (8, "not_ready"), made
    assert "not ready after 5 s: service web end" in made.error["message"]
    assert "a longer --deadline" in made.error["hint"]
    clean()


@SOAK
@pytest.mark.parametrize(
    ("step", "said"),
    [("RUN echo first; echo last words >&2; exit 7", "last words"), ("COPY nothing /", "nothing")],
)
def test_a_build_that_fails(
    h3: Place, clean: Callable[[], None], tmp_path: Path, step: str, said: str
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\n{step}\n")
    made = create(h3, tmp_path, "services: {web: {build: .}}\n")
    assert (made.status, made.error["code"], made.error["stage"]) == (7, "build_failed", "build")
    assert "its last lines:" in made.error["message"]
    assert said in made.error["message"]
    assert "by hand" in made.error["hint"]
    clean()


@SOAK
def test_a_port_that_a_stranger_takes(h3: Place, clean: Callable[[], None], tmp_path: Path) -> None:
    """While the sandbox is stopped: it starts with another one, and says which."""
    made = create(h3, tmp_path, f"services: {{web: {{{SLEEPS}, ports: ['80']}}}}\n")
    assert made.status == 0, made
    first = made.data["reachability"]["endpoints"][0]["host_port"]
    assert h3.sandboxer("stop", "broken").status == 0
    with listening(h3, first):
        started = h3.sandboxer("start", "broken")
        assert (started.status, started.data["state"]) == (0, "ready"), started
        [endpoint] = started.data["reachability"]["endpoints"]
        assert endpoint["host_port"] != first
        assert str(endpoint["host_port"]) in endpoint["url"]
    assert h3.sandboxer("destroy", "broken").data["remains"] == []
    clean()


@contextmanager
def listening(place: Place, port: int) -> Iterator[None]:
    """A stranger on the host."""
    assert place.host is not None
    stranger = subprocess.Popen(
        ssh_argv(place.host, "python3", "-c", f"'{LISTEN}'", str(port)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert stranger.stdout is not None
    try:
        assert stranger.stdout.readline() == b"\n"
        yield
    finally:
        stranger.communicate()


# Images of a registry


@pytest.fixture
def registry(h3: Place, tmp_path: Path) -> Iterator[FakeRegistry]:
    """On the host's loopback, from where docker takes it without TLS."""
    assert h3.host is not None
    with serving(tmp_path) as (found, _settings):
        forward = f"127.0.0.1:{found.port}:127.0.0.1:{found.port}"
        argv = ssh_argv(h3.host, "sh", "-c", "'echo; cat'")
        link = subprocess.Popen(
            [argv[0], "-R", forward, "-o", "ExitOnForwardFailure=yes", *argv[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert link.stdout is not None
        try:
            assert link.stdout.readline() == b"\n"
            yield found
        finally:
            link.communicate()
            h3.run(["docker", "rmi", "--force", found.name], check=False)


def pull(place: Place, folder: Path, registry: FakeRegistry, *words: str) -> Said:
    source = folder / "pulling"
    source.mkdir(exist_ok=True)
    return create(place, source, f"services: {{web: {{image: '{registry.name}'}}}}\n", *words)


@SOAK
def test_an_image_for_another_machine(
    h3: Place, registry: FakeRegistry, clean: Callable[[], None], tmp_path: Path
) -> None:
    registry.publish(architecture="s390x")
    made = pull(h3, tmp_path, registry)
    assert (made.status, made.error["code"], made.error["stage"]) == (
        7,
        "image_unavailable",
        "pull",
    )
    assert "s390x" in made.error["message"]
    assert made.error["hint"]
    h3.run(["docker", "rmi", "--force", registry.name], check=False)
    clean()


@SOAK
def test_a_registry_that_wants_a_login(
    h3: Place, registry: FakeRegistry, clean: Callable[[], None], tmp_path: Path
) -> None:
    registry.login = "me:s3cret-word"
    made = pull(h3, tmp_path, registry)
    assert (made.status, made.error["code"], made.error["stage"]) == (
        7,
        "image_unavailable",
        "pull",
    )
    assert made.error["hint"]
    clean()
    login = base64.b64encode(b"me:s3cret-word").decode()
    auths = {"auths": {f"127.0.0.1:{registry.port}": {"auth": login}}}
    file = "/root/sandboxer-test-auth.json"
    h3.run(["sh", "-c", f"umask 077; cat > {file}"], stdin=json.dumps(auths))
    try:
        made = pull(h3, tmp_path, registry, "--auth-file", file)
        assert (made.status, made.data["state"]) == (0, "ready"), made
        kept = h3.run(
            ["grep", "-r", "-e", login, "-e", "s3cret-word", "/var/lib/sandboxer"], check=False
        )
        assert (kept.returncode, kept.stdout) == (1, "")
    finally:
        h3.run(["rm", "-f", file])
        h3.sandboxer("destroy", "broken")
        h3.run(["docker", "rmi", "--force", registry.name], check=False)
    clean()
