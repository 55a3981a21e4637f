"""Folders of sandboxes: what is removed, what never is; and what counts as left behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import holdings
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.docker import Docker
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Engine
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.holdings import Place
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.runtime import Monitor
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

ID = "sbx-one"


class NoContainers:
    """An engine that has nothing, but what somebody puts into it."""

    alive: tuple[Monitor, ...] = ()
    removes_beside = False
    owned = Engine.owned
    removing = Engine.removing

    def is_here(self) -> bool:
        return True

    def containers(self) -> list[Any]:
        return []

    def find(self, kind: str, sandbox_id: str) -> list[str]:
        return []

    def networks(self, sandbox_id: str) -> dict[str, str]:
        return {}

    def remove_containers(self, containers: Sequence[Any], *_: object) -> None:
        pass

    def remove(self, kind: str, names: Sequence[str]) -> None:
        pass

    def settle(self, *_: object) -> tuple[()]:
        return ()

    def monitors(self, sandbox_id: str) -> tuple[Monitor, ...]:
        return self.alive

    def held_ports(self, sandbox_id: str, numbers: Sequence[int]) -> set[int]:
        return set()


@pytest.fixture
def place(state: State) -> Place:
    engine: Any = NoContainers()
    return Place(state, engine)


@pytest.fixture
def folder(state: State) -> Path:
    path = Path(state.remote_dir(ID))
    holdings.make_dir(state, ID, str(path))
    return path


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder that looks like one of ours in all but where it lies."""
    path = tmp_path / "precious"
    path.mkdir(mode=0o700)
    (path / holdings.MARKER).write_text(ID)
    (path / "file").write_text("mine")
    return path


def remove(place: Place, path: Path) -> None:
    holdings.remove(place, ID, [holdings.dir_holding(str(path))])


def test_a_folder_goes_with_all_that_is_in_it(place: Place, folder: Path) -> None:
    (folder / "below" / "deep").mkdir(parents=True)
    (folder / "below" / "file").write_text("x")
    remove(place, folder)
    assert not folder.exists()


def test_links_in_it_go_and_what_they_lead_to_stays(
    place: Place, folder: Path, precious: Path
) -> None:
    (folder / "link").symlink_to(precious)
    (folder / "file").symlink_to(precious / "file")
    remove(place, folder)
    assert not folder.exists()
    assert (precious / "file").read_text() == "mine"


def test_a_link_in_its_place_is_not_followed(place: Place, precious: Path) -> None:
    path = Path(place.state.remote_dir(ID))
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(precious)
    with pytest.raises(HostError):
        remove(place, path)
    assert (precious / "file").read_text() == "mine"


def test_a_folder_elsewhere_is_not_removed(place: Place, precious: Path) -> None:
    with pytest.raises(HostError):
        remove(place, precious)
    assert (precious / "file").read_text() == "mine"


@pytest.mark.parametrize("marker", ["sbx-two", "", None])
def test_a_folder_without_our_marker_is_left_to_a_person(
    place: Place, folder: Path, marker: str | None
) -> None:
    (folder / "file").write_text("mine")
    (folder / holdings.MARKER).unlink()
    if marker is not None:
        (folder / holdings.MARKER).write_text(marker)
    with pytest.raises(HostError) as failed:
        remove(place, folder)
    assert failed.value.code == "residue"
    assert (folder / "file").read_text() == "mine"


def test_the_marker_goes_last(place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that whoever goes on after a kill still knows the folder."""
    for name in ("a", "b", "c"):
        (folder / name).write_text("x")
    gone: list[str] = []
    monkeypatch.setattr(os, "unlink", lambda path: gone.append(os.path.basename(path)))
    remove(place, folder)
    assert gone[-1] == holdings.MARKER
    assert len(gone) == 4


def test_a_folder_is_made_below_the_root_only(state: State, tmp_path: Path) -> None:
    for path in (tmp_path / "elsewhere", Path(state.remote) / "a" / "b"):
        with pytest.raises(HostError):
            holdings.make_dir(state, ID, str(path))
        assert not path.exists()


@pytest.mark.parametrize("where", [".", holdings.MARKER])
def test_nothing_is_made_through_a_link(state: State, precious: Path, where: str) -> None:
    """In place of the folder, or of the marker in it."""
    path = Path(state.remote_dir(ID))
    path.parent.mkdir()
    if where == ".":
        path.symlink_to(precious)
    else:
        path.mkdir()
        (path / where).symlink_to(precious / "file")
    with pytest.raises(OSError, match=r"symbolic|directory"):
        holdings.make_dir(state, ID, str(path))
    assert precious.stat().st_mode & 0o777 == 0o700
    assert (precious / "file").read_text() == "mine"


def test_nobody_looks_before_the_engine_has_settled(
    place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is making yet for a command that was killed is in no list."""

    def at_work(engine: NoContainers, *_: object) -> None:
        raise HostError("residue", "it is at work")

    monkeypatch.setattr(NoContainers, "settle", at_work)
    with pytest.raises(HostError) as failed:
        remove(place, folder)
    assert failed.value.code == "residue"
    assert folder.exists()


@pytest.mark.parametrize("engine", [Podman(), Docker()])
def test_a_port_that_a_stranger_has_by_now_is_not_ours(engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        assert engine.held_ports(ID, [stranger.getsockname()[1]]) == set()


def test_a_monitor_that_outlives_its_container_is_a_container_left(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = (Monitor(f"{ID}.web", "0" * 64),)
    monkeypatch.setattr(NoContainers, "alive", alive)
    monkeypatch.setattr(holdings, "MONITOR_SECONDS", 0.05)
    left = holdings.remaining(place, ID, [])
    assert left == [{"kind": "container", "key": f"{ID}.web"}]
