"""The repositories of examples/, validated on lab hosts as anybody would: each on one of them,
and by `make soak` on the others. Their images are stand-ins, which stay there: they are caches."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import images
from tests.lab.doors import BIN, INVENTORY, ROOT, Controller
from tests.lab.hosts import Host
from tests.lab.places import Place

pytestmark = pytest.mark.lab

FOLDER = ROOT / "examples"
RUN_ACCOUNT = "sandboxer-run"
COUNTS = ("passed", "failed", "errors", "skipped")


@dataclass(frozen=True)
class Expected:
    """What comes of an example, and which host tries it each time. A step: its name, where it runs,
    its exit code."""

    host: str
    steps: tuple[tuple[str, str, int], ...]
    passed: int = 0
    failed: int = 0
    artifacts: tuple[str, ...] = ()
    outcome: str = "passed"
    status: int = 0


EXAMPLES = {
    "notes": Expected("h1", (("test", "host", 0),), passed=4),
    "counter": Expected("h3", (("syntax", "web", 0), ("visits", "web", 0)), passed=4),
    "site": Expected(
        "h2",
        (("links", "host", 0), ("headers", "host", 0)),
        artifacts=("files/e2e/out/pages.txt",),
    ),
    "jobs": Expected(
        "h3",
        (("hand in", "front", 0), ("await", "host", 0), ("nothing is left", "queue", 0)),
        passed=20,
    ),
    "failing": Expected(
        "h3", (("test", "host", 0),), passed=1, failed=1, outcome="failed", status=9
    ),
    "flaky": Expected("h3", (("price", "host", 1), ("price", "host", 0))),
}


@pytest.fixture(scope="module")
def place_of(
    lab: dict[str, Host], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Place]:
    """A lab host with the stand-ins and with the account that tests run as, each seen to once."""

    @cache
    def made(host: str) -> Place:
        found = Place(Controller(tmp_path_factory.mktemp("home")), lab[host])
        images.load(found)
        if found.run(["id", RUN_ACCOUNT], check=False).returncode:
            prepared = found.controller.sandboxer("host", "prepare", host)
            assert prepared.status == 0, prepared.err
        return found

    return made


def validate(place: Place, name: str) -> tuple[int, dict[str, Any]]:
    assert place.host is not None
    where = ("--host", place.host.name, "-i", str(INVENTORY))
    program = (str(BIN / "validate"), "run", str(FOLDER / name))
    said = place.controller.run(*program, *where, "--json")
    assert said.out, said.err
    return said.status, said.data


@pytest.mark.parametrize(
    ("host", "name"),
    [
        pytest.param(host, name, marks=() if host == expected.host else pytest.mark.soak)
        for host in ("h1", "h2", "h3")
        for name, expected in EXAMPLES.items()
    ],
)
def test_an_example_ends_as_it_says(place_of: Callable[[str], Place], host: str, name: str) -> None:
    place, expected = place_of(host), EXAMPLES[name]
    status, found = validate(place, name)
    assert (status, found["outcome"]) == (expected.status, expected.outcome), found
    assert found["cleanup"] == "destroyed"
    steps = [(step["name"], step["in"], step["exit_code"]) for step in found["steps"]]
    assert tuple(steps) == expected.steps
    # podman has warnings where a host is a container: they are not the test's
    assert "level=warning" not in json.dumps(found["steps"])
    assert found["tests"] == dict(
        zip(COUNTS, (expected.passed, expected.failed, 0, 0), strict=True)
    )
    assert {one["path"] for one in found["artifacts"]} >= {*expected.artifacts}
    assert found["sandbox"] not in json.dumps(place.listing())
    if name == "flaky":
        assert_is_called_flaky(found)


def assert_is_called_flaky(found: Mapping[str, Any]) -> None:
    """By each report that has a word for it."""
    assert [step["attempt"] for step in found["steps"]] == [1, 2]
    ctrf = json.loads(Path(found["reports"]["ctrf"]).read_text())
    assert ctrf["results"]["summary"]["flaky"] == 1
    flaky = [test for test in ctrf["results"]["tests"] if test.get("flaky")]
    assert [(one["name"], one["status"], one["retries"]) for one in flaky] == [
        ("test: price", "passed", 1)
    ]
    assert "Not at the first attempt: price." in Path(found["reports"]["html"]).read_text()


def test_each_example_has_its_outcome() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*EXAMPLES}
