"""What runs below the engine, with fake runtimes; the real one is met in tests/faults."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import process, runtime
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError

ID = "0" * 64


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder by which a runtime called `fake` knows a container."""
    folder = tmp_path / "run" / "fake"
    (folder / ID).mkdir(parents=True)
    monkeypatch.setattr(runtime, "FOLDERS", (str(folder),))
    monkeypatch.setattr(runtime, "SECONDS", 0.3)
    monkeypatch.setattr(process, "_SBIN", (str(tmp_path),))  # where cron's PATH does not lead
    return folder / ID


def put_runtime(folder: Path, line: str) -> None:
    program = folder / "fake"
    program.write_text(f"#!/bin/sh\n{line}\n")
    program.chmod(0o755)


def test_a_runtime_ends_what_it_knows(known: Path, tmp_path: Path) -> None:
    put_runtime(tmp_path, f'[ "$*" = "delete --force {ID}" ] && rmdir {known}')
    runtime.end([ID])
    assert not known.exists()


@pytest.mark.parametrize("line", ["exit 0", "exit 1", "exec sleep 5"])
def test_what_a_runtime_does_not_end_is_residue(known: Path, tmp_path: Path, line: str) -> None:
    put_runtime(tmp_path, line)
    begin = time.monotonic()
    with pytest.raises(HostError) as failed:
        runtime.end([ID])
    assert failed.value.code == "residue"
    assert time.monotonic() - begin < 4


def test_a_runtime_that_there_is_not(known: Path) -> None:
    with pytest.raises(HostError) as failed:
        runtime.end([ID])
    assert (failed.value.code, "no fake" in str(failed.value)) == ("engine_missing", True)


def test_what_is_no_id_becomes_no_path(known: Path) -> None:
    runtime.end(["../fake", ""])
    assert known.exists()
