"""A few stacks of the shape of real ones, spoken to; `make compose-corpus` tries them all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.corpus import images, trial
from tests.corpus.projects import projects
from tests.lab.doors import Controller
from tests.lab.hosts import Host
from tests.lab.places import HERE, Place

pytestmark = [pytest.mark.lab, pytest.mark.soak]

# built, extended, merged, each with a queue of another kind
TRIED = ("polls", "board")
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


@pytest.mark.parametrize("name", TRIED)
def test_a_stack_speaks(place: Place, name: str) -> None:
    assert trial.make(place, PROJECTS[name]) == PROJECTS[name].shape
