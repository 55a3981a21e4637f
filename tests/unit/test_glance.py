"""What is asked directly of the host when a create may have nothing to do: only the one answer
that a play would give, too, is believed."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import program
from sandboxer_cli import ansible_ahead, client, connection, glance
from sandboxer_cli.connection import Reach
from sandboxer_cli.glance import Glance
from tests.sshd import Sshd, free_port

FOUND: dict[str, Any] = {
    "id": "sbx-4f7kq2zd",
    "state": "ready",
    "reaper": "ok",
    "reachability": {
        "remote_dir": "/srv/sandboxer/sbx-4f7kq2zd",
        "endpoints": [{"scope": "loopback", "host_port": 1, "url": "http://127.0.0.1:1"}],
    },
}
KEEP: dict[str, Any] = {"action": "keep", "changed": False, "object": FOUND}
PUBLIC = {"scope": "host", "host_port": 1, "url": "http://127.0.0.1:1"}
REQUEST = {"name": "one"}
HERE = Reach("here", "local")


class Program:
    """Stands in for the host program of this version: writes what it was asked, and answers."""

    def __init__(self, folder: Path) -> None:
        self.asked = folder / "asked"
        self.path = folder / "state/programs" / program.own_name()
        self.path.parent.mkdir(parents=True)

    def says(self, text: str, status: int = 0) -> None:
        self.does(f"print({text!r}); sys.exit({status})")

    def does(self, code: str) -> None:
        asked = (
            f"open({str(self.asked)!r}, 'a').write(sys.argv[1] + ' ' + sys.stdin.read() + '\\n')"
        )
        self.path.write_text(f"import sys\n{asked}\n{code}\n")


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("SANDBOXER_STATE", str(tmp_path))
    monkeypatch.setattr(ansible_ahead, "is_warm", lambda: False)
    return Program(tmp_path)


def kept(*ways: Reach, unreaped: bool = False, **more: object) -> Mapping[str, Any]:
    glances = [Glance(way, REQUEST) for way in ways or (HERE,)]
    return client._kept(glances, {"sandboxer_unreaped": unreaped, **more})


def test_what_is_kept_is_the_answer(there: Program) -> None:
    there.says(json.dumps(KEEP))
    assert kept() == {
        "here": {
            **FOUND,
            "changed": False,
            "host": "here",
            "reachability": {
                "ssh": {"host": "here", "port": None, "user": None},
                **FOUND["reachability"],
            },
            "cleanup_command": "sandboxer destroy sbx-4f7kq2zd --host here",
        }
    }
    assert there.asked.read_text() == f"present {json.dumps({**REQUEST, 'check': True})}\n"


def changed(**changes: Any) -> str:
    return json.dumps({**KEEP, **changes})


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (changed(action="make", changed=True, object=None), 0),
        (changed(action="repair", changed=True), 0),
        (changed(action="follow"), 0),
        (changed(object={**FOUND, "reaper": "late"}), 0),
        (changed(object={**FOUND, "reachability": {"endpoints": [PUBLIC]}}), 0),
        (json.dumps({"error": {"code": "conflict", "message": "it differs"}}), 1),
        (json.dumps({"error": {"code": "usage", "message": "no verb 'present'"}}), 1),
        (changed(), 1),
        ("Traceback", 1),
        ("no JSON", 0),
        ("", 0),
    ],
)
def test_all_else_is_for_the_play(there: Program, said: str, status: int) -> None:
    there.says(said, status)
    assert kept() == {}


def test_who_does_without_a_reaper_knows_it(there: Program) -> None:
    there.says(changed(object={**FOUND, "reaper": "late"}))
    assert kept(unreaped=True)["here"]["reaper"] == "late"


def test_no_program_there(there: Program) -> None:
    assert not there.path.exists()
    assert kept() == {}


def test_only_the_program_of_this_version_is_asked(there: Program) -> None:
    there.says(json.dumps(KEEP))
    there.path.rename(there.path.with_name("read-1.pyz"))
    assert kept() == {}
    assert not there.asked.exists()


def test_one_that_is_slower_than_ansible_is_not_waited_for(
    there: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "nobody")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(glance, "PATIENCE", 0.1)
    there.does("open('nobody')")
    looks = itertools.count()
    monkeypatch.setattr(ansible_ahead, "is_warm", lambda: next(looks) > 3)
    try:
        assert kept() == {}
    finally:
        (tmp_path / "nobody").open("w").close()  # it ends
    assert 3 < next(looks) < 100, "it is waited for"


def test_an_answer_gets_its_time_where_ansible_is_ready(
    there: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.says(json.dumps(KEEP))
    monkeypatch.setattr(glance, "PATIENCE", 60)
    monkeypatch.setattr(ansible_ahead, "is_warm", lambda: True)
    assert kept().keys() == {"here"}


def test_what_the_inventory_says_of_sandboxes_is_for_the_play() -> None:
    says = Reach("here", "local", variables=("sandboxer_compose_cmd", "sandboxer_publish"))
    assert not client._knows_all(says, {})
    assert client._knows_all(says, {"sandboxer_publish": "loopback"})


def test_all_hosts_or_none(there: Program) -> None:
    there.says(json.dumps(KEEP))
    other = Reach("other", "local")
    assert kept(HERE, other).keys() == {"here", "other"}
    first = f"open({str(there.path)!r} + '.once', 'x'); print({json.dumps(KEEP)!r})"
    there.does(first)  # fails on the second
    assert kept(HERE, other) == {}


def test_it_opens_the_connection_that_the_play_will_use(
    quiet_surroundings: None, sshd: Sshd, there: Program, tmp_path: Path
) -> None:
    sshd.stop()
    sshd.start({"SANDBOXER_STATE": str(tmp_path)})
    there.says(json.dumps(KEEP))
    way = connection.reach("box", [sshd.inventory()])
    assert kept(way)["box"]["reachability"]["ssh"] == way.ssh
    connection.run(way, ["true"], timeout=20)
    assert sum("Accepted publickey" in line for line in sshd.log) == 1


def test_a_host_that_does_not_let_us_in_is_for_the_play(
    quiet_surroundings: None, sshd: Sshd, there: Program
) -> None:
    there.says(json.dumps(KEEP))
    way = connection.reach("box", [sshd.inventory(ansible_port=free_port())])
    assert kept(way) == {}
