"""Compose files of the shape of real public ones: up, spoken to, changed, taken away."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab import stand_ins
from tests.lab.doors import Controller, recap
from tests.lab.hosts import Host
from tests.lab.places import HERE, Place

pytestmark = pytest.mark.lab

FILES = Path(__file__).with_name("compose")
# What each published port says of how its service was started.
SAYS = {
    "blog": {80: "BLOG_SECRET=not one"},
    "bucket": {
        8100: "arguments: serve /things --page-address :8101\n",
        8101: "BUCKET_KIND=file",
    },
    "queue": {
        2180: "arguments: etc/warden.conf\n",
        9090: "--set listen=PLAIN://0.0.0.0:9090 --set warden=warden:2180\n",
    },
}
# A service asked by its name from another one: the port asked, the name, what comes back.
NEIGHBOURS = {
    "blog": (80, "store:5000", "arguments: --store-format=plain\n"),
    "queue": (9090, "warden:2180", "arguments: etc/warden.conf\n"),
}


SOAK = pytest.mark.soak


@pytest.fixture(
    scope="module",
    params=["h2", *(pytest.param(one, marks=SOAK) for one in (HERE, "h1", "h3"))],
)
def place(
    request: pytest.FixtureRequest, lab: dict[str, Host], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """With the images that the files want."""
    home = tmp_path_factory.mktemp("home")
    if request.param == HERE:
        controller = Controller(home, None, {"SANDBOXER_STATE": str(home / "sandboxer")})
        found = Place(controller, None)
    else:
        found = Place(Controller(home), lab[request.param])
    stand_ins.load(found)
    yield found
    stand_ins.remove(found)


@pytest.fixture
def clean(place: Place) -> Iterator[Callable[[], None]]:
    """A function that compares the place with what it was before."""
    before = place.listing()

    def assert_clean() -> None:
        place.assert_as(before)

    yield assert_clean
    for found in place.sandboxer("list").data:
        place.sandboxer("destroy", found["id"])


@pytest.mark.parametrize("name", SAYS)
def test_a_file_as_it_is(place: Place, clean: Callable[[], None], name: str) -> None:
    words = ("create", str(FILES / name), "--name", name)
    made = place.sandboxer(*words)
    assert made.status == 0, made
    assert (made.data["changed"], made.data["state"]) == (True, "ready")
    endpoints = {each["port"]: each for each in made.data["reachability"]["endpoints"]}
    assert endpoints.keys() == SAYS[name].keys()
    for port, text in SAYS[name].items():
        assert text in place.fetch(endpoints[port])
    if name in NEIGHBOURS:
        port, neighbour, text = NEIGHBOURS[name]
        assert text in place.fetch(endpoints[port], f"/cgi-bin/of?{neighbour}")

    again = place.sandboxer(*words)
    assert again.data == {**made.data, "changed": False}

    gone = place.sandboxer("destroy", name)
    assert (gone.status, gone.data["changed"], gone.data["remains"]) == (0, True, [])
    clean()


@SOAK
@pytest.mark.parametrize("place", ["h1"], indirect=True)
def test_an_edited_file(place: Place, clean: Callable[[], None], tmp_path: Path) -> None:
    shutil.copytree(FILES / "blog", tmp_path, dirs_exist_ok=True)
    words = ("create", str(tmp_path), "--name", "edited")
    made = place.sandboxer(*words)
    assert made.status == 0, made

    file = tmp_path / "compose.yml"
    file.write_text(file.read_text().replace("BLOG_TITLE=of sand", "BLOG_TITLE=of stone"))
    refused = place.sandboxer(*words)
    assert (refused.status, refused.error["code"]) == (5, "conflict")
    assert "source differs" in refused.error["message"]
    assert "--replace" in refused.error["hint"]
    [left] = place.sandboxer("list").data
    assert (left["id"], left["state"]) == (made.data["id"], "ready")

    anew = place.sandboxer(*words, "--replace")
    assert (anew.status, anew.data["changed"]) == (0, True)
    assert anew.data["id"] != made.data["id"]
    [endpoint] = anew.data["reachability"]["endpoints"]
    assert "BLOG_TITLE=of stone" in place.fetch(endpoint)
    [left] = place.sandboxer("list").data
    assert left["id"] == anew.data["id"]

    assert place.sandboxer("destroy", "edited").status == 0
    clean()


@pytest.mark.parametrize("place", ["h2"], indirect=True)
def test_by_the_playbook(place: Place, clean: Callable[[], None]) -> None:
    assert place.host is not None
    host = place.host.name
    variables = {"source": str(FILES / "queue"), "host": host, "name": "played"}
    first = place.controller.playbook("create", profile="profile.compose", **variables)
    assert first.status == 0, first
    assert recap(first, host)["changed"] == 1
    again = place.controller.playbook("create", profile="profile.compose", **variables)
    assert recap(again, host)["changed"] == 0

    # the program finds the same thing: one way in is as good as another
    adopted = place.sandboxer("create", str(FILES / "queue"), "--name", "played")
    assert (adopted.status, adopted.data["changed"]) == (0, False)
    for endpoint in adopted.data["reachability"]["endpoints"]:
        assert SAYS["queue"][endpoint["port"]] in place.fetch(endpoint)

    gone = place.controller.playbook("destroy", host=host, name="played")
    assert recap(gone, host)["changed"] == 1
    clean()
