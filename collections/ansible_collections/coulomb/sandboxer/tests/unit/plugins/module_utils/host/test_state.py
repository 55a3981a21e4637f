"""The state folder: atomic writes, and locks between processes that die."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import state as rooms
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 8))


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_what_is_written_is_read_and_nothing_else_stays(tmp_path: Path) -> None:
    path = str(tmp_path / "file.json")
    for value in ({"a": "\u00e4\n"}, [1, None], "x" * 100_000):
        rooms.write_json(path, value)
        assert rooms.read_json(path) == value
    assert names(tmp_path) == ["file.json"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_write_that_fails_leaves_the_old_content_and_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.mkdir()  # the rename will fail
    with pytest.raises(OSError, match="directory"):
        rooms.write_bytes(str(path), b"new")
    assert names(tmp_path) == ["file.json"]


def test_what_is_written_is_on_the_disk_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def synced(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        done.append("folder" if is_folder else "file")
        fsync(descriptor)

    def renamed(old: str, new: str) -> None:
        done.append("rename")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    rooms.write_json(str(tmp_path / "file.json"), {})
    assert done == ["file", "rename", "folder"]


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text('{"mine": 1}')
    (tmp_path / "file.json").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        rooms.read_json(str(tmp_path / "file.json"))
    rooms.write_json(str(tmp_path / "file.json"), {})
    assert (tmp_path / "precious").read_text() == '{"mine": 1}'
    assert rooms.read_json(str(tmp_path / "file.json")) == {}


def test_what_is_not_there_reads_as_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert rooms.read_json(str(tmp_path / "none")) is None
    assert rooms.read_json(str(tmp_path / "file" / "below")) is None


def test_a_link_as_root_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError):
        State(str(tmp_path / "root"), str(tmp_path / "srv")).prepare()
    assert names(tmp_path / "elsewhere") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_accounts_root_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    os.chown(tmp_path / "root", 12345, -1)
    with pytest.raises(HostError):
        State(str(tmp_path / "root"), str(tmp_path / "srv")).prepare()


def test_nobody_else_may_look_in(state: State) -> None:
    for folder in (state.root, state.sandboxes, state.programs):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_reading_makes_nothing(tmp_path: Path) -> None:
    untouched = State(str(tmp_path / "state"), str(tmp_path / "srv"))
    assert not untouched.exists()
    assert untouched.sandbox_ids() == []
    assert not untouched.is_working("sbx-a")
    assert names(tmp_path) == []


def test_is_working_writes_nothing(state: State, tmp_path: Path) -> None:
    before = names(tmp_path)
    assert not state.is_working("sbx-a")
    assert names(tmp_path) == before
    work = state.try_work_lock("sbx-a")
    assert work is not None
    before = names(tmp_path)
    assert state.is_working("sbx-a")
    os.close(work)
    assert not state.is_working("sbx-a")
    assert names(tmp_path) == before


WRITE = """
import os, sys
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import state
fsync = os.fsync

def wait(descriptor):
    print(descriptor, flush=True)
    sys.stdin.readline()
    fsync(descriptor)

os.fsync = wait
state.write_json(sys.argv[1], {})
"""


@pytest.mark.parametrize("killed", [True, False])
def test_only_what_a_killed_writer_left_is_swept(tmp_path: Path, killed: bool) -> None:
    (tmp_path / "notes.tmp").write_text("mine")
    (tmp_path / "notes.x.tmp").write_text("mine")
    child = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(tmp_path / "file.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()  # it is in the middle of it
        if killed:
            child.kill()
            child.wait()
        rooms.sweep(str(tmp_path))
        assert len(names(tmp_path)) == (2 if killed else 3)
        if not killed:
            child.communicate(b"\n\n")
    assert names(tmp_path) == [*([] if killed else ["file.json"]), "notes.tmp", "notes.x.tmp"]


HOLD = """
import sys
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State
state = State(sys.argv[1], "")
held = state.try_work_lock("sbx-a")
with state.host_lock(), state.record_lock("sbx-a"):
    print("held" if held is not None else "busy", flush=True)
    sys.stdin.read()
"""


def hold(state: State) -> Any:
    """Another process that holds every lock of a sandbox, and has said so."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, state.root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    return child


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_locks_exclude_other_processes_and_die_with_their_holder(
    state: State, end: signal.Signals
) -> None:
    with hold(state) as child:
        assert state.is_working("sbx-a")
        assert state.try_work_lock("sbx-a") is None
        assert not state.is_working("sbx-b")
        for name in ("host", "record-sbx-a", "work-sbx-a"):
            with pytest.raises(HostError) as failed, state._locked(name, 0.05):
                pass
            assert (failed.value.code, failed.value.retryable) == ("busy", True)
        child.send_signal(end)
        child.wait(10)
    assert not state.is_working("sbx-a")
    work = state.try_work_lock("sbx-a")
    assert work is not None
    os.close(work)
    with state.host_lock(), state.record_lock("sbx-a"):
        pass


def test_a_lock_is_waited_for(state: State) -> None:
    with hold(state) as child:
        threading.Timer(0.2, child.stdin.close).start()
        os.close(state.wait_work_lock("sbx-a", 10))


def test_locks_are_not_inherited_by_what_is_started(state: State) -> None:
    work = state.try_work_lock("sbx-a")
    assert work is not None
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False):
        os.close(work)
        assert not state.is_working("sbx-a")


def test_where_the_state_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SANDBOXER_STATE", str(tmp_path))
    assert State.of_account() == State(str(tmp_path / "state"), str(tmp_path / "srv"))
    monkeypatch.delenv("SANDBOXER_STATE")
    monkeypatch.setenv("HOME", "/home/somebody")
    for uid, wanted in (
        (0, State("/var/lib/sandboxer", "/srv/sandboxer")),
        (
            1000,
            State(
                "/home/somebody/.local/state/sandboxer",
                "/home/somebody/.local/state/sandboxer/srv",
            ),
        ),
    ):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        assert State.of_account() == wanted
