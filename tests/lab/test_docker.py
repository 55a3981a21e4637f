"""docker as the engine: h3 has no podman. Its daemon works on whatever becomes of who asked."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.faults.conftest import create_request
from tests.lab.command import await_until
from tests.lab.doors import Controller, recap
from tests.lab.hosts import Host
from tests.lab.listing import whole_listing
from tests.lab.places import FETCH

pytestmark = [pytest.mark.lab, pytest.mark.on("h3")]

STATE = "/var/lib/sandboxer"
PROGRAM = ("/usr/bin/python3", "-I", "-S", f"{STATE}/programs/read-1.pyz")
HELLO = ("create", "--profile", "profile.hello", "--host", "h3", "--name", "one", "--json")
MAKING = ("made-network", "made-start")
DESTROYING = ("removed-container",)
SOAK = pytest.mark.soak
MORE_MAKING = ("make-network", "made-volume", "made-container")
MORE_DESTROYING = ("remove-network", "removed-network", "removed-volume")


@pytest.fixture(scope="module")
def controller(lab: dict[str, Host], tmp_path_factory: pytest.TempPathFactory) -> Controller:
    """With h3 prepared, and all images there: they are caches."""
    made = Controller(tmp_path_factory.mktemp("home"))
    assert made.sandboxer("host", "prepare", "h3").status == 0
    assert made.sandboxer(*HELLO).status == 0
    assert made.sandboxer("destroy", "one", "--host", "h3").status == 0
    ask(lab["h3"], "present", request(wait=True, check=False))
    ask(lab["h3"], "destroy", {"ref": "one", "owner": "me"})
    return made


@pytest.fixture
def h3(controller: Controller, lab: dict[str, Host]) -> Iterator[Host]:
    """The whole of its listing is afterwards as it was before."""
    host = lab["h3"]
    before = whole_listing(host.run)
    yield host
    with contextlib.suppress(Exception):  # said better by what differs
        await_until(lambda: whole_listing(host.run) == before, 10, "h3 is as it was")
    assert whole_listing(host.run) == before


def request(**changes: Any) -> dict[str, Any]:
    return create_request(unreaped=True, **changes)


def ask(host: Host, verb: str, wanted: Mapping[str, Any], fault: str = "") -> Any:
    """The installed host program; None where it was killed."""
    argv = ["env", f"SANDBOXER_FAULT={fault}", *PROGRAM, verb]
    done = host.run(argv, check=False, stdin=json.dumps(wanted))
    return json.loads(done.stdout) if done.stdout else None


def ids(host: Host) -> list[str]:
    return host.run(["ls", f"{STATE}/sandboxes"]).stdout.split()


def settle(host: Host) -> None:
    """Wait until its jobs have ended, or were killed."""
    for one in ids(host):
        assert not ask(host, "follow", {"id": one, "seconds": 60, "to_end": True})["working"]


def test_docker_that_is_there_is_taken_as_it_is(controller: Controller, h3: Host) -> None:
    again = controller.playbook("prepare", host="h3")
    assert (again.status, recap(again, "h3")["changed"]) == (0, 0), again
    assert h3.run(["sh", "-c", "command -v podman"], check=False).stdout == ""


@pytest.mark.parametrize("command", [None, "docker compose"])
def test_made_once_put_right_and_taken_away(
    controller: Controller, h3: Host, command: str | None
) -> None:
    words = (*HELLO, *(("--compose-cmd", command) if command else ()))
    made = controller.sandboxer(*words)
    assert (made.status, made.data["engine"], made.data["changed"]) == (0, "docker", True), made
    assert made.data["compose_cmd"] == command
    url = made.data["reachability"]["endpoints"][0]["url"]
    assert h3.run(["curl", "--silent", "--fail", url]).stdout
    assert controller.sandboxer(*words).data["changed"] is False
    h3.run(["docker", "rm", "--force", f"{made.data['id']}.web"])
    put_right = controller.sandboxer(*words)
    assert (put_right.data["changed"], put_right.data["id"]) == (True, made.data["id"])
    gone = controller.sandboxer("destroy", "one", "--host", "h3", "--json")
    assert (gone.status, gone.data["remains"]) == (0, [])
    kinds = {item["kind"] for item in gone.data["removed"]}
    assert kinds == {"container", "network", "dir", "port"}


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        ("nerdctl compose", 2, "usage"),
        ("/none/podman-compose", 7, "compose_program_missing"),
    ],
)
def test_compose_programs_that_are_refused(
    controller: Controller, h3: Host, command: str, status: int, code: str
) -> None:
    refused = controller.sandboxer(*HELLO, "--compose-cmd", command)
    assert (refused.status, refused.error["code"]) == (status, code)
    assert ids(h3) == []


@pytest.mark.parametrize(
    "point", [*MAKING, *(pytest.param(point, marks=SOAK) for point in MORE_MAKING)]
)
def test_killed_while_making(h3: Host, point: str) -> None:
    ask(h3, "create", request(), fault=point)
    settle(h3)
    assert len(ids(h3)) == 1
    ask(h3, "reap", {})
    assert ids(h3) == []


@pytest.mark.parametrize(
    "point", [*DESTROYING, *(pytest.param(point, marks=SOAK) for point in MORE_DESTROYING)]
)
def test_killed_while_destroying(h3: Host, point: str) -> None:
    ask(h3, "present", request(wait=True, check=False))
    assert ask(h3, "destroy", {"ref": "one", "owner": "me"}, fault=point) is None
    ask(h3, "reap", {})
    assert ids(h3) == []


@pytest.mark.parametrize(
    "command", ["create", pytest.param("start", marks=SOAK), pytest.param("network", marks=SOAK)]
)
def test_a_command_of_dockers_that_is_killed(h3: Host, command: str) -> None:
    """As soon as there is one: its daemon goes on, and what it makes is found all the same."""
    kill = (
        f"i=0; while [ $i -lt 3000 ]; do i=$((i + 1));"
        f" for each in $(pgrep -f '^docker {command}'); do"
        f" kill -9 -$(ps -o pgid= $each | tr -d ' '); exit; done; done; exit 1"
    )
    sandbox_id = ask(h3, "create", request())["object"]["id"]
    h3.run(["sh", "-c", kill], check=False)
    assert ask(h3, "destroy", {"id": sandbox_id})["receipt"]["remains"] == []
    assert ids(h3) == []


def test_what_is_published_on_the_host_answers_by_ipv6(controller: Controller, h3: Host) -> None:
    """The daemon hands it on: the sandbox's own network has none."""
    made = controller.sandboxer(*HELLO, "--publish", "host")
    assert made.status == 0, made
    [endpoint] = made.data["reachability"]["endpoints"]
    for address in ("[::1]", h3.address):
        url = f"http://{address}:{endpoint['host_port']}/"
        assert h3.run(["python3", "-c", FETCH, url]).stdout.strip()
    assert controller.sandboxer("destroy", "one", "--host", "h3").status == 0
