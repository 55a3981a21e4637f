"""Create, adopt, list, destroy: on real hosts, by each door."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.command import await_until
from tests.lab.doors import Controller, Said, recap
from tests.lab.hosts import Host
from tests.lab.listing import whole_listing

pytestmark = pytest.mark.lab


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    home = tmp_path / "h"
    home.mkdir()
    return Controller(home)


# by each door on both; what lies on the controller's side, on one of them
both = pytest.mark.parametrize("host", ["h1", "h2"], indirect=True)
on_h1 = pytest.mark.parametrize("host", ["h1"], indirect=True)
on_h2 = pytest.mark.parametrize("host", ["h2"], indirect=True)


@pytest.fixture
def host(request: pytest.FixtureRequest, lab: dict[str, Host]) -> Host:
    return lab[request.param]


@pytest.fixture
def clean(controller: Controller, host: Host) -> Iterator[Callable[[], None]]:
    """A function that compares the host with what it was before: whole listings, not labels."""
    controller.sandboxer("create", "--profile", "profile.hello", "--host", host.name, "--name", "w")
    controller.sandboxer("destroy", "w", "--host", host.name)
    before = whole_listing(host.run)

    def assert_clean() -> None:
        assert whole_listing(host.run) == before

    yield assert_clean
    for found in controller.sandboxer("list", "--host", host.name, "--json").data:
        controller.sandboxer("destroy", found["id"], "--host", host.name)


def make(controller: Controller, host: Host, *more: str) -> Said:
    return controller.sandboxer(
        "create",
        "--profile",
        "profile.hello",
        "--host",
        host.name,
        "--name",
        "one",
        "--json",
        *more,
    )


def fetched(host: Host, url: str) -> str:
    code = (
        "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"
    )
    return host.run(["python3", "-c", code, url]).stdout


@both
def test_by_the_program(controller: Controller, host: Host, clean: Callable[[], None]) -> None:
    first = make(controller, host)
    assert first.status == 0, first
    assert (first.data["changed"], first.data["state"]) == (True, "ready")
    assert first.data["reachability"]["ssh"] == {"host": host.address, "port": 22, "user": "root"}
    [endpoint] = first.data["reachability"]["endpoints"]
    assert "hello from sand-boxer" in fetched(host, endpoint["url"])
    assert "starting web" in first.err

    again = make(controller, host)
    assert again.data == {**first.data, "changed": False}

    gone = controller.sandboxer("destroy", "one", "--host", host.name, "--json")
    assert (gone.status, gone.data["changed"], gone.data["remains"]) == (0, True, [])
    once_more = controller.sandboxer("destroy", "one", "--host", host.name, "--json")
    assert (once_more.status, once_more.data["changed"]) == (0, False)
    clean()


@both
def test_by_the_playbook(controller: Controller, host: Host, clean: Callable[[], None]) -> None:
    variables = {"profile": "profile.hello", "host": host.name, "name": "one"}
    first = controller.playbook("create", **variables)
    assert first.status == 0, first
    assert recap(first, host.name)["changed"] == 1
    assert "sandboxer destroy sbx-" in first.out
    again = controller.playbook("create", **variables)
    assert recap(again, host.name)["changed"] == 0

    shown = controller.sandboxer("show", "one", "--host", host.name, "--json")
    assert "hello" in fetched(host, shown.data["reachability"]["endpoints"][0]["url"])

    gone = controller.playbook("destroy", host=host.name, name="one")
    assert recap(gone, host.name)["changed"] == 1
    once_more = controller.playbook("destroy", host=host.name, name="one")
    assert (once_more.status, recap(once_more, host.name)["changed"]) == (0, 0)
    clean()


@on_h2
def test_another_controller_adopts_it(
    controller: Controller, host: Host, clean: Callable[[], None], tmp_path: Path
) -> None:
    """An empty home, another host name, the same key."""
    other = Controller(
        tmp_path,
        prefix=("unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"),
    )
    made = make(controller, host).data
    [found] = other.sandboxer("list", "--host", host.name, "--json").data
    assert found == {**made, "changed": False}
    assert other.sandboxer("destroy", "one", "--host", host.name).status == 0
    made = make(controller, host).data
    assert other.sandboxer("destroy", made["id"], "--host", host.name).status == 0
    clean()


@on_h2
def test_another_owner_does_not_meet_it(
    controller: Controller, host: Host, clean: Callable[[], None], tmp_path: Path
) -> None:
    made = make(controller, host).data
    other = Controller(tmp_path, environment={"SANDBOXER_OWNER": "somebody"})
    assert other.sandboxer("list", "--host", host.name, "--json").data == []
    refused = other.sandboxer("destroy", "one", "--host", host.name, "--json")
    assert (refused.status, refused.error["code"]) == (5, "conflict")
    theirs = make(other, host)
    assert theirs.status == 0
    assert theirs.data["id"] != made["id"]
    for sandbox_id in (made["id"], theirs.data["id"]):
        gone = other.sandboxer("destroy", sandbox_id, "--host", host.name, "--json")
        assert (gone.status, gone.data["id"]) == (0, sandbox_id)
    clean()


def state_folder(host: Host) -> str:
    """Every path below the state folder with its time and its size."""
    argv = ["find", "/var/lib/sandboxer", "/srv/sandboxer", "-printf", "%p %T@ %s\\n"]
    lines = host.run(argv).stdout.splitlines()
    # the timer of a prepared host writes its beat there each minute, by another file's name
    beat = ("/var/lib/sandboxer ", "/var/lib/sandboxer/beat.json")
    return "\n".join(sorted(line for line in lines if not line.startswith(beat)))


@on_h2
def test_a_check_writes_nothing(
    controller: Controller, host: Host, clean: Callable[[], None]
) -> None:
    before = state_folder(host)
    variables = {"profile": "profile.hello", "host": host.name, "name": "one"}
    planned = controller.playbook("create", check=True, **variables)
    assert "+container sbx-new.web" in planned.out
    assert recap(planned, host.name)["changed"] == 1
    dry = controller.sandboxer(
        "create", "--profile", "profile.hello", "--host", host.name, "--name", "one", "--dry-run"
    )
    assert (dry.status, "would change" in dry.out) == (0, True)
    for verb in ("destroy", "reap", "list"):
        assert controller.playbook(verb, check=True, host=host.name, name="one").status == 0
    clean()
    assert state_folder(host) == before


@on_h2
def test_another_content_is_a_conflict(
    controller: Controller, host: Host, clean: Callable[[], None]
) -> None:
    made = make(controller, host).data
    refused = make(controller, host, "--set", "message=other")
    assert (refused.status, refused.error["code"]) == (5, "conflict")
    assert "set.message" in refused.error["message"]
    anew = make(controller, host, "--set", "message=other", "--replace")
    assert (anew.status, anew.data["changed"]) == (0, True)
    assert anew.data["id"] != made["id"]
    [left] = controller.sandboxer("list", "--host", host.name, "--json").data
    assert "other" in fetched(host, left["reachability"]["endpoints"][0]["url"])
    controller.sandboxer("destroy", "one", "--host", host.name)
    clean()


@on_h1
def test_a_hostile_message_is_data(
    controller: Controller, host: Host, clean: Callable[[], None], tmp_path: Path
) -> None:
    message = f"{{{{ lookup('pipe', 'touch {tmp_path}/here') }}}} $(touch /there) `id` 'ä\"\n"
    made = make(controller, host, "--set", f"message={message}")
    assert made.status == 0, made
    assert message in fetched(host, made.data["reachability"]["endpoints"][0]["url"])
    assert not (tmp_path / "here").exists()
    assert host.run(["test", "-e", "/there"], check=False).returncode == 1
    controller.sandboxer("destroy", "one", "--host", host.name)
    clean()


def test_several_hosts_at_once(controller: Controller, lab: dict[str, Host]) -> None:
    words = ("create", "--profile", "profile.hello", "--host", "h1,h2", "--name", "both", "--json")
    made = controller.sandboxer(*words)
    assert made.status == 0, made
    assert {one["host"] for one in made.data["results"].values()} == {"h1", "h2"}
    ambiguous = controller.sandboxer("destroy", "both", "--json")
    assert (ambiguous.status, ambiguous.error["code"]) == (2, "reference_ambiguous")
    gone = controller.sandboxer("destroy", "both", "--host", "h1,h2", "--json")
    assert all(one["remains"] == [] for one in gone.data["results"].values())


def test_an_unknown_host_is_no_success(controller: Controller, lab: dict[str, Host]) -> None:
    by_program = controller.sandboxer("list", "--host", "h7", "--json")
    assert (by_program.status, by_program.error["code"]) == (4, "host_unknown")
    by_playbook = controller.playbook("create", host="h7", profile="profile.hello")
    assert by_playbook.status != 0
    assert "no host of the inventory matches h7" in by_playbook.err


@pytest.mark.soak
def test_a_silent_host_is_not_an_empty_one(controller: Controller, lab: dict[str, Host]) -> None:
    """'Unreachable' is never 'gone'."""
    lab["h2"].cut()
    try:
        listed = controller.sandboxer("list", "--json")
        assert listed.status == 11
        assert json.loads(listed.out) == []
        assert "h2" in listed.err
        gone = controller.sandboxer("destroy", "nothing", "--json")
        assert (gone.status, gone.error["code"]) == (11, "host_unreachable")
        assert "h2" in gone.error["message"]
    finally:
        lab["h2"].mend()


@pytest.fixture
def slow_image(clean: Callable[[], None], host: Host) -> Iterator[str]:
    """Hello's image under a name that a compose file may have."""
    name = "docker.io/library/slow-tests:1"
    host.run(["podman", "tag", "localhost/sandboxer/hello:1", name])
    yield name
    host.run(["podman", "untag", name])


def slow_create(controller: Controller, host: Host, folder: Path) -> list[str]:
    """A create that takes as long as one likes: its health check never passes."""
    (folder / "compose.yml").write_text(
        "services:\n"
        "  web:\n"
        "    image: docker.io/library/slow-tests:1\n"
        "    init: true\n"
        "    healthcheck: {test: [CMD, /bin/sh, -c, exit 1], interval: 1s, retries: 1000}\n"
    )
    words = ("create", str(folder), "--host", host.name, "--name", "slow", "--deadline", "45s")
    return controller.program(*words, "--json")


@on_h2
@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)]
)
def test_cancelled_in_the_middle(
    controller: Controller,
    host: Host,
    slow_image: str,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    """The host undoes what was made and says so; it does not wait for a deadline."""
    before = whole_listing(host.run)
    child = controller.start(*slow_create(controller, host, tmp_path))
    await_until(lambda: state_of(controller, host) == "creating", 30, "it is being made")
    os.kill(child.pid, number)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, json.loads(out)["error"]["code"]) == (130, "cancelled"), err
    await_until(lambda: state_of(controller, host) == "failed", 30, "the host has undone it")
    shown = controller.sandboxer("show", "slow", "--host", host.name, "--json").data
    assert shown["error"]["code"] == "cancelled"
    controller.sandboxer("destroy", "slow", "--host", host.name)
    assert whole_listing(host.run) == before


@pytest.mark.soak
@on_h1
def test_a_cut_link_is_followed_again(
    controller: Controller, host: Host, slow_image: str, tmp_path: Path
) -> None:
    child = controller.start(*slow_create(controller, host, tmp_path))
    await_until(lambda: state_of(controller, host) == "creating", 30, "it is being made")
    host.cut()
    try:
        assert child.stderr is not None
        assert any("asking again" in line for line in child.stderr), "the cut was not noticed"
    finally:
        host.mend()
    out, _ = child.communicate(timeout=120)
    assert (child.returncode, json.loads(out)["error"]["code"]) == (8, "not_ready")
    controller.sandboxer("destroy", "slow", "--host", host.name)


def state_of(controller: Controller, host: Host) -> str | None:
    shown = controller.sandboxer("show", "slow", "--host", host.name, "--json")
    return str(shown.data["state"]) if shown.status == 0 else None
