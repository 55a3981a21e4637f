"""Folders for what isn't kept: they go, also those of a program that was killed."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandboxer_cli import folders

HOLDS = """
import signal
from sandboxer_cli import folders

with folders.short_lived() as folder:
    (folder / "left").write_text("something")
    print(folder, flush=True)
    signal.pause()
"""


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@contextmanager
def another() -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A program that has a folder, and that folder, as old as can be."""
    child = subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout
        folder = Path(child.stdout.readline().strip())
        os.utime(folder, (0, 0))
        yield folder, child
    finally:
        child.kill()
        child.communicate()


def come_and_go() -> None:
    with folders.short_lived() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_that_of_a_program_that_was_killed_goes_with_the_next() -> None:
    with another() as (folder, child):
        come_and_go()
        assert (folder / "left").exists(), "it was in use"
        child.kill()
        child.wait()
        come_and_go()
        assert not folder.exists()


def test_one_that_is_being_made_stays(base: Path) -> None:
    """There is a moment before it is locked."""
    (base / "sandboxer.tmp-abcdefgh").mkdir()
    come_and_go()
    assert [one.name for one in base.iterdir()] == ["sandboxer.tmp-abcdefgh"]


def test_nothing_else_goes(base: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    away = tmp_path_factory.mktemp("away")
    (base / "sandboxer").mkdir()
    (base / "sandboxer-10001234").mkdir()  # the lasting one of an account
    (base / "sandboxer-abcdefgh").mkdir()
    (base / "sandboxer.tmp-file_abc").touch()
    (base / "sandboxer.tmp-link_abc").symlink_to(away)
    before = sorted(base.iterdir())
    for path in before:
        os.utime(path, (0, 0), follow_symlinks=False)
    come_and_go()
    assert sorted(base.iterdir()) == before
    assert away.exists()


def test_without_locks_there_is_no_sweep(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On some file systems of a network."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    left = base / "sandboxer.tmp-abcdefgh"
    left.mkdir()
    os.utime(left, (0, 0))
    monkeypatch.setattr(fcntl, "flock", refuse)
    come_and_go()
    assert left.exists()


def test_what_can_not_be_listed_is_not_swept(base: Path) -> None:
    """As when the last login ends meanwhile."""
    with folders.short_lived():
        shutil.rmtree(base)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_nor_does_that_of_another_account(base: Path) -> None:
    theirs = base / "sandboxer.tmp-abcdefgh"
    theirs.mkdir()
    os.chown(theirs, 12345, -1)
    os.utime(theirs, (0, 0))
    come_and_go()
    assert theirs.exists()
