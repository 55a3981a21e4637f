"""The hosts' own compose programs as makers: podman-compose 1.0.3 on h1, 1.3.0 on h2."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.lab import stand_ins
from tests.lab.doors import Controller, recap
from tests.lab.hosts import Host
from tests.lab.places import Place
from tests.lab.test_compose import FILES, NEIGHBOURS, SAYS

pytestmark = pytest.mark.lab

VERSIONS = {"h1": "1.0.3", "h2": "1.3.0"}
COMPOSE = "podman-compose"


@pytest.fixture(scope="module", params=VERSIONS)
def place(
    request: pytest.FixtureRequest, lab: dict[str, Host], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """With the images that the files want, and the program that it is all about."""
    environment = {"SANDBOXER_COMPOSE_CMD": COMPOSE}
    controller = Controller(tmp_path_factory.mktemp("home"), environment=environment)
    found = Place(controller, lab[request.param])
    assert VERSIONS[request.param] in found.run([COMPOSE, "--version"]).stdout
    stand_ins.load(found)
    found.sandboxer("create", "--profile", "profile.hello", "--name", "warm")
    found.sandboxer("destroy", "warm")
    yield found
    stand_ins.remove(found)


@pytest.fixture
def clean(place: Place) -> Iterator[Callable[[], None]]:
    """A function that compares the place with what it was before."""
    before = place.listing()

    def assert_clean() -> None:
        assert place.listing() == before

    yield assert_clean
    for found in place.sandboxer("list").data:
        place.sandboxer("destroy", found["id"])


def test_hello_by_the_program(place: Place, clean: Callable[[], None]) -> None:
    message = "\U0001f389 $HOME ${A:-b} $$\n"
    words = ("create", "--profile", "profile.hello", "--name", "one", "--set", f"message={message}")
    made = place.sandboxer(*words)
    assert made.status == 0, made
    assert (made.data["changed"], made.data["state"]) == (True, "ready")
    assert (made.data["maker"], made.data["compose_cmd"]) == ("compose", COMPOSE)
    [endpoint] = made.data["reachability"]["endpoints"]
    assert place.fetch(endpoint).startswith(message)
    labels = place.run(
        ["podman", "inspect", "--format", "{{.Config.Labels}}", f"{made.data['id']}.web"]
    ).stdout
    assert f"com.docker.compose.project:{made.data['id']}" in labels  # it was made by it, really

    again = place.sandboxer(*words)
    assert again.data == {**made.data, "changed": False}

    gone = place.sandboxer("destroy", "one")
    assert (gone.status, gone.data["changed"], gone.data["remains"]) == (0, True, [])
    clean()


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=() if one == "queue" else pytest.mark.soak) for one in SAYS]
)
def test_a_file_by_the_playbook(place: Place, clean: Callable[[], None], name: str) -> None:
    assert place.host is not None
    host = place.host.name
    # the environment names another one: the variable wins
    words = {"host": host, "name": name, "source": str(FILES / name), "compose_cmd": COMPOSE}
    elsewhere = Controller(place.controller.home, environment={"SANDBOXER_COMPOSE_CMD": "nowhere"})
    first = elsewhere.playbook("create", **words)
    assert first.status == 0, first
    assert recap(first, host)["changed"] == 1
    again = elsewhere.playbook("create", **words)
    assert recap(again, host)["changed"] == 0

    shown = place.sandboxer("show", name).data
    assert (shown["maker"], shown["compose_cmd"]) == ("compose", COMPOSE)
    endpoints = {each["port"]: each for each in shown["reachability"]["endpoints"]}
    for port, text in SAYS[name].items():
        assert text in place.fetch(endpoints[port])
    if name in NEIGHBOURS:
        port, neighbour, text = NEIGHBOURS[name]
        assert text in place.fetch(endpoints[port], f"/cgi-bin/of?{neighbour}")

    gone = elsewhere.playbook("destroy", host=host, name=name)
    assert recap(gone, host)["changed"] == 1
    clean()


def test_one_container_is_put_right(place: Place, clean: Callable[[], None]) -> None:
    """With a file of that one alone: 1.3.0 takes away what it finds of another file's."""
    made = place.sandboxer("create", str(FILES / "queue"), "--name", "queue").data
    inspect = ["podman", "inspect", "--format", "{{.Name}} {{.Id}}"]
    names = place.run(["podman", "ps", "--format", "{{.Names}}"]).stdout.split()
    names = sorted(one for one in names if one.startswith(made["id"]))
    before = place.run([*inspect, *names]).stdout.splitlines()
    place.run(["podman", "rm", "--force", "--time", "1", names[0]])
    put_right = place.sandboxer("create", str(FILES / "queue"), "--name", "queue")
    assert (put_right.status, put_right.data["changed"]) == (0, True), put_right
    after = place.run([*inspect, *names]).stdout.splitlines()
    assert (after[0] != before[0], after[1:]) == (True, before[1:])
    place.sandboxer("destroy", "queue")
    clean()


def test_its_failure_is_ours(place: Place, clean: Callable[[], None]) -> None:
    """1.0.3 answers 0 to it."""
    words = ("create", "--profile", "profile.hello", "--name", "one", "--compose-cmd")
    failed = place.sandboxer(*words, f"{COMPOSE} --podman-run-args=--nonsense")
    assert (failed.status, failed.error["code"]) == (7, "compose_failed"), failed
    assert "unknown flag: --nonsense" in failed.error["message"]
    assert place.sandboxer("destroy", "one").status == 0
    clean()


def test_one_that_is_not_there(place: Place, clean: Callable[[], None]) -> None:
    words = ("create", "--profile", "profile.hello", "--name", "one", "--compose-cmd")
    refused = place.sandboxer(*words, "/none/podman-compose up")
    assert (refused.status, refused.error["code"]) == (7, "compose_program_missing")
    assert place.sandboxer("list").data == []
    clean()


def test_podman_that_hands_on_to_it(place: Place, clean: Callable[[], None]) -> None:
    """From 4.7 on; before, podman takes `compose` for no command of its own."""
    words = ("create", "--profile", "profile.hello", "--name", "one", "--compose-cmd")
    made = place.sandboxer(*words, "podman compose")
    assert place.host is not None
    if place.host.name == "h1":
        assert (made.status, made.error["code"]) == (7, "compose_program_missing"), made
        assert "there is no podman compose on this host" in made.error["message"]
    else:
        assert (made.status, made.data["state"]) == (0, "ready"), made
        asked = ["podman", "inspect", "--format", "{{.Config.Labels}}", f"{made.data['id']}.web"]
        assert "io.podman.compose.version:" in place.run(asked).stdout
        again = place.sandboxer(*words, "podman compose")
        assert again.data == {**made.data, "changed": False}
        assert place.sandboxer("destroy", "one").data["remains"] == []
    clean()


@pytest.mark.parametrize(
    "command",
    [
        "podman kube",
        *(pytest.param(one, marks=pytest.mark.soak) for one in ("nerdctl compose", "podman")),
    ],
)
def test_one_that_nobody_knows(place: Place, clean: Callable[[], None], command: str) -> None:
    words = ("create", "--profile", "profile.hello", "--name", "one", "--compose-cmd", command)
    refused = place.sandboxer(*words)
    assert (refused.status, refused.error["code"]) == (2, "usage"), refused
    assert "is no compose program that is known" in refused.error["message"]
    assert "podman-compose, podman compose, docker compose" in refused.error["hint"]
    clean()
