"""SIGKILL at every named point; then one pass of the reaper; then nothing is left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import KINDS
from tests.faults import test_build
from tests.faults.conftest import IMAGE, HostProgram, assert_nothing_left, listing
from tests.faults.test_trouble import podman

ROOMS = Path("collections/ansible_collections/coulomb/sandboxer/plugins/module_utils/host")

STARTER = [
    "create-begin",
    "create-folder",
    "create-spec",
    "create-recorded",
    "create-replaced",
    "create-started",
]
JOB = [
    "job-started",
    "job-entered",
    "make-dir",
    "made-dir",
    "make-network",
    "making-network",
    "made-network",
    "make-volume",
    "made-volume",
    "make-container",
    "made-container",
    "make-start",
    "made-start",
    "make-ready",
]
IMAGE_POINTS = ["make-image", "made-image"]
READY = ["made-ready"]
DESTROYER = [
    "destroy-marked",
    "destroy-ended",
    "remove-container",
    "removed-container",
    "remove-volume",
    "removed-volume",
    "remove-network",
    "removed-network",
    "remove-dir",
    "removed-dir",
    "destroy-emptied",
    "destroy-buried",
    "destroy-forgotten",
]


# their neighbours leave the same
IN_SOAK = {
    *("make-network", "made-network", "make-volume", "made-volume", "make-image"),
    *("destroy-ended", "remove-volume", "removed-volume", "remove-dir", "removed-dir"),
    *("removed-network", "destroy-buried"),
}


def most_of(points: Sequence[str]) -> list[Any]:
    soak = pytest.mark.soak
    return [pytest.param(one, marks=soak if one in IN_SOAK else ()) for one in points]


def test_every_point_is_killed_at() -> None:
    named = set()
    for path in ROOMS.glob("*.py"):
        for name in re.findall(r'fault\.point\("([a-z-]+)"', path.read_text()):
            kinds = KINDS if name.endswith("-") else ("",)  # "remove-" + kind
            named |= {name + kind for kind in kinds}
    of_builds = {*test_build.STARTER, *test_build.JOB, *test_build.DESTROYER}
    assert named == {*STARTER, *JOB, *IMAGE_POINTS, *READY, *DESTROYER, *of_builds}


@pytest.mark.podman
@pytest.mark.parametrize("point", most_of([*STARTER, *JOB]))
def test_killed_while_making(host: HostProgram, before: dict[str, list[str]], point: str) -> None:
    answer = host.create(fault=point)
    assert (answer is None) == (point in STARTER)
    host.settle()
    if point != "create-started":  # its job lives on, as it should
        assert [host.record(one)["state"] for one in host.ids() if _has_record(host, one)] in (
            [],
            ["creating"],
        )
    else:
        host.let_expire(host.ids()[0])
    host.reap()
    assert_nothing_left(host, before)


@pytest.mark.podman
@pytest.mark.parametrize("point", most_of(IMAGE_POINTS))
def test_killed_while_an_image_is_made(
    host: HostProgram, before: dict[str, list[str]], point: str
) -> None:
    """The image is a cache, so it may stay; the next create has it all the same."""
    podman("rmi", "--force", IMAGE)
    host.create(fault=point)
    host.settle()
    assert [host.record(one)["state"] for one in host.ids()] == ["creating"]
    host.reap()
    host.made()
    host.destroy("one")
    names = [line.split()[1] for line in before["images"]]
    assert sorted(line.split()[1] for line in listing(host)["images"]) == sorted(names)
    assert_nothing_left(host, {**before, "images": listing(host)["images"]})


@pytest.mark.podman
@pytest.mark.parametrize("point", READY)
def test_killed_when_ready(host: HostProgram, before: dict[str, list[str]], point: str) -> None:
    host.create(fault=point)
    host.settle()
    [sandbox_id] = host.ids()
    assert host.show(sandbox_id)["state"] == "ready"
    assert host.reap()["kept"] == [sandbox_id]
    host.let_expire(sandbox_id)
    assert host.reap()["destroyed"] == [sandbox_id]
    assert_nothing_left(host, before)


@pytest.mark.podman
@pytest.mark.parametrize("point", most_of(DESTROYER))
def test_killed_while_destroying(
    host: HostProgram, before: dict[str, list[str]], point: str
) -> None:
    host.made()
    assert host.destroy("one", fault=point) is None
    host.reap()
    assert_nothing_left(host, before)


@pytest.mark.podman
@pytest.mark.parametrize("point", ["create-recorded", "create-replaced", "job-entered"])
def test_killed_while_replacing(
    host: HostProgram, before: dict[str, list[str]], point: str
) -> None:
    """The old one was given up in its own record, so that a reaper needs no maker to finish."""
    old = host.made()
    host.create(request={"profile": "sha256:1"}, replace=True, fault=point)
    host.settle()
    kept = [old["id"]] if point == "create-recorded" else []
    assert host.reap()["kept"] == kept
    for sandbox_id in kept:
        host.destroy(sandbox_id)
    assert_nothing_left(host, before)


def _has_record(host: HostProgram, sandbox_id: str) -> bool:
    return (host.state / "sandboxes" / sandbox_id / "record.json").exists()
