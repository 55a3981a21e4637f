"""A few stacks of the shape of real ones, spoken to; `make compose-corpus` tries them all. What
docker compose says of each of them, and what podman-compose makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sandboxer_cli.compose.differences import DIFFERENCES
from sandboxer_cli.compose.makers import DOCKERS
from tests.corpus import images, judge, makers, trial
from tests.corpus.projects import Project, projects
from tests.faults.test_makers import alone, together
from tests.lab.doors import Controller
from tests.lab.hosts import Host
from tests.lab.places import HERE, Place

pytestmark = pytest.mark.lab

# built, extended, merged, each with a queue of another kind
TRIED = ("polls", "board")
# networks of its own with addresses, secrets, limits; a file beside the image's own command
MADE = ("watch", "flows")
PROJECTS = {project.name: project for project in projects()}


@pytest.fixture(scope="module", params=[HERE])
def place(
    request: pytest.FixtureRequest, lab: dict[str, Host], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """With the images that stand in."""
    home = tmp_path_factory.mktemp("home")
    if request.param == HERE:
        controller = Controller(home, None, {"SANDBOXER_STATE": str(home / "sandboxer")})
        found = Place(controller, None)
    else:
        found = Place(Controller(home), lab[request.param])
    images.load(found)
    yield found
    for left in found.sandboxer("list").data:
        found.sandboxer("destroy", left["id"])
    images.remove(found)


@pytest.mark.soak
@pytest.mark.parametrize("name", TRIED)
def test_a_stack_speaks(place: Place, name: str) -> None:
    assert trial.make(place, PROJECTS[name]) == PROJECTS[name].shape


@pytest.mark.soak
@pytest.mark.parametrize("name", ["h1", "h2"])
def test_podman_compose_makes_the_same(lab: dict[str, Host], name: str) -> None:
    """As the engine maker does, of some; 1.0.3 and 1.3.0 with the engines that came with them."""
    assert both_make(lab[name], [PROJECTS[one] for one in MADE]) == {}


@pytest.mark.soak
@pytest.mark.parametrize("name", ["h1", "h2"])
def test_podman_compose_makes_the_same_of_all(lab: dict[str, Host], name: str) -> None:
    assert both_make(lab[name], list(PROJECTS.values())) == {}


@pytest.mark.soak
@pytest.mark.on("h3")
def test_docker_compose_makes_the_same_of_each_key(lab: dict[str, Host], tmp_path: Path) -> None:
    """But for what the table says, and all of that."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "file").write_text("of the source")
    documents = {"alone": alone(), "together": together()}
    stacks = [makers.Stack(name, made, tmp_path) for name, made in documents.items()]
    host, program = lab["h3"], makers.DOCKER_COMPOSE
    version = makers.version_of(host.run, program)
    disputed = []
    for said in makers.ask(host.run, program, stacks):
        assert not isinstance(said, str), said
        disputed += said
    assert [str(one) for one in disputed if not one.rows(version)] == []
    assert {row for one in disputed for row in one.rows(version)} == set(DOCKERS)


@pytest.mark.soak
@pytest.mark.on("h3")
def test_docker_compose_makes_the_same_of_all(lab: dict[str, Host]) -> None:
    assert both_make(lab["h3"], list(PROJECTS.values())) == {}


def both_make(host: Host, chosen: Sequence[Project]) -> dict[str, str]:
    """Those on which they do not agree, and why."""
    shapes = [judge.Files.of(one) for one in chosen if one.renders]
    found = makers.verdicts(host.run, makers.program_of(host), shapes)
    return {name: said for name, said in found.items() if said != makers.AGREES}


@pytest.mark.on("h3")
def test_docker_compose_says_the_same(lab: dict[str, Host]) -> None:
    """Of every shape that renders, and of a file with every key; but for what the tables say."""
    shapes = [judge.Files.of(one) for one in PROJECTS.values() if one.renders]
    rows = set()
    for files, said in judge.ask([judge.EVERY_KEY, *shapes]).items():
        assert isinstance(said, judge.Config), said
        found = judge.disputes(files, said)
        assert [str(one) for one in found if judge.reason(one) is None] == [], files.name
        rows |= {judge.difference(one) for one in found}
    assert set(DIFFERENCES) <= rows
