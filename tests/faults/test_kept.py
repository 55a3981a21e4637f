"""A second create over the whole way, with real containers: asked directly, or by a play."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli import client, glance, runner
from sandboxer_cli.client import Client, CreateRequest
from sandboxer_cli.errors import Conflict

pytestmark = pytest.mark.podman

ONE = CreateRequest(profile="profile.hello", name="one", owner="me")


class Controller:
    """`plays`: the playbooks that were run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client = Client()
        self.plays: list[str] = []
        run = runner.run

        def noted(play: runner.Play, **more: Any) -> runner.Outcome:
            self.plays.append(play.playbook.rpartition(".")[2])
            return run(play, **more)

        monkeypatch.setattr(runner, "run", noted)

    def create(self, **changes: Any) -> Any:
        return self.client.create(CreateRequest(**{**vars(ONE), **changes})).only


@pytest.fixture
def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Controller]:
    monkeypatch.delenv("ANSIBLE_INVENTORY", raising=False)
    monkeypatch.setattr(glance, "PATIENCE", 60)
    monkeypatch.chdir(tmp_path)
    made = Controller(monkeypatch)
    yield made
    made.client.destroy("one", owner="me")


def test_the_same_again(controller: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    first = controller.create()
    assert (first["changed"], controller.plays) == (True, ["create"])

    directly = controller.create()
    assert (directly["changed"], controller.plays) == (False, ["create"])
    with monkeypatch.context() as patched:
        patched.setattr(client, "_kept", lambda *_: {})
        assert controller.create() == directly
    assert controller.plays == ["create"] * 2
    assert directly == {**first, "changed": False}

    with pytest.raises(Conflict) as by_play:
        controller.create(publish="host")
    assert (by_play.value.detail.code, len(controller.plays)) == ("conflict", 3)

    subprocess.run(["podman", "kill", f"{first['id']}.web"], stdout=subprocess.DEVNULL, check=True)
    assert controller.create()["changed"]
    assert len(controller.plays) == 4

    controller.client.stop("one", owner="me")
    again = controller.create()
    assert (again["id"], again["changed"], again["state"]) == (first["id"], True, "ready")
    assert controller.plays[-2:] == ["stop", "create"]

    anew = controller.create(replace=True, settings={"message": "hi"})
    assert (anew["changed"], anew["id"] != first["id"]) == (True, True)
    assert controller.plays[-1] == "create"
