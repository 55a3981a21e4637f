"""The Ansible that waits for its play: it plays, or ends and leaves nothing."""

from __future__ import annotations

import importlib.resources
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import yaml

from sandboxer_cli import ansible_ahead, folders, runner
from sandboxer_cli._ansible_playbook import SOCKET
from sandboxer_cli._ansible_waiting import fits
from sandboxer_cli.errors import SandboxerError
from tests.unit.test_runner import children, ends

NAME = "_ansible_waiting"
WAITS = """
import signal
from sandboxer_cli import ansible_ahead

with ansible_ahead.begun():
    while {until}:
        pass
    print(ansible_ahead.folder(), flush=True)
    signal.pause()
"""
GIVES = """
- hosts: all
  gather_facts: false
  tasks:
  - ansible.builtin.command: "{{ command }}"
    when: command is defined
  - ansible.builtin.set_stats:
      data:
        sandboxer_result: "{{ given }}"
"""


@pytest.fixture(autouse=True)
def here(
    quiet_surroundings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    for name in ("home", "run", "here"):
        (tmp_path / name).mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.chdir(tmp_path / "here")
    Path("gives.yml").write_text(GIVES)
    yield tmp_path / "here"
    assert children(NAME) == []
    assert left(tmp_path) == []


def left(folder: Path) -> list[str]:
    return [path.name for path in (folder / "run").iterdir() if path.name != "sandboxer"]


def play(here: Path, **variables: object) -> runner.Outcome:
    wanted = runner.Play(str(here / "gives.yml"), "localhost", variables=variables)
    return runner.run(wanted, on_line=lambda line: None)


def waiting() -> int:
    """The one that waits, once it can be found."""
    folder = ansible_ahead.folder()
    assert folder is not None
    until = time.monotonic() + 60
    while not (folder / SOCKET).exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    [pid] = children(NAME)
    return pid


def test_one_that_nobody_needs_ends_and_leaves_nothing() -> None:
    with ansible_ahead.begun():
        pid = waiting()
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("until", ["False", "not ansible_ahead.is_warm()"], ids=["new", "warm"])
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name
)
def test_it_ends_with_the_program(tmp_path: Path, number: signal.Signals, until: str) -> None:
    """However that one ends."""
    program = subprocess.Popen(
        [sys.executable, "-c", WAITS.format(until=until)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert program.stdout
    folder = Path(program.stdout.readline().strip())
    assert folder.is_dir()
    [pid] = of_session_leader(program.pid)
    program.send_signal(number)
    program.wait()
    try:
        assert ends(pid), "it waits for ever"
    finally:
        subprocess.run(["kill", "-KILL", str(pid)], stderr=subprocess.DEVNULL, check=False)
    assert not folder.exists()


def of_session_leader(parent: int) -> list[int]:
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/stat")
        if path.read_text().rpartition(")")[2].split()[1] == str(parent)
    ]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Who plays: a process for each event."""
    found: list[int] = []
    take = runner._Watch.event

    def event(watch: runner._Watch, told: dict[str, object]) -> bool:
        done = take(watch, told)
        found.append(watch.pid)
        return done

    monkeypatch.setattr(runner._Watch, "event", event)
    return found


def test_the_first_play_is_handed_to_it(here: Path, seen: list[int]) -> None:
    given = {"text": "\u00e9 {{ x }}", "n": 1, "pid": 0}
    with ansible_ahead.begun():
        pid = waiting()
        assert play(here, given=given).results == {"localhost": given}
        assert {pid} == {one for one in seen if one}
        assert play(here, given="again").results == {"localhost": "again"}
        assert pid not in seen[-3:], "it was used twice"
    assert ends(pid)


@pytest.mark.parametrize("name", ["ANSIBLE_ROLES_PATH", "SOMETHING"])
def test_what_ansible_has_read_must_still_hold(
    here: Path, monkeypatch: pytest.MonkeyPatch, seen: list[int], name: str
) -> None:
    with ansible_ahead.begun():
        pid = waiting()
        monkeypatch.setenv(name, "elsewhere")
        command = f"test ${name} = elsewhere"
        assert play(here, given=1, command=f"sh -c '{command}'").results == {"localhost": 1}
        assert pid not in seen
        assert ends(pid)


@pytest.mark.parametrize(
    ("words", "changes", "folder", "fitting"),
    [
        ((), {}, "", True),
        ((), {"A": "2"}, "", False),
        ((), {"B": "1"}, "", False),
        ((), {"SANDBOXER_RESOLVED": "x", "AWX_ISOLATED_DATA_DIR": "y"}, "", True),
        (("-i", "hosts"), {"ANSIBLE_INVENTORY": "hosts"}, "", True),
        ((), {"ANSIBLE_INVENTORY": "hosts"}, "", False),
        ((), {}, "/elsewhere", False),
    ],
)
def test_what_fits(
    here: Path, words: tuple[str, ...], changes: dict[str, str], folder: str, fitting: bool
) -> None:
    begun_with = {"A": "1"}
    given = {
        "words": words,
        "environment": {**begun_with, **changes},
        "folder": folder or str(here),
    }
    assert fits(begun_with, given) == fitting


def test_a_play_that_is_killed_takes_it_along(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ansible-runner kills: whom it has started."""
    monkeypatch.setattr(runner, "GRACE", 0.2)
    monkeypatch.setattr(os, "kill", lambda pid, number: None)  # it is deaf to SIGINT
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    cancel = runner.Cancel()
    modules: list[str] = []

    def cancel_it() -> None:
        modules.append(alive.read_text().strip())
        cancel.request()

    Thread(target=cancel_it, daemon=True).start()
    variables = {"given": 1, "command": f"sh -c 'echo $$ >{alive}; exec sleep 40'"}
    wanted = runner.Play(str(here / "gives.yml"), "localhost", variables=variables)
    with ansible_ahead.begun():
        pid = waiting()
        begin = time.monotonic()
        with pytest.raises(SandboxerError):
            runner.run(wanted, on_line=lambda line: None, cancel=cancel)
        assert time.monotonic() - begin < 35, "it was played to its end"
        assert ends(pid)
    subprocess.run(["kill", "-KILL", *modules], check=True)  # which outlives a killed Ansible


def test_a_configuration_that_is_broken_is_said_by_the_play(here: Path) -> None:
    Path("ansible.cfg").write_text("[defaults]\nforks = many\n")
    with ansible_ahead.begun(), pytest.raises(SandboxerError, match="many"):
        play(here, given=1)


def routes() -> Path:
    return folders.private_directory() / "ansible-routes.json"


def test_what_ansible_reads_about_its_plugins_is_kept(here: Path) -> None:
    with ansible_ahead.begun():
        waiting()
        play(here, given=1)
    kept = json.loads(routes().read_text())
    said = importlib.resources.files("ansible.config").joinpath("ansible_builtin_runtime.yml")
    assert kept["routes"] == yaml.load(said.read_bytes(), yaml.BaseLoader)  # noqa: S506
    kept["routes"]["plugin_routing"]["modules"]["told"] = {"redirect": "ansible.builtin.command"}
    routes().write_text(json.dumps(kept))
    Path("gives.yml").write_text(GIVES.replace("builtin.command", "builtin.told"))
    with ansible_ahead.begun():
        waiting()
        assert play(here, given=1, command="true").results == {"localhost": 1}


@pytest.mark.parametrize("kept", ["", "[]", "{}", '{"digest": "of another", "routes": {}}'])
def test_what_is_kept_and_of_no_use_is_made_anew(here: Path, kept: str) -> None:
    routes().write_text(kept)
    with ansible_ahead.begun():
        waiting()
        assert play(here, given=1, command="true").results == {"localhost": 1}
    assert "plugin_routing" in json.loads(routes().read_text())["routes"]


def test_its_folder_is_ours_alone() -> None:
    with ansible_ahead.begun():
        folder = ansible_ahead.folder()
        assert folder is not None
        assert folder.stat().st_mode & 0o777 == 0o700


def test_none_is_begun_where_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere")
    with ansible_ahead.begun():
        assert ansible_ahead.folder() is None
        assert ansible_ahead.is_warm()
