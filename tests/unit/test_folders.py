"""Folders for what isn't kept: they go, also those of a program that was killed."""

from __future__ import annotations

import os
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
    (base / "sandboxer-abcdefgh").mkdir()
    come_and_go()
    assert [one.name for one in base.iterdir()] == ["sandboxer-abcdefgh"]


def test_nothing_else_goes(base: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    away = tmp_path_factory.mktemp("away")
    (base / "sandboxer").mkdir()
    (base / "sandboxer-0").mkdir()
    (base / "sandboxer-corpus-abcdefgh").mkdir()
    (base / "sandboxer-file_abc").touch()
    (base / "sandboxer-link_abc").symlink_to(away)
    before = sorted(base.iterdir())
    for path in before:
        os.utime(path, (0, 0), follow_symlinks=False)
    come_and_go()
    assert sorted(base.iterdir()) == before
    assert away.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_nor_does_that_of_another_account(base: Path) -> None:
    theirs = base / "sandboxer-abcdefgh"
    theirs.mkdir()
    os.chown(theirs, 12345, -1)
    os.utime(theirs, (0, 0))
    come_and_go()
    assert theirs.exists()
